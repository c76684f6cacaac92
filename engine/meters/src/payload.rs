//! Payloads of MQTT messages: JSON, with a pointer (RFC 6901) to each figure.

use charging::network::source::{Field, PayloadFields};
use serde_json::Value;
use units::{Amperes, PerPhase, Phase, ReportedAt, Timestamp};

use crate::figures::{Figure, Figures, THOUSANDTHS_MAX};

/// No payload of a meter is longer.
pub const PAYLOAD_BYTES_MAX: usize = 65_536;

/// What a payload tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Payload {
    /// Its figures.
    pub figures: Figures,
    /// When it says that they were measured.
    pub at: Option<ReportedAt>,
}

/// Why a payload tells nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPayload {
    /// It is too long.
    #[error("a payload of {0} bytes, more than {PAYLOAD_BYTES_MAX}")]
    TooLong(usize),
    /// It is not JSON.
    #[error("the payload is not JSON: {0}")]
    NotJson(String),
    /// Something stated in the site file is not there.
    #[error("nothing stands at `{pointer}` of the payload")]
    Absent {
        /// Where.
        pointer: String,
    },
    /// What is there is no number, or one that nothing has.
    #[error("`{value}` at `{pointer}` is no {wanted}")]
    Value {
        /// Where.
        pointer: String,
        /// What stands there.
        value: String,
        /// What should.
        wanted: &'static str,
    },
}

/// Reads a payload.
///
/// # Errors
///
/// Where something that the site file states is not there or cannot be.
pub fn read(fields: &PayloadFields, payload: &[u8]) -> Result<Payload, BadPayload> {
    if payload.len() > PAYLOAD_BYTES_MAX {
        return Err(BadPayload::TooLong(payload.len()));
    }
    let json: Value =
        serde_json::from_slice(payload).map_err(|error| BadPayload::NotJson(error.to_string()))?;
    let mut figures = Figures::default();
    let mut take = |stated: &Option<PerPhase<Field>>, figure: fn(Phase) -> Figure| {
        let mut fields = stated.iter().flat_map(PerPhase::iter);
        fields.try_for_each(|(phase, field)| {
            figures.set(figure(phase), thousandths(&json, field)?);
            Ok::<_, BadPayload>(())
        })
    };
    take(&fields.current, Figure::Current)?;
    take(&fields.voltage, Figure::Voltage)?;
    take(&fields.power, Figure::Power)?;
    for (stated, figure) in [(&fields.power_total, Figure::PowerTotal), (&fields.energy, Figure::Energy)] {
        if let Some(field) = stated {
            figures.set(figure, thousandths(&json, field)?);
        }
    }
    let at = fields.at.as_ref().map(|pointer| instant(&json, pointer)).transpose()?;
    Ok(Payload { figures, at })
}

fn thousandths(json: &Value, field: &Field) -> Result<i64, BadPayload> {
    let Field { pointer, scale } = field;
    let value = at(json, pointer)?;
    // Some print numbers as texts.
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let counted = text.parse::<Amperes>().ok().and_then(|count| count.milliamperes().checked_mul(*scale));
    let counted = counted.filter(|count| count.unsigned_abs() <= THOUSANDTHS_MAX.unsigned_abs());
    counted.ok_or_else(|| refused(pointer, value, "number that a meter shows"))
}

fn instant(json: &Value, pointer: &str) -> Result<ReportedAt, BadPayload> {
    let value = at(json, pointer)?;
    let of_number = || {
        let milliseconds = value.to_string().parse::<Amperes>().ok()?.milliamperes();
        Some(Timestamp::from_milliseconds(milliseconds))
    };
    let found = match value.as_str() {
        Some(text) => text.parse().ok(),
        None => of_number(),
    };
    found
        .map(ReportedAt)
        .ok_or_else(|| refused(pointer, value, "instant: RFC 3339 with its offset, or seconds since 1970"))
}

fn at<'a>(json: &'a Value, pointer: &str) -> Result<&'a Value, BadPayload> {
    json.pointer(pointer).ok_or_else(|| BadPayload::Absent { pointer: pointer.to_owned() })
}

fn refused(pointer: &str, value: &Value, wanted: &'static str) -> BadPayload {
    let value = value.to_string().chars().take(64).collect();
    BadPayload::Value { pointer: pointer.to_owned(), value, wanted }
}

#[cfg(test)]
mod tests {
    use units::{Volts, WattHours, Watts};

    use super::*;

    fn field(pointer: &str, scale: i64) -> Field {
        Field { pointer: pointer.to_owned(), scale }
    }

    fn fields() -> PayloadFields {
        let per_phase = |name: &str, scale| {
            let of = |letter: &str| field(&format!("/em:0/{letter}_{name}"), scale);
            Some(PerPhase::new(of("a"), of("b"), of("c")))
        };
        PayloadFields {
            current: per_phase("current", 1),
            voltage: per_phase("voltage", 1),
            power: per_phase("act_power", 1_000),
            power_total: None,
            energy: Some(field("/total", 1_000)),
            at: Some("/ts".to_owned()),
        }
    }

    const GOOD: &str = r#"{"em:0": {"a_current": 4.029, "a_voltage": 236.1, "a_act_power": 0.9517, "b_current": "4.027",
        "b_voltage": 236.2, "b_act_power": -1e-1, "c_current": 0, "c_voltage": 236, "c_act_power": 0}, "total": 1234.5, "ts": 1700000000.25}"#;

    #[test]
    fn a_payload_is_read_by_its_pointers_and_units() {
        let Payload { figures, at } = read(&fields(), GOOD.as_bytes()).unwrap();
        assert_eq!(figures.current.l1, Some(Amperes::from_milliamperes(4_029)));
        assert_eq!(figures.current.l2, Some(Amperes::from_milliamperes(4_027)), "a number as a text");
        assert_eq!(figures.voltage.l3, Some(Volts::from_volts(236)));
        assert_eq!(figures.power.l1, Some(Watts::from_watts(951)), "kW, to a thousandth");
        assert_eq!(figures.power.l2, Some(Watts::from_watts(-100)));
        assert_eq!(figures.energy, Some(WattHours::from_watt_hours(1_234_500)));
        assert_eq!(at.unwrap().0.milliseconds(), 1_700_000_000_250);
        let told = GOOD.replace("1700000000.25", "\"2026-01-31T19:30:00+02:00\"");
        assert_eq!(
            read(&fields(), told.as_bytes()).unwrap().at.unwrap().to_string(),
            "2026-01-31T17:30:00.000Z"
        );
    }

    #[test]
    fn what_is_amiss_in_a_payload_is_told_with_its_place() {
        let long = vec![b' '; PAYLOAD_BYTES_MAX + 1];
        for (payload, want) in [
            (GOOD.replace("a_current", "a_amps").into_bytes(), "nothing stands at `/em:0/a_current`"),
            (GOOD.replace("4.029", "null").into_bytes(), "`null` at `/em:0/a_current` is no number"),
            (GOOD.replace("4.029", "1e300").into_bytes(), "is no number that a meter shows"),
            (GOOD.replace("1234.5", "1e12").into_bytes(), "at `/total` is no number"),
            (
                GOOD.replace("1700000000.25", "\"2026-01-31T19:30:00\"").into_bytes(),
                "is no instant: RFC 3339",
            ),
            (b"offline".to_vec(), "the payload is not JSON"),
            (vec![0xFF, 0xFE], "the payload is not JSON"),
            (long, "a payload of 65537 bytes"),
        ] {
            let told = read(&fields(), &payload).unwrap_err().to_string();
            assert!(told.contains(want), "{told}");
        }
    }
}
