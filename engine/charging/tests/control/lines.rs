//! What flows on a line, where no report tells it: on IT 230 V the current of a one-phase EV on a three-phase EVSE flows
//! back on a line nobody tells, and what a shed has done shows only with the next report.

use super::*;

#[test]
fn s1_a_shed_counts_only_what_its_evse_draws_on_the_line_for_sure() {
    let (three, two): (EvseId, EvseId) = ("CP00/1".parse().unwrap(), "CP01/1".parse().unwrap());
    let wirings = [
        (&three, Wiring::ThreePhase([Phase::L1, Phase::L2, Phase::L3])),
        (&two, Wiring::LineToLine([Phase::L1, Phase::L2])),
    ];
    let mut told = Told::charging(Supply::It230, &wirings);
    // The one-phase EV draws back on L3, where nobody can know it.
    for second in 0..300 {
        let (base, of_l2) = (amperes(5), amperes(if second < 299 { 5 } else { 60 }));
        let [of_three, of_two] = [&three, &two].map(|id| told.limit(id));
        told.step(PerPhase { l1: base + of_three + of_two, l2: of_l2 + of_two, l3: base + of_three });
        if second == 298 {
            assert!(told.limits.values().all(|limit| *limit >= amperes(6)), "{:?}", told.limits);
        }
    }
    let is_nothing_left = told.limits.values().all(|limit| *limit == Amperes::ZERO);
    assert!(is_nothing_left, "60 A of base leave L2 nothing: {:?}", told.limits);
}

#[test]
fn s1_a_row_that_is_still_above_its_rating_is_shed_again_before_the_last_shed_is_reported() {
    let (evse, mut told) = Told::at_its_maximum();
    // Of 63 A less 4 % the base leaves 10 A, and 8 s later 6 A.
    told.silent.insert(evse.clone());
    told.step(PerPhase::splat(amperes(50 + 16)));
    let first = told.limit(&evse);
    assert!((amperes(9)..=amperes(10)).contains(&first), "{first}");
    told.now += TimeSpan::from_seconds(7);
    told.step(PerPhase::splat(amperes(54) + first));
    assert_eq!(told.limit(&evse), amperes(6));
}

#[test]
fn s1_after_a_restart_nobody_knows_on_which_lines_an_evse_draws_before_its_first_report() {
    let (one, three): (EvseId, EvseId) = ("CP00/1".parse().unwrap(), "CP01/1".parse().unwrap());
    let wirings = [
        (&one, Wiring::OnePhase(Phase::L1)),
        (&three, Wiring::ThreePhase([Phase::L1, Phase::L2, Phase::L3])),
    ];
    let mut told = Told::charging(Supply::Tn400, &wirings);
    told.silent.insert(three.clone());
    // The EV at the three-phase EVSE draws on L2 alone.
    let shown = |told: &Told, base| PerPhase {
        l1: amperes(base) + told.limit(&one),
        l2: amperes(5) + told.limit(&three),
        l3: amperes(5),
    };
    for second in 0..600 {
        let current = shown(&told, 5);
        told.step(current);
        if second == 300 {
            told.restart();
        }
    }
    assert_eq!([&one, &three].map(|id| told.limit(id)), [amperes(16); 2]);
    let current = shown(&told, 53);
    told.step(current);
    let now = shown(&told, 53);
    assert!(now.l1 <= amperes(63), "{} on L1 are not ended by the limits {:?}", now.l1, told.limits);
}

#[test]
fn s1_what_an_evse_drew_before_it_paused_makes_no_base_smaller_when_it_goes_on() {
    for pause in [EvState::SuspendedEv, EvState::SuspendedEvse, EvState::Connected, EvState::Faulted] {
        let (evse, mut told) = Told::at_its_maximum();
        // It pauses and nobody measures; the base load rises by what it drew.
        told.silent.insert(evse.clone());
        told.site.apply(told.now, SiteEvent::EvState(evse.clone(), pause));
        let base = PerPhase::splat(amperes(5 + 16));
        told.step(base);
        told.step(base);
        told.site.apply(told.now, SiteEvent::EvState(evse, EvState::Charging));
        let held = told.site.circuit_views(told.now).remove(0).base;
        let is_all_held = held.iter().all(|(_, held)| *held >= amperes(21));
        assert!(is_all_held, "after {pause:?}, of 21 A of base {held} is held true");
    }
}

/// A site whose EVs draw what they are told.
struct Told {
    site: Site,
    now: Timestamp,
    limits: BTreeMap<EvseId, Amperes>,
    /// Their stations do not measure each second, as all others do.
    silent: BTreeSet<EvseId>,
}

impl Told {
    /// An EV charges at each EVSE.
    fn charging(supply: Supply, wirings: &[(&EvseId, Wiring)]) -> Self {
        let now = Timestamp::from_milliseconds(1_767_225_600_000);
        let of = |&(id, wiring): &(&EvseId, Wiring)| {
            let mut evse = EvseConfig::new(id.clone(), "main".parse().unwrap(), wiring, amperes(16));
            (evse.is_fallback_proven, evse.fallback_survives_boot) = (true, true);
            evse
        };
        let circuit = CircuitConfig {
            id: "main".parse().unwrap(),
            name: "main".to_owned(),
            parent: None,
            rating: PerPhase::splat(amperes(63)),
            reserve: None,
            meter: Some(MeterConfig {
                id: "grid".parse().unwrap(),
                timeout: TimeSpan::from_seconds(30),
                accuracy_permille: 10,
                source: MeterSource::default(),
            }),
            worst_base: PerPhase::splat(amperes(20)),
            static_headroom: None,
        };
        let config = SiteConfig {
            id: "site".parse().unwrap(),
            name: "Site".to_owned(),
            zone: units::civil::Zone::utc(),
            supply,
            voltage_nominal: Volts::from_volts(230),
            circuits: vec![circuit],
            evses: wirings.iter().map(of).collect(),
            strategy: Strategy::default(),
        };
        let mut site = Site::new(Network::build(config).unwrap(), now);
        for (id, _) in wirings {
            let id = (*id).clone();
            site.apply(now, SiteEvent::LinkUp(id.station.clone()));
            site.apply(now, SiteEvent::Clock(id.station.clone(), ExpiryTrust::Trusted));
            site.apply(now, SiteEvent::StartAllowed(id.clone()));
            site.apply(now, SiteEvent::TransactionStarted(id.clone()));
            site.apply(now, SiteEvent::EvState(id, EvState::Charging));
        }
        let limits = wirings.iter().map(|(id, _)| ((*id).clone(), Amperes::ZERO)).collect();
        Self { site, now, limits, silent: BTreeSet::new() }
    }

    /// A three-phase EV has charged for five minutes beside 5 A of base load.
    fn at_its_maximum() -> (EvseId, Self) {
        let evse: EvseId = "CP00/1".parse().unwrap();
        let wiring = Wiring::ThreePhase([Phase::L1, Phase::L2, Phase::L3]);
        let mut told = Self::charging(Supply::Tn400, &[(&evse, wiring)]);
        for _ in 0..300 {
            let drawn = told.limit(&evse);
            told.step(PerPhase::splat(amperes(5) + drawn));
        }
        assert_eq!(told.limit(&evse), amperes(16));
        (evse, told)
    }

    fn limit(&self, evse: &EvseId) -> Amperes {
        self.limits[evse]
    }

    fn restart(&mut self) {
        let records = self.site.take_changed().map(|(id, record)| (id.clone(), record.clone())).collect();
        self.site = Site::new(self.site.network().clone(), self.now);
        self.site.restore(self.now, records);
        for id in self.limits.keys() {
            self.site.apply(self.now, SiteEvent::LinkUp(id.station.clone()));
            self.site.apply(self.now, SiteEvent::Clock(id.station.clone(), ExpiryTrust::Trusted));
        }
    }

    /// A second passes; the meter shows `current`, and an EV draws what it was told, on its EVSE's first terminal or on all.
    fn step(&mut self, current: PerPhase<Amperes>) {
        self.now += TimeSpan::from_seconds(1);
        let (now, meter) = (self.now, "grid".parse().unwrap());
        self.site.apply(now, SiteEvent::GridReading { meter, taken_at: now, current });
        for (id, &drawn) in self.limits.iter().filter(|(id, _)| !self.silent.contains(*id)) {
            let others = Some(if self.limits.len() == 1 { drawn } else { Amperes::ZERO });
            let current = PerPhase { l1: Some(drawn), l2: others, l3: others };
            let measurement = Measurement { taken_at: now, current, offered: Some(drawn) };
            self.site.apply(now, SiteEvent::Measured(id.clone(), measurement));
        }
        for command in self.site.decide(now) {
            if let CommandKind::SetLive { limit, .. } = command.kind {
                self.limits.insert(command.evse, limit);
            }
            self.site.apply(now, SiteEvent::Answered(command.ticket, DispatchAnswer::Accepted));
        }
    }
}

const fn amperes(count: i64) -> Amperes {
    Amperes::from_amperes(count)
}
