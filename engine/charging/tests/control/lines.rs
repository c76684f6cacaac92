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
    let evse: EvseId = "CP00/1".parse().unwrap();
    let mut told =
        Told::charging(Supply::Tn400, &[(&evse, Wiring::ThreePhase([Phase::L1, Phase::L2, Phase::L3]))]);
    for _ in 0..300 {
        let drawn = told.limit(&evse);
        told.step(PerPhase::splat(amperes(5) + drawn));
    }
    assert_eq!(told.limit(&evse), amperes(16));
    // Of 63 A less 4 % the base leaves 10 A, and 8 s later 6 A.
    told.is_reported = false;
    told.step(PerPhase::splat(amperes(50 + 16)));
    let first = told.limit(&evse);
    assert!((amperes(9)..=amperes(10)).contains(&first), "{first}");
    told.now += TimeSpan::from_seconds(7);
    told.step(PerPhase::splat(amperes(54) + first));
    assert_eq!(told.limit(&evse), amperes(6));
}

/// A site whose EVs draw what they are told.
struct Told {
    site: Site,
    now: Timestamp,
    limits: BTreeMap<EvseId, Amperes>,
    /// The stations measure each second.
    is_reported: bool,
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
        Self { site, now, limits, is_reported: true }
    }

    fn limit(&self, evse: &EvseId) -> Amperes {
        self.limits[evse]
    }

    /// A second passes; the meter shows `current`, and an EV draws what it was told, on its EVSE's first terminal or on all.
    fn step(&mut self, current: PerPhase<Amperes>) {
        self.now += TimeSpan::from_seconds(1);
        let (now, meter) = (self.now, "grid".parse().unwrap());
        self.site.apply(now, SiteEvent::GridReading { meter, taken_at: now, current });
        for (id, &drawn) in self.limits.iter().filter(|_| self.is_reported) {
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
