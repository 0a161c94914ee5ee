//! The structures of a time stamp, as their RFCs write them: RFC 3161 (request, reply, TSTInfo), RFC 5652 (the signed container) and RFC 5035 (which
//! certificate signed). Strict DER; what stands behind the fields that are read here is bounded by the size of the whole.

use der::asn1::{BitStringRef, IntRef, ObjectIdentifier, OctetStringRef, SetOfVec, Utf8StringRef};
use der::{AnyRef, Sequence, ValueOrd};

pub const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
pub const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
pub const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
pub const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
pub const SIGNING_CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.12");
pub const SIGNING_CERTIFICATE_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");

#[derive(Clone, Copy, Debug, PartialEq, Eq, Sequence, ValueOrd)]
pub struct AlgorithmIdentifier<'a> {
    pub oid: ObjectIdentifier,
    pub parameters: Option<AnyRef<'a>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Sequence)]
pub struct MessageImprint<'a> {
    pub hash: AlgorithmIdentifier<'a>,
    pub message: &'a OctetStringRef,
}

#[derive(Debug, Sequence)]
pub struct TimeStampReq<'a> {
    pub version: u8,
    pub imprint: MessageImprint<'a>,
    pub policy: Option<ObjectIdentifier>,
    pub nonce: Option<u64>,
    #[asn1(default = "no")]
    pub certificates: bool,
}

#[derive(Debug, Sequence)]
pub struct TimeStampResp<'a> {
    pub status: PkiStatusInfo<'a>,
    pub token: Option<AnyRef<'a>>,
}

#[derive(Debug, Sequence)]
pub struct PkiStatusInfo<'a> {
    pub status: u8,
    pub text: Option<Vec<Utf8StringRef<'a>>>,
    pub failure: Option<BitStringRef<'a>>,
}

#[derive(Debug, Sequence)]
pub struct ContentInfo<'a> {
    pub kind: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    pub content: AnyRef<'a>,
}

#[derive(Debug, Sequence)]
pub struct SignedData<'a> {
    pub version: u8,
    pub digests: SetOfVec<AlgorithmIdentifier<'a>>,
    pub content: EncapsulatedContentInfo<'a>,
    /// Sets whose order some programs do not keep, so they are read as they come.
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub certificates: Option<Vec<AnyRef<'a>>>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub revoked: Option<Vec<AnyRef<'a>>>,
    pub signers: SetOfVec<AnyRef<'a>>,
}

#[derive(Debug, Sequence)]
pub struct EncapsulatedContentInfo<'a> {
    pub kind: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub content: Option<&'a OctetStringRef>,
}

#[derive(Debug, Sequence)]
pub struct SignerInfo<'a> {
    pub version: u8,
    /// IssuerAndSerialNumber, or `[0]` with a key identifier.
    pub signer: AnyRef<'a>,
    pub digest: AlgorithmIdentifier<'a>,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub attributes: Option<SetOfVec<AnyRef<'a>>>,
    pub algorithm: AlgorithmIdentifier<'a>,
    pub signature: &'a OctetStringRef,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub unsigned: Option<Vec<AnyRef<'a>>>,
}

#[derive(Debug, Sequence)]
pub struct IssuerAndSerialNumber<'a> {
    pub issuer: AnyRef<'a>,
    pub serial: IntRef<'a>,
}

#[derive(Debug, Sequence)]
pub struct Attribute<'a> {
    pub kind: ObjectIdentifier,
    pub values: SetOfVec<AnyRef<'a>>,
}

#[derive(Debug, Sequence)]
pub struct TstInfo<'a> {
    pub version: u8,
    pub policy: ObjectIdentifier,
    pub imprint: MessageImprint<'a>,
    pub serial: IntRef<'a>,
    /// A GeneralizedTime, which here may have fractions of a second.
    pub time: AnyRef<'a>,
    pub accuracy: Option<Accuracy>,
    #[asn1(default = "no")]
    pub ordering: bool,
    pub nonce: Option<IntRef<'a>>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub authority: Option<AnyRef<'a>>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub extensions: Option<Vec<Extension<'a>>>,
}

#[derive(Debug, Sequence)]
pub struct Accuracy {
    pub seconds: Option<u32>,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub millis: Option<u16>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub micros: Option<u16>,
}

#[derive(Debug, Sequence)]
pub struct Extension<'a> {
    pub kind: ObjectIdentifier,
    #[asn1(default = "no")]
    pub critical: bool,
    pub value: &'a OctetStringRef,
}

/// SigningCertificate and SigningCertificateV2: the first of `certificates` is the signer's.
#[derive(Debug, Sequence)]
pub struct SigningCertificate<'a> {
    pub certificates: Vec<AnyRef<'a>>,
    pub policies: Option<AnyRef<'a>>,
}

#[derive(Debug, Sequence)]
pub struct EssCertId<'a> {
    pub hash: &'a OctetStringRef,
    pub issuer_serial: Option<AnyRef<'a>>,
}

#[derive(Debug, Sequence)]
pub struct EssCertIdV2<'a> {
    /// Absent: SHA-256.
    pub algorithm: Option<AlgorithmIdentifier<'a>>,
    pub hash: &'a OctetStringRef,
    pub issuer_serial: Option<AnyRef<'a>>,
}

fn no() -> bool {
    false
}
