//! Doubtful CDRs: held, visible, resolved by a person with a reason. Only what is [`Billable`] can be priced.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use units::civil::CivilMonth;
use units::{CdrId, TariffId, TimeSpan, Timestamp, WattHours};

use crate::cdr::{Cdr, Doubt, Driver, RegisterCurve, RegisterReading, Suggestion};

/// A CDR that is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which CDR.
    pub cdr: CdrId,
    /// Why; never empty.
    pub doubts: Vec<Doubt>,
    /// Since when.
    pub raised_at: Timestamp,
}

impl Finding {
    /// The finding of a CDR, if it must be held.
    #[must_use]
    pub fn of(cdr: &Cdr, raised_at: Timestamp) -> Option<Self> {
        let doubts = match Billable::sealed(cdr) {
            Ok(_) => return None,
            Err(_) if !cdr.doubts.is_empty() => cdr.doubts.clone(),
            Err(doubt) => vec![doubt],
        };
        Some(Self { cdr: cdr.id, doubts, raised_at })
    }

    /// What would usually resolve it, one per doubt.
    pub fn suggestions(&self) -> impl Iterator<Item = Suggestion> {
        self.doubts.iter().map(Doubt::suggestion)
    }
}

/// How a person resolved a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// Which CDR.
    pub cdr: CdrId,
    /// Who decided.
    pub decided_by: String,
    /// When; the month of this instant bills the CDR.
    pub decided_at: Timestamp,
    /// Why; never empty.
    pub reason: String,
    /// What was decided.
    pub decision: Decision,
}

/// What becomes of a held CDR.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Bill it; an empty correction bills it as it was registered.
    BillAsCorrected(Correction),
    /// Never bill it. It bears no fees.
    WriteOff,
}

/// What is billed in place of what was sealed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Correction {
    /// All registers, with their true instants; none: as sealed.
    pub readings: Option<Vec<RegisterReading>>,
    /// Who pays; none: as sealed.
    pub driver: Option<Driver>,
    /// The tariff; none: as sealed.
    pub tariff: Option<TariffId>,
}

/// Why a resolution cannot stand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolutionRefusal {
    /// It speaks of another CDR.
    #[error("the resolution is for CDR {resolved}, not {held}")]
    AnotherCdr {
        /// The CDR that is held.
        held: CdrId,
        /// The CDR that the resolution names.
        resolved: CdrId,
    },
    /// Nobody needs to decide: the CDR has no doubt.
    #[error("CDR {cdr} has no doubt to resolve")]
    NothingToResolve {
        /// The CDR.
        cdr: CdrId,
    },
    /// No reason was given.
    #[error("the resolution of CDR {cdr} has no reason")]
    NoReason {
        /// The CDR.
        cdr: CdrId,
    },
    /// What would be billed is still doubtful.
    #[error("CDR {cdr} is still in doubt: {doubt}")]
    StillInDoubt {
        /// The CDR.
        cdr: CdrId,
        /// The doubt.
        doubt: Doubt,
    },
}

/// What a resolution comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved<'a> {
    /// To be priced.
    Billable(Billable<'a>),
    /// Written off, with the reason in the resolution.
    WrittenOff,
}

impl Resolution {
    /// Applies the decision to the CDR it is about.
    ///
    /// # Errors
    ///
    /// Where it cannot stand: a correction is held to the register rule as well.
    pub fn apply<'a>(&self, cdr: &'a Cdr) -> Result<Resolved<'a>, ResolutionRefusal> {
        if self.cdr != cdr.id {
            return Err(ResolutionRefusal::AnotherCdr { held: cdr.id, resolved: self.cdr });
        }
        if Billable::sealed(cdr).is_ok() {
            return Err(ResolutionRefusal::NothingToResolve { cdr: cdr.id });
        }
        if self.reason.trim().is_empty() {
            return Err(ResolutionRefusal::NoReason { cdr: cdr.id });
        }
        match &self.decision {
            Decision::WriteOff => Ok(Resolved::WrittenOff),
            Decision::BillAsCorrected(correction) => {
                Billable::new(cdr, correction, cdr.zone.month(self.decided_at))
                    .map(Resolved::Billable)
                    .map_err(|doubt| ResolutionRefusal::StillInDoubt { cdr: cdr.id, doubt })
            }
        }
    }
}

/// A CDR that may be priced: free of doubt, or released by a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Billable<'a> {
    pub(crate) cdr: &'a Cdr,
    pub(crate) driver: Driver,
    pub(crate) tariff: TariffId,
    pub(crate) readings: Vec<RegisterReading>,
    pub(crate) curve: RegisterCurve,
    month: CivilMonth,
}

impl<'a> Billable<'a> {
    /// What spans more than a year of registers is a broken clock, which a person corrects and cannot wave through.
    pub const SPAN_LIMIT: TimeSpan = TimeSpan::from_hours(366 * 24);

    /// A CDR without doubt, in the site-local month of its end.
    ///
    /// # Errors
    ///
    /// The first doubt.
    pub fn sealed(cdr: &'a Cdr) -> Result<Self, Doubt> {
        match cdr.doubts.first() {
            Some(doubt) => Err(doubt.clone()),
            None => Self::new(cdr, &Correction::default(), cdr.zone.month(cdr.stopped_at)),
        }
    }

    /// The same, billed in `month` at the earliest: for a CDR that was sealed after its own month was closed.
    #[must_use]
    pub fn not_before(mut self, month: CivilMonth) -> Self {
        self.month = self.month.max(month);
        self
    }

    /// The CDR.
    #[must_use]
    pub const fn cdr(&self) -> &'a Cdr {
        self.cdr
    }

    /// The tariff that prices it.
    #[must_use]
    pub const fn tariff(&self) -> &TariffId {
        &self.tariff
    }

    /// The month that bills it.
    #[must_use]
    pub const fn month(&self) -> CivilMonth {
        self.month
    }

    /// M2: end register less start register. Never negative.
    #[must_use]
    pub fn energy(&self) -> WattHours {
        self.curve.end().register - self.curve.begin().register
    }

    fn new(cdr: &'a Cdr, correction: &Correction, month: CivilMonth) -> Result<Self, Doubt> {
        let readings = correction.readings.as_ref().unwrap_or(&cdr.readings).clone();
        let driver = correction.driver.as_ref().unwrap_or(&cdr.driver).clone();
        if driver == Driver::Unknown {
            return Err(Doubt::UnknownDriver { token: cdr.token.clone() });
        }
        let tariff = correction.tariff.as_ref().or(cdr.tariff.as_ref()).ok_or(Doubt::NoTariff)?.clone();
        let curve = RegisterCurve::new(&readings)?;
        let duration = curve.end().at.since(curve.begin().at);
        if duration > Self::SPAN_LIMIT {
            return Err(Doubt::TooLong { duration, limit: Self::SPAN_LIMIT });
        }
        Ok(Self { cdr, driver, tariff, readings, curve, month })
    }
}

/// M1 broken: what the audit of a set of sealed CDRs shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum M1Breach {
    /// Neither billed, nor written off, nor held.
    #[error("CDR {cdr} is lost: neither billed nor written off nor held")]
    Lost {
        /// The CDR.
        cdr: CdrId,
    },
    /// More than one fate.
    #[error("CDR {cdr} has {count} fates: a CDR is billed once or written off")]
    Twice {
        /// The CDR.
        cdr: CdrId,
        /// How many.
        count: usize,
    },
    /// Billed or written off without ever being sealed.
    #[error("CDR {cdr} was never sealed")]
    NeverSealed {
        /// The CDR.
        cdr: CdrId,
    },
}

/// What has become of a CDR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// On an invoice or receipt.
    Billed,
    /// Written off with a reason.
    WrittenOff,
    /// Held as an open finding.
    Held,
}

/// M1: each sealed CDR has exactly one fate. `fates` holds one item per invoice line, write-off and open finding.
pub fn audit_fates(
    sealed: impl IntoIterator<Item = CdrId>,
    fates: impl IntoIterator<Item = (CdrId, Fate)>,
) -> Vec<M1Breach> {
    let mut counts: BTreeMap<CdrId, (usize, usize)> = BTreeMap::new();
    for cdr in sealed {
        counts.entry(cdr).or_default().0 += 1;
    }
    for (cdr, _) in fates {
        counts.entry(cdr).or_default().1 += 1;
    }
    counts
        .into_iter()
        .filter_map(|(cdr, fates_of_sealed)| match fates_of_sealed {
            (0, _) => Some(M1Breach::NeverSealed { cdr }),
            (_, 0) => Some(M1Breach::Lost { cdr }),
            (1, 1) => None,
            (_, count) => Some(M1Breach::Twice { cdr, count }),
        })
        .collect()
}
