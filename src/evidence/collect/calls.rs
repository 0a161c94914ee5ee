//! The calls of a source, in their order, and what they print as one export.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::process::{self, Failure, Slots};
use crate::evidence::locker::Made;
use crate::evidence::{decode, detect, jq};
use crate::model::project::Call;
use crate::model::value;

/// What stands in an argument for the item.
const ITEM: &str = "{}";
/// The most items that one call is made for.
const ITEMS: usize = 100_000;
/// How long until a call is made again whose answer is not ready.
const AGAIN: Duration = Duration::from_secs(2);
/// How many calls for items are made at once, if the slots allow.
const AT_ONCE: usize = 8;
/// How many lines of a complaint are kept, and how much of each.
const LINES: usize = 8;
const WIDTH: usize = 300;

pub struct Request<'r> {
    pub calls: &'r [Call],
    pub root: &'r Path,
    pub env: &'r [(OsString, OsString)],
    pub limit: value::Duration,
    pub slots: &'r Slots,
}

/// What was run, and what came of it.
pub struct Outcome {
    pub calls: Vec<Made>,
    pub output: Result<Vec<u8>, Failed>,
}

/// Why there is no export.
pub struct Failed {
    pub why: String,
    /// What the command wrote on standard error, without lines that look like a secret.
    pub complaint: Vec<String>,
}

impl From<String> for Failed {
    fn from(why: String) -> Failed {
        Failed { why, complaint: Vec::new() }
    }
}

/// One output, and the item that it was made for.
struct Output {
    item: Option<String>,
    bytes: Vec<u8>,
}

/// Makes every call.
pub fn make(request: &Request<'_>) -> Outcome {
    let mut made = Vec::new();
    let output = all(request, &mut made);
    Outcome { calls: made, output }
}

fn all(request: &Request<'_>, made: &mut Vec<Made>) -> Result<Vec<u8>, Failed> {
    let mut done: Vec<(&Call, Vec<Output>)> = Vec::new();
    for call in request.calls {
        let items = match &call.each {
            None => vec![None],
            Some(each) => {
                let of = done.iter().find(|(before, _)| before.name == each.call).map(|(_, outputs)| outputs.as_slice());
                items(call, &each.items, of.unwrap_or_default())?.into_iter().map(Some).collect()
            }
        };
        let mut record = Made { name: call.name.clone(), argv: call.argv.clone(), times: 0, exit: Some(0) };
        let outputs = for_each(request, call, items, &mut record);
        made.push(record);
        done.push((call, outputs?));
    }
    let mut kept: Vec<(&Call, Vec<Output>)> = done.into_iter().filter(|(call, _)| call.keep).collect();
    match kept.as_mut_slice() {
        [] => Err(Failed::from("no call is made: hand the files over with --file".to_owned())),
        [(call, outputs)] if call.each.is_none() => Ok(outputs.pop().map(|output| output.bytes).unwrap_or_default()),
        _ => {
            let mut document = Map::new();
            for (call, outputs) in kept {
                let mut values = Vec::with_capacity(outputs.len());
                for output in outputs {
                    let value = parsed(call, &output)?;
                    values.push(output.item.map_or_else(|| value.clone(), |item| json!({ "item": item, "output": value })));
                }
                let whole = if call.each.is_some() { Value::Array(values) } else { values.pop().unwrap_or_default() };
                document.insert(call.name.clone(), whole);
            }
            Ok(Value::Object(document).to_string().into_bytes())
        }
    }
}

fn parsed(call: &Call, output: &Output) -> Result<Value, Failed> {
    decode::parse_json(&output.bytes).map_err(|why| Failed::from(format!("what the call `{}` printed is of no use: {why}", call.name)))
}

/// The items that an earlier call's outputs give, each once, in their order.
fn items(call: &Call, filter: &str, of: &[Output]) -> Result<Vec<String>, Failed> {
    let fault = |why: String| Failed::from(format!("the call `{}`: its `items`: {why}", call.name));
    let (mut seen, mut items) = (BTreeSet::new(), Vec::new());
    for output in of {
        let value = parsed(call, output)?;
        for item in jq::values(filter, &value, ITEMS).map_err(fault)? {
            let Value::String(item) = item else { return Err(fault("an item is no text".to_owned())) };
            if item.is_empty() || item.chars().any(char::is_control) {
                return Err(fault("an item is empty, or holds a control character".to_owned()));
            }
            // An argument that the output of another command could turn into an option.
            if item.starts_with('-') && call.argv.iter().any(|argument| argument.starts_with(ITEM)) {
                return Err(fault("an item begins with `-` and would be taken for an option".to_owned()));
            }
            if seen.insert(item.clone()) {
                items.push(item);
            }
        }
    }
    if items.len() > ITEMS {
        return Err(fault(format!("more than {ITEMS}")));
    }
    Ok(items)
}

/// Where the output of one call goes.
type Slot = Mutex<Option<Result<Vec<u8>, Failure>>>;

/// Makes one call for every item, several at once; outputs come in the order of the items.
fn for_each(request: &Request<'_>, call: &Call, items: Vec<Option<String>>, record: &mut Made) -> Result<Vec<Output>, Failed> {
    record.times = items.len() as u64;
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let results: Vec<Slot> = items.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for _ in 0..items.len().min(AT_ONCE) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let (Some(item), Some(result)) = (items.get(number), results.get(number)) else { break };
                    let outcome = one(request, call, item.as_deref());
                    stop.fetch_or(outcome.is_err(), Ordering::Relaxed);
                    if let Ok(mut result) = result.lock() {
                        *result = Some(outcome);
                    }
                }
            });
        }
    });
    let mut outputs = Vec::with_capacity(items.len());
    let mut unmade = false;
    for (item, result) in items.into_iter().zip(results) {
        match result.into_inner().ok().flatten() {
            Some(Ok(bytes)) => outputs.push(Output { item, bytes }),
            Some(Err(failure)) => {
                record.exit = failure.exit;
                return Err(Failed { why: failure.why, complaint: complaint(&failure.stderr) });
            }
            None => unmade = true,
        }
    }
    if unmade { Err(Failed::from(format!("the call `{}` was not made for every item", call.name))) } else { Ok(outputs) }
}

/// Makes a call once, or until its answer is ready.
fn one(request: &Request<'_>, call: &Call, item: Option<&str>) -> Result<Vec<u8>, Failure> {
    let argv: Vec<String> = match item {
        Some(item) => call.argv.iter().map(|argument| argument.replace(ITEM, item)).collect(),
        None => call.argv.clone(),
    };
    let limit = Duration::from_micros(u64::try_from(request.limit.0).unwrap_or_default());
    let ends = Instant::now() + limit;
    let fault = |why: String| Failure { why, stderr: Vec::new(), exit: Some(0), late: false };
    let unready = || format!("the call `{}` was not ready within its time limit", call.name);
    loop {
        let left = ends.saturating_duration_since(Instant::now());
        let said = match process::run(&argv, request.root, request.env, left, request.slots) {
            // Whether its time was over while it ran or between two answers is chance.
            Err(failure) if failure.late && !call.until.is_empty() => return Err(Failure { why: unready(), ..failure }),
            said => said?,
        };
        if said.stdout.iter().all(u8::is_ascii_whitespace) {
            return Err(Failure { stderr: said.stderr, ..fault(format!("the call `{}` printed nothing", call.name)) });
        }
        if call.until.is_empty() {
            return Ok(said.stdout);
        }
        let ready = decode::parse_json(&said.stdout).and_then(|value| jq::values(&call.until, &value, 1));
        match ready {
            Ok(ready) if ready == [Value::Bool(true)] => return Ok(said.stdout),
            Ok(_) if Instant::now() + AGAIN < ends => std::thread::sleep(AGAIN),
            Ok(_) => return Err(fault(unready())),
            Err(why) => return Err(fault(format!("the call `{}`: its `until`: {why}", call.name))),
        }
    }
}

/// The last lines of standard error. It is shown, and kept nowhere.
fn complaint(stderr: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    lines
        .iter()
        .skip(lines.len().saturating_sub(LINES))
        .map(|line| match detect::in_text(line) {
            Some(_) => "(a line that looks like it holds a secret)".to_owned(),
            None => line.chars().filter(|c| !c.is_control()).take(WIDTH).collect(),
        })
        .collect()
}
