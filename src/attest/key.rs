//! Ed25519 keys in the files that people have: OpenSSH and PEM.

use ed25519_dalek::pkcs8::DecodePrivateKey;
use ed25519_dalek::pkcs8::spki::DecodePublicKey;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use ssh_key::private::KeypairData;
use ssh_key::public::{Ed25519PublicKey, KeyData};
use ssh_key::{HashAlg, PrivateKey};

/// Why a key cannot be used.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    #[error("it is encrypted, and no passphrase was given")]
    Encrypted,
    #[error("the passphrase is not the one that it was encrypted with")]
    Passphrase,
    #[error("it is an encrypted PKCS#8 key, which this program does not read; decrypt it with `openssl pkcs8`, or use an OpenSSH key")]
    EncryptedPkcs8,
    #[error("it is a key of another kind ({0}); only Ed25519 signs: `ssh-keygen -t ed25519` makes one")]
    Kind(String),
    #[error("it is no {0}")]
    Unreadable(&'static str),
}

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads `ssh-ed25519 AAAA… comment`, or PEM (`BEGIN PUBLIC KEY`).
    ///
    /// # Errors
    /// [`KeyError`]
    pub fn read(text: &str) -> Result<PublicKey, KeyError> {
        let wrong = KeyError::Unreadable("public key in OpenSSH's form or in PEM");
        let text = text.trim();
        if text.starts_with("-----BEGIN PUBLIC KEY-----") {
            return VerifyingKey::from_public_key_pem(text)
                .map(PublicKey)
                .map_err(|_| KeyError::Kind("see `openssl pkey -pubin -text`".to_owned()));
        }
        let key = ssh_key::PublicKey::from_openssh(text).map_err(|_| wrong.clone())?;
        match key.key_data() {
            KeyData::Ed25519(key) => VerifyingKey::from_bytes(&key.0).map(PublicKey).map_err(|_| wrong),
            _ => Err(KeyError::Kind(key.algorithm().as_str().to_owned())),
        }
    }

    /// `SHA256:…`, as `ssh-keygen -l` prints it: the name of the key.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.data().fingerprint(HashAlg::Sha256).to_string()
    }

    /// `ssh-ed25519 AAAA…`, without a comment.
    #[must_use]
    pub fn openssh(&self) -> String {
        ssh_key::PublicKey::new(self.data(), "").to_openssh().map(|text| text.trim().to_owned()).unwrap_or_default()
    }

    fn data(&self) -> KeyData {
        KeyData::Ed25519(Ed25519PublicKey(self.0.to_bytes()))
    }

    /// Whether a signature over some bytes is this key's; keys and signatures that mean several things at once are refused.
    #[must_use]
    pub fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature).is_ok_and(|signature| self.0.verify_strict(bytes, &signature).is_ok())
    }
}

/// A private key.
#[derive(Debug)]
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// Reads an OpenSSH private key, or PKCS#8 in PEM. `passphrase` is asked for only where the key is encrypted.
    ///
    /// # Errors
    /// [`KeyError`]
    pub fn read(text: &str, passphrase: impl FnOnce() -> Option<String>) -> Result<SecretKey, KeyError> {
        if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") {
            return Err(KeyError::EncryptedPkcs8);
        }
        if text.contains("-----BEGIN PRIVATE KEY-----") {
            return SigningKey::from_pkcs8_pem(text.trim())
                .map(SecretKey)
                .map_err(|_| KeyError::Kind("see `openssl pkey -text -noout`".to_owned()));
        }
        let mut key = PrivateKey::from_openssh(text).map_err(|_| KeyError::Unreadable("private key in OpenSSH's form or in PKCS#8 PEM"))?;
        if key.is_encrypted() {
            key = key.decrypt(passphrase().ok_or(KeyError::Encrypted)?).map_err(|_| KeyError::Passphrase)?;
        }
        match key.key_data() {
            KeypairData::Ed25519(pair) => Ok(SecretKey(SigningKey::from_bytes(&pair.private.to_bytes()))),
            _ => Err(KeyError::Kind(key.algorithm().as_str().to_owned())),
        }
    }

    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    #[must_use]
    pub fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.0.sign(bytes).to_bytes().to_vec()
    }
}
