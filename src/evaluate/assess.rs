//! All controls over all evidence: statuses, findings, requirements, and how the run ends.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::LimitError;
use super::absence;
use super::baseline;
use super::explain::explain;
use super::gate::{self, Scales, Weighed};
use super::naming::Naming;
use super::verdict::{Worlds, judge};
use super::waivers;
use super::witness::witnesses;
use super::world::key_text;
use crate::model::assessment::{
    Assessment, ControlResult, Counts, Finding, FrameworkResult, Group, Judged, MappedControl, Named, RequirementResult, Standing, Status,
    Support, Verdict, finding_id,
};
use crate::model::baseline::Baseline;
use crate::model::control::Control;
use crate::model::framework::Framework;
use crate::model::project::{Deselected, Gating, Narrowed, OutOfScope};
use crate::model::table::Evidence;
use crate::model::value::Time;
use crate::model::waiver::Expanded;
use crate::model::watch::Watch;

/// What an assessment is a function of.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub name: &'a str,
    /// Sorted by id.
    pub controls: &'a [Control],
    /// Controls that are not judged.
    pub deselected: &'a [Deselected],
    /// Requirements out of scope, by framework and id.
    pub out_of_scope: &'a BTreeMap<(String, String), OutOfScope>,
    /// What is out of scope, and by whom, in a clause; `None`: nothing.
    pub out_of_scope_told: Option<&'a str>,
    pub frameworks: &'a [Framework],
    /// Whom each waiver excuses, sorted by id.
    pub waivers: &'a [Expanded],
    pub evidence: &'a Evidence,
    pub as_of: Time,
    pub as_of_from: &'static str,
    pub gating: &'a Gating,
    pub narrowed: Option<&'a Narrowed>,
    pub baseline: Option<&'a Baseline>,
    pub watch: &'a dyn Watch,
}

/// Judges every control.
///
/// # Errors
/// A subquery would look at too many pairs: nothing is assessed.
pub fn assess(request: &Request) -> Result<Assessment, LimitError> {
    let worlds = Worlds::new(request.evidence, request.as_of);
    let naming = Naming::of(request.evidence);
    request.watch.begins("judging", "controls", request.controls.len());
    let mut controls: Vec<ControlResult> = request
        .controls
        .par_iter()
        .map(|control| {
            judged(control, &worlds, &naming, &waivers::in_force(request.waivers, &control.id)).inspect(|_| request.watch.done())
        })
        .collect::<Result<_, _>>()?;
    // What the command line leaves out is said to be left out: it has not vanished.
    let set_aside: BTreeSet<&str> = request.deselected.iter().filter(|left| left.narrowed).map(|left| left.control.id.as_str()).collect();
    let baseline =
        request.baseline.map(|baseline| baseline::compared(baseline, &mut controls, request.evidence, &naming, request.as_of, &set_aside));
    let frameworks = request.frameworks.iter().map(|framework| requirements(framework, &controls, request)).collect();
    let weighed: Vec<Weighed> = controls.iter().map(Weighed::of).collect();
    let absent: Vec<&str> =
        request.evidence.sources.iter().filter(|source| source.required && source.absent).map(|source| source.id.as_str()).collect();
    let (outcome, reason) = gate::decide(&Scales {
        gating: request.gating,
        controls: &weighed,
        subjects: controls.iter().map(|result| result.counts.total()).sum(),
        absent: &absent,
        baseline: baseline.as_ref(),
        narrowed: request.narrowed,
        out_of_scope: request.out_of_scope_told,
    });
    let tables = request.evidence.tables.iter().map(|table| (table.schema.name.to_owned(), table.rows, table.is_complete(true))).collect();
    Ok(Assessment {
        name: request.name.to_owned(),
        as_of: request.as_of,
        as_of_from: request.as_of_from,
        gate: request.gating.fail.word(),
        outcome,
        reason,
        waivers: waivers::results(request.waivers, &controls),
        baseline,
        controls,
        frameworks,
        tables,
    })
}

/// `waived`: subject → the waivers that count for it.
fn judged(control: &Control, worlds: &Worlds, naming: &Naming, waived: &BTreeMap<&str, Vec<&str>>) -> Result<ControlResult, LimitError> {
    let params = control.constants();
    let judgement = judge(control.applies.as_ref(), &control.assert, worlds, &params)?;
    let strict = worlds.strict();
    let table = strict.table(control.subject);
    let population_gaps = if table.schema.is_log() {
        absence::event_population(strict, &params, control.applies.as_ref().map(|condition| &condition.root))?
    } else {
        absence::population(table)
    };
    let mut counts = Counts::default();
    let mut population = Vec::with_capacity(table.rows);
    let mut findings = Vec::new();
    for (row, verdict) in judgement.verdicts.iter().enumerate() {
        let subject = key_text(&table.columns[0], row).unwrap_or_default().to_owned();
        let covering = waived.get(subject.as_str()).filter(|_| *verdict == Verdict::Fail);
        let verdict = if covering.is_some() { Verdict::Waived } else { *verdict };
        counts.add(verdict);
        if matches!(verdict, Verdict::Fail | Verdict::Unknown | Verdict::Waived) {
            let explanation = explain(control.applies.as_ref(), &control.assert, worlds, &judgement, &params, row)?;
            findings.push((
                row,
                Finding {
                    id: finding_id(&control.id, naming.row(control.subject, row), &[]),
                    control: control.id.clone(),
                    subject: subject.clone(),
                    verdict,
                    observed: explanation.observed,
                    reasons: explanation.reasons.into_iter().collect(),
                    broken: explanation.broken,
                    evidence: explanation.evidence.into_iter().collect(),
                    group: None,
                    waivers: covering.map_or_else(Vec::new, |ids| ids.iter().map(|id| (*id).to_owned()).collect()),
                    known: None,
                },
            ));
        }
        population.push(Judged { subject, verdict });
    }
    let status = status(&counts, population_gaps.is_empty());
    let mut findings = if matches!(table.schema.name, "event" | "exposure") {
        grouped(control, table, naming, findings)
    } else {
        findings.into_iter().map(|(_, finding)| finding).collect()
    };
    let rank = |verdict| match verdict {
        Verdict::Fail => 0,
        Verdict::Waived => 1,
        _ => 2,
    };
    findings.sort_by(|a, b| (rank(a.verdict), &a.subject).cmp(&(rank(b.verdict), &b.subject)));
    let witnesses = witnesses(&control.assert, &judgement);
    Ok(ControlResult { control: control.clone(), status, population, witnesses, counts, population_gaps, findings, known: 0 })
}

/// SEMANTICS §5.4.
fn status(counts: &Counts, complete: bool) -> Status {
    if counts.fail > 0 {
        Status::Fail
    } else if counts.unknown > 0 || !complete {
        Status::Unknown
    } else if counts.waived > 0 {
        Status::Waived
    } else if counts.pass > 0 {
        Status::Pass
    } else {
        Status::NotApplicable
    }
}

/// Findings over events and exposures, told once per (system, credential, identity, reason) (SEMANTICS §5.2).
fn grouped(control: &Control, table: &crate::model::table::Table, naming: &Naming, findings: Vec<(usize, Finding)>) -> Vec<Finding> {
    let text = |name: &str, row: usize| {
        table.schema.column(name).and_then(|column| key_text(&table.columns[column], row)).unwrap_or_default().to_owned()
    };
    let when = |row: usize| {
        let column = table.schema.column("at").or_else(|| table.schema.column("detected_at"))?;
        let column = &table.columns[column];
        let times = column.values.as_any().downcast_ref::<arrow_array::Int64Array>()?;
        (column.state(row) == crate::model::value::State::Known).then(|| Time(times.value(row)))
    };
    /// Verdict, system, credential, identity, words of the reasons, waivers.
    type Alike = (Verdict, String, String, String, Vec<&'static str>, Vec<String>);
    let mut groups: BTreeMap<Alike, Finding> = BTreeMap::new();
    for (row, mut finding) in findings {
        let words: Vec<&str> = finding.reasons.iter().map(|reason| reason.word).collect();
        let key = (finding.verdict, text("system", row), text("credential", row), text("identity", row), words, finding.waivers.clone());
        let at = when(row);
        let failed = (finding.verdict == Verdict::Fail).then(|| finding.subject.clone());
        match groups.get_mut(&key).and_then(|first| first.group.as_mut()) {
            Some(group) => {
                group.count += 1;
                group.subjects.extend(failed);
                group.first = [group.first, at].into_iter().flatten().min();
                group.last = [group.last, at].into_iter().flatten().max();
            }
            None => {
                // The group is named by what its findings have in common: its first row may be another the next time.
                let alike = ["credential", "identity"].map(|column| naming.reference(control.subject, column, row));
                let reasons = finding.reasons.iter().map(|reason| reason.word.to_owned());
                let more: Vec<String> = alike.into_iter().chain(reasons).chain(finding.waivers.iter().cloned()).collect();
                finding.id = finding_id(&control.id, Named::Id(&text("system", row)), &more);
                finding.group = Some(Group { count: 1, subjects: failed.into_iter().collect(), first: at, last: at });
                groups.insert(key, finding);
            }
        }
    }
    groups.into_values().collect()
}

/// SEMANTICS §5.5.
fn requirements(framework: &Framework, controls: &[ControlResult], request: &Request) -> FrameworkResult {
    let mapped = |id: &str| -> Vec<MappedControl> {
        let of = |control: &Control, standing: Standing| {
            let mapping = control.mappings.iter().find(|mapping| mapping.framework == framework.id && mapping.requirement == id)?;
            Some(MappedControl {
                id: control.id.clone(),
                written: mapping.written.clone(),
                relationship: mapping.relationship.clone(),
                standing,
            })
        };
        let judged = controls.iter().filter_map(|result| of(&result.control, Standing::Judged(result.status)));
        let left_out = request
            .deselected
            .iter()
            .filter_map(|left| of(&left.control, if left.out_of_scope.is_some() { Standing::OutOfScope } else { Standing::NotSelected }));
        let mut all: Vec<MappedControl> = judged.chain(left_out).collect();
        all.sort();
        all
    };
    let requirements = framework
        .requirements
        .iter()
        .map(|requirement| {
            let controls = mapped(&requirement.id);
            let declared = request.out_of_scope.get(&(framework.id.clone(), requirement.id.clone()));
            let (support, out_of_scope) = match declared {
                Some(declared) => (Support::OutOfScope, Some(declared.told())),
                None => support(&controls, request.deselected),
            };
            RequirementResult {
                id: requirement.id.clone(),
                level: requirement.level.clone(),
                parent: requirement.parent.clone(),
                title: requirement.title.clone(),
                support,
                controls,
                out_of_scope,
            }
        })
        .collect();
    FrameworkResult {
        id: framework.id.clone(),
        title: framework.title.clone(),
        publisher: framework.publisher.clone(),
        edition: framework.edition.clone(),
        attribution: framework.attribution.clone(),
        url: framework.url.clone(),
        requirements,
    }
}

/// The worst of the controls mapped to a requirement; those out of scope count for nothing, and where there is no other, say why.
fn support(controls: &[MappedControl], deselected: &[Deselected]) -> (Support, Option<String>) {
    let statuses = controls.iter().filter_map(|mapped| match mapped.standing {
        Standing::Judged(status) => Some(status),
        Standing::NotSelected => Some(Status::Unknown),
        Standing::OutOfScope => None,
    });
    let support = match statuses.min() {
        Some(Status::Fail) => Support::Contradicted,
        Some(Status::Unknown) => Support::Undetermined,
        Some(Status::Waived) => Support::SupportedWithExceptions,
        Some(Status::Pass) => Support::Supported,
        Some(Status::NotApplicable) => Support::NotApplicable,
        None if controls.is_empty() => Support::NoControl,
        None => Support::OutOfScope,
    };
    let reasons: BTreeSet<String> = deselected
        .iter()
        .filter(|left| support == Support::OutOfScope && controls.iter().any(|mapped| mapped.id == left.control.id))
        .filter_map(|left| left.out_of_scope.as_ref().map(OutOfScope::told))
        .collect();
    (support, (!reasons.is_empty()).then(|| reasons.into_iter().collect::<Vec<_>>().join("; ")))
}
