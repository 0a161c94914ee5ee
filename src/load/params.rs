//! Parameters: their type is read off the default, and every value lies within `min` and `max`.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;
use toml::de::DeValue;

use super::reader::{Keys, described, text_of};
use crate::model::control::{Param, Stricter};
use crate::model::diagnostic::Code;
use crate::model::schema::Type;
use crate::model::value::{Constant, Duration, Number, Time};

/// A constant as TOML writes it. Text that reads as a duration or a time is one.
///
/// # Errors
/// A sentence saying what was expected.
pub fn constant(value: &DeValue<'_>) -> Result<Constant, String> {
    match value {
        DeValue::Boolean(yes) => Ok(Constant::Bool(*yes)),
        DeValue::Integer(number) if number.radix() == 10 => Number::parse(number.as_str()).map(Constant::Number),
        DeValue::Float(number) => Number::parse(number.as_str()).map(Constant::Number),
        DeValue::String(_) | DeValue::Datetime(_) => {
            let text = text_of(value).unwrap_or_default();
            if let Ok(span) = Duration::parse(&text) {
                return Ok(Constant::Duration(span));
            }
            match Time::parse(&text) {
                Ok(time) => Ok(Constant::Time(time)),
                Err(why) if matches!(value, DeValue::Datetime(_)) => Err(why),
                Err(_) => Ok(Constant::Text(text.into_owned())),
            }
        }
        DeValue::Array(items) => {
            let texts: Option<Vec<String>> = items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect();
            texts.map(Constant::List).ok_or_else(|| "a list holds texts only".to_owned())
        }
        DeValue::Integer(_) | DeValue::Table(_) => {
            Err(format!("expected text, a number, a duration, a time, true, false or a list of texts, found {}", described(value)))
        }
    }
}

/// The type of a constant.
#[must_use]
pub fn type_of(constant: &Constant) -> Type {
    match constant {
        Constant::Text(_) => Type::Text,
        Constant::Bool(_) => Type::Bool,
        Constant::Number(_) => Type::Number,
        Constant::Time(_) => Type::Time,
        Constant::Duration(_) => Type::Duration,
        Constant::List(_) => Type::List,
    }
}

/// Where a constant lies among others of its type; `None`: the type has no order.
fn rank(constant: &Constant) -> Option<i64> {
    match constant {
        Constant::Number(number) => Some(number.0),
        Constant::Time(time) => Some(time.0),
        Constant::Duration(span) => Some(span.0),
        Constant::Text(_) | Constant::Bool(_) | Constant::List(_) => None,
    }
}

/// A control's `[params]`, by the names that a condition uses.
#[derive(Debug, Default)]
pub struct Params {
    pub read: BTreeMap<String, Param>,
    /// Those that are declared and could not be read: what names them makes no second mistake.
    pub unread: BTreeSet<String>,
}

/// Reads a control's `[params]`.
pub fn params(keys: &Keys<'_, '_>) -> Params {
    let mut out = Params::default();
    for (name, value) in keys.each() {
        let shape = name.value.strip_prefix(|c: char| c.is_ascii_lowercase());
        if !shape.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')) {
            keys.file.error(
                Code::MalformedId,
                &name.span,
                format!("`{}` is not the name of a parameter", name.value),
                "expected lower-case letters, digits and dashes",
                "write it as `max-age`; a condition then reads `$max_age`",
            );
            continue;
        }
        if name.value == "as-of" {
            keys.file.error(
                Code::MalformedId,
                &name.span,
                "`as-of` cannot be a parameter".to_owned(),
                "`$as_of` is the time of the assessment",
                "choose another name",
            );
            continue;
        }
        let table = keys.table_of(value, &name.value, &format!("the parameter `{}`", name.value));
        let key = name.value.replace('-', "_");
        match table.as_ref().and_then(|table| one(table, &name.value)) {
            Some(read) => {
                out.read.insert(key, read);
            }
            None => {
                out.unread.insert(key);
            }
        }
        if let Some(table) = table {
            table.finish();
        }
    }
    out
}

fn one(keys: &Keys<'_, '_>, name: &str) -> Option<Param> {
    let basis = keys.required_text("basis", "where the number comes from, or that it is a house default");
    let (min, max) = (bound(keys, "min"), bound(keys, "max"));
    keys.raw("stricter");
    let Some(default) = keys.raw("default") else {
        keys.file.error(
            Code::MissingKey,
            &keys.span,
            format!("the parameter `{name}` has no `default`"),
            "a key is missing here",
            "add `default`",
        );
        return None;
    };
    let value = read(keys, "default", default)?;
    for (word, bound) in [("min", &min), ("max", &max)] {
        if let Some((bound, at)) = bound
            && (type_of(bound) != type_of(&value) || rank(bound).is_none())
        {
            keys.wrong(at, word, &format!("a {} like the default, of a type that has an order", type_of(&value).word()));
            return None;
        }
    }
    let (min, max) = (min.map(|(bound, _)| bound), max.map(|(bound, _)| bound));
    let param = Param {
        stricter: stricter(keys, &value),
        name: name.to_owned(),
        written: value.to_string(),
        default: value.to_string(),
        standard: value.clone(),
        value,
        min: min.as_ref().map(Constant::to_string),
        max: max.as_ref().map(Constant::to_string),
        basis: basis?.value,
        overridden: false,
        looser: None,
    };
    if let Err(why) = within(&param, &param.value) {
        // It is declared all the same: what reads it makes no second mistake.
        keys.file.error(Code::ParameterRange, &default.span(), format!("the default of `{name}` {why}"), "outside its own bounds", "");
    }
    Some(param)
}

/// Which way it is stricter: `lower` or `higher` where its type has an order, `fewer` or `more` for a list.
fn stricter(keys: &Keys<'_, '_>, value: &Constant) -> Option<Stricter> {
    let (words, of): (&[&'static str], &str) = match value {
        Constant::Number(_) | Constant::Time(_) | Constant::Duration(_) => (&["lower", "higher"], "of a number or a time"),
        Constant::List(_) => (&["fewer", "more"], "of a list"),
        Constant::Text(_) | Constant::Bool(_) => (&[], "of a text or a truth, any change of which counts as looser"),
    };
    let found = keys.text("stricter")?;
    let way = Stricter::ALL.iter().find(|(word, _)| words.contains(word) && *word == found.value).map(|(_, way)| *way);
    if way.is_none() {
        let expected = if words.is_empty() { "no `stricter` here".to_owned() } else { format!("expected one of {}", words.join(", ")) };
        keys.file.error(Code::WrongValue, &found.span, format!("`stricter` {of} cannot be `{}`", found.value), &expected, "");
    }
    way
}

/// Whether a value asks less than the one that the parameter has.
pub fn is_looser(param: &Param, value: &Constant) -> bool {
    if param.value == *value {
        return false;
    }
    match (param.stricter, &param.value, value) {
        (Some(Stricter::Lower), default, value) => rank(value) > rank(default),
        (Some(Stricter::Higher), default, value) => rank(value) < rank(default),
        (Some(Stricter::Fewer), Constant::List(before), Constant::List(now)) => now.iter().any(|item| !before.contains(item)),
        (Some(Stricter::More), Constant::List(before), Constant::List(now)) => before.iter().any(|item| !now.contains(item)),
        _ => true,
    }
}

fn bound<'f, 't>(keys: &Keys<'f, 't>, key: &'static str) -> Option<(Constant, &'f Spanned<DeValue<'t>>)> {
    let value = keys.raw(key)?;
    read(keys, key, value).map(|constant| (constant, value))
}

fn read<'t>(keys: &Keys<'_, 't>, key: &str, value: &Spanned<DeValue<'t>>) -> Option<Constant> {
    match constant(value.get_ref()) {
        Ok(constant) => Some(constant),
        Err(why) => {
            keys.file.error(Code::WrongValue, &value.span(), format!("`{key}`: {why}"), "cannot be a parameter's value", "");
            None
        }
    }
}

/// Whether a value is of the parameter's type and within its bounds.
///
/// # Errors
/// The rest of a sentence that starts with what the value is.
pub fn within(param: &Param, value: &Constant) -> Result<(), String> {
    if type_of(value) != type_of(&param.value) {
        return Err(format!("is {} and should be {}", type_of(value).word(), type_of(&param.value).word()));
    }
    let Some(at) = rank(value) else { return Ok(()) };
    // The bounds were printed from constants of the same type: reading them back is exact.
    let read = |text: &Option<String>| {
        text.as_deref().and_then(|text| match value {
            Constant::Number(_) => Number::parse(text).ok().map(|n| n.0),
            Constant::Time(_) => Time::parse(text).ok().map(|t| t.0),
            Constant::Duration(_) => Duration::parse(text).ok().map(|d| d.0),
            _ => None,
        })
    };
    if let (Some(min), Some(word)) = (read(&param.min), &param.min)
        && at < min
    {
        return Err(format!("is {value}, below the least allowed, {word}"));
    }
    if let (Some(max), Some(word)) = (read(&param.max), &param.max)
        && at > max
    {
        return Err(format!("is {value}, above the most allowed, {word}"));
    }
    Ok(())
}
