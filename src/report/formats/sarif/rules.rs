//! Controls as rules, frameworks as taxonomies.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::identity;
use super::super::package::{Control, Framework, Requirement};
use super::super::wire::sarif::{
    ComponentReference, Configuration, DescriptorReference, Relationship, ReportingDescriptor, Text, ToolComponent,
};
use super::{bag, message, plain};
use crate::report::author;

pub fn rule(control: &Control, frameworks: &[Framework]) -> ReportingDescriptor {
    let parts = [("What must hold", &control.statement), ("Why", &control.risk), ("What to do", &control.remediation)];
    let parts = parts.iter().filter(|(_, text)| !text.trim().is_empty());
    let text: Vec<String> = parts.clone().map(|(title, text)| format!("{title}: {}", text.trim())).collect();
    let markdown: Vec<String> = parts.map(|(title, text)| format!("**{title}**\n\n{}", author::rewrite(text))).collect();
    ReportingDescriptor {
        id: control.id.clone(),
        short_description: plain(&control.title),
        full_description: Some(plain(control.statement.trim())),
        help: Some(Text { text: text.join("\n\n"), markdown: Some(markdown.join("\n\n")) }),
        default_configuration: Some(Configuration { level: level(&control.severity) }),
        relationships: relationships(control, frameworks),
        properties: bag(json!({
            "tags": ["security", "compliance", "non-human-identity"],
            "security-severity": match control.severity.as_str() {
                "critical" => "9.5",
                "high" => "8.0",
                "medium" => "5.5",
                _ => "2.0",
            },
            "severity": control.severity,
            "status": control.status,
            "subject": control.subject,
            "population": control.population,
            "populationComplete": control.population_complete,
        })),
        ..ReportingDescriptor::default()
    }
}

/// A kind says what the requirement is to the control: one that the control is a subset of is its superset.
fn relationships(control: &Control, frameworks: &[Framework]) -> Vec<Relationship> {
    let mut found: BTreeMap<(usize, usize), Relationship> = BTreeMap::new();
    for mapping in &control.maps_to {
        let Some((component, framework)) = frameworks.iter().enumerate().find(|(_, framework)| framework.id == mapping.framework) else {
            continue;
        };
        let Some(index) = framework.requirements.iter().position(|it| it.id == mapping.requirement) else { continue };
        let kind = match mapping.relationship.as_str() {
            "equal" | "equivalent-to" => "equal",
            "subset-of" => "superset",
            "superset-of" => "subset",
            _ => "relevant",
        };
        let tool_component = ComponentReference { name: framework.title.clone(), index: component, guid: guid(framework) };
        let target = DescriptorReference { id: mapping.requirement.clone(), index, tool_component };
        let told = format!("{}: {}", mapping.relationship, mapping.rationale);
        let relationship = found.entry((component, index)).or_insert(Relationship { target, kinds: Vec::new(), description: None });
        if !relationship.kinds.contains(&kind) {
            relationship.kinds.push(kind);
        }
        relationship.description.get_or_insert_with(|| message(told.trim_end_matches([':', ' '])));
    }
    found.into_values().collect()
}

pub fn taxonomy(framework: &Framework) -> ToolComponent {
    let taxon = |requirement: &Requirement| ReportingDescriptor {
        id: requirement.id.clone(),
        guid: Some(identity::everywhere(&["requirement", &framework.id, &framework.edition, &requirement.id])),
        short_description: plain(&requirement.title),
        properties: bag(json!({ "level": requirement.level, "parent": requirement.parent, "status": requirement.status })),
        ..ReportingDescriptor::default()
    };
    ToolComponent {
        name: framework.title.clone(),
        guid: Some(guid(framework)),
        organization: Some(framework.publisher.clone()),
        version: framework.edition.clone(),
        information_uri: Some(framework.url.clone()),
        short_description: Some(plain(&framework.attribution)),
        taxa: framework.requirements.iter().map(taxon).collect(),
        is_comprehensive: Some(true),
        ..ToolComponent::default()
    }
}

pub fn guid(framework: &Framework) -> String {
    identity::everywhere(&["framework", &framework.id, &framework.edition])
}

pub fn level(severity: &str) -> &'static str {
    match severity {
        "low" => "note",
        "medium" => "warning",
        _ => "error",
    }
}
