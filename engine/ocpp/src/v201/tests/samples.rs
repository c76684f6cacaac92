//! Samples as quantities.

use proptest::prelude::*;
use units::{Amperes, Phase, Volts, WattHours, Watts};

use super::json;
use crate::Figure;
use crate::v201::*;

fn sample(
    measurand: Option<Measurand>,
    value: &str,
    unit: Option<&str>,
    multiplier: Option<i64>,
) -> SampledValue {
    let unit_of_measure = (unit.is_some() || multiplier.is_some())
        .then(|| UnitOfMeasure { unit: unit.map(str::to_owned), multiplier: multiplier.map(Figure::from) });
    SampledValue { value: Figure::new(value), measurand, unit_of_measure, ..SampledValue::default() }
}

#[test]
fn units_and_powers_of_ten_are_applied_exactly() {
    use Measurand as M;
    for (value, unit, multiplier, milliwatt_hours) in [
        ("12272.427", Some("kWh"), None, 12_272_427_000),
        ("12272427", Some("Wh"), Some(0), 12_272_427_000),
        ("12272427", Some("kWh"), Some(-3), 12_272_427_000),
        ("1.2272427", Some("Wh"), Some(7), 12_272_427_000),
        ("1227242.7e1", None, None, 12_272_427_000),
        ("12272.427", None, Some(3), 12_272_427_000),
        ("0.000001", Some("kWh"), None, 1),
        ("702201.2", Some("wh"), None, 702_201_200),
        ("0.0", None, None, 0),
        ("-5", None, None, -5_000),
    ] {
        let energy = sample(None, value, unit, multiplier).energy();
        assert_eq!(
            energy,
            Ok(WattHours::from_milliwatt_hours(milliwatt_hours)),
            "{value} {unit:?} {multiplier:?}"
        );
    }
    let current = sample(Some(M::CurrentImport), "2e+01", Some("A"), None);
    assert_eq!(current.as_current(), Some(Amperes::from_amperes(20)));
    let power = sample(Some(M::PowerActiveImport), "7.4", Some("kW"), None);
    assert_eq!(power.as_power(), Some(Watts::from_watts(7_400)));
    let voltage = sample(Some(M::Voltage), "2251", Some("V"), Some(-1));
    assert_eq!(voltage.as_voltage(), Some(Volts::from_millivolts(225_100)));
}

#[test]
fn what_is_not_the_quantity_says_why() {
    use Measurand as M;
    let foreign = sample(Some(M::PowerActiveImport), "16", Some("V"), None).power().unwrap_err();
    assert_eq!(
        foreign,
        SampleFault::ForeignUnit { measurand: "Power.Active.Import".to_owned(), unit: "V".to_owned() }
    );
    let milliamperes = sample(Some(M::CurrentImport), "16000", Some("mA"), None);
    assert!(
        matches!(milliamperes.current(), Err(SampleFault::ForeignUnit { .. })),
        "a unit of its vendor's own"
    );
    let other = sample(Some(M::Voltage), "230", None, None).energy().unwrap_err();
    assert_eq!(other, SampleFault::OtherMeasurand { measurand: "Voltage".to_owned() });
    assert_eq!(sample(None, "", None, None).energy(), Err(SampleFault::Empty));
    for (value, multiplier) in
        [("n/a", None), ("1e99", None), ("1", Some(99)), ("1", Some(i64::MAX)), ("1,5", None)]
    {
        let fault = sample(None, value, Some("Wh"), multiplier).energy();
        assert!(matches!(fault, Err(SampleFault::NotAFigure { .. })), "{value} {multiplier:?}: {fault:?}");
    }
}

/// FIELD 4c 39: Autel's MaxiCharger sends power without a unit.
#[test]
fn a_unit_that_is_not_there_is_a_doubt_except_for_energy() {
    let power = sample(Some(Measurand::PowerActiveImport), "7400", None, None);
    assert_eq!(power.as_power(), Some(Watts::from_watts(7_400)));
    assert!(power.is_unit_assumed());
    assert!(sample(Some(Measurand::PowerActiveImport), "74", None, Some(2)).is_unit_assumed());
    assert!(!sample(None, "1", None, None).is_unit_assumed(), "energy has a default unit");
}

/// A figure whose power of ten cannot be read is another figure: it is left unread, and nothing is guessed.
#[test]
fn a_multiplier_that_cannot_be_read_spoils_the_figure() {
    for (multiplier, energy) in [
        ("3", Some(7_000_000)),
        ("\"3\"", Some(7_000_000)),
        ("null", Some(7_000)),
        ("\"kilo\"", None),
        ("1.5", None),
        ("{}", None),
        ("true", None),
    ] {
        let text = format!(
            r#"{{"evseId":1,"meterValue":[{{"timestamp":"2026-07-23T08:21:46Z","sampledValue":[{{"value":7,"unitOfMeasure":{{"unit":"Wh","multiplier":{multiplier}}}}}]}}]}}"#
        );
        let StationRequest::MeterValues(request) =
            StationRequest::decode("MeterValues", &json(&text)).unwrap().value
        else {
            panic!("{text}")
        };
        let sample = &request.meter_value[0].sampled_value[0];
        assert_eq!(sample.as_energy().map(WattHours::milliwatt_hours), energy, "{text}");
        let written = StationRequest::from(request.clone()).payload();
        assert_eq!(written.is_ok(), energy.is_some(), "{text}: {written:?}");
    }
}

#[test]
fn lines_are_told_whichever_way_they_are_named() {
    for (phase, line) in [
        (SamplePhase::L1, Some(Phase::L1)),
        (SamplePhase::L2N, Some(Phase::L2)),
        (SamplePhase::N, None),
        (SamplePhase::L3L1, None),
    ] {
        let sample = SampledValue { phase: Some(phase), ..SampledValue::default() };
        assert_eq!(sample.line(), line);
    }
}

proptest! {
    /// The reference: the figure as a count of millionths, all in integers.
    #[test]
    fn energies_become_milliwatt_hours_digit_for_digit(count in -1_000_000_000_000_i64..1_000_000_000_000, power in -3_i64..=3) {
        let sign = if count < 0 { "-" } else { "" };
        let text = format!("{sign}{}.{:06}", count.abs() / 1_000_000, count.abs() % 1_000_000);
        // Millionths of Wh times ten to the power: mWh have three digits less.
        let millionths = i128::from(count) * 10_i128.pow(u32::try_from(power + 3).unwrap());
        let expected = millionths / 1_000_000;
        let sample = sample(None, &text, Some("Wh"), Some(power));
        let energy = sample.as_energy().map(|energy| i128::from(energy.milliwatt_hours()));
        if millionths % 1_000_000 == 0 {
            prop_assert_eq!(energy, Some(expected));
        } else {
            prop_assert!(energy.is_some_and(|energy| (energy - expected).abs() <= 1), "{:?} for {}", energy, expected);
        }
    }
}
