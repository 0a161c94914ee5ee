//! SARIF 2.1.0: findings are results, waivers suppressions; controls and frameworks: `rules`.

mod rules;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::package::{Control, Finding, Framework, Package, Position, Reason, Verdict};
use super::wire::sarif::*;
use super::{Options, uri};
use crate::model::assessment::{Named, finding_id};
use crate::model::salt::INPUTS;
use crate::report::escape;
use rules::{guid, level, rule, taxonomy};

/// What the paths of a log are relative to.
const PROJECT: &str = "PROJECT";
/// What a result is shown at that no record stands behind.
const SETTINGS: &str = "tickmark.toml";
/// The name of the fingerprint: `model::assessment::finding_id`.
const FINGERPRINT: &str = "tickmarkFinding/v1";

/// The package as a log of one run.
pub fn log(package: &Package<'_>, options: Options<'_>) -> Log {
    let said = &package.assessment;
    let mut results = Results::of(package, options);
    for (index, (control, verdicts)) in package.controls().enumerate() {
        results.control(index, control, verdicts);
    }
    results.absent();
    let Results { list: results, artifacts, .. } = results;
    let component =
        |at: usize, framework: &Framework| ComponentReference { name: framework.title.clone(), index: at, guid: guid(framework) };
    let driver = ToolComponent {
        name: said.tool.name.clone(),
        version: said.tool.version.clone(),
        semantic_version: Some(said.tool.version.clone()),
        short_description: Some(plain("Compliance as code for non-human identities")),
        rules: said.controls.iter().map(|control| rule(control, &said.frameworks)).collect(),
        supported_taxonomies: said.frameworks.iter().enumerate().map(|(at, framework)| component(at, framework)).collect(),
        ..ToolComponent::default()
    };
    let base = "The folder that holds tickmark.toml. Digests and lines are those of the file in the report package, below inputs/.";
    Log {
        schema: SCHEMA,
        version: VERSION,
        runs: [Run {
            tool: Tool { driver },
            automation_details: AutomationDetails {
                id: format!("tickmark/{}/", escape::visible(&said.name).replace('/', "-")),
                guid: package.identities.of_assessment(&["sarif"]),
                description: message(&format!("{}, as of {}", said.name, said.as_of)),
            },
            invocations: [Invocation {
                execution_successful: said.outcome.exit != 2,
                exit_code: said.outcome.exit,
                exit_code_description: format!("{}: {}", said.outcome.word, said.outcome.reason),
            }],
            original_uri_base_ids: BTreeMap::from([(PROJECT, Described { description: plain(base) })]),
            artifacts,
            taxonomies: said.frameworks.iter().map(taxonomy).collect(),
            results,
            properties: bag(json!({
                "asOf": said.as_of,
                "root": package.root,
                "gate": said.gate,
                "outcome": said.outcome.word,
                "leftOut": package.left_out(),
                "verdicts": {
                    "fail": said.totals.verdicts.fail,
                    "unknown": said.totals.verdicts.unknown,
                    "waived": said.totals.verdicts.waived,
                    "pass": said.totals.verdicts.pass,
                    "notApplicable": said.totals.verdicts.not_applicable,
                },
            })),
        }],
    }
}

/// The results of a run, with the files that they stand in.
struct Results<'p> {
    package: &'p Package<'p>,
    options: Options<'p>,
    /// What the baseline says of each id.
    before: BTreeMap<String, String>,
    /// Ids that have a result.
    told: BTreeSet<String>,
    list: Vec<SarifResult>,
    artifacts: Vec<Artifact>,
    places: BTreeMap<String, usize>,
}

/// What is told of one subject, or of a control's population.
struct Told<'t> {
    control: &'t str,
    rule: Option<usize>,
    severity: &'t str,
    subject: &'t str,
    verdict: &'t str,
    message: String,
    finding: Option<&'t Finding>,
}

/// The id of a finding; of what is none, one in the same manner.
fn result_id(control: &str, subject: &str, finding: Option<&Finding>) -> String {
    finding.map_or_else(|| finding_id(control, Named::Id(subject), &[]), |finding| finding.id.clone())
}

impl<'p> Results<'p> {
    fn of(package: &'p Package<'p>, options: Options<'p>) -> Self {
        let mut before = BTreeMap::new();
        if let Some(baseline) = options.baseline {
            for (control, verdicts) in baseline.controls() {
                for verdict in verdicts {
                    let finding = baseline.finding(verdict);
                    before.insert(result_id(&control.id, &verdict.subject, finding), said(&verdict.word, finding));
                }
                if !control.population_complete {
                    before.insert(result_id(&control.id, "", None), said("unknown", None));
                }
            }
        }
        let (told, places) = (BTreeSet::new(), BTreeMap::new());
        Results { package, options, before, told, list: Vec::new(), artifacts: Vec::new(), places }
    }

    fn control(&mut self, index: usize, control: &'p Control, verdicts: &'p [Verdict]) {
        let (id, rule, severity) = (control.id.as_str(), Some(index), control.severity.as_str());
        for verdict in verdicts {
            let finding = self.package.finding(verdict);
            if finding.is_none() && !self.options.all {
                continue;
            }
            let message = told(&verdict.subject, &verdict.word, control, finding);
            self.push(
                self.package,
                Told { control: id, rule, severity, subject: &verdict.subject, verdict: &verdict.word, message, finding },
            );
        }
        if !control.population_complete {
            let message = format!("who else there is to judge is not known: {}", reasons(&control.population_gaps));
            self.push(self.package, Told { control: id, rule, severity, subject: "", verdict: "unknown", message, finding: None });
        }
    }

    /// What the baseline told and this run does not.
    fn absent(&mut self) {
        let Some(baseline) = self.options.baseline else { return };
        for control in &baseline.assessment.controls {
            let rule = self.package.assessment.controls.iter().position(|there| there.id == control.id);
            for finding in baseline.findings(&control.id).filter(|finding| !self.told.contains(&finding.id)).collect::<Vec<_>>() {
                let message = told(&finding.subject, &finding.verdict, control, Some(finding));
                let (id, severity) = (control.id.as_str(), control.severity.as_str());
                let (subject, verdict) = (finding.subject.as_str(), finding.verdict.as_str());
                self.push(baseline, Told { control: id, rule, severity, subject, verdict, message, finding: Some(finding) });
                if let Some(last) = self.list.last_mut() {
                    last.baseline_state = Some("absent");
                }
            }
        }
    }

    fn push(&mut self, package: &Package<'_>, told: Told<'_>) {
        let id = result_id(told.control, told.subject, told.finding);
        let (kind, level) = match told.verdict {
            "fail" | "waived" => ("fail", level(told.severity)),
            "pass" => ("pass", "none"),
            "not-applicable" => ("notApplicable", "none"),
            _ => ("open", "none"),
        };
        let baseline_state = self.options.baseline.map(|_| match self.before.get(&id) {
            None => "new",
            Some(before) if *before == said(told.verdict, told.finding) => "unchanged",
            Some(_) => "updated",
        });
        let evidence = told.finding.map_or(&[][..], |finding| &finding.evidence);
        let mut locations: Vec<Location> = evidence.iter().map(|at| self.location(package, at)).collect();
        if locations.is_empty() {
            locations.push(self.at(package, SETTINGS, None));
        }
        if !told.subject.is_empty()
            && let Some(first) = locations.first_mut()
        {
            let name = escape::visible(told.subject);
            first.logical_locations.insert(0, LogicalLocation { fully_qualified_name: name, kind: "resource" });
        }
        let mut related: Vec<Location> = locations.split_off(1);
        for (at, (location, position)) in related.iter_mut().zip(evidence.iter().skip(1)).enumerate() {
            location.id = Some(at);
            location.message = Some(message(&format!("also read from {} {}", position.source, position.record)));
        }
        let suppressions = if told.verdict == "waived" { self.suppressions(package, told.finding) } else { Vec::new() };
        self.list.push(SarifResult {
            rule_id: told.control.to_owned(),
            rule_index: told.rule,
            kind,
            level,
            message: message(&told.message),
            locations,
            related_locations: related,
            partial_fingerprints: BTreeMap::from([(FINGERPRINT, id.clone())]),
            suppressions,
            baseline_state,
            properties: bag(json!({
                "subject": escape::visible(told.subject),
                "verdict": told.verdict,
                "severity": told.severity,
                "observed": told.finding.map(observed),
                "waivers": told.finding.map(|finding| &finding.waivers),
                "projectBaseline": told.finding.and_then(|finding| finding.baseline.as_deref()),
            })),
        });
        self.told.insert(id);
    }

    fn suppressions(&mut self, package: &Package<'_>, finding: Option<&Finding>) -> Vec<Suppression> {
        let waivers =
            finding.into_iter().flat_map(|finding| package.waivers(finding).filter(|waiver| finding.waivers.contains(&waiver.id)));
        let suppression = |waiver: &super::package::Waiver| Suppression {
            kind: "external",
            status: "accepted",
            guid: package.identities.lasting(&["waiver", &waiver.id, finding.map_or("", |finding| &finding.subject)]),
            justification: escape::visible(&format!(
                "{}: {} (approved by {}, until {})",
                waiver.id,
                waiver.reason,
                waiver.approver,
                waiver.expires_at.as_deref().unwrap_or("no end")
            )),
            location: self.at(package, &waiver.file, None),
            properties: bag(json!({
                "waiver": waiver.id,
                "approver": waiver.approver,
                "approval": waiver.approval,
                "grantedAt": waiver.granted_at,
                "expiresAt": waiver.expires_at,
                "ticket": waiver.ticket,
            })),
        };
        waivers.map(suppression).collect()
    }

    fn location(&mut self, package: &Package<'_>, position: &Position) -> Location {
        let mut location = self.at(package, &position.file, package.line(position));
        if position.record.starts_with('/') {
            let record = LogicalLocation { fully_qualified_name: escape::visible(&position.record), kind: "element" };
            location.logical_locations.push(record);
        }
        location
    }

    fn at(&mut self, package: &Package<'_>, file: &str, line: Option<usize>) -> Location {
        let location = ArtifactLocation { uri: uri(file), uri_base_id: PROJECT, index: None };
        let index = *self.places.entry(file.to_owned()).or_insert_with(|| {
            let bytes = package.file(&format!("{INPUTS}{file}"));
            let hashes = bytes.map(|bytes| ("sha-256", crate::model::digest::sha256(bytes))).into_iter().collect();
            self.artifacts.push(Artifact { location: location.clone(), length: bytes.map(<[u8]>::len), hashes });
            self.artifacts.len() - 1
        });
        Location {
            id: None,
            physical_location: PhysicalLocation {
                artifact_location: ArtifactLocation { index: Some(index), ..location },
                region: line.map(|start_line| Region { start_line }),
            },
            logical_locations: Vec::new(),
            message: None,
        }
    }
}

/// A sentence on a subject.
fn told(subject: &str, verdict: &str, control: &Control, finding: Option<&Finding>) -> String {
    let title = &control.title;
    match verdict {
        "fail" => format!("{subject} fails {}: {title}", control.id),
        "waived" => format!("{subject} fails {}, and a waiver covers it: {title}", control.id),
        "pass" => format!("{subject} passes {}: {title}", control.id),
        "not-applicable" => format!("{} does not apply to {subject}: {title}", control.id),
        _ => {
            let why = finding.map_or_else(String::new, |finding| reasons(&finding.reasons));
            format!("whether {subject} passes {} is not known ({title}): {why}", control.id)
        }
    }
}

fn reasons(reasons: &[Reason]) -> String {
    let told: Vec<String> = reasons.iter().map(|reason| format!("{}: {}", reason.word, reason.detail)).collect();
    if told.is_empty() { "nobody says".to_owned() } else { told.join("; ") }
}

/// What tells one state of a finding from another.
fn said(verdict: &str, finding: Option<&Finding>) -> String {
    let observed = finding.map(|finding| (&finding.observed, reasons(&finding.reasons)));
    json!([verdict, observed]).to_string()
}

/// What was read → what it held; nothing in it is hidden.
fn observed(finding: &Finding) -> BTreeMap<String, String> {
    finding.observed.iter().map(|(read, held)| (escape::visible(read), escape::visible(held))).collect()
}

fn plain(text: &str) -> Text {
    Text { text: text.to_owned(), markdown: None }
}

/// A message that is plain text: nothing in it is a link or a placeholder.
fn message(text: &str) -> Text {
    let text = escape::visible(text);
    plain(&text.replace('{', "{{").replace('}', "}}").replace('[', "\\[").replace(']', "\\]"))
}

fn bag(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
