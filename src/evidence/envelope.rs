//! What an export says of itself as a whole.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::model::project::Covers;
use crate::model::value::Time;

/// What an export says of itself.
#[derive(Clone, Debug, Default)]
pub struct Envelope {
    pub system: Option<String>,
    pub collected_at: Option<Time>,
    /// `Some(false)`: it says that nothing was cut off.
    pub truncated: Option<bool>,
    /// Why it cannot be whole: it says so itself, and nobody can vouch that it is.
    pub partial: Option<String>,
    /// Why it is not the whole alone: it is one of several that may be, if somebody vouches for them together.
    pub piece: Option<String>,
    /// Which of several files of one collection it is.
    pub part: Option<String>,
    pub expected: Option<i64>,
    /// How many things its records hold, where one record holds several.
    pub records: Option<i64>,
    /// How many records exports of other kinds must have, of the systems that this one speaks of.
    pub counts: BTreeMap<String, i64>,
    /// For a log, what each of its pages covers.
    pub covers: Vec<Covers>,
}

/// Reads what a mapping's `envelope` gave.
///
/// # Errors
/// What of it means nothing.
pub fn read(said: &Map<String, Value>) -> Result<Envelope, String> {
    let text = |name: &str| match said.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("`{name}` is not text")),
    };
    let time = |value: Option<&Value>, name: &str| match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Time::parse(text).map(Some).map_err(|why| format!("`{name}`: {why}")),
        Some(_) => Err(format!("`{name}` is not a time")),
    };
    // `places`: whatever `rows` needs to look up; it stands in `$file` and means nothing here.
    let known = ["system", "collected_at", "truncated", "partial", "piece", "part", "expected", "records", "counts", "covers", "places"];
    if let Some(unknown) = said.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(format!("`{unknown}` means nothing here; known: {}", known.join(", ")));
    }
    let covers = match said.get("covers") {
        None | Some(Value::Null) => Vec::new(),
        Some(covers) => {
            let from = time(covers.get("from"), "covers.from")?.ok_or("`covers` has no `from`")?;
            let until = time(covers.get("until"), "covers.until")?.ok_or("`covers` has no `until`")?;
            let types = covers
                .get("types")
                .and_then(Value::as_array)
                .map(|types| types.iter().filter_map(|ty| ty.as_str().map(str::to_owned)).collect());
            vec![Covers { from, until, types: types.unwrap_or_default() }]
        }
    };
    Ok(Envelope {
        system: text("system")?,
        collected_at: time(said.get("collected_at"), "collected_at")?,
        truncated: match said.get("truncated") {
            None | Some(Value::Null) => None,
            Some(Value::Bool(yes)) => Some(*yes),
            Some(_) => return Err("`truncated` is not true or false".to_owned()),
        },
        partial: text("partial")?,
        piece: text("piece")?,
        part: text("part")?,
        expected: said.get("expected").map_or(Ok(None), |value| count(value, "expected"))?,
        records: said.get("records").map_or(Ok(None), |value| count(value, "records"))?,
        counts: match said.get("counts") {
            None | Some(Value::Null) => BTreeMap::new(),
            Some(Value::Object(counts)) => {
                let of = |(kind, value): (&String, &Value)| count(value, "counts").map(|count| count.map(|count| (kind.clone(), count)));
                counts.iter().filter_map(|entry| of(entry).transpose()).collect::<Result<_, _>>()?
            }
            Some(_) => return Err("`counts` is not an object of kind: count".to_owned()),
        },
        covers,
    })
}

fn count(value: &Value, name: &str) -> Result<Option<i64>, String> {
    match value {
        Value::Null => Ok(None),
        value => value.as_i64().filter(|count| *count >= 0).map(Some).ok_or_else(|| format!("`{name}` is not a count")),
    }
}

/// Several pages of one export, as one.
pub fn joined(pages: Vec<Envelope>) -> Envelope {
    let several = pages.len();
    if several == 1 {
        return pages.into_iter().next().unwrap_or_default();
    }
    let cut = pages.iter().filter(|page| page.truncated == Some(true)).count();
    let systems: BTreeSet<&String> = pages.iter().filter_map(|page| page.system.as_ref()).collect();
    let parts: BTreeSet<&String> = pages.iter().filter_map(|page| page.part.as_ref()).collect();
    let told = |reasons: BTreeSet<String>| (!reasons.is_empty()).then(|| reasons.into_iter().collect::<Vec<_>>().join("; "));
    let partial: BTreeSet<String> = pages.iter().filter_map(|page| page.partial.clone()).collect();
    let mut piece: BTreeSet<String> = pages.iter().filter_map(|page| page.piece.clone()).collect();
    if cut > 0 && cut < several {
        piece.insert(format!("{cut} of its {several} pages say that more follows, and no page says which one it follows"));
    }
    // A total that every page repeats is one total; totals that differ are of lists of their own.
    let said: Vec<i64> = pages.iter().filter_map(|page| page.expected).collect();
    let repeated = said.windows(2).all(|pair| pair[0] == pair[1]);
    Envelope {
        system: (systems.len() == 1 && pages.iter().all(|page| page.system.is_some())).then(|| systems.iter().copied().cloned().collect()),
        // As old as the oldest of them.
        collected_at: if pages.iter().all(|page| page.collected_at.is_some()) {
            pages.iter().filter_map(|page| page.collected_at).min()
        } else {
            None
        },
        truncated: match cut {
            0 => pages.iter().all(|page| page.truncated == Some(false)).then_some(false),
            cut => (cut == several).then_some(true),
        },
        partial: told(partial),
        piece: told(piece),
        part: (!parts.is_empty()).then(|| parts.into_iter().cloned().collect::<Vec<_>>().join(" + ")),
        expected: if repeated { said.first().copied() } else { Some(said.iter().sum()) },
        // Records that stand for themselves count one.
        records: None,
        counts: pages.iter().flat_map(|page| page.counts.clone()).collect(),
        covers: pages.into_iter().flat_map(|page| page.covers).collect(),
    }
}
