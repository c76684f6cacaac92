//! How a circuit's meter is read, as a site file states it. Without `source` its readings are posted to the API.
//!
//! ```toml
//! source = { kind = "modbus", address = "192.168.1.20", model = "eastron_sdm630", unit = 1, every_s = 2 }
//! source = { kind = "p1", address = "192.168.1.21:8088" }
//! source = { kind = "station", station = "P01" }        # its connector 0, or EVSE 0
//!
//! [circuits.meter.source]
//! kind = "mqtt"
//! address = "192.168.1.5:1883"
//! topic = "shellypro3em/status/em:0"
//! user = "wattery"                                      # optional, with `secret`:
//! secret = "broker"                                     # the file of that name in the data directory's `secrets`
//! current_a = ["/a_current", "/b_current", "/c_current"]         # JSON pointers; each figure in the unit of its key:
//! power_w = ["/a_act_power", "/b_act_power", "/c_act_power"]     # or power_kw
//! voltage_v = ["/a_voltage", "/b_voltage", "/c_voltage"]
//! # power_total_w or power_total_kw, energy_wh or energy_kwh (the register of import), at (when it was measured)
//!
//! # of every source:
//! import_is = "positive"                                # or "negative": the meter counts the other way around
//! exports = false                                       # true where something below the meter generates
//! power_factor = 0.9                                    # the least, where currents are derived from power
//! ```

use charging::network::source::{
    Address, Export, Field, ImportSign, Login, MeterSource, MeterWay, ModbusSource, MqttSource, P1Source,
    PayloadFields,
};
use charging::network::{CircuitConfig, EvseConfig, Supply};
use units::{PerPhase, StationId, TimeSpan};

use crate::document::Section;

const MQTT_PORT: u16 = 1_883;
const MODBUS_PORT: u16 = 502;

#[derive(Debug, Clone, Copy)]
enum Kind {
    Posted,
    Mqtt,
    Modbus,
    P1,
    Station,
}

/// Reads a source. None where it has a mistake.
pub(crate) fn read(section: &Section<'_>) -> Option<MeterSource> {
    let kinds = [
        ("posted", Kind::Posted),
        ("mqtt", Kind::Mqtt),
        ("modbus", Kind::Modbus),
        ("p1", Kind::P1),
        ("station", Kind::Station),
    ];
    let before = section.mistakes();
    let kind = section.word("kind", &kinds);
    if kind.is_none() {
        // Which other fields there should be, nobody knows.
        section.skip_rest();
        return None;
    }
    let signs = [("positive", ImportSign::Positive), ("negative", ImportSign::Negative)];
    let import_is = section.word_optional("import_is", &signs).unwrap_or_default();
    let export = if section.flag("exports", false) { Export::Possible } else { Export::Impossible };
    let power_factor = section.thousandths("power_factor", "(of one)", 500..=1_000);
    let way = match kind? {
        Kind::Posted => Some(MeterWay::Posted),
        Kind::Mqtt => read_mqtt(section, export).map(|source| MeterWay::Mqtt(Box::new(source))),
        Kind::Modbus => read_modbus(section).map(MeterWay::Modbus),
        Kind::P1 => address(section, None).map(|address| MeterWay::P1(P1Source { address })),
        Kind::Station => section
            .parsed("station", "the station whose connector 0 it is, such as `P01`")
            .map(|station| MeterWay::Station { station }),
    };
    let source = MeterSource {
        way: way?,
        import_is,
        export,
        power_factor_permille: power_factor.unwrap_or(MeterSource::default().power_factor_permille),
    };
    (section.mistakes() == before).then_some(source)
}

/// What one source cannot see: the site around it.
pub(crate) fn check_sources(
    root: &Section<'_>,
    circuits: &[CircuitConfig],
    evses: &[EvseConfig],
    supply: Option<Supply>,
) {
    let mut stations: Vec<&StationId> = Vec::new();
    for (circuit, section) in circuits.iter().zip(root.sections("circuits")) {
        section.skip_rest();
        let Some(meter) = &circuit.meter else { continue };
        let source = section.section("meter").and_then(|meter| {
            meter.skip_rest();
            meter.section("source")
        });
        let Some(section) = source else { continue };
        section.skip_rest();
        if supply == Some(Supply::It230) && meter.source.export == Export::Possible {
            section.report(
                "exports",
                "on IT the direction of a line's current cannot be told from power: post signed currents",
            );
        }
        let Some(station) = meter.source.way.station() else { continue };
        if evses.iter().all(|evse| evse.id.station != *station) {
            section.report("station", "no such station; name one that has an EVSE of this site");
        }
        if stations.contains(&station) {
            section.report("station", "a station has one mains meter, and another circuit names it");
        }
        stations.push(station);
    }
}

fn read_mqtt(section: &Section<'_>, export: Export) -> Option<MqttSource> {
    let address = address(section, Some(MQTT_PORT));
    let topic = section.required("topic", "a topic without wildcards, 1 to 1000 characters", |value| {
        let is_topic = |topic: &&str| (1..=1_000).contains(&topic.len()) && !topic.contains(['+', '#', '\0']);
        value.as_str().filter(is_topic).map(str::to_owned)
    });
    let fields = read_fields(section, export);
    let user = section.has("user").then(|| section.text("user", "the user's name at the broker")).flatten();
    let secret = section.optional(
        "secret",
        "the name of a file in the data directory's `secrets`: a to z, 0 to 9, - and _",
        |value| {
            let is_name = |name: &&str| {
                !name.is_empty()
                    && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
            };
            value.as_str().filter(is_name).map(str::to_owned)
        },
    );
    let login = match (section.has("user"), section.has("secret")) {
        (true, false) => {
            section.report("secret", "missing; `user` needs the name of the file with the password");
            None
        }
        (false, true) => {
            section.report("user", "missing; `secret` needs the user's name");
            None
        }
        (true, true) | (false, false) => user.zip(secret).map(|(user, secret)| Login { user, secret }),
    };
    Some(MqttSource { address: address?, topic: topic?, login, fields: fields? })
}

fn read_fields(section: &Section<'_>, export: Export) -> Option<PayloadFields> {
    let fields = PayloadFields {
        current: pointers(section, "current_a", 1),
        voltage: pointers(section, "voltage_v", 1),
        power: one_of(section, "power_w", "power_kw", pointers),
        power_total: one_of(section, "power_total_w", "power_total_kw", pointer),
        energy: one_of(section, "energy_wh", "energy_kwh", pointer),
        at: section.optional("at", POINTER_WANTED, pointer_of),
    };
    let has = |keys: &[&str]| keys.iter().any(|key| section.has(key));
    if !has(&["current_a", "power_w", "power_kw", "power_total_w", "power_total_kw"]) {
        section.report(
            "current_a",
            "missing; without power_w or power_total_w in its place nothing tells a current",
        );
        return None;
    }
    if export == Export::Possible && !has(&["current_a", "power_w", "power_kw"]) {
        section.report("exports", "by the power of all phases together nobody can tell what each imports: state current_a or power_w");
    }
    Some(fields)
}

fn read_modbus(section: &Section<'_>) -> Option<ModbusSource> {
    let address = address(section, Some(MODBUS_PORT));
    let models: Vec<&str> = meters::registers::models().map(|map| map.model.as_str()).collect();
    let model = section.required("model", &format!("one of {}", models.join(", ")), |value| {
        value.as_str().filter(|model| models.contains(model)).map(str::to_owned)
    });
    let unit = u8::try_from(section.whole("unit", 0..=255, 1)).unwrap_or(1);
    let every = section.thousandths("every_s", "s", 200..=60_000).unwrap_or(2_000);
    Some(ModbusSource { address: address?, unit, model: model?, every: TimeSpan::from_milliseconds(every) })
}

/// Host and port; `port` where none is written.
fn address(section: &Section<'_>, port: Option<u16>) -> Option<Address> {
    let wanted = match port {
        Some(_) => "a host, with a port where it is another than usual, such as `192.168.1.20:1502`",
        None => "a host and a port, such as `192.168.1.20:8088`",
    };
    section.required("address", wanted, |value| {
        let text = value.as_str()?;
        let (host, stated) = match text.strip_prefix('[') {
            // [fe80::1]:502
            Some(rest) => {
                let (host, rest) = rest.split_once(']')?;
                (host, rest.strip_prefix(':'))
            }
            None if text.matches(':').count() > 1 => (text, None),
            None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
        };
        let port = match stated {
            Some(digits) => digits.parse().ok().filter(|port| *port > 0)?,
            None => port?,
        };
        let is_host = !host.is_empty()
            && host.len() <= 253
            && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':'));
        is_host.then(|| Address { host: host.to_owned(), port })
    })
}

const POINTER_WANTED: &str = "a JSON pointer into the payload, such as `/a_current`; empty is all of it";

/// A field in one of two units, the second a thousand of the first.
fn one_of<T>(
    section: &Section<'_>,
    unit: &str,
    kilo: &str,
    read: impl Fn(&Section<'_>, &str, i64) -> Option<T>,
) -> Option<T> {
    if section.has(unit) && section.has(kilo) {
        section.report(kilo, format!("state either this or {unit}"));
    }
    read(section, unit, 1).or_else(|| read(section, kilo, 1_000))
}

fn pointers(section: &Section<'_>, key: &str, scale: i64) -> Option<PerPhase<Field>> {
    section.optional(key, "three JSON pointers, of L1, L2 and L3", |value| {
        let pointers = value.as_array()?.iter().map(pointer_of).collect::<Option<Vec<String>>>()?;
        let [l1, l2, l3] = <[String; 3]>::try_from(pointers).ok()?;
        Some(PerPhase::new(l1, l2, l3).map(|pointer| Field { pointer, scale }))
    })
}

fn pointer(section: &Section<'_>, key: &str, scale: i64) -> Option<Field> {
    section.optional(key, POINTER_WANTED, pointer_of).map(|pointer| Field { pointer, scale })
}

fn pointer_of(value: &toml::Value) -> Option<String> {
    let is_pointer = |text: &&str| (text.is_empty() || text.starts_with('/')) && text.len() <= 200;
    value.as_str().filter(is_pointer).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site_file;

    fn site(source: &str) -> String {
        format!(
            "id = 'house'\nname = 'House'\nzone = 'Europe/Helsinki'\nsupply = 'tn_400'\n[[circuits]]\nid = 'main'\n\
             rating_a = 63\nworst_base_a = 20\n[circuits.meter]\nid = 'grid'\n[circuits.meter.source]\n{source}\n\
             [[evses]]\nid = 'P01/1'\ncircuit = 'main'\nwiring = 'L1L2L3'\ncurrent_max_a = 16\n"
        )
    }

    fn read_back(source: &str) -> MeterSource {
        let read = site_file::parse("site.toml", &site(source)).unwrap();
        read.config.circuits[0].meter.clone().unwrap().source
    }

    #[test]
    fn every_kind_of_source_is_read_and_survives_being_stored() {
        let address = |host: &str, port| Address { host: host.to_owned(), port };
        let field = |pointer: &str, scale| Field { pointer: pointer.to_owned(), scale };
        for (text, want) in [
            ("kind = 'posted'", MeterSource::default()),
            (
                "kind = 'modbus'\naddress = '192.168.1.20'\nmodel = 'eastron_sdm630'\nexports = true\npower_factor = 0.95",
                MeterSource {
                    way: MeterWay::Modbus(ModbusSource {
                        address: address("192.168.1.20", 502),
                        unit: 1,
                        model: "eastron_sdm630".to_owned(),
                        every: TimeSpan::from_seconds(2),
                    }),
                    export: Export::Possible,
                    power_factor_permille: 950,
                    ..MeterSource::default()
                },
            ),
            (
                "kind = 'p1'\naddress = '[fe80::1]:8088'\nimport_is = 'negative'",
                MeterSource {
                    way: MeterWay::P1(P1Source { address: address("fe80::1", 8_088) }),
                    import_is: ImportSign::Negative,
                    ..MeterSource::default()
                },
            ),
            (
                "kind = 'station'\nstation = 'P01'",
                MeterSource {
                    way: MeterWay::Station { station: "P01".parse().unwrap() },
                    ..MeterSource::default()
                },
            ),
            (
                "kind = 'mqtt'\naddress = 'broker'\ntopic = 'a/b'\nuser = 'w'\nsecret = 'broker'\npower_total_kw = '/p'\nat = '/t'",
                MeterSource {
                    way: MeterWay::Mqtt(Box::new(MqttSource {
                        address: address("broker", 1_883),
                        topic: "a/b".to_owned(),
                        login: Some(Login { user: "w".to_owned(), secret: "broker".to_owned() }),
                        fields: PayloadFields {
                            power_total: Some(field("/p", 1_000)),
                            at: Some("/t".to_owned()),
                            ..PayloadFields::default()
                        },
                    })),
                    ..MeterSource::default()
                },
            ),
        ] {
            let source = read_back(text);
            assert_eq!(source, want);
            let stored = serde_json::to_string(&source).unwrap();
            assert_eq!(serde_json::from_str::<MeterSource>(&stored).unwrap(), want, "{stored}");
        }
    }

    #[test]
    fn every_mistake_is_told_with_its_way_out() {
        for (source, wanted) in [
            ("kind = 'carrier pigeon'", "source.kind = \"carrier pigeon\": needs one of `posted`, `mqtt`"),
            ("address = 'x'", "source.kind: missing"),
            ("kind = 'modbus'\nmodel = 'eastron_sdm630'", "source.address: missing; a host, with a port"),
            (
                "kind = 'modbus'\naddress = 'x:0'\nmodel = 'eastron_sdm630'",
                "source.address = \"x:0\": needs a host, with a port",
            ),
            (
                "kind = 'modbus'\naddress = 'x'\nmodel = 'sdm'",
                "source.model = \"sdm\": needs one of abb_b23_b24,",
            ),
            (
                "kind = 'modbus'\naddress = 'x'\nmodel = 'siemens_pac'\nevery_s = 0.1",
                "source.every_s = 0.1: needs 0.2 to 60 s",
            ),
            ("kind = 'p1'\naddress = '10.0.0.1'", "needs a host and a port"),
            ("kind = 'station'\nstation = 'P99'", "source.station = \"P99\": no such station"),
            (
                "kind = 'mqtt'\naddress = 'b'\ntopic = 'a/#'\ncurrent_a = ['/a', '/b', '/c']",
                "without wildcards",
            ),
            ("kind = 'mqtt'\naddress = 'b'\ntopic = 'a'", "source.current_a: missing; without power_w"),
            (
                "kind = 'mqtt'\naddress = 'b'\ntopic = 'a'\ncurrent_a = ['/a', '/b']",
                "needs three JSON pointers",
            ),
            (
                "kind = 'mqtt'\naddress = 'b'\ntopic = 'a'\npower_w = ['/a', '/b', '/c']\npower_kw = ['/a', '/b', '/c']",
                "state either this or power_w",
            ),
            (
                "kind = 'mqtt'\naddress = 'b'\ntopic = 'a'\npower_total_w = '/p'\nexports = true",
                "nobody can tell what each imports",
            ),
            (
                "kind = 'mqtt'\naddress = 'b'\ntopic = 'a'\npower_total_w = '/p'\nuser = 'w'",
                "source.secret: missing; `user` needs",
            ),
            (
                "kind = 'mqtt'\naddress = 'b'\ntopic = 'a'\npower_total_w = '/p'\nuser = 'w'\nsecret = '../x'",
                "source.secret = \"../x\": needs the name of a file",
            ),
            ("kind = 'p1'\naddress = 'x:1'\nmodel = 'x'", "source.model = \"x\": unknown field"),
            ("kind = 'p1'\naddress = 'x:1'\npower_factor = 0.2", "needs 0.5 to 1 (of one)"),
        ] {
            let problems = site_file::parse("site.toml", &site(source)).unwrap_err();
            let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
            assert_eq!(told.len(), 1, "{source}: {told:#?}");
            assert!(told[0].contains(wanted), "{source}: {told:#?}");
        }
    }

    #[test]
    fn on_it_nothing_may_export_where_power_tells_the_direction() {
        let it = site("kind = 'p1'\naddress = 'x:1'\nexports = true").replace("tn_400", "it_230");
        let told = site_file::parse("site.toml", &it).unwrap_err()[0].to_string();
        assert!(told.contains("source.exports = true: on IT the direction"), "{told}");
    }
}
