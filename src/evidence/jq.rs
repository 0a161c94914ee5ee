//! A mapping's filters, run over one file.
//!
//! The language is jq's, without what would make two runs differ or reach outside: the clock, the environment, the
//! local time zone, other inputs, messages. Added is `csv`: text → an array of objects by its header row. Filters run
//! in a thread of their own, which is given up when it makes no progress.

use std::sync::mpsc::{self, Sender};
use std::time::Duration;

use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars, data, native, unwrap_valr};
use jaq_json::Val;
use serde_json::{Map, Value};

use super::EvidenceError;
use crate::model::project::SourceMapping;

/// How long one record may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most rows that one record may become.
const ROWS: usize = 10_000;
/// The thread's stack: a recursive filter over a document of the deepest nesting that is read.
const STACK: usize = 256 << 20;

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

type Data = data::JustLut<Val>;
type Filter = jaq_core::Filter<Data>;

/// What the filters are run on.
#[derive(Debug)]
pub struct Job {
    /// For documents.
    pub document: Option<Value>,
    /// For line formats.
    pub records: Vec<Value>,
    /// What `$file` holds beside what the envelope says.
    pub file: Map<String, Value>,
}

/// What they gave.
#[derive(Debug, Default)]
pub struct Mapped {
    /// What the envelope filter said of the whole.
    pub envelope: Map<String, Value>,
    /// For documents: where each record stands, as a JSON pointer.
    pub pointers: Option<Vec<String>>,
    /// For documents: the records.
    pub records: Vec<Value>,
    /// For each record its rows, or why there are none.
    pub rows: Vec<Result<Vec<Value>, String>>,
}

/// Runs a mapping's filters.
///
/// # Errors
/// A filter does not compile, or makes no progress. The inner error says why the whole file cannot be used.
pub fn run(mapping: &SourceMapping, path: &str, job: Job) -> Result<Result<Mapped, String>, EvidenceError> {
    let (sender, receiver) = mpsc::channel();
    let mapping_owned = mapping.clone();
    let worker = std::thread::Builder::new().name("jq".to_owned()).stack_size(STACK).spawn(move || {
        let outcome = work(&mapping_owned, job, &sender);
        // The receiver has given up: there is nobody to tell.
        let _ = sender.send(Progress::Done(Box::new(outcome)));
    });
    let slow = || EvidenceError::TooSlow { file: mapping.file.clone(), path: path.to_owned(), seconds: PATIENCE.as_secs() };
    if let Err(why) = worker {
        return Err(EvidenceError::Unreadable { path: path.into(), why });
    }
    loop {
        match receiver.recv_timeout(PATIENCE) {
            Ok(Progress::Record) => {}
            Ok(Progress::Done(outcome)) => return *outcome,
            Err(_) => return Err(slow()),
        }
    }
}

enum Progress {
    Record,
    Done(Box<Result<Result<Mapped, String>, EvidenceError>>),
}

fn work(mapping: &SourceMapping, job: Job, sender: &Sender<Progress>) -> Result<Result<Mapped, String>, EvidenceError> {
    let compiled = |part, code: &str| -> Result<Option<Filter>, EvidenceError> {
        if code.trim().is_empty() {
            return Ok(None);
        }
        compile(code).map(Some).map_err(|why| EvidenceError::Filter { file: mapping.file.clone(), part, why })
    };
    let envelope = compiled("envelope", &mapping.envelope)?;
    let select = compiled("select", &mapping.select)?;
    let rows = compiled("rows", &mapping.rows)?;
    Ok(apply(envelope.as_ref(), select.as_ref(), rows.as_ref(), job, sender))
}

fn apply(
    envelope: Option<&Filter>,
    select: Option<&Filter>,
    rows: Option<&Filter>,
    job: Job,
    sender: &Sender<Progress>,
) -> Result<Mapped, String> {
    let mut mapped = Mapped::default();
    let document = match &job.document {
        Some(document) => val(document)?,
        None => Val::default(),
    };
    let globals = |file: &Map<String, Value>| -> Result<[Val; 2], String> { Ok([val(&Value::Object(file.clone()))?, document.clone()]) };
    if let Some(envelope) = envelope {
        let said = one_each(envelope, globals(&job.file)?, document.clone()).map_err(|why| format!("the envelope filter: {why}"))?;
        mapped.envelope = match <[Value; 1]>::try_from(said) {
            Ok([Value::Object(said)]) => said,
            Ok([Value::Null]) => Map::new(),
            _ => return Err("the envelope filter did not give one object".to_owned()),
        };
    }
    mapped.records = match (&job.document, select) {
        (None, _) => job.records,
        (Some(document), None) => {
            mapped.pointers = Some(vec![String::new()]);
            vec![document.clone()]
        }
        (Some(whole), Some(select)) => {
            let paths =
                stream(select, globals(&job.file)?, document.clone(), usize::MAX).map_err(|why| format!("the select filter: {why}"))?;
            let mut pointers = Vec::new();
            let mut records = Vec::new();
            for path in paths {
                let (pointer, record) = follow(whole, &path).ok_or("the select filter gave something that is no path into the document")?;
                pointers.push(pointer);
                records.push(record.clone());
            }
            mapped.pointers = Some(pointers);
            records
        }
    };
    let Some(rows) = rows else {
        mapped.rows = mapped.records.iter().map(|record| Ok(vec![record.clone()])).collect();
        return Ok(mapped);
    };
    let mut file = job.file;
    for (name, value) in &mapped.envelope {
        file.insert(name.clone(), value.clone());
    }
    let globals = globals(&file)?;
    for record in &mapped.records {
        let given = val(record).and_then(|input| stream(rows, globals.clone(), input, ROWS));
        mapped.rows.push(given);
        if sender.send(Progress::Record).is_err() {
            return Err("given up".to_owned());
        }
    }
    Ok(mapped)
}

/// Follows a path array into a document; gives the JSON pointer and what stands there.
fn follow<'d>(document: &'d Value, path: &Value) -> Option<(String, &'d Value)> {
    let mut at = document;
    let mut pointer = String::new();
    for step in path.as_array()? {
        match step {
            Value::String(name) => {
                pointer.push('/');
                pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
                at = at.get(name.as_str())?;
            }
            Value::Number(number) => {
                let index = usize::try_from(number.as_u64()?).ok()?;
                pointer.push_str(&format!("/{index}"));
                at = at.get(index)?;
            }
            _ => return None,
        }
    }
    Some((pointer, at))
}

fn compile(code: &str) -> Result<Filter, String> {
    let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs()).filter(|def| !REFUSED.contains(&def.name));
    let funs = jaq_core::funs::<Data>()
        .chain(jaq_std::funs::<Data>())
        .chain(jaq_json::funs::<Data>())
        .filter(|(name, ..)| !REFUSED.contains(name))
        .chain([native::run::<Data>(("csv", native::v(0), |cv| native::bome(csv_objects(&cv.1))))]);
    let arena = Arena::default();
    let modules = Loader::new(defs).load(&arena, File { code, path: () }).map_err(|errors| {
        let first = errors.first().map(|(_, error)| error);
        match first {
            Some(jaq_core::load::Error::Lex(found)) => found.first().map_or_else(String::new, |(_, at)| unexpected(code, at)),
            Some(jaq_core::load::Error::Parse(found)) => found.first().map_or_else(String::new, |(_, at)| unexpected(code, at)),
            _ => "modules cannot be included".to_owned(),
        }
    })?;
    Compiler::default().with_funs(funs).with_global_vars(["$file", "$document"]).compile(modules).map_err(|errors| {
        errors
            .iter()
            .flat_map(|(_, found)| found)
            .map(|(name, what)| {
                let refused = if REFUSED.contains(name) { ", and would make two runs differ or reach outside" } else { "" };
                format!("`{name}` is an undefined {}{refused}", what.as_str())
            })
            .collect::<Vec<_>>()
            .join("; ")
    })
}

fn unexpected(code: &str, at: &str) -> String {
    let start = (at.as_ptr() as usize).wrapping_sub(code.as_ptr() as usize);
    let line = code.get(..start).map_or(1, |before| before.matches('\n').count() + 1);
    let near: String = at.chars().take(30).collect();
    if near.is_empty() { format!("it ends too soon, in line {line}") } else { format!("not jq from `{near}`, in line {line}") }
}

fn one_each(filter: &Filter, globals: [Val; 2], input: Val) -> Result<Vec<Value>, String> {
    stream(filter, globals, input, 1)
}

fn stream(filter: &Filter, globals: [Val; 2], input: Val, most: usize) -> Result<Vec<Value>, String> {
    let context = Ctx::<Data>::new(&filter.lut, Vars::new(globals));
    let mut out = Vec::new();
    for given in filter.id.run((context, input)).map(unwrap_valr) {
        if out.len() == most {
            return Err(format!("it gives more than {most} results"));
        }
        // An error may quote the record, and the record may hold anything: its length is bounded, its secrets are gone.
        let given = given.map_err(|error| error.to_string().chars().take(200).collect::<String>())?;
        out.push(serde_json::from_str(&given.to_string()).map_err(|_| "it gives a value that JSON cannot hold".to_owned())?);
    }
    Ok(out)
}

fn val(value: &Value) -> Result<Val, String> {
    jaq_json::read::parse_single(value.to_string().as_bytes()).map_err(|_| "a value that the filter's language cannot hold".to_owned())
}

fn csv_objects(text: &Val) -> jaq_core::ValR<Val> {
    let fault = |why: String| jaq_core::Error::str(why);
    let (Val::TStr(bytes) | Val::BStr(bytes)) = text else { return Err(fault("csv needs text".to_owned())) };
    let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(&bytes[..]);
    let header = reader.headers().map_err(|_| fault("csv: no header row".to_owned()))?.clone();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| fault(format!("csv: line {}", error.position().map_or(0, csv::Position::line))))?;
        let row: Map<String, Value> =
            header.iter().zip(&record).map(|(name, cell)| (name.to_owned(), Value::String(cell.to_owned()))).collect();
        rows.push(Value::Object(row));
    }
    val(&Value::Array(rows)).map_err(fault)
}

/// What a filter of its own gives for one value: at most some results.
///
/// # Errors
/// It does not compile, fails, or gives more.
pub fn values(code: &str, input: &Value, most: usize) -> Result<Vec<Value>, String> {
    let filter = compile(code).map_err(|why| format!("the filter does not compile: {why}"))?;
    stream(&filter, [Val::default(), Val::default()], val(input)?, most)
}
