//! The language of a mapping's filters: jq's, without what would make two runs differ or reach outside (the clock, the
//! environment, the local time zone, other inputs, messages), and with a few filters of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jaq_core::load::{Arena, File, Loader, parse};
use jaq_core::{Compiler, data, native};
use jaq_json::{Num, Val};
use serde_json::{Map, Value};

use super::bounded::{self, Bounds};
use super::{decode, pem, ssh};

/// How far compiling a filter may go.
const COMPILING: Bounds = Bounds { memory: 64 << 20, call: 64 << 20, patience: Duration::from_secs(10), time: Duration::from_secs(10) };
/// How long its text may be: it is parsed by recursion.
const LENGTH: usize = 64 << 10;
/// How deep a value may be nested that a filter gives: as deep as one that is read.
const DEPTH: usize = 120;

/// What reads the clock, the environment, the local time zone, other inputs, or writes messages.
const REFUSED: [&str; 14] = [
    "now",
    "env",
    "input",
    "inputs",
    "halt",
    "halt_error",
    "debug",
    "debug_empty",
    "stderr",
    "stderr_empty",
    "localtime",
    "strflocaltime",
    "input_filename",
    "input_line_number",
];

/// Filters written in the language itself.
const HELPERS: &str = include_str!("helpers.jq");

pub type Data = data::JustLut<Val>;
pub type Filter = jaq_core::Filter<Data>;

/// Compiles one filter, in which `$file`, `$document` and `$at` are known. What was compiled once is kept: a filter is read for
/// every file, and takes longer to compile than to run.
///
/// # Errors
/// Where in the code, in bytes, and what is wrong there; the first byte where it is the whole.
pub fn compile(code: &str) -> Result<Arc<Filter>, (std::ops::Range<usize>, String)> {
    static COMPILED: Mutex<BTreeMap<String, Arc<Filter>>> = Mutex::new(BTreeMap::new());
    let kept = || COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(filter) = kept().get(code) {
        return Ok(Arc::clone(filter));
    }
    if code.len() > LENGTH {
        return Err((0..1, format!("it is {} bytes long, more than {LENGTH}", code.len())));
    }
    let owned = code.to_owned();
    let compiled = bounded::run(COMPILING, &Arc::default(), move || compile_anew(&owned));
    let compiled = compiled.map_err(|why| (0..1, why.to_string()))?;
    let filter = Arc::new(compiled.map_err(|what| (0..1, format!("to compile it {what}")))??);
    kept().insert(code.to_owned(), Arc::clone(&filter));
    Ok(filter)
}

fn compile_anew(code: &str) -> Result<Filter, (std::ops::Range<usize>, String)> {
    let helpers = parse(HELPERS, |parser| parser.defs()).unwrap_or_default();
    let defs = jaq_core::defs()
        .chain(jaq_std::defs())
        .chain(jaq_json::defs())
        .filter(|def| !REFUSED.contains(&def.name) && !super::native::NAMES.contains(&def.name))
        .chain(helpers);
    let funs = jaq_core::funs::<Data>()
        .chain(jaq_std::funs::<Data>())
        .chain(jaq_json::funs::<Data>())
        .filter(|(name, ..)| !REFUSED.contains(name) && *name != "fromjson")
        .chain(super::native::funs())
        .chain([
            // As files are read: its own recurses as deep as a text says.
            native::run::<Data>(("fromjson", native::v(0), |cv| native::bome(of_text(&cv.1, "fromjson", json_text)))),
            native::run::<Data>(("csv", native::v(0), |cv| native::bome(of_text(&cv.1, "csv", csv_objects)))),
            native::run::<Data>(("ssh_key", native::v(0), |cv| native::bome(of_text(&cv.1, "ssh_key", ssh::authorized_key)))),
            native::run::<Data>(("x509", native::v(0), |cv| native::bome(of_text(&cv.1, "x509", pem::one)))),
        ]);
    let arena = Arena::default();
    let modules = Loader::new(defs).load(&arena, File { code, path: () }).map_err(|errors| {
        let first = errors.first().map(|(_, error)| error);
        match first {
            Some(jaq_core::load::Error::Lex(found)) => found.first().map(|(_, at)| unexpected(code, at)),
            Some(jaq_core::load::Error::Parse(found)) => found.first().map(|(_, at)| unexpected(code, at)),
            _ => None,
        }
        .unwrap_or_else(|| (0..code.len(), "modules cannot be included".to_owned()))
    })?;
    Compiler::default().with_funs(funs).with_global_vars(["$file", "$document", "$at"]).compile(modules).map_err(|errors| {
        let Some((name, what)) = errors.iter().flat_map(|(_, found)| found).next() else { return (0..code.len(), String::new()) };
        let refused = if REFUSED.contains(name) { ", and would make two runs differ or reach outside" } else { "" };
        (within(code, name), format!("`{name}` is an undefined {}{refused}", what.as_str()))
    })
}

/// Where a part of the code that an error names stands in it; the whole where it is no part of it.
fn within(code: &str, part: &str) -> std::ops::Range<usize> {
    let start = (part.as_ptr() as usize).wrapping_sub(code.as_ptr() as usize);
    if start <= code.len() && start + part.len() <= code.len() { start..start + part.len() } else { 0..code.len() }
}

fn unexpected(code: &str, at: &str) -> (std::ops::Range<usize>, String) {
    let near: String = at.chars().take_while(|c| *c != '\n').take(30).collect();
    let start = within(code, at).start;
    if at.trim().is_empty() {
        (start..code.len(), "it ends too soon".to_owned())
    } else {
        (start..start + near.len(), format!("not jq from `{near}`"))
    }
}

/// One of the program's own filters: text → a value, or why not.
fn of_text(input: &Val, name: &str, read: impl Fn(&str) -> Result<Value, String>) -> jaq_core::ValR<Val> {
    let fault = |why: String| jaq_core::Error::str(format!("{name}: {why}"));
    let (Val::TStr(bytes) | Val::BStr(bytes)) = input else { return Err(fault("expected text".to_owned())) };
    let text = std::str::from_utf8(bytes).map_err(|_| fault("the text is no UTF-8".to_owned()))?;
    read(text).and_then(|value| val(&value)).map_err(fault)
}

/// JSON → a value of the language, as reading its text would give it.
///
/// # Errors
/// It cannot hold it.
pub fn val(value: &Value) -> Result<Val, String> {
    Ok(match value {
        Value::Null => Val::Null,
        Value::Bool(yes) => Val::Bool(*yes),
        Value::String(text) => Val::utf8_str(text.clone()),
        Value::Number(number) => match number.as_i64().and_then(|number| isize::try_from(number).ok()) {
            Some(number) => Val::from(number),
            None => read(&number.to_string())?,
        },
        Value::Array(items) => items.iter().map(val).collect::<Result<_, _>>()?,
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| Ok((Val::utf8_str(name.clone()), val(value)?)));
            Val::obj(members.collect::<Result<_, String>>()?)
        }
    })
}

fn read(text: &str) -> Result<Val, String> {
    jaq_json::read::parse_single(text.as_bytes()).map_err(|_| "a value that the filter's language cannot hold".to_owned())
}

/// A value of the language → JSON, as printing it and reading it again would give it; `None`: JSON cannot hold it, or it is nested too deep.
pub fn json(value: &Val) -> Option<Value> {
    json_below(value, DEPTH)
}

fn json_below(value: &Val, depth: usize) -> Option<Value> {
    let json = |value: &Val| json_below(value, depth.checked_sub(1)?);
    Some(match value {
        Val::Null => Value::Null,
        Val::Bool(yes) => Value::Bool(*yes),
        Val::Num(Num::Int(number)) => Value::from(*number),
        Val::TStr(bytes) => Value::String(std::str::from_utf8(bytes).ok()?.to_owned()),
        Val::Arr(items) => Value::Array(items.iter().map(json).collect::<Option<_>>()?),
        Val::Obj(members) => {
            let name = |name: &Val| match name {
                Val::TStr(bytes) => std::str::from_utf8(bytes).ok().map(str::to_owned),
                _ => None,
            };
            Value::Object(members.iter().map(|(key, value)| Some((name(key)?, json(value)?))).collect::<Option<_>>()?)
        }
        Val::Num(_) | Val::BStr(_) => serde_json::from_str(&value.to_string()).ok()?,
    })
}

fn json_text(text: &str) -> Result<Value, String> {
    decode::parse_json(text.as_bytes())
}

fn csv_objects(text: &str) -> Result<Value, String> {
    let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|_| "no header row".to_owned())?.clone();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| format!("line {}", error.position().map_or(0, csv::Position::line)))?;
        let row: Map<String, Value> =
            header.iter().zip(&record).map(|(name, cell)| (name.to_owned(), Value::String(cell.to_owned()))).collect();
        rows.push(Value::Object(row));
    }
    Ok(Value::Array(rows))
}

#[cfg(test)]
mod tests {
    use jaq_core::{Ctx, Vars, unwrap_valr};
    use serde_json::json;

    use super::*;

    fn run(code: &str, input: &Value) -> Result<Vec<Value>, String> {
        let filter = compile(code).map_err(|(at, why)| format!("{at:?} {why}"))?;
        let context = Ctx::<Data>::new(&filter.lut, Vars::new([Val::Null, Val::Null, Val::Null]));
        let results = filter.id.run((context, val(input)?)).map(unwrap_valr);
        results
            .map(|one| one.map_err(|e| e.to_string()).and_then(|v| serde_json::from_str(&v.to_string()).map_err(|e| e.to_string())))
            .collect()
    }

    #[test]
    fn helpers() {
        for (code, input, output) in [
            ("epoch", json!(1_718_000_000), json!("2024-06-10T06:13:20Z")),
            ("epoch", json!("1718000000"), json!("2024-06-10T06:13:20Z")),
            ("epoch", json!(1_718_000_000.25), json!("2024-06-10T06:13:20.25Z")),
            ("epoch", json!(null), json!(null)),
            ("epoch", json!("soon"), json!(null)),
            ("epoch", json!(-1), json!("1969-12-31T23:59:59Z")),
            ("epoch_ms", json!(1_718_000_000_123_i64), json!("2024-06-10T06:13:20.123Z")),
            ("epoch_ms", json!("1718000000000"), json!("2024-06-10T06:13:20Z")),
            ("epoch_us", json!(1_718_000_000_000_001_i64), json!("2024-06-10T06:13:20.000001Z")),
            ("dotnet_date", json!("/Date(1718000000123)/"), json!("2024-06-10T06:13:20.123Z")),
            ("dotnet_date", json!("/Date(1718000000000+0200)/"), json!("2024-06-10T06:13:20Z")),
            ("dotnet_date", json!("2024-06-10"), json!(null)),
            ("time", json!("2024-06-10 06:13:20+00"), json!("2024-06-10T06:13:20+00:00")),
            ("time", json!("2024-06-10T06:13:20.123+0200"), json!("2024-06-10T06:13:20.123+02:00")),
            ("time", json!("2024-06-10 06:13:20 UTC"), json!("2024-06-10T06:13:20Z")),
            ("time", json!("2024-06-10T06:13:20Z"), json!("2024-06-10T06:13:20Z")),
            ("time", json!("2024-06-10T06:13:20-05:00"), json!("2024-06-10T06:13:20-05:00")),
            ("time", json!("2024-06-10T06:13:20"), json!("2024-06-10T06:13:20")),
            ("time", json!("2024-06-10"), json!("2024-06-10")),
            ("time_utc", json!("2024-06-10 06:13:20.5"), json!("2024-06-10T06:13:20.5Z")),
            ("time_utc", json!("2024-06-10T06:13:20+02:00"), json!("2024-06-10T06:13:20+02:00")),
            ("day_start", json!("2024-06-10"), json!("2024-06-10T00:00:00Z")),
            ("day_end", json!("2024-06-10"), json!("2024-06-10T23:59:59.999999Z")),
            ("never_if(-1; epoch_ms)", json!(-1), json!("never")),
            ("never_if(0; epoch)", json!(86400), json!("1970-01-02T00:00:00Z")),
            ("seconds", json!(3600), json!("3600s")),
            ("list", json!(null), json!([])),
            ("list", json!({ "a": 1 }), json!([{ "a": 1 }])),
            ("said", json!("never"), json!(null)),
            ("said", json!(7), json!("7")),
            ("[path(.v | each)]", json!({ "v": [1] }), json!([["v", 0]])),
            ("{ a: null, b: 1 } | row", json!(null), json!({ "b": 1 })),
        ] {
            assert_eq!(run(code, &input), Ok(vec![output]), "{code} of {input}");
        }
        assert!(run("list", &json!("System.Object[]")).is_err_and(|why| why.contains("-Depth")));
        assert_eq!(run("ssh_key", &json!("ssh-rsa AAAA")), Err("\"ssh_key: the key ends too soon\"".to_owned()));
    }

    /// Values cross as they would in writing.
    #[test]
    fn values_cross_unchanged() {
        let text = r#"{"a":[0,-1,9223372036854775807,9223372036854775808,18446744073709551615,1.5,-0.0,1e300,1.0,0.1],"":null,"b":"\u00fc\"\\\n","c":{"d":[],"e":{}},"t":true}"#;
        let value: Value = serde_json::from_str(text).unwrap();
        let slow = read(&value.to_string()).unwrap();
        let fast = val(&value).unwrap();
        assert_eq!(fast.to_string(), slow.to_string());
        assert_eq!(json(&fast), serde_json::from_str(&slow.to_string()).ok());
        for code in
            ["map_values(.)", ".a | map(. + 0)", ".a[5] * 2", "[.a[] | tostring]", "nan", "infinite", "{a: 1e1000}", ".b | ascii_downcase"]
        {
            let filter = compile(code).unwrap();
            let context = || Ctx::<Data>::new(&filter.lut, Vars::new([Val::Null, Val::Null, Val::Null]));
            for given in filter.id.run((context(), fast.clone())).map(unwrap_valr) {
                let given = given.unwrap();
                assert_eq!(json(&given), serde_json::from_str(&given.to_string()).ok(), "{code}: {given}");
            }
        }
    }

    #[test]
    fn errors_know_their_place() {
        let place = |code: &str| compile(code).map(|_| ()).map_err(|(at, why)| (code[at].to_owned(), why));
        assert_eq!(place(". | nowhere(1) | ."), Err(("nowhere".to_owned(), "`nowhere` is an undefined filter".to_owned())));
        assert!(place("now").is_err_and(|(at, why)| at == "now" && why.contains("reach outside")));
        assert!(place("{ a: .b,\n c ] }").is_err_and(|(at, _)| at.starts_with(']')));
        assert!(place("[ .a").is_err_and(|(_, why)| why.contains("ends too soon")));
    }
}
