//! OSCAL 1.2.1 (NIST), as far as it is written here: the parts that its models share, and the six documents.

use serde::Serialize;

use super::none;

pub const VERSION: &str = "1.2.1";

/// Serializes as its schema has it: names with dashes, and nothing for a list without items.
macro_rules! wire {
    ($($(#[$meta:meta])* $name:ident { $($body:tt)* })*) => {
        $(
            $(#[$meta])*
            #[derive(Serialize, Clone, Default)]
            #[serde(rename_all = "kebab-case")]
            pub struct $name { $($body)* }
        )*
    };
}

/// A document: its one member is named after its model.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Document {
    Catalog(Catalog),
    ComponentDefinition(ComponentDefinition),
    MappingCollection(MappingCollection),
    AssessmentPlan(AssessmentPlan),
    AssessmentResults(AssessmentResults),
    PlanOfActionAndMilestones(PlanOfActionAndMilestones),
}

wire! {
    Metadata {
        pub title: String,
        pub last_modified: String,
        pub version: String,
        pub oscal_version: &'static str,
        #[serde(skip_serializing_if = "none")]
        pub props: Vec<Property>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub remarks: Option<String>,
    }
    Property {
        pub name: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub ns: Option<&'static str>,
        pub value: String,
    }
    Link {
        pub href: String,
        pub rel: &'static str,
    }
    BackMatter {
        pub resources: Vec<Resource>,
    }
    Resource {
        pub uuid: String,
        pub title: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub description: Option<String>,
        #[serde(skip_serializing_if = "none")]
        pub rlinks: Vec<ResourceLink>,
    }
    ResourceLink {
        pub href: String,
        #[serde(skip_serializing_if = "none")]
        pub hashes: Vec<Hash>,
    }
    Hash {
        pub algorithm: &'static str,
        pub value: String,
    }
}

// Catalogue.
wire! {
    Catalog {
        pub uuid: String,
        pub metadata: Metadata,
        #[serde(skip_serializing_if = "none")]
        pub controls: Vec<Control>,
        #[serde(skip_serializing_if = "none")]
        pub groups: Vec<Group>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub back_matter: Option<BackMatter>,
    }
    Group {
        pub id: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub class: Option<String>,
        pub title: String,
        #[serde(skip_serializing_if = "none")]
        pub props: Vec<Property>,
        #[serde(skip_serializing_if = "none")]
        pub controls: Vec<Control>,
    }
    Control {
        pub id: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub class: Option<String>,
        pub title: String,
        #[serde(skip_serializing_if = "none")]
        pub params: Vec<Parameter>,
        #[serde(skip_serializing_if = "none")]
        pub props: Vec<Property>,
        #[serde(skip_serializing_if = "none")]
        pub parts: Vec<Part>,
        #[serde(skip_serializing_if = "none")]
        pub controls: Vec<Control>,
    }
    Parameter {
        pub id: String,
        #[serde(skip_serializing_if = "none")]
        pub props: Vec<Property>,
        pub label: String,
        #[serde(skip_serializing_if = "none")]
        pub constraints: Vec<Constraint>,
        #[serde(skip_serializing_if = "none")]
        pub guidelines: Vec<Guideline>,
        pub values: Vec<String>,
    }
    Constraint {
        pub description: String,
    }
    Guideline {
        pub prose: String,
    }
    Part {
        pub id: String,
        pub name: &'static str,
        pub prose: String,
    }
}

// Component definition.
wire! {
    ComponentDefinition {
        pub uuid: String,
        pub metadata: Metadata,
        pub components: Vec<DefinedComponent>,
    }
    DefinedComponent {
        pub uuid: String,
        pub r#type: &'static str,
        pub title: String,
        pub description: String,
        #[serde(skip_serializing_if = "none")]
        pub control_implementations: Vec<ControlImplementation>,
    }
    ControlImplementation {
        pub uuid: String,
        pub source: String,
        pub description: String,
        pub implemented_requirements: Vec<ImplementedRequirement>,
    }
    ImplementedRequirement {
        pub uuid: String,
        pub control_id: String,
        pub description: String,
        pub props: Vec<Property>,
        pub links: Vec<Link>,
    }
}

// Mapping collection.
wire! {
    MappingCollection {
        pub uuid: String,
        pub metadata: Metadata,
        pub provenance: Provenance,
        pub mappings: Vec<Mapping>,
    }
    Provenance {
        pub method: &'static str,
        pub matching_rationale: &'static str,
        pub status: &'static str,
        pub mapping_description: &'static str,
    }
    Mapping {
        pub uuid: String,
        pub source_resource: MappedResource,
        pub target_resource: MappedResource,
        pub maps: Vec<Map>,
    }
    MappedResource {
        pub r#type: &'static str,
        pub href: String,
    }
    Map {
        pub uuid: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub ns: Option<&'static str>,
        pub relationship: String,
        pub sources: [MappedItem; 1],
        pub targets: [MappedItem; 1],
        pub props: Vec<Property>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub remarks: Option<String>,
    }
    MappedItem {
        pub r#type: &'static str,
        pub id_ref: String,
    }
}

// Assessment plan.
wire! {
    AssessmentPlan {
        pub uuid: String,
        pub metadata: Metadata,
        pub import_ssp: Import,
        pub reviewed_controls: ReviewedControls,
        pub assessment_subjects: Vec<AssessmentSubject>,
        pub assessment_assets: AssessmentAssets,
        pub back_matter: BackMatter,
    }
    Import {
        pub href: String,
    }
    ReviewedControls {
        pub description: String,
        pub control_selections: [ControlSelection; 1],
    }
    ControlSelection {
        pub include_controls: Vec<SelectedControl>,
    }
    SelectedControl {
        pub control_id: String,
    }
    AssessmentSubject {
        pub r#type: &'static str,
        pub description: String,
        pub include_all: Empty,
    }
    Empty {}
    AssessmentAssets {
        pub components: Vec<Component>,
        pub assessment_platforms: Vec<Platform>,
    }
    Component {
        pub uuid: String,
        pub r#type: &'static str,
        pub title: String,
        pub description: String,
        pub props: Vec<Property>,
        pub status: State,
    }
    State {
        pub state: &'static str,
    }
    Platform {
        pub uuid: String,
        pub title: String,
        pub uses_components: Vec<UsedComponent>,
    }
    UsedComponent {
        pub component_uuid: String,
    }
}

mod results;

pub use results::*;
