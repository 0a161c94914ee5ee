//! The assessment plan and the assessment results.

use super::super::package::{Control, Finding, Package};
use super::observed::Observed;
use super::{Names, assets, line, metadata, origin, ours, reviewed, string, wire};

/// Where the results say that their plan is.
pub const PLAN: &str = "assessment-plan.json";

/// What was to be assessed, and by what.
pub fn plan(package: &Package<'_>, names: &Names) -> wire::AssessmentPlan {
    let no_plan = package.identities.lasting(&["no-system-security-plan"]);
    wire::AssessmentPlan {
        uuid: package.identities.of_assessment(&["assessment-plan"]),
        metadata: metadata(package, &format!("{}: assessment plan", package.assessment.name)),
        import_ssp: wire::Import { href: format!("#{no_plan}") },
        reviewed_controls: reviewed(package, names),
        assessment_subjects: vec![wire::AssessmentSubject {
            r#type: "inventory-item",
            description: "Every identity, credential, grant, party, event and finding that the evidence names.".to_owned(),
            include_all: wire::Empty {},
        }],
        assessment_assets: assets(package),
        back_matter: wire::BackMatter {
            resources: vec![wire::Resource {
                uuid: no_plan,
                title: "No system security plan".to_owned(),
                description: Some(
                    "The assessment is of the identities that the evidence names; there is no system security plan in OSCAL.".to_owned(),
                ),
                rlinks: Vec::new(),
            }],
        },
    }
}

/// What was found.
pub fn results(package: &Package<'_>, names: &Names) -> wire::AssessmentResults {
    let said = &package.assessment;
    let mut observed = Observed::of(package);
    let (mut observations, mut risks, mut findings) = (Vec::new(), Vec::new(), Vec::new());
    for control in &said.controls {
        let found: Vec<&Finding> = package.findings(&control.id).collect();
        let population = population(package, &mut observed, control);
        let failed: Vec<&Finding> = found.iter().copied().filter(|finding| matches!(finding.verdict.as_str(), "fail" | "waived")).collect();
        findings.extend(judged(package, &observed, control, &population.uuid, &failed, names));
        observations.push(population);
        observations.extend(found.iter().map(|finding| observed.finding(control, finding)));
        risks.extend(failed.iter().map(|finding| observed.risk(control, finding)));
    }
    let outcome = wire::Outcome {
        uuid: package.identities.of_assessment(&["result"]),
        title: line(&format!("{}: {}", said.name, said.outcome.word)),
        description: if package.left_out().is_empty() {
            line(&said.outcome.reason)
        } else {
            line(&format!("{} Left out on the command line: {}", said.outcome.reason, package.left_out().join(", ")))
        },
        start: said.as_of.clone(),
        end: said.as_of.clone(),
        props: vec![
            ours("outcome", &said.outcome.word),
            ours("exit", &said.outcome.exit.to_string()),
            ours("gate", &said.gate),
            ours("root", &package.root),
        ],
        local_definitions: wire::LocalDefinitions { inventory_items: observed.inventory(), assessment_assets: assets(package) },
        reviewed_controls: reviewed(package, names),
        observations,
        risks,
        findings,
    };
    wire::AssessmentResults {
        uuid: package.identities.of_assessment(&["assessment-results"]),
        metadata: metadata(package, &format!("{}: assessment results", said.name)),
        import_ap: wire::Import { href: PLAN.to_owned() },
        results: [outcome],
        back_matter: observed.back_matter(),
    }
}

/// How many subjects a control has, and what they came to.
fn population(package: &Package<'_>, observed: &mut Observed<'_>, control: &Control) -> wire::Observation {
    let counts = control.counts;
    let gaps: Vec<String> = control.population_gaps.iter().map(|gap| format!("- {}: {}", gap.word, line(&gap.detail))).collect();
    let path = format!("populations/{}.csv", control.id);
    let told = format!(
        "{} subjects: {} fail, {} unknown, {} waived, {} pass, {} not applicable.",
        control.population, counts.fail, counts.unknown, counts.waived, counts.pass, counts.not_applicable
    );
    wire::Observation {
        uuid: package.identities.of_assessment(&["population", &control.id]),
        title: line(&format!("{}: {}", control.id, control.title)),
        description: told,
        props: vec![ours("control", &control.id), ours("status", &control.status), ours("population", &control.population.to_string())],
        methods: ["EXAMINE"],
        types: ["control-objective"],
        origins: [origin()],
        subjects: Vec::new(),
        relevant_evidence: vec![wire::RelevantEvidence {
            href: observed.file(&path),
            description: "Every subject, with its verdict and where it was read.".to_owned(),
            props: vec![ours("file", &path)],
        }],
        collected: package.assessment.as_of.clone(),
        remarks: (!gaps.is_empty()).then(|| format!("Not known to be all:\n\n{}", gaps.join("\n"))),
    }
}

/// The finding on a control; `None`: nothing was judged, or what was judged does not settle it.
fn judged(
    package: &Package<'_>,
    observed: &Observed<'_>,
    control: &Control,
    population: &str,
    failed: &[&Finding],
    names: &Names,
) -> Option<wire::Finding> {
    let (state, reason, remarks) = match control.status.as_str() {
        "pass" => ("satisfied", "pass", None),
        "fail" => ("not-satisfied", "fail", None),
        "waived" => ("not-satisfied", "other", Some("Every fail is covered by a waiver in force.".to_owned())),
        _ => return None,
    };
    let mut related_observations = vec![wire::RelatedObservation { observation_uuid: population.to_owned() }];
    related_observations.extend(failed.iter().map(|finding| wire::RelatedObservation { observation_uuid: observed.uuid(finding) }));
    Some(wire::Finding {
        uuid: package.identities.lasting(&["finding", &control.id]),
        title: line(&format!("{}: {}", control.id, control.title)),
        description: line(&format!("{} on this evidence: {}", control.id, control.status)),
        props: vec![ours("control", &control.id), ours("severity", &control.severity)],
        origins: [origin()],
        target: wire::Target {
            r#type: "statement-id",
            target_id: names.statement(&control.id),
            title: string(&line(&control.title)),
            status: wire::TargetStatus { state, reason, remarks },
        },
        related_observations,
        related_risks: failed.iter().map(|finding| wire::RelatedRisk { risk_uuid: observed.risk_uuid(finding) }).collect(),
    })
}
