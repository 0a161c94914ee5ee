//! Exports that a package names by their digests: found again among a reader's own files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::Context;
use sha2::{Digest, Sha256};

use crate::cli::summary::printable;
use crate::load::stays_inside;
use crate::model::digest::hex;
use crate::model::salt::INPUTS;
use crate::model::table::{REFERENCED, Referenced};

/// Path below the project → what it must be.
type Wanted = BTreeMap<String, Referenced>;

/// What the package names and does not hold.
///
/// # Errors
/// The list cannot be read, or a path of it leads elsewhere or to a file that the package holds.
pub fn wanted(files: &BTreeMap<String, Vec<u8>>) -> anyhow::Result<Wanted> {
    let Some(bytes) = files.get(&format!("{INPUTS}{REFERENCED}")) else { return Ok(Wanted::new()) };
    let wanted: Wanted = serde_json::from_slice(bytes).with_context(|| format!("`{INPUTS}{REFERENCED}` cannot be read"))?;
    if let Some(path) = wanted.keys().find(|path| !stays_inside(path)) {
        anyhow::bail!("`{INPUTS}{REFERENCED}` names `{}`, which is no path below a project", printable(path));
    }
    if let Some(path) = wanted.keys().find(|path| files.contains_key(&format!("{INPUTS}{path}"))) {
        anyhow::bail!("`{INPUTS}{REFERENCED}` names `{}`, and the package holds it", printable(path));
    }
    Ok(wanted)
}

/// Puts what the package names where it belongs, found below `folder` under whatever names; gives those that are not there.
///
/// # Errors
/// The folder cannot be read, or a file cannot be put in its place.
pub fn found(wanted: &Wanted, folder: &Path, work: &Path) -> anyhow::Result<Vec<String>> {
    let sizes: BTreeSet<u64> = wanted.values().map(|file| file.bytes).collect();
    let digests: BTreeSet<&str> = wanted.values().map(|file| file.sha256.as_str()).collect();
    let mut places: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let unreadable = || format!("{} cannot be read", folder.display());
        for entry in fs::read_dir(&folder).with_context(unreadable)? {
            let entry = entry.with_context(unreadable)?;
            let about = entry.metadata().with_context(unreadable)?;
            if about.is_dir() {
                open.push(entry.path());
            } else if about.is_file() && sizes.contains(&about.len()) {
                let digest = digest(&entry.path()).with_context(|| format!("{} cannot be read", entry.path().display()))?;
                if digests.contains(digest.as_str()) {
                    places.insert(digest, entry.path());
                }
            }
        }
    }
    let mut missing = Vec::new();
    for (path, file) in wanted {
        let Some(place) = places.get(&file.sha256) else {
            missing.push(path.clone());
            continue;
        };
        let target = work.join(path);
        fs::create_dir_all(target.parent().unwrap_or(work))?;
        // What is read there is hashed again, and must come out as the package says.
        fs::hard_link(place, &target)
            .or_else(|_| fs::copy(place, &target).map(|_| ()))
            .with_context(|| format!("{} cannot be copied", place.display()))?;
    }
    Ok(missing)
}

fn digest(path: &Path) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    let (mut digest, mut piece) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hex(&digest.finalize())),
            read => digest.update(&piece[..read]),
        }
    }
}
