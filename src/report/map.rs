//! From the model to what is written ([`super::wire`]).

mod gate;

use std::collections::BTreeSet;

use super::wire;
use crate::model::assessment::{
    Assessment, ControlResult, Counts, ENGINE, Finding, FrameworkResult, Reason, RequirementResult, Standing, Status,
};
use crate::model::control::{Looser, Stricter};
use crate::model::digest::sha256;
use crate::model::project::{OutOfScope, Project, SourceConfig};
use crate::model::schema::SCHEMA;
use crate::model::table::{Collection, Evidence, Gap, Source, Why};
use crate::model::waiver::{Scope, WaiverResult};

/// `assessment.json` without its findings.
pub fn assessment<'a>(assessment: &'a Assessment, evidence: &'a Evidence, project: &'a Project, seal: &'a str) -> wire::AssessmentFile<'a> {
    wire::AssessmentFile {
        schema: wire::SCHEMA,
        tool: wire::Tool { name: ENGINE.0, version: ENGINE.1 },
        seal,
        name: &assessment.name,
        as_of: assessment.as_of.to_string(),
        as_of_from: assessment.as_of_from,
        gate: assessment.gate,
        gate_unknown: project.gating.unknown().word(),
        gate_overrides: gate::overrides(project),
        narrowed: gate::narrowed(project),
        baseline: gate::baseline(project, assessment),
        outcome: wire::Outcome { word: assessment.outcome.word(), exit: assessment.outcome.exit(), reason: &assessment.reason },
        totals: totals(&assessment.controls),
        tables: assessment.tables.iter().map(|(name, rows, complete)| table(name, *rows, *complete, evidence)).collect(),
        sources: evidence.sources.iter().map(|source| map_source(source, project)).collect(),
        files: evidence
            .files
            .iter()
            .map(|file| wire::File {
                path: &file.path,
                source: evidence.sources.get(file.source as usize).map_or("", |source| &source.id),
                sha256: &file.sha256,
                original_sha256: &file.original_sha256,
                redacted: file.redacted,
                set_aside: file.set_aside.as_deref(),
            })
            .collect(),
        quarantine: evidence
            .quarantine
            .iter()
            .map(|record| wire::Quarantined { file: &record.file, record: &record.position, reason: &record.reason })
            .collect(),
        frameworks: assessment.frameworks.iter().map(framework).collect(),
        controls: assessment.controls.iter().map(control).collect(),
        waivers: assessment.waivers.iter().map(waiver).collect(),
        deselected: project
            .deselected
            .iter()
            .map(|left| wire::Deselected {
                id: &left.control.id,
                title: &left.control.title,
                severity: left.control.severity.word(),
                file: &left.control.file,
                out_of_scope: left.out_of_scope.as_ref().map(OutOfScope::told),
                narrowed: left.narrowed,
            })
            .collect(),
        findings: [],
    }
}

/// What the findings of one control become, in its order.
pub fn findings(result: &ControlResult) -> impl Iterator<Item = wire::Finding<'_>> {
    result.findings.iter().map(|found| finding(found, result))
}

fn finding<'a>(found: &'a Finding, result: &'a ControlResult) -> wire::Finding<'a> {
    wire::Finding {
        id: &found.id,
        control: &found.control,
        subject: &found.subject,
        verdict: found.verdict.word(),
        severity: result.severity().word(),
        observed: &found.observed,
        reasons: found.reasons.iter().map(reason).collect(),
        evidence: found
            .evidence
            .iter()
            .map(|position| wire::Position { source: &position.source, file: &position.file, record: &position.record })
            .collect(),
        group: found.group.as_ref().map(|group| wire::Group {
            count: group.count,
            first: group.first.map(|time| time.to_string()),
            last: group.last.map(|time| time.to_string()),
        }),
        waivers: &found.waivers,
        baseline: found.known.map(|known| if known { "known" } else { "new" }),
    }
}

fn looser(looser: &Looser) -> wire::Looser<'_> {
    wire::Looser {
        reason: &looser.reason,
        approver: &looser.approver,
        approval: looser.approval.as_ref().map(|document| document.sha256.as_str()),
        until: looser.until.map(|until| until.to_string()),
        ended: looser.ended.is_some(),
    }
}

fn waiver(result: &WaiverResult) -> wire::Waiver<'_> {
    let waiver = &result.expanded.waiver;
    let (condition, at_most) = match &waiver.scope {
        Scope::Subjects(_) => (None, None),
        Scope::Where { condition, at_most } => (Some(condition.text.as_str()), Some(*at_most)),
    };
    wire::Waiver {
        id: &waiver.id,
        control: &waiver.control,
        standing: result.standing.word(),
        why: result.standing.why(),
        reason: &waiver.reason,
        approver: &waiver.approver,
        approval: waiver.approval.as_ref().map(|document| document.sha256.as_str()),
        granted_at: waiver.granted_at.to_string(),
        expires_at: waiver.expires_at.map(|at| at.to_string()),
        ticket: waiver.ticket.as_deref(),
        r#where: condition,
        at_most,
        covered: &result.expanded.covered,
        open: &result.expanded.open,
        own: &result.expanded.own,
        waived: &result.waived,
        compensating: result
            .compensating
            .iter()
            .map(|(control, came)| wire::Compensating {
                control,
                came: came.as_ref().map(|came| came.verdict.word()),
                of_subjects: came.as_ref().is_some_and(|came| came.of_subjects),
            })
            .collect(),
        file: &waiver.file,
    }
}

fn reason(reason: &Reason) -> wire::Reason<'_> {
    wire::Reason { word: reason.word, detail: &reason.detail }
}

/// The lowest requirements of a framework: those that controls are meant for, and the only ones that are counted.
pub fn lowest(framework: &FrameworkResult) -> Vec<&RequirementResult> {
    let parents: BTreeSet<&str> = framework.requirements.iter().filter_map(|requirement| requirement.parent.as_deref()).collect();
    framework.requirements.iter().filter(|requirement| !parents.contains(requirement.id.as_str())).collect()
}

/// Counts of controls by status and of verdicts.
pub fn totals(controls: &[ControlResult]) -> wire::Totals {
    let mut totals = wire::Totals { controls: wire::Counts::default(), verdicts: wire::Counts::default() };
    for result in controls {
        totals.controls.status(result.status);
        totals.verdicts.plus(counts(result.counts));
    }
    totals
}

pub fn counts(counts: Counts) -> wire::Counts {
    let Counts { pass, fail, unknown, not_applicable, waived } = counts;
    wire::Counts { fail, unknown, waived, pass, not_applicable }
}

impl wire::Counts {
    /// Counts one control.
    pub fn status(&mut self, status: Status) {
        match status {
            Status::Fail => self.fail += 1,
            Status::Unknown => self.unknown += 1,
            Status::Waived => self.waived += 1,
            Status::Pass => self.pass += 1,
            Status::NotApplicable => self.not_applicable += 1,
        }
    }

    pub fn plus(&mut self, other: wire::Counts) {
        self.fail += other.fail;
        self.unknown += other.unknown;
        self.waived += other.waived;
        self.pass += other.pass;
        self.not_applicable += other.not_applicable;
    }

    pub fn total(&self) -> usize {
        self.fail + self.unknown + self.waived + self.pass + self.not_applicable
    }
}

fn table<'a>(name: &'a str, rows: usize, complete: bool, evidence: &'a Evidence) -> wire::Table<'a> {
    wire::Table { name, rows, complete, gaps: evidence.table(name).map_or_else(Vec::new, |table| table.gaps.iter().map(gap).collect()) }
}

/// A gap with the word that a reason would carry.
pub fn gap(gap: &Gap) -> wire::Gap<'_> {
    let (word, detail) = match &gap.why {
        Why::NoSource => ("no-source", ""),
        Why::Absent => ("absent-source", ""),
        Why::Partial(why) => ("partial-source", why.as_str()),
        Why::Stale(why) => ("stale-source", why.as_str()),
    };
    wire::Gap { source: &gap.source, word, detail }
}

/// The `[[source]]` behind a row of the `source` table, whose id is the configured one, and its system where it has several.
pub fn config<'a>(source: &Source, project: &'a Project) -> Option<&'a SourceConfig> {
    let of = |config: &&SourceConfig| {
        config.kind == source.kind
            && source
                .id
                .strip_prefix(&config.id)
                .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '-' | '_')))
    };
    project.sources.iter().filter(of).max_by_key(|config| config.id.len())
}

fn map_source<'a>(source: &'a Source, project: &'a Project) -> wire::Source<'a> {
    let vouched = config(source, project).and_then(|config| config.complete.as_ref());
    wire::Source {
        id: &source.id,
        kind: &source.kind,
        system: source.system.as_deref(),
        required: source.required,
        absent: source.absent,
        tables: &source.tables,
        event_types: &source.event_types,
        collected_at: source.collected_at.map(|time| time.to_string()),
        collected_from: source.collected_from,
        max_age: source.max_age.to_string(),
        fresh: source.fresh,
        completeness: source.completeness.word(),
        completeness_note: &source.completeness_note,
        vouched: vouched.map(|vouched| wire::Vouched { by: &vouched.by, from: &vouched.from, on: &vouched.on, expected: vouched.expected }),
        records: source.records,
        expected_records: source.expected_records,
        quarantined: source.quarantined,
        covers: source.covers.map(|(from, until)| wire::Window { from: from.to_string(), until: until.to_string() }),
        collections: source.collections.iter().map(collection).collect(),
        failed: source.failed.as_ref().map(|(at, why)| wire::FailedAttempt { at: at.to_string(), why }),
        notes: &source.notes,
    }
}

fn collection(collection: &Collection) -> wire::Collection<'_> {
    wire::Collection {
        record: &collection.record,
        by: collection.by,
        collected_at: collection.collected_at.to_string(),
        started_at: collection.started_at.to_string(),
        ended_at: collection.ended_at.to_string(),
        tool_version: collection.tool_version.as_deref(),
        commands: collection.commands.iter().map(|(argv, times)| wire::Command { argv, times: *times }).collect(),
        files: collection.files.iter().map(|(path, sha256, original_sha256)| wire::Collected { path, sha256, original_sha256 }).collect(),
    }
}

pub fn framework(framework: &FrameworkResult) -> wire::Framework<'_> {
    wire::Framework {
        id: &framework.id,
        title: &framework.title,
        publisher: &framework.publisher,
        edition: &framework.edition,
        url: &framework.url,
        attribution: &framework.attribution,
        requirements: framework
            .requirements
            .iter()
            .map(|requirement| wire::Requirement {
                id: &requirement.id,
                level: &requirement.level,
                parent: requirement.parent.as_deref(),
                title: &requirement.title,
                status: requirement.support.word(),
                satisfied: satisfied(requirement),
                controls: requirement
                    .controls
                    .iter()
                    .map(|mapped| wire::Mapped {
                        id: &mapped.id,
                        written: &mapped.written,
                        relationship: &mapped.relationship,
                        status: standing(&mapped.standing),
                    })
                    .collect(),
                out_of_scope: requirement.out_of_scope.as_deref(),
            })
            .collect(),
    }
}

/// How many of a requirement's controls pass.
pub fn satisfied(requirement: &RequirementResult) -> usize {
    requirement.controls.iter().filter(|mapped| mapped.standing == Standing::Judged(Status::Pass)).count()
}

/// The status of a mapped control, or why it has none.
pub fn standing(standing: &Standing) -> &'static str {
    match standing {
        Standing::Judged(status) => status.word(),
        Standing::NotSelected => "not selected",
        Standing::OutOfScope => "out of scope",
    }
}

fn control(result: &ControlResult) -> wire::Control<'_> {
    let control = &result.control;
    wire::Control {
        id: &control.id,
        title: &control.title,
        severity: control.severity.word(),
        status: result.status.word(),
        subject: SCHEMA.get(control.subject).map_or("", |table| table.name),
        statement: &control.statement,
        risk: &control.risk,
        remediation: &control.remediation,
        applies: control.applies.as_ref().map(|condition| condition.text.as_str()),
        assert: &control.assert.text,
        file: &control.file,
        sha256: sha256(control.text.as_bytes()),
        maps_to: control
            .mappings
            .iter()
            .map(|mapping| wire::Mapping {
                framework: &mapping.framework,
                written: &mapping.written,
                requirement: &mapping.requirement,
                relationship: &mapping.relationship,
                rationale: &mapping.rationale,
                file: mapping.file.as_deref(),
            })
            .collect(),
        notes: control.notes.iter().map(|(framework, note)| wire::Note { framework, note }).collect(),
        params: control
            .params
            .values()
            .map(|param| wire::Param {
                name: &param.name,
                value: &param.written,
                default: &param.default,
                min: param.min.as_deref(),
                max: param.max.as_deref(),
                basis: &param.basis,
                stricter: param.stricter.map(Stricter::word),
                overridden: param.overridden,
                looser: param.looser.as_ref().map(looser),
            })
            .collect(),
        population: result.population.len(),
        population_complete: result.population_gaps.is_empty(),
        population_gaps: result.population_gaps.iter().map(reason).collect(),
        counts: counts(result.counts),
    }
}
