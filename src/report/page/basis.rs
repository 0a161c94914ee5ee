//! On what a control was judged: the population and where it comes from, whether anybody counted it, and the logs that it read.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::assessment::{Assessment, ControlResult};
use crate::model::fact::{self, Window};
use crate::model::project::Project;
use crate::model::schema::SCHEMA;
use crate::model::table::{Evidence, Source};
use crate::report::{escape, map};

use super::view::count;

/// How many sources or systems are named in one sentence.
const NAMED: usize = 12;

/// Sentences in Markdown.
pub fn basis(result: &ControlResult, assessment: &Assessment, evidence: &Evidence, project: &Project) -> Vec<String> {
    let mut said = vec![population(result, assessment)];
    said.extend(counted(result, evidence, project));
    for window in fact::windows(&result.control) {
        said.push(events(&window, evidence));
    }
    said
}

fn population(result: &ControlResult, assessment: &Assessment) -> String {
    let name = SCHEMA.get(result.control.subject).map_or("", |schema| schema.name);
    let subjects = count(result.population.len(), "subject", "subjects");
    format!("Every row of {} was judged as of {}, without sampling: {subjects}.", escape::code(name), assessment.as_of)
}

/// Whether the rows were reconciled with a count of somebody independent, source by source.
fn counted(result: &ControlResult, evidence: &Evidence, project: &Project) -> Option<String> {
    let schema = SCHEMA.get(result.control.subject)?;
    if schema.derived {
        return Some("Its rows are computed from the configuration and the evidence.".to_owned());
    }
    let mut kinds: BTreeMap<u8, (&str, Vec<String>)> = BTreeMap::new();
    for source in evidence.sources.iter().filter(|source| source.tables.iter().any(|table| table == schema.name)) {
        let (order, words, what) = standing(source, project);
        kinds.entry(order).or_insert((words, Vec::new())).1.push(what);
    }
    if kinds.is_empty() {
        return Some(format!("No source of {} is configured.", escape::code(schema.name)));
    }
    let parts: Vec<String> = kinds.into_values().map(|(words, sources)| format!("{words}: {}", capped(&sources))).collect();
    Some(format!("{}.", parts.join(". ")))
}

/// In which order it is told, the words for its kind, and the source.
fn standing(source: &Source, project: &Project) -> (u8, &'static str, String) {
    let name = escape::code(&source.id);
    let vouched = map::config(source, project).and_then(|config| config.complete.as_ref());
    let by = vouched.map_or_else(String::new, |vouched| format!(", vouched by {}", escape::markdown(&vouched.by)));
    if source.absent {
        (5, "Yielded nothing", name)
    } else if !source.fresh {
        (4, "Stale, so that they support no pass", name)
    } else if source.completeness.word() != "full" {
        (3, "Not known to hold every record", name)
    } else if let Some(expected) = source.expected_records {
        (0, "Reconciled with a count", format!("{name} ({} of {expected}{by})", source.records))
    } else if vouched.is_some() {
        (1, "Vouched to be complete, completeness not tested", format!("{name} ({} records{by})", source.records))
    } else {
        (2, "Complete by the vendor's or the export's own word, completeness not tested", format!("{name} ({} records)", source.records))
    }
}

/// The window of events that a condition asks for, and the logs there are.
fn events(window: &Window, evidence: &Evidence) -> String {
    let types = if window.types.len() > 3 { "of any type".to_owned() } else { escape::markdown(&window.types.join(", ")) };
    let bounds: Vec<String> = window.bounds.iter().map(|bound| escape::code(bound)).collect();
    let asked = if bounds.is_empty() { "at any time".to_owned() } else { format!("in the window {}", bounds.join(" and ")) };
    let covered = |system: &String| -> Option<String> {
        let stretch = |ty: &String| evidence.logs.stretches.get(&(system.clone(), ty.clone()));
        let first = stretch(window.types.first()?)?;
        // Told where all types have the same; otherwise each has its own, and the verdicts' reasons name it.
        if !window.types.iter().all(|ty| stretch(ty) == Some(first)) {
            return None;
        }
        let said: Vec<String> = first.iter().map(|(from, until)| format!("{from} to {until}")).collect();
        Some(format!("{} from {}", escape::code(system), said.join(", ")))
    };
    let lit: Vec<String> = evidence.systems.iter().filter_map(covered).collect();
    let dark: BTreeSet<&String> = evidence.systems.iter().filter(|system| covered(system).is_none()).collect();
    let dark: Vec<String> = dark.into_iter().map(|system| escape::code(system)).collect();
    let mut text = format!("It reads events ({types}) {asked}.");
    text += &if evidence.logs.everything {
        " Logs cover everything.".to_owned()
    } else if lit.is_empty() {
        " No log is known to be complete, so that no absence is proved.".to_owned()
    } else {
        format!(" Complete logs cover {}.", capped(&lit))
    };
    if !evidence.logs.everything && !dark.is_empty() && !lit.is_empty() {
        text += &format!(" No complete log of these types tells of {}.", capped(&dark));
    }
    text
}

fn capped(names: &[String]) -> String {
    let shown = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > NAMED { format!("{shown} and {} more", names.len() - NAMED) } else { shown }
}
