//! Where two assessments first say different things, in terms of the assessment.

use serde_json::Value;

use crate::cli::summary::printable;

/// The first difference: which control, subject and value.
pub fn first(there: &[u8], again: &[u8]) -> Option<String> {
    let (there, again): (Value, Value) = (serde_json::from_slice(there).ok()?, serde_json::from_slice(again).ok()?);
    let mut place = Vec::new();
    differing(&there, &again, &mut place)
}

fn differing<'v>(there: &'v Value, again: &'v Value, place: &mut Vec<String>) -> Option<String> {
    match (there, again) {
        (Value::Object(a), Value::Object(b)) => {
            let mut names: Vec<&String> = a.keys().chain(b.keys()).collect();
            names.sort();
            names.dedup();
            // Verdicts and statuses before what follows from them.
            names.sort_by_key(|name| match name.as_str() {
                "controls" => 0,
                "findings" => 1,
                "status" | "verdict" => 2,
                "counts" => 3,
                _ => 4,
            });
            names.into_iter().find_map(|name| {
                place.push(name.clone());
                let found = differing(a.get(name).unwrap_or(&Value::Null), b.get(name).unwrap_or(&Value::Null), place);
                place.pop();
                found
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => a.iter().zip(b).enumerate().find_map(|(at, (a, b))| {
            place.push(named(b).unwrap_or_else(|| at.to_string()));
            let found = differing(a, b, place);
            place.pop();
            found
        }),
        (a, b) if a == b => None,
        (Value::Array(a), Value::Array(b)) => {
            Some(format!("{}: the package has {}, its inputs give {}", place.join(" "), a.len(), b.len()))
        }
        (a, b) => Some(format!("{}: the package says {}, its inputs give {}", place.join(" "), short(a), short(b))),
    }
}

/// What an entry of a list is called: a control, a finding's control and subject, a requirement, a source.
fn named(entry: &Value) -> Option<String> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    match (text("control"), text("subject")) {
        (Some(control), Some(subject)) => Some(format!("{control} {}", printable(subject))),
        _ => text("id").map(printable),
    }
}

/// A value, cut where it is long.
pub fn short(value: &Value) -> String {
    let text = printable(&value.to_string());
    if text.chars().count() <= 120 { text } else { text.chars().take(117).chain("...".chars()).collect() }
}
