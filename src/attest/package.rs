//! A package as it lies there: read without trust, and held against its own manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::archive;
use super::manifest::{self, GROWING, PATH, SCHEMA};
use crate::model::digest::sha256;

/// How many files, and how many bytes in all, are read of a package.
pub(super) const FILES: usize = 200_000;
pub(super) const BYTES: u64 = 8 << 30;
/// How deep its folders may lie in each other.
pub(super) const DEPTH: usize = 64;

/// Why a folder cannot be read as a package at all.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    #[error("{0}: cannot be read: {1}")]
    Unreadable(PathBuf, io::Error),
    #[error("{0} is neither a file nor a folder; a package holds nothing else, so it was not followed")]
    Special(PathBuf),
    #[error("`{0}` leads out of the package")]
    Outside(String),
    #[error("`{0}` is a file and a folder in the archive")]
    Both(String),
    #[error("`{0}` stands twice in the archive")]
    Twice(String),
    #[error("{0} holds more after the archive's end")]
    Trailing(PathBuf),
    #[error("{0} is not named in UTF-8; no file of a package is")]
    Name(PathBuf),
    #[error("{0} holds more than a package may: {FILES} files, {BYTES} bytes, folders {DEPTH} deep")]
    TooLarge(PathBuf),
    #[error("{0} holds no {PATH}: it is no report package, or not the whole of one")]
    NoManifest(PathBuf),
    #[error("{PATH} is no manifest that this program can read: {0}")]
    Manifest(String),
}

/// `manifest.json`, as it was read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub schema: String,
    pub engine: Engine,
    pub as_of: String,
    /// How many leaves are under the root.
    pub leaves: u64,
    pub root: String,
    files: Vec<Listed>,
}

/// What `assessment.json` says again.
#[derive(Default, Deserialize)]
struct Assessed {
    as_of: String,
    tool: Engine,
}

/// What made a package.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Engine {
    pub name: String,
    pub version: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    bytes: u64,
    path: String,
    sha256: String,
}

/// Every file of a package, a folder or an archive of one: path with `/` → bytes. Links are refused, never followed.
///
/// # Errors
/// [`PackageError`]
pub fn files(root: &Path) -> Result<BTreeMap<String, Vec<u8>>, PackageError> {
    if root.is_file() {
        return archive::read(root);
    }
    let mut found = BTreeMap::new();
    let mut left = BYTES;
    let mut open = vec![(root.to_owned(), String::new(), 0)];
    while let Some((folder, name, depth)) = open.pop() {
        let unreadable = |error| PackageError::Unreadable(folder.clone(), error);
        if depth > DEPTH {
            return Err(PackageError::TooLarge(root.to_owned()));
        }
        for entry in fs::read_dir(&folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let path = entry.path();
            let own = entry.file_name().into_string().map_err(|_| PackageError::Name(path.clone()))?;
            let below = if name.is_empty() { own } else { format!("{name}/{own}") };
            let kind = entry.file_type().map_err(|error| PackageError::Unreadable(path.clone(), error))?;
            if kind.is_dir() {
                open.push((path, below, depth + 1));
            } else if kind.is_file() {
                let mut bytes = Vec::new();
                let read = fs::File::open(&path).and_then(|file| file.take(left + 1).read_to_end(&mut bytes));
                let read = read.map_err(|error| PackageError::Unreadable(path, error))?;
                left = left.checked_sub(read as u64).ok_or_else(|| PackageError::TooLarge(root.to_owned()))?;
                if found.len() >= FILES {
                    return Err(PackageError::TooLarge(root.to_owned()));
                }
                found.insert(below, bytes);
            } else {
                return Err(PackageError::Special(path));
            }
        }
    }
    Ok(found)
}

/// The manifest of a package.
///
/// # Errors
/// There is none, or it cannot be read.
pub fn manifest(root: &Path, files: &BTreeMap<String, Vec<u8>>) -> Result<Manifest, PackageError> {
    read_manifest(files.get(PATH).ok_or_else(|| PackageError::NoManifest(root.to_owned()))?)
}

/// A manifest.
///
/// # Errors
/// It cannot be read.
pub fn read_manifest(bytes: &[u8]) -> Result<Manifest, PackageError> {
    let wrong = |error: &dyn std::fmt::Display| PackageError::Manifest(error.to_string());
    let manifest: Manifest = serde_json::from_slice(bytes).map_err(|error| wrong(&error))?;
    if manifest.schema != SCHEMA {
        return Err(wrong(&format!("its schema is `{}`; this program reads `{SCHEMA}`", manifest.schema)));
    }
    // A name that stands twice, a number too large to be exact: what is not canonical may be read in two ways.
    let value: serde_json::Value = serde_json::from_slice(bytes).map_err(|error| wrong(&error))?;
    if serde_json_canonicalizer::to_vec(&value).ok().as_deref() != Some(bytes) {
        return Err(wrong(&"it is not canonical JSON (RFC 8785)"));
    }
    Ok(manifest)
}

/// Where files and manifest differ, a sentence each; empty: nothing is missing, nothing extra, nothing changed, and the root is that of the
/// files.
#[must_use]
pub fn differences(manifest: &Manifest, files: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let mut found = Vec::new();
    let mut listed: BTreeSet<&str> = BTreeSet::new();
    for entry in &manifest.files {
        if !listed.insert(&entry.path) {
            found.push(format!("`{}` is listed twice", entry.path));
        }
        match files.get(&entry.path) {
            None => found.push(format!("`{}` is listed and not there", entry.path)),
            Some(bytes) if bytes.len() as u64 != entry.bytes || sha256(bytes) != entry.sha256 => {
                found.push(format!("`{}` is not the file that the manifest lists: its digest is another", entry.path));
            }
            Some(_) => {}
        }
    }
    for path in files.keys().filter(|path| path.as_str() != PATH && !path.starts_with(GROWING) && !listed.contains(path.as_str())) {
        found.push(format!("`{path}` is there and not listed"));
    }
    let assessed: Assessed = files.get("assessment.json").and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default();
    if (&assessed.as_of, &assessed.tool) != (&manifest.as_of, &manifest.engine) {
        found.push(format!(
            "{PATH} speaks of an assessment as of {} by {} {}, and `assessment.json` of one as of {} by {} {}",
            manifest.as_of, manifest.engine.name, manifest.engine.version, assessed.as_of, assessed.tool.name, assessed.tool.version
        ));
    }
    match manifest::root(files) {
        Ok(root) if root.hash == manifest.root && root.leaves == manifest.leaves => {}
        Ok(root) => found.push(format!(
            "the root of these files is {} over {} leaves, and {PATH} says {} over {}",
            root.hash, root.leaves, manifest.root, manifest.leaves
        )),
        Err(why) => found.push(format!("these files have no root: {why}")),
    }
    found
}

/// A cell of a package's CSV without the apostrophe that keeps spreadsheets from taking it for a formula.
#[must_use]
pub fn of_cell(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| rest.starts_with(['=', '+', '-', '@', '\t', '\r'])).unwrap_or(cell)
}

impl Manifest {
    /// Path, length and SHA-256 of every file that it lists, in its order.
    pub fn listed(&self) -> impl Iterator<Item = (&str, u64, &str)> {
        self.files.iter().map(|file| (file.path.as_str(), file.bytes, file.sha256.as_str()))
    }

    /// How many files it lists.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}
