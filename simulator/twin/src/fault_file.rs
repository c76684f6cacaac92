//! Faults and quirks as TOML: `[[faults]]` of a scenario, and `quirks` of its `[stations]`.
//!
//! Instants are by the site's clocks (`2026-01-16T18:30`); `from` and `until` may be left out where a fault may last all
//! the time. `stations = ["P01"]` names stations, `permille = 300` draws so many by seed, neither means all.
//!
//! | `kind` | fields |
//! | --- | --- |
//! | `link_loss` | `stations` or `permille`, `from`, `until`, `noticed_after_s` (30) |
//! | `frame_loss` | `stations`, `permille` of frames, `from`, `until` |
//! | `frame_duplication` | `permille` of frames, `from`, `until` |
//! | `frame_delay` | `permille` of frames, `up_to_s`, `from`, `until` |
//! | `meter_loss`, `meter_freeze`, `meter_impossible`, `meter_zero` | `meter`, `from`, `until` |
//! | `station_reboot` | `station`, `at` |
//! | `station_clock` | `stations` or `permille`, `at`, `jump_s`, `drift_ppm` (0), `resyncs` (true) |
//! | `disobedience` | `stations` or `permille`, `from`, `until`, `how` = `ignores_limits` or `ignores_lower_limits` |
//! | `quirk` | `stations` or `permille`, `from`, `until`, `quirk` and its figure |
//! | `wrong_wiring` | `evse`, `wiring` |
//! | `power_cut` | `circuit`, `from`, `until` |
//! | `derating` | `circuit`, `rating_a`, `from`, `until` |
//! | `engine_crash` | `at`, `down_s` (5) |
//! | `crash_at_commits` | `every`, `from`, `down_s` (5) |
//! | `disk_full` | `from`, `until` |
//! | `wall_clock` | `at`, `ahead_s` or `to` |
//! | `nonsense_plans` | `every_s`, `from`, `until` |

use charging::network::{Network, SiteConfig, Wiring};
use plant::meter::MeterFault;
use plant::station::{ClockSync, Purpose, Quirk};
use units::civil::Zone;
use units::{Amperes, CircuitId, EvseId, MeterId, PerPhase, StationId, TimeSpan, Timestamp};

use crate::document::Section;
use crate::fault::{Fault, Span, StationSet};
use crate::scenario_file::read_civil;
use crate::site_file::SiteFile;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    LinkLoss,
    FrameLoss,
    FrameDuplication,
    FrameDelay,
    Meter(MeterFault),
    StationReboot,
    StationClock,
    Disobedience,
    Quirk,
    WrongWiring,
    PowerCut,
    Derating,
    EngineCrash,
    CrashAtCommits,
    DiskFull,
    WallClock,
    NonsensePlans,
}

const KINDS: [(&str, Kind); 20] = [
    ("link_loss", Kind::LinkLoss),
    ("frame_loss", Kind::FrameLoss),
    ("frame_duplication", Kind::FrameDuplication),
    ("frame_delay", Kind::FrameDelay),
    ("meter_loss", Kind::Meter(MeterFault::Silent)),
    ("meter_freeze", Kind::Meter(MeterFault::Frozen)),
    ("meter_impossible", Kind::Meter(MeterFault::Impossible)),
    ("meter_zero", Kind::Meter(MeterFault::Zero)),
    ("station_reboot", Kind::StationReboot),
    ("station_clock", Kind::StationClock),
    ("disobedience", Kind::Disobedience),
    ("quirk", Kind::Quirk),
    ("wrong_wiring", Kind::WrongWiring),
    ("power_cut", Kind::PowerCut),
    ("derating", Kind::Derating),
    ("engine_crash", Kind::EngineCrash),
    ("crash_at_commits", Kind::CrashAtCommits),
    ("disk_full", Kind::DiskFull),
    ("wall_clock", Kind::WallClock),
    ("nonsense_plans", Kind::NonsensePlans),
];

/// Reads one of `[[faults]]`. Without a site, since that is wrong, names are not judged.
pub(crate) fn read(section: &Section<'_>, site: Option<&SiteFile>, zone: &Zone) -> Option<Fault> {
    let Some(kind) = section.word("kind", &KINDS) else {
        section.skip_rest();
        return None;
    };
    let reader = Reader { section, config: site.map(|site| &site.config), zone };
    reader.read(kind)
}

/// Reads `quirks` of `[stations]`: an array of tables with `station` and `quirk`.
pub(crate) fn read_quirks(section: &Section<'_>, site: Option<&SiteFile>) -> Option<Vec<(StationId, Quirk)>> {
    let config = site.map(|site| &site.config);
    let utc = Zone::utc();
    let read = |section: &Section<'_>| {
        let reader = Reader { section, config, zone: &utc };
        let (station, quirk) = (reader.station("station"), reader.quirk());
        Some((station?, quirk?))
    };
    section.sections("quirks").iter().map(read).collect()
}

struct Reader<'a> {
    section: &'a Section<'a>,
    config: Option<&'a SiteConfig>,
    zone: &'a Zone,
}

impl Reader<'_> {
    fn read(&self, kind: Kind) -> Option<Fault> {
        match kind {
            Kind::LinkLoss => {
                let (stations, span) = (self.stations(), self.span());
                let noticed_after =
                    self.section.seconds("noticed_after_s").unwrap_or(TimeSpan::from_seconds(30));
                Some(Fault::LinkLoss { stations: stations?, span: span?, noticed_after })
            }
            Kind::FrameLoss => {
                let (stations, permille, span) = (self.named(), self.permille(), self.span());
                Some(Fault::FrameLoss { stations: stations?, permille: permille?, span: span? })
            }
            Kind::FrameDuplication => {
                let (permille, span) = (self.permille(), self.span());
                Some(Fault::FrameDuplication { permille: permille?, span: span? })
            }
            Kind::FrameDelay => {
                let (permille, span) = (self.permille(), self.span());
                let up_to = self.section.thousandths_required("up_to_s", "s", 1..=3_600_000);
                let up_to = TimeSpan::from_milliseconds(up_to?);
                Some(Fault::FrameDelay { permille: permille?, up_to, span: span? })
            }
            Kind::Meter(fault) => {
                let (meter, span) = (self.meter(), self.span());
                Some(Fault::Meter { meter: meter?, fault, span: span? })
            }
            Kind::StationReboot => {
                let (station, at) = (self.station("station"), self.instant("at"));
                Some(Fault::StationReboot { station: station?, at: at? })
            }
            Kind::StationClock => self.station_clock(),
            Kind::Disobedience => {
                let words = [
                    ("ignores_limits", Quirk::DisobeysLimits),
                    ("ignores_lower_limits", Quirk::IgnoresLowerLimits),
                ];
                let quirk = self.section.word("how", &words);
                let (stations, span) = (self.stations(), self.span());
                Some(Fault::Quirk { stations: stations?, quirk: quirk?, span: span? })
            }
            Kind::Quirk => {
                let (stations, span, quirk) = (self.stations(), self.span(), self.quirk());
                Some(Fault::Quirk { stations: stations?, quirk: quirk?, span: span? })
            }
            Kind::WrongWiring => self.wrong_wiring(),
            Kind::PowerCut => {
                let (circuit, span) = (self.circuit(), self.span());
                Some(Fault::PowerCut { circuit: circuit?, span: span? })
            }
            Kind::Derating => self.derating(),
            Kind::EngineCrash => {
                let at = self.instant("at");
                Some(Fault::EngineCrash { down: self.down(), at: at? })
            }
            Kind::CrashAtCommits => {
                let every = self.section.whole_required("every", 1..=1_000_000);
                let (from, down) = (self.instant("from"), self.down());
                Some(Fault::CrashAtCommits { every: u64::try_from(every?).ok()?, from: from?, down })
            }
            Kind::DiskFull => Some(Fault::DiskFull { span: self.span()? }),
            Kind::WallClock => self.wall_clock(),
            Kind::NonsensePlans => {
                let every = self.section.thousandths_required("every_s", "s", 1_000..=86_400_000);
                let span = self.span();
                Some(Fault::NonsensePlans { every: TimeSpan::from_milliseconds(every?), span: span? })
            }
        }
    }

    fn station_clock(&self) -> Option<Fault> {
        let (stations, at) = (self.stations(), self.instant("at"));
        let days_400 = 34_560_000_000;
        let jump = self.section.thousandths("jump_s", "s", -days_400..=days_400).unwrap_or(0);
        let drift_ppm = self.section.whole("drift_ppm", -100_000..=100_000, 0);
        let sync = if self.section.flag("resyncs", true) { ClockSync::ByAnswers } else { ClockSync::Never };
        let jump = TimeSpan::from_milliseconds(jump);
        Some(Fault::StationClock { stations: stations?, at: at?, jump, drift_ppm, sync })
    }

    /// The true wiring has as many terminals as the stated one: a wrong terminal is seen when it is fitted.
    fn wrong_wiring(&self) -> Option<Fault> {
        let evse = self.section.parsed::<EvseId>("evse", "station and EVSE number, such as `P01/1`");
        let wiring = self.section.parsed::<Wiring>("wiring", "the lines of its terminals, such as `L2L3L1`");
        let (evse, wiring) = (evse?, wiring?);
        if let Some(config) = self.config {
            match config.evses.iter().find(|stated| stated.id == evse) {
                None => self.section.report("evse", "no such EVSE at the site"),
                Some(stated) if stated.wiring.phases() != wiring.phases() => {
                    let remedy = format!("needs as many lines as the stated {}", stated.wiring);
                    self.section.report("wiring", remedy);
                }
                Some(_) => {}
            }
            let mut true_config = config.clone();
            for stated in true_config.evses.iter_mut().filter(|stated| stated.id == evse) {
                stated.wiring = wiring;
            }
            self.judge(true_config, "wiring");
        }
        Some(Fault::WrongWiring { evse, wiring })
    }

    /// A rating that the site's rules refuse would never be in force.
    fn derating(&self) -> Option<Fault> {
        let (circuit, span) = (self.circuit(), self.span());
        let rating = self.section.amperes_per_phase("rating_a", 1..=100_000_000);
        if !self.section.has("rating_a") {
            self.section.report("rating_a", "missing; what the circuit may carry per phase meanwhile, A");
        }
        let (circuit, rating) = (circuit?, rating?);
        if let Some(config) = self.config {
            self.judge(derated(config, &circuit, rating), "rating_a");
        }
        Some(Fault::Derating { circuit, rating, span: span? })
    }

    fn judge(&self, config: SiteConfig, key: &str) {
        if let Err(problems) = Network::build(config) {
            let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
            self.section.report(key, format!("the site's rules refuse it: {}", told.join("; ")));
        }
    }

    fn wall_clock(&self) -> Option<Fault> {
        let years_100 = 3_200_000_000_000;
        let at = self.instant("at");
        let ahead = self.section.thousandths("ahead_s", "s", -years_100..=years_100);
        let to = if self.section.has("to") { self.instant("to") } else { None };
        let ahead = match (ahead, to, at) {
            (Some(ahead), None, _) => TimeSpan::from_milliseconds(ahead),
            (None, Some(to), Some(at)) => to.since(at),
            (Some(_), Some(_), _) => {
                self.section.report("to", "either `ahead_s` or `to`, not both");
                return None;
            }
            (None, _, _) => {
                self.section.report("ahead_s", "missing; `ahead_s`, or `to` which clock time it jumps");
                return None;
            }
        };
        Some(Fault::WallClock { at: at?, ahead })
    }

    fn quirk(&self) -> Option<Quirk> {
        let amperes = |key: &str| {
            let milli = self.section.thousandths_required(key, "A", 0..=100_000_000);
            milli.map(Amperes::from_milliamperes)
        };
        Some(match self.section.word("quirk", &QUIRKS)? {
            QuirkKind::Plain(quirk) => quirk,
            QuirkKind::StuckAt => Quirk::StuckAt(amperes("current_a")?),
            QuirkKind::TransactionId => {
                Quirk::TransactionId(self.section.whole_required("transaction_id", i64::MIN..=i64::MAX)?)
            }
            QuirkKind::TimestampsWithoutZone => {
                let minutes = self.section.whole_required("minutes_east", -1_440..=1_440)?;
                Quirk::TimestampsWithoutZone { minutes_east: i32::try_from(minutes).ok()? }
            }
            QuirkKind::AnswersLate => {
                let delay = self.section.thousandths_required("delay_s", "s", 0..=3_600_000)?;
                Quirk::AnswersLate(TimeSpan::from_milliseconds(delay))
            }
            QuirkKind::RejectsPurpose => Quirk::RejectsPurpose(self.section.word("purpose", &PURPOSES)?),
        })
    }

    fn span(&self) -> Option<Span> {
        let from = if self.section.has("from") { self.instant("from")? } else { Timestamp::EPOCH };
        let until = if self.section.has("until") { self.instant("until")? } else { Timestamp::MAX };
        if until <= from {
            self.section.report("until", "must be after `from`");
            return None;
        }
        Some(Span { from, until })
    }

    fn instant(&self, key: &str) -> Option<Timestamp> {
        read_civil(self.section, key, self.zone)
    }

    fn down(&self) -> TimeSpan {
        self.section.seconds("down_s").unwrap_or(TimeSpan::from_seconds(5))
    }

    fn permille(&self) -> Option<u32> {
        self.section.whole_required("permille", 1..=1_000).and_then(|share| u32::try_from(share).ok())
    }

    /// `permille` of the stations, or those named, or all.
    fn stations(&self) -> Option<StationSet> {
        if self.section.has("permille") {
            return Some(StationSet::Permille(self.permille()?));
        }
        self.named()
    }

    fn named(&self) -> Option<StationSet> {
        if !self.section.has("stations") {
            return Some(StationSet::All);
        }
        let ids = self.section.required("stations", "an array of station ids", |value| {
            let ids = value.as_array()?.iter();
            ids.map(|id| id.as_str()?.parse::<StationId>().ok()).collect::<Option<Vec<_>>>()
        })?;
        for id in &ids {
            self.judge_station("stations", id);
        }
        Some(StationSet::Named(ids))
    }

    fn station(&self, key: &str) -> Option<StationId> {
        let id = self.section.parsed::<StationId>(key, "a station of the site")?;
        self.judge_station(key, &id);
        Some(id)
    }

    fn judge_station(&self, key: &str, id: &StationId) {
        if self.config.is_some_and(|config| !config.evses.iter().any(|evse| evse.id.station == *id)) {
            self.section.report(key, format!("no station {id} at the site"));
        }
    }

    fn meter(&self) -> Option<MeterId> {
        let id = self.section.parsed::<MeterId>("meter", "a meter of the site")?;
        if let Some(config) = self.config {
            let mut meters = config.circuits.iter().filter_map(|circuit| circuit.meter.as_ref());
            if !meters.any(|meter| meter.id == id) {
                self.section.report("meter", "no such meter at the site");
            }
        }
        Some(id)
    }

    fn circuit(&self) -> Option<CircuitId> {
        let id = self.section.parsed::<CircuitId>("circuit", "a circuit of the site")?;
        if self.config.is_some_and(|config| !config.circuits.iter().any(|circuit| circuit.id == id)) {
            self.section.report("circuit", "no such circuit at the site");
        }
        Some(id)
    }
}

/// A site with another rating of one circuit.
#[must_use]
pub(crate) fn derated(config: &SiteConfig, circuit: &CircuitId, rating: PerPhase<Amperes>) -> SiteConfig {
    let mut config = config.clone();
    for stated in config.circuits.iter_mut().filter(|stated| stated.id == *circuit) {
        stated.rating = rating;
    }
    config
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum QuirkKind {
    /// Without a figure.
    Plain(Quirk),
    StuckAt,
    TransactionId,
    TimestampsWithoutZone,
    AnswersLate,
    RejectsPurpose,
}

const QUIRKS: [(&str, QuirkKind); 19] = [
    ("forgets_profiles_on_reconnect", QuirkKind::Plain(Quirk::ForgetsProfilesOnReconnect)),
    ("holds_limit_while_offline", QuirkKind::Plain(Quirk::HoldsLimitWhileOffline)),
    ("disobeys_limits", QuirkKind::Plain(Quirk::DisobeysLimits)),
    ("ignores_lower_limits", QuirkKind::Plain(Quirk::IgnoresLowerLimits)),
    ("stuck_at", QuirkKind::StuckAt),
    ("ignores_resume_after_pause", QuirkKind::Plain(Quirk::IgnoresResumeAfterPause)),
    ("ignores_limit_after_pause", QuirkKind::Plain(Quirk::IgnoresLimitAfterPause)),
    ("hangs_at_zero", QuirkKind::Plain(Quirk::HangsAtZero)),
    ("no_boot_on_reconnect", QuirkKind::Plain(Quirk::NoBootOnReconnect)),
    ("duplicates_stop_transaction", QuirkKind::Plain(Quirk::DuplicatesStopTransaction)),
    ("meter_stop_one_below", QuirkKind::Plain(Quirk::MeterStopOneBelow)),
    ("meter_stop_unknown", QuirkKind::Plain(Quirk::MeterStopUnknown)),
    ("transaction_id", QuirkKind::TransactionId),
    ("timestamps_without_zone", QuirkKind::TimestampsWithoutZone),
    ("kilowatt_hours", QuirkKind::Plain(Quirk::KilowattHours)),
    ("kilowatt_hours_labelled_wh", QuirkKind::Plain(Quirk::KilowattHoursLabelledWh)),
    ("answers_late", QuirkKind::AnswersLate),
    ("never_answers", QuirkKind::Plain(Quirk::NeverAnswers)),
    ("rejects_purpose", QuirkKind::RejectsPurpose),
];

const PURPOSES: [(&str, Purpose); 3] = [
    ("charge_point_max", Purpose::ChargePointMaxProfile),
    ("tx_default", Purpose::TxDefaultProfile),
    ("tx", Purpose::TxProfile),
];

#[cfg(test)]
mod tests {
    use crate::sample;
    use crate::scenario_file::{Found, SeedChoice, load};

    /// One of each, as it may stand in a scenario.
    const EACH: &str = "
[[faults]]
kind = 'link_loss'
permille = 500
from = '2026-01-16T17:00'
until = '2026-01-16T18:00'
[[faults]]
kind = 'frame_loss'
permille = 100
[[faults]]
kind = 'frame_duplication'
permille = 100
[[faults]]
kind = 'frame_delay'
permille = 100
up_to_s = 3
until = '2026-01-16T18:00:30'
[[faults]]
kind = 'meter_freeze'
meter = 'main'
[[faults]]
kind = 'station_reboot'
station = 'P1'
at = '2026-01-16T18:30'
[[faults]]
kind = 'station_clock'
stations = ['P1', 'P2']
at = '2026-01-16T18:30'
jump_s = -3600
drift_ppm = 200
resyncs = false
[[faults]]
kind = 'disobedience'
stations = ['P1']
how = 'ignores_lower_limits'
from = '2026-01-16T17:00'
[[faults]]
kind = 'quirk'
stations = ['P4']
quirk = 'stuck_at'
current_a = 10
[[faults]]
kind = 'wrong_wiring'
evse = 'P1/1'
wiring = 'L3L1L2'
[[faults]]
kind = 'power_cut'
circuit = 'group'
from = '2026-01-16T17:00'
until = '2026-01-16T17:10'
[[faults]]
kind = 'derating'
circuit = 'main'
rating_a = 35
from = '2026-01-16T17:00'
until = '2026-01-16T18:00'
[[faults]]
kind = 'engine_crash'
at = '2026-01-16T17:00'
[[faults]]
kind = 'crash_at_commits'
every = 9
from = '2026-01-16T17:00'
[[faults]]
kind = 'disk_full'
from = '2026-01-16T17:00'
until = '2026-01-16T17:10'
[[faults]]
kind = 'wall_clock'
at = '2026-01-16T17:00'
to = '2036-01-16T17:00'
[[faults]]
kind = 'nonsense_plans'
every_s = 60
";

    #[test]
    fn every_kind_of_fault_can_be_written() {
        let scenario = sample::scenario_with(EACH);
        let names: Vec<&str> = scenario.faults.iter().map(super::Fault::name).collect();
        assert_eq!(names.len(), EACH.matches("[[faults]]").count(), "{names:?}");
        let ahead = scenario.faults.iter().find_map(|fault| {
            let super::Fault::WallClock { ahead, .. } = fault else { return None };
            Some(ahead.milliseconds() / 86_400_000)
        });
        assert_eq!(ahead, Some(3_652));
        let quirks = "[stations]\nquirks = [{ station = 'P1', quirk = 'answers_late', delay_s = 4 }]\n";
        assert_eq!(sample::scenario_with(quirks).stations.quirks.len(), 1);
    }

    #[test]
    fn what_a_fault_names_must_be_at_the_site_and_pass_its_rules() {
        for (from, to, told) in [
            ("meter = 'main'", "meter = 'mian'", "no such meter at the site"),
            ("station = 'P1'", "station = 'P9'", "no station P9 at the site"),
            ("circuit = 'group'", "circuit = 'grup'", "no such circuit at the site"),
            ("evse = 'P1/1'", "evse = 'P9/1'", "no such EVSE at the site"),
            ("wiring = 'L3L1L2'", "wiring = 'L3'", "needs as many lines as the stated L1L2L3"),
            ("rating_a = 35", "rating_a = 5", "the site's rules refuse it"),
            ("jump_s = -3600", "jump = -3600", "jump = -3600: unknown field"),
            ("until = '2026-01-16T17:10'", "until = '2026-01-16T16:10'", "must be after `from`"),
        ] {
            let text = format!("{}{}", sample::SCENARIO, EACH.replacen(from, to, 1));
            let found = Found { site: sample::SITE.to_owned(), ..Found::default() };
            let problems = load("small", "scenario.toml", &text, &found, SeedChoice::OfFile).unwrap_err();
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            assert!(lines.iter().any(|line| line.contains(told)), "{told} is not in {lines:#?}");
        }
    }
}
