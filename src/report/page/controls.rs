//! The summary, and each control with what it came to.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::basis::basis;
use super::causes::by_cause;
use super::first::Since;
use super::procedure::procedure;
use super::view::{Capped, CountsView, Mark, ReasonView, count, fitting, reasons};
use crate::model::assessment::{Assessment, ControlResult, Finding, Reason, Status, Verdict};
use crate::model::control::{Control, Param, Severity};
use crate::model::project::Project;
use crate::model::schema::SCHEMA;
use crate::model::table::Evidence;
use crate::report::{escape, map, wire};

/// Most findings shown of one control.
const FINDINGS: usize = 50;
/// Bytes of Markdown that all findings together may take; each control with findings gets an equal share. Keeps the report
/// readable, and small whatever was found. A quarter as much beside it for the causes of those that are not shown.
const BUDGET: usize = 600_000;
/// Subjects that are unknown for one and the same reasons are told together from this many on.
const ALIKE: usize = 3;
/// Most such groups of one control, and most causes of what is not shown.
const GROUPS: usize = 20;
const OBSERVED: usize = 12;
const REASONS: usize = 5;
const EVIDENCE: usize = 4;

/// A row of the summary.
#[derive(Serialize)]
pub struct Row {
    pub name: String,
    pub counts: CountsView,
}

/// Controls by severity, the gravest first; severities without a control are left out.
pub fn by_severity(assessment: &Assessment) -> Vec<Row> {
    let severities = Severity::ALL.into_iter().rev();
    let rows = severities.map(|severity| row(severity.word().to_owned(), assessment, |control| control.severity == severity));
    rows.filter(|row| row.counts.total > 0).collect()
}

/// Controls by the letters that their ids begin with.
pub fn by_family(assessment: &Assessment) -> Vec<Row> {
    let mut families: Vec<&str> = assessment.controls.iter().map(|result| result.control.family()).collect();
    families.sort_unstable();
    families.dedup();
    families.into_iter().map(|name| row(name.to_owned(), assessment, |control| control.family() == name)).collect()
}

fn row(name: String, assessment: &Assessment, belongs: impl Fn(&Control) -> bool) -> Row {
    let mut counts = wire::Counts::default();
    for result in assessment.controls.iter().filter(|result| belongs(&result.control)) {
        counts.status(result.status);
    }
    Row { name, counts: counts.into() }
}

#[derive(Serialize)]
pub struct ControlView<'a> {
    id: &'a str,
    title: &'a str,
    heading: String,
    anchor: String,
    severity: &'static str,
    status: Mark,
    /// The population and its counts, in a sentence.
    sentence: String,
    counts: CountsView,
    pub complete: bool,
    gaps: Capped<ReasonView>,
    /// On what it was judged; Markdown.
    basis: Vec<String>,
    statement: &'a str,
    risk: &'a str,
    remediation: &'a str,
    criteria: Vec<Criterion<'a>>,
    notes: Vec<NoteView<'a>>,
    params: Vec<ParamView<'a>>,
    /// The condition in words; Markdown.
    procedure: String,
    condition: String,
    alike: Vec<Alike<'a>>,
    findings: Vec<FindingView<'a>>,
    /// Findings that are not shown, and what they have in common.
    more: usize,
    causes: Capped<CauseView>,
    /// Findings whose cause is not shown.
    other: usize,
    has_findings: bool,
}

/// Findings that are not shown.
#[derive(Serialize)]
struct CauseView {
    verdict: Mark,
    /// Markdown.
    cause: String,
    count: usize,
}

/// A framework that the author means without naming a requirement.
#[derive(Serialize)]
struct NoteView<'a> {
    framework: &'a str,
    note: &'a str,
}

#[derive(Serialize)]
struct Criterion<'a> {
    framework: &'a str,
    written: &'a str,
    requirement: &'a str,
    title: &'a str,
    relationship: &'a str,
    rationale: &'a str,
}

#[derive(Serialize)]
struct ParamView<'a> {
    name: &'a str,
    value: &'a str,
    default: &'a str,
    range: String,
    basis: &'a str,
    overridden: bool,
    looser: bool,
}

/// Subjects that are unknown for one and the same reasons.
#[derive(Serialize)]
struct Alike<'a> {
    count: usize,
    reasons: Capped<ReasonView>,
    subjects: Capped<&'a str>,
}

#[derive(Serialize)]
struct FindingView<'a> {
    /// A baseline in force knows it.
    known: bool,
    verdict: Mark,
    subject: &'a str,
    group: Option<String>,
    waivers: &'a [String],
    reasons: Capped<ReasonView>,
    observed: Capped<Observed<'a>>,
    evidence: Capped<Place<'a>>,
}

#[derive(Serialize)]
struct Observed<'a> {
    name: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
struct Place<'a> {
    source: &'a str,
    file: &'a str,
    record: &'a str,
}

/// The heading of a control's section.
fn heading(control: &Control) -> String {
    format!("{}: {}", control.id, control.title)
}

/// The anchor of a control's section.
pub fn anchor(control: &Control) -> String {
    escape::slug(&heading(control))
}

pub fn controls<'a>(assessment: &'a Assessment, evidence: &Evidence, project: &'a Project) -> Vec<ControlView<'a>> {
    let found = assessment.controls.iter().filter(|result| !result.findings.is_empty()).count();
    let share = BUDGET / found.max(1);
    assessment.controls.iter().map(|result| view(result, evidence, project, basis(result, assessment, evidence, project), share)).collect()
}

fn view<'a>(result: &'a ControlResult, evidence: &Evidence, project: &'a Project, basis: Vec<String>, share: usize) -> ControlView<'a> {
    let control = &result.control;
    let (alike, mut rest) = alike(&result.findings, share);
    let mut spent: usize = alike.iter().map(Alike::size).sum();
    // Findings are in the order of their verdicts; of one verdict, those come first that have been there longest.
    let since = Since::of(control, evidence);
    let rank = |verdict| [Verdict::Fail, Verdict::Waived].iter().position(|first| *first == verdict).unwrap_or(2);
    rest.sort_by_cached_key(|finding| (rank(finding.verdict), since.at(&finding.subject).map_or(i64::MAX, |at| at.0)));
    let mut findings = Vec::new();
    for finding in rest.iter().copied().take(FINDINGS) {
        let finding = finding_view(finding);
        spent = spent.saturating_add(finding.size());
        // The first is always shown: a control without one would seem to have none.
        if spent > share && !findings.is_empty() {
            break;
        }
        findings.push(finding);
    }
    let left = &rest[findings.len()..];
    let causes = by_cause(result, left.iter().copied());
    let causes = causes.into_iter().map(|(verdict, cause, count)| CauseView { verdict: verdict.into(), cause, count }).collect();
    let causes = fitting(causes, GROUPS, share / 4, |view: &CauseView| view.cause.len() + 25);
    let criterion = |mapping: &'a crate::model::control::Mapping| {
        let framework = project.frameworks.iter().find(|framework| framework.id == mapping.framework);
        Criterion {
            framework: &mapping.framework,
            written: &mapping.written,
            requirement: &mapping.requirement,
            title: framework.and_then(|framework| framework.requirement(&mapping.requirement)).map_or("", |found| &found.title),
            relationship: &mapping.relationship,
            rationale: &mapping.rationale,
        }
    };
    ControlView {
        id: &control.id,
        title: &control.title,
        heading: heading(control),
        anchor: anchor(control),
        severity: control.severity.word(),
        status: result.status.into(),
        sentence: sentence(result),
        counts: map::counts(result.counts).into(),
        complete: result.population_gaps.is_empty(),
        gaps: reasons(&result.population_gaps, REASONS),
        basis,
        statement: control.statement.trim(),
        risk: control.risk.trim(),
        remediation: control.remediation.trim(),
        criteria: control.mappings.iter().map(criterion).collect(),
        notes: control.notes.iter().map(|(framework, note)| NoteView { framework, note }).collect(),
        params: control.params.values().map(param).collect(),
        procedure: procedure(control),
        condition: condition(control),
        more: left.len(),
        other: left.len() - causes.shown.iter().map(|cause| cause.count).sum::<usize>(),
        causes,
        has_findings: !result.findings.is_empty(),
        alike,
        findings,
    }
}

fn param(param: &Param) -> ParamView<'_> {
    ParamView {
        name: &param.name,
        value: &param.written,
        default: &param.default,
        range: match (&param.min, &param.max) {
            (Some(min), Some(max)) => format!("{min} to {max}"),
            (Some(min), None) => format!("at least {min}"),
            (None, Some(max)) => format!("at most {max}"),
            (None, None) => "any".to_owned(),
        },
        basis: &param.basis,
        overridden: param.overridden,
        looser: param.looser.as_ref().is_some_and(|looser| looser.ended.is_none()),
    }
}

/// `41 subjects of credential: 3 fail, 38 pass.` and what the control came to.
fn sentence(result: &ControlResult) -> String {
    let subject = SCHEMA.get(result.control.subject).map_or("", |table| table.name);
    let counts = result.counts;
    let parts: Vec<String> = [
        (counts.fail, Verdict::Fail),
        (counts.unknown, Verdict::Unknown),
        (counts.waived, Verdict::Waived),
        (counts.pass, Verdict::Pass),
        (counts.not_applicable, Verdict::NotApplicable),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, verdict)| format!("{number} {}", verdict.word()))
    .collect();
    let population = match counts.total() {
        0 => format!("No subject in the table {subject}"),
        total => format!("{} in the table {subject}: {}", count(total, "subject", "subjects"), parts.join(", ")),
    };
    let ending = match result.status {
        Status::Pass => ". Satisfied on this evidence.",
        Status::Fail => ". Not satisfied.",
        Status::Unknown if counts.unknown == 0 => ". Undecided: the population is not known to be complete.",
        Status::Unknown => ". Undecided on this evidence.",
        Status::Waived => ". Satisfied only under a waiver.",
        Status::NotApplicable => ". Applies to no subject.",
    };
    population + ending
}

fn condition(control: &Control) -> String {
    let applies = control.applies.as_ref().map_or("every subject", |condition| condition.text.trim());
    if control.applies.is_none() {
        return format!("-- applies to {applies}\n-- must hold\n{}", control.assert.text.trim());
    }
    format!("-- applies where\n{applies}\n-- must hold\n{}", control.assert.text.trim())
}

/// Unknown findings with the same reasons, told together where they are many or where a source is simply not there, the largest
/// groups that fit into so many bytes; and the others, in their order.
fn alike(findings: &[Finding], bytes: usize) -> (Vec<Alike<'_>>, Vec<&Finding>) {
    let mut groups: BTreeMap<&[Reason], Vec<&str>> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| finding.verdict == Verdict::Unknown && !finding.reasons.is_empty()) {
        groups.entry(&finding.reasons).or_default().push(&finding.subject);
    }
    groups.retain(|reasons, subjects| {
        subjects.len() >= ALIKE || reasons.iter().all(|reason| matches!(reason.word, "no-source" | "absent-source"))
    });
    let mut groups: Vec<(&[Reason], Vec<&str>)> = groups.into_iter().collect();
    groups.sort_by_key(|(_, subjects)| std::cmp::Reverse(subjects.len()));
    let (mut told, mut views, mut spent) = (BTreeSet::new(), Vec::new(), 0);
    for (list, subjects) in groups.into_iter().take(GROUPS) {
        let count = subjects.len();
        let view = Alike { count, reasons: reasons(list, REASONS), subjects: Capped::new(subjects.into_iter(), OBSERVED) };
        spent += view.size();
        if spent > bytes && !views.is_empty() {
            break;
        }
        told.insert(list);
        views.push(view);
    }
    let rest = findings.iter().filter(|finding| finding.verdict != Verdict::Unknown || !told.contains(finding.reasons.as_slice()));
    (views, rest.collect())
}

fn finding_view(finding: &Finding) -> FindingView<'_> {
    let group = finding.group.as_ref().map(|group| match (group.first, group.last) {
        (Some(first), Some(last)) if first != last => format!("{} alike, from {first} to {last}", group.count),
        (Some(at), _) | (_, Some(at)) => format!("{} alike, at {at}", group.count),
        (None, None) => format!("{} alike", group.count),
    });
    FindingView {
        verdict: finding.verdict.into(),
        subject: &finding.subject,
        group,
        waivers: &finding.waivers,
        known: finding.known == Some(true),
        reasons: reasons(&finding.reasons, REASONS),
        observed: Capped::new(finding.observed.iter().map(|(name, value)| Observed { name, value }), OBSERVED),
        evidence: Capped::new(
            finding.evidence.iter().map(|place| Place { source: &place.source, file: &place.file, record: &place.record }),
            EVIDENCE,
        ),
    }
}

impl Alike<'_> {
    /// About how many bytes of Markdown it takes.
    fn size(&self) -> usize {
        let reasons: usize = self.reasons.shown.iter().map(|reason| escape::sentence(&reason.detail).len() + 20).sum();
        let subjects: usize = self.subjects.shown.iter().map(|subject| escape::code(subject).len() + 2).sum();
        80 + reasons + subjects
    }
}

impl FindingView<'_> {
    /// About how many bytes of Markdown it takes.
    fn size(&self) -> usize {
        let reasons: usize = self.reasons.shown.iter().map(|reason| escape::sentence(&reason.detail).len() + 30).sum();
        let code = |text: &str| escape::code(text).len() + 5;
        let observed: usize = self.observed.shown.iter().map(|seen| code(seen.name) + code(seen.value)).sum();
        let evidence: usize = self.evidence.shown.iter().map(|place| code(place.source) + code(place.file) + code(place.record)).sum();
        80 + code(self.subject) + reasons + observed + evidence
    }
}
