//! `tickmark test --mutate`: which wrong versions of a control its own tests do not notice.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::exit::Exit;
use super::progress;
use crate::evaluate::{Request, assess, verdicts};
use crate::evidence;
use crate::model::control::{Control, ControlTest};
use crate::model::project::Gating;
use crate::model::table::Evidence;
use crate::model::watch::{Unwatched, Watch};
use crate::mutate::mutants;

/// What became of one control's mutants.
#[derive(Debug)]
pub struct Score {
    pub control: String,
    /// All but those that are accepted as equivalent.
    pub mutants: usize,
    pub killed: usize,
    /// What no test notices, and nobody has explained.
    pub survivors: Vec<String>,
    /// What no test notices, and why none could.
    pub equivalent: Vec<(String, String)>,
    /// Explained in the control, and noticed or no mutant at all.
    pub mistaken: Vec<String>,
}

impl Score {
    /// Killed of all, in per cent; a control without mutants has nothing to notice.
    #[must_use]
    pub fn percent(&self) -> f64 {
        percent(self.killed, self.mutants)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of mutants are far below 2^52, and the figure is printed to a tenth")]
fn percent(part: usize, all: usize) -> f64 {
    if all == 0 { 100.0 } else { part as f64 * 100.0 / all as f64 }
}

/// Runs every mutant of every control against the control's own tests.
#[must_use]
pub fn scores(controls: &[Control]) -> Vec<Score> {
    progress::during(|watch| {
        watch.begins("changing", "controls", controls.len());
        controls.par_iter().map(score).inspect(|_| watch.done()).collect()
    })
}

fn score(control: &Control) -> Score {
    let given: Vec<(&ControlTest, Evidence)> = control.tests.iter().map(|test| (test, evidence::of_test(test))).collect();
    let explained: BTreeMap<&str, &str> = control.equivalent.iter().map(|(mutant, reason)| (mutant.as_str(), reason.as_str())).collect();
    let mut score =
        Score { control: control.id.clone(), mutants: 0, killed: 0, survivors: Vec::new(), equivalent: Vec::new(), mistaken: Vec::new() };
    let mut unused: BTreeSet<&str> = explained.keys().copied().collect();
    for mutant in mutants(control) {
        let noticed = given.iter().any(|(test, evidence)| differs(&mutant.control, control, test, evidence));
        match explained.get(mutant.what.as_str()) {
            Some(reason) if !noticed => {
                unused.remove(mutant.what.as_str());
                score.equivalent.push((mutant.what, (*reason).to_owned()));
                continue;
            }
            _ => {}
        }
        score.mutants += 1;
        if noticed {
            score.killed += 1;
        } else {
            score.survivors.push(mutant.what);
        }
    }
    score.mistaken = unused.into_iter().map(str::to_owned).collect();
    score
}

/// Whether a mutant comes to something else than a test expects. What cannot be judged at all is noticed.
fn differs(mutant: &Control, control: &Control, test: &ControlTest, evidence: &Evidence) -> bool {
    let mut mutant = mutant.clone();
    for (name, value) in &test.params {
        // A test that sets the parameter which the mutant moved does not see that mutant.
        if mutant.params.get(name).map(|param| &param.value) == control.params.get(name).map(|param| &param.value)
            && let Some(param) = mutant.params.get_mut(name)
        {
            param.value = value.clone();
        }
    }
    let Ok(came) = verdicts(mutant.applies.as_ref(), &mutant.assert, evidence, test.as_of, &mutant.constants()) else { return true };
    let ids = evidence::ids(evidence, mutant.subject);
    let other = ids.iter().zip(&came).any(|(id, verdict)| test.expect.get(*id).is_some_and(|expected| verdict.word() != expected));
    if other {
        return true;
    }
    let Some(expected) = &test.status else { return false };
    let request = Request {
        name: "",
        controls: std::slice::from_ref(&mutant),
        deselected: &[],
        out_of_scope: &BTreeMap::new(),
        out_of_scope_told: None,
        frameworks: &[],
        waivers: &[],
        evidence,
        as_of: test.as_of,
        as_of_from: "argument",
        gating: &Gating::default(),
        narrowed: None,
        baseline: None,
        watch: &Unwatched,
    };
    assess::assess(&request).map_or(true, |assessment| assessment.controls.iter().any(|result| result.status.word() != expected))
}

/// Prints the scores by control and family. Fails where a control notices less than `least` per cent.
#[must_use]
pub fn report(scores: &[Score], least: f64) -> Exit {
    let mut families: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
    for score in scores {
        let family = score.control.split('-').next().unwrap_or_default();
        let sum = families.entry(family).or_default();
        *sum = (sum.0 + score.killed, sum.1 + score.mutants, sum.2 + score.equivalent.len());
        let mark = if score.percent() >= least { ' ' } else { '✗' };
        println!("{mark} {:<8} {:>5.1} %  {} of {}", score.control, score.percent(), score.killed, score.mutants);
        for survivor in &score.survivors {
            println!("      not noticed: {survivor}");
        }
        for (mutant, reason) in &score.equivalent {
            println!("      equivalent: {mutant}: {reason}");
        }
        for mistaken in &score.mistaken {
            println!("      warning: `[[equivalent]]` names `{mistaken}`, which is noticed or no mutant; remove it");
        }
    }
    println!();
    let mut all = (0, 0, 0);
    for (family, (killed, mutants, equivalent)) in &families {
        println!("  {family:<8} {:>5.1} %  {killed} of {mutants}, {equivalent} equivalent", percent(*killed, *mutants));
        all = (all.0 + killed, all.1 + mutants, all.2 + equivalent);
    }
    println!("  {:<8} {:>5.1} %  {} of {}, {} equivalent", "all", percent(all.0, all.1), all.0, all.1, all.2);
    let weak = scores.iter().filter(|score| score.percent() < least).count();
    if weak > 0 {
        println!("\ncontrols whose tests notice less than {least} % of their mutants: {weak}");
        return Exit::Violations;
    }
    Exit::Done
}
