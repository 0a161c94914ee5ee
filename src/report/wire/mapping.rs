//! What a control is mapped to, as `assessment.json` holds it.

use serde::Serialize;

/// A requirement that a control supports.
#[derive(Serialize)]
pub struct Mapping<'a> {
    pub framework: &'a str,
    pub written: &'a str,
    pub requirement: &'a str,
    pub relationship: &'a str,
    pub rationale: &'a str,
    /// The file of `mappings/` that adds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<&'a str>,
}

/// A framework that is meant without a requirement being named.
#[derive(Serialize)]
pub struct Note<'a> {
    pub framework: &'a str,
    pub note: &'a str,
}
