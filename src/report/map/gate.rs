//! What decides how a run ends.

use super::looser;
use crate::model::assessment::Assessment;
use crate::model::project::Project;
use crate::report::wire;

pub fn overrides(project: &Project) -> Vec<wire::Override<'_>> {
    let overrides = project.gating.overrides.iter();
    overrides.map(|(control, there)| wire::Override { control, gate: there.word(), answer: there.answer.as_ref().map(looser) }).collect()
}

pub fn narrowed(project: &Project) -> Option<wire::Narrowed<'_>> {
    let narrowed = project.narrowed.as_ref()?;
    Some(wire::Narrowed { only: &narrowed.only, skip: &narrowed.skip, left: narrowed.left, of: narrowed.of })
}

pub fn baseline<'a>(project: &'a Project, assessment: &'a Assessment) -> Option<wire::Baseline<'a>> {
    let (baseline, came) = (project.baseline.as_ref()?, assessment.baseline.as_ref()?);
    let (accepted, earlier) = (&baseline.accepted, baseline.earlier.as_ref().ok());
    Some(wire::Baseline {
        package: &accepted.package,
        root: &accepted.root,
        name: earlier.map(|earlier| earlier.name.as_str()),
        as_of: earlier.map(|earlier| earlier.as_of.to_string()),
        standing: came.standing.word(),
        why: came.standing.why(),
        reason: &accepted.reason,
        approver: &accepted.approver,
        approval: accepted.approval.as_ref().map(|document| document.sha256.as_str()),
        granted_at: accepted.granted_at.to_string(),
        expires_at: accepted.expires_at.to_string(),
        ticket: accepted.ticket.as_deref(),
        known: came.known,
        vanished: came
            .vanished
            .iter()
            .map(|vanished| wire::Vanished { control: &vanished.control, what: &vanished.what, why: &vanished.why })
            .collect(),
    })
}
