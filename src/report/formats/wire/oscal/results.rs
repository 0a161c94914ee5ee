//! Assessment results, and the plan of action and milestones, which shares with them.

use serde::Serialize;

use super::{AssessmentAssets, BackMatter, Import, Metadata, Property, ReviewedControls, none};

wire! {
    AssessmentResults {
        pub uuid: String,
        pub metadata: Metadata,
        pub import_ap: Import,
        pub results: [Outcome; 1],
        pub back_matter: BackMatter,
    }
    Outcome {
        pub uuid: String,
        pub title: String,
        pub description: String,
        pub start: String,
        pub end: String,
        pub props: Vec<Property>,
        pub local_definitions: LocalDefinitions,
        pub reviewed_controls: ReviewedControls,
        #[serde(skip_serializing_if = "none")]
        pub observations: Vec<Observation>,
        #[serde(skip_serializing_if = "none")]
        pub risks: Vec<Risk>,
        #[serde(skip_serializing_if = "none")]
        pub findings: Vec<Finding>,
    }
    LocalDefinitions {
        #[serde(skip_serializing_if = "none")]
        pub inventory_items: Vec<InventoryItem>,
        pub assessment_assets: AssessmentAssets,
    }
    InventoryItem {
        pub uuid: String,
        pub description: String,
        pub props: Vec<Property>,
    }
    Observation {
        pub uuid: String,
        pub title: String,
        pub description: String,
        pub props: Vec<Property>,
        pub methods: [&'static str; 1],
        pub types: [&'static str; 1],
        pub origins: [Origin; 1],
        #[serde(skip_serializing_if = "none")]
        pub subjects: Vec<SubjectReference>,
        #[serde(skip_serializing_if = "none")]
        pub relevant_evidence: Vec<RelevantEvidence>,
        pub collected: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub remarks: Option<String>,
    }
    Origin {
        pub actors: [Actor; 1],
    }
    Actor {
        pub r#type: &'static str,
        pub actor_uuid: String,
    }
    SubjectReference {
        pub subject_uuid: String,
        pub r#type: &'static str,
        pub title: String,
    }
    RelevantEvidence {
        pub href: String,
        pub description: String,
        pub props: Vec<Property>,
    }
    Risk {
        pub uuid: String,
        pub title: String,
        pub description: String,
        pub statement: String,
        pub props: Vec<Property>,
        pub status: &'static str,
        pub origins: [Origin; 1],
        pub characterizations: [Characterization; 1],
        #[serde(skip_serializing_if = "Option::is_none")]
        pub deadline: Option<String>,
        pub remediations: [Remediation; 1],
        #[serde(skip_serializing_if = "Option::is_none")]
        pub risk_log: Option<RiskLog>,
        pub related_observations: Vec<RelatedObservation>,
    }
    Characterization {
        pub origin: Origin,
        pub facets: [Facet; 1],
    }
    Facet {
        pub name: &'static str,
        pub system: &'static str,
        pub value: String,
    }
    Remediation {
        pub uuid: String,
        pub lifecycle: &'static str,
        pub title: &'static str,
        pub description: String,
    }
    RiskLog {
        pub entries: Vec<RiskLogEntry>,
    }
    RiskLogEntry {
        pub uuid: String,
        pub title: String,
        pub description: String,
        pub start: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub end: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub status_change: Option<&'static str>,
    }
    RelatedObservation {
        pub observation_uuid: String,
    }
    RelatedRisk {
        pub risk_uuid: String,
    }
    Finding {
        pub uuid: String,
        pub title: String,
        pub description: String,
        pub props: Vec<Property>,
        pub origins: [Origin; 1],
        pub target: Target,
        pub related_observations: Vec<RelatedObservation>,
        #[serde(skip_serializing_if = "none")]
        pub related_risks: Vec<RelatedRisk>,
    }
    Target {
        pub r#type: &'static str,
        pub target_id: String,
        pub title: String,
        pub status: TargetStatus,
    }
    TargetStatus {
        pub state: &'static str,
        pub reason: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub remarks: Option<String>,
    }
}

wire! {
    PlanOfActionAndMilestones {
        pub uuid: String,
        pub metadata: Metadata,
        pub system_id: SystemId,
        pub local_definitions: LocalDefinitions,
        pub observations: Vec<Observation>,
        pub risks: Vec<Risk>,
        pub poam_items: Vec<PoamItem>,
        pub back_matter: BackMatter,
    }
    SystemId {
        pub identifier_type: &'static str,
        pub id: String,
    }
    PoamItem {
        pub uuid: String,
        pub title: String,
        pub description: String,
        pub props: Vec<Property>,
        pub origins: [Origin; 1],
        pub related_observations: Vec<RelatedObservation>,
        pub related_risks: Vec<RelatedRisk>,
    }
}
