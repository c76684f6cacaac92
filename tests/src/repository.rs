use std::path::{Path, PathBuf};
use std::process::Command;

/// A file of the repository as a person sees it: its path from the root, its bytes, and its text where it has one.
#[derive(Debug)]
pub struct SourceFile {
    /// Path from the root of the repository, with `/` between its parts.
    pub path: String,
    /// Size in bytes.
    pub size: usize,
    /// The content, unless it is not UTF-8.
    pub text: Option<String>,
}

/// The root of the repository.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All files that git keeps or would keep: tracked, or new and not ignored. Sorted by path.
#[must_use]
pub fn files() -> Vec<SourceFile> {
    // `safe.directory` lets a checkout owned by another user be read, as continuous integration often has it.
    let listing = Command::new("git")
        .args(["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output();
    let listing = match listing {
        Ok(listing) if listing.status.success() => listing.stdout,
        Ok(failed) => panic!("git ls-files failed: {}", String::from_utf8_lossy(&failed.stderr)),
        Err(error) => panic!("the house rules need git to list the repository's files: {error}"),
    };
    let listing = String::from_utf8_lossy(&listing);
    let mut paths: Vec<&str> = listing.split('\0').filter(|path| !path.is_empty()).collect();
    paths.sort_unstable();
    paths.dedup();
    // A tracked file that is deleted but not yet committed is listed and cannot be read.
    paths.into_iter().filter_map(read).collect()
}

fn read(path: &str) -> Option<SourceFile> {
    let bytes = std::fs::read(root().join(path)).ok()?;
    Some(SourceFile { path: path.to_owned(), size: bytes.len(), text: String::from_utf8(bytes).ok() })
}
