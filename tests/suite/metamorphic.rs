//! SEMANTICS §8: what evidence may lose, or say in another order or under other names, and what verdicts may then become.
//!
//! `controls` perturbs the evidence of every shipped control's own tests, value by value and row by row; `exports` perturbs the files
//! of the examples and of real exports, and `evidence` what these were read as. Both print how many perturbations they ran.

mod controls;
mod evidence;
mod exports;

use std::borrow::Cow;
use std::collections::BTreeMap;

use tickmark::cli::excused;
use tickmark::evaluate::{Request, assess};
use tickmark::model::assessment::{Status, Verdict};
use tickmark::model::control::Control;
use tickmark::model::project::Gating;
use tickmark::model::table::Evidence;
use tickmark::model::value::Time;
use tickmark::model::waiver::Waiver;

/// What is tried of many: every so-many-th of them, fewer by default than with `TICKMARK_PERTURB=some`, as `.ci/run` sets it; all
/// of them with `TICKMARK_PERTURB=all`.
pub fn every(few: usize, some: usize) -> usize {
    match std::env::var("TICKMARK_PERTURB").as_deref() {
        Ok("all") => 1,
        Ok("some") => some,
        _ => few,
    }
}

/// What one control came to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Outcome {
    status: Status,
    /// Subject → its verdicts: ids of events need not be unique.
    subjects: BTreeMap<String, Vec<Verdict>>,
}

/// What every control comes to. Whom the waivers excuse is found anew; a control's test gives their rows itself.
fn outcomes(controls: &[Control], waivers: &[Waiver], evidence: &Evidence, as_of: Time) -> BTreeMap<String, Outcome> {
    let (evidence, waivers) = if waivers.is_empty() {
        (Cow::Borrowed(evidence), Vec::new())
    } else {
        let (evidence, waivers) = excused(waivers, evidence.clone(), as_of).unwrap();
        (Cow::Owned(evidence), waivers)
    };
    let request = Request {
        name: "",
        controls,
        deselected: &[],
        out_of_scope: &BTreeMap::new(),
        out_of_scope_told: None,
        frameworks: &[],
        waivers: &waivers,
        evidence: &evidence,
        as_of,
        as_of_from: "argument",
        gating: &Gating::default(),
        narrowed: None,
        baseline: None,
        watch: &tickmark::model::watch::Unwatched,
    };
    let assessment = assess(&request).unwrap();
    let outcome = |result: tickmark::model::assessment::ControlResult| {
        let mut subjects: BTreeMap<String, Vec<Verdict>> = BTreeMap::new();
        for judged in result.population {
            subjects.entry(judged.subject).or_default().push(judged.verdict);
        }
        subjects.values_mut().for_each(|verdicts| verdicts.sort());
        (result.control.id, Outcome { status: result.status, subjects })
    };
    assessment.controls.into_iter().map(outcome).collect()
}

/// A fail or an unknown that has become something better: a subject's, or the control's. A subject that is gone is not looked at.
fn better(before: &Outcome, after: &Outcome) -> Vec<String> {
    let bad = |verdict: &Verdict| matches!(verdict, Verdict::Fail | Verdict::Unknown);
    let mut found = Vec::new();
    for (subject, verdicts) in &before.subjects {
        let Some(now) = after.subjects.get(subject) else { continue };
        if verdicts.iter().all(bad) && !now.iter().all(bad) {
            found.push(format!("{subject}: {verdicts:?} became {now:?}"));
        }
    }
    if matches!(before.status, Status::Fail | Status::Unknown) && !matches!(after.status, Status::Fail | Status::Unknown) {
        found.push(format!("the control: {:?} became {:?}", before.status, after.status));
    }
    found
}
