//! `populations/<CONTROL>.csv`: every subject of a control with its verdict, the reason and where it was read.

use std::collections::BTreeMap;

use super::reading::Reading;
use super::{ReportError, escape};
use crate::model::assessment::{ControlResult, Finding, Position};
use crate::model::schema::SCHEMA;
use crate::model::table::Evidence;

/// The CSV of one control: a header, then one line per subject, sorted by subject. Columns: subject, verdict, reason, evidence.
///
/// # Errors
/// [`ReportError::Csv`] if it cannot be written; memory is the only limit.
pub fn csv(result: &ControlResult, evidence: &Evidence) -> Result<Vec<u8>, ReportError> {
    let findings: BTreeMap<&str, &Finding> = result.findings.iter().map(|finding| (finding.subject.as_str(), finding)).collect();
    let table = SCHEMA.get(result.control.subject).and_then(|schema| Reading::of(evidence, schema.name));
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(Vec::new());
    writer.write_record(["subject", "verdict", "reason", "evidence"])?;
    for judged in &result.population {
        let finding = findings.get(judged.subject.as_str());
        let reason = finding.map_or_else(String::new, |finding| {
            let reasons: Vec<String> = finding.reasons.iter().map(|reason| format!("{}: {}", reason.word, reason.detail)).collect();
            reasons.join("; ")
        });
        let positions = match finding {
            Some(finding) => finding.evidence.clone(),
            None => table.map_or_else(Vec::new, |table| origins(table, &judged.subject)),
        };
        let places: Vec<String> = positions.iter().map(place).collect();
        let cells = [&judged.subject, judged.verdict.word(), &reason, &places.join("; ")].map(escape::cell);
        writer.write_record(cells)?;
    }
    writer.into_inner().map_err(|error| ReportError::Csv(error.into_error().into()))
}

/// `aws evidence/aws/report.csv line 12`.
pub(super) fn place(position: &Position) -> String {
    [position.source.as_str(), &position.file, &position.record]
        .iter()
        .filter(|part| !part.is_empty())
        .copied()
        .collect::<Vec<_>>()
        .join(" ")
}

/// Where the rows of one id were read.
fn origins(table: Reading<'_>, id: &str) -> Vec<Position> {
    let (Some(ids), Some(start)) = (table.values("id"), table.row(id)) else { return Vec::new() };
    let mut positions: Vec<Position> =
        (start..table.rows()).take_while(|row| ids.text(*row) == Some(id)).flat_map(|row| table.places(row)).collect();
    positions.sort();
    positions.dedup();
    positions
}
