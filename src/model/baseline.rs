//! An earlier assessment that somebody accepted as it stood: what gates is what it does not know.

use std::collections::BTreeMap;

use super::attestation::Document;
use super::value::{Duration, SECOND, Time};

/// The file of a project that names the accepted package.
pub const ACCEPTED: &str = "baseline.toml";
/// Where a package holds what the gate read of the accepted one, below `inputs/`.
pub const PACKED: &str = "baseline";

/// How long a baseline may last.
pub const LONGEST: Duration = Duration(90 * 24 * 3_600 * SECOND);

/// `baseline.toml`: which package, and who accepted it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Below the project, with `/`.
    pub package: String,
    /// The root of that package, hex.
    pub root: String,
    pub reason: String,
    /// Id of a party.
    pub approver: String,
    pub granted_at: Time,
    pub expires_at: Time,
    pub ticket: Option<String>,
    /// What shows the approval; `None`: *approval not evidenced*.
    pub approval: Option<Document>,
    /// The file as read: packed and hashed.
    pub text: String,
}

/// What a run is held against.
#[derive(Clone, Debug)]
pub struct Baseline {
    pub accepted: Accepted,
    /// What the gate reads of the package: path in it → bytes. Packed, so that the gate can be performed again.
    pub files: BTreeMap<String, Vec<u8>>,
    /// What they say; or why they are not those of the accepted root.
    pub earlier: Result<Earlier, String>,
}

/// An assessment as its package tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    pub name: String,
    pub as_of: Time,
    pub sources: Vec<EarlierSource>,
    /// By id.
    pub controls: BTreeMap<String, EarlierControl>,
}

/// A source of an earlier assessment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierSource {
    pub id: String,
    /// It yielded nothing.
    pub absent: bool,
    pub full: bool,
}

/// A control of an earlier assessment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EarlierControl {
    /// Subjects that failed.
    pub failed: BTreeMap<String, EarlierFail>,
    /// Of a control over events: its groups of fails.
    pub groups: Vec<EarlierGroup>,
}

/// A subject that failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EarlierFail {
    /// Its finding's id; `None`: it is told within a group, and has the id that its subject gives.
    pub id: Option<String>,
    /// A waiver covered it: it was excused until the waiver ends, not known.
    pub waived: bool,
}

/// Fails over events that were told as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierGroup {
    pub id: String,
    /// One of them.
    pub subject: String,
    pub count: usize,
    pub first: Option<Time>,
}

/// Whether a baseline counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BaselineStanding {
    InForce,
    NotYetValid,
    Expired,
    /// It lasts longer than a baseline may.
    TooLong,
    /// The package is not the one that was accepted: why.
    Altered(String),
    /// What is not known of it: who the approver is.
    Undetermined(String),
}

impl BaselineStanding {
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            BaselineStanding::InForce => "in force",
            BaselineStanding::NotYetValid => "not yet valid",
            BaselineStanding::Expired => "expired",
            BaselineStanding::TooLong => "too long",
            BaselineStanding::Altered(_) => "altered",
            BaselineStanding::Undetermined(_) => "undetermined",
        }
    }

    /// Why, where the word alone does not say it.
    #[must_use]
    pub fn why(&self) -> &str {
        match self {
            BaselineStanding::Altered(why) | BaselineStanding::Undetermined(why) => why,
            _ => "",
        }
    }
}

/// What a baseline came to.
#[derive(Clone, Debug)]
pub struct BaselineResult {
    pub standing: BaselineStanding,
    /// The fails that it knows and that still fail.
    pub known: usize,
    /// What the baseline saw and is gone without proof: each is a violation. Sorted.
    pub vanished: Vec<Vanished>,
}

/// Something that an earlier assessment saw and this one does not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Vanished {
    /// The control, where it is a subject of one; empty: a source.
    pub control: String,
    /// The subject or the source; empty: the control itself.
    pub what: String,
    /// A clause, after control and subject.
    pub why: String,
}

impl Vanished {
    /// `OFF-01 kong:…: it failed, and is gone …`.
    #[must_use]
    pub fn told(&self) -> String {
        let named: Vec<&str> = [self.control.as_str(), &self.what].into_iter().filter(|name| !name.is_empty()).collect();
        format!("{}: {}", named.join(" "), self.why)
    }
}
