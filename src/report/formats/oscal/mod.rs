//! OSCAL 1.2.1: six kinds of document that refer to each other.
//!
//! | module | documents |
//! |---|---|
//! | `catalogs` | `catalog-controls.json`: the controls; `catalog-<framework>.json`: each framework |
//! | `mappings` | `mapping-collection.json`, `component-definition.json`: controls and requirements |
//! | `observed` | observations and risks, which results and POA&M share |
//! | `results` | `assessment-plan.json`, `assessment-results.json` |
//! | `poam` | `plan-of-action-and-milestones.json`; not there when there is nothing to do |

mod catalogs;
mod mappings;
mod observed;
mod poam;
mod results;

use std::collections::{BTreeMap, BTreeSet};

use super::package::{Control, Framework, Package};
use super::wire::oscal as wire;
use super::{FormatError, pretty};
use crate::report::{author, escape};

/// The name space of properties and words that OSCAL has none for.
const NS: &str = "urn:x-tickmark:oscal";
/// How severity is told.
const SEVERITY: &str = "urn:x-tickmark:severity";

/// Name → bytes.
///
/// # Errors
/// [`FormatError::Json`]; memory is the only limit.
pub fn documents(package: &Package<'_>) -> Result<BTreeMap<String, Vec<u8>>, FormatError> {
    let names = Names::of(package);
    let mut documents: Vec<(String, wire::Document)> =
        vec![(CONTROLS.to_owned(), wire::Document::Catalog(catalogs::controls(package, &names)))];
    for (at, framework) in package.assessment.frameworks.iter().enumerate() {
        documents.push((names.catalog(at), wire::Document::Catalog(catalogs::framework(package, framework, &names))));
    }
    documents.push(("component-definition.json".to_owned(), wire::Document::ComponentDefinition(mappings::components(package, &names))));
    if let Some(collection) = mappings::collection(package, &names) {
        documents.push(("mapping-collection.json".to_owned(), wire::Document::MappingCollection(collection)));
    }
    documents.push((results::PLAN.to_owned(), wire::Document::AssessmentPlan(results::plan(package, &names))));
    documents.push(("assessment-results.json".to_owned(), wire::Document::AssessmentResults(results::results(package, &names))));
    if let Some(poam) = poam::poam(package, &names) {
        documents.push(("plan-of-action-and-milestones.json".to_owned(), wire::Document::PlanOfActionAndMilestones(poam)));
    }
    documents.into_iter().map(|(name, document)| Ok((name, pretty(&document)?))).collect()
}

/// The catalogue of the controls.
const CONTROLS: &str = "catalog-controls.json";

/// Ids as OSCAL takes them: letters, digits, `.`, `-` and `_`, none twice.
struct Names {
    controls: BTreeMap<String, String>,
    /// By framework and requirement.
    requirements: BTreeMap<(String, String), String>,
    frameworks: Vec<String>,
}

impl Names {
    fn of(package: &Package<'_>) -> Names {
        let said = &package.assessment;
        let mut taken = BTreeSet::new();
        let controls = said.controls.iter().map(|control| (control.id.clone(), token(&control.id, &mut taken))).collect();
        let mut requirements = BTreeMap::new();
        for framework in &said.frameworks {
            let mut taken = BTreeSet::new();
            for requirement in &framework.requirements {
                requirements.insert((framework.id.clone(), requirement.id.clone()), token(&requirement.id, &mut taken));
            }
        }
        let mut taken = BTreeSet::from(["controls".to_owned()]);
        let frameworks = said.frameworks.iter().map(|framework| token(&framework.id, &mut taken)).collect();
        Names { controls, requirements, frameworks }
    }

    fn control(&self, id: &str) -> String {
        self.controls.get(id).cloned().unwrap_or_default()
    }

    /// `None`: the framework is not selected.
    fn requirement(&self, framework: &Framework, id: &str) -> Option<String> {
        self.requirements.get(&(framework.id.clone(), id.to_owned())).cloned()
    }

    fn catalog(&self, framework: usize) -> String {
        format!("catalog-{}.json", self.frameworks.get(framework).map_or("", String::as_str))
    }

    /// The part of the controls' catalogue that says what must hold.
    fn statement(&self, control: &str) -> String {
        format!("{}_smt", self.control(control))
    }
}

/// A token: what is not allowed becomes `-`, and one that is taken gets a number.
fn token(id: &str, taken: &mut BTreeSet<String>) -> String {
    let plain: String = id.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '-' }).collect();
    let plain = if plain.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') { plain } else { format!("_{plain}") };
    let mut name = plain.clone();
    let mut number = 2;
    while !taken.insert(name.clone()) {
        name = format!("{plain}-{number}");
        number += 1;
    }
    name
}

fn metadata(package: &Package<'_>, title: &str) -> wire::Metadata {
    wire::Metadata {
        title: line(title),
        last_modified: package.assessment.as_of.clone(),
        version: package.root.clone(),
        oscal_version: wire::VERSION,
        props: vec![ours("tool", &format!("{} {}", package.assessment.tool.name, package.assessment.tool.version))],
        remarks: Some(
            "The version is the root of the report package that this was made from; the time is that of the assessment.".to_owned(),
        ),
    }
}

/// A property of our own.
fn ours(name: &'static str, value: &str) -> wire::Property {
    wire::Property { name, ns: Some(NS), value: string(value) }
}

/// How the original writes an id that had to change.
fn label(id: &str) -> wire::Property {
    wire::Property { name: "label", ns: None, value: string(id) }
}

/// A string as OSCAL takes it: one line, not empty, no white space around it.
fn string(text: &str) -> String {
    let text = escape::visible(text);
    let text = text.trim();
    if text.is_empty() { "(empty)".to_owned() } else { text.to_owned() }
}

/// One line of Markdown from text that may say anything.
fn line(text: &str) -> String {
    escape::markdown(&string(text))
}

/// What a control's author wrote.
fn prose(text: &str) -> String {
    let text = author::rewrite(text);
    if text.trim().is_empty() { "(nothing)".to_owned() } else { text }
}

/// The program, which made every observation.
fn tool() -> String {
    super::identity::everywhere(&["tool"])
}

fn origin() -> wire::Origin {
    wire::Origin { actors: [wire::Actor { r#type: "tool", actor_uuid: tool() }] }
}

/// What does the assessing.
fn assets(package: &Package<'_>) -> wire::AssessmentAssets {
    let made_by = &package.assessment.tool;
    let component = wire::Component {
        uuid: tool(),
        r#type: "software",
        title: line(&made_by.name),
        description: "Judges controls against evidence, and packs everything that is needed to judge again.".to_owned(),
        props: vec![wire::Property { name: "version", ns: None, value: string(&made_by.version) }],
        status: wire::State { state: "operational" },
    };
    let platform = wire::Platform {
        uuid: super::identity::everywhere(&["platform"]),
        title: line(&made_by.name),
        uses_components: vec![wire::UsedComponent { component_uuid: tool() }],
    };
    wire::AssessmentAssets { components: vec![component], assessment_platforms: vec![platform] }
}

fn reviewed(package: &Package<'_>, names: &Names) -> wire::ReviewedControls {
    let include_controls = package
        .assessment
        .controls
        .iter()
        .map(|control: &Control| wire::SelectedControl { control_id: names.control(&control.id) })
        .collect();
    wire::ReviewedControls {
        description: format!("The controls of [{CONTROLS}]({CONTROLS})."),
        control_selections: [wire::ControlSelection { include_controls }],
    }
}
