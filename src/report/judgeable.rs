//! What can be judged on the evidence at hand: control × fact × source, and what would settle the rest
//! (`tickmark check --evidence`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use arrow_array::{Array, cast::AsArray};

use super::{ReportError, escape};
use crate::model::fact::{Fact, facts};
use crate::model::project::{Format, Project, SourceMapping};
use crate::model::schema::{Column, SCHEMA};
use crate::model::table::{Evidence, Table, Why};
use crate::model::value::State;

/// How many systems or kinds are named in one cell.
const NAMED: usize = 6;

/// One fact that one control reads.
struct Line {
    control: String,
    fact: String,
    /// Configured sources that say it.
    sources: Vec<String>,
    /// `96 of 96 rows`.
    known: String,
    judgeable: Judgeable,
    /// What would settle the rest.
    settle: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Judgeable {
    Yes,
    InPart,
    No,
}

impl Judgeable {
    fn word(self) -> &'static str {
        match self {
            Judgeable::Yes => "yes",
            Judgeable::InPart => "in part",
            Judgeable::No => "no",
        }
    }

    fn of(known: usize, all: usize) -> Judgeable {
        match known {
            known if known == all => Judgeable::Yes,
            0 => Judgeable::No,
            _ => Judgeable::InPart,
        }
    }
}

/// The list as a Markdown table, controls in order. `shipped`: every source mapping that ships.
#[must_use]
pub fn markdown(project: &Project, evidence: &Evidence, shipped: &[SourceMapping]) -> String {
    let lines = lines(project, evidence, shipped);
    let mut out = format!("# What the evidence lets us judge: {}\n\n", escape::markdown(&project.name));
    let controls = |wanted: fn(&[&Line]) -> bool| {
        let matching = project.controls.iter().filter(|control| {
            let of: Vec<&Line> = lines.iter().filter(|line| line.control == control.id).collect();
            wanted(&of)
        });
        matching.count()
    };
    let whole = controls(|lines| lines.iter().all(|line| line.judgeable == Judgeable::Yes));
    let blocked = controls(|lines| lines.iter().any(|line| line.judgeable == Judgeable::No));
    let _ = write!(
        out,
        "Of {} controls, {whole} read only what is known throughout; {blocked} read something of which nothing is known. \
         A control that reads what is not known may still be decided by the rest of its condition. Values from stale sources do not count.\n\n\
         | Control | Fact | Sources that say it | Known | Judgeable now | What would settle it |\n|---|---|---|--:|---|---|\n",
        project.controls.len()
    );
    for line in &lines {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            escape::markdown(&line.control),
            escape::code(&line.fact),
            line.sources.iter().map(|source| escape::code(source)).collect::<Vec<_>>().join(", "),
            line.known,
            line.judgeable.word(),
            escape::markdown(&line.settle)
        );
    }
    out
}

/// The list as CSV. Columns: control, fact, sources, known, judgeable, settled_by.
///
/// # Errors
/// [`ReportError::Csv`] if it cannot be written; memory is the only limit.
pub fn csv(project: &Project, evidence: &Evidence, shipped: &[SourceMapping]) -> Result<Vec<u8>, ReportError> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(Vec::new());
    writer.write_record(["control", "fact", "sources", "known", "judgeable", "settled_by"])?;
    for line in lines(project, evidence, shipped) {
        let sources = line.sources.join("; ");
        let cells = [&line.control, &line.fact, &sources, &line.known, line.judgeable.word(), &line.settle].map(escape::cell);
        writer.write_record(cells)?;
    }
    writer.into_inner().map_err(|error| ReportError::Csv(error.into_error().into()))
}

fn lines(project: &Project, evidence: &Evidence, shipped: &[SourceMapping]) -> Vec<Line> {
    let mut lines = Vec::new();
    for control in &project.controls {
        for fact in facts(control) {
            lines.push(match &fact {
                Fact::Rows(table) => rows(&control.id, *table, project, evidence, shipped),
                Fact::Column(table, column) => values(&control.id, *table, *column, project, evidence, shipped),
                Fact::Events(types) => events(&control.id, types, evidence),
            });
        }
    }
    lines
}

fn rows(control: &str, table: usize, project: &Project, evidence: &Evidence, shipped: &[SourceMapping]) -> Line {
    let (schema, rows) = (&SCHEMA[table], &evidence.tables[table]);
    let gaps: Vec<String> = rows
        .gaps
        .iter()
        .map(|gap| match &gap.why {
            Why::NoSource => kinds(shipped, schema.name, None),
            Why::Absent => format!("{}: an export that can be used", gap.source),
            Why::Partial(why) => format!("{}: a whole export ({why})", gap.source),
            Why::Stale(_) => format!("{}: a newer export", gap.source),
        })
        .collect();
    Line {
        control: control.to_owned(),
        fact: format!("every {}", schema.name),
        sources: sources(project, schema.name, None),
        known: format!("{} {}", rows.rows, if rows.rows == 1 { "row" } else { "rows" }),
        judgeable: match (gaps.is_empty(), rows.rows) {
            (true, _) => Judgeable::Yes,
            (false, 0) => Judgeable::No,
            _ => Judgeable::InPart,
        },
        settle: gaps.join("; "),
    }
}

fn values(control: &str, table: usize, column: usize, project: &Project, evidence: &Evidence, shipped: &[SourceMapping]) -> Line {
    let (schema, rows) = (&SCHEMA[table], &evidence.tables[table]);
    let (wanted, values) = (&schema.columns[column], &rows.columns[column]);
    let fresh = |row: usize| values.fresh.as_ref().is_none_or(|fresh| fresh.value(row));
    let open: Vec<usize> = (0..rows.rows).filter(|row| values.state(*row).is_unknown() || !fresh(*row)).collect();
    let known = rows.rows - open.len();
    // No row at all: whether that is so is told by the line of the table.
    let judgeable = if rows.rows == 0 && !rows.is_complete(true) { Judgeable::No } else { Judgeable::of(known, rows.rows) };
    Line {
        control: control.to_owned(),
        fact: format!("{}.{}", schema.name, wanted.name),
        sources: if schema.derived || wanted.derived { Vec::new() } else { sources(project, schema.name, Some(wanted)) },
        known: format!("{known} of {}", rows.rows),
        judgeable,
        settle: if judgeable == Judgeable::Yes {
            String::new()
        } else if schema.derived {
            configured(wanted).to_owned()
        } else if wanted.derived {
            format!("nothing says it: it is computed from identity, grant and party{}", places(rows, &open))
        } else {
            format!("{}{}", kinds(shipped, schema.name, Some(wanted)), places(rows, &open))
        },
    }
}

/// What gives a value of `source` that the program itself does not find out.
fn configured(column: &Column) -> &'static str {
    match column.name {
        "expected_records" => "complete = { expected = … } of the source, or a source that counts, such as aws-account-summary",
        "collected_at" => "collected-at of the source, or an export that says when it was made",
        _ => "",
    }
}

/// Where some rows are: `, for 3 rows of kong:prod`.
fn places(table: &Table, open: &[usize]) -> String {
    let Some(column) = table.schema.column("system") else { return String::new() };
    let Some(texts) = table.columns[column].values.as_string_opt::<i32>() else { return String::new() };
    let mut systems: BTreeMap<&str, usize> = BTreeMap::new();
    for row in open {
        let known = table.columns[column].state(*row) == State::Known && texts.is_valid(*row);
        *systems.entry(if known { texts.value(*row) } else { "systems not said" }).or_default() += 1;
    }
    let named: Vec<String> = systems.iter().map(|(system, count)| format!("{count} of {system}")).collect();
    let named: Vec<&str> = named.iter().map(String::as_str).collect();
    if named.is_empty() { String::new() } else { format!("; for {}", capped(&named)) }
}

/// Logs: a stretch of them for every system and type. Which window a control asks for is not looked at.
fn events(control: &str, types: &[String], evidence: &Evidence) -> Line {
    let observed =
        |system: &str, ty: &String| evidence.logs.everything || evidence.logs.stretches.contains_key(&(system.to_owned(), ty.clone()));
    let dark: Vec<&str> =
        evidence.systems.iter().map(String::as_str).filter(|system| !types.iter().all(|ty| observed(system, ty))).collect();
    let lit = evidence.systems.len() - dark.len();
    let sources: BTreeSet<String> = evidence
        .sources
        .iter()
        .filter(|source| source.event_types.iter().any(|ty| types.contains(ty)))
        .map(|source| source.id.clone())
        .collect();
    let what = if types.len() > 3 { "any type".to_owned() } else { types.join(", ") };
    Line {
        control: control.to_owned(),
        fact: format!("log of events: {what}"),
        sources: sources.into_iter().collect(),
        known: format!("{lit} of {} systems", evidence.systems.len()),
        judgeable: if evidence.systems.is_empty() { Judgeable::No } else { Judgeable::of(lit, evidence.systems.len()) },
        settle: if dark.is_empty() { String::new() } else { format!("a complete log of {}", capped(&dark)) },
    }
}

/// Configured sources that give rows of a table and, where one is asked for, say a column.
fn sources(project: &Project, table: &str, column: Option<&Column>) -> Vec<String> {
    let says = |source: &&crate::model::project::SourceConfig| {
        let Some(mapping) = project.mappings.get(&source.kind) else { return false };
        let observes = match &source.table {
            Some(own) => own == table,
            None => mapping.observes.iter().any(|observed| observed == table),
        };
        observes && column.is_none_or(|column| source.facts.contains_key(column.name) || !silent(mapping, table, column))
    };
    project.sources.iter().filter(says).map(|source| source.id.clone()).collect()
}

/// Kinds of source that would say it, those for canonical rows last.
fn kinds(shipped: &[SourceMapping], table: &str, column: Option<&Column>) -> String {
    let mut named: Vec<&str> = shipped
        .iter()
        .filter(|mapping| mapping.observes.iter().any(|observed| observed == table))
        .filter(|mapping| column.is_none_or(|column| !silent(mapping, table, column)))
        .map(|mapping| mapping.kind.as_str())
        .collect();
    named.extend(shipped.iter().filter(|mapping| mapping.format == Format::Canonical).map(|mapping| mapping.kind.as_str()));
    let what = column.map_or_else(|| format!("rows of {table}"), |column| format!("{table}.{}", column.name));
    let signed = if table == "attestation" { "`tickmark attest`, or " } else { "" };
    format!("{signed}a source with {what}: {}", capped(&named))
}

fn silent(mapping: &SourceMapping, table: &str, column: &Column) -> bool {
    mapping.silent.get(table).is_some_and(|columns| columns.iter().any(|silent| silent == column.name))
}

fn capped(names: &[&str]) -> String {
    let shown = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    if names.len() > NAMED { format!("{shown} and {} more", names.len() - NAMED) } else { shown }
}
