//! `locker/journal/<number>.json`: one act of collecting, whether it succeeded or not.

use serde::{Deserialize, Serialize};

use crate::model::value::Time;

/// The `schema` of a record.
pub const SCHEMA: &str = "tickmark/collection/1";

/// How exports came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// A command printed them.
    Command,
    /// Somebody handed files over.
    Files,
}

impl By {
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            By::Command => "command",
            By::Files => "files",
        }
    }
}

/// One record. It is written once, and never changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    pub schema: String,
    /// From 1, without gaps.
    pub number: u64,
    /// SHA-256 of the record before this one; `None`: this is the first.
    pub previous: Option<String>,
    /// What collected: name and version.
    pub engine: String,
    /// Id of the `[[source]]`.
    pub source: String,
    pub kind: String,
    /// SHA-256 of the mapping, which says what is secret.
    pub mapping_sha256: String,
    pub by: By,
    /// What the exports speak of: when the first command began, or what was said as files were handed over.
    #[serde(with = "time")]
    pub collected_at: Time,
    #[serde(with = "time")]
    pub started_at: Time,
    #[serde(with = "time")]
    pub ended_at: Time,
    /// What the tool says of its version; `None`: it does not, or was not asked.
    pub tool_version: Option<String>,
    pub calls: Vec<Made>,
    /// Why nothing was stored; `None`: it was.
    pub failed: Option<String>,
    pub files: Vec<Stored>,
}

/// One command, as it was run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Made {
    pub name: String,
    /// `{}` stands for the item that it was run for.
    pub argv: Vec<String>,
    /// How often it was run.
    pub times: u64,
    /// Exit status of the last; `None`: it was ended, or never began.
    pub exit: Option<i32>,
}

/// One stored export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    /// What it was called when it came.
    pub name: String,
    /// Below the project.
    pub path: String,
    pub bytes: u64,
    /// Of what is stored.
    pub sha256: String,
    /// Of what came.
    pub original_sha256: String,
    /// How many secrets were replaced.
    pub redacted: usize,
    /// How many records it held.
    pub records: i64,
}

mod time {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::model::value::Time;

    pub fn serialize<S: Serializer>(time: &Time, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(time)
    }

    pub fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Time, D::Error> {
        Time::parse(&String::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}
