//! A control's tests: rows as they stand in the file, and what they must come to.

use std::collections::BTreeMap;

use serde_json::Value;
use toml::Spanned;
use toml::de::DeValue;

use super::params::{self, Params};
use super::reader::{Keys, described, nearest};
use crate::model::control::{ControlTest, TestLog};
use crate::model::diagnostic::Code;
use crate::model::row::{Cell, Origin, Row};
use crate::model::schema::{EVENT_TYPES, SCHEMA, TableSchema, Type};
use crate::model::value::{Constant, State, Time};

const VERDICTS: [&str; 4] = ["pass", "fail", "unknown", "not-applicable"];
const STATUSES: [&str; 5] = ["pass", "fail", "unknown", "waived", "not-applicable"];
const INCOMPLETE: [&str; 3] = ["partial", "stale", "absent"];
/// The system of rows that name none; it accepts the credentials of such rows.
const SYSTEM: &str = "test";

/// Reads every `[[test]]` of a control on `subject`.
pub fn tests(control: &Keys<'_, '_>, subject: Option<usize>, params: &Params) -> Vec<ControlTest> {
    control.tables("test", "a test").iter().filter_map(|keys| test(keys, subject, params)).collect()
}

fn test(keys: &Keys<'_, '_>, subject: Option<usize>, params: &Params) -> Option<ControlTest> {
    let name = keys.required_text("name", "what the test shows");
    let set = keys.table("params", "the parameters of a test").map(|keys| overrides(&keys, params)).unwrap_or_default();
    keys.raw("status");
    let status = keys.word("status", &STATUSES).map(str::to_owned);
    let given = keys.required_table("given", "the evidence of the test");
    let expected = keys.required_table("expect", "subject = verdict");
    keys.finish();
    let (given, expected) = (given?, expected?);
    let as_of = given.required_parsed("as-of", "the time of the assessment", Time::parse);
    let mut rows = Vec::new();
    for (position, schema) in SCHEMA.iter().enumerate() {
        for row in given.tables(schema.name, &format!("a row of `{}`", schema.name)) {
            rows.extend(read_row(&row, position, schema, rows.len()));
        }
    }
    let mut incomplete = BTreeMap::new();
    if let Some(keys) = given.table("incomplete", "table = why") {
        for (name, value) in keys.each() {
            let why = value.get_ref().as_str().and_then(|why| INCOMPLETE.iter().find(|word| **word == why));
            match (crate::model::schema::table(&name.value), why) {
                (None, _) => keys.file.error(
                    Code::TestGiven,
                    &name.span,
                    format!("no table is called `{}`", name.value),
                    "unknown table",
                    nearest(&name.value, SCHEMA.iter().map(|s| s.name)),
                ),
                (_, None) => keys.wrong(value, &name.value, "one of partial, stale, absent"),
                (Some(_), Some(why)) => {
                    incomplete.insert(name.value, (*why).to_owned());
                }
            }
        }
    }
    let logs = given.raw("logs").map(|_| given.tables("logs", "a log").iter().filter_map(log).collect());
    given.finish();
    let mut expect = BTreeMap::new();
    for (name, value) in expected.each() {
        match value.get_ref().as_str().filter(|word| VERDICTS.contains(word)) {
            Some(word) => {
                if let Some(subject) = subject
                    && !rows.iter().any(|row: &Row| row.table == subject && row.cells.first() == Some(&Cell::Text(name.value.clone())))
                {
                    let message = format!("no row of `{}` in this test is called `{}`", SCHEMA[subject].name, name.value);
                    keys.file.error(Code::TestGiven, &name.span, message, "unknown subject", "");
                }
                expect.insert(name.value, word.to_owned());
            }
            None => expected.wrong(value, &name.value, &format!("one of {}", VERDICTS.join(", "))),
        }
    }
    if expect.is_empty() && status.is_none() {
        keys.file.error(
            Code::TestGiven,
            &expected.span,
            "the test expects nothing".to_owned(),
            "expected subject = verdict",
            "or give the control's `status`",
        );
    }
    Some(ControlTest { name: name?.value, as_of: as_of?, rows, incomplete, logs, expect, status, params: set })
}

fn overrides(keys: &Keys<'_, '_>, params: &Params) -> BTreeMap<String, Constant> {
    let mut out = BTreeMap::new();
    for (name, value) in keys.each() {
        if params.unread.contains(&name.value.replace('-', "_")) {
            continue;
        }
        let Some((key, param)) = params.read.iter().find(|(_, param)| param.name == name.value) else {
            let help = nearest(&name.value, params.read.values().map(|param| param.name.as_str()));
            keys.file.error(
                Code::UnknownParameter,
                &name.span,
                format!("the control has no parameter `{}`", name.value),
                "unknown parameter",
                help,
            );
            continue;
        };
        match params::constant(value.get_ref()).and_then(|constant| params::within(param, &constant).map(|()| constant)) {
            Ok(constant) => {
                out.insert(key.clone(), constant);
            }
            Err(why) => keys.file.error(
                Code::ParameterRange,
                &value.span(),
                format!("`{}` {why}", name.value),
                "not allowed for this parameter",
                "",
            ),
        }
    }
    out
}

fn log(keys: &Keys<'_, '_>) -> Option<TestLog> {
    let system = keys.required_text("system", "whose log it is");
    let types = keys.texts("types").unwrap_or_default();
    for ty in &types {
        if !EVENT_TYPES.contains(&ty.value.as_str()) {
            keys.file.error(
                Code::TestGiven,
                &ty.span,
                format!("`{}` is no type of event", ty.value),
                "unknown event type",
                nearest(&ty.value, EVENT_TYPES.iter().copied()),
            );
        }
    }
    let from = keys.required_parsed("from", "the start of what it covers", Time::parse);
    let until = keys.required_parsed("until", "the end of what it covers", Time::parse);
    keys.finish();
    Some(TestLog { system: system?.value, types: types.into_iter().map(|ty| ty.value).collect(), from: from?, until: until? })
}

fn read_row(keys: &Keys<'_, '_>, table: usize, schema: &TableSchema, number: usize) -> Option<Row> {
    let mut cells: Vec<Cell> = vec![Cell::Absent(State::Missing); schema.columns.len()];
    let unknown: Vec<String> = keys.texts("unknown").unwrap_or_default().into_iter().map(|name| name.value).collect();
    for (position, column) in schema.columns.iter().enumerate() {
        let Some(value) = keys.raw(column.name) else { continue };
        if column.derived {
            let message = format!("`{}` is computed by the program from the rows given", column.name);
            keys.file.error(
                Code::TestGiven,
                &value.span(),
                message,
                "cannot be given",
                "give grants, identities and parties that lead to it",
            );
            continue;
        }
        let read = json(value).and_then(|json| {
            Cell::read(column, &json).map_err(|misfit| match misfit {
                crate::model::row::Misfit::Sentinel(why) | crate::model::row::Misfit::Unreadable(why) => why,
            })
        });
        match read {
            Ok(cell) => cells[position] = cell,
            Err(why) => keys.file.error(Code::TestGiven, &value.span(), why, "does not fit the column", ""),
        }
    }
    for name in &unknown {
        if schema.column(name).is_none() {
            keys.file.error(
                Code::TestGiven,
                &keys.span,
                format!("`{}` has no column `{name}`", schema.name),
                "in `unknown`",
                nearest(name, schema.columns.iter().map(|c| c.name)),
            );
        }
    }
    keys.finish();
    if !matches!(cells.first(), Some(Cell::Text(_))) {
        keys.file.error(Code::TestGiven, &keys.span, format!("a row of `{}` has no `id`", schema.name), "a key is missing here", "");
        return None;
    }
    let mut fill = |name: &str, cell: Cell| {
        if let Some(position) = schema.column(name)
            && cells[position] == Cell::Absent(State::Missing)
            && !unknown.iter().any(|unknown| unknown == name)
        {
            cells[position] = cell;
        }
    };
    if !schema.derived {
        fill("system", Cell::Text(SYSTEM.to_owned()));
    }
    let system = schema.column("system").map(|position| cells[position].clone());
    if let (Some(Cell::Text(system)), Some(position)) = (system, schema.column("accepted_at"))
        && schema.columns[position].ty == Type::List
        && cells[position] == Cell::Absent(State::Missing)
        && !unknown.iter().any(|unknown| unknown == "accepted_at")
    {
        cells[position] = Cell::List(vec![Some(system)]);
    }
    Some(Row { table, cells, origin: Origin { file: 0, record: u32::try_from(number).unwrap_or(u32::MAX) } })
}

fn json(value: &Spanned<DeValue<'_>>) -> Result<Value, String> {
    match value.get_ref() {
        DeValue::String(text) => Ok(Value::String(text.to_string())),
        DeValue::Datetime(time) => Ok(Value::String(time.to_string())),
        DeValue::Boolean(yes) => Ok(Value::Bool(*yes)),
        DeValue::Integer(number) => Ok(Value::String(number.as_str().to_owned())),
        DeValue::Float(number) => Ok(Value::String(number.as_str().to_owned())),
        DeValue::Array(items) => items
            .iter()
            .map(|item| match item.get_ref().as_str() {
                // A list's unknown member is written `?`: TOML has no null.
                Some("?") => Ok(Value::Null),
                Some(text) => Ok(Value::String(text.to_owned())),
                None => Err(format!("a list holds texts only, found {}", described(item.get_ref()))),
            })
            .collect::<Result<Vec<Value>, String>>()
            .map(Value::Array),
        DeValue::Table(_) => Err("a table is no value".to_owned()),
    }
}
