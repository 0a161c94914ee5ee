//! Writes a report package so that a run that is killed, or that fills the disk, leaves the old package or the new one whole.
//!
//! The files are written into a temporary folder beside the target and synced; then the two folders change places in one
//! step. Where the system has no such step, the old folder is renamed aside first; a run that dies just then leaves it
//! there, and the next run puts it back before it does anything else. A lock on the folder around the target keeps two runs
//! apart, so what bears the name of a temporary folder once the lock is held belongs to a run that is dead, and is removed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::attest::manifest::{GROWING, PATH};

/// What a manifest of this program says of itself, in any version of the format.
pub(super) const OURS: &str = "tickmark/manifest/";

/// Why a package was not written. What was there before is as it was.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    #[error("`{0}` is a file; `--out` names the folder that the report package becomes: give another path or move the file away")]
    IsFile(PathBuf),
    #[error("`{0}` is a folder; with `--archive`, `--out` names the file that the report package becomes, such as `report.tar.gz`")]
    IsFolder(PathBuf),
    #[error("`{0}` is there already, and is not replaced; give `--out` a new path")]
    There(PathBuf),
    #[error("`{0}` has no name of its own; `--out` names the folder that the report package becomes, such as `report`")]
    NoName(PathBuf),
    #[error(
        "`{0}` is not empty and holds no report package of tickmark (no manifest.json of ours), so it is not replaced; \
             give `--out` a new or empty folder"
    )]
    NotOurs(PathBuf),
    #[error(
        "`{folder}` holds `{file}`, which is no part of the report package in it and would be lost; move it away or give `--out` \
             another folder"
    )]
    Foreign { folder: PathBuf, file: String },
    #[error(
        "`{0}` holds a package with something in `attest/` (a signature, a sign-off) that speaks of other results than this run's; \
             keep it and give `--out` another folder"
    )]
    Attested(PathBuf),
    #[error(
        "`{0}` is read-only, so the report package was not written; give `--out` a folder that may be written, or change its permissions"
    )]
    ReadOnly(PathBuf),
    #[error("the disk is full at `{0}`, so the report package was not written; free some space and run again")]
    Full(PathBuf),
    #[error("`{0}` is a mount point and cannot be replaced as a whole; give `--out` a folder below it")]
    Mount(PathBuf),
    #[error("`{0}` is no path within a report package")]
    Path(String),
    #[error("`{path}` cannot be written: {error}")]
    Io { path: PathBuf, error: io::Error },
}

impl OutputError {
    fn new(path: &Path, error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => OutputError::Full(path.to_owned()),
            ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => OutputError::ReadOnly(path.to_owned()),
            _ => OutputError::Io { path: path.to_owned(), error },
        }
    }
}

/// Attaches the path to an error of the file system.
pub(super) trait At<T> {
    fn at(self, path: &Path) -> Result<T, OutputError>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, path: &Path) -> Result<T, OutputError> {
        self.map_err(|error| OutputError::new(path, error))
    }
}

/// Writes the package as the folder `out`; `files`: path in the package, with `/` → bytes. A package that is there is replaced
/// as a whole; what is in its `attest/` is carried over if the manifest stays the same.
///
/// # Errors
/// [`OutputError`]; what was at `out` is then as it was.
pub fn write(out: &Path, files: &BTreeMap<String, Vec<u8>>) -> Result<(), OutputError> {
    let place = Place::of(out)?;
    let _lock = place.lock()?;
    place.recover()?;
    let kept = place.check(files)?;
    let result = place.fill(files, &kept).and_then(|()| place.swap());
    // After a swap this is the old package, after a failure the unfinished new one. What cannot be removed now, the next run removes.
    let _ = fs::remove_dir_all(&place.temporary);
    result
}

/// Where the package goes.
struct Place {
    /// The target; its last part is a name.
    out: PathBuf,
    parent: PathBuf,
    /// The new package until it is whole, then the old one until it is removed.
    temporary: PathBuf,
    /// The old package while it has no other place.
    aside: PathBuf,
    /// What the names of temporary folders start with.
    prefix: String,
}

impl Place {
    fn of(out: &Path) -> Result<Place, OutputError> {
        // A link to a folder stays: the folder is replaced. `.` and `..` get their names.
        let out = if out.exists() { fs::canonicalize(out).at(out)? } else { out.to_owned() };
        if out.exists() && !out.is_dir() {
            return Err(OutputError::IsFile(out));
        }
        let name = out.file_name().ok_or_else(|| OutputError::NoName(out.clone()))?.to_string_lossy().into_owned();
        let parent = match out.parent() {
            Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
            Some(parent) => parent.to_owned(),
            None => return Err(OutputError::NoName(out)),
        };
        if let Some(file) = parent.ancestors().find(|folder| folder.is_file()) {
            return Err(OutputError::IsFile(file.to_owned()));
        }
        fs::create_dir_all(&parent).at(&parent)?;
        let prefix = format!(".{name}.tickmark-");
        Ok(Place {
            temporary: parent.join(format!("{prefix}{}", std::process::id())),
            aside: parent.join(format!("{prefix}aside")),
            out,
            parent,
            prefix,
        })
    }

    /// Waits until no other run writes here. File systems without locks go without.
    fn lock(&self) -> Result<Option<File>, OutputError> {
        for folder in [&self.parent, &self.out] {
            if folder.metadata().is_ok_and(|metadata| metadata.permissions().readonly()) {
                return Err(OutputError::ReadOnly(folder.clone()));
            }
        }
        Ok(File::open(&self.parent).ok().filter(|folder| folder.lock().is_ok()))
    }

    /// Puts right what a dead run left.
    fn recover(&self) -> Result<(), OutputError> {
        if self.aside.is_dir() && !self.out.exists() {
            fs::rename(&self.aside, &self.out).at(&self.out)?;
        }
        for entry in fs::read_dir(&self.parent).at(&self.parent)? {
            let entry = entry.at(&self.parent)?;
            let name = entry.file_name();
            let left = name.to_str().and_then(|name| name.strip_prefix(&self.prefix));
            if left.is_some_and(|rest| rest == "aside" || (!rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))) {
                fs::remove_dir_all(entry.path()).at(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Whether what is at the target may be replaced; answers with the files that are carried over, relative to it.
    fn check(&self, files: &BTreeMap<String, Vec<u8>>) -> Result<Vec<String>, OutputError> {
        if !self.out.exists() {
            return Ok(Vec::new());
        }
        let there = walk(&self.out)?;
        if there.is_empty() {
            return Ok(Vec::new());
        }
        let not_ours = || OutputError::NotOurs(self.out.clone());
        let manifest = fs::read(self.out.join(PATH)).map_err(|_| not_ours())?;
        let value: serde_json::Value = serde_json::from_slice(&manifest).map_err(|_| not_ours())?;
        if !value["schema"].as_str().is_some_and(|schema| schema.starts_with(OURS)) {
            return Err(not_ours());
        }
        let listed: BTreeSet<&str> = value["files"].as_array().into_iter().flatten().filter_map(|file| file["path"].as_str()).collect();
        let foreign = |path: &&String| *path != PATH && !path.starts_with(GROWING) && !listed.contains(path.as_str());
        if let Some(file) = there.iter().find(foreign) {
            return Err(OutputError::Foreign { folder: self.out.clone(), file: file.clone() });
        }
        let attested: Vec<String> = there.into_iter().filter(|path| path.starts_with(GROWING) && !files.contains_key(path)).collect();
        if !attested.is_empty() && files.get(PATH) != Some(&manifest) {
            return Err(OutputError::Attested(self.out.clone()));
        }
        Ok(attested)
    }

    /// Writes everything into the temporary folder, down to the disk.
    fn fill(&self, files: &BTreeMap<String, Vec<u8>>, kept: &[String]) -> Result<(), OutputError> {
        fs::create_dir(&self.temporary).at(&self.parent)?;
        let mut folders = BTreeSet::from([self.temporary.clone()]);
        let mut written = Vec::with_capacity(files.len() + kept.len());
        for (path, bytes) in files {
            let target = self.target(path, &mut folders)?;
            File::create_new(&target).at(&target)?.write_all(bytes).at(&self.out)?;
            written.push(target);
        }
        for path in kept {
            let target = self.target(path, &mut folders)?;
            fs::copy(self.out.join(path), &target).at(&self.out)?;
            written.push(target);
        }
        // Many at once share the disk's waits.
        written.par_iter().try_for_each(|file| File::open(file)?.sync_all()).at(&self.out)?;
        folders.par_iter().for_each(|folder| sync(folder));
        Ok(())
    }

    /// The place of a file in the temporary folder; its folders are made.
    fn target(&self, path: &str, folders: &mut BTreeSet<PathBuf>) -> Result<PathBuf, OutputError> {
        if path.split('/').any(|part| matches!(part, "" | "." | "..")) || path.contains('\0') {
            return Err(OutputError::Path(path.to_owned()));
        }
        let target = self.temporary.join(path);
        let folder = target.parent().unwrap_or(&self.temporary).to_owned();
        if !folders.contains(&folder) {
            fs::create_dir_all(&folder).at(&self.out)?;
            folders.extend(folder.ancestors().take_while(|folder| *folder != self.temporary).map(Path::to_owned));
        }
        Ok(target)
    }

    /// Puts the new package in the place of the old.
    fn swap(&self) -> Result<(), OutputError> {
        let swapped = if self.out.exists() { self.exchange() } else { fs::rename(&self.temporary, &self.out) };
        swapped.map_err(|error| match error.kind() {
            ErrorKind::ResourceBusy | ErrorKind::CrossesDevices => OutputError::Mount(self.out.clone()),
            _ => OutputError::new(&self.out, error),
        })?;
        sync(&self.parent);
        Ok(())
    }

    /// The two folders change places: in one step where the system can.
    fn exchange(&self) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{CWD, RenameFlags, renameat_with};
            use rustix::io::Errno;
            match renameat_with(CWD, &self.temporary, CWD, &self.out, RenameFlags::EXCHANGE) {
                // Old kernels, and file systems that cannot.
                Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
                result => return result.map_err(io::Error::from),
            }
        }
        self.exchange_in_two()
    }

    /// The same in two steps; between them the old package is aside.
    fn exchange_in_two(&self) -> io::Result<()> {
        fs::rename(&self.out, &self.aside)?;
        if let Err(error) = fs::rename(&self.temporary, &self.out) {
            fs::rename(&self.aside, &self.out)?;
            return Err(error);
        }
        fs::rename(&self.aside, &self.temporary)
    }
}

/// Syncs a folder's entries. Where a folder cannot be opened, the system does not need it.
pub(super) fn sync(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

/// Every file below a folder, with `/`; a link counts as a file and is not followed.
fn walk(root: &Path) -> Result<Vec<String>, OutputError> {
    let mut files = Vec::new();
    let mut folders = vec![(root.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in fs::read_dir(&folder).at(&folder)? {
            let entry = entry.at(&folder)?;
            let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.file_type().at(&folder)?.is_dir() {
                folders.push((entry.path(), format!("{path}/")));
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(text: &str) -> BTreeMap<String, Vec<u8>> {
        let mut files =
            BTreeMap::from([("report.md".to_owned(), text.as_bytes().to_vec()), ("inputs/evidence/a.csv".to_owned(), b"a".to_vec())]);
        let root = crate::attest::manifest::Root { leaves: 0, hash: String::new() };
        let listing = crate::attest::manifest::Listing::of(&files);
        let manifest = crate::attest::manifest::written(&listing, crate::model::value::Time(0), &root);
        files.insert(PATH.to_owned(), manifest);
        files
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn writes_and_replaces_and_leaves_nothing_beside() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("deep/report");
        write(&out, &package("one")).unwrap();
        write(&out, &package("two")).unwrap();
        assert_eq!(fs::read(out.join("report.md")).unwrap(), b"two");
        assert_eq!(walk(&out).unwrap(), ["inputs/evidence/a.csv", "manifest.json", "report.md"]);
        assert_eq!(names(&folder.path().join("deep")), ["report"]);
    }

    #[test]
    fn what_is_not_ours_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        fs::create_dir(&out).unwrap();
        write(&out, &package("into an empty folder")).unwrap();
        fs::write(out.join("notes.txt"), "mine").unwrap();
        assert!(matches!(write(&out, &package("x")), Err(OutputError::Foreign { file, .. }) if file == "notes.txt"));
        fs::remove_file(out.join("notes.txt")).unwrap();
        fs::write(out.join(PATH), "{\"schema\":\"something else\"}").unwrap();
        assert!(matches!(write(&out, &package("x")), Err(OutputError::NotOurs(_))));
        fs::remove_file(out.join(PATH)).unwrap();
        assert!(matches!(write(&out, &package("x")), Err(OutputError::NotOurs(_))));
        assert_eq!(fs::read(out.join("report.md")).unwrap(), b"into an empty folder");
        assert_eq!(names(folder.path()), ["out"]);
    }

    #[test]
    fn attestations_stay_with_the_package_they_speak_of() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        write(&out, &package("one")).unwrap();
        fs::create_dir(out.join("attest")).unwrap();
        fs::write(out.join("attest/signature"), "s").unwrap();
        write(&out, &package("one")).unwrap();
        assert_eq!(fs::read(out.join("attest/signature")).unwrap(), b"s");
        assert!(matches!(write(&out, &package("two")), Err(OutputError::Attested(_))));
        assert_eq!(fs::read(out.join("report.md")).unwrap(), b"one");
    }

    #[test]
    fn a_file_and_a_read_only_folder_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "x").unwrap();
        assert!(matches!(write(&file, &package("x")), Err(OutputError::IsFile(_))));
        assert!(matches!(write(&file.join("below"), &package("x")), Err(OutputError::IsFile(_))));
        let out = folder.path().join("closed/out");
        write(&out, &package("one")).unwrap();
        let parent = folder.path().join("closed");
        let open = fs::metadata(&parent).unwrap().permissions();
        let mut closed = open.clone();
        closed.set_readonly(true);
        fs::set_permissions(&parent, closed).unwrap();
        let result = write(&out, &package("two"));
        fs::set_permissions(&parent, open).unwrap();
        assert!(matches!(result, Err(OutputError::ReadOnly(_))), "{result:?}");
        assert_eq!(fs::read(out.join("report.md")).unwrap(), b"one");
    }

    #[test]
    fn a_path_that_leaves_the_package_is_refused_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = package("x");
        files.insert("z/../../../escape".to_owned(), Vec::new());
        assert!(matches!(write(&folder.path().join("out"), &files), Err(OutputError::Path(_))));
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn what_dead_runs_left_is_put_right() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        write(&out, &package("one")).unwrap();
        // Killed between the two renames, after an earlier one was killed while writing.
        fs::rename(&out, folder.path().join(".out.tickmark-aside")).unwrap();
        fs::create_dir(folder.path().join(".out.tickmark-12345")).unwrap();
        fs::create_dir(folder.path().join(".out.tickmark-other")).unwrap();
        let place = Place::of(&out).unwrap();
        place.recover().unwrap();
        assert_eq!(fs::read(out.join("report.md")).unwrap(), b"one");
        assert_eq!(names(folder.path()), [".out.tickmark-other", "out"]);
    }

    #[test]
    fn two_steps_do_the_same_as_one() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        write(&out, &package("one")).unwrap();
        let place = Place::of(&out).unwrap();
        place.fill(&package("two"), &[]).unwrap();
        place.exchange_in_two().unwrap();
        assert_eq!(fs::read(out.join("report.md")).unwrap(), b"two");
        assert_eq!(fs::read(place.temporary.join("report.md")).unwrap(), b"one");
    }
}
