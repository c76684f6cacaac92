//! A station's own mains meter is a circuit's meter, where the site file says so.

use charging::network::source::{MeterSource, MeterWay};
use units::Amperes;

use crate::query::{CircuitView, Query, QueryAnswer};
use crate::tests::{House, site};

/// A house whose main circuit is metered by CP2's connector 0.
fn house() -> House {
    let mut config = site(40, Some("main"));
    if let Some(meter) = &mut config.circuits[0].meter {
        meter.source = MeterSource {
            way: MeterWay::Station { station: "CP2".parse().unwrap() },
            ..MeterSource::default()
        };
    }
    let mut house = House::with(config);
    house.boot("CP2");
    house
}

fn values(house: &mut House, amperes: [i64; 3], more: &str) {
    let phases = ["L1", "L2", "L3"].iter().zip(amperes).map(|(phase, amperes)| {
        format!(r#"{{"value":"{amperes}","measurand":"Current.Import","phase":"{phase}","unit":"A"}}"#)
    });
    let sampled = phases.chain((!more.is_empty()).then(|| more.to_owned())).collect::<Vec<_>>().join(",");
    let at = house.now;
    let payload =
        format!(r#"{{"connectorId":0,"meterValue":[{{"timestamp":"{at}","sampledValue":[{sampled}]}}]}}"#);
    house.call("CP2", "MeterValues", &payload);
}

fn main_circuit(house: &mut House) -> CircuitView {
    match house.query(Query::Site("house".parse().unwrap())) {
        QueryAnswer::Site(Some(view)) => view.circuits[0].clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_stations_connector_0_is_the_meter_of_the_circuit_that_names_it() {
    let mut house = house();
    for _ in 0..3 {
        house.pass(5);
        values(&mut house, [12, 8, 9], "");
    }
    let circuit = main_circuit(&mut house);
    assert_eq!(circuit.metered.map(|metered| metered.l1), Some(Amperes::from_amperes(12)));
    assert!(!circuit.is_stale);
}

#[test]
fn s5_what_a_station_cannot_have_measured_makes_its_mains_meter_stale() {
    let kilowatts = r#"{"value":"2.7","measurand":"Power.Active.Import","phase":"L1","unit":"W"}"#;
    let back = r#"{"value":"-9","measurand":"Current.Import","phase":"L3","unit":"A"}"#;
    for nonsense in [kilowatts, back] {
        let mut house = house();
        for _ in 0..3 {
            house.pass(5);
            values(&mut house, [12, 8, 9], "");
        }
        house.pass(5);
        values(&mut house, [12, 8, 9], nonsense);
        assert!(main_circuit(&mut house).is_stale, "{nonsense}");
    }
}

#[test]
fn values_of_connector_0_that_tell_no_current_are_no_reading() {
    let mut house = house();
    for _ in 0..3 {
        house.pass(5);
        values(&mut house, [12, 8, 9], "");
    }
    let register = r#"{"value":"123456","measurand":"Energy.Active.Import.Register","unit":"Wh"}"#;
    let at = house.now;
    let payload =
        format!(r#"{{"connectorId":0,"meterValue":[{{"timestamp":"{at}","sampledValue":[{register}]}}]}}"#);
    house.call("CP2", "MeterValues", &payload);
    assert!(!main_circuit(&mut house).is_stale);
}

#[test]
fn a_station_that_no_circuit_names_meters_nothing() {
    let mut house = house();
    house.boot("CP1");
    let payload = format!(
        r#"{{"connectorId":0,"meterValue":[{{"timestamp":"{}","sampledValue":[{{"value":"5","measurand":"Current.Import","phase":"L1"}}]}}]}}"#,
        house.now
    );
    house.call("CP1", "MeterValues", &payload);
    assert_eq!(main_circuit(&mut house).metered, None);
}
