//! Answers of an interface in what somebody wrapped around them: recorded exchanges, responses with their headers,
//! pages one after another. What is read and kept is the pages alone, as `{ "tickmark:pages": [{ "uri", "at", "body" }] }`:
//! requests, headers and query strings, which may hold credentials, stay out.

use serde_json::{Map, Value, json};

use super::decode::{Faults, parse_json};

const PAGES: &str = "tickmark:pages";

/// One page, and how it was asked for.
pub struct Page {
    pub pointer: String,
    pub body: Value,
    /// `number`, and where they are known `uri` (its path) and `at` (when it was answered).
    pub about: Map<String, Value>,
}

/// Pages of one file, as they are kept.
pub fn joined(bodies: Vec<Value>) -> Value {
    kept(bodies.into_iter().map(|body| json!({ "body": body })).collect())
}

fn kept(entries: Vec<Value>) -> Value {
    Value::Object(Map::from_iter([(PAGES.to_owned(), Value::Array(entries))]))
}

/// True for text that begins as a recording of exchanges does (VCR and its kin write YAML).
pub fn is_recording(bytes: &[u8]) -> bool {
    let beginning = &bytes[..bytes.len().min(4096)];
    String::from_utf8_lossy(beginning).lines().any(|line| line.starts_with("interactions:"))
}

/// A wrapped document as pages; `None`: it is not wrapped.
pub fn unwrapped(document: &Value) -> Option<Value> {
    let object = document.as_object()?;
    let has = |name: &str| object.contains_key(name);
    if has(PAGES) {
        return Some(document.clone());
    }
    if let Some(Value::Array(exchanges)) = object.get("interactions")
        && !exchanges.is_empty()
        && exchanges.iter().all(|one| one.get("response").is_some())
    {
        return Some(kept(exchanges.iter().map(exchange).collect()));
    }
    // A response as PowerShell's Invoke-WebRequest gives it, and as recorders of single calls write it.
    let responded = (has("Content") && has("StatusCode"))
        || (has("headers")
            && has("body")
            && object.keys().all(|name| matches!(name.as_str(), "headers" | "body" | "status" | "status_code")));
    responded.then(|| kept(vec![response(document, &Value::Null)]))
}

fn exchange(one: &Value) -> Value {
    let uri = one.pointer("/request/uri").or_else(|| one.pointer("/request/url")).unwrap_or(&Value::Null);
    response(&one["response"], uri)
}

/// `{ uri, at, status, body }` of one response; without `body` where it is no JSON, or says that it failed.
fn response(response: &Value, uri: &Value) -> Value {
    let mut out = Map::new();
    if let Some(uri) = uri.as_str() {
        // The query may hold a key. Without scheme and host it is a path.
        let path = uri.split(['?', '#']).next().unwrap_or_default();
        let path = path.split_once("://").map_or(path, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
        out.insert("uri".to_owned(), json!(path));
    }
    let headers = response.get("headers").or_else(|| response.get("Headers"));
    if let Some(at) = headers.and_then(date) {
        out.insert("at".to_owned(), json!(at));
    }
    let status = ["/code", "/status/code", "/status_code", "/StatusCode", "/status"]
        .iter()
        .find_map(|place| response.pointer(place).and_then(Value::as_u64))
        .unwrap_or(200);
    if !(200..300).contains(&status) {
        out.insert("status".to_owned(), json!(status));
        return Value::Object(out);
    }
    let body = response.get("body").or_else(|| response.get("Content")).unwrap_or(&Value::Null);
    // Recorders put the text below a name of their own; some parse it.
    let body = ["string", "data", "text"].iter().find_map(|name| body.as_object().filter(|all| all.len() <= 2)?.get(*name)).unwrap_or(body);
    let body = match body {
        Value::String(text) => parse_json(text.trim_start_matches('\u{feff}').as_bytes()).ok(),
        Value::Null => None,
        parsed => Some(parsed.clone()),
    };
    if let Some(body) = body {
        out.insert("body".to_owned(), body);
    }
    Value::Object(out)
}

/// The `Date` of a response, as RFC 3339.
fn date(headers: &Value) -> Option<String> {
    let (_, value) = headers.as_object()?.iter().find(|(name, _)| name.eq_ignore_ascii_case("date"))?;
    let text = value.as_str().or_else(|| value.as_array()?.first()?.as_str())?;
    let at = chrono::DateTime::parse_from_rfc2822(text).ok()?;
    Some(at.to_utc().to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
}

/// The pages of a wrapped document, and what of it could not be used: position and reason, as for quarantine; `None`: it is not wrapped.
pub fn pages(document: &Value) -> Option<(Vec<Page>, Faults)> {
    let entries = document.get(PAGES)?.as_array()?;
    let (mut pages, mut faults) = (Vec::new(), Vec::new());
    for (number, entry) in entries.iter().enumerate() {
        let pointer = format!("/{PAGES}/{number}");
        if entry.get("other").is_some() {
            continue;
        }
        let Some(body) = entry.get("body") else {
            let why = match entry.get("status") {
                Some(status) => format!("the response has the status {status}: what was asked for is missing"),
                None => "the response is no JSON".to_owned(),
            };
            faults.push((pointer, why));
            continue;
        };
        let mut about = Map::from_iter([("number".to_owned(), json!(number + 1))]);
        for name in ["uri", "at"] {
            if let Some(value) = entry.get(name) {
                about.insert(name.to_owned(), value.clone());
            }
        }
        pages.push(Page { pointer: format!("{pointer}/body"), body: body.clone(), about });
    }
    Some((pages, faults))
}

/// How many pages are answers to something else.
pub fn others(document: &Value) -> usize {
    document.get(PAGES).and_then(Value::as_array).map_or(0, |entries| entries.iter().filter(|entry| entry.get("other").is_some()).count())
}

/// Leaves some documents of a list, some pages of a wrapped document.
pub fn first(document: &mut Value, most: usize) {
    let list = match document {
        Value::Object(object) => object.get_mut(PAGES),
        list => Some(list),
    };
    if let Some(Value::Array(list)) = list {
        list.truncate(most);
    }
}

/// The bodies of a wrapped document's pages.
pub fn bodies(document: &Value) -> Option<Vec<&Value>> {
    Some(document.get(PAGES)?.as_array()?.iter().filter_map(|entry| entry.get("body")).collect())
}

/// Takes out the bodies that are answers to something else: `ours` says of each in order whether it is wanted.
pub fn keep(document: &mut Value, ours: &[bool]) {
    let mut ours = ours.iter();
    let entries = document.get_mut(PAGES).and_then(Value::as_array_mut);
    for entry in entries.into_iter().flatten().filter_map(Value::as_object_mut) {
        if entry.contains_key("body") && ours.next() == Some(&false) {
            entry.remove("body");
            entry.insert("other".to_owned(), Value::Bool(true));
        }
    }
}
