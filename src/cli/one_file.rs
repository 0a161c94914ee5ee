//! Writes an archive, or a file of a package that is there, whole or not at all.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use super::output::{At, OURS, OutputError, sync};
use crate::attest::manifest::{GROWING, PATH};
use crate::attest::{archive, package};

/// Writes the package as one archive. A package that is there is replaced; what is in its `attest/` is carried over if the manifest stays the same.
///
/// # Errors
/// [`OutputError`]; what was at `out` is then as it was.
pub fn write_archive(out: &Path, files: &BTreeMap<String, Vec<u8>>) -> Result<(), OutputError> {
    if out.is_dir() {
        return Err(OutputError::IsFolder(out.to_owned()));
    }
    let given = files;
    let mut files = files.clone();
    if out.exists() {
        let there = package::files(out).map_err(|_| OutputError::NotOurs(out.to_owned()))?;
        let value: serde_json::Value = there.get(PATH).and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default();
        if !value["schema"].as_str().is_some_and(|schema| schema.starts_with(OURS)) {
            return Err(OutputError::NotOurs(out.to_owned()));
        }
        let same = there.get(PATH) == files.get(PATH);
        for (path, bytes) in there.into_iter().filter(|(path, _)| path.starts_with(GROWING) && !given.contains_key(path)) {
            if !same {
                return Err(OutputError::Attested(out.to_owned()));
            }
            files.insert(path, bytes);
        }
    }
    replace(out, &archive::write(&files).at(out)?)
}

/// Writes files as a new folder, or as an archive where the name ends so.
///
/// # Errors
/// [`OutputError`]; something is there already.
pub fn write_new(out: &Path, files: &BTreeMap<String, Vec<u8>>) -> Result<(), OutputError> {
    let there = if out.is_dir() { fs::read_dir(out).at(out)?.next().is_some() } else { out.exists() };
    if there {
        return Err(OutputError::There(out.to_owned()));
    }
    if out.to_string_lossy().ends_with(".tar.gz") {
        return replace(out, &archive::write(files).at(out)?);
    }
    for (path, bytes) in files {
        let target = out.join(path);
        fs::create_dir_all(target.parent().unwrap_or(out)).at(&target)?;
        fs::write(&target, bytes).at(&target)?;
    }
    Ok(())
}

/// Adds a file to a package that is there, folder or archive; `files`: what it holds.
///
/// # Errors
/// [`OutputError`]; the package is then as it was.
pub fn add(package: &Path, files: &BTreeMap<String, Vec<u8>>, path: &str, bytes: &[u8]) -> Result<(), OutputError> {
    if package.is_dir() {
        let target = package.join(path);
        fs::create_dir_all(target.parent().unwrap_or(package)).at(&target)?;
        return replace(&target, bytes);
    }
    let mut files = files.clone();
    files.insert(path.to_owned(), bytes.to_vec());
    replace(package, &archive::write(&files).at(package)?)
}

/// One file, whole or not at all.
///
/// # Errors
/// [`OutputError`]; what was at `out` is then as it was.
pub fn replace(out: &Path, bytes: &[u8]) -> Result<(), OutputError> {
    let name = out.file_name().ok_or_else(|| OutputError::NoName(out.to_owned()))?.to_string_lossy();
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).at(parent)?;
    let temporary = parent.join(format!(".{name}.tickmark-{}", std::process::id()));
    let written = File::create(&temporary).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    let done = written.and_then(|()| fs::rename(&temporary, out)).at(out);
    if done.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    sync(parent);
    done
}
