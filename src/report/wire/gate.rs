//! What decides how a run ends, as `assessment.json` holds it.

use serde::Serialize;

use super::Looser;

/// A control that is at the gate (`any`), or not (`none`), whatever its severity.
#[derive(Serialize)]
pub struct Override<'a> {
    pub control: &'a str,
    pub gate: &'static str,
    /// Who answers for it, where it is taken off.
    pub answer: Option<Looser<'a>>,
}

#[derive(Serialize)]
pub struct Narrowed<'a> {
    pub only: &'a [String],
    pub skip: &'a [String],
    /// How many controls are left, and of how many.
    pub left: usize,
    pub of: usize,
}

/// The earlier assessment that was accepted as it stood, and what came of it.
#[derive(Serialize)]
pub struct Baseline<'a> {
    pub package: &'a str,
    pub root: &'a str,
    /// Of that assessment; `null`: it could not be read.
    pub name: Option<&'a str>,
    pub as_of: Option<String>,
    pub standing: &'static str,
    /// Why, where the standing alone does not say it; may be empty.
    pub why: &'a str,
    pub reason: &'a str,
    pub approver: &'a str,
    /// SHA-256 of the document that shows the approval; `null`: it is not evidenced.
    pub approval: Option<&'a str>,
    pub granted_at: String,
    pub expires_at: String,
    pub ticket: Option<&'a str>,
    /// How many fails it knows.
    pub known: usize,
    /// What it saw and is gone without proof.
    pub vanished: Vec<Vanished<'a>>,
}

#[derive(Serialize)]
pub struct Vanished<'a> {
    /// Empty: a source.
    pub control: &'a str,
    /// The subject or source; empty: the control itself.
    pub what: &'a str,
    pub why: &'a str,
}
