//! The official JSON schemas as a judge: everything that we encode is valid against them. They are not shipped with
//! this project (their licence allows no derivatives); `WATTERY_SCHEMAS` names the directory that holds `v16/`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::LazyLock;

/// Asserts that `payload` is valid against the schema `name` (`Authorize`, `AuthorizeResponse`), where there is one.
pub(super) fn assert_valid(name: &str, payload: &str) {
    let Some(schemas) = SCHEMAS.as_ref() else { return };
    let validator = schemas.get(name).unwrap_or_else(|| panic!("no official schema {name}"));
    let value: serde_json::Value = serde_json::from_str(payload).unwrap();
    let faults: Vec<String> = validator.iter_errors(&value).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{name}: {payload}: {faults:?}");
}

static SCHEMAS: LazyLock<Option<BTreeMap<String, jsonschema::Validator>>> = LazyLock::new(|| {
    let Some(directory) = std::env::var_os("WATTERY_SCHEMAS") else {
        eprintln!("skipped: frames against the official OCPP schemas: WATTERY_SCHEMAS is not set");
        return None;
    };
    let directory = PathBuf::from(directory).join("v16");
    let files =
        std::fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let schemas = files.map(|file| {
        let path = file.unwrap().path();
        // Some of the files begin with a byte order mark.
        let text = std::fs::read_to_string(&path).unwrap();
        let schema = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        (path.file_stem().unwrap().to_string_lossy().into_owned(), validator)
    });
    Some(schemas.collect())
});
