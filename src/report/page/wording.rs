//! The project's own words, filled in.

use std::collections::BTreeMap;

use crate::model::assessment::Assessment;
use crate::model::project::Project;
use crate::model::wording::{PLACES, Part, parts};
use crate::report::{author, escape};

/// Place → Markdown, and nothing where the project says nothing.
pub fn own(assessment: &Assessment, project: &Project, seal: &str) -> BTreeMap<&'static str, String> {
    let said = |name: &str| match name {
        "name" => assessment.name.clone(),
        "as_of" => assessment.as_of.to_string(),
        "outcome" => assessment.outcome.word().to_owned(),
        "seal" => seal.to_owned(),
        key => project.engagement.told().into_iter().find(|(told, _)| *told == key).map_or("not said", |(_, said)| said).to_owned(),
    };
    let mut own: BTreeMap<&'static str, String> = PLACES.into_iter().map(|place| (place, String::new())).collect();
    for block in &project.wording.blocks {
        let filled = parts(&block.text).unwrap_or_default().into_iter().map(|part| match part {
            Part::Text(text) => text.to_owned(),
            Part::Name(name) => escape::markdown(&said(name)),
        });
        own.insert(block.place, author::rewrite(&filled.collect::<String>()));
    }
    own
}
