//! What still looks like a secret, once those that a mapping names are fingerprints. The rules are data: `detector/secrets.toml`.
//!
//! Names decide first (a text called `password` is one), then known forms (a vendor's prefix, a private key), then chance: a text that
//! looks random, under a name that promises a secret. What is found is told by its place, never by its value.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use serde::Deserialize;
use serde_json::Value;

use super::chance::{entropy, is_blank, is_long_random, is_random};
use super::redact::{is_fingerprint, is_no_secret};
use crate::model::project::NotSecret;

/// How many places a reason names.
const NAMED: usize = 3;
/// How many names of fields a search remembers what it found in them.
const REMEMBERED: usize = 4096;

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
    /// What every text that the pattern matches also matches, and is found faster.
    hint: Option<String>,
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
    /// All patterns at once, or what hints at them, `assignment` last: most texts match none.
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
        let hints = file.rule.iter().chain([&file.assignment]).map(|rule| rule.hint.as_ref().unwrap_or(&rule.pattern));
        let patterns: Vec<&str> = hints.map(String::as_str).collect();
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
        if !self.any.is_match(text) {
            return found;
        }
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

/// A step from a value to one in it.
#[derive(Clone, Copy)]
enum Step<'v> {
    Name(&'v str),
    Number(usize),
}

impl Step<'_> {
    fn text(self) -> String {
        match self {
            Step::Name(name) => name.to_owned(),
            Step::Number(number) => number.to_string(),
        }
    }
}

/// What is known of a field's name.
#[derive(Clone, Copy)]
struct Name {
    promise: Option<Promise>,
    /// It holds nothing that looks like a secret.
    clean: bool,
}

/// A search through one file.
pub struct Search<'s> {
    not_secret: &'s [NotSecret],
    /// No rule matches anything in the file as it came.
    quiet: bool,
    names: BTreeMap<String, Name>,
    /// Texts that matched a rule at a place that is told or allowed: they are not told a second time.
    seen: BTreeSet<Vec<u8>>,
    found: Vec<String>,
}

impl<'s> Search<'s> {
    /// A search through a file of these bytes.
    pub fn new(not_secret: &'s [NotSecret], plain: &[u8]) -> Search<'s> {
        let found = RULES.as_ref().err().map(|why| format!("the detector's own rules cannot be read ({why})"));
        let quiet = RULES.as_ref().is_ok_and(|rules| !rules.any.is_match(plain));
        Search { not_secret, quiet, names: BTreeMap::new(), seen: BTreeSet::new(), found: found.into_iter().collect() }
    }

    /// Whether no rule matches what a part of the file says: the part as it came says that of the texts in it, where none is written
    /// otherwise than it reads.
    pub fn is_quiet(&self, raw: &[u8]) -> bool {
        self.quiet || RULES.as_ref().is_ok_and(|rules| !rules.any.is_match(raw))
    }

    /// Whether a field of this name may hold any text in which no rule matches.
    pub fn is_plain(&mut self, name: &str) -> bool {
        RULES.as_ref().is_ok_and(|rules| {
            let known = self.name(rules, name);
            known.clean && known.promise.is_none()
        })
    }

    /// Every name and text of a value; `line`: where it stands, if it is a line of a file; `quiet`: no rule matches a text in it.
    pub fn value(&mut self, value: &Value, line: Option<u32>, quiet: bool) {
        if let Ok(rules) = RULES.as_ref() {
            self.walk(rules, value, &mut Vec::new(), None, (line, quiet));
        }
    }

    fn name(&mut self, rules: &Rules, name: &str) -> Name {
        if let Some(known) = self.names.get(name) {
            return *known;
        }
        let known = Name { promise: rules.promise(name), clean: !rules.any.is_match(name.as_bytes()) };
        if self.names.len() < REMEMBERED {
            self.names.insert(name.to_owned(), known);
        }
        known
    }

    fn walk<'v>(
        &mut self,
        rules: &Rules,
        value: &'v Value,
        at: &mut Vec<Step<'v>>,
        promise: Option<Promise>,
        (line, quiet): (Option<u32>, bool),
    ) {
        match value {
            Value::Object(map) => {
                for (name, inner) in map {
                    at.push(Step::Name(name));
                    let known = self.name(rules, name);
                    if !known.clean {
                        self.matching(rules, name, at, line);
                    }
                    self.walk(rules, inner, at, known.promise, (line, quiet));
                    at.pop();
                }
            }
            Value::Array(items) => {
                for (number, inner) in items.iter().enumerate() {
                    at.push(Step::Number(number));
                    // What a list is called, its texts are.
                    self.walk(rules, inner, at, promise.filter(|_| !inner.is_object()), (line, quiet));
                    at.pop();
                }
            }
            Value::String(_) if promise.is_none() && quiet => {}
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
                if !quiet {
                    self.matching(rules, text, at, line);
                }
            }
            _ => {}
        }
    }

    fn matching(&mut self, rules: &Rules, text: &str, at: &[Step<'_>], line: Option<u32>) {
        for (title, secret, _) in rules.matches(text.as_bytes()) {
            if self.seen.insert(secret.to_vec()) {
                self.tell(title, at, line);
            }
        }
    }

    fn tell(&mut self, title: &str, at: &[Step<'_>], line: Option<u32>) {
        let at: Vec<String> = at.iter().map(|step| step.text()).collect();
        if self.not_secret.iter().any(|allowed| leads_to(&allowed.at, &at)) {
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

    /// Bytes that are kept as they came: comments, lines that could not be read, names that stand twice. They are the file's.
    pub fn bytes(&mut self, bytes: &[u8]) {
        let Ok(rules) = RULES.as_ref() else { return };
        if self.quiet {
            return;
        }
        for (title, secret, start) in rules.matches(bytes) {
            if self.seen.insert(secret.to_vec()) {
                let before = &bytes[..start];
                let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
                let column = start - before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1) + 1;
                self.found.push(format!("{title} at line {line}, column {column}"));
            }
        }
    }

    pub fn has_found(&self) -> bool {
        !self.found.is_empty()
    }

    /// # Errors
    /// Why the file cannot be used: something was found in it.
    pub fn ended(self) -> Result<(), String> {
        match self.told() {
            None => Ok(()),
            Some(found) => Err(format!(
                "it holds what looks like a secret: {found}; name the field in the `secrets` of its mapping, or in `not-secret` of the source if it is none"
            )),
        }
    }

    /// What was found, in words; `None`: nothing.
    fn told(self) -> Option<String> {
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
    let mut search = Search::new(&[], text.as_bytes());
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
