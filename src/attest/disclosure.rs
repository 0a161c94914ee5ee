//! A part of a package that proves itself: chosen leaves with their paths to the root, and nothing of the others.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::leaf::{self, Leaf, LeafError};
use super::ledger::unhex;
use super::manifest::Listing;
use super::package::{Engine, Manifest};
use super::sign_off::About;
use super::tree::{self, Hash, Tree};
use crate::model::digest::hex;

/// The `schema` of a disclosure, and its path in the folder.
pub const SCHEMA: &str = "tickmark/disclosure/1";
pub const PATH: &str = "disclosure.json";

/// Why nothing is disclosed.
#[derive(Debug, thiserror::Error)]
pub enum DisclosureError {
    #[error(transparent)]
    Leaf(#[from] LeafError),
    #[error("no control `{0}` was judged in this package")]
    Control(String),
    #[error("no subject `{0}` is in the population of the controls that are disclosed")]
    Subject(String),
    #[error("`{0}` cannot be withheld: what it holds stands in the {1} of a leaf, which is always shown")]
    Open(String, String),
    #[error("no field that is disclosed is called `{0}`, nor reads a column of that name")]
    Column(String),
    #[error("it cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// What is to be shown.
#[derive(Clone, Copy, Debug)]
pub struct Chosen<'c> {
    pub controls: &'c [String],
    /// Empty: every subject of these controls.
    pub subjects: &'c [String],
    /// Columns and fields that are withheld, and whatever repeats what they hold.
    pub withheld: &'c [String],
}

/// `disclosure.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disclosure {
    pub as_of: String,
    pub engine: Engine,
    pub leaves: u64,
    pub root: String,
    pub schema: String,
    pub shown: Vec<Shown>,
}

/// A leaf that is shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    pub closed: BTreeMap<String, Field>,
    pub index: u64,
    pub kind: String,
    pub open: Map<String, Value>,
    pub path: Vec<String>,
}

/// A field of it: opened, or its digest alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Field {
    Opened { salt: String, value: Value },
    Withheld { digest: String },
}

impl Disclosure {
    /// What stands for the manifest in a sign-off.
    #[must_use]
    pub fn about(&self) -> About {
        About { as_of: self.as_of.clone(), engine: format!("{} {}", self.engine.name, self.engine.version), leaves: self.leaves }
    }
}

/// Takes the chosen leaves out of a package.
///
/// # Errors
/// [`DisclosureError`]
pub fn disclose(files: &BTreeMap<String, Vec<u8>>, manifest: &Manifest, chosen: Chosen) -> Result<Disclosure, DisclosureError> {
    let mut picked: BTreeMap<u64, (Leaf, Map<String, Value>)> = BTreeMap::new();
    let mut index = 0;
    let mut found: BTreeSet<String> = BTreeSet::new();
    let listing = Listing::of(files);
    leaf::each(files, listing.iter(), |leaf| {
        let open: Map<String, Value> = serde_json::from_slice(&leaf.open)?;
        let control = open.get("control").and_then(Value::as_str).unwrap_or_default();
        let of_control = chosen.controls.iter().any(|id| id == control);
        let wanted = match leaf.kind {
            "assessment" => true,
            "control" | "parameter" => of_control,
            "verdict" | "finding" => {
                of_control
                    && (chosen.subjects.is_empty() || subject(&leaf).is_some_and(|there| is_one_of(&there, chosen.subjects, &mut found)))
            }
            _ => false,
        };
        if of_control {
            found.insert(format!("control {control}"));
        }
        if wanted {
            picked.insert(index, (leaf, open));
        }
        index += 1;
        Ok::<_, DisclosureError>(())
    })?;
    if let Some(id) = chosen.controls.iter().find(|id| !found.contains(&format!("control {id}"))) {
        return Err(DisclosureError::Control(id.clone()));
    }
    if let Some(subject) = chosen.subjects.iter().find(|subject| !found.contains(*subject)) {
        return Err(DisclosureError::Subject(subject.clone()));
    }
    let salts = listing.salts();
    let (root, mut paths) = leaf::tree(files, listing.iter(), &salts, Tree::watching(picked.keys().copied()))?.finish();
    let hidden = hidden(&picked, chosen.withheld)?;
    let mut shown = Vec::new();
    for (index, (leaf, open)) in picked {
        let mut closed = BTreeMap::new();
        for (name, value) in &leaf.closed {
            let salt = salts.field(index, name);
            let field = if leaf.kind == "assessment" || withheld(name, value, chosen.withheld) || holds(value, &hidden) {
                Field::Withheld { digest: hex(&leaf::field(&salt, value)) }
            } else {
                Field::Opened { salt: hex(&salt), value: serde_json::from_slice(value)? }
            };
            closed.insert(name.to_string(), field);
        }
        if holds(&leaf.open, &hidden) {
            return Err(DisclosureError::Open(chosen.withheld.join(", "), leaf.kind.to_owned()));
        }
        let path = paths.remove(&index).unwrap_or_default().iter().map(|hash| hex(hash)).collect();
        shown.push(Shown { closed, index, kind: leaf.kind.to_owned(), open, path });
    }
    Ok(Disclosure {
        as_of: manifest.as_of.clone(),
        engine: Engine { name: manifest.engine.name.clone(), version: manifest.engine.version.clone() },
        leaves: manifest.leaves,
        root: hex(&root),
        schema: SCHEMA.to_owned(),
        shown,
    })
}

fn subject(leaf: &Leaf) -> Option<String> {
    let (_, value) = leaf.closed.iter().find(|(name, _)| name == "subject")?;
    serde_json::from_slice(value).ok()
}

/// A subject may stand with the apostrophe that keeps a spreadsheet from running it.
fn is_one_of(there: &str, subjects: &[String], found: &mut BTreeSet<String>) -> bool {
    let hit = subjects.iter().find(|subject| there == *subject || there.strip_prefix('\'') == Some(subject));
    if let Some(subject) = hit {
        found.insert(subject.clone());
    }
    hit.is_some()
}

/// Whether a field is one of the withheld, reads a column that is, or gives a reason that names one.
fn withheld(field: &str, value: &[u8], columns: &[String]) -> bool {
    let names = |text: &str, column: &str| text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == column);
    columns.iter().any(|column| {
        field == column
            || field.strip_prefix("observed/").is_some_and(|name| names(name, column))
            || (matches!(field, "reason" | "reasons") && names(&String::from_utf8_lossy(value), column))
    })
}

/// Everything that withheld fields hold, as it stands in JSON.
fn hidden(picked: &BTreeMap<u64, (Leaf, Map<String, Value>)>, columns: &[String]) -> Result<BTreeSet<Vec<u8>>, DisclosureError> {
    let mut values = BTreeSet::new();
    for column in columns {
        let mut any = false;
        for (name, value) in picked.values().flat_map(|(leaf, _)| &leaf.closed) {
            if withheld(name, value, std::slice::from_ref(column)) {
                any = true;
                // Of a text, what stands between the quotes: it may be a part of another. An empty list repeats nothing.
                let inner = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value);
                if !matches!(inner, b"" | b"[]" | b"null") {
                    values.insert(inner.to_vec());
                }
            }
        }
        if !any {
            return Err(DisclosureError::Column(column.clone()));
        }
    }
    Ok(values)
}

fn holds(value: &[u8], hidden: &BTreeSet<Vec<u8>>) -> bool {
    hidden.iter().any(|hidden| value.windows(hidden.len()).any(|part| part == hidden))
}

/// Reads a disclosure; nothing of it is believed yet.
///
/// # Errors
/// It is none that this program can read.
pub fn read(bytes: &[u8]) -> Result<Disclosure, String> {
    let disclosure: Disclosure = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if disclosure.schema != SCHEMA {
        return Err(format!("its schema is `{}`; this program reads `{SCHEMA}`", disclosure.schema));
    }
    let value: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if serde_json_canonicalizer::to_vec(&value).ok().as_deref() != Some(bytes) {
        return Err("it is not canonical JSON (RFC 8785)".to_owned());
    }
    Ok(disclosure)
}

/// What does not hold, a sentence each; empty: every leaf stands under the root.
#[must_use]
pub fn differences(disclosure: &Disclosure) -> Vec<String> {
    let mut found = Vec::new();
    let mut last = None;
    for shown in &disclosure.shown {
        if last.is_some_and(|last| shown.index <= last) {
            found.push(format!("leaf {} stands out of order", shown.index));
        }
        last = Some(shown.index);
        let root = hash(shown).and_then(|leaf| {
            let path: Option<Vec<Hash>> = shown.path.iter().map(|text| unhex(text)).collect();
            tree::root_of(leaf, shown.index, disclosure.leaves, &path?)
        });
        if root.map(|root| hex(&root)).as_deref() != Some(&disclosure.root) {
            found.push(format!("leaf {}, {}, does not stand under the root", shown.index, what(shown)));
        }
    }
    let first = disclosure.shown.first().filter(|shown| shown.kind == "assessment" && shown.index == 0);
    let says = |name: &str| first.and_then(|shown| shown.open.get(name));
    let engine = serde_json::json!({ "name": disclosure.engine.name, "version": disclosure.engine.version });
    if says("as_of").and_then(Value::as_str) != Some(&disclosure.as_of) || says("tool") != Some(&engine) {
        found.push("it does not show of which assessment it is a part".to_owned());
    }
    // They speak of every control, shown or not.
    for name in first.iter().flat_map(|shown| shown.closed.keys().filter(|name| shown.opened(name).is_some())) {
        found.push(format!("`{name}` of leaf 0 is opened, and no disclosure opens it"));
    }
    let controls: BTreeSet<&str> =
        disclosure.shown.iter().filter(|shown| shown.kind == "control").filter_map(|shown| shown.control()).collect();
    for shown in disclosure.shown.iter().skip(1).filter(|shown| !shown.control().is_some_and(|id| controls.contains(id))) {
        found.push(format!("leaf {}, {}, is of a control that is not shown", shown.index, what(shown)));
    }
    found
}

impl Shown {
    /// The control that it speaks of.
    #[must_use]
    pub fn control(&self) -> Option<&str> {
        self.open.get("control").and_then(Value::as_str)
    }

    /// A field that is opened.
    #[must_use]
    pub fn opened(&self, name: &str) -> Option<&Value> {
        match self.closed.get(name) {
            Some(Field::Opened { value, .. }) => Some(value),
            _ => None,
        }
    }
}

/// What a leaf is of.
#[must_use]
pub fn what(shown: &Shown) -> String {
    let subject = shown.opened("subject").and_then(Value::as_str).map_or(String::new(), |subject| format!(", {subject}"));
    format!("{} {}{subject}", shown.kind, shown.control().unwrap_or_default()).trim_end().to_owned()
}

fn hash(shown: &Shown) -> Option<Hash> {
    let mut fields: Vec<(&str, Hash)> = Vec::new();
    for (name, field) in &shown.closed {
        let digest = match field {
            Field::Withheld { digest } => unhex(digest)?,
            Field::Opened { salt, value } => leaf::field(&unhex(salt)?, &serde_json_canonicalizer::to_vec(value).ok()?),
        };
        fields.push((name, digest));
    }
    fields.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
    let open = serde_json_canonicalizer::to_vec(&shown.open).ok()?;
    Some(tree::leaf(&leaf::bytes(&shown.kind, &open, fields.into_iter())))
}
