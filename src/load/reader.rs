//! Walking a TOML file: every value with its place, every problem kept, every key that nobody asked for an error.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::model::diagnostic::{Code, Diagnostic, Diagnostics, Level};

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct At<T> {
    pub value: T,
    pub span: Range<usize>,
}

/// One file being read: collects what is wrong with it.
pub struct File<'t> {
    pub name: String,
    pub text: &'t str,
    found: RefCell<Vec<Diagnostic>>,
}

impl<'t> File<'t> {
    pub fn new(name: &str, text: &'t str) -> File<'t> {
        File { name: name.to_owned(), text, found: RefCell::new(Vec::new()) }
    }

    /// Parses the whole; syntax errors are reported, all of them, and what could be read is given.
    pub fn parse(&self) -> Option<Spanned<DeTable<'t>>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            let span = error.span().unwrap_or(0..0);
            self.error(Code::Toml, &span, error.message().to_owned(), "not TOML from here", "");
        }
        errors.is_empty().then_some(table)
    }

    pub fn error(&self, code: Code, span: &Range<usize>, message: String, label: &str, help: impl Into<String>) {
        self.report(code, Level::Error, span, message, label, help);
    }

    pub fn warn(&self, code: Code, span: &Range<usize>, message: String, label: &str, help: impl Into<String>) {
        self.report(code, Level::Warning, span, message, label, help);
    }

    pub fn report(&self, code: Code, level: Level, span: &Range<usize>, message: String, label: &str, help: impl Into<String>) {
        self.found.borrow_mut().push(Diagnostic {
            code,
            level,
            message,
            file: self.name.clone(),
            span: Some(span.clone()),
            label: label.to_owned(),
            help: help.into(),
        });
    }

    /// Hands over what was found.
    pub fn finish(self, into: &mut Diagnostics) {
        let mut found = self.found.into_inner();
        if !found.is_empty() {
            found.sort_by_key(|diagnostic| (diagnostic.span.as_ref().map_or(0, |span| span.start), diagnostic.code));
            into.texts.insert(self.name, self.text.to_owned());
            into.list.append(&mut found);
        }
    }
}

/// The nearest of some names to one that is unknown, as a sentence; empty where none is near.
pub fn nearest<'n>(unknown: &str, names: impl IntoIterator<Item = &'n str>) -> String {
    let mut near: Vec<(usize, &str)> = names
        .into_iter()
        .map(|name| (strsim::osa_distance(&unknown.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= 1 + name.len().max(unknown.len()) / 3)
        .collect();
    near.sort();
    near.dedup();
    match near.first() {
        Some((_, name)) => format!("the nearest known name is `{name}`"),
        None => String::new(),
    }
}

/// A table being read key by key.
pub struct Keys<'f, 't> {
    pub file: &'f File<'t>,
    table: &'f DeTable<'t>,
    pub span: Range<usize>,
    /// What the table is, for messages: `the control`, `[[source]]`.
    what: String,
    asked: RefCell<BTreeSet<&'static str>>,
}

impl<'f, 't> Keys<'f, 't> {
    pub fn new(file: &'f File<'t>, table: &'f DeTable<'t>, span: Range<usize>, what: impl Into<String>) -> Keys<'f, 't> {
        Keys { file, table, span, what: what.into(), asked: RefCell::new(BTreeSet::new()) }
    }

    /// The raw value of a key.
    pub fn raw(&self, key: &'static str) -> Option<&'f Spanned<DeValue<'t>>> {
        self.asked.borrow_mut().insert(key);
        self.table.get(key)
    }

    /// Where a key's name stands.
    pub fn key_span(&self, key: &str) -> Range<usize> {
        self.table.get_key_value(key).map_or(self.span.clone(), |(key, _)| key.span())
    }

    /// Every key and value, for tables whose keys are names.
    pub fn each(&self) -> impl Iterator<Item = (At<String>, &'f Spanned<DeValue<'t>>)> {
        self.table.iter().map(|(key, value)| (At { value: key.get_ref().to_string(), span: key.span() }, value))
    }

    /// Every key that was not asked for is an error.
    pub fn finish(&self) {
        let asked = self.asked.borrow();
        for key in self.table.keys() {
            let name: &str = key.get_ref();
            if !asked.contains(name) {
                let mut help = nearest(name, asked.iter().copied());
                if help.is_empty() {
                    help = format!("known keys: {}", asked.iter().copied().collect::<Vec<_>>().join(", "));
                }
                self.file.error(Code::UnknownKey, &key.span(), format!("`{name}` means nothing in {}", self.what), "unknown key", help);
            }
        }
    }

    pub fn wrong(&self, value: &Spanned<DeValue<'t>>, key: &str, expected: &str) {
        self.file.error(
            Code::WrongValue,
            &value.span(),
            format!("`{key}` should be {expected}, found {}", described(value.get_ref())),
            &format!("expected {expected}"),
            "",
        );
    }

    fn missing(&self, key: &str, expected: &str) {
        let at = self.span.start..self.span.end.min(self.span.start + self.file.text[self.span.start..].find('\n').unwrap_or(0));
        self.file.error(
            Code::MissingKey,
            &at,
            format!("{} has no `{key}`", self.what),
            "a key is missing here",
            format!("add `{key}`: {expected}"),
        );
    }

    /// The raw value of a key that must be there.
    pub fn required(&self, key: &'static str, expected: &str) -> Option<&'f Spanned<DeValue<'t>>> {
        let value = self.raw(key);
        if value.is_none() {
            self.missing(key, expected);
        }
        value
    }

    pub fn text(&self, key: &'static str) -> Option<At<String>> {
        let value = self.raw(key)?;
        match value.get_ref() {
            DeValue::String(text) => Some(At { value: text.to_string(), span: value.span() }),
            _ => {
                self.wrong(value, key, "text");
                None
            }
        }
    }

    pub fn required_text(&self, key: &'static str, expected: &str) -> Option<At<String>> {
        self.required(key, expected)?;
        let found = self.text(key)?;
        if found.value.trim().is_empty() {
            self.file.error(Code::WrongValue, &found.span, format!("`{key}` is empty"), "expected text", expected);
            return None;
        }
        Some(found)
    }

    pub fn flag(&self, key: &'static str) -> Option<bool> {
        let value = self.raw(key)?;
        match value.get_ref() {
            DeValue::Boolean(yes) => Some(*yes),
            _ => {
                self.wrong(value, key, "true or false");
                None
            }
        }
    }

    pub fn count(&self, key: &'static str) -> Option<i64> {
        let value = self.raw(key)?;
        let count = value.get_ref().as_integer().and_then(|integer| integer.as_str().parse::<i64>().ok()).filter(|count| *count >= 0);
        if count.is_none() {
            self.wrong(value, key, "a whole number, zero or more");
        }
        count
    }

    /// A list of texts, with the place of each.
    pub fn texts(&self, key: &'static str) -> Option<Vec<At<String>>> {
        let value = self.raw(key)?;
        self.texts_of(value, key)
    }

    pub fn texts_of(&self, value: &'f Spanned<DeValue<'t>>, key: &str) -> Option<Vec<At<String>>> {
        let Some(items) = value.get_ref().as_array() else {
            self.wrong(value, key, "a list of texts");
            return None;
        };
        let mut out = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::String(text) => out.push(At { value: text.to_string(), span: item.span() }),
                _ => self.wrong(item, key, "text in this list"),
            }
        }
        Some(out)
    }

    /// A table below a key.
    pub fn table(&self, key: &'static str, what: &str) -> Option<Keys<'f, 't>> {
        let value = self.raw(key)?;
        self.table_of(value, key, what)
    }

    pub fn required_table(&self, key: &'static str, what: &str) -> Option<Keys<'f, 't>> {
        self.required(key, what)?;
        self.table(key, what)
    }

    pub fn table_of(&self, value: &'f Spanned<DeValue<'t>>, key: &str, what: &str) -> Option<Keys<'f, 't>> {
        match value.get_ref() {
            DeValue::Table(table) => Some(Keys::new(self.file, table, value.span(), what)),
            _ => {
                self.wrong(value, key, "a table");
                None
            }
        }
    }

    /// The tables of an array: `[[source]]`, or a list of inline tables.
    pub fn tables(&self, key: &'static str, what: &str) -> Vec<Keys<'f, 't>> {
        let Some(value) = self.raw(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.wrong(value, key, "an array of tables");
            return Vec::new();
        };
        items.iter().filter_map(|item| self.table_of(item, key, what)).collect()
    }

    /// A value read from text by its own parser: a time, a duration.
    pub fn parsed<T>(&self, key: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let value = self.raw(key)?;
        let Some(text) = text_of(value.get_ref()) else {
            self.wrong(value, key, "text");
            return None;
        };
        match parse(&text) {
            Ok(read) => Some(read),
            Err(why) => {
                self.file.error(Code::WrongValue, &value.span(), format!("`{key}`: {why}"), "cannot be read", "");
                None
            }
        }
    }

    pub fn required_parsed<T>(&self, key: &'static str, expected: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        self.required(key, expected)?;
        self.parsed(key, parse)
    }

    /// One of some words.
    pub fn word<'w>(&self, key: &'static str, words: &'w [&'static str]) -> Option<&'w str> {
        let found = self.text(key)?;
        let known = words.iter().find(|word| **word == found.value).copied();
        if known.is_none() {
            self.file.error(
                Code::WrongValue,
                &found.span,
                format!("`{key}` cannot be `{}`", found.value),
                &format!("expected one of {}", words.join(", ")),
                nearest(&found.value, words.iter().copied()),
            );
        }
        known
    }
}

/// A TOML string: JSON's escapes are TOML's, but that JSON lets a DEL stand.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007F")
}

/// Text, or a bare TOML time as text.
pub fn text_of<'v>(value: &'v DeValue<'_>) -> Option<Cow<'v, str>> {
    match value {
        DeValue::String(text) => Some(Cow::Borrowed(text)),
        DeValue::Datetime(time) => Some(Cow::Owned(time.to_string())),
        _ => None,
    }
}

/// What a value is, for a message.
pub fn described(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) if text.chars().count() <= 40 => format!("the text `{text}`"),
        DeValue::String(_) => "a text".to_owned(),
        DeValue::Integer(number) => format!("the number {number}"),
        DeValue::Float(number) => format!("the number {number}"),
        DeValue::Boolean(yes) => yes.to_string(),
        DeValue::Datetime(time) => format!("the time {time}"),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}
