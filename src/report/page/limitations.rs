//! What a reader must not conclude, and why: each an item of Markdown.

use std::collections::BTreeSet;

use super::evidence::{set_aside, vouched};
use super::view::count;
use crate::model::assessment::{Assessment, Support};
use crate::model::project::{Declared, Project};
use crate::model::table::{Evidence, EvidenceFile, Source, Why};
use crate::model::value::{Duration, State};
use crate::report::{escape, map};

/// Most names in one item.
const NAMES: usize = 30;

pub fn limitations(assessment: &Assessment, evidence: &Evidence, project: &Project) -> Vec<String> {
    let mut items = vec![
        "Only non-human identities were looked at, and only those that the sources above show.".to_owned(),
        "What a source does not say of a thing is unknown, not absent; a control that needs it stays undecided.".to_owned(),
    ];
    if project.mappings.values().any(|mapping| mapping.state == Declared::Proposed) {
        items.insert(0, "What was judged is proposed: plans and manifests, of which nothing is known to be deployed.".to_owned());
    }
    let sources = |chosen: &dyn Fn(&&Source) -> bool| named(evidence.sources.iter().filter(chosen).map(|source| source.id.as_str()));
    let mut list = |chosen: &dyn Fn(&&Source) -> bool, before: &str, after: &str| {
        if let Some(names) = sources(chosen) {
            items.push(format!("{before} {names}{after}"));
        }
    };
    list(&|source| source.absent && source.required, "Required sources that yielded nothing:", ".");
    list(&|source| source.absent && !source.required, "Optional sources that yielded nothing:", ".");
    list(&|source| !source.absent && !source.fresh, "Too old, or without a collection time, and so supporting no pass:", ".");
    list(
        &|source| !source.absent && source.completeness == crate::model::table::Completeness::Unknown,
        "Nobody says whether these are complete:",
        ".",
    );
    list(
        &|source| !source.absent && source.expected_records.is_none(),
        "No expected count of records is known for",
        ": a record left out of the export would not be noticed.",
    );
    for source in &evidence.sources {
        if let Some(said) = map::config(source, project).and_then(|config| config.complete.as_ref()) {
            items.push(format!(
                "That {} is complete rests on a person's word: {}.",
                escape::code(&source.id),
                escape::sentence(&vouched(said))
            ));
        }
        if let Some((_, until)) = source.covers.filter(|(_, until)| *until < assessment.as_of) {
            let gap = Duration(assessment.as_of.0.saturating_sub(until.0));
            items.push(format!("The log {} ends at {until}, {gap} before the time of this assessment.", escape::code(&source.id)));
        }
    }
    let none = evidence.tables.iter().filter(|table| table.gaps.iter().any(|gap| gap.why == Why::NoSource));
    if let Some(names) = named(none.map(|table| table.schema.name)) {
        items.push(format!("No source observes these tables, so nothing can be said to be absent from them: {names}."));
    }
    let mut dangling: Vec<String> = Vec::new();
    for table in evidence.tables.iter().filter(|table| !table.schema.derived) {
        for (column, told) in table.schema.columns.iter().zip(&table.columns).filter(|(column, _)| column.refers.is_some()) {
            let lost = (0..table.rows).filter(|row| told.state(*row) == State::Dangling).count();
            if lost > 0 {
                dangling.push(format!("{}.{} ({lost})", table.schema.name, column.name));
            }
        }
    }
    if let Some(names) = named(dangling.iter().map(String::as_str)) {
        items.push(format!("References that lead to no row of the evidence, so that nothing is known of what they name: {names}."));
    }
    let conflicts: usize = evidence.tables.iter().map(|table| table.conflicts.len()).sum();
    if conflicts > 0 {
        items.push(format!("{} unknown because records contradict each other.", count(conflicts, "value is", "values are")));
    }
    if let Some(files) = set_aside(evidence) {
        items.push(format!("{files} set aside and counts for nothing; the evidence index says why."));
    }
    let referenced: Vec<&EvidenceFile> = evidence.referenced(project.packing).collect();
    if !referenced.is_empty() {
        items.push(format!(
            "This package does not hold {} of {} bytes that were judged: it names them by their digests, and whoever performs the assessment again needs them from elsewhere.",
            count(referenced.len(), "export", "exports"),
            referenced.iter().map(|file| file.bytes.len()).sum::<usize>()
        ));
    }
    if !evidence.quarantine.is_empty() {
        items.push(format!("{} quarantined.", count(evidence.quarantine.len(), "record or field was", "records or fields were")));
    }
    if let Some(names) = named(project.deselected.iter().filter(|left| left.narrowed).map(|left| left.control.id.as_str())) {
        items.push(format!("Controls that the run was told to leave out count as undecided for their requirements: {names}."));
    }
    let unselected = project.deselected.iter().filter(|left| left.out_of_scope.is_none() && !left.narrowed);
    if let Some(names) = named(unselected.map(|left| left.control.id.as_str())) {
        items.push(format!(
            "Controls that ship with this program and were not selected count as undecided for their requirements: {names}."
        ));
    }
    for left in &project.deselected {
        if let Some(declared) = &left.out_of_scope {
            let id = escape::code(&left.control.id);
            items.push(format!(
                "{id} was not judged: {} declares it out of scope: {}",
                escape::sentence(&project.name),
                escape::markdown(&declared.told())
            ));
        }
    }
    for framework in &assessment.frameworks {
        let lowest = map::lowest(framework);
        let bare = lowest.iter().filter(|requirement| requirement.support == Support::NoControl).count();
        if bare > 0 {
            let of = count(lowest.len(), "requirement", "requirements");
            items.push(format!("{}: no control is mapped to {bare} of {of}.", escape::sentence(&framework.title)));
        }
    }
    items
}

/// Names as code, sorted, each once; `None`: there are none.
fn named<'a>(names: impl Iterator<Item = &'a str>) -> Option<String> {
    let names: BTreeSet<&str> = names.collect();
    let shown: Vec<String> = names.iter().take(NAMES).map(|name| escape::code(name)).collect();
    match names.len() {
        0 => None,
        all if all > NAMES => Some(format!("{} and {} more", shown.join(", "), all - NAMES)),
        _ => Some(shown.join(", ")),
    }
}
