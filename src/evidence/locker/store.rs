//! Reading the journal, and adding to it.
//!
//! Every file is written under another name, synced, and then given its own, which must be free: whoever reads sees it whole or
//! not at all, and nothing is ever overwritten. Exports come before the record that names them. Writers take turns by a lock
//! that the system lets go of when they die; what they left unfinished, the next one removes.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::PLACE;
use super::record::{Record, SCHEMA, Stored};
use crate::evidence::EvidenceError;
use crate::model::digest::sha256;

/// What the names of unfinished files start with.
const UNFINISHED: &str = ".unfinished-";

/// The locker of a project.
#[derive(Debug)]
pub struct Locker {
    /// The project.
    root: PathBuf,
}

/// One record as it lies there.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Below the project.
    pub path: String,
    pub bytes: Vec<u8>,
    pub record: Record,
}

/// An export that is to be stored: already redacted.
#[derive(Debug)]
pub struct Arrived {
    pub name: String,
    /// What its name in the locker ends with: `json`.
    pub ending: String,
    pub bytes: Vec<u8>,
    pub original_sha256: String,
    pub redacted: usize,
    pub records: i64,
}

impl Locker {
    #[must_use]
    pub fn of(root: &Path) -> Locker {
        Locker { root: root.to_owned() }
    }

    fn fault(&self, path: &Path, why: impl ToString) -> EvidenceError {
        EvidenceError::Locker { path: self.root.join(path), why: why.to_string() }
    }

    /// Every record, by number. In a package the journal has gaps: it holds what the assessment read.
    ///
    /// # Errors
    /// A record cannot be read, or is not the one that the next was made after.
    pub fn journal(&self) -> Result<Vec<Entry>, EvidenceError> {
        let folder = Path::new(PLACE).join("journal");
        let mut names = Vec::new();
        match fs::read_dir(self.root.join(&folder)) {
            Ok(entries) => {
                for entry in entries {
                    let name = entry.map_err(|why| self.fault(&folder, why))?.file_name().to_string_lossy().into_owned();
                    if name.ends_with(".json") && !name.starts_with('.') {
                        names.push(name);
                    }
                }
            }
            Err(why) if why.kind() == ErrorKind::NotFound => {}
            Err(why) => return Err(self.fault(&folder, why)),
        }
        names.sort();
        let mut journal: Vec<Entry> = Vec::with_capacity(names.len());
        for name in names {
            let path = format!("{PLACE}/journal/{name}");
            let fault = |why: String| self.fault(Path::new(&path), why);
            let bytes = fs::read(self.root.join(&path)).map_err(|why| fault(why.to_string()))?;
            let record: Record = serde_json::from_slice(&bytes).map_err(|why| fault(format!("no record of a collection: {why}")))?;
            if record.schema != SCHEMA {
                return Err(fault(format!("its schema is `{}`; this program reads `{SCHEMA}`", record.schema)));
            }
            if name != file_name(record.number) {
                return Err(fault(format!("it says that it is number {}", record.number)));
            }
            if let Some(stored) =
                record.files.iter().find(|stored| !stored.path.starts_with("locker/exports/") || stored.path.contains(".."))
            {
                return Err(fault(format!("`{}` does not lie in the locker", stored.path)));
            }
            if let Some(last) = journal.last().filter(|last| last.record.number + 1 == record.number)
                && record.previous.as_deref() != Some(&sha256(&last.bytes))
            {
                return Err(
                    self.fault(Path::new(&last.path), "it was changed after the next record was written; a locker is only added to")
                );
            }
            journal.push(Entry { path, bytes, record });
        }
        Ok(journal)
    }

    /// The numbers of records that should be there and are not.
    #[must_use]
    pub fn missing(journal: &[Entry]) -> Vec<u64> {
        let mut expected = 1;
        let mut missing = Vec::new();
        for entry in journal {
            missing.extend(expected..entry.record.number);
            expected = entry.record.number + 1;
        }
        missing
    }

    /// Whether a stored export is what its record says; the reason if not.
    #[must_use]
    pub fn wrong(&self, stored: &Stored) -> Option<String> {
        match fs::read(self.root.join(&stored.path)) {
            Ok(bytes) if sha256(&bytes) == stored.sha256 => None,
            Ok(_) => Some("is not what was stored: its digest is another".to_owned()),
            Err(why) => Some(format!("cannot be read: {why}")),
        }
    }

    /// Stores exports and the record of how they came. Number, predecessor and files of the record are filled in.
    ///
    /// # Errors
    /// The locker cannot be written, or what is in it is not sound. Nothing is then stored that a reader would see.
    pub fn add(&self, mut record: Record, arrived: Vec<Arrived>) -> Result<Entry, EvidenceError> {
        let place = Path::new(PLACE);
        for folder in [place.to_owned(), place.join("exports"), place.join("journal")] {
            let made = fs::DirBuilder::new().mode(0o700).recursive(true).create(self.root.join(&folder));
            made.map_err(|why| self.fault(&folder, why))?;
        }
        let lock = place.join("lock");
        let held = File::options().create(true).truncate(false).write(true).open(self.root.join(&lock)).and_then(|file| {
            file.lock()?;
            Ok(file)
        });
        let _held = held.map_err(|why| self.fault(&lock, why))?;
        self.remove_unfinished()?;
        let journal = self.journal()?;
        record.number = journal.last().map_or(1, |last| last.record.number + 1);
        record.previous = journal.last().map(|last| sha256(&last.bytes));
        for export in arrived {
            let digest = sha256(&export.bytes);
            let name = format!("{}-{}.{}", plain(&record.source), &digest[..16], plain(&export.ending));
            let path = format!("{PLACE}/exports/{name}");
            self.put(Path::new(&path), &export.bytes)?;
            record.files.push(Stored {
                name: export.name,
                path,
                bytes: export.bytes.len() as u64,
                sha256: digest,
                original_sha256: export.original_sha256,
                redacted: export.redacted,
                records: export.records,
            });
        }
        let path = format!("{PLACE}/journal/{}", file_name(record.number));
        let mut bytes = serde_json_canonicalizer::to_vec(&record).map_err(|why| self.fault(Path::new(&path), why))?;
        bytes.push(b'\n');
        self.put(Path::new(&path), &bytes)?;
        Ok(Entry { path, bytes, record })
    }

    fn remove_unfinished(&self) -> Result<(), EvidenceError> {
        for folder in ["exports", "journal"] {
            let folder = Path::new(PLACE).join(folder);
            for entry in fs::read_dir(self.root.join(&folder)).map_err(|why| self.fault(&folder, why))? {
                let entry = entry.map_err(|why| self.fault(&folder, why))?;
                if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                    fs::remove_file(entry.path()).map_err(|why| self.fault(&folder, why))?;
                }
            }
        }
        Ok(())
    }

    /// Writes a file whole, down to the disk. One of the same name must hold the same.
    fn put(&self, path: &Path, bytes: &[u8]) -> Result<(), EvidenceError> {
        let target = self.root.join(path);
        let folder = target.parent().unwrap_or(&target);
        let written = || -> io::Result<()> {
            let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder)?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            match file.persist_noclobber(&target) {
                Err(error) if error.error.kind() == ErrorKind::AlreadyExists => match fs::read(&target)? == bytes {
                    true => Ok(()),
                    false => Err(io::Error::other("it is there already and holds something else; a locker is only added to")),
                },
                Err(error) => Err(error.error),
                Ok(_) => File::open(folder)?.sync_all(),
            }
        };
        written().map_err(|why| self.fault(path, why))
    }
}

fn file_name(number: u64) -> String {
    format!("{number:08}.json")
}

/// A part of a file's name: whatever a source is called.
fn plain(text: &str) -> String {
    let plain: String = text.chars().take(60).map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect();
    if plain.is_empty() { "export".to_owned() } else { plain }
}
