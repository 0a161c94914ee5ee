//! `populations/<CONTROL>.csv`: every subject of a control with its verdict, the reason and where it was read.

use std::collections::BTreeMap;

use super::reading::Reading;
use super::{ReportError, escape};
use crate::model::assessment::{ControlResult, Finding, Position, Witness};
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
    let mut witnesses = result.witnesses.as_slice();
    for (position, judged) in result.population.iter().enumerate() {
        let (own, others) = witnesses.split_at(witnesses.iter().take_while(|witness| witness.subject == position).count());
        witnesses = others;
        let finding = findings.get(judged.subject.as_str()).filter(|_| own.is_empty());
        let reason = match finding {
            Some(finding) => {
                let reasons: Vec<String> = finding.reasons.iter().map(|reason| format!("{}: {}", reason.word, reason.detail)).collect();
                reasons.join("; ")
            }
            None => own.iter().filter_map(|witness| named(witness, evidence)).collect::<Vec<_>>().join("; "),
        };
        let positions = match finding {
            Some(finding) => finding.evidence.clone(),
            None => {
                let mut positions = table.map_or_else(Vec::new, |table| origins(table, &judged.subject));
                positions.extend(own.iter().flat_map(|witness| {
                    let table = SCHEMA.get(witness.table).and_then(|schema| Reading::of(evidence, schema.name));
                    table.map_or_else(Vec::new, |table| table.places(witness.row))
                }));
                positions.sort();
                positions.dedup();
                positions
            }
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

/// `rests on grant g-1`.
fn named(witness: &Witness, evidence: &Evidence) -> Option<String> {
    let schema = SCHEMA.get(witness.table)?;
    let id = Reading::of(evidence, schema.name)?.values("id")?.text(witness.row)?;
    Some(format!("rests on {} {id}", schema.name))
}

/// Where the rows of one id were read.
fn origins(table: Reading<'_>, id: &str) -> Vec<Position> {
    let (Some(ids), Some(start)) = (table.values("id"), table.row(id)) else { return Vec::new() };
    (start..table.rows()).take_while(|row| ids.text(*row) == Some(id)).flat_map(|row| table.places(row)).collect()
}
