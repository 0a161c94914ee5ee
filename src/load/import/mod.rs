//! Somebody's catalogue → the text of a `frameworks/*.toml`. Ids and titles only: the rest of it is its publisher's.

mod oscal;
mod table;

use std::collections::BTreeMap;
use std::fmt::Write;

use super::framework;
use super::reader::quoted;
use crate::model::diagnostic::Diagnostics;
use crate::model::framework::{Alias, Framework, Requirement, Treatment};

/// What a framework says of itself; `None`: not said.
#[derive(Clone, Debug, Default)]
pub struct Head {
    pub title: Option<String>,
    pub publisher: Option<String>,
    pub edition: Option<String>,
    pub attribution: Option<String>,
    pub url: Option<String>,
}

/// What a file holds.
#[derive(Debug)]
struct Catalogue {
    head: Head,
    /// A parent before what is below it.
    requirements: Vec<Requirement>,
    aliases: BTreeMap<String, Alias>,
}

/// Why nothing was made of a file.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Each a line: where, what is wrong, what was expected.
    #[error("{}", .0.join("\n  "))]
    Catalogue(Vec<String>),
    /// What would be written is no framework.
    #[error("what was made of it is no framework")]
    Framework(Box<Diagnostics>),
}

/// Makes the framework `id` of an OSCAL catalogue in JSON, or of a CSV with the columns `id`, `title` and perhaps `parent` and `level`; `name`: the
/// file's; `given` goes before what the catalogue says of itself. Gives the framework as `path` would hold it.
///
/// # Errors
/// Everything that is wrong with the file, or is said neither in it nor in `given`.
pub fn import(name: &str, text: &str, id: &str, path: &str, given: &Head) -> Result<Framework, ImportError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let catalogue = match (text.trim_start().chars().next(), name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase())) {
        (Some('{'), _) => oscal::read(text),
        (_, Some(ending)) if ending == "csv" => table::read(text),
        (Some('<'), _) => {
            Err(vec!["it is XML; expected an OSCAL catalogue as JSON, which its publisher offers beside it, or a .csv".to_owned()])
        }
        _ => Err(vec!["it is neither; expected an OSCAL catalogue as JSON, which starts with `{`, or a .csv".to_owned()]),
    };
    let catalogue = catalogue.map_err(ImportError::Catalogue)?;
    if catalogue.requirements.is_empty() {
        return Err(ImportError::Catalogue(vec!["it holds no requirement".to_owned()]));
    }
    let made = written(id, &catalogue, given).map_err(ImportError::Catalogue)?;
    let mut problems = Diagnostics::default();
    match framework::read(path, &made, &mut problems) {
        Some(framework) if !problems.has_errors() => Ok(framework),
        _ => Err(ImportError::Framework(Box::new(problems))),
    }
}

fn written(id: &str, catalogue: &Catalogue, given: &Head) -> Result<String, Vec<String>> {
    let Head { title, publisher, edition, attribution, url } = &catalogue.head;
    let said = [
        ("title", &given.title, title),
        ("publisher", &given.publisher, publisher),
        ("edition", &given.edition, edition),
        ("attribution", &given.attribution, attribution),
        ("url", &given.url, url),
    ];
    let mut out = format!("id = {}\n", quoted(id));
    let mut missing = Vec::new();
    for (key, given, own) in said {
        match given.as_ref().or(own.as_ref()).map(|text| one_line(text)).filter(|text| !text.is_empty()) {
            Some(text) => {
                let _ = writeln!(out, "{key} = {}", quoted(&text));
            }
            None => missing.push(format!("it does not say its {key}: give --{key}")),
        }
    }
    if !missing.is_empty() {
        return Err(missing);
    }
    out.push_str("\nrequirements = [\n");
    for it in &catalogue.requirements {
        let parent = it.parent.as_ref().map_or_else(String::new, |parent| format!(", parent = {}", quoted(parent)));
        let _ = writeln!(out, "  {{ id = {}, level = {}{parent}, title = {} }},", quoted(&it.id), quoted(&it.level), quoted(&it.title));
    }
    out.push_str("]\n");
    if !catalogue.aliases.is_empty() {
        out.push_str("\naliases = [\n");
        for (written, alias) in &catalogue.aliases {
            let to: Vec<String> = alias.to.iter().map(|id| quoted(id)).collect();
            let treatment = match alias.treatment {
                Treatment::Spelling => "spelling",
                Treatment::Warn => "warn",
                Treatment::Reject => "reject",
            };
            let note = if alias.note.is_empty() { String::new() } else { format!(", note = {}", quoted(&alias.note)) };
            let _ =
                writeln!(out, "  {{ written = {}, to = [{}], treatment = {}{note} }},", quoted(written), to.join(", "), quoted(treatment));
        }
        out.push_str("]\n");
    }
    Ok(out)
}

/// Text with every run of white space as one space.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
