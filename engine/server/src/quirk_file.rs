//! The operator's own table of quirks: read at the start, and again when its file changes.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use csms::quirks::Table;

use crate::engine::EngineHandle;

/// The file is looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The shipped table, with an operator's entries where there is a file of them.
///
/// # Errors
///
/// Where the file cannot be read, with all that is wrong with it.
pub fn read(path: Option<&Path>) -> anyhow::Result<Arc<Table>> {
    let Some(path) = path else { return Ok(Table::shipped()) };
    let text = std::fs::read_to_string(path).with_context(|| {
        format!("the table of quirks {} cannot be read; name another with --quirks", path.display())
    })?;
    let table = Table::extended_by(&text)
        .with_context(|| format!("the table of quirks {} has mistakes", path.display()))?;
    Ok(Arc::new(table))
}

/// Hands the table to the engine whenever the file changes, until the future is dropped. A file with mistakes changes
/// nothing, and is told once.
pub async fn watch(path: PathBuf, engine: EngineHandle) {
    let mut seen = stamp(&path);
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let found = stamp(&path);
        if found == seen {
            continue;
        }
        seen = found;
        match read(Some(&path)) {
            Ok(table) => {
                tracing::info!(entries = table.entries().len(), "the table of quirks was read again");
                engine.quirks(table).await;
            }
            Err(error) => {
                tracing::error!(
                    "the table of quirks changed and cannot be used; the one before holds: {error:#}"
                );
            }
        }
    }
}

fn stamp(path: &Path) -> Option<(i64, i64, u64, u64)> {
    let found = std::fs::metadata(path).ok()?;
    Some((found.mtime(), found.mtime_nsec(), found.len(), found.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_with_mistakes_is_refused_by_name_with_all_of_them() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("quirks.toml");
        assert!(format!("{:#}", read(Some(&path)).unwrap_err()).contains("--quirks"));
        std::fs::write(&path, "[[entry]]\nname = 'a'\nsources = []\nquirks = {}\n").unwrap();
        let error = format!("{:#}", read(Some(&path)).unwrap_err());
        for part in ["quirks.toml has mistakes", "`sources` names no place", "says nothing"] {
            assert!(error.contains(part), "{part} in {error}");
        }
        std::fs::write(&path, "[[entry]]\nname = 'a'\nsources = ['x']\nquirks = { ping_every_s = 9 }\n")
            .unwrap();
        let shipped = Table::shipped().entries().len();
        assert_eq!(read(Some(&path)).unwrap().entries().len(), shipped + 1);
    }
}
