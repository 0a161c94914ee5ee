//! The key under which secrets become fingerprints.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::EvidenceError;
use crate::model::digest::{hex, sha256};

/// Where the key lies, below the project.
const PLACE: &str = ".tickmark/fingerprint.key";

/// A key of 32 random bytes, kept as 64 hex digits in a file of mode 0600. It never enters a package.
#[derive(Clone)]
pub struct FingerprintKey {
    bytes: Vec<u8>,
    id: String,
}

impl std::fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FingerprintKey({})", self.id)
    }
}

impl FingerprintKey {
    fn new(bytes: Vec<u8>) -> FingerprintKey {
        let id = sha256(&bytes)[..8].to_owned();
        FingerprintKey { bytes, id }
    }

    /// Stands in where no mapping has secrets.
    #[must_use]
    pub fn unused() -> FingerprintKey {
        FingerprintKey::new(Vec::new())
    }

    /// Reads the project's key, or makes one; says whether it was made.
    ///
    /// # Errors
    /// The file cannot be read or written, is readable by others, or is not 64 hex digits.
    pub fn load_or_create(root: &Path) -> Result<(FingerprintKey, bool), EvidenceError> {
        let path = root.join(PLACE);
        let fault = |why: String| EvidenceError::Key { path: path.clone(), why };
        match fs::read_to_string(&path) {
            Ok(text) => {
                let digits = text.trim();
                let bytes: Option<Vec<u8>> = (digits.len() == 64)
                    .then(|| (0..32).map(|at| digits.get(at * 2..at * 2 + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok())).collect())
                    .flatten();
                let bytes = bytes.ok_or_else(|| fault("expected 64 hex digits; restore the key, or remove the file to make a new one (fingerprints of the two cannot be compared)".to_owned()))?;
                Ok((FingerprintKey::new(bytes), false))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let mut bytes = vec![0; 32];
                getrandom::fill(&mut bytes).map_err(|error| fault(format!("no randomness for a new key: {error}")))?;
                Self::store(&path, &bytes).map_err(|error| fault(format!("a new key cannot be stored: {error}")))?;
                Ok((FingerprintKey::new(bytes), true))
            }
            Err(error) => Err(fault(format!("cannot be read: {error}"))),
        }
    }

    fn store(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(path);
        fs::create_dir_all(folder)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        let fresh = path.with_extension("new");
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(format!("{}\n", hex(bytes)).as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    }

    /// Names the key without giving it away: the first 8 digits of its SHA-256.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// `hmac-sha256:<key id>:<hex>` of a secret.
    #[must_use]
    pub fn fingerprint(&self, secret: &str) -> String {
        let code = match Hmac::<Sha256>::new_from_slice(&self.bytes) {
            Ok(mut mac) => {
                mac.update(secret.as_bytes());
                hex(&mac.finalize().into_bytes())
            }
            // HMAC takes keys of any length.
            Err(_) => String::new(),
        };
        format!("hmac-sha256:{}:{code}", self.id)
    }
}
