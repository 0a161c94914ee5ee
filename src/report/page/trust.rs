//! What of the report rests on the project's own settings: it stands on the first page, since no finding shows it.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::model::project::Project;
use crate::model::table::Evidence;
use crate::model::value::Duration;
use crate::report::{escape, map};

/// What the settings leave out, allow and say themselves.
#[derive(Serialize)]
pub struct TrustView<'a> {
    /// What is declared out of scope, and by whom, in a clause.
    left_out: Option<String>,
    /// Shipped controls that are not selected.
    unselected: usize,
    /// The oldest and the newest collection, and how old evidence may be; `None`: nothing was collected.
    age: Option<Age<'a>>,
    /// Mappings of the project's own, and whether each stands in place of a shipped one.
    mappings: Vec<(&'a str, bool)>,
    /// Columns that the configuration fills, and for how many sources.
    told: BTreeSet<&'a str>,
    telling: usize,
}

#[derive(Serialize)]
struct Age<'a> {
    from: String,
    until: String,
    least: String,
    /// Where another source may be older: how old, and which.
    most: Option<(String, &'a str)>,
}

pub fn trust<'a>(evidence: &'a Evidence, project: &'a Project) -> TrustView<'a> {
    let telling: Vec<_> = project.sources.iter().filter(|config| !config.facts.is_empty()).collect();
    TrustView {
        left_out: project.out_of_scope_told(|approver| evidence.knows_party(approver)).map(|told| escape::markdown(&told)),
        unselected: project.deselected.iter().filter(|left| left.out_of_scope.is_none() && !left.narrowed).count(),
        age: age(evidence, project),
        mappings: project
            .mappings
            .values()
            .filter(|mapping| !mapping.is_shipped())
            .map(|mapping| (mapping.file.as_str(), mapping.replaces))
            .collect(),
        told: telling.iter().flat_map(|config| config.facts.keys().map(String::as_str)).collect(),
        telling: telling.len(),
    }
}

fn age<'a>(evidence: &'a Evidence, project: &Project) -> Option<Age<'a>> {
    let collected = evidence.sources.iter().filter_map(|source| source.collected_at);
    let limits = evidence.sources.iter().filter(|source| map::config(source, project).is_some()).map(|source| (source.max_age, &source.id));
    let by_age = |(age, id): &(Duration, &'a String)| (age.0, std::cmp::Reverse(*id));
    let (least, _) = limits.clone().min_by_key(by_age)?;
    let (most, loosest) = limits.max_by_key(by_age)?;
    Some(Age {
        from: collected.clone().min()?.to_string(),
        until: collected.max()?.to_string(),
        least: least.to_string(),
        most: (most.0 > least.0).then(|| (most.to_string(), loosest.as_str())),
    })
}
