//! What earlier assessments of a project came to, in figures: the report shows its own beside them.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::assessment::Counts;
use super::value::Time;

/// Where a package holds the figures, below `inputs/`.
pub const EARLIER: &str = "earlier.json";
const SCHEMA: &str = "tickmark/earlier/1";

/// One earlier assessment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    #[serde(serialize_with = "written", deserialize_with = "read")]
    pub as_of: Time,
    /// Of its package, hex.
    pub root: String,
    /// Controls by status.
    pub controls: Counts,
    pub verdicts: Counts,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: String,
    figures: Vec<Figures>,
}

/// The bytes of [`EARLIER`], canonical JSON.
///
/// # Errors
/// [`serde_json::Error`]; memory is the only limit.
pub fn bytes(figures: &[Figures]) -> Result<Vec<u8>, serde_json::Error> {
    serde_json_canonicalizer::to_vec(&File { schema: SCHEMA.to_owned(), figures: figures.to_vec() })
}

/// What [`bytes`] wrote; `None`: the file is another, that only has the name.
///
/// # Errors
/// Why it cannot be read.
pub fn parsed(bytes: &[u8]) -> Result<Option<Vec<Figures>>, serde_json::Error> {
    let ours = serde_json::from_slice::<serde_json::Value>(bytes).is_ok_and(|value| value["schema"] == SCHEMA);
    if ours { serde_json::from_slice::<File>(bytes).map(|file| Some(file.figures)) } else { Ok(None) }
}

/// In the order of their times, each package once.
pub fn sorted(figures: &mut Vec<Figures>) {
    figures.sort_by(|a, b| (a.as_of, &a.root).cmp(&(b.as_of, &b.root)));
    figures.dedup_by(|a, b| a.root == b.root);
}

fn written<S: Serializer>(time: &Time, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
    Time::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
}
