//! `populations/<CONTROL>.csv`: every subject of a control with its verdict, the reason and where it was read.

use std::collections::BTreeMap;

use arrow_array::{Array, cast::AsArray};

use super::{ReportError, escape};
use crate::model::assessment::{ControlResult, Finding, Position, Witness};
use crate::model::schema::SCHEMA;
use crate::model::table::{Evidence, Table};

/// The CSV of one control: a header, then one line per subject, sorted by subject. Columns: subject, verdict, reason, evidence.
///
/// # Errors
/// [`ReportError::Csv`] if it cannot be written; memory is the only limit.
pub fn csv(result: &ControlResult, evidence: &Evidence) -> Result<Vec<u8>, ReportError> {
    let findings: BTreeMap<&str, &Finding> = result.findings.iter().map(|finding| (finding.subject.as_str(), finding)).collect();
    let table = evidence
        .tables
        .get(result.control.subject)
        .filter(|table| SCHEMA.get(result.control.subject).is_some_and(|schema| schema.name == table.schema.name));
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
                let mut positions = table.map_or_else(Vec::new, |table| origins(table, &judged.subject, evidence));
                positions.extend(own.iter().flat_map(|witness| {
                    let table = evidence.tables.get(witness.table);
                    table.map_or_else(Vec::new, |table| positions_of(table, witness.row..witness.row + 1, evidence))
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
fn place(position: &Position) -> String {
    [position.source.as_str(), &position.file, &position.record]
        .iter()
        .filter(|part| !part.is_empty())
        .copied()
        .collect::<Vec<_>>()
        .join(" ")
}

/// `rests on grant g-1`.
fn named(witness: &Witness, evidence: &Evidence) -> Option<String> {
    let table = evidence.tables.get(witness.table)?;
    let ids = table.columns.first()?.values.as_string_opt::<i32>()?;
    (witness.row < ids.len()).then(|| format!("rests on {} {}", table.schema.name, ids.value(witness.row)))
}

/// Where the rows of one id were read. Rows are sorted by id.
fn origins(table: &Table, id: &str, evidence: &Evidence) -> Vec<Position> {
    let ids = table.columns.first().and_then(|column| column.values.as_string_opt::<i32>());
    let (Some(ids), Some(start)) = (ids, table.find(id)) else { return Vec::new() };
    let rows = (start..table.rows.min(ids.len())).take_while(|row| ids.value(*row) == id);
    positions_of(table, rows, evidence)
}

/// Where some rows were read.
fn positions_of(table: &Table, rows: impl Iterator<Item = usize>, evidence: &Evidence) -> Vec<Position> {
    let origins = rows.filter_map(|row| table.origins.get(row)).flatten();
    origins
        .filter_map(|origin| {
            let file = evidence.files.get(origin.file as usize)?;
            let source = evidence.sources.get(file.source as usize).map_or_else(String::new, |source| source.id.clone());
            Some(Position { source, file: file.path.clone(), record: file.locate(origin.record) })
        })
        .collect()
}
