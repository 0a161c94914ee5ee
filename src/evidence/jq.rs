//! A mapping's filters, run over one file, within [bounds](super::bounded) that grow with the file.

#[cfg(test)]
mod attacks;
mod reach;

use std::ops::Range;
use std::sync::Arc;

use jaq_core::{Ctx, Vars, unwrap_valr};
use jaq_json::Val;
use serde_json::{Map, Value};

use super::EvidenceError;
use super::bounded;
use super::distinct;
use super::language::{Data, Filter, compile, json, val};
use crate::model::diagnostic::{Code, Diagnostic, Diagnostics, Level};
use crate::model::project::SourceMapping;
use reach::{Overtime, Place, Reach, weight};

/// The most rows that one record may become.
const ROWS: usize = 10_000;
/// A mapping's filters, compiled; `None`: the mapping has none.
pub struct Filters {
    recognise: Option<Arc<Filter>>,
    envelope: Option<Arc<Filter>>,
    select: Option<Arc<Filter>>,
    /// `None`: records are rows as they stand.
    rows: Option<Arc<Filter>>,
    /// The mapping's file, for messages.
    file: String,
    reach: Reach,
    overtime: Arc<Overtime>,
}

impl std::fmt::Debug for Filters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Filters of {}", self.file)
    }
}

impl Filters {
    /// Compiles them.
    ///
    /// # Errors
    /// All that do not compile, each at its place in the mapping's file.
    pub fn of(mapping: &SourceMapping, overtime: &Arc<Overtime>) -> Result<Arc<Filters>, EvidenceError> {
        let mut problems = Diagnostics::default();
        let mut compiled = |part, code: &str| -> Option<Arc<Filter>> {
            if code.trim().is_empty() {
                return None;
            }
            compile(code)
                .map_err(|(at, why)| {
                    let message = format!("the {part} filter does not compile: {why}");
                    problems.list.push(diagnostic(mapping, part, at, message, ""));
                })
                .ok()
        };
        let filters = Filters {
            recognise: compiled("recognise", &mapping.recognise),
            envelope: compiled("envelope", &mapping.envelope),
            select: compiled("select", &mapping.select),
            rows: compiled("rows", if mapping.rows.trim() == "." { "" } else { &mapping.rows }),
            file: mapping.file.clone(),
            reach: Reach::DEFAULT,
            overtime: Arc::clone(overtime),
        };
        if problems.list.is_empty() {
            return Ok(Arc::new(filters));
        }
        problems.texts.insert(mapping.file.clone(), mapping.text.clone());
        Err(EvidenceError::Filter(Box::new(problems)))
    }

    /// The filter alone by which a mapping tells a file of its kind from others; `None`: it has none, or none that compiles.
    pub fn recognising(mapping: &SourceMapping) -> Option<Arc<Filters>> {
        let code = Some(&mapping.recognise).filter(|code| !code.trim().is_empty())?;
        let recognise = Some(compile(code).ok()?);
        let (file, reach) = (mapping.file.clone(), Reach::DEFAULT);
        Some(Arc::new(Filters { recognise, envelope: None, select: None, rows: None, file, reach, overtime: Arc::default() }))
    }

    /// Whether one of them says something of the whole file, and so must be given the whole.
    pub fn says_of_all(&self) -> bool {
        self.envelope.is_some()
    }

    /// Whether records are rows as they stand, and nobody asks for more.
    pub fn are_none(&self) -> bool {
        self.recognise.is_none() && self.envelope.is_none() && self.select.is_none() && self.rows.is_none()
    }

    /// Whether one can tell a file of this kind from others.
    pub fn recognises(&self) -> bool {
        self.recognise.is_some()
    }
}

/// A problem in one of a mapping's filters, `at` some bytes of its code: pointed at where the filter stands in the file.
pub fn diagnostic(mapping: &SourceMapping, part: &str, at: Range<usize>, message: String, help: &str) -> Diagnostic {
    let code = match part {
        "recognise" => &mapping.recognise,
        "envelope" => &mapping.envelope,
        "select" => &mapping.select,
        _ => &mapping.rows,
    };
    let key = mapping.text.lines().scan(0, |start, line| {
        let from = *start;
        *start += line.len() + 1;
        Some((from, line))
    });
    let mut key = key.filter(|(_, line)| line.strip_prefix(part).is_some_and(|rest| rest.trim_start().starts_with('=')));
    let (from, line) = key.next().unwrap_or((0, ""));
    // With escapes in it, the code is written otherwise than it reads: then the whole filter is meant.
    let span = match mapping.text.get(from..).and_then(|rest| rest.find(code.as_str())) {
        Some(start) => from + start + at.start..from + start + at.end.max(at.start + 1),
        None => from..from + line.len(),
    };
    Diagnostic {
        code: Code::Mapping,
        level: Level::Error,
        message,
        file: mapping.file.clone(),
        span: Some(span),
        label: String::new(),
        help: help.to_owned(),
    }
}

/// What the filters are run on: a document, or the records of a line format.
#[derive(Debug, Default)]
pub struct Job {
    pub document: Option<Value>,
    pub records: Vec<Value>,
    /// What `$file` holds beside what the envelope says.
    pub file: Map<String, Value>,
    /// Records of one `id` are one record, told twice.
    pub by_id: bool,
}

/// What they gave.
#[derive(Debug, Default)]
pub struct Mapped {
    /// What the envelope filter said of the whole.
    pub envelope: Map<String, Value>,
    /// For documents: where each record stands, as a JSON pointer.
    pub pointers: Option<Vec<String>>,
    /// A digest of each record.
    pub distinct: Vec<u128>,
    /// For each record its rows, or why there are none.
    pub rows: Vec<Result<Vec<Value>, String>>,
}

/// Runs a mapping's filters, job after job; `first`: how many records of the file were before these.
///
/// # Errors
/// A filter goes beyond its bounds. The inner error says why the whole file cannot be used.
pub fn run(filters: &Arc<Filters>, path: &str, first: usize, jobs: Vec<Job>) -> Result<Result<Vec<Mapped>, String>, EvidenceError> {
    let given = jobs.iter().flat_map(|job| job.document.iter().chain(&job.records)).map(weight).sum();
    watched(filters, path, given, move |filters, place| jobs.into_iter().map(|job| apply(filters, first, job, place)).collect())
}

/// For each value, whether the mapping recognises it. One of which the filter makes an error is not recognised.
///
/// # Errors
/// As [`run`].
pub fn recognise(filters: &Arc<Filters>, path: &str, values: Vec<Value>) -> Result<Vec<bool>, EvidenceError> {
    watched(filters, path, values.iter().map(weight).sum(), move |filters, place| {
        let Some(recognise) = &filters.recognise else { return vec![true; values.len()] };
        let truth = |(number, value): (usize, &Value)| {
            place.at("recognise", number);
            stream(recognise, [Val::Null, Val::Null, Val::Null], val(value).ok()?, 1).ok()
        };
        values.iter().enumerate().map(|value| truth(value).is_some_and(|said| said == [Value::Bool(true)])).collect()
    })
}

fn watched<T: Send + 'static>(
    filters: &Arc<Filters>,
    path: &str,
    given: usize,
    work: impl FnOnce(&Filters, &Place) -> T + Send + 'static,
) -> Result<T, EvidenceError> {
    let (shared, place) = (Arc::clone(filters), Arc::new(Place::default()));
    let theirs = Arc::clone(&place);
    match filters.reach.watched(given, &filters.overtime, &place.progress, move || work(&shared, &theirs)) {
        Ok(Ok(outcome)) => Ok(outcome),
        Ok(Err(what)) => {
            Err(EvidenceError::Excess { file: filters.file.clone(), part: place.part(), over: format!("{path}{}", place.record()), what })
        }
        Err(why) => Err(EvidenceError::Unreadable { path: path.into(), why }),
    }
}

fn apply(filters: &Filters, first: usize, job: Job, place: &Place) -> Result<Mapped, String> {
    let mut mapped = Mapped::default();
    let document = match &job.document {
        Some(document) => val(document)?,
        None => Val::default(),
    };
    let globals =
        |file: &Map<String, Value>| -> Result<[Val; 3], String> { Ok([val(&Value::Object(file.clone()))?, document.clone(), Val::Null]) };
    if let Some(envelope) = &filters.envelope {
        place.at("envelope", 0);
        let whole = if job.document.is_some() { document.clone() } else { val(&Value::Array(job.records.clone()))? };
        let said = stream(envelope, globals(&job.file)?, whole, 1).map_err(|why| format!("the envelope filter: {why}"))?;
        mapped.envelope = match <[Value; 1]>::try_from(said) {
            Ok([Value::Object(said)]) => said,
            Ok([Value::Null]) => Map::new(),
            _ => return Err("the envelope filter did not give one object".to_owned()),
        };
    }
    let mut places = Vec::new();
    let records = match (&job.document, &filters.select) {
        (None, _) => job.records,
        (Some(document), None) => {
            mapped.pointers = Some(vec![String::new()]);
            vec![document.clone()]
        }
        (Some(whole), Some(select)) => {
            place.at("select", 0);
            let paths =
                stream(select, globals(&job.file)?, document.clone(), usize::MAX).map_err(|why| format!("the select filter: {why}"))?;
            let mut pointers = Vec::new();
            let mut records = Vec::new();
            for path in &paths {
                let (pointer, record) = follow(whole, path).ok_or("the select filter gave something that is no path into the document")?;
                pointers.push(pointer);
                records.push(record.clone());
            }
            mapped.pointers = Some(pointers);
            places = paths;
            records
        }
    };
    for record in &records {
        let id = record.get("id").filter(|id| job.by_id && id.is_string());
        mapped.distinct.push(distinct::of(id.unwrap_or(record)));
        place.progress.step();
    }
    let Some(rows) = &filters.rows else {
        mapped.rows = records.into_iter().map(|record| Ok(vec![record])).collect();
        return Ok(mapped);
    };
    let mut file = job.file;
    for (name, value) in &mapped.envelope {
        file.insert(name.clone(), value.clone());
    }
    let [file, document, _] = globals(&file)?;
    for (number, record) in records.iter().enumerate() {
        place.at("rows", first + number);
        let at = places.get(number).map_or(Ok(Val::Null), val);
        let given = at.and_then(|at| stream(rows, [file.clone(), document.clone(), at], val(record)?, ROWS));
        mapped.rows.push(given);
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

fn stream(filter: &Filter, globals: [Val; 3], input: Val, most: usize) -> Result<Vec<Value>, String> {
    let context = Ctx::<Data>::new(&filter.lut, Vars::new(globals));
    bounded::call(|| {
        let mut out = Vec::new();
        for given in filter.id.run((context, input)).map(unwrap_valr) {
            if out.len() == most {
                return Err(format!("it gives more than {most} results"));
            }
            let given = given.map_err(|error| complaint(&said(error.into_val())))?;
            out.push(json(&given).ok_or("it gives a value that JSON cannot hold, or one that is nested too deep")?);
        }
        Ok(out)
    })
}

/// A filter's error without the value that it met: the record may hold anything. What a mapping itself says is kept.
pub fn complaint(error: &str) -> String {
    // What it was to be indexed with, or used as, the filter says.
    let heads = [
        ("cannot index ", " with "),
        ("cannot use ", " as "),
        ("cannot calculate ", ""),
        ("invalid path expression with input ", ""),
        ("cannot parse ", ""),
        ("cannot convert ", ""),
    ];
    let Some((head, joint, met)) = heads.iter().find_map(|(head, joint)| Some((head, joint, error.strip_prefix(head)?))) else {
        return error.chars().take(200).collect();
    };
    let sort = match met.trim_start_matches('\\').chars().next() {
        Some('"') => "a text",
        Some('[') => "a list",
        Some('{') => "an object",
        Some('t' | 'f') => "true or false",
        Some('n') => "null",
        _ => "a number",
    };
    let end = met.rfind(joint).filter(|_| !joint.is_empty()).map(|at| &met[at..]).filter(|end| end.len() <= 60);
    format!("{}{sort}{}", head, end.unwrap_or_default())
}

/// An error's text; any other value that stands for one, as JSON.
fn said(error: Val) -> String {
    match error {
        Val::TStr(text) => String::from_utf8_lossy(&text).into_owned(),
        other => other.to_string(),
    }
}

/// What a filter of its own gives for one value: at most some results.
///
/// # Errors
/// It does not compile, fails, or gives more.
pub fn values(code: &str, input: &Value, most: usize) -> Result<Vec<Value>, String> {
    let filter = compile(code).map_err(|(_, why)| format!("the filter does not compile: {why}"))?;
    let bounds = Reach::DEFAULT.over(weight(input), Reach::DEFAULT.patience);
    let input = input.clone();
    let outcome = bounded::run(bounds, &Arc::default(), move || stream(&filter, [Val::Null, Val::Null, Val::Null], val(&input)?, most));
    outcome.map_err(|why| why.to_string())?.map_err(|what| format!("the filter {what}"))?
}
