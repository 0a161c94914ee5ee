//! The plan of action and milestones: what fails, and until when a waiver allows it.

use super::super::package::Package;
use super::observed::Observed;
use super::{Names, assets, line, metadata, origin, ours, prose, string, wire};

/// `None`: nothing fails.
pub fn poam(package: &Package<'_>, names: &Names) -> Option<wire::PlanOfActionAndMilestones> {
    let said = &package.assessment;
    let mut observed = Observed::of(package);
    let (mut observations, mut risks, mut items) = (Vec::new(), Vec::new(), Vec::new());
    for control in &said.controls {
        for finding in package.findings(&control.id).filter(|finding| matches!(finding.verdict.as_str(), "fail" | "waived")) {
            let observation = observed.finding(control, finding);
            let risk = observed.risk(control, finding);
            let mut props =
                vec![ours("control", &names.control(&control.id)), ours("verdict", &finding.verdict), ours("finding", &finding.id)];
            props.extend(finding.waivers.iter().map(|waiver| ours("waiver", waiver)));
            items.push(wire::PoamItem {
                uuid: package.identities.lasting(&["poam-item", &control.id, &finding.subject]),
                title: line(&format!("{}: {}", control.id, finding.subject)),
                description: prose(&control.remediation),
                props,
                origins: [origin()],
                related_observations: vec![wire::RelatedObservation { observation_uuid: observation.uuid.clone() }],
                related_risks: vec![wire::RelatedRisk { risk_uuid: risk.uuid.clone() }],
            });
            observations.push(observation);
            risks.push(risk);
        }
    }
    (!items.is_empty()).then(|| wire::PlanOfActionAndMilestones {
        uuid: package.identities.of_assessment(&["plan-of-action-and-milestones"]),
        metadata: metadata(package, &format!("{}: plan of action and milestones", said.name)),
        system_id: wire::SystemId { identifier_type: super::NS, id: string(&said.name) },
        local_definitions: wire::LocalDefinitions { inventory_items: observed.inventory(), assessment_assets: assets(package) },
        observations,
        risks,
        poam_items: items,
        back_matter: observed.back_matter(),
    })
}
