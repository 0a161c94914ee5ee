//! CSV: one file per table.

use std::collections::BTreeMap;

use super::FormatError;
use super::package::Package;
use crate::report::escape;

/// Name → bytes.
///
/// # Errors
/// [`FormatError::Csv`]; memory is the only limit.
pub fn files(package: &Package<'_>) -> Result<BTreeMap<String, Vec<u8>>, FormatError> {
    let mut files = BTreeMap::new();
    for (name, header, rows) in tables(package) {
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(Vec::new());
        writer.write_record(header)?;
        for row in rows {
            writer.write_record(row.iter().map(|cell| escape::cell(&escape::visible(cell))))?;
        }
        let bytes = writer.into_inner().map_err(|error| FormatError::Csv(error.into_error().into()))?;
        files.insert(format!("{name}.csv"), bytes);
    }
    Ok(files)
}

type Table = (&'static str, &'static [&'static str], Vec<Vec<String>>);

/// The columns of [`verdicts`].
pub const VERDICTS: [&str; 9] = ["control", "severity", "subject", "verdict", "reason", "evidence", "finding", "as_of", "root"];

/// Every verdict; `finding`: its id, or empty.
pub fn verdicts(package: &Package<'_>) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for (control, verdicts) in package.controls() {
        for verdict in verdicts {
            let finding = package.finding(verdict).map_or_else(String::new, |finding| finding.id.clone());
            let (reason, evidence) = (verdict.reason.clone(), verdict.evidence.clone());
            let (as_of, root) = (package.assessment.as_of.clone(), package.root.clone());
            let (id, severity) = (control.id.clone(), control.severity.clone());
            rows.push(vec![id, severity, verdict.subject.clone(), verdict.word.clone(), reason, evidence, finding, as_of, root]);
        }
    }
    rows
}

/// The cells of a row; what is nothing is empty.
macro_rules! row {
    ($($cell:expr),* $(,)?) => { vec![$($cell.to_string()),*] };
}

fn tables(package: &Package<'_>) -> Vec<Table> {
    let said = &package.assessment;
    let mut tables: Vec<Table> = vec![("verdicts", &VERDICTS, verdicts(package))];
    let controls = said.controls.iter().map(|control| {
        let counts = control.counts;
        row![
            control.id,
            control.title,
            control.severity,
            control.status,
            control.subject,
            control.population,
            control.population_complete,
            counts.fail,
            counts.unknown,
            counts.waived,
            counts.pass,
            counts.not_applicable,
            control.file,
            control.sha256
        ]
    });
    tables.push((
        "controls",
        &[
            "control",
            "title",
            "severity",
            "status",
            "subject",
            "population",
            "population_complete",
            "fail",
            "unknown",
            "waived",
            "pass",
            "not_applicable",
            "file",
            "sha256",
        ],
        controls.collect(),
    ));
    let parameters = said.controls.iter().flat_map(|control| {
        control.params.iter().map(|param| {
            let (min, max) = (text(param.min.as_deref()), text(param.max.as_deref()));
            row![control.id, param.name, param.value, param.default, min, max, param.overridden, param.basis]
        })
    });
    tables.push(("parameters", &["control", "parameter", "value", "default", "min", "max", "overridden", "basis"], parameters.collect()));
    let mappings = said.controls.iter().flat_map(|control| {
        control.maps_to.iter().map(|to| row![control.id, to.framework, to.requirement, to.written, to.relationship, to.rationale])
    });
    tables.push(("mappings", &["control", "framework", "requirement", "written", "relationship", "rationale"], mappings.collect()));
    let requirements = said.frameworks.iter().flat_map(|framework| {
        framework.requirements.iter().map(|it| {
            let controls: Vec<&str> = it.controls.iter().map(|control| control.id.as_str()).collect();
            let (parent, out) = (text(it.parent.as_deref()), text(it.out_of_scope.as_deref()));
            row![framework.id, it.id, it.level, parent, it.title, it.status, it.satisfied, controls.join(" "), out]
        })
    });
    tables.push((
        "requirements",
        &["framework", "requirement", "level", "parent", "title", "status", "satisfied", "controls", "out_of_scope"],
        requirements.collect(),
    ));
    tables.extend(evidence(package));
    tables.extend(findings(package));
    tables
}

fn findings(package: &Package<'_>) -> [Table; 4] {
    let said = &package.assessment;
    let findings = said.findings.iter().map(|it| {
        let reasons: Vec<String> = it.reasons.iter().map(|reason| format!("{}: {}", reason.word, reason.detail)).collect();
        let evidence: Vec<String> = it.evidence.iter().map(|at| format!("{} {} {}", at.source, at.file, at.record)).collect();
        row![
            it.id,
            it.control,
            it.severity,
            it.subject,
            it.verdict,
            reasons.join("; "),
            evidence.join("; "),
            it.waivers.join(" "),
            text(it.baseline.as_deref())
        ]
    });
    let observed = said.findings.iter().flat_map(|it| {
        let id = &it.id;
        it.observed.iter().map(move |(read, held)| row![id, it.control, it.subject, read, held])
    });
    let waivers = said.waivers.iter().map(|it| {
        let (approval, ticket, expires) = (text(it.approval.as_deref()), text(it.ticket.as_deref()), text(it.expires_at.as_deref()));
        row![
            it.id,
            it.control,
            it.standing,
            it.why,
            it.reason,
            it.approver,
            approval,
            it.granted_at,
            expires,
            ticket,
            it.covered.len(),
            it.waived.len(),
            it.file
        ]
    });
    let deselected =
        said.deselected.iter().map(|it| row![it.id, it.title, it.severity, it.file, text(it.out_of_scope.as_deref()), it.narrowed]);
    [
        (
            "findings",
            &["finding", "control", "severity", "subject", "verdict", "reasons", "evidence", "waivers", "baseline"],
            findings.collect(),
        ),
        ("observed", &["finding", "control", "subject", "read", "held"], observed.collect()),
        (
            "waivers",
            &[
                "waiver",
                "control",
                "standing",
                "why",
                "reason",
                "approver",
                "approval",
                "granted_at",
                "expires_at",
                "ticket",
                "covered",
                "waived",
                "file",
            ],
            waivers.collect(),
        ),
        ("deselected", &["control", "title", "severity", "file", "out_of_scope", "narrowed"], deselected.collect()),
    ]
}

fn evidence(package: &Package<'_>) -> [Table; 4] {
    let said = &package.assessment;
    let sources = said.sources.iter().map(|it| {
        let expected = it.expected_records.map_or_else(String::new, |records| records.to_string());
        let (system, collected) = (text(it.system.as_deref()), text(it.collected_at.as_deref()));
        row![
            it.id,
            it.kind,
            system,
            it.required,
            it.absent,
            collected,
            it.max_age,
            it.fresh,
            it.completeness,
            it.completeness_note,
            it.records,
            expected,
            it.quarantined
        ]
    });
    let files =
        said.files.iter().map(|it| row![it.path, it.source, it.sha256, it.original_sha256, it.redacted, text(it.set_aside.as_deref())]);
    let quarantine = said.quarantine.iter().map(|it| row![it.file, it.record, it.reason]);
    let tables = said.tables.iter().map(|it| row![it.name, it.rows, it.complete]);
    [
        (
            "sources",
            &[
                "source",
                "kind",
                "system",
                "required",
                "absent",
                "collected_at",
                "max_age",
                "fresh",
                "completeness",
                "completeness_note",
                "records",
                "expected_records",
                "quarantined",
            ],
            sources.collect(),
        ),
        ("files", &["file", "source", "sha256", "original_sha256", "redacted", "set_aside"], files.collect()),
        ("quarantine", &["file", "record", "reason"], quarantine.collect()),
        ("tables", &["table", "rows", "complete"], tables.collect()),
    ]
}

fn text(value: Option<&str>) -> &str {
    value.unwrap_or_default()
}
