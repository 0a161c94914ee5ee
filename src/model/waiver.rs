//! Accepted exceptions: a waiver as its file says it, and what it came to on the evidence.

use std::ops::Range;

use super::assessment::Verdict;
use super::attestation::Document;
use super::condition::Condition;
use super::value::{Duration, Time};

/// One file of `waivers/`.
#[derive(Clone, Debug)]
pub struct Waiver {
    pub id: String,
    /// The control that it excuses from; a known one, judged or not.
    pub control: String,
    /// The control's subject: position in [`super::schema::SCHEMA`].
    pub subject: usize,
    pub scope: Scope,
    /// Why the exception is accepted.
    pub reason: String,
    /// Id of a party.
    pub approver: String,
    /// That the subject's owner is not the approver; `None`: the subject has no owner.
    pub separate: Option<Condition>,
    pub granted_at: Time,
    /// `None`: nobody says; the waiver is then too broad.
    pub expires_at: Option<Time>,
    /// The control's `max-waiver`.
    pub longest: Duration,
    /// Controls that hold instead, by id.
    pub compensating: Vec<String>,
    pub ticket: Option<String>,
    /// What shows the approval; `None`: *approval not evidenced*.
    pub approval: Option<Document>,
    /// Path below the project.
    pub file: String,
    /// The file as read: packed and hashed.
    pub text: String,
}

/// What a waiver excuses.
#[derive(Clone, Debug)]
pub enum Scope {
    /// Exactly these, each with its place in the file.
    Subjects(Vec<(String, Range<usize>)>),
    /// Every subject for which this is true, and no more of them than it declares.
    Where { condition: Condition, at_most: usize },
}

/// What a waiver came to. All but the first two waive nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is live, and covers a fail.
    InForce,
    /// It is live, and there is no fail that it covers.
    Unused,
    NotYetValid,
    Expired,
    /// Why: no expiry, longer than the control allows, more subjects than it declares.
    TooBroad(String),
    /// Its approver owns every subject that it covers.
    OwnApproval,
    /// What is not known of it: how many subjects it covers, who the approver is, who owns them.
    Undetermined(String),
    /// Its control is not judged.
    NotJudged,
}

impl Standing {
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Standing::InForce => "in force",
            Standing::Unused => "unused",
            Standing::NotYetValid => "not yet valid",
            Standing::Expired => "expired",
            Standing::TooBroad(_) => "too broad",
            Standing::OwnApproval => "approved by the owner",
            Standing::Undetermined(_) => "undetermined",
            Standing::NotJudged => "control not judged",
        }
    }

    /// Why, where the word alone does not say it.
    #[must_use]
    pub fn why(&self) -> &str {
        match self {
            Standing::TooBroad(why) | Standing::Undetermined(why) => why,
            _ => "",
        }
    }
}

/// A waiver on this evidence, before any verdict: whom it excuses.
#[derive(Clone, Debug)]
pub struct Expanded {
    pub waiver: Waiver,
    /// Why it cannot waive; `None`: it can.
    pub barred: Option<Standing>,
    /// Subjects in its scope whose owner is known to be somebody else; sorted.
    pub covered: Vec<String>,
    /// Subjects that it may cover: the condition, or who owns them, is not known; sorted.
    pub open: Vec<String>,
    /// Subjects in its scope that the approver owns; sorted.
    pub own: Vec<String>,
    /// Subjects that are named and in no row, by their number in the scope.
    pub missing: Vec<usize>,
}

/// What a waiver came to once everything was judged.
#[derive(Clone, Debug)]
pub struct WaiverResult {
    pub expanded: Expanded,
    pub standing: Standing,
    /// Fails that it covers; sorted.
    pub waived: Vec<String>,
    /// Its compensating controls, each with what it came to; `None`: it is not judged.
    pub compensating: Vec<(String, Option<Compensation>)>,
}

/// What a compensating control came to: for the waived subjects where it judges them too, else as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compensation {
    /// The worst verdict.
    pub verdict: Verdict,
    /// It judges the waived subjects themselves.
    pub of_subjects: bool,
}
