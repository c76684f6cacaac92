//! What all versions of OCPP say alike of a measured value.

use std::str::FromStr;

use units::Phase;

use crate::figure::scaled;
use crate::words::words;

/// Why a sample is not the quantity asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SampleFault {
    /// It is a sample of something else.
    #[error("measures {measurand}")]
    OtherMeasurand {
        /// What it is a sample of.
        measurand: String,
    },
    /// Its unit does not belong to its measurand, such as power in V.
    #[error("{measurand} in {unit}")]
    ForeignUnit {
        /// What was measured.
        measurand: String,
        /// The unit it came with.
        unit: String,
    },
    /// The value is empty.
    #[error("no value")]
    Empty,
    /// The value is signed data, which only its own reader understands.
    #[error("signed data")]
    Signed,
    /// The value is no figure, or one beyond what we hold.
    #[error("`{text}` is not a figure")]
    NotAFigure {
        /// The value, cut at 64 characters.
        text: String,
    },
}

/// Kinds of quantities that have a type of their own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Energy,
    Power,
    Current,
    Voltage,
}

impl Kind {
    /// The power of ten from `unit`, in whatever case, to the kind's own unit; `None` where the unit is of another kind.
    pub(crate) fn exponent(self, unit: &str) -> Option<i32> {
        const UNITS: [(&str, Kind, i32); 6] = [
            ("Wh", Kind::Energy, 0),
            ("kWh", Kind::Energy, 3),
            ("W", Kind::Power, 0),
            ("kW", Kind::Power, 3),
            ("A", Kind::Current, 0),
            ("V", Kind::Voltage, 0),
        ];
        let (_, kind, exponent) = UNITS.into_iter().find(|(known, ..)| unit.eq_ignore_ascii_case(known))?;
        (kind == self).then_some(exponent)
    }
}

/// The figure `text` times ten to the power of `exponent`, exactly, to the thousandth.
pub(crate) fn quantity<T: FromStr>(text: &str, exponent: i32) -> Result<T, SampleFault> {
    let text = text.trim();
    if text.is_empty() {
        return Err(SampleFault::Empty);
    }
    scaled(text, exponent).ok_or_else(|| SampleFault::NotAFigure { text: text.chars().take(64).collect() })
}

words! {
    /// Why a value was measured.
    ReadingContext {
        /// At the start of an interruption.
        InterruptionBegin = "Interruption.Begin",
        /// At the end of an interruption.
        InterruptionEnd = "Interruption.End",
        /// For another reason.
        OtherContext = "Other",
        /// At a time of the clock.
        SampleClock = "Sample.Clock",
        /// At an interval within a transaction.
        SamplePeriodic = "Sample.Periodic",
        /// At the start of a transaction.
        TransactionBegin = "Transaction.Begin",
        /// At the end of a transaction.
        TransactionEnd = "Transaction.End",
        /// Because we asked.
        Trigger = "Trigger",
    }
}

words! {
    /// Between which conductors something is measured, at the station's terminals or its supply: that is learned.
    SamplePhase {
        /// L1.
        L1 = "L1",
        /// L2.
        L2 = "L2",
        /// L3.
        L3 = "L3",
        /// Neutral.
        N = "N",
        /// L1 to neutral.
        L1N = "L1-N",
        /// L2 to neutral.
        L2N = "L2-N",
        /// L3 to neutral.
        L3N = "L3-N",
        /// L1 to L2.
        L1L2 = "L1-L2",
        /// L2 to L3.
        L2L3 = "L2-L3",
        /// L3 to L1.
        L3L1 = "L3-L1",
    }
}

impl SamplePhase {
    /// The line, where it is a single one.
    #[must_use]
    pub const fn line(&self) -> Option<Phase> {
        match self {
            Self::L1 | Self::L1N => Some(Phase::L1),
            Self::L2 | Self::L2N => Some(Phase::L2),
            Self::L3 | Self::L3N => Some(Phase::L3),
            Self::N | Self::L1L2 | Self::L2L3 | Self::L3L1 | Self::Other(_) => None,
        }
    }
}

impl From<Phase> for SamplePhase {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::L1 => Self::L1,
            Phase::L2 => Self::L2,
            Phase::L3 => Self::L3,
        }
    }
}

words! {
    /// Where something is measured.
    Location {
        /// In the station's body.
        Body = "Body",
        /// At the cable.
        Cable = "Cable",
        /// In the EV.
        Ev = "EV",
        /// At the station's supply.
        Inlet = "Inlet",
        /// At the connector.
        Outlet = "Outlet",
    } since_v21 {
        /// Above the station.
        Upstream = "Upstream",
    }
}
