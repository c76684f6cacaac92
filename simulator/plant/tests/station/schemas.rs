//! The official JSON schemas as a judge of what the station says. They are not shipped with this project (their licence
//! allows no derivatives); `WATTERY_SCHEMAS` names the directory that holds `v16/` and `v201/`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::LazyLock;

use plant::station::OcppVersion;
use serde_json::Value;

/// Which half of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Half {
    Request,
    Response,
}

/// Asserts that a payload is valid against the schema of its action, where the schemas are there.
pub fn assert_valid(version: OcppVersion, action: &str, half: Half, payload: &Value) {
    let Some(schemas) = SCHEMAS.as_ref() else { return };
    let name = match (version, half) {
        (OcppVersion::V16, Half::Request) => format!("v16/{action}"),
        (OcppVersion::V16, Half::Response) => format!("v16/{action}Response"),
        (OcppVersion::V201, Half::Request) => format!("v201/{action}Request"),
        (OcppVersion::V201, Half::Response) => format!("v201/{action}Response"),
    };
    let validator = schemas.get(&name).unwrap_or_else(|| panic!("no official schema {name}"));
    let faults: Vec<String> = validator.iter_errors(payload).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{name}: {payload}: {faults:?}");
}

static SCHEMAS: LazyLock<Option<BTreeMap<String, jsonschema::Validator>>> = LazyLock::new(|| {
    let Some(directory) = std::env::var_os("WATTERY_SCHEMAS") else {
        eprintln!(
            "skipped: the virtual station's frames against the official OCPP schemas: WATTERY_SCHEMAS is not set"
        );
        return None;
    };
    let mut schemas = BTreeMap::new();
    for version in ["v16", "v201"] {
        let directory = PathBuf::from(&directory).join(version);
        let files =
            std::fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
        for file in files {
            let path = file.unwrap().path();
            // Some of the files begin with a byte order mark.
            let text = std::fs::read_to_string(&path).unwrap();
            let schema = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
            let validator = jsonschema::validator_for(&schema).unwrap();
            schemas.insert(format!("{version}/{}", path.file_stem().unwrap().to_string_lossy()), validator);
        }
    }
    Some(schemas)
});
