//! Telegrams of the P1 port of smart meters (DSMR P1 companion standard 5.0.2; the Finnish and Swedish HAN ports speak it).
//!
//! A telegram runs from `/` to `!`, followed by its checksum in four hexadecimal digits: CRC-16 with polynomial 0xA001
//! over all from `/` to `!`, both included. Each line between is an object: `1-0:31.7.0(001.2*A)`.

use units::Phase;

use crate::figures::{Figure, Figures, THOUSANDTHS_MAX};

/// A telegram is at most this long: the longest in the standard has some 1 500 bytes.
const TELEGRAM_BYTES_MAX: usize = 8_192;

/// One telegram, read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Telegram {
    /// What it tells.
    pub figures: Figures,
    /// When the meter says that it is, as printed: it moves on with every telegram.
    pub stamp: Option<String>,
}

/// Why bytes are no telegram.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTelegram {
    /// It goes on for too long.
    #[error("a telegram of more than {TELEGRAM_BYTES_MAX} bytes: is this a P1 port?")]
    TooLong,
    /// Nothing can be checked without it.
    #[error("no checksum after `!`: only DSMR 4 and later is read")]
    NoChecksum,
    /// Something was lost on the way.
    #[error(
        "the checksum is {stated:04X}, but {computed:04X} of what came: the cable or the adapter loses bytes"
    )]
    Checksum {
        /// As sent.
        stated: u16,
        /// Of what came.
        computed: u16,
    },
    /// An object that we read is not as the standard says.
    #[error("`{object}({value})` is not a number with unit {unit}")]
    Value {
        /// Which.
        object: String,
        /// What it says.
        value: String,
        /// What is expected.
        unit: &'static str,
    },
}

/// Cuts a stream of bytes into telegrams.
#[derive(Debug, Clone, Default)]
pub struct Reader {
    bytes: Vec<u8>,
}

impl Reader {
    /// Takes bytes as they came, in whatever pieces, and gives every telegram that they complete.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<Result<Telegram, BadTelegram>> {
        let mut found = Vec::new();
        for &byte in bytes {
            if byte == b'/' {
                // The begin of another: what went before was cut short, and said so by having no end.
                self.bytes.clear();
            } else if self.bytes.is_empty() {
                continue;
            }
            self.bytes.push(byte);
            if self.bytes.len() > TELEGRAM_BYTES_MAX {
                self.bytes.clear();
                found.push(Err(BadTelegram::TooLong));
            } else if byte == b'\n'
                && let Some(end) = self.bytes.iter().position(|byte| *byte == b'!')
            {
                let whole = std::mem::take(&mut self.bytes);
                let (telegram, checksum) = whole.split_at(end + 1);
                found.push(read(telegram, checksum));
            }
        }
        found
    }
}

fn read(telegram: &[u8], checksum: &[u8]) -> Result<Telegram, BadTelegram> {
    let stated = std::str::from_utf8(checksum).ok().map(str::trim).filter(|digits| digits.len() == 4);
    let stated = stated.and_then(|digits| u16::from_str_radix(digits, 16).ok());
    let stated = stated.ok_or(BadTelegram::NoChecksum)?;
    let computed = crc16(telegram);
    if stated != computed {
        return Err(BadTelegram::Checksum { stated, computed });
    }
    // What is not UTF-8 can only be a free text.
    let text = String::from_utf8_lossy(telegram);
    let mut objects = Objects::default();
    for line in text.lines() {
        objects.take(line)?;
    }
    Ok(objects.telegram())
}

/// What the objects say so far: power comes as two numbers, one of which is zero.
#[derive(Debug, Default)]
struct Objects {
    figures: Figures,
    stamp: Option<String>,
    exported: Vec<(Figure, i64)>,
}

impl Objects {
    fn take(&mut self, line: &str) -> Result<(), BadTelegram> {
        let Some((object, rest)) = line.split_once('(') else { return Ok(()) };
        // Of several values the last is the measured one.
        let value = rest.rsplit('(').next().unwrap_or(rest).trim_end().trim_end_matches(')');
        if object == "0-0:1.0.0" {
            self.stamp = Some(value.chars().take(32).collect());
            return Ok(());
        }
        let Some((figure, unit, flow)) = meaning(object) else { return Ok(()) };
        let refuse = || BadTelegram::Value {
            object: object.to_owned(),
            value: value.chars().take(32).collect(),
            unit: unit.name(),
        };
        let thousandths = unit.thousandths(value).ok_or_else(refuse)?;
        match flow {
            Flow::Import => self.figures.set(figure, thousandths),
            Flow::Export => self.exported.push((figure, thousandths)),
        }
        Ok(())
    }

    fn telegram(mut self) -> Telegram {
        for (figure, exported) in std::mem::take(&mut self.exported) {
            let imported = match figure {
                Figure::Power(phase) => self.figures.power[phase],
                Figure::PowerTotal => self.figures.power_total,
                Figure::Current(_) | Figure::Voltage(_) | Figure::Energy => None,
            };
            self.figures.set(figure, imported.map_or(0, units::Watts::milliwatts) - exported);
        }
        Telegram { figures: self.figures, stamp: self.stamp }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Import,
    Export,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Amperes,
    Volts,
    Kilowatts,
    KilowattHours,
}

impl Unit {
    const fn name(self) -> &'static str {
        match self {
            Self::Amperes => "A",
            Self::Volts => "V",
            Self::Kilowatts => "kW",
            Self::KilowattHours => "kWh",
        }
    }

    /// Thousandths of A, V, W or Wh. A current without decimals may be cut: up to an ampere more flows.
    fn thousandths(self, value: &str) -> Option<i64> {
        let (number, unit) = value.split_once('*')?;
        if unit != self.name() || number.starts_with(['-', '+']) {
            return None;
        }
        let thousandths = number.parse::<units::Amperes>().ok()?.milliamperes();
        let scaled = match self {
            Self::Amperes if !number.contains('.') => thousandths + 999,
            Self::Amperes | Self::Volts => thousandths,
            Self::Kilowatts | Self::KilowattHours => thousandths.checked_mul(1_000)?,
        };
        (scaled <= THOUSANDTHS_MAX).then_some(scaled)
    }
}

/// The objects that we read, by their OBIS codes.
fn meaning(object: &str) -> Option<(Figure, Unit, Flow)> {
    use Flow::{Export, Import};
    use Phase::{L1, L2, L3};
    Some(match object {
        "1-0:1.8.0" => (Figure::Energy, Unit::KilowattHours, Import),
        "1-0:1.7.0" => (Figure::PowerTotal, Unit::Kilowatts, Import),
        "1-0:2.7.0" => (Figure::PowerTotal, Unit::Kilowatts, Export),
        "1-0:21.7.0" => (Figure::Power(L1), Unit::Kilowatts, Import),
        "1-0:41.7.0" => (Figure::Power(L2), Unit::Kilowatts, Import),
        "1-0:61.7.0" => (Figure::Power(L3), Unit::Kilowatts, Import),
        "1-0:22.7.0" => (Figure::Power(L1), Unit::Kilowatts, Export),
        "1-0:42.7.0" => (Figure::Power(L2), Unit::Kilowatts, Export),
        "1-0:62.7.0" => (Figure::Power(L3), Unit::Kilowatts, Export),
        "1-0:31.7.0" => (Figure::Current(L1), Unit::Amperes, Import),
        "1-0:51.7.0" => (Figure::Current(L2), Unit::Amperes, Import),
        "1-0:71.7.0" => (Figure::Current(L3), Unit::Amperes, Import),
        "1-0:32.7.0" => (Figure::Voltage(L1), Unit::Volts, Import),
        "1-0:52.7.0" => (Figure::Voltage(L2), Unit::Volts, Import),
        "1-0:72.7.0" => (Figure::Voltage(L3), Unit::Volts, Import),
        _ => return None,
    })
}

/// The checksum of a telegram from `/` to `!`.
#[must_use]
pub fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xA001 } else { crc >> 1 })
    })
}

#[cfg(test)]
mod tests {
    use units::{Amperes, PerPhase, Volts, WattHours, Watts};

    use super::*;

    /// Objects as a Finnish meter sends them, every ten seconds.
    const LINES: &str = "/ADN9 6534\r\n\r\n0-0:1.0.0(240131174000W)\r\n1-0:1.8.0(00012345.678*kWh)\r\n\
        1-0:2.8.0(00000001.500*kWh)\r\n1-0:1.7.0(0004.400*kW)\r\n1-0:2.7.0(0000.000*kW)\r\n1-0:21.7.0(0003.300*kW)\r\n\
        1-0:22.7.0(0000.000*kW)\r\n1-0:41.7.0(0001.100*kW)\r\n1-0:42.7.0(0000.000*kW)\r\n1-0:61.7.0(0000.000*kW)\r\n\
        1-0:62.7.0(0000.460*kW)\r\n1-0:32.7.0(231.5*V)\r\n1-0:52.7.0(230.1*V)\r\n1-0:72.7.0(229.9*V)\r\n\
        1-0:31.7.0(014.3*A)\r\n1-0:51.7.0(004.9*A)\r\n1-0:71.7.0(002*A)\r\n!";

    fn sent(lines: &str) -> Vec<u8> {
        format!("{lines}{:04X}\r\n", crc16(lines.as_bytes())).into_bytes()
    }

    #[test]
    fn a_telegram_is_read_from_pieces_of_any_size() {
        let bytes: Vec<u8> = [b"half of one".to_vec(), sent(LINES), sent(LINES)].concat();
        for piece in [1, 7, 100, bytes.len()] {
            let mut reader = Reader::default();
            let found: Vec<_> = bytes.chunks(piece).flat_map(|piece| reader.take(piece)).collect();
            assert_eq!(found.len(), 2, "in pieces of {piece}");
            let telegram = found[1].clone().unwrap();
            assert_eq!(telegram.stamp.as_deref(), Some("240131174000W"));
            let want = Figures {
                current: PerPhase::new(14_300, 4_900, 2_999).map(Amperes::from_milliamperes).map(Some),
                voltage: PerPhase::new(231_500, 230_100, 229_900).map(Volts::from_millivolts).map(Some),
                power: PerPhase::new(3_300, 1_100, -460).map(Watts::from_watts).map(Some),
                power_total: Some(Watts::from_watts(4_400)),
                energy: Some(WattHours::from_watt_hours(12_345_678)),
            };
            assert_eq!(telegram.figures, want);
        }
    }

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        // CRC-16/ARC of the check string of the catalogue of CRCs.
        assert_eq!(crc16(b"123456789"), 0xBB3D);
    }

    #[test]
    fn what_is_not_a_telegram_is_told_and_the_next_one_is_read() {
        let garbled = [&sent(LINES)[..40], &sent(LINES)[41..]].concat();
        let foreign = sent(&LINES.replace("014.3*A", "014.3*mA"));
        let negative = sent(&LINES.replace("014.3*A", "-14.3*A"));
        let old = [LINES.as_bytes(), b"\r\n"].concat();
        let endless = [b"/".to_vec(), vec![b'x'; 9_000]].concat();
        for (bytes, want) in [
            (garbled, "loses bytes"),
            (foreign, "`1-0:31.7.0(014.3*mA)` is not a number with unit A"),
            (negative, "`1-0:31.7.0(-14.3*A)` is not a number with unit A"),
            (old, "no checksum after `!`"),
            (endless, "a telegram of more than 8192 bytes"),
        ] {
            let mut reader = Reader::default();
            let told = reader.take(&bytes).pop().unwrap().unwrap_err().to_string();
            assert!(told.contains(want), "{told}");
            assert!(reader.take(&sent(LINES))[0].is_ok(), "after: {want}");
        }
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let mut state = 1_u64;
        let mut reader = Reader::default();
        for _ in 0..200_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let byte = b"/!\n(*).:0123456789-kWhAV1"[usize::try_from(state >> 40).unwrap() % 25];
            reader.take(&[byte]);
        }
        assert!(reader.bytes.len() <= TELEGRAM_BYTES_MAX);
    }
}
