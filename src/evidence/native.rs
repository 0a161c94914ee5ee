//! Filters of the language that most mappings run on every record, in Rust: what they give is what their definitions in the language give.

use std::cell::RefCell;
use std::rc::Rc;

use jaq_core::native::{self, Fun};
use jaq_core::{Cv, Error, ValR};
use jaq_json::Val;
use regex_bites::bytes::{Regex, RegexBuilder};

use super::language::Data;

/// What takes the place of filters that are defined in the language.
pub const NAMES: [&str; 2] = ["type", "test"];

/// How many expressions are kept compiled.
const COMPILED: usize = 32;

pub fn funs() -> impl Iterator<Item = Fun<Data>> {
    [
        native::run::<Data>(("type", native::v(0), |cv| native::bome(Ok(Val::utf8_str(sort(&cv.1)))))),
        native::run::<Data>(("test", native::v(1), |mut cv| native::bome(test(&cv.0.pop_var(), &Val::utf8_str(""), &cv.1)))),
        native::run::<Data>(("test", native::v(2), |cv| native::bome(with_flags(cv)))),
        native::run::<Data>(("text", native::v(0), |cv| native::bome(Ok(text(cv.1))))),
        native::run::<Data>(("_row", native::v(0), |cv| native::bome(Ok(row(cv.1))))),
        native::run::<Data>(("_instant", native::v(0), |cv| native::bome(Ok(Val::Bool(is_instant(&cv.1)))))),
    ]
    .into_iter()
}

fn sort(value: &Val) -> &'static str {
    match value {
        Val::Null => "null",
        Val::Bool(_) => "boolean",
        Val::Num(_) => "number",
        Val::BStr(_) | Val::TStr(_) => "string",
        Val::Arr(_) => "array",
        Val::Obj(_) => "object",
    }
}

/// Text that says something; numbers become text.
fn text(value: Val) -> Val {
    match value {
        Val::Num(_) => Val::utf8_str(value.to_string()),
        Val::TStr(ref bytes) | Val::BStr(ref bytes) if !bytes.is_empty() => value,
        _ => Val::Null,
    }
}

/// An object without the members that are null; anything else as it is.
fn row(value: Val) -> Val {
    let Val::Obj(members) = value else { return value };
    let said = |(_, value): &(&Val, &Val)| !matches!(value, Val::Null);
    Val::obj(members.iter().filter(said).map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// Whether a value is a time as RFC 3339 writes it, in UTC: of which there is nothing to mend.
fn is_instant(value: &Val) -> bool {
    let Val::TStr(text) = value else { return false };
    let Some((fixed, rest)) = text.split_at_checked(19) else { return false };
    let like = |(byte, form): (&u8, &u8)| if *form == b'0' { byte.is_ascii_digit() } else { byte == form };
    let fraction = match rest {
        b"Z" => return fixed.iter().zip(b"0000-00-00T00:00:00").all(like),
        [b'.', digits @ .., b'Z'] => digits,
        _ => return false,
    };
    !fraction.is_empty() && fraction.iter().all(u8::is_ascii_digit) && fixed.iter().zip(b"0000-00-00T00:00:00").all(like)
}

fn with_flags(mut cv: Cv<'_, Data>) -> ValR<Val> {
    let flags = cv.0.pop_var();
    test(&cv.0.pop_var(), &flags, &cv.1)
}

fn words(value: &Val) -> Result<&str, Error<Val>> {
    match value {
        Val::TStr(bytes) | Val::BStr(bytes) => std::str::from_utf8(bytes).map_err(Error::str),
        other => Err(Error::typ(other.clone(), "string")),
    }
}

/// Whether an expression matches somewhere in a text. What was compiled once is kept while the thread goes on: most records ask the same.
fn test(expression: &Val, flags: &Val, text: &Val) -> ValR<Val> {
    thread_local! {
        static KEPT: RefCell<Vec<(String, String, Rc<Regex>)>> = const { RefCell::new(Vec::new()) };
    }
    let (flags, expression) = (words(flags)?, words(expression)?);
    let kept = KEPT.with_borrow(|kept| {
        let one = kept.iter().find(|(its, its_flags, _)| its == expression && its_flags == flags);
        one.map(|(.., regex)| Rc::clone(regex))
    });
    let regex = match kept {
        Some(regex) => regex,
        None => {
            let regex = Rc::new(compiled(expression, flags)?);
            KEPT.with_borrow_mut(|kept| {
                if kept.len() == COMPILED {
                    kept.clear();
                }
                kept.push((expression.to_owned(), flags.to_owned(), Rc::clone(&regex)));
            });
            regex
        }
    };
    let (Val::TStr(bytes) | Val::BStr(bytes)) = text else { return Err(Error::typ(text.clone(), "string")) };
    Ok(Val::Bool(if flags.contains('n') { regex.find_iter(bytes).any(|found| !found.is_empty()) } else { regex.is_match(bytes) }))
}

fn compiled(expression: &str, flags: &str) -> Result<Regex, Error<Val>> {
    let mut builder = RegexBuilder::new(expression);
    for flag in flags.chars() {
        match flag {
            'g' | 'n' => &mut builder,
            'i' => builder.case_insensitive(true),
            'm' => builder.multi_line(true),
            's' => builder.dot_matches_new_line(true),
            'l' => builder.swap_greed(true),
            'x' => builder.ignore_whitespace(true),
            'p' => builder.multi_line(true).dot_matches_new_line(true),
            other => return Err(Error::str(format_args!("invalid regex flag: {other}"))),
        };
    }
    builder.build().map_err(|error| Error::str(format_args!("invalid regex: {error}")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use crate::evidence::jq::values;

    /// What a filter gives, and what the definition that it stands for gives.
    fn same(native: &str, definition: &str, input: &Value) {
        assert_eq!(values(native, input, 10), values(definition, input, 10), "{native} of {input}");
    }

    const TYPE: &str = r#"if . == null then "null" elif . == true or . == false then "boolean" elif . < "" then "number"
        elif . < [] then "string" elif . < {} then "array" else "object" end"#;
    const TEXT: &str = r#"if . > true and . < "" then "\(.)" elif . >= "" and . < [] and . != "" then . else null end"#;
    const TIME: &str = r#"if (. >= "" and . < [] | not) or . == "" then null
        else sub("^(?<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[ t]+"; "\(.day)T") | sub(" *(UTC|GMT|z)$"; "Z")
          | sub("(?<at>T[0-9:.]+) *(?<sign>[+-])(?<h>[0-9]{2}):?(?<m>[0-9]{2})?$"; "\(.at)\(.sign)\(.h):\(.m // "00")") end"#;

    fn value() -> impl Strategy<Value = Value> {
        let text =
            prop_oneof!["[a-c0-9:.TZ+ -]{0,24}", "2026-0[1-9]-[0-3][0-9][Tt ][0-2][0-9]:00:0[0-9](\\.[0-9]{0,4})?(Z|z| UTC|[+-]02:?00|)"];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            text.prop_map(Value::from)
        ];
        leaf.prop_recursive(2, 8, 4, |inner| {
            let object = prop::collection::btree_map("[a-c]{0,2}", inner.clone(), 0..4);
            prop_oneof![
                prop::collection::vec(inner, 0..4).prop_map(Value::from),
                object.prop_map(|members| Value::Object(members.into_iter().collect()))
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn what_they_give_is_what_their_definitions_give(value in value()) {
            same("type", TYPE, &value);
            same("text", TEXT, &value);
            same("time", TIME, &value);
            same("row", "with_entries(select(.value != null))", &value);
            for (expression, flags) in [("^[0-9]+$", ""), ("B|t", "i"), ("x*", "n"), ("x*", ""), ("(", ""), ("a", "?")] {
                let (given, wanted) = (format!("test({expression:?}; {flags:?})"), format!("matches({expression:?}; {flags:?}) | any(.[]; .)"));
                same(&given, &wanted, &value);
            }
        }
    }

    #[test]
    fn more_expressions_than_are_kept() {
        let all = "[range(80) as $i | test(\"^\\($i % 40)$\")] | map(select(.)) | length";
        assert_eq!(values(all, &json!("7"), 2), Ok(vec![json!(2)]));
    }
}
