//! What no machine can collect: signed for by a party, dated, and expiring.

use std::ops::Range;

use super::value::Time;

/// One file of `attestations/`.
#[derive(Clone, Debug)]
pub struct Attestation {
    pub id: String,
    pub subject_kind: String,
    pub subject: String,
    /// Where the file names the subject.
    pub subject_at: Range<usize>,
    pub claim: String,
    /// Id of a party.
    pub by: String,
    /// Where the file names the party.
    pub by_at: Range<usize>,
    pub at: Time,
    /// `None`: never.
    pub valid_until: Option<Time>,
    pub document: Option<Document>,
    /// Path below the project.
    pub file: String,
    /// The file as read: packed and hashed.
    pub text: String,
}

/// A document that stands behind an attestation or an approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// 64 hex digits.
    pub sha256: String,
    /// Path below the project, and the bytes, whose digest was checked; `None`: it is kept elsewhere.
    pub held: Option<(String, Vec<u8>)>,
}
