//! Finding and reading evidence files, never outside the project.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use globset::GlobBuilder;

use super::EvidenceError;

/// The largest file that is read.
pub const LIMIT: u64 = 512 << 20;

/// True if a path names more than one file.
pub fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '[', '{'])
}

/// The files that a path or pattern below the project names, sorted, as paths below it.
pub fn find(root: &Path, source_id: &str, pattern: &str) -> Result<Vec<String>, EvidenceError> {
    if !is_pattern(pattern) {
        return match root.join(pattern).symlink_metadata() {
            Ok(_) => Ok(vec![pattern.to_owned()]),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(Vec::new()),
            // It may be there: a source that cannot be looked for is not one that yielded nothing.
            Err(why) => Err(EvidenceError::Unreadable { path: root.join(pattern), why }),
        };
    }
    let glob = GlobBuilder::new(pattern).literal_separator(true).build();
    let matcher = glob
        .map_err(|error| EvidenceError::Pattern {
            source_id: source_id.to_owned(),
            pattern: pattern.to_owned(),
            why: error.kind().to_string(),
        })?
        .compile_matcher();
    // Only folders above the first wild part can hold a match.
    let fixed: PathBuf = pattern.split('/').take_while(|part| !is_pattern(part)).collect();
    let mut found = Vec::new();
    let mut open = vec![fixed];
    while let Some(folder) = open.pop() {
        let full = root.join(&folder);
        let entries = match fs::read_dir(&full) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(why) => return Err(EvidenceError::Unreadable { path: full, why }),
        };
        for entry in entries {
            let entry = entry.map_err(|why| EvidenceError::Unreadable { path: full.clone(), why })?;
            let path = folder.join(entry.file_name());
            let kind = entry.file_type().map_err(|why| EvidenceError::Unreadable { path: full.clone(), why })?;
            if kind.is_dir() {
                open.push(path);
            } else if kind.is_symlink() && root.join(&path).is_dir() {
                // What it leads to in the project, a pattern can name where it is.
                inside(root, &path)?;
            } else if matcher.is_match(&path) {
                let Some(text) = path.to_str() else { return Err(EvidenceError::Name { path: root.join(&path) }) };
                found.push(text.to_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Where a path of the project leads, links followed.
fn inside(root: &Path, path: &Path) -> Result<PathBuf, EvidenceError> {
    let full = root.join(path);
    let unreadable = |why| EvidenceError::Unreadable { path: full.clone(), why };
    let real = full.canonicalize().map_err(unreadable)?;
    if real.starts_with(root.canonicalize().map_err(unreadable)?) { Ok(real) } else { Err(EvidenceError::OutsideProject { path: full }) }
}

/// Reads a file that lies in the project, links followed.
pub fn bytes(root: &Path, path: &str) -> Result<Vec<u8>, EvidenceError> {
    let real = inside(root, Path::new(path))?;
    let full = root.join(path);
    let unreadable = |why| EvidenceError::Unreadable { path: full.clone(), why };
    let meta = fs::metadata(&real).map_err(unreadable)?;
    // A pipe would be waited for, and a device never ends.
    if !meta.is_file() {
        return Err(EvidenceError::NoFile { path: full });
    }
    if meta.len() > LIMIT {
        return Err(EvidenceError::TooLarge { path: full, size: meta.len(), limit: LIMIT });
    }
    fs::read(&real).map_err(unreadable)
}
