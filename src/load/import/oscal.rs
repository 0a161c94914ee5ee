//! An OSCAL catalogue in JSON: groups, controls and controls below controls.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::super::framework::LEVELS;
use super::{Catalogue, Head, one_line};
use crate::model::framework::{Alias, Requirement, Treatment};

/// How many problems are told.
const TOLD: usize = 20;

type Object = Map<String, Value>;

/// A group or control as it stands.
struct Entry {
    id: String,
    /// The id as people write it, and other ways of writing it.
    label: Option<String>,
    spellings: Vec<String>,
    title: String,
    level: String,
    /// Position of what it stands below.
    parent: Option<usize>,
    /// Withdrawn, with the ids that took its place.
    withdrawn: Option<Vec<String>>,
}

#[derive(Default)]
struct Walk {
    entries: Vec<Entry>,
    problems: Vec<String>,
}

pub fn read(text: &str) -> Result<Catalogue, Vec<String>> {
    let root: Value = serde_json::from_str(text).map_err(|error| vec![format!("it is not JSON: {error}")])?;
    let Some(catalog) = root.get("catalog").and_then(Value::as_object) else {
        let found = root.as_object().and_then(|root| root.keys().find(|key| *key != "$schema"));
        let help = match found.map(String::as_str) {
            Some("profile") => "; a profile chooses from catalogues: import the catalogue that it resolves to",
            _ => "",
        };
        let found = found.map_or_else(|| "nothing".to_owned(), |key| format!("`{key}`"));
        return Err(vec![format!("/: expected `catalog`, an OSCAL catalogue, found {found}{help}")]);
    };
    let mut walk = Walk::default();
    walk.below(catalog, "/catalog", None);
    let told = walk.problems.len();
    if told > 0 {
        walk.problems.truncate(TOLD);
        walk.problems.extend((told > TOLD).then(|| format!("and {} more", told - TOLD)));
        return Err(walk.problems);
    }
    let head = catalog.get("metadata").and_then(Value::as_object).map_or_else(Head::default, head);
    let (requirements, aliases) = resolved(&walk.entries);
    Ok(Catalogue { head, requirements, aliases })
}

impl Walk {
    fn below(&mut self, object: &Object, at: &str, parent: Option<usize>) {
        for (key, level) in [("groups", "category"), ("controls", "requirement")] {
            let Some(list) = object.get(key) else { continue };
            let Some(list) = list.as_array() else {
                self.problems.push(format!("{at}/{key}: expected a list"));
                continue;
            };
            for (number, item) in list.iter().enumerate() {
                let at = format!("{at}/{key}/{number}");
                match item.as_object() {
                    Some(item) => self.entry(item, &at, level, parent),
                    None => self.problems.push(format!("{at}: expected an object with `id` and `title`")),
                }
            }
        }
    }

    fn entry(&mut self, object: &Object, at: &str, level: &str, parent: Option<usize>) {
        let text = |key: &str| object.get(key).and_then(Value::as_str).map(one_line).filter(|text| !text.is_empty());
        // A group need not have an id: then nothing can be mapped to it, and what is below it stands where it would.
        if level == "category" && !object.contains_key("id") {
            return self.below(object, at, parent);
        }
        let (id, title) = (text("id"), text("title"));
        for (key, found) in [("id", &id), ("title", &title)] {
            if found.is_none() {
                self.problems.push(format!("{at}: expected `{key}`, a text"));
            }
        }
        let (id, title) = (id.unwrap_or_default(), title.unwrap_or_default());
        if !id.is_empty() && self.entries.iter().any(|there| there.id == id) {
            self.problems.push(format!("{at}: `{id}` is the id of another group or control above"));
        }
        let props: Vec<(&str, &str, bool)> = objects(object, "props")
            .filter_map(|prop| Some((prop.get("name")?.as_str()?, prop.get("value")?.as_str()?, prop.contains_key("class"))))
            .collect();
        let label = props.iter().find(|(name, _, classed)| *name == "label" && !classed).map(|(_, label, _)| one_line(label));
        let spellings = props.iter().filter(|(name, _, classed)| *name == "label" && *classed).map(|(_, label, _)| one_line(label));
        let withdrawn = props.iter().any(|(name, value, _)| *name == "status" && value.eq_ignore_ascii_case("withdrawn"));
        let class = object.get("class").and_then(Value::as_str).filter(|class| LEVELS.contains(class));
        self.entries.push(Entry {
            label: label.filter(|label| !label.is_empty()),
            spellings: spellings.collect(),
            title,
            level: class.unwrap_or(level).to_owned(),
            parent,
            withdrawn: withdrawn.then(|| successors(object)),
            id,
        });
        self.below(object, at, Some(self.entries.len() - 1));
    }
}

fn objects<'o>(object: &'o Object, key: &str) -> impl Iterator<Item = &'o Object> {
    object.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

/// The controls that took the place of a withdrawn one; a link may lead to a statement of theirs.
fn successors(object: &Object) -> Vec<String> {
    let moved = |link: &&Object| matches!(link.get("rel").and_then(Value::as_str), Some("incorporated-into" | "moved-to"));
    let target = |link: &Object| Some(link.get("href")?.as_str()?.strip_prefix('#')?.split("_smt").next()?.to_owned());
    let found: BTreeSet<String> = objects(object, "links").filter(moved).filter_map(target).collect();
    found.into_iter().collect()
}

fn head(metadata: &Object) -> Head {
    let text = |key: &str| metadata.get(key).and_then(Value::as_str).map(one_line).filter(|text| !text.is_empty());
    let (title, edition) = (text("title"), text("version"));
    let responsible = objects(metadata, "responsible-parties")
        .find(|role| matches!(role.get("role-id").and_then(Value::as_str), Some("publisher" | "creator")))
        .and_then(|role| role.get("party-uuids")?.as_array()?.first()?.as_str());
    let publisher = objects(metadata, "parties")
        .find(|party| responsible.is_some() && party.get("uuid").and_then(Value::as_str) == responsible)
        .and_then(|party| party.get("name")?.as_str())
        .or_else(|| {
            objects(metadata, "props").find(|prop| prop.get("name").is_some_and(|name| name == "publisher"))?.get("value")?.as_str()
        });
    let url = objects(metadata, "links")
        .filter(|link| matches!(link.get("rel").and_then(Value::as_str), Some("canonical" | "alternate" | "reference")))
        .filter_map(|link| link.get("href")?.as_str())
        .find(|href| href.starts_with("https://"));
    // Whose text it is and under which licence only a catalogue's remarks may say.
    let attribution = text("remarks").or_else(|| Some(format!("Ids and titles of {}, version {}.", title.as_ref()?, edition.as_ref()?)));
    Head { attribution, publisher: publisher.map(one_line), url: url.map(str::to_owned), title, edition }
}

/// Requirements under the ids that people write, and every other id and spelling as an alias of one.
fn resolved(entries: &[Entry]) -> (Vec<Requirement>, BTreeMap<String, Alias>) {
    let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in entries {
        let names: BTreeSet<&str> = [Some(entry.id.as_str()), entry.label.as_deref()].into_iter().flatten().collect();
        names.into_iter().for_each(|name| *uses.entry(name).or_default() += 1);
    }
    // A label that two entries share names neither.
    let name = |entry: &Entry| entry.label.clone().filter(|label| uses.get(label.as_str()) == Some(&1)).unwrap_or_else(|| entry.id.clone());
    let live = |at: usize| {
        let mut at = Some(at);
        while let Some(entry) = at.and_then(|at| entries.get(at)).filter(|entry| entry.withdrawn.is_some()) {
            at = entry.parent;
        }
        at.and_then(|at| entries.get(at))
    };
    let mut requirements = Vec::new();
    let mut spelt: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut aliases = BTreeMap::new();
    for entry in entries {
        let own = name(entry);
        let others = [&entry.id].into_iter().chain(&entry.label).chain(&entry.spellings).filter(|other| **other != own);
        match &entry.withdrawn {
            None => {
                others.for_each(|other| {
                    spelt.entry(other.clone()).or_default().insert(own.clone());
                });
                let parent = entry.parent.and_then(live).map(name);
                requirements.push(Requirement { id: own, level: entry.level.clone(), parent, title: entry.title.clone() });
            }
            Some(successors) => {
                let to: Vec<String> =
                    entries.iter().filter(|there| there.withdrawn.is_none() && successors.contains(&there.id)).map(name).collect();
                let treatment = if to.len() == 1 { Treatment::Warn } else { Treatment::Reject };
                let alias = Alias { to, treatment, note: "withdrawn".to_owned() };
                others.cloned().for_each(|other| {
                    aliases.insert(other, alias.clone());
                });
                aliases.insert(own, alias);
            }
        }
    }
    for (written, to) in spelt {
        let treatment = if to.len() == 1 { Treatment::Spelling } else { Treatment::Reject };
        aliases.entry(written).or_insert(Alias { to: to.into_iter().collect(), treatment, note: String::new() });
    }
    let taken: BTreeSet<&str> = requirements.iter().map(|it| it.id.as_str()).collect();
    aliases.retain(|written, _| !taken.contains(written.as_str()));
    (requirements, aliases)
}
