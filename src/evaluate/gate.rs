//! How a run ends: a pure function of what was judged, what is at the gate, and what a baseline knows. `docs/gate.md` says it in a table, and a
//! test holds the two together.

use crate::model::assessment::{ControlResult, Outcome, Status, Verdict};
use crate::model::baseline::{BaselineResult, BaselineStanding, Vanished};
use crate::model::control::Severity;
use crate::model::project::{Gate, Gating, Narrowed};

/// How many controls a reason names.
const NAMED: usize = 8;
/// How much of a subject's id it shows.
const SHOWN: usize = 100;

/// What one control came to, as the gate sees it.
#[derive(Clone, Debug)]
pub struct Weighed<'a> {
    pub id: &'a str,
    pub severity: Severity,
    pub status: Status,
    /// Fails that no baseline in force knows.
    pub new: usize,
    /// Fails that it knows.
    pub known: usize,
    /// A subject is unknown, or the population is not known to be complete.
    pub undetermined: bool,
    /// A subject that fails and that no baseline knows; empty: there is none.
    pub first: &'a str,
}

impl<'a> Weighed<'a> {
    /// What a judged control came to.
    #[must_use]
    pub fn of(result: &'a ControlResult) -> Weighed<'a> {
        let new = |finding: &&crate::model::assessment::Finding| finding.verdict == Verdict::Fail && finding.known != Some(true);
        Weighed {
            id: &result.control.id,
            severity: result.severity(),
            status: result.status,
            new: result.counts.fail - result.known,
            known: result.known,
            undetermined: result.counts.unknown > 0 || !result.population_gaps.is_empty(),
            first: result.findings.iter().find(new).map_or("", |finding| &finding.subject),
        }
    }
}

/// Everything that decides how a run ends.
#[derive(Clone, Copy, Debug)]
pub struct Scales<'a> {
    pub gating: &'a Gating,
    /// Sorted by id.
    pub controls: &'a [Weighed<'a>],
    /// Subjects of all controls.
    pub subjects: usize,
    /// Required sources that yielded nothing.
    pub absent: &'a [&'a str],
    pub baseline: Option<&'a BaselineResult>,
    pub narrowed: Option<&'a Narrowed>,
    /// What is declared out of scope, in a clause.
    pub out_of_scope: Option<&'a str>,
}

/// The outcome, and why, in a line: the first that holds (SEMANTICS §5.7).
#[must_use]
pub fn decide(scales: &Scales) -> (Outcome, String) {
    let (outcome, mut reason) = decided(scales);
    if let Some(baseline) = scales.baseline
        && baseline.standing != BaselineStanding::InForce
    {
        let why = if baseline.standing.why().is_empty() { String::new() } else { format!(" ({})", baseline.standing.why()) };
        reason += &format!("; the baseline is {}{why}, so that it excuses nothing", baseline.standing.word());
    }
    if let Some(narrowed) = scales.narrowed {
        reason += &format!("; {}", narrowed.told());
    }
    if let Some(told) = scales.out_of_scope {
        reason += &format!("; {told}");
    }
    (outcome, reason)
}

fn decided(scales: &Scales) -> (Outcome, String) {
    let (gating, controls) = (scales.gating, scales.controls);
    if controls.is_empty() {
        return (Outcome::NothingAssessed, "no control is selected".to_owned());
    }
    if scales.subjects == 0 {
        return (
            Outcome::NothingAssessed,
            "no control had a subject to judge: the evidence holds no row of the tables that the selected controls judge".to_owned(),
        );
    }
    let holds_fail = |control: &Weighed| gating.holds_fail(control.id, control.severity);
    if let Some(reason) = violations(scales, controls.iter().filter(|control| holds_fail(control)).collect()) {
        return (Outcome::Violations, reason);
    }
    let open: Vec<&str> = controls
        .iter()
        .filter(|control| control.undetermined && gating.holds_unknown(control.id, control.severity))
        .map(|control| control.id)
        .collect();
    if !open.is_empty() {
        return (
            Outcome::Insufficient,
            format!(
                "{} {}: {}",
                several(open.len(), "control is undetermined", "controls are undetermined"),
                at(gating.unknown()),
                capped(&open)
            ),
        );
    }
    if !scales.absent.is_empty() {
        return (Outcome::Insufficient, format!("required sources yielded nothing: {}", capped(scales.absent)));
    }
    if controls.iter().all(|control| control.status == Status::NotApplicable) {
        return (Outcome::Insufficient, "no control was applicable to any subject".to_owned());
    }
    let count = |status: Status| controls.iter().filter(|control| control.status == status).count();
    if gating.fail == Gate::Off && !gating.overrides.values().any(|there| there.held) {
        return (
            Outcome::GateOff,
            format!(
                "`fail-on = \"none\"`: {} and {} undetermined do not count",
                several(count(Status::Fail), "failing control", "failing controls"),
                count(Status::Unknown)
            ),
        );
    }
    let judged =
        |control: &Weighed| matches!(control.status, Status::Pass | Status::Waived) || control.status == Status::Fail && control.new == 0;
    if !controls.iter().any(|control| holds_fail(control) && judged(control)) {
        return (Outcome::Insufficient, format!("no control {} judged any subject", at(gating.fail)));
    }
    let satisfied = several(count(Status::Pass), "control is satisfied", "controls are satisfied");
    let under = match count(Status::Waived) {
        0 => String::new(),
        waived => format!(", {waived} more only under waivers"),
    };
    let taken_off: Vec<&str> = controls
        .iter()
        .filter(|control| {
            matches!(control.status, Status::Fail | Status::Unknown) && gating.fail.holds(control.severity) && !holds_fail(control)
        })
        .map(|control| control.id)
        .collect();
    let (other, off) = match taken_off.len() {
        0 => ("", String::new()),
        number => {
            (" other", format!("; `[gate]` takes {} off that do not pass: {}", several(number, "control", "controls"), capped(&taken_off)))
        }
    };
    let known: usize = controls.iter().filter(|control| holds_fail(control)).map(|control| control.known).sum();
    if known > 0 {
        return (
            Outcome::KnownOnly,
            format!(
                "{} {}, and the baseline knows all of them; {satisfied} on this evidence{under}{off}",
                several(known, "violation", "violations"),
                at(gating.fail)
            ),
        );
    }
    (Outcome::Satisfied, format!("{satisfied} on this evidence{under}; none{other} {} fails or is undetermined{off}", at(gating.fail)))
}

/// What fails at the gate and no baseline knows, and what it saw and is gone; `None`: there is nothing of the kind.
fn violations(scales: &Scales, held: Vec<&Weighed>) -> Option<String> {
    let gating = scales.gating;
    let new: usize = held.iter().map(|control| control.new).sum();
    let known: usize = held.iter().map(|control| control.known).sum();
    let in_force = scales.baseline.filter(|baseline| baseline.standing == BaselineStanding::InForce);
    // What is gone of a control counts where the control does; a source, or a control that is not judged any more, wherever there is a gate.
    let off = gating.fail == Gate::Off && !gating.overrides.values().any(|there| there.held);
    let counts = |control: &str| match scales.controls.iter().find(|judged| judged.id == control) {
        Some(judged) => gating.holds_fail(judged.id, judged.severity),
        None => !off,
    };
    let vanished: Vec<_> = in_force.iter().flat_map(|baseline| &baseline.vanished).filter(|vanished| counts(&vanished.control)).collect();
    if new == 0 && vanished.is_empty() {
        return None;
    }
    let mut said = Vec::new();
    if new > 0 {
        let failing: Vec<&str> = held.iter().filter(|control| control.new > 0).map(|control| control.id).collect();
        let word = if in_force.is_some() { "new violation" } else { "violation" };
        let mut text = format!("{} {}, of {}", several(new, word, &format!("{word}s")), at(gating.fail), capped(&failing));
        let worst = held.iter().filter(|control| control.new > 0).max_by_key(|control| (control.severity, std::cmp::Reverse(control.id)));
        if let Some(worst) = worst {
            text += &format!("; first: {} {}", worst.id, cut(worst.first));
        }
        said.push(text);
    }
    if let Some(first) = vanished.first() {
        said.push(format!(
            "{} gone without proof; first: {}",
            several(vanished.len(), "thing is", "things are"),
            Vanished { what: cut(&first.what), ..(*first).clone() }.told()
        ));
    }
    if known > 0 {
        said.push(format!("{known} more {} known", if known == 1 { "is" } else { "are" }));
    }
    Some(said.join("; "))
}

/// `at the gate`, `at or above high`.
fn at(gate: Gate) -> String {
    match gate {
        Gate::Any | Gate::Off => "at the gate".to_owned(),
        Gate::AtLeast(least) => format!("at or above {}", least.word()),
    }
}

fn capped(names: &[&str]) -> String {
    let shown = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    if names.len() > NAMED { format!("{shown} and {} more", names.len() - NAMED) } else { shown }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= SHOWN { text.to_owned() } else { text.chars().take(SHOWN - 1).chain(['…']).collect() }
}

fn several(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
