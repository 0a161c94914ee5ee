//! Secrets become fingerprints before anything is kept.

use serde_json::Value;

use super::key::FingerprintKey;

/// Whether a text is a fingerprint already: `hmac-sha256:<8 hex digits>:<64 hex digits>`.
pub fn is_fingerprint(text: &str) -> bool {
    let hex = |part: &str, length: usize| part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts = text.strip_prefix("hmac-sha256:").and_then(|rest| rest.split_once(':'));
    parts.is_some_and(|(id, code)| hex(id, 8) && hex(code, 64))
}

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
    if *step == "**" {
        let here = descend(value, rest, key);
        return here + inner(value).map(|inner| descend(inner, steps, key)).sum::<usize>();
    }
    match value {
        _ if *step == "*" => inner(value).map(|inner| descend(inner, rest, key)).sum(),
        Value::Object(members) => members.get_mut(*step).map_or(0, |inner| descend(inner, rest, key)),
        Value::Array(items) => {
            let at = step.parse().ok().filter(|at: &usize| at.to_string() == *step);
            at.and_then(|at| items.get_mut(at)).map_or(0, |inner| descend(inner, rest, key))
        }
        _ => 0,
    }
}

/// What an object or a list holds.
fn inner(value: &mut Value) -> Box<dyn Iterator<Item = &mut Value> + '_> {
    match value {
        Value::Object(members) => Box::new(members.values_mut()),
        Value::Array(items) => Box::new(items.iter_mut()),
        _ => Box::new(std::iter::empty()),
    }
}

/// What may stand where a secret does, and is none: what a tool wrote over it, of which one fingerprint would join things that have
/// nothing in common; and the id of an AWS access key, which names a key and opens nothing.
pub fn is_no_secret(text: &str) -> bool {
    let inner = text.trim_matches(|c| matches!(c, '*' | '[' | ']' | '<' | '>' | '(' | ')'));
    let id = |rest: &str| rest.len() == 16 && rest.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    ["redacted", "masked"].iter().any(|word| inner.eq_ignore_ascii_case(word))
        || (text.len() >= 3 && text.bytes().all(|byte| byte == b'*'))
        || ["AKIA", "ASIA"].iter().any(|start| text.strip_prefix(start).is_some_and(id))
}

/// Every text and number at or below a value.
fn replace(value: &mut Value, key: &FingerprintKey) -> usize {
    match value {
        Value::String(text) if text.is_empty() || is_fingerprint(text) || is_no_secret(text) => 0,
        Value::String(text) => {
            *text = key.fingerprint(text);
            1
        }
        Value::Number(number) => {
            *value = Value::String(key.fingerprint(&number.to_string()));
            1
        }
        Value::Object(_) | Value::Array(_) => inner(value).map(|inner| replace(inner, key)).sum(),
        Value::Null | Value::Bool(_) => 0,
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
        // What only begins like a fingerprint is a secret.
        let mut begun = json!({ "password": "hmac-sha256:not-a-fingerprint" });
        assert_eq!(redact(&mut begun, &patterns, &key), 1);
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
