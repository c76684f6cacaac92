//! Modbus register maps: which figure stands where, in which type and unit. The maps are data, in `maps/`; every row names
//! the line of the maker's document that it was taken from.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use units::{Amperes, Phase};

use crate::figures::{Figure, Figures, THOUSANDTHS_MAX};

/// Some devices answer no more than this at once (Eastron: 30 parameters of two registers).
const REGISTERS_AT_ONCE: u16 = 60;

/// What a model keeps where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterMap {
    /// As a site file names it.
    pub model: String,
    /// Its name for people.
    pub name: String,
    /// The maker's document.
    pub document: String,
    /// By which function its registers are read.
    pub function: Function,
    /// By address.
    rows: Vec<Row>,
}

/// By which function registers are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Function {
    /// 3, read holding registers.
    Holding,
    /// 4, read input registers.
    Input,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    figure: Figure,
    address: u16,
    kind: Kind,
    /// Thousandths of A, V, W or Wh in one of the register's.
    scale: i64,
}

/// How registers hold a number; the high word comes first unless said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    I32,
    I32LowFirst,
    U32,
    I64,
    U64,
    F32,
    F64,
}

/// Registers to be read at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// The first, as it goes over the wire.
    pub start: u16,
    /// How many.
    pub count: u16,
}

/// Why registers are no figures.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRegisters {
    /// A device answered with another number of registers.
    #[error("{got} registers from {start}, where {count} were asked for")]
    Count {
        /// The first.
        start: u16,
        /// How many were asked for.
        count: u16,
        /// How many came.
        got: usize,
    },
    /// They hold no number, or one that nothing has.
    #[error("the registers from {address} hold {value}, which is no {figure:?}: is this a {name}?")]
    Value {
        /// The first.
        address: u16,
        /// As read.
        value: String,
        /// What should be there.
        figure: Figure,
        /// The model.
        name: String,
    },
}

/// All models, by name.
pub fn models() -> impl Iterator<Item = &'static RegisterMap> {
    MAPS.values()
}

/// The map of a model.
#[must_use]
pub fn model(name: &str) -> Option<&'static RegisterMap> {
    MAPS.get(name)
}

static MAPS: LazyLock<BTreeMap<String, RegisterMap>> = LazyLock::new(|| {
    let maps = [
        include_str!("../maps/abb_b23_b24.toml"),
        include_str!("../maps/carlo_gavazzi_em24.toml"),
        include_str!("../maps/carlo_gavazzi_em24_ethernet.toml"),
        include_str!("../maps/carlo_gavazzi_em340.toml"),
        include_str!("../maps/eastron_sdm630.toml"),
        include_str!("../maps/janitza_umg.toml"),
        include_str!("../maps/schneider_iem3000.toml"),
        include_str!("../maps/siemens_pac.toml"),
    ];
    maps.into_iter()
        .map(|text| {
            let map = RegisterMap::parse(text);
            assert!(map.is_ok(), "a map of ours is wrong: {map:?}");
            map.map_or_else(|_| unreachable!("asserted"), |map| (map.model.clone(), map))
        })
        .collect()
});

impl RegisterMap {
    /// Reads a map.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: MapFile = toml::from_str(text).map_err(|error| error.to_string())?;
        let mut rows = Vec::new();
        for row in &file.rows {
            if row.source.trim().is_empty() {
                return Err(format!("the row at {} names no source", row.address));
            }
            let figure = figure_of(&row.figure).ok_or_else(|| format!("`{}` is no figure", row.figure))?;
            let scale = scale_of(&row.unit, figure).ok_or_else(|| {
                format!("`{}` is no unit of {:?}: write it as `A` or `0.1 kWh`", row.unit, figure)
            })?;
            rows.push(Row { figure, address: row.address, kind: row.kind, scale });
        }
        rows.sort_by_key(|row| row.address);
        for pair in rows.windows(2) {
            if pair[0].address + pair[0].kind.registers() > pair[1].address {
                return Err(format!("the rows at {} and {} overlap", pair[0].address, pair[1].address));
            }
        }
        let has = |figure| rows.iter().any(|row| row.figure == figure);
        if let Some(phase) = Phase::ALL.into_iter().find(|phase| !has(Figure::Current(*phase))) {
            return Err(format!("it has no current of {phase}"));
        }
        let MapFile { model, name, document, function, .. } = file;
        Ok(Self { model, name, document, function, rows })
    }

    /// What to ask for: runs of rows that stand side by side, for some devices refuse to read across a gap.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        let mut requests: Vec<Request> = Vec::new();
        for row in &self.rows {
            let count = row.kind.registers();
            match requests.last_mut() {
                Some(run)
                    if run.start + run.count == row.address && run.count + count <= REGISTERS_AT_ONCE =>
                {
                    run.count += count;
                }
                Some(_) | None => requests.push(Request { start: row.address, count }),
            }
        }
        requests
    }

    /// Takes what a request was answered with into `figures`.
    ///
    /// # Errors
    ///
    /// Where it is not what the map says. What a device marks as not measured is left out.
    pub fn take(&self, request: Request, words: &[u16], figures: &mut Figures) -> Result<(), BadRegisters> {
        let Request { start, count } = request;
        if words.len() != usize::from(count) {
            return Err(BadRegisters::Count { start, count, got: words.len() });
        }
        for row in self.rows.iter().filter(|row| (start..start + count).contains(&row.address)) {
            let first = usize::from(row.address - start);
            let Some(own) = words.get(first..first + usize::from(row.kind.registers())) else { continue };
            let bytes: Vec<u8> = own.iter().flat_map(|word| word.to_be_bytes()).collect();
            match row.kind.read(&bytes) {
                Number::None => {}
                number @ (Number::Whole(_) | Number::Decimal(_)) => {
                    let thousandths = number.thousandths(row.scale).ok_or_else(|| BadRegisters::Value {
                        address: row.address,
                        value: number.text(),
                        figure: row.figure,
                        name: self.name.clone(),
                    })?;
                    figures.set(row.figure, thousandths);
                }
            }
        }
        Ok(())
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MapFile {
    model: String,
    name: String,
    document: String,
    function: Function,
    rows: Vec<MapRow>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MapRow {
    figure: String,
    address: u16,
    kind: Kind,
    unit: String,
    source: String,
}

fn figure_of(name: &str) -> Option<Figure> {
    let phase = |digit: &str| match digit {
        "l1" => Some(Phase::L1),
        "l2" => Some(Phase::L2),
        "l3" => Some(Phase::L3),
        _ => None,
    };
    match name.split_once('_') {
        Some(("current", line)) => phase(line).map(Figure::Current),
        Some(("voltage", line)) => phase(line).map(Figure::Voltage),
        Some(("power", "total")) => Some(Figure::PowerTotal),
        Some(("power", line)) => phase(line).map(Figure::Power),
        _ => (name == "energy").then_some(Figure::Energy),
    }
}

/// Thousandths of A, V, W or Wh in one of `unit`, such as `A`, `0.001 A` or `0.1 kWh`.
fn scale_of(unit: &str, figure: Figure) -> Option<i64> {
    let (count, symbol) = unit.split_once(' ').unwrap_or(("1", unit));
    let of_symbol = match (figure, symbol) {
        (Figure::Current(_), "A")
        | (Figure::Voltage(_), "V")
        | (Figure::Power(_) | Figure::PowerTotal, "W")
        | (Figure::Energy, "Wh") => 1,
        (Figure::Power(_) | Figure::PowerTotal, "kW") | (Figure::Energy, "kWh") => 1_000,
        _ => return None,
    };
    let thousandths = count.parse::<Amperes>().ok()?.milliamperes();
    (1..=1_000_000).contains(&thousandths).then_some(thousandths * of_symbol)
}

/// A number as registers hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Number {
    /// Not measured.
    None,
    Whole(i128),
    /// The decimal digits of a float.
    Decimal(String),
}

impl Number {
    fn thousandths(&self, scale: i64) -> Option<i64> {
        let found = match self {
            Self::None => return None,
            Self::Whole(count) => count.checked_mul(i128::from(scale))?,
            // Read to a thousandth of A, V, W; of kW and kWh to a thousandth, too.
            Self::Decimal(digits) => {
                i128::from(digits.parse::<Amperes>().ok()?.milliamperes()) * i128::from(scale) / 1_000
            }
        };
        i64::try_from(found).ok().filter(|found| found.unsigned_abs() <= THOUSANDTHS_MAX.unsigned_abs())
    }

    fn text(&self) -> String {
        match self {
            Self::None => "nothing".to_owned(),
            Self::Whole(count) => count.to_string(),
            Self::Decimal(digits) => digits.clone(),
        }
    }
}

impl Kind {
    const fn registers(self) -> u16 {
        match self {
            Self::I32 | Self::I32LowFirst | Self::U32 | Self::F32 => 2,
            Self::I64 | Self::U64 | Self::F64 => 4,
        }
    }

    /// What the bytes hold. The numbers at the ends of a kind, and a float that is none, stand for what is not measured.
    fn read(self, bytes: &[u8]) -> Number {
        let four = || <[u8; 4]>::try_from(bytes);
        let eight = || <[u8; 8]>::try_from(bytes);
        let i32_of = |number: i32| match number {
            i32::MIN | i32::MAX => Number::None,
            number => Number::Whole(number.into()),
        };
        let i64_of = |number: i64| match number {
            i64::MIN | i64::MAX => Number::None,
            number => Number::Whole(number.into()),
        };
        let found = match self {
            Self::I32 => four().map(i32::from_be_bytes).map(i32_of),
            Self::I32LowFirst => four().map(|[a, b, c, d]| i32_of(i32::from_be_bytes([c, d, a, b]))),
            Self::U32 => four().map(|bytes| match u32::from_be_bytes(bytes) {
                u32::MAX => Number::None,
                number => Number::Whole(number.into()),
            }),
            Self::I64 => eight().map(i64::from_be_bytes).map(i64_of),
            Self::U64 => eight().map(|bytes| match u64::from_be_bytes(bytes) {
                u64::MAX => Number::None,
                number => Number::Whole(number.into()),
            }),
            Self::F32 => four().map(|b| {
                let float = f32::from_be_bytes(b);
                if float.is_nan() { Number::None } else { Number::Decimal(format!("{float:.6}")) }
            }),
            Self::F64 => eight().map(|b| {
                let float = f64::from_be_bytes(b);
                if float.is_nan() { Number::None } else { Number::Decimal(format!("{float:.6}")) }
            }),
        };
        // The caller cut as many registers as the kind has.
        found.unwrap_or(Number::None)
    }
}

#[cfg(test)]
mod tests {
    use units::{Volts, WattHours, Watts};

    use super::*;

    /// The figures in registers of a model that hold `words` from `start` on, and nothing else.
    fn read(name: &str, start: u16, words: &[u16]) -> Result<Figures, BadRegisters> {
        let map = model(name).unwrap();
        let request = map.requests().into_iter().find(|request| request.start == start).unwrap();
        let mut figures = Figures::default();
        map.take(request, words, &mut figures).map(|()| figures)
    }

    fn words_of(float: f32) -> [u16; 2] {
        let [a, b, c, d] = float.to_be_bytes();
        [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])]
    }

    #[test]
    fn every_model_has_currents_powers_and_voltages_and_is_asked_in_few_requests() {
        let told: Vec<String> = models()
            .map(|map| {
                let requests = map.requests();
                let runs: Vec<String> =
                    requests.iter().map(|request| format!("{}+{}", request.start, request.count)).collect();
                assert_eq!(map.rows.iter().filter(|row| matches!(row.figure, Figure::Power(_))).count(), 3);
                assert_eq!(map.rows.iter().filter(|row| matches!(row.figure, Figure::Voltage(_))).count(), 3);
                format!("{}: {}", map.model, runs.join(" "))
            })
            .collect();
        assert_eq!(
            told,
            [
                "abb_b23_b24: 20480+4 23296+6 23308+6 23316+8",
                "carlo_gavazzi_em24: 0+6 12+12 40+2 66+2",
                "carlo_gavazzi_em24_ethernet: 0+6 12+12 40+2 52+2",
                "carlo_gavazzi_em340: 0+6 12+12 40+2 52+2",
                "eastron_sdm630: 0+18 52+2 72+2",
                "janitza_umg: 19000+6 19012+6 19020+8 19068+2",
                "schneider_iem3000: 2999+6 3027+6 3053+8 3203+4",
                "siemens_pac: 1+6 13+6 25+6 65+2",
            ]
        );
    }

    #[test]
    fn every_kind_of_register_is_read_in_its_unit() {
        let em24 = read(
            "carlo_gavazzi_em24",
            12,
            &[16_123, 0, 0, 0, 65_535, 65_535, 22_999, 0, 0, 0, 55_536, 65_535],
        );
        let em24 = em24.unwrap();
        assert_eq!(em24.current.l1, Some(Amperes::from_milliamperes(16_123)));
        assert_eq!(em24.current.l3, Some(Amperes::from_milliamperes(-1)), "low word first, signed");
        assert_eq!(em24.power.l1, Some(Watts::from_milliwatts(2_299_900)));
        assert_eq!(em24.power.l3, Some(Watts::from_watts(-1_000)));
        let abb = read("abb_b23_b24", 20_480, &[0, 0, 1, 2]).unwrap();
        assert_eq!(abb.energy, Some(WattHours::from_watt_hours(655_380)), "0.01 kWh");
        let abb = read("abb_b23_b24", 23_296, &[0, 2_301, 0, 0, 65_535, 65_535]).unwrap();
        assert_eq!(abb.voltage.l1, Some(Volts::from_millivolts(230_100)));
        assert_eq!(abb.voltage.l3, None, "all ones: not measured");
        let iem = [words_of(3.25), words_of(-0.5), words_of(0.0), words_of(2.75)].concat();
        let iem = read("schneider_iem3000", 3_053, &iem).unwrap();
        assert_eq!(iem.power.l2, Some(Watts::from_watts(-500)), "kW");
        assert_eq!(iem.power_total, Some(Watts::from_watts(2_750)));
        let iem = read("schneider_iem3000", 3_203, &[0, 1, 0, 0]).unwrap();
        assert_eq!(iem.energy, Some(WattHours::from_watt_hours(1 << 32)));
        let pac = [words_of(16.5), words_of(f32::NAN), words_of(0.001)].concat();
        let pac = read("siemens_pac", 13, &pac).unwrap();
        assert_eq!(pac.current.l1, Some(Amperes::from_milliamperes(16_500)));
        assert_eq!(pac.current.l2, None, "not a number: not measured");
        assert_eq!(pac.current.l3, Some(Amperes::from_milliamperes(1)));
    }

    #[test]
    fn what_a_device_answers_amiss_is_told() {
        let short = read("siemens_pac", 65, &[0]).unwrap_err();
        assert_eq!(short.to_string(), "1 registers from 65, where 2 were asked for");
        let infinite = read("siemens_pac", 65, &words_of(f32::INFINITY)).unwrap_err().to_string();
        assert!(infinite.contains("the registers from 65 hold inf, which is no PowerTotal"), "{infinite}");
        let huge = read("siemens_pac", 65, &words_of(f32::MAX)).unwrap_err().to_string();
        assert!(huge.contains("is this a Siemens SENTRON PAC2200"), "{huge}");
    }

    #[test]
    fn no_registers_make_it_panic() {
        let mut state = 1_u64;
        for map in models() {
            for _ in 0..2_000 {
                for request in map.requests() {
                    let words: Vec<u16> = (0..request.count)
                        .map(|_| {
                            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                            u16::try_from(state >> 48).unwrap()
                        })
                        .collect();
                    let mut figures = Figures::default();
                    if map.take(request, &words, &mut figures).is_ok() {
                        assert!(
                            figures
                                .energy
                                .is_none_or(|energy| energy.magnitude().milliwatt_hours() <= THOUSANDTHS_MAX)
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_map_with_a_mistake_says_where() {
        let row = |figure: &str, address: u16, unit: &str| {
            format!(
                "[[rows]]\nfigure = '{figure}'\naddress = {address}\nkind = 'f32'\nunit = '{unit}'\nsource = 'page 1'\n"
            )
        };
        let head = "model = 'm'\nname = 'M'\ndocument = 'd'\nfunction = 'input'\n";
        let currents =
            [row("current_l1", 0, "A"), row("current_l2", 2, "A"), row("current_l3", 4, "A")].concat();
        assert!(RegisterMap::parse(&format!("{head}{currents}")).is_ok());
        for (rows, want) in [
            (format!("{currents}{}", row("power_l1", 5, "W")), "the rows at 4 and 5 overlap"),
            (format!("{currents}{}", row("power_l4", 6, "W")), "`power_l4` is no figure"),
            (format!("{currents}{}", row("power_l1", 6, "A")), "`A` is no unit of Power(L1)"),
            (row("current_l1", 0, "A"), "it has no current of L2"),
            (currents.replace("page 1", " "), "names no source"),
        ] {
            let told = RegisterMap::parse(&format!("{head}{rows}")).unwrap_err();
            assert!(told.contains(want), "{told}");
        }
    }
}
