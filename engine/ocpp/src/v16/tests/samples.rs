//! Samples as quantities.

use proptest::prelude::*;
use units::{Amperes, Phase, Volts, WattHours, Watts};

use crate::v16::*;

fn sample(measurand: Option<Measurand>, value: &str, unit: Option<UnitOfMeasure>) -> SampledValue {
    SampledValue { value: value.to_owned(), measurand, unit, ..SampledValue::default() }
}

#[test]
fn units_are_applied_exactly() {
    use Measurand as M;
    use UnitOfMeasure as U;
    let energy = |value: &str, unit| sample(None, value, unit).as_energy().map(WattHours::milliwatt_hours);
    assert_eq!(energy("12272.427", Some(U::KilowattHours)), Some(12_272_427_000));
    assert_eq!(energy("0.000001", Some(U::KilowattHours)), Some(1), "to the milliwatt-hour");
    assert_eq!(energy("1.2e-3", Some(U::KilowattHours)), Some(1_200));
    assert_eq!(energy("702201.2", Some(U::WattHours)), Some(702_201_200));
    assert_eq!(energy(" 0.0", None), Some(0), "Wh is the default");
    assert_eq!(energy("-5", None), Some(-5_000));
    let current = sample(Some(M::CurrentImport), "2e+01", Some(U::Amperes));
    assert_eq!(current.as_current(), Some(Amperes::from_amperes(20)));
    let power = sample(Some(M::PowerActiveImport), "7.4", Some(U::Kilowatts));
    assert_eq!(power.as_power(), Some(Watts::from_watts(7_400)));
    let voltage = sample(Some(M::Voltage), "225.10", Some(U::Volts));
    assert_eq!(voltage.as_voltage(), Some(Volts::from_millivolts(225_100)));
}

#[test]
fn what_is_not_the_quantity_says_why() {
    use Measurand as M;
    use UnitOfMeasure as U;
    // Amperfied: power in V. Alfen: no measurand, which would be energy, in A.
    for (measurand, unit, asked) in [
        (Some(M::PowerActiveImport), U::Volts, "power"),
        (None, U::Amperes, "energy"),
        (Some(M::PowerActiveExport), U::WattHours, "power"),
        (Some(M::CurrentImport), U::Other("mA".to_owned()), "current"),
    ] {
        let sample = sample(measurand, "16", Some(unit.clone()));
        let fault = match asked {
            "power" => sample.power().unwrap_err(),
            "energy" => sample.energy().unwrap_err(),
            _ => sample.current().unwrap_err(),
        };
        assert_eq!(
            fault,
            SampleFault::ForeignUnit { measurand: sample.measurand().to_string(), unit: unit.to_string() }
        );
    }
    assert_eq!(sample(None, "", None).energy(), Err(SampleFault::Empty));
    assert_eq!(sample(None, "n/a", None).energy(), Err(SampleFault::NotAFigure { text: "n/a".to_owned() }));
    for odd in ["1e", "1e99", "e3", "1e2147483647", "NaN", "0x10", "1,5"] {
        for unit in [None, Some(U::KilowattHours)] {
            assert!(matches!(sample(None, odd, unit).energy(), Err(SampleFault::NotAFigure { .. })), "{odd}");
        }
    }
    let signed = SampledValue { format: Some(ValueFormat::SignedData), ..sample(None, "1", None) };
    assert_eq!(signed.energy(), Err(SampleFault::Signed));
    let other = sample(Some(M::Voltage), "230", None);
    assert_eq!(other.energy(), Err(SampleFault::OtherMeasurand { measurand: "Voltage".to_owned() }));
    assert!(other.is_unit_assumed());
    assert!(!sample(None, "1", None).is_unit_assumed(), "energy has a default unit");
}

#[test]
fn lines_are_told_whichever_way_they_are_named() {
    for (phase, line) in [
        (SamplePhase::L1, Some(Phase::L1)),
        (SamplePhase::L2N, Some(Phase::L2)),
        (SamplePhase::L3, Some(Phase::L3)),
        (SamplePhase::N, None),
        (SamplePhase::L1L2, None),
        (SamplePhase::Other("L4".to_owned()), None),
    ] {
        let sample = SampledValue { phase: Some(phase), ..SampledValue::default() };
        assert_eq!(sample.line(), line);
    }
}

#[test]
fn celsius_is_read_in_both_spellings() {
    assert_eq!(UnitOfMeasure::from("Celcius"), UnitOfMeasure::Celsius);
    assert_eq!(UnitOfMeasure::from("Hertz"), UnitOfMeasure::Other("Hertz".to_owned()));
}

proptest! {
    /// The reference: the figure as a count of millionths, all in integers.
    #[test]
    fn kilowatt_hours_become_milliwatt_hours_digit_for_digit(count in -1_000_000_000_000_i64..1_000_000_000_000) {
        let sign = if count < 0 { "-" } else { "" };
        let text = format!("{sign}{}.{:06}", count.abs() / 1_000_000, count.abs() % 1_000_000);
        let sample = sample(None, &text, Some(UnitOfMeasure::KilowattHours));
        prop_assert_eq!(sample.as_energy(), Some(WattHours::from_milliwatt_hours(count)));
    }
}
