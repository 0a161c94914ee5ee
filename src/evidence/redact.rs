//! Secrets become fingerprints before anything is kept.

use serde_json::Value;

use super::key::FingerprintKey;

/// What a fingerprint starts with: one that stands there already is left as it is.
const MARK: &str = "hmac-sha256:";

/// Names under which a text is a secret unless a mapping has dealt with it; written without `_`, `-` and capitals.
const TELLING: [&str; 17] = [
    "sessiontoken",
    "authtoken",
    "idtoken",
    "apikey",
    "password",
    "passwd",
    "secret",
    "clientsecret",
    "privatekey",
    "secretkey",
    "secretaccesskey",
    "awssecretaccesskey",
    "keymaterial",
    "accesstoken",
    "refreshtoken",
    "sharedsecret",
    "sessionsecret",
];

/// Replaces the texts that the patterns name; gives how many. A pattern is a JSON pointer in which `*` is any one step
/// and `**` any number of steps.
pub fn redact(value: &mut Value, patterns: &[String], key: &FingerprintKey) -> usize {
    patterns
        .iter()
        .map(|pattern| {
            let steps: Vec<&str> = pattern.split('/').skip(1).collect();
            descend(value, &steps, key)
        })
        .sum()
}

fn descend(value: &mut Value, steps: &[&str], key: &FingerprintKey) -> usize {
    let Some((step, rest)) = steps.split_first() else { return replace(value, key) };
    let mut count = 0;
    if *step == "**" {
        count += descend(value, rest, key);
        for (_, inner) in entries(value) {
            count += descend(inner, steps, key);
        }
        return count;
    }
    for (name, inner) in entries(value) {
        if *step == "*" || name == *step {
            count += descend(inner, rest, key);
        }
    }
    count
}

fn entries(value: &mut Value) -> Vec<(String, &mut Value)> {
    match value {
        Value::Object(map) => map.iter_mut().map(|(name, inner)| (name.clone(), inner)).collect(),
        Value::Array(items) => items.iter_mut().enumerate().map(|(at, inner)| (at.to_string(), inner)).collect(),
        _ => Vec::new(),
    }
}

/// What may stand where a secret does, and is none: what a tool wrote over it, of which one fingerprint would join things that have
/// nothing in common; and the id of an AWS access key, which names a key and opens nothing.
fn is_no_secret(text: &str) -> bool {
    let inner = text.trim_matches(|c| matches!(c, '*' | '[' | ']' | '<' | '>' | '(' | ')'));
    let id = |rest: &str| rest.len() == 16 && rest.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    ["redacted", "masked"].iter().any(|word| inner.eq_ignore_ascii_case(word))
        || (text.len() >= 3 && text.bytes().all(|byte| byte == b'*'))
        || ["AKIA", "ASIA"].iter().any(|start| text.strip_prefix(start).is_some_and(id))
}

/// Every text and number at or below a value.
fn replace(value: &mut Value, key: &FingerprintKey) -> usize {
    match value {
        Value::String(text) if text.is_empty() || text.starts_with(MARK) || is_no_secret(text) => 0,
        Value::String(text) => {
            *text = key.fingerprint(text);
            1
        }
        Value::Number(number) => {
            *value = Value::String(key.fingerprint(&number.to_string()));
            1
        }
        Value::Object(_) | Value::Array(_) => entries(value).into_iter().map(|(_, inner)| replace(inner, key)).sum(),
        Value::Null | Value::Bool(_) => 0,
    }
}

/// Where something still looks like a secret: a JSON pointer, never the value.
pub fn remaining(value: &Value, pointer: &str) -> Option<String> {
    match value {
        Value::Object(map) => map.iter().find_map(|(name, inner)| {
            let at = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
            let plain: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
            if TELLING.contains(&plain.as_str()) && holds_text(inner) { Some(at) } else { remaining(inner, &at) }
        }),
        Value::Array(items) => items.iter().enumerate().find_map(|(number, inner)| remaining(inner, &format!("{pointer}/{number}"))),
        Value::String(text) if text.contains("PRIVATE KEY-----") => Some(pointer.to_owned()),
        _ => None,
    }
}

/// A text that is no fingerprint yet, by itself or in a list.
fn holds_text(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty() && !text.starts_with(MARK) && !is_no_secret(text),
        Value::Array(items) => items.iter().any(holds_text),
        _ => false,
    }
}

/// A PEM file without its private keys, and how many there were.
pub fn without_private_keys(bytes: &[u8]) -> (Vec<u8>, usize) {
    let mut kept = Vec::with_capacity(bytes.len());
    let (mut inside, mut count) = (false, 0);
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let text = String::from_utf8_lossy(line);
        if text.contains("-----BEGIN") && text.contains("PRIVATE KEY-----") {
            inside = true;
            count += 1;
        }
        if !inside {
            kept.extend_from_slice(line);
        }
        if text.contains("-----END") && text.contains("PRIVATE KEY-----") {
            inside = false;
        }
    }
    (kept, count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_are_replaced_wherever_the_pattern_leads_and_only_once() {
        let key = FingerprintKey::given(&[]);
        let mut value = json!({ "consumers": [{ "keys": [{ "key": "s3cret", "id": "1" }] }], "deep": { "a": { "password": "x" } }, "empty": { "password": "" } });
        let patterns = ["/consumers/*/keys/*/key".to_owned(), "/**/password".to_owned()];
        assert_eq!(redact(&mut value, &patterns, &key), 2);
        let text = value.to_string();
        assert!(!text.contains("s3cret") && text.contains("\"id\":\"1\""), "{text}");
        assert_eq!(redact(&mut value, &patterns, &key), 0);
        assert_eq!(remaining(&value, ""), None);
        assert_eq!(remaining(&json!({ "a": [{ "client_secret": "x" }] }), "").as_deref(), Some("/a/0/client_secret"));
        assert_eq!(remaining(&json!({ "config": { "privateKey": ["x"] } }), "").as_deref(), Some("/config/privateKey"));
        assert_eq!(remaining(&json!({ "volumes": [{ "secret": { "secretName": "x" } }] }), ""), None);
    }

    #[test]
    fn what_is_no_secret_stays_where_one_might_stand() {
        let key = FingerprintKey::given(&[]);
        let patterns = ["/**/Secret".to_owned()];
        for text in ["REDACTED", "[redacted]", "***REDACTED***", "********", "<masked>", "AKIAIOSFODNN7EXAMPLE", "ASIA0000000000000000"] {
            let mut value = json!({ "Secret": text });
            assert_eq!((redact(&mut value, &patterns, &key), value["Secret"].as_str()), (0, Some(text)));
        }
        for text in [
            "REDACTED1",
            "xREDACTED",
            "*",
            "**a**",
            "AKIAIOSFODNN7EXAMPLE1",
            "akiaiosfodnn7example",
            "AKIAIOSFODNN7EXAMPL/",
            "masked-key",
            "",
        ] {
            let mut value = json!({ "Secret": text });
            assert_eq!(redact(&mut value, &patterns, &key), usize::from(!text.is_empty()), "{text}");
        }
    }

    #[test]
    fn private_keys_leave_a_pem_file() {
        let text =
            b"-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\nxyz\n-----END CERTIFICATE-----\n";
        let (kept, count) = without_private_keys(text);
        assert_eq!(count, 1);
        assert!(!String::from_utf8_lossy(&kept).contains("abc") && String::from_utf8_lossy(&kept).contains("xyz"));
    }
}
