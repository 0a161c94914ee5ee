//! The key under which secrets become fingerprints.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::EvidenceError;
use crate::model::digest::{hex, sha256};

/// Where the key lies, below the project.
const PLACE: &str = ".tickmark/fingerprint.key";
/// How a key begins that everybody may know.
const PUBLISHED: &str = "# published";

/// A key of 32 random bytes, kept as 64 hex digits in a file of mode 0600. It never enters a package. It is read, or
/// made, when the first secret turns up: evidence without secrets, and evidence whose secrets are fingerprints already,
/// needs none.
pub struct FingerprintKey {
    /// The project's folder; `None`: the key was given.
    root: Option<PathBuf>,
    held: OnceLock<Result<Held, String>>,
}

struct Held {
    bytes: Vec<u8>,
    id: String,
    made: bool,
}

impl Held {
    fn new(bytes: Vec<u8>, made: bool) -> Held {
        let id = sha256(&bytes)[..8].to_owned();
        Held { bytes, id, made }
    }
}

impl std::fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FingerprintKey")
    }
}

impl FingerprintKey {
    /// The key of a project.
    #[must_use]
    pub fn of(root: &Path) -> FingerprintKey {
        FingerprintKey { root: Some(root.to_owned()), held: OnceLock::new() }
    }

    /// A key that is given.
    #[must_use]
    pub fn given(bytes: &[u8]) -> FingerprintKey {
        FingerprintKey { root: None, held: OnceLock::from(Ok(Held::new(bytes.to_owned(), false))) }
    }

    fn held(&self) -> &Result<Held, String> {
        self.held.get_or_init(|| match &self.root {
            Some(root) => Self::read_or_make(&root.join(PLACE)),
            None => Err("no key was given".to_owned()),
        })
    }

    /// Makes sure that there is a key; gives whether it was made.
    ///
    /// # Errors
    /// It can be neither read nor made.
    pub fn ensure(&self) -> Result<bool, EvidenceError> {
        let _ = self.held();
        self.fault().map_or_else(|| Ok(self.made().is_some()), Err)
    }

    fn read_or_make(path: &Path) -> Result<Held, String> {
        match fs::read_to_string(path) {
            Ok(text) => {
                let mode = fs::metadata(path).map_err(|error| format!("cannot be read: {error}"))?.permissions().mode() & 0o777;
                if mode & 0o077 != 0 && !text.starts_with(PUBLISHED) {
                    return Err(format!(
                        "its mode is {mode:04o}: whoever reads it can try guesses on every fingerprint; `chmod 600` it (a key that is \
                         meant to be known, as an example's, begins with a line `{PUBLISHED}`)"
                    ));
                }
                let digits = text.lines().filter(|line| !line.starts_with('#')).collect::<String>();
                let digits = digits.trim();
                let bytes: Option<Vec<u8>> = (digits.len() == 64)
                    .then(|| (0..32).map(|at| digits.get(at * 2..at * 2 + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok())).collect())
                    .flatten();
                bytes.map(|bytes| Held::new(bytes, false)).ok_or_else(|| {
                    "expected 64 hex digits; restore the key, or remove the file to make a new one (fingerprints of the two cannot be compared)".to_owned()
                })
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let mut bytes = vec![0; 32];
                getrandom::fill(&mut bytes).map_err(|error| format!("no randomness for a new key: {error}"))?;
                match Self::store(path, &bytes) {
                    Ok(()) => Ok(Held::new(bytes, true)),
                    // Another process was first: its key is the key.
                    Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Self::read_or_make(path),
                    Err(error) => Err(format!("a new key cannot be stored: {error}")),
                }
            }
            Err(error) => Err(format!("cannot be read: {error}")),
        }
    }

    /// The key's file, if it was made on this occasion.
    #[must_use]
    pub fn made(&self) -> Option<PathBuf> {
        match (self.held.get(), &self.root) {
            (Some(Ok(Held { made: true, .. })), Some(root)) => Some(root.join(PLACE)),
            _ => None,
        }
    }

    /// Why it could not be had when it was needed. Nothing that was read with it may be kept.
    pub(super) fn fault(&self) -> Option<EvidenceError> {
        match (self.held.get(), &self.root) {
            (Some(Err(why)), Some(root)) => Some(EvidenceError::Key { path: root.join(PLACE), why: why.clone() }),
            _ => None,
        }
    }

    fn store(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(path);
        fs::create_dir_all(folder)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        // Of mode 0600 from the start, and whole before it has its name.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(format!("{}\n", hex(bytes)).as_bytes())?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path).map(drop).map_err(|error| error.error)
    }

    /// `hmac-sha256:<key id>:<hex>` of a secret; the key id is the first 8 digits of the key's SHA-256.
    #[must_use]
    pub fn fingerprint(&self, secret: &str) -> String {
        let (bytes, id) = match self.held() {
            Ok(held) => (held.bytes.as_slice(), held.id.as_str()),
            Err(_) => (&[][..], "none"),
        };
        let code = match Hmac::<Sha256>::new_from_slice(bytes) {
            Ok(mut mac) => {
                mac.update(secret.as_bytes());
                hex(&mac.finalize().into_bytes())
            }
            // HMAC takes keys of any length.
            Err(_) => String::new(),
        };
        format!("hmac-sha256:{id}:{code}")
    }
}
