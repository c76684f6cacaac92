//! Lines of IT 230 V, where the current of a one-phase EV on a three-phase EVSE flows back on a line nobody tells.

use super::*;

#[test]
fn s1_a_shed_counts_only_what_its_evse_draws_on_the_line_for_sure() {
    let (three, two): (EvseId, EvseId) = ("CP00/1".parse().unwrap(), "CP01/1".parse().unwrap());
    let amperes = Amperes::from_amperes;
    let of = |id: &EvseId, wiring| {
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
        supply: Supply::It230,
        voltage_nominal: Volts::from_volts(230),
        circuits: vec![circuit],
        evses: vec![
            of(&three, Wiring::ThreePhase([Phase::L1, Phase::L2, Phase::L3])),
            of(&two, Wiring::LineToLine([Phase::L1, Phase::L2])),
        ],
    };
    let mut now = Timestamp::from_milliseconds(1_767_225_600_000);
    let mut site = Site::new(Network::build(config).unwrap(), now);
    for id in [&three, &two] {
        site.apply(now, SiteEvent::LinkUp(id.station.clone()));
        site.apply(now, SiteEvent::Clock(id.station.clone(), ExpiryTrust::Trusted));
        site.apply(now, SiteEvent::StartAllowed(id.clone()));
        site.apply(now, SiteEvent::TransactionStarted(id.clone()));
        site.apply(now, SiteEvent::EvState(id.clone(), EvState::Charging));
    }
    // Each is told what it may have, and draws it: the one-phase EV back on L3, where nobody can know it.
    let mut told: BTreeMap<EvseId, Amperes> = BTreeMap::new();
    for second in 0..300 {
        now += TimeSpan::from_seconds(1);
        let (base, of_l2) = (amperes(5), amperes(if second < 299 { 5 } else { 60 }));
        let [of_three, of_two] = [&three, &two].map(|id| told.get(id).copied().unwrap_or_default());
        let current = PerPhase { l1: base + of_three + of_two, l2: of_l2 + of_two, l3: base + of_three };
        site.apply(now, SiteEvent::GridReading { meter: "grid".parse().unwrap(), taken_at: now, current });
        for (id, drawn) in [(&three, of_three), (&two, of_two)] {
            let nothing = Some(Amperes::ZERO);
            let current = PerPhase { l1: Some(drawn), l2: nothing, l3: nothing };
            let measurement = Measurement { taken_at: now, current, offered: Some(drawn) };
            site.apply(now, SiteEvent::Measured(id.clone(), measurement));
        }
        for command in site.decide(now) {
            if let CommandKind::SetLive { limit, .. } = command.kind {
                told.insert(command.evse, limit);
            }
            site.apply(now, SiteEvent::Answered(command.ticket, DispatchAnswer::Accepted));
        }
        if second == 298 {
            assert!(told.values().all(|limit| *limit >= amperes(6)), "{told:?}");
        }
    }
    assert!(told.values().all(|limit| *limit == Amperes::ZERO), "60 A of base leave L2 nothing: {told:?}");
}
