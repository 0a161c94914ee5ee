//! What still looks like a secret, once those that a mapping names are fingerprints. The rules are data: `detector/secrets.toml`.
//!
//! Names decide first (a text called `password` is one), then known forms (a vendor's prefix, a private key), then chance: a text that
//! looks random, under a name that promises a secret. What is found is told by its place, never by its value.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use serde::Deserialize;
use serde_json::Value;

use super::redact::{is_fingerprint, is_no_secret};
use crate::model::project::NotSecret;

/// How many places a reason names.
const NAMED: usize = 3;
/// Bits a character that a text must have to look random.
const RANDOM: f64 = 3.0;

static RULES: LazyLock<Result<Rules, String>> = LazyLock::new(|| Rules::read(include_str!("../../detector/secrets.toml")));

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rule: Vec<Rule>,
    assignment: Rule,
    fields: Fields,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    title: String,
    pattern: String,
    #[serde(default)]
    entropy: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Fields {
    always: Vec<String>,
    endings: Vec<String>,
    weak_endings: Vec<String>,
    not: Vec<String>,
}

struct Rules {
    /// All patterns at once, `assignment` last: most texts match none.
    any: RegexSet,
    rules: Vec<(Rule, Regex)>,
    assignment: (String, Regex),
    fields: Fields,
}

/// What a name promises.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Promise {
    Always,
    Random,
    LongRandom,
}

impl Rules {
    fn read(text: &str) -> Result<Rules, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let patterns: Vec<&str> = file.rule.iter().chain([&file.assignment]).map(|rule| rule.pattern.as_str()).collect();
        let any = RegexSetBuilder::new(&patterns).unicode(false).build().map_err(|error| error.to_string())?;
        let one = |pattern: &str| RegexBuilder::new(pattern).unicode(false).build().map_err(|error| error.to_string());
        let assignment = (file.assignment.title, one(&file.assignment.pattern)?);
        let rules = file.rule.into_iter().map(|rule| one(&rule.pattern).map(|regex| (rule, regex))).collect::<Result<_, _>>()?;
        Ok(Rules { any, rules, assignment, fields: file.fields })
    }

    fn promise(&self, name: &str) -> Option<Promise> {
        let plain: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        let fields = &self.fields;
        if fields.always.contains(&plain) {
            Some(Promise::Always)
        } else if fields.not.iter().any(|word| plain.contains(word.as_str())) {
            None
        } else if fields.endings.iter().any(|ending| plain.ends_with(ending.as_str())) {
            Some(Promise::Random)
        } else if fields.weak_endings.iter().any(|ending| plain.ends_with(ending.as_str())) {
            Some(Promise::LongRandom)
        } else {
            None
        }
    }

    /// What a text holds that matches a rule: its title, the secret itself, and where it starts.
    fn matches<'t>(&self, text: &'t [u8]) -> Vec<(&str, &'t [u8], usize)> {
        let mut found = Vec::new();
        for number in self.any.matches(text) {
            if let Some((rule, regex)) = self.rules.get(number) {
                for captures in regex.captures_iter(text) {
                    let Some(secret) = captures.iter().skip(1).flatten().next().or_else(|| captures.get(0)) else { continue };
                    if entropy(secret.as_bytes()) >= rule.entropy && !is_blank(&String::from_utf8_lossy(secret.as_bytes())) {
                        found.push((rule.title.as_str(), secret.as_bytes(), secret.start()));
                    }
                }
                continue;
            }
            let (title, regex) = &self.assignment;
            for captures in regex.captures_iter(text) {
                let (Some(name), Some(value)) = (captures.get(1), captures.get(2)) else { continue };
                // A part of a longer name, such as `arn:aws:secretsmanager:…:secret:prod/db-x1`, assigns nothing.
                if name.start() > 0 && matches!(text[name.start() - 1], b':' | b'/') {
                    continue;
                }
                let value_text = String::from_utf8_lossy(value.as_bytes());
                let promised = self.promise(&String::from_utf8_lossy(name.as_bytes())).is_some_and(|promise| match promise {
                    Promise::LongRandom => is_long_random(&value_text),
                    Promise::Always | Promise::Random => is_random(&value_text),
                });
                if promised {
                    found.push((title.as_str(), value.as_bytes(), value.start()));
                }
            }
        }
        found
    }
}

/// A search through one file.
pub struct Search<'s> {
    not_secret: &'s [NotSecret],
    /// Texts that matched a rule at a place that is told or allowed: they are not told a second time.
    seen: BTreeSet<Vec<u8>>,
    found: Vec<String>,
}

impl<'s> Search<'s> {
    pub fn new(not_secret: &'s [NotSecret]) -> Search<'s> {
        let found = RULES.as_ref().err().map(|why| format!("the detector's own rules cannot be read ({why})"));
        Search { not_secret, seen: BTreeSet::new(), found: found.into_iter().collect() }
    }

    /// Every name and text of a value; `line`: where it stands, if it is a line of a file.
    pub fn value(&mut self, value: &Value, line: Option<u32>) {
        if let Ok(rules) = RULES.as_ref() {
            self.walk(rules, value, &mut Vec::new(), None, line);
        }
    }

    fn walk(&mut self, rules: &Rules, value: &Value, at: &mut Vec<String>, promise: Option<Promise>, line: Option<u32>) {
        match value {
            Value::Object(map) => {
                for (name, inner) in map {
                    at.push(name.clone());
                    self.matching(rules, name, at, line);
                    let promise = rules.promise(name);
                    self.walk(rules, inner, at, promise, line);
                    at.pop();
                }
            }
            Value::Array(items) => {
                for (number, inner) in items.iter().enumerate() {
                    at.push(number.to_string());
                    // What a list is called, its texts are.
                    self.walk(rules, inner, at, promise.filter(|_| !inner.is_object()), line);
                    at.pop();
                }
            }
            Value::String(text) if !is_fingerprint(text) && !is_no_secret(text) => {
                let told = match promise {
                    Some(Promise::Always) => !is_blank(text),
                    Some(Promise::Random) => is_random(text),
                    Some(Promise::LongRandom) => is_long_random(text),
                    None => false,
                };
                if told {
                    self.seen.insert(text.as_bytes().to_vec());
                    self.tell("a value under the name of a secret", at, line);
                }
                self.matching(rules, text, at, line);
            }
            _ => {}
        }
    }

    fn matching(&mut self, rules: &Rules, text: &str, at: &[String], line: Option<u32>) {
        for (title, secret, _) in rules.matches(text.as_bytes()) {
            if self.seen.insert(secret.to_vec()) {
                self.tell(title, at, line);
            }
        }
    }

    fn tell(&mut self, title: &str, at: &[String], line: Option<u32>) {
        if self.not_secret.iter().any(|allowed| leads_to(&allowed.at, at)) {
            return;
        }
        // A name may be the secret.
        let shown = |step: &String| match RULES.as_ref() {
            Ok(rules) if rules.matches(step.as_bytes()).is_empty() => step.replace('~', "~0").replace('/', "~1"),
            _ => "*".to_owned(),
        };
        let pointer: String = at.iter().map(|step| format!("/{}", shown(step))).collect();
        self.found.push(match line {
            Some(line) => format!("{title} at line {line}, {pointer}"),
            None => format!("{title} at {pointer}"),
        });
    }

    /// Bytes that are kept as they came: comments, lines that could not be read, names that stand twice.
    pub fn bytes(&mut self, bytes: &[u8]) {
        let Ok(rules) = RULES.as_ref() else { return };
        for (title, secret, start) in rules.matches(bytes) {
            if self.seen.insert(secret.to_vec()) {
                let before = &bytes[..start];
                let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
                let column = start - before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1) + 1;
                self.found.push(format!("{title} at line {line}, column {column}"));
            }
        }
    }

    /// What was found, in words; `None`: nothing.
    pub fn told(self) -> Option<String> {
        if self.found.is_empty() {
            return None;
        }
        let more = self.found.len().saturating_sub(NAMED);
        let named = self.found.into_iter().take(NAMED).collect::<Vec<_>>().join("; ");
        Some(if more > 0 { format!("{named}; and {more} more") } else { named })
    }
}

/// Whether some text, such as settings or what a command complains of, holds what looks like a secret, and where.
#[must_use]
pub fn in_text(text: &str) -> Option<String> {
    let mut search = Search::new(&[]);
    search.bytes(text.as_bytes());
    search.told()
}

/// Whether a pattern of steps (`*` any one, `**` any number) leads to a place or above it.
fn leads_to(pattern: &str, at: &[String]) -> bool {
    fn follow(steps: &[&str], at: &[String]) -> bool {
        match (steps.split_first(), at.split_first()) {
            (None, _) => true,
            (Some((&"**", rest)), _) if follow(rest, at) => true,
            (Some((&"**", _)), Some((_, below))) => follow(steps, below),
            (Some((step, rest)), Some((name, below))) => (*step == "*" || step == name) && follow(rest, below),
            (Some(_), None) => false,
        }
    }
    follow(&pattern.split('/').skip(1).collect::<Vec<_>>(), at)
}

/// Shannon's entropy in bits a character.
fn entropy(text: &[u8]) -> f64 {
    let mut counts = [0usize; 256];
    text.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    #[expect(clippy::cast_precision_loss, reason = "counts of a text's characters are small")]
    let share = |count: usize| count as f64 / text.len() as f64;
    counts.into_iter().filter(|count| *count > 0).map(|count| -share(count) * share(count).log2()).sum()
}

/// A text that stands where a secret might, and is none: masked, a reference to where the secret is kept, a yes or no.
fn is_blank(text: &str) -> bool {
    const WORDS: [&str; 14] =
        ["true", "false", "yes", "no", "null", "nil", "none", "never", "n/a", "na", "redacted", "masked", "hidden", "unknown"];
    let plain = text.trim().to_ascii_lowercase();
    let inner = plain.trim_matches(|c: char| matches!(c, '<' | '>' | '(' | ')' | '[' | ']' | '{' | '}' | '*' | '"'));
    inner.is_empty()
        || WORDS.contains(&inner)
        || inner.chars().all(|c| matches!(c, 'x' | '.' | '-' | '_' | '•' | '*'))
        || (plain.starts_with('<') && plain.ends_with('>'))
        || ["${", "{{", "$(", "{vault:", "vault:", "op://", "arn:aws", "(sensitive"].iter().any(|start| plain.starts_with(start))
}

/// Forms that are long and look random, and open nothing by themselves.
fn is_known(text: &str) -> bool {
    let hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let digest = text.rsplit(':').next().unwrap_or(text);
    let uuid = text.len() == 36 && text.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && hex(&text.replace('-', ""));
    let aws = (16..=21).contains(&text.len())
        && text.starts_with('A')
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let day = text.len() >= 10 && text.is_char_boundary(10) && chrono::NaiveDate::parse_from_str(&text[..10], "%Y-%m-%d").is_ok();
    is_fingerprint(text)
        || uuid
        || aws
        || day
        || matches!(digest.len(), 40 | 56 | 64 | 96 | 128) && hex(digest)
        || text.starts_with("arn:")
        || text.starts_with(['/', '.', '~'])
        || text.contains("://")
        // A certificate or a public key in base64: a private one has a rule of its own.
        || text.starts_with("MII")
        || is_blank(text)
}

/// The longest run of letters and digits.
fn run(text: &str) -> &str {
    text.split(|c: char| !c.is_ascii_alphanumeric()).max_by_key(|run| run.len()).unwrap_or_default()
}

fn is_random(text: &str) -> bool {
    let mixed = text.bytes().any(|byte| byte.is_ascii_digit()) && text.bytes().any(|byte| byte.is_ascii_alphabetic());
    // A path of a store, such as `prod/db/password-2`, is made of words.
    let words = text.contains('/') && run(text).len() < 16;
    text.len() >= 8
        && mixed
        && !words
        && !text.contains(char::is_whitespace)
        && entropy(text.as_bytes()) >= RANDOM - 0.25
        && !is_known(text)
}

fn is_long_random(text: &str) -> bool {
    let run = run(text);
    let cases = run.bytes().any(|byte| byte.is_ascii_lowercase()) && run.bytes().any(|byte| byte.is_ascii_uppercase());
    run.len() >= 16 && text.len() >= 20 && cases && entropy(run.as_bytes()) >= RANDOM + 0.25 && is_random(text)
}
