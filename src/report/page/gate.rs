//! What decides how the run ends, beside the verdicts: it stands on the first page, since no finding shows it.

use serde::Serialize;

use super::view::{Capped, clause, duty};
use crate::model::assessment::Assessment;
use crate::model::baseline::BaselineStanding;
use crate::model::project::{Gate, Project};
use crate::model::table::Evidence;

/// How many things that are gone the first page names.
const GONE: usize = 50;

#[derive(Serialize)]
pub struct GateView<'a> {
    /// What it means, in a clause.
    gate: String,
    /// Of unknowns, where it is another one.
    unknowns: Option<String>,
    overrides: Vec<OverrideView<'a>>,
    narrowed: Option<String>,
    baseline: Option<BaselineView<'a>>,
}

/// A control that is at the gate, or not, whatever its severity.
#[derive(Serialize)]
struct OverrideView<'a> {
    control: &'a str,
    held: bool,
    until: Option<String>,
    ended: bool,
    known: bool,
    reason: String,
    approver: &'a str,
    approval: Option<&'a str>,
}

#[derive(Serialize)]
struct BaselineView<'a> {
    standing: &'static str,
    in_force: bool,
    why: &'a str,
    root: &'a str,
    /// What it is of, where it could be read.
    of: Option<(&'a str, String)>,
    reason: String,
    approver: &'a str,
    approval: Option<&'a str>,
    ticket: Option<&'a str>,
    granted_at: String,
    expires_at: String,
    known: usize,
    gone: Capped<String>,
}

pub fn gate<'a>(assessment: &'a Assessment, evidence: &Evidence, project: &'a Project) -> GateView<'a> {
    let gating = &project.gating;
    let overrides = gating.overrides.iter().map(|(control, there)| OverrideView {
        control,
        held: there.held,
        until: there.answer.as_ref().and_then(|answer| answer.until).map(|until| until.to_string()),
        known: there.answer.as_ref().is_none_or(|answer| evidence.knows_party(&answer.approver)),
        ended: there.answer.as_ref().is_some_and(|answer| answer.ended.is_some()),
        reason: there.answer.as_ref().map_or_else(String::new, |answer| format!("{}.", clause(&answer.reason))),
        approver: there.answer.as_ref().map_or("", |answer| &answer.approver),
        approval: there.answer.as_ref().and_then(|answer| answer.approval.as_ref()).map(|document| document.sha256.as_str()),
    });
    let baseline = project.baseline.as_ref().zip(assessment.baseline.as_ref()).map(|(baseline, came)| BaselineView {
        standing: came.standing.word(),
        in_force: came.standing == BaselineStanding::InForce,
        why: came.standing.why(),
        root: &baseline.accepted.root,
        of: baseline.earlier.as_ref().ok().map(|earlier| (earlier.name.as_str(), earlier.as_of.to_string())),
        reason: format!("{}.", clause(&baseline.accepted.reason)),
        approver: &baseline.accepted.approver,
        approval: baseline.accepted.approval.as_ref().map(|document| document.sha256.as_str()),
        ticket: baseline.accepted.ticket.as_deref(),
        granted_at: baseline.accepted.granted_at.to_string(),
        expires_at: baseline.accepted.expires_at.to_string(),
        known: came.known,
        gone: Capped::new(came.vanished.iter().map(crate::model::baseline::Vanished::told), GONE),
    });
    GateView {
        gate: fails(gating.fail),
        unknowns: (gating.unknown() != gating.fail).then(|| unknowns(gating.unknown())),
        overrides: overrides.collect(),
        narrowed: project.narrowed.as_ref().map(|narrowed| narrowed.told()),
        baseline,
    }
}

fn fails(gate: Gate) -> String {
    match gate {
        Gate::Off => "none: the gate is off, so no finding fails the run".to_owned(),
        Gate::Any => "any: a failed control of any severity is a violation, an undecided one is insufficient evidence".to_owned(),
        Gate::AtLeast(_) => format!("{}: controls of severity {} decide the outcome", gate.word(), duty(gate.word())),
    }
}

fn unknowns(gate: Gate) -> String {
    match gate {
        Gate::Off => "for what is undecided none: no unknown fails the run".to_owned(),
        Gate::Any => "for what is undecided any: an undecided control of any severity is insufficient evidence".to_owned(),
        Gate::AtLeast(_) => format!("for what is undecided {}: controls of severity {}", gate.word(), duty(gate.word())),
    }
}
