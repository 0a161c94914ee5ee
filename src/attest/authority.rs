//! A time-stamping authority: what its certificate may be used for, how it signs, and that it leads to a root that the reader pinned.

use der::asn1::ObjectIdentifier;
use rsa::pkcs1::DecodeRsaPublicKey;
use rsa::traits::PublicKeyParts;
use rustls_pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm, TrustAnchor, UnixTime, alg_id,
};
use sha2::{Digest, Sha256, Sha384, Sha512};
use webpki::{EndEntityCert, Error, KeyUsage, anchor_from_trusted_cert};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;

use super::time_stamp::StampError;
use crate::model::value::{SECOND, Time};

/// id-kp-timeStamping, 1.3.6.1.5.5.7.3.8, as it is encoded.
const TIME_STAMPING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 8];
/// The shortest RSA key that counts, in bytes.
const RSA_BYTES: usize = 256;

/// A digest that counts; there is none weaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    #[must_use]
    pub fn of(oid: ObjectIdentifier) -> Option<Hash> {
        match oid.to_string().as_str() {
            "2.16.840.1.101.3.4.2.1" => Some(Hash::Sha256),
            "2.16.840.1.101.3.4.2.2" => Some(Hash::Sha384),
            "2.16.840.1.101.3.4.2.3" => Some(Hash::Sha512),
            _ => None,
        }
    }

    #[must_use]
    pub fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Hash::Sha256 => Sha256::digest(bytes).to_vec(),
            Hash::Sha384 => Sha384::digest(bytes).to_vec(),
            Hash::Sha512 => Sha512::digest(bytes).to_vec(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Rsa,
    P256,
    P384,
}

/// A kind of key with a digest. The mathematics is RustCrypto's, the path through the certificates webpki's.
#[derive(Debug)]
struct Algorithm(Key, Hash);

static ALGORITHMS: [&dyn SignatureVerificationAlgorithm; 9] = [
    &Algorithm(Key::Rsa, Hash::Sha256),
    &Algorithm(Key::Rsa, Hash::Sha384),
    &Algorithm(Key::Rsa, Hash::Sha512),
    &Algorithm(Key::P256, Hash::Sha256),
    &Algorithm(Key::P256, Hash::Sha384),
    &Algorithm(Key::P256, Hash::Sha512),
    &Algorithm(Key::P384, Hash::Sha256),
    &Algorithm(Key::P384, Hash::Sha384),
    &Algorithm(Key::P384, Hash::Sha512),
];

impl SignatureVerificationAlgorithm for Algorithm {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let digest = self.1.digest(message);
        let holds = match self.0 {
            Key::Rsa => rsa_holds(self.1, public_key, &digest, signature),
            Key::P256 => {
                use p256::ecdsa::signature::hazmat::PrehashVerifier;
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(public_key).ok();
                let signature = p256::ecdsa::Signature::from_der(signature).ok();
                key.zip(signature).is_some_and(|(key, signature)| key.verify_prehash(&digest, &signature).is_ok())
            }
            Key::P384 => {
                use p384::ecdsa::signature::hazmat::PrehashVerifier;
                let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(public_key).ok();
                let signature = p384::ecdsa::Signature::from_der(signature).ok();
                key.zip(signature).is_some_and(|(key, signature)| key.verify_prehash(&digest, &signature).is_ok())
            }
        };
        if holds { Ok(()) } else { Err(InvalidSignature) }
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        match self.0 {
            Key::Rsa => alg_id::RSA_ENCRYPTION,
            Key::P256 => alg_id::ECDSA_P256,
            Key::P384 => alg_id::ECDSA_P384,
        }
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        match (self.0, self.1) {
            (Key::Rsa, Hash::Sha256) => alg_id::RSA_PKCS1_SHA256,
            (Key::Rsa, Hash::Sha384) => alg_id::RSA_PKCS1_SHA384,
            (Key::Rsa, Hash::Sha512) => alg_id::RSA_PKCS1_SHA512,
            (_, Hash::Sha256) => alg_id::ECDSA_SHA256,
            (_, Hash::Sha384) => alg_id::ECDSA_SHA384,
            (_, Hash::Sha512) => alg_id::ECDSA_SHA512,
        }
    }
}

fn rsa_holds(hash: Hash, public_key: &[u8], digest: &[u8], signature: &[u8]) -> bool {
    let Ok(key) = rsa::PublicKey::from_pkcs1_der(public_key) else { return false };
    let scheme = match hash {
        Hash::Sha256 => rsa::Pkcs1v15Sign::new::<Sha256>(),
        Hash::Sha384 => rsa::Pkcs1v15Sign::new::<Sha384>(),
        Hash::Sha512 => rsa::Pkcs1v15Sign::new::<Sha512>(),
    };
    key.size() >= RSA_BYTES && key.verify(scheme, digest, signature).is_ok()
}

/// What a token's signature algorithm stands for: the digest, and whether the key is an RSA key. Many name the kind of key only, and the digest
/// beside it.
fn named(algorithm: ObjectIdentifier, digest: Hash) -> Option<(bool, Hash)> {
    match algorithm.to_string().as_str() {
        "1.2.840.113549.1.1.1" => Some((true, digest)),
        "1.2.840.113549.1.1.11" => Some((true, Hash::Sha256)),
        "1.2.840.113549.1.1.12" => Some((true, Hash::Sha384)),
        "1.2.840.113549.1.1.13" => Some((true, Hash::Sha512)),
        "1.2.840.10045.4.3.2" => Some((false, Hash::Sha256)),
        "1.2.840.10045.4.3.3" => Some((false, Hash::Sha384)),
        "1.2.840.10045.4.3.4" => Some((false, Hash::Sha512)),
        _ => None,
    }
}

/// The certificate that signed a token, and what else came with it.
#[derive(Clone, Debug)]
pub struct Authority {
    der: Vec<u8>,
    /// Others that may lie between it and a root.
    others: Vec<Vec<u8>>,
    /// Its subject.
    pub name: String,
}

impl Authority {
    /// Takes the signer's certificate out of those of a token.
    pub fn new(certificates: Vec<Vec<u8>>, signed: impl Fn(&X509Certificate) -> bool) -> Result<Authority, StampError> {
        let (mut found, mut others) = (None, Vec::new());
        for der in certificates {
            match read(&der) {
                Ok(certificate) if found.is_none() && signed(&certificate) => found = Some((certificate.subject().to_string(), der)),
                _ => others.push(der),
            }
        }
        let (name, der) = found.ok_or(StampError::NoCertificate)?;
        Ok(Authority { der, others, name })
    }

    /// RFC 3161, 2.3: time stamping is all that its key may be used for, and every reader must heed that. And it is no weak one.
    pub fn stamps(&self) -> Result<(), StampError> {
        let wrong = |why: &str| Err(StampError::Purpose(self.name.clone(), why.to_owned()));
        let certificate = read(&self.der)?;
        let Ok(usage) = certificate.extended_key_usage() else { return wrong("its extended key usage cannot be read") };
        let Some(usage) = usage else { return wrong("it has no extended key usage, and needs that of time stamping") };
        let value = usage.value;
        let others = value.any
            || value.server_auth
            || value.client_auth
            || value.code_signing
            || value.email_protection
            || value.ocsp_signing
            || !value.other.is_empty();
        if !value.time_stamping {
            return wrong("its extended key usage is another than time stamping");
        }
        if others {
            return wrong("its extended key usage allows more than time stamping");
        }
        if !usage.critical {
            return wrong("its extended key usage is not marked critical");
        }
        if matches!(certificate.public_key().parsed(), Ok(PublicKey::RSA(key)) if key.key_size() < 8 * RSA_BYTES) {
            return wrong("its RSA key is shorter than 2048 bits");
        }
        match certificate.key_usage() {
            Ok(Some(usage)) if !usage.value.digital_signature() && !usage.value.non_repudiation() => {
                wrong("its key usage allows no signatures")
            }
            Ok(_) => Ok(()),
            Err(_) => wrong("its key usage cannot be read"),
        }
    }

    /// Whether a certificate identifier of RFC 5035 is its own; `None`: the older one, by SHA-1. That one only names the certificate, whose key has
    /// to fit the signature anyway.
    #[must_use]
    pub fn is(&self, hash: Option<Hash>, digest: &[u8]) -> bool {
        match hash {
            Some(hash) => hash.digest(&self.der) == digest,
            None => sha1::Sha1::digest(&self.der).as_slice() == digest,
        }
    }

    /// Whether it signed these bytes.
    pub fn signed(&self, bytes: &[u8], algorithm: ObjectIdentifier, digest: Hash, signature: &[u8]) -> Result<(), StampError> {
        let (rsa, hash) = named(algorithm, digest).ok_or_else(|| StampError::Algorithm(algorithm.to_string()))?;
        let der = CertificateDer::from(self.der.as_slice());
        let certificate = EndEntityCert::try_from(&der).map_err(|error| self.unusable(error))?;
        let keys: &[Key] = if rsa { &[Key::Rsa] } else { &[Key::P256, Key::P384] };
        if keys.iter().any(|key| certificate.verify_signature(&Algorithm(*key, hash), bytes, signature).is_ok()) {
            Ok(())
        } else {
            Err(StampError::Signature(self.name.clone()))
        }
    }

    /// Follows it to one of the roots, all of it valid at a time; gives the root's subject.
    pub fn leads_to(&self, roots: &[Vec<u8>], at: Time) -> Result<String, StampError> {
        valid(&self.der, at)?;
        let time = u64::try_from(at.0 / SECOND).unwrap_or_default();
        let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(time));
        let pinned: Vec<CertificateDer> = roots.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
        let known = roots.iter().zip(&pinned).filter_map(|(root, der)| Some((root, anchor_from_trusted_cert(der).ok()?)));
        let (known, anchors): (Vec<&Vec<u8>>, Vec<TrustAnchor>) = known.unzip();
        let between: Vec<CertificateDer> = self.others.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
        let der = CertificateDer::from(self.der.as_slice());
        let leaf = EndEntityCert::try_from(&der).map_err(|error| self.unusable(error))?;
        // Those of certificates between, where they have any; the signer's own is looked at more closely above.
        let usage = KeyUsage::required_if_present(TIME_STAMPING);
        let path =
            leaf.verify_for_usage(&ALGORITHMS, &anchors, &between, time, usage, None, None).map_err(|error| self.untrusted(&error))?;
        let root = known.iter().zip(&anchors).find(|(_, anchor)| *anchor == path.anchor());
        let (root, _) = root.ok_or_else(|| self.unusable(Error::UnknownIssuer))?;
        valid(root, at)?;
        Ok(read(root)?.subject().to_string())
    }

    fn unusable(&self, error: Error) -> StampError {
        StampError::Certificate(format!("{} ({error})", self.name))
    }

    fn untrusted(&self, error: &Error) -> StampError {
        let name = self.name.clone();
        let time = |time: &UnixTime| Time(i64::try_from(time.as_secs()).unwrap_or(i64::MAX / SECOND).saturating_mul(SECOND));
        let between = || format!("a certificate between {} and the root", self.name);
        match error {
            Error::UnknownIssuer => StampError::Untrusted(name, "nothing ties it to one of them".to_owned()),
            Error::InvalidSignatureForPublicKey => {
                StampError::Untrusted(name, "it bears the name of one, and was not signed by it".to_owned())
            }
            Error::CertExpired { time: at, not_after } => StampError::Expired(between(), time(not_after), time(at)),
            Error::CertNotValidYet { time: at, not_before } => StampError::NotYet(between(), time(not_before), time(at)),
            other => StampError::Untrusted(name, other.to_string()),
        }
    }
}

/// A certificate of its own, without anything after it.
pub fn read(der: &[u8]) -> Result<X509Certificate<'_>, StampError> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(StampError::Certificate("not X.509".to_owned())),
    }
}

fn valid(der: &[u8], at: Time) -> Result<(), StampError> {
    let certificate = read(der)?;
    let name = format!("the certificate of {}", certificate.subject());
    let time = |seconds: i64| Time(seconds.saturating_mul(SECOND));
    let (from, until) = (time(certificate.validity().not_before.timestamp()), time(certificate.validity().not_after.timestamp()));
    if at < from {
        return Err(StampError::NotYet(name, from, at));
    }
    // The second that it names still belongs to it.
    if at.0 >= until.0.saturating_add(SECOND) {
        return Err(StampError::Expired(name, until, at));
    }
    Ok(())
}
