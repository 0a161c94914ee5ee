//! Time stamps by others (RFC 3161): the query over a signature, the reply, and the token that stays in the package.
//!
//! What is stamped is the file of a sign-off, so that the signature and all that it is over are known to have existed by then. The query follows from
//! that file alone: whoever has the package can make it again.

use der::asn1::{Null, ObjectIdentifier, OctetStringRef};
use der::{AnyRef, Decode, Encode, Tag, TagNumber, Tagged};
use sha2::{Digest, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;

use super::authority::{Authority, Hash};
use super::policy;
use super::sign_off;
use super::tsp::{
    AlgorithmIdentifier, Attribute, CONTENT_TYPE, ContentInfo, EssCertId, EssCertIdV2, IssuerAndSerialNumber, MESSAGE_DIGEST,
    MessageImprint, PkiStatusInfo, SIGNED_DATA, SIGNING_CERTIFICATE, SIGNING_CERTIFICATE_V2, SignedData, SignerInfo, SigningCertificate,
    TST_INFO, TimeStampReq, TimeStampResp, TstInfo,
};
use crate::model::digest::hex;
use crate::model::value::{SECOND, Time};

/// What the names of time stamps end with, where those of sign-offs end with [`sign_off::ENDING`].
pub const ENDING: &str = ".tst";
/// The largest reply that is read, and the most certificates in it.
const LIMIT: usize = 64 << 10;
const CERTIFICATES: usize = 16;
const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");

/// Why a time stamp does not count.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum StampError {
    #[error("it is larger than {LIMIT} bytes, or holds more than {CERTIFICATES} certificates")]
    TooLarge,
    #[error("its {0} is not what RFC 3161 says: {1}")]
    Form(&'static str, String),
    #[error("the authority refused to stamp: {0}")]
    Rejected(String),
    #[error("it stamps a digest by {0}, and the query asks for SHA-256")]
    ImprintHash(String),
    #[error("it stamps other bytes than this signature: their SHA-256 is {0}")]
    Imprint(String),
    #[error("it answers another query: its nonce is {0}, and that of the query over this signature is {1}")]
    Nonce(String, String),
    #[error("the certificate that signed it is not in it; the query asks for it")]
    NoCertificate,
    #[error("a certificate in it cannot be used: {0}")]
    Certificate(String),
    #[error("the certificate of {0} is not one for time stamps: {1}")]
    Purpose(String, String),
    #[error("it is signed by {0}; RSA and ECDSA on P-256 or P-384 count, with SHA-256, SHA-384 or SHA-512")]
    Algorithm(String),
    #[error("the signature is not one of {0} over what it says")]
    Signature(String),
    #[error("the policy accepts the time stamps of {1}, and it was made under {0}")]
    Policy(String, String),
    #[error("the certificate of {0} does not lead to a root that the policy pins: {1}")]
    Untrusted(String, String),
    #[error("expired: {0} was valid until {1}, and it was made at {2}")]
    Expired(String, Time, Time),
    #[error("too early: {0} is valid from {1} on, and it was made at {2}")]
    NotYet(String, Time, Time),
}

/// A time stamp that fits its signature and is signed by the certificate in it. Whether that is one to be trusted only a policy says.
#[derive(Clone, Debug)]
pub struct Stamp {
    /// When it was made.
    pub at: Time,
    /// By when the signature existed: the same, with what the authority says of its clock's accuracy.
    pub by: Time,
    /// Under which of its policies the authority made it.
    pub policy: String,
    pub authority: Authority,
}

/// Where the time stamp of a sign-off lies.
#[must_use]
pub fn path(sign_off: &str) -> String {
    format!("{}{ENDING}", sign_off.strip_suffix(sign_off::ENDING).unwrap_or(sign_off))
}

/// Of the same sign-off always the same: eight bytes of a digest, the two highest bits being 01, so that it is positive and no shorter.
fn nonce(signed: &[u8]) -> u64 {
    let digest = Sha256::new().chain_update(b"tickmark/time-stamp/1\n").chain_update(signed).finalize();
    let first = digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    first & (u64::MAX >> 2) | 1 << 62
}

fn form(what: &'static str) -> impl Fn(der::Error) -> StampError {
    move |error| StampError::Form(what, error.to_string())
}

/// The query for a time stamp over a sign-off, in DER.
///
/// # Errors
/// None that can come about: the query's length is fixed.
pub fn query(signed: &[u8]) -> Result<Vec<u8>, StampError> {
    let digest = Sha256::digest(signed);
    let message = OctetStringRef::new(&digest).map_err(form("query"))?;
    let hash = AlgorithmIdentifier { oid: SHA_256, parameters: Some(AnyRef::from(Null)) };
    let imprint = MessageImprint { hash, message };
    let query = TimeStampReq { version: 1, imprint, policy: None, nonce: Some(nonce(signed)), certificates: true };
    query.to_der().map_err(form("query"))
}

/// The token of an authority's reply.
///
/// # Errors
/// The authority refused, or it is no reply.
pub fn token(reply: &[u8]) -> Result<Vec<u8>, StampError> {
    if reply.len() > LIMIT {
        return Err(StampError::TooLarge);
    }
    let reply = TimeStampResp::from_der(reply).map_err(form("reply"))?;
    match (reply.status.status, reply.token) {
        (0 | 1, Some(token)) => token.to_der().map_err(form("reply")),
        (0 | 1, None) => Err(StampError::Form("reply", "it is granted, and holds no token".to_owned())),
        _ => Err(StampError::Rejected(refusal(&reply.status))),
    }
}

fn refusal(status: &PkiStatusInfo) -> String {
    let word = match status.status {
        2 => "rejected",
        3 => "waiting",
        4 => "a revocation is near",
        5 => "revoked",
        _ => "an unknown status",
    };
    // RFC 3161, 2.4.2: PKIFailureInfo.
    let causes = [
        (0, "it does not know the digest's algorithm"),
        (2, "it does not permit the request"),
        (5, "it cannot read the query"),
        (14, "its clock is out of order"),
        (15, "it does not have the policy that was asked for"),
        (16, "it does not know an extension"),
        (17, "it cannot tell what was asked for in addition"),
        (25, "it failed"),
    ];
    let mut said = vec![word.to_owned()];
    if let Some(bits) = &status.failure {
        said.extend(causes.iter().filter(|(at, _)| bits.bits().nth(*at) == Some(true)).map(|(_, cause)| (*cause).to_owned()));
    }
    said.extend(status.text.iter().flatten().map(|text| format!("\u{201c}{}\u{201d}", text.as_str())));
    said.join("; ")
}

/// The digest that a token stamps, if it can be read: to find out whose it is.
#[must_use]
pub fn stamps(token: &[u8], signed: &[u8]) -> bool {
    opened(token, |_, info, _| Ok(info.imprint.message.as_bytes() == Sha256::digest(signed).as_slice())).unwrap_or_default()
}

/// Reads a token over a sign-off, and holds it against everything but a reader's trust.
///
/// # Errors
/// [`StampError`]
pub fn read(token: &[u8], signed: &[u8]) -> Result<Stamp, StampError> {
    opened(token, |data, info, content| {
        if info.imprint.hash.oid != SHA_256 {
            return Err(StampError::ImprintHash(info.imprint.hash.oid.to_string()));
        }
        if info.imprint.message.as_bytes() != Sha256::digest(signed).as_slice() {
            return Err(StampError::Imprint(hex(info.imprint.message.as_bytes())));
        }
        let asked = nonce(signed).to_be_bytes();
        if info.nonce.map(|nonce| nonce.as_bytes()) != Some(&asked[..]) {
            let given = info.nonce.map_or_else(|| "none".to_owned(), |nonce| hex(nonce.as_bytes()));
            return Err(StampError::Nonce(given, hex(&asked)));
        }
        if let Some(extension) = info.extensions.iter().flatten().find(|extension| extension.critical) {
            return Err(StampError::Form("content", format!("its extension {} is critical, and not known here", extension.kind)));
        }
        let at = time(&info.time)?;
        let by = info.accuracy.as_ref().map_or(0, |accuracy| {
            let micros = i64::from(accuracy.millis.unwrap_or(0)) * 1_000 + i64::from(accuracy.micros.unwrap_or(0));
            i64::from(accuracy.seconds.unwrap_or(0)) * SECOND + micros
        });
        let authority = signer(data, content)?;
        Ok(Stamp { at, by: Time(at.0.saturating_add(by)), policy: info.policy.to_string(), authority })
    })
}

impl Stamp {
    /// Holds it against what a reader trusts; gives the name of the root.
    ///
    /// # Errors
    /// Why it is not to be trusted.
    pub fn trusted(&self, accepted: &policy::TimeStamp) -> Result<String, StampError> {
        let root = self.authority.leads_to(&accepted.roots, self.at)?;
        if !accepted.policies.is_empty() && !accepted.policies.contains(&self.policy) {
            return Err(StampError::Policy(self.policy.clone(), accepted.policies.join(", ")));
        }
        Ok(root)
    }
}

/// Unpacks a token: the container, what is stamped, and its bytes.
fn opened<T>(token: &[u8], with: impl FnOnce(&SignedData, &TstInfo, &[u8]) -> Result<T, StampError>) -> Result<T, StampError> {
    if token.len() > LIMIT {
        return Err(StampError::TooLarge);
    }
    let outer = ContentInfo::from_der(token).map_err(form("token"))?;
    if outer.kind != SIGNED_DATA {
        return Err(StampError::Form("token", "it is not signed".to_owned()));
    }
    let data: SignedData = outer.content.decode_as().map_err(form("token"))?;
    let content = match data.content.content {
        Some(content) if data.version == 3 && data.content.kind == TST_INFO => content.as_bytes(),
        _ => return Err(StampError::Form("token", "what it holds is no time stamp".to_owned())),
    };
    let info = TstInfo::from_der(content).map_err(form("content"))?;
    if info.version != 1 {
        return Err(StampError::Form("content", format!("its version is {}, expected 1", info.version)));
    }
    with(&data, &info, content)
}

/// Who signed, once it is sure that they did.
fn signer(data: &SignedData, content: &[u8]) -> Result<Authority, StampError> {
    let wrong = |why: &str| StampError::Form("signature", why.to_owned());
    let [signer] = data.signers.as_slice() else { return Err(wrong("there must be one, and no more")) };
    let signer: SignerInfo = signer.decode_as().map_err(form("signature"))?;
    let certificates: Vec<&AnyRef> = data.certificates.iter().flatten().filter(|choice| choice.tag() == Tag::Sequence).collect();
    if certificates.len() > CERTIFICATES {
        return Err(StampError::TooLarge);
    }
    let certificates = certificates.into_iter().map(|der| der.to_der().map_err(form("token"))).collect::<Result<_, _>>()?;
    let identified = identified(&signer)?;
    let authority = Authority::new(certificates, identified)?;
    authority.stamps()?;

    let digest = Hash::of(signer.digest.oid).ok_or_else(|| StampError::Algorithm(signer.digest.oid.to_string()))?;
    let set = signer.attributes.as_ref().ok_or_else(|| wrong("it has no signed attributes"))?;
    let attributes = set.iter().map(|any| any.decode_as().map_err(form("signature"))).collect::<Result<Vec<Attribute>, _>>()?;
    // Each stands once at most, with one value.
    let one = |kind: ObjectIdentifier| {
        let mut named = attributes.iter().filter(|attribute| attribute.kind == kind);
        match (named.next().map(|attribute| attribute.values.as_slice()), named.next()) {
            (None, _) => Ok(None),
            (Some([value]), None) => Ok(Some(*value)),
            _ => Err(wrong("an attribute stands twice")),
        }
    };
    let kind = one(CONTENT_TYPE)?.and_then(|value| value.decode_as::<ObjectIdentifier>().ok());
    if kind != Some(TST_INFO) {
        return Err(wrong("its attribute content-type is not that of a time stamp"));
    }
    let message = one(MESSAGE_DIGEST)?.and_then(|value| value.decode_as::<&OctetStringRef>().ok());
    if message.map(OctetStringRef::as_bytes) != Some(&digest.digest(content)) {
        return Err(wrong("its attribute message-digest is not that of the content: it was changed"));
    }
    let (first, second) = (one(SIGNING_CERTIFICATE)?, one(SIGNING_CERTIFICATE_V2)?);
    if first.is_none() && second.is_none() {
        return Err(wrong("no attribute signing-certificate says whose it is"));
    }
    for (value, newer) in first.map(|value| (value, false)).into_iter().chain(second.map(|value| (value, true))) {
        if !names(&authority, value, newer)? {
            return Err(wrong("its attribute signing-certificate names another certificate"));
        }
    }
    let signed = set.to_der().map_err(form("signature"))?;
    authority.signed(&signed, signer.algorithm.oid, digest, signer.signature.as_bytes())?;
    if [signer.digest, signer.algorithm].iter().filter_map(|algorithm| algorithm.parameters).any(|given| given.tag() != Tag::Null) {
        return Err(wrong("its algorithms have parameters"));
    }
    Ok(authority)
}

/// Which certificate a signature says is the signer's.
fn identified(signer: &SignerInfo) -> Result<impl Fn(&X509Certificate) -> bool + use<>, StampError> {
    let wanted = match (signer.version, signer.signer.tag()) {
        (1, Tag::Sequence) => {
            let named: IssuerAndSerialNumber = signer.signer.decode_as().map_err(form("signature"))?;
            Ok((named.issuer.to_der().map_err(form("signature"))?, named.serial.as_bytes().to_vec()))
        }
        (3, Tag::ContextSpecific { number: TagNumber(0), .. }) => Err(signer.signer.value().to_vec()),
        _ => return Err(StampError::Form("signature", "it does not say whose it is".to_owned())),
    };
    Ok(move |certificate: &X509Certificate| match &wanted {
        Ok((issuer, serial)) => certificate.issuer().as_raw() == issuer && certificate.raw_serial() == serial,
        Err(key) => certificate.extensions().iter().any(
            |extension| matches!(extension.parsed_extension(), ParsedExtension::SubjectKeyIdentifier(identifier) if identifier.0 == key),
        ),
    })
}

/// Whether an attribute signing-certificate names the authority's.
fn names(authority: &Authority, value: AnyRef, newer: bool) -> Result<bool, StampError> {
    let named: SigningCertificate = value.decode_as().map_err(form("signature"))?;
    let Some(first) = named.certificates.first() else { return Ok(false) };
    if !newer {
        let id: EssCertId = first.decode_as().map_err(form("signature"))?;
        return Ok(authority.is(None, id.hash.as_bytes()));
    }
    let id: EssCertIdV2 = first.decode_as().map_err(form("signature"))?;
    let oid = id.algorithm.map_or(SHA_256, |algorithm| algorithm.oid);
    let hash = Hash::of(oid).ok_or_else(|| StampError::Algorithm(oid.to_string()))?;
    Ok(authority.is(Some(hash), id.hash.as_bytes()))
}

/// A GeneralizedTime as RFC 3161 restricts it: `20260701090000Z`, or with fractions of a second.
fn time(value: &AnyRef) -> Result<Time, StampError> {
    let wrong = || StampError::Form("content", "its genTime is no time".to_owned());
    let text = std::str::from_utf8(value.value()).map_err(|_| wrong())?;
    let (date, rest) = text.split_at_checked(8).ok_or_else(wrong)?;
    let (clock, fraction) = rest.split_at_checked(6).ok_or_else(wrong)?;
    if value.tag() != Tag::GeneralizedTime || !date.bytes().chain(clock.bytes()).all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let (year, day, hour, second) = (&date[..4], &date[6..], &clock[..2], &clock[4..]);
    let text = format!("{year}-{}-{day}T{hour}:{}:{second}{fraction}", &date[4..6], &clock[2..4]);
    if fraction.ends_with('Z') { Time::parse(&text).map_err(|_| wrong()) } else { Err(wrong()) }
}
