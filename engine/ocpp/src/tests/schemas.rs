//! The official JSON schemas as a judge: everything that we encode is valid against them. They are not shipped with
//! this project (their licence allows no derivatives); `WATTERY_SCHEMAS` names the directory that holds `v16/`, `v201/` and
//! `v21/`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::LazyLock;

use crate::Version;

/// Asserts that `payload` is valid against the schema `name` (`Authorize`, `AuthorizeResponse` in OCPP 1.6;
/// `AuthorizeRequest`, `AuthorizeResponse` in 2.0.1 and 2.1), where the schemas are there.
pub(crate) fn assert_valid(version: Version, name: &str, payload: &str) {
    let Some(schemas) = schemas(version) else { return };
    let schema = schemas.get(name).unwrap_or_else(|| panic!("no official schema {name}"));
    let value: serde_json::Value = serde_json::from_str(payload).unwrap();
    let faults: Vec<String> = schema.validator.iter_errors(&value).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{name}: {payload}: {faults:?}");
}

/// A schema, as it stands in its file and ready to judge.
pub(crate) struct Schema {
    pub(crate) text: serde_json::Value,
    validator: jsonschema::Validator,
}

type Schemas = BTreeMap<String, Schema>;

/// The schemas of `version` by name; `None`, said aloud, where they are not there.
pub(crate) fn schemas(version: Version) -> Option<&'static Schemas> {
    static V16: LazyLock<Option<Schemas>> = LazyLock::new(|| load("v16"));
    static V201: LazyLock<Option<Schemas>> = LazyLock::new(|| load("v201"));
    static V21: LazyLock<Option<Schemas>> = LazyLock::new(|| load("v21"));
    match version {
        Version::V16 => V16.as_ref(),
        Version::V201 => V201.as_ref(),
        Version::V21 => V21.as_ref(),
    }
}

fn load(folder: &str) -> Option<Schemas> {
    let Some(directory) = std::env::var_os("WATTERY_SCHEMAS") else {
        eprintln!("skipped: frames against the official OCPP schemas: WATTERY_SCHEMAS is not set");
        return None;
    };
    let directory = PathBuf::from(directory).join(folder);
    let files =
        std::fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let schemas = files.map(|file| {
        let path = file.unwrap().path();
        // Some of the files begin with a byte order mark.
        let text = std::fs::read_to_string(&path).unwrap();
        let text: serde_json::Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
        let validator = jsonschema::validator_for(&text).unwrap();
        (path.file_stem().unwrap().to_string_lossy().into_owned(), Schema { text, validator })
    });
    Some(schemas.collect())
}
