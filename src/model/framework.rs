//! A catalogue of requirements, and how ids as people write them resolve to it.

use std::collections::BTreeMap;

/// One framework in one edition.
#[derive(Clone, Debug)]
pub struct Framework {
    /// `nist-csf-2.0`.
    pub id: String,
    pub title: String,
    pub publisher: String,
    pub edition: String,
    /// Whose text this is and under which licence; printed in every report.
    pub attribution: String,
    pub url: String,
    /// In the framework's own order.
    pub requirements: Vec<Requirement>,
    /// Spelling as written → what becomes of it.
    pub aliases: BTreeMap<String, Alias>,
    /// The file's bytes as they ship or were read: packed and hashed.
    pub text: String,
    /// File as the user would name it.
    pub file: String,
}

/// One numbered entry.
#[derive(Clone, Debug)]
pub struct Requirement {
    pub id: String,
    /// `function`, `category`, `subcategory`, `risk`.
    pub level: String,
    pub parent: Option<String>,
    /// The official short title where there is one, else our own words.
    pub title: String,
}

/// What an id that is no requirement id becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The ids that it may mean.
    pub to: Vec<String>,
    pub treatment: Treatment,
    /// Why: withdrawn and moved, another spelling, another product's namespace…
    pub note: String,
}

/// How an alias is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// Another spelling of one id: resolves silently.
    Spelling,
    /// Resolves, with a warning: withdrawn with one successor, or an edition assumed.
    Warn,
    /// Never resolves: the author must choose among `to`, or nothing fits.
    Reject,
}

impl Framework {
    /// A requirement by its exact id.
    #[must_use]
    pub fn requirement(&self, id: &str) -> Option<&Requirement> {
        self.requirements.iter().find(|requirement| requirement.id == id)
    }
}
