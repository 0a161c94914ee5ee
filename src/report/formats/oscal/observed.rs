//! Observations and risks, with the subjects and the files that they speak of.

use std::collections::BTreeMap;

use super::super::package::{Control, Finding, Package, Position, Waiver};
use super::super::uri;
use super::{SEVERITY, line, origin, ours, prose, string, wire};
use crate::model::digest::sha256;
use crate::model::salt::INPUTS;
use crate::report::escape;

/// What observations refer to, gathered as they are made.
pub struct Observed<'p> {
    package: &'p Package<'p>,
    /// By id and table.
    subjects: BTreeMap<(String, String), wire::InventoryItem>,
    /// By path in the package.
    files: BTreeMap<String, wire::Resource>,
}

impl<'p> Observed<'p> {
    pub fn of(package: &'p Package<'p>) -> Self {
        Observed { package, subjects: BTreeMap::new(), files: BTreeMap::new() }
    }

    pub fn inventory(&self) -> Vec<wire::InventoryItem> {
        self.subjects.values().cloned().collect()
    }

    pub fn back_matter(&self) -> wire::BackMatter {
        wire::BackMatter { resources: self.files.values().cloned().collect() }
    }

    /// What was seen of one subject.
    pub fn finding(&mut self, control: &Control, finding: &Finding) -> wire::Observation {
        let reasons: Vec<String> = finding.reasons.iter().map(|reason| format!("- {}: {}", reason.word, line(&reason.detail))).collect();
        let observed: Vec<String> =
            finding.observed.iter().map(|(read, held)| format!("- {}: {}", escape::code(read), escape::code(held))).collect();
        let mut said = vec![format!("{}: {}", escape::code(&finding.subject), line(&finding.verdict))];
        said.extend([reasons, observed].into_iter().filter(|lines| !lines.is_empty()).map(|lines| lines.join("\n")));
        let subject = self.subject(control, &finding.subject);
        let evidence = finding.evidence.iter().map(|at| self.evidence(at)).collect();
        wire::Observation {
            uuid: self.uuid(finding),
            title: line(&format!("{}: {}", control.id, finding.subject)),
            description: said.join("\n\n"),
            props: vec![ours("control", &control.id), ours("verdict", &finding.verdict), ours("finding", &finding.id)],
            methods: ["EXAMINE"],
            types: [if finding.verdict == "unknown" { "control-objective" } else { "finding" }],
            origins: [origin()],
            subjects: vec![subject],
            relevant_evidence: evidence,
            collected: self.collected(finding),
            remarks: (finding.verdict == "unknown").then(|| "Nothing was judged: what is known does not settle it.".to_owned()),
        }
    }

    pub fn uuid(&self, finding: &Finding) -> String {
        self.package.identities.of_assessment(&["observation", &finding.control, &finding.subject])
    }

    /// A file of the package, to be referred to by what is returned.
    pub fn file(&mut self, path: &str) -> String {
        let uuid = self.package.identities.of_assessment(&["file", path]);
        let hashes = self.package.file(path).map(|bytes| wire::Hash { algorithm: "SHA-256", value: sha256(bytes) });
        let rlinks = vec![wire::ResourceLink { href: uri(path), hashes: hashes.into_iter().collect() }];
        let resource = wire::Resource { uuid: uuid.clone(), title: line(path), description: None, rlinks };
        self.files.entry(path.to_owned()).or_insert(resource);
        format!("#{uuid}")
    }

    fn evidence(&mut self, at: &Position) -> wire::RelevantEvidence {
        let mut props = vec![ours("source", &at.source), ours("file", &at.file), ours("record", &at.record)];
        props.extend(self.package.line(at).map(|line| ours("line", &line.to_string())));
        wire::RelevantEvidence {
            href: self.file(&format!("{INPUTS}{}", at.file)),
            description: format!("{} {}", escape::code(&at.file), line(&at.record)),
            props,
        }
    }

    fn subject(&mut self, control: &Control, id: &str) -> wire::SubjectReference {
        let uuid = self.package.identities.lasting(&["subject", &control.subject, id]);
        let item = wire::InventoryItem {
            uuid: uuid.clone(),
            description: escape::code(id),
            props: vec![wire::Property { name: "asset-id", ns: None, value: string(id) }, ours("table", &control.subject)],
        };
        self.subjects.entry((control.subject.clone(), id.to_owned())).or_insert(item);
        wire::SubjectReference { subject_uuid: uuid, r#type: "inventory-item", title: line(id) }
    }

    /// When the oldest of its evidence was collected; the time of the assessment where nobody says.
    fn collected(&self, finding: &Finding) -> String {
        let said = &self.package.assessment;
        let of = |at: &Position| said.sources.iter().filter(|source| source.id == at.source).filter_map(|it| it.collected_at.clone()).min();
        finding.evidence.iter().filter_map(of).min().unwrap_or_else(|| said.as_of.clone())
    }

    /// What a fail, waived or not, leaves to be done.
    pub fn risk(&self, control: &Control, finding: &Finding) -> wire::Risk {
        let identities = &self.package.identities;
        let waivers: Vec<&Waiver> = self.package.waivers(finding).filter(|waiver| granted(waiver)).collect();
        let entries: Vec<wire::RiskLogEntry> = waivers
            .iter()
            .map(|waiver| wire::RiskLogEntry {
                uuid: identities.lasting(&["waiver", &waiver.id, &finding.subject]),
                title: line(&format!("Waiver {}: {}", waiver.id, waiver.standing)),
                description: line(&format!("{} Approved by {}.", waiver.reason, waiver.approver)),
                start: waiver.granted_at.clone(),
                end: waiver.expires_at.clone(),
                status_change: finding.waivers.contains(&waiver.id).then_some("deviation-approved"),
            })
            .collect();
        let origin = origin();
        wire::Risk {
            uuid: self.risk_uuid(finding),
            title: line(&format!("{}: {}", control.title, finding.subject)),
            description: prose(&control.statement),
            statement: prose(&control.risk),
            props: vec![ours("control", &control.id), ours("finding", &finding.id)],
            status: if finding.verdict == "waived" { "deviation-approved" } else { "open" },
            origins: [origin.clone()],
            characterizations: [wire::Characterization {
                origin,
                facets: [wire::Facet { name: "severity", system: SEVERITY, value: string(&control.severity) }],
            }],
            deadline: waivers.iter().filter_map(|waiver| waiver.expires_at.clone()).max(),
            remediations: [wire::Remediation {
                uuid: identities.lasting(&["remediation", &finding.control, &finding.subject]),
                lifecycle: "recommendation",
                title: "What to do",
                description: prose(&control.remediation),
            }],
            risk_log: (!entries.is_empty()).then_some(wire::RiskLog { entries }),
            related_observations: vec![wire::RelatedObservation { observation_uuid: self.uuid(finding) }],
        }
    }

    pub fn risk_uuid(&self, finding: &Finding) -> String {
        self.package.identities.lasting(&["risk", &finding.control, &finding.subject])
    }
}

/// A waiver that gives a deadline: live, or run out.
fn granted(waiver: &Waiver) -> bool {
    matches!(waiver.standing.as_str(), "in force" | "expired")
}
