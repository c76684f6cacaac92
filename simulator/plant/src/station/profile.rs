//! Charging profiles and how they merge (OCPP 1.6 part "Smart Charging", section 3.13; OCPP 2.0.1 part 2, K01).
//!
//! At an instant, of each purpose the profile with the highest stack level *that has an active period* leads. A leading
//! TxProfile overrides TxDefault; a TxDefault for the connector replaces that of connector 0 on the same stack level.
//! The result is capped by the leading ChargePointMax, of which each connector with a transaction has an equal share.
//! All instants here are those of the station's own clock.

use units::{Amperes, TimeSpan, Timestamp, Volts, Watts};

use super::ConnectorNumber;
use super::config::Purpose;

/// chargingProfileKind, with the period of recurring ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// From startSchedule.
    Absolute,
    /// From the start of the transaction.
    Relative,
    /// From startSchedule, again each day or week.
    Recurring(TimeSpan),
}

/// A limit in the unit it was sent in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// Per phase.
    Current(Amperes),
    /// Over all phases.
    Power(Watts),
}

/// chargingSchedulePeriod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// From the start of the schedule, not negative.
    pub start: TimeSpan,
    /// The limit.
    pub rate: Rate,
    /// numberPhases; 3 where none is given, by the standard.
    pub phases: i64,
}

/// chargingProfile as held by the station.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// chargingProfileId.
    pub id: i64,
    /// 0 is the whole station.
    pub connector: ConnectorNumber,
    /// Higher wins.
    pub stack_level: u32,
    /// What it is for.
    pub purpose: Purpose,
    /// What its schedule starts from.
    pub kind: Kind,
    /// Not before.
    pub valid_from: Option<Timestamp>,
    /// Not from here on.
    pub valid_to: Option<Timestamp>,
    /// startSchedule.
    pub start: Option<Timestamp>,
    /// How long the schedule lasts.
    pub duration: Option<TimeSpan>,
    /// In order of start; the first starts at 0.
    pub periods: Vec<Period>,
    /// When the station took it.
    pub received_at: Timestamp,
}

/// For which EVSE, and in which transaction, limits are asked.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// The connector, from 1.
    pub connector: ConnectorNumber,
    /// When its transaction started, where there is one.
    pub transaction_started: Option<Timestamp>,
    /// Terminals connected to the supply, 1 to 3.
    pub phases: i64,
    /// Line-to-neutral voltage.
    pub voltage: Volts,
    /// The hardware maximum.
    pub current_maximum: Amperes,
    /// Among how many connectors a cap of the station is shared, at least 1.
    pub sharers: i64,
}

/// The profiles of a station.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profiles {
    held: Vec<Profile>,
}

/// What ClearChargingProfile names; all empty is everything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filter {
    /// chargingProfileId; given, nothing else counts.
    pub id: Option<i64>,
    /// connectorId.
    pub connector: Option<ConnectorNumber>,
    /// Its purpose.
    pub purpose: Option<Purpose>,
    /// Its stack level.
    pub stack_level: Option<u32>,
}

impl Profiles {
    /// Installs a profile. One with the same id, or the same purpose, stack level and connector, is replaced.
    pub fn set(&mut self, profile: Profile) {
        self.held.retain(|held| !profile.replaces(held));
        self.held.push(profile);
    }

    /// Removes what `filter` names; tells how many.
    pub fn clear(&mut self, filter: Filter) -> usize {
        let before = self.held.len();
        self.held.retain(|held| !filter.names(held));
        before - self.held.len()
    }

    /// Keeps what `is_kept` says.
    pub fn retain(&mut self, is_kept: impl FnMut(&Profile) -> bool) {
        self.held.retain(is_kept);
    }

    /// Whether another profile has the place of `profile` under another id: OCPP 2.0.1 allows no two.
    pub fn has_other_in_place(&self, profile: &Profile) -> bool {
        self.held.iter().any(|held| held.id != profile.id && profile.replaces(held))
    }

    /// How many would be installed beside `profile`.
    pub fn count_beside(&self, profile: &Profile) -> usize {
        self.held.iter().filter(|held| !profile.replaces(held)).count()
    }

    /// The merged limit per phase at `at`, at most the hardware maximum; not yet on the pilot's step.
    pub fn limit_at(&self, at: Timestamp, context: &Context) -> Amperes {
        let cap = self
            .leading(at, context, Purpose::ChargePointMaxProfile)
            .map_or(context.current_maximum, |period| per_phase(period, context).div_floor(context.sharers));
        let own = self
            .leading(at, context, Purpose::TxProfile)
            .or_else(|| self.leading(at, context, Purpose::TxDefaultProfile))
            .map_or(context.current_maximum, |period| per_phase(period, context));
        own.min(cap).min(context.current_maximum).max(Amperes::ZERO)
    }

    /// The next instant after `at` at which the merged limit may change by the passing of time.
    pub fn next_boundary(&self, at: Timestamp, context: &Context) -> Option<Timestamp> {
        self.held
            .iter()
            .filter(|profile| profile.concerns(context))
            .flat_map(|profile| profile.boundaries(at, context))
            .filter(|boundary| *boundary > at)
            .min()
    }

    /// The merged limits from `at` on for `duration`: offsets and limits, a new one only where it changes.
    pub fn composite(
        &self,
        at: Timestamp,
        duration: TimeSpan,
        context: &Context,
    ) -> Vec<(TimeSpan, Amperes)> {
        let end = at + duration;
        let mut periods = vec![(TimeSpan::ZERO, self.limit_at(at, context))];
        let mut from = at;
        while let Some(boundary) = self.next_boundary(from, context).filter(|boundary| *boundary < end) {
            let limit = self.limit_at(boundary, context);
            if periods.last().is_none_or(|(_, last)| *last != limit) {
                periods.push((boundary.since(at), limit));
            }
            from = boundary;
        }
        periods
    }

    fn leading(&self, at: Timestamp, context: &Context, purpose: Purpose) -> Option<Period> {
        self.held
            .iter()
            .filter(|profile| profile.purpose == purpose && profile.concerns(context))
            .filter_map(|profile| {
                let period = profile.period_at(at, context)?;
                // On the same level the connector's own profile stands before that of connector 0.
                Some(((profile.stack_level, profile.connector > 0), period))
            })
            .max_by_key(|(rank, _)| *rank)
            .map(|(_, period)| period)
    }
}

impl Filter {
    fn names(self, profile: &Profile) -> bool {
        if let Some(id) = self.id {
            return profile.id == id;
        }
        self.connector.is_none_or(|connector| profile.connector == connector)
            && self.purpose.is_none_or(|purpose| profile.purpose == purpose)
            && self.stack_level.is_none_or(|level| profile.stack_level == level)
    }
}

impl Profile {
    fn replaces(&self, held: &Self) -> bool {
        held.id == self.id
            || (held.purpose, held.stack_level, held.connector)
                == (self.purpose, self.stack_level, self.connector)
    }

    fn concerns(&self, context: &Context) -> bool {
        match self.purpose {
            Purpose::ChargePointMaxProfile => true,
            Purpose::TxDefaultProfile => self.connector == 0 || self.connector == context.connector,
            Purpose::TxProfile => {
                self.connector == context.connector && context.transaction_started.is_some()
            }
        }
    }

    fn period_at(&self, at: Timestamp, context: &Context) -> Option<Period> {
        if self.valid_from.is_some_and(|from| at < from) || self.valid_to.is_some_and(|to| at >= to) {
            return None;
        }
        let elapsed = at.since(self.started(at, context)?);
        if elapsed < TimeSpan::ZERO || self.duration.is_some_and(|duration| elapsed >= duration) {
            return None;
        }
        self.periods.iter().rev().find(|period| period.start <= elapsed).copied()
    }

    /// When the run of the schedule that concerns `at` starts.
    fn started(&self, at: Timestamp, context: &Context) -> Option<Timestamp> {
        match self.kind {
            Kind::Absolute => self.start.or(context.transaction_started).or(Some(self.received_at)),
            Kind::Relative if self.purpose == Purpose::ChargePointMaxProfile => Some(self.received_at),
            // Time since the start is counted, not read from the clock: one set back does not undo it.
            Kind::Relative => Some(context.transaction_started.map_or(at, |started| started.min(at))),
            Kind::Recurring(every) => {
                let first = self.start.unwrap_or(self.received_at);
                let elapsed = at.since(first);
                if elapsed < TimeSpan::ZERO {
                    return None;
                }
                Some(first + every * (elapsed.milliseconds() / every.milliseconds()))
            }
        }
    }

    fn boundaries(&self, at: Timestamp, context: &Context) -> Vec<Timestamp> {
        let mut boundaries: Vec<_> =
            self.valid_from.into_iter().chain(self.valid_to).chain(self.start).collect();
        // Outside a transaction a schedule relative to it stays at its beginning.
        let is_without_clock = self.kind == Kind::Relative
            && self.purpose != Purpose::ChargePointMaxProfile
            && context.transaction_started.is_none();
        if let Some(started) = self.started(at, context).filter(|_| !is_without_clock) {
            boundaries.extend(self.duration.map(|duration| started + duration));
            boundaries.extend(self.periods.iter().map(|period| started + period.start));
            if let Kind::Recurring(every) = self.kind {
                boundaries.push(started + every);
            }
        }
        boundaries
    }
}

/// A limit in W is the total over the phases that the schedule states, of those the station has.
fn per_phase(period: Period, context: &Context) -> Amperes {
    match period.rate {
        Rate::Current(current) => current,
        Rate::Power(power) => {
            let phases = period.phases.min(context.phases).max(1);
            power.div_floor(phases).current_at_floor(context.voltage)
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::EPOCH + TimeSpan::from_seconds(second)
    }

    fn amperes(limit: i64) -> Rate {
        Rate::Current(Amperes::from_amperes(limit))
    }

    /// An absolute profile from second 0 with one period.
    fn profile(
        id: i64,
        purpose: Purpose,
        connector: ConnectorNumber,
        stack_level: u32,
        limit: i64,
    ) -> Profile {
        Profile {
            id,
            connector,
            stack_level,
            purpose,
            kind: Kind::Absolute,
            valid_from: None,
            valid_to: None,
            start: Some(at(0)),
            duration: None,
            periods: vec![Period { start: TimeSpan::ZERO, rate: amperes(limit), phases: 3 }],
            received_at: at(0),
        }
    }

    fn context(transaction_started: Option<i64>) -> Context {
        Context {
            connector: 1,
            transaction_started: transaction_started.map(at),
            phases: 3,
            voltage: Volts::from_volts(230),
            current_maximum: Amperes::from_amperes(32),
            sharers: 1,
        }
    }

    fn merged(profiles: &[Profile], second: i64, started: Option<i64>) -> i64 {
        let mut held = Profiles::default();
        for profile in profiles {
            held.set(profile.clone());
        }
        held.limit_at(at(second), &context(started)).milliamperes()
    }

    use Purpose::{ChargePointMaxProfile as Cap, TxDefaultProfile as Default, TxProfile as Tx};

    #[test]
    fn profiles_merge_as_the_standard_says() {
        let expired = |profile: Profile| Profile { duration: Some(TimeSpan::from_seconds(50)), ..profile };
        let valid = |profile: Profile, from, to| Profile {
            valid_from: Some(at(from)),
            valid_to: Some(at(to)),
            ..profile
        };
        let table: Vec<(&str, Vec<Profile>, Option<i64>, i64)> = vec![
            ("nothing installed is the hardware maximum", vec![], Some(0), 32),
            ("a TxDefault holds in a transaction", vec![profile(1, Default, 0, 0, 10)], Some(0), 10),
            ("and outside one", vec![profile(1, Default, 0, 0, 10)], None, 10),
            (
                "the connector's own TxDefault replaces that of connector 0 on the same level",
                vec![profile(1, Default, 1, 0, 14), profile(2, Default, 0, 0, 10)],
                Some(0),
                14,
            ),
            (
                "a higher level of connector 0 wins over the connector's own",
                vec![profile(1, Default, 1, 0, 14), profile(2, Default, 0, 1, 10)],
                Some(0),
                10,
            ),
            (
                "another connector's TxDefault does not count",
                vec![profile(1, Default, 2, 0, 10)],
                Some(0),
                32,
            ),
            (
                "a TxProfile overrides TxDefault, upwards as well",
                vec![profile(1, Default, 0, 5, 10), profile(2, Tx, 1, 0, 20)],
                Some(0),
                20,
            ),
            (
                "a TxProfile without a transaction does not count",
                vec![profile(1, Default, 0, 5, 10), profile(2, Tx, 1, 0, 20)],
                None,
                10,
            ),
            (
                "ChargePointMax caps a TxProfile",
                vec![profile(1, Cap, 0, 0, 8), profile(2, Tx, 1, 0, 20)],
                Some(0),
                8,
            ),
            (
                "ChargePointMax does not lift one",
                vec![profile(1, Cap, 0, 0, 25), profile(2, Tx, 1, 0, 20)],
                Some(0),
                20,
            ),
            (
                "the highest stack level wins, even if it allows more",
                vec![profile(1, Tx, 1, 1, 6), profile(2, Tx, 1, 3, 16), profile(3, Tx, 1, 2, 7)],
                Some(0),
                16,
            ),
            (
                "an expired schedule leaves the lead to the next level",
                vec![profile(1, Tx, 1, 1, 6), expired(profile(2, Tx, 1, 3, 16))],
                Some(0),
                6,
            ),
            (
                "an expired only TxProfile leaves the lead to TxDefault",
                vec![profile(1, Default, 0, 0, 9), expired(profile(2, Tx, 1, 3, 16))],
                Some(0),
                9,
            ),
            (
                "validTo is the first instant without it",
                vec![valid(profile(1, Tx, 1, 1, 6), 0, 100), profile(2, Default, 0, 0, 9)],
                Some(0),
                9,
            ),
            (
                "validFrom is the first with it",
                vec![valid(profile(1, Tx, 1, 1, 6), 100, 200), profile(2, Default, 0, 0, 9)],
                Some(0),
                6,
            ),
            (
                "a schedule that has not begun does not lead",
                vec![
                    Profile { start: Some(at(101)), ..profile(1, Tx, 1, 9, 6) },
                    profile(2, Default, 0, 0, 9),
                ],
                Some(0),
                9,
            ),
            (
                "the same id replaces, whatever the purpose",
                vec![profile(1, Default, 0, 0, 9), profile(1, Cap, 0, 0, 30)],
                Some(0),
                30,
            ),
            (
                "the same purpose, level and connector replaces",
                vec![profile(1, Tx, 1, 2, 9), profile(2, Tx, 1, 2, 12)],
                Some(0),
                12,
            ),
            ("nothing goes above the hardware maximum", vec![profile(1, Tx, 1, 2, 63)], Some(0), 32),
        ];
        for (name, profiles, started, expected) in table {
            assert_eq!(merged(&profiles, 100, started), expected * 1_000, "{name}");
        }
    }

    #[test]
    fn a_two_period_tx_profile_falls_to_its_second_period_by_itself() {
        let mut live = profile(1, Tx, 1, 1, 16);
        live.periods.push(Period { start: TimeSpan::from_seconds(300), rate: amperes(0), phases: 3 });
        assert_eq!(merged(&[live.clone()], 299, Some(0)), 16_000);
        assert_eq!(merged(&[live.clone()], 300, Some(0)), 0);
        assert_eq!(merged(&[live.clone()], 999_999, Some(0)), 0);
        let mut held = Profiles::default();
        held.set(live);
        assert_eq!(held.next_boundary(at(10), &context(Some(0))), Some(at(300)));
        assert_eq!(held.next_boundary(at(300), &context(Some(0))), None);
        let composite = held.composite(at(100), TimeSpan::from_seconds(1_000), &context(Some(0)));
        let expected =
            [(TimeSpan::ZERO, Amperes::from_amperes(16)), (TimeSpan::from_seconds(200), Amperes::ZERO)];
        assert_eq!(composite, expected);
    }

    #[test]
    fn relative_schedules_run_from_the_start_of_the_transaction_and_recurring_ones_again() {
        let mut relative = Profile { kind: Kind::Relative, start: None, ..profile(1, Default, 0, 0, 16) };
        relative.periods.push(Period { start: TimeSpan::from_seconds(60), rate: amperes(8), phases: 3 });
        assert_eq!(merged(&[relative.clone()], 1_059, Some(1_000)), 16_000);
        assert_eq!(merged(&[relative.clone()], 1_060, Some(1_000)), 8_000);
        assert_eq!(merged(&[relative], 5_000, None), 16_000);

        let day = TimeSpan::from_hours(24);
        let mut daily = Profile { kind: Kind::Recurring(day), ..profile(1, Default, 0, 0, 16) };
        daily.periods.push(Period { start: TimeSpan::from_hours(8), rate: amperes(6), phases: 3 });
        let hours = |hours: i64| hours * 3_600;
        for (hour, expected) in [(7, 16), (8, 6), (23, 6), (24, 16), (31, 16), (32, 6)] {
            assert_eq!(merged(&[daily.clone()], hours(hour), None), expected * 1_000, "hour {hour}");
        }
        let mut held = Profiles::default();
        held.set(daily);
        assert_eq!(held.next_boundary(at(hours(9)), &context(None)), Some(at(hours(24))));
    }

    #[test]
    fn a_limit_in_watts_is_shared_over_its_phases_and_a_cap_over_the_connectors() {
        let watts = |phases| {
            let mut profile = profile(1, Tx, 1, 0, 0);
            profile.periods[0] =
                Period { start: TimeSpan::ZERO, rate: Rate::Power(Watts::from_watts(6_900)), phases };
            profile
        };
        assert_eq!(merged(&[watts(3)], 0, Some(0)), 10_000);
        assert_eq!(merged(&[watts(1)], 0, Some(0)), 30_000);
        let mut held = Profiles::default();
        held.set(profile(1, Cap, 0, 0, 20));
        let two = Context { sharers: 2, ..context(Some(0)) };
        assert_eq!(held.limit_at(at(0), &two), Amperes::from_amperes(10));
    }

    #[test]
    fn random_profiles_change_only_at_their_boundaries() {
        for seed in 0..60_u64 {
            println!("seed {seed}");
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let mut held = Profiles::default();
            for id in 0..rng.random_range(1..8) {
                held.set(random_profile(id, &mut rng));
            }
            let context = context(rng.random_bool(0.7).then(|| rng.random_range(0..50)));
            let from = rng.random_range(50..100);
            let span = 300;
            // The naive way: ask each second, and keep what differs from the second before.
            let mut naive: Vec<(TimeSpan, Amperes)> = Vec::new();
            for second in 0..span {
                let limit = held.limit_at(at(from + second), &context);
                if naive.last().is_none_or(|(_, last)| *last != limit) {
                    naive.push((TimeSpan::from_seconds(second), limit));
                }
            }
            assert_eq!(held.composite(at(from), TimeSpan::from_seconds(span), &context), naive, "{held:?}");
        }
    }

    fn random_profile(id: i64, rng: &mut ChaCha8Rng) -> Profile {
        let purpose = [Cap, Default, Tx][rng.random_range(0..3)];
        let mut start = 0;
        let periods = (0..rng.random_range(1..4))
            .map(|index| {
                start += if index == 0 { 0 } else { rng.random_range(1..80) };
                let rate = amperes(rng.random_range(0..40));
                Period { start: TimeSpan::from_seconds(start), rate, phases: 3 }
            })
            .collect();
        let mut sometimes =
            |range: std::ops::Range<i64>| rng.random_bool(0.4).then(|| rng.random_range(range));
        let (valid_from, valid_to) = (sometimes(0..200).map(at), sometimes(100..400).map(at));
        let (schedule_start, duration) =
            (sometimes(0..250).map(at), sometimes(1..200).map(TimeSpan::from_seconds));
        Profile {
            kind: [Kind::Absolute, Kind::Relative, Kind::Recurring(TimeSpan::from_seconds(97))]
                [rng.random_range(0..3)],
            valid_from,
            valid_to,
            start: schedule_start,
            duration,
            periods,
            ..profile(id, purpose, if purpose == Cap { 0 } else { 1 }, rng.random_range(0..3), 0)
        }
    }

    #[test]
    fn clearing_removes_what_is_named_and_nothing_else() {
        let all = [profile(1, Cap, 0, 0, 20), profile(2, Default, 0, 1, 10), profile(3, Tx, 1, 1, 6)];
        let table = [
            (Filter { id: Some(3), purpose: Some(Cap), ..Filter::default() }, vec![1, 2]),
            (Filter { connector: Some(0), ..Filter::default() }, vec![3]),
            (Filter { stack_level: Some(1), ..Filter::default() }, vec![1]),
            (Filter { purpose: Some(Default), stack_level: Some(0), ..Filter::default() }, vec![1, 2, 3]),
            (Filter::default(), vec![]),
        ];
        for (filter, left) in table {
            let mut held = Profiles { held: all.to_vec() };
            assert_eq!(held.clear(filter), 3 - left.len(), "{filter:?}");
            assert_eq!(held.held.iter().map(|profile| profile.id).collect::<Vec<_>>(), left, "{filter:?}");
        }
    }
}
