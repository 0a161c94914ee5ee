//! How an export is collected: the `[collect]` table of a mapping, and the calls of a `[[source]]` of its own.

use std::ops::Range;

use super::reader::{At, Keys, nearest};
use crate::model::diagnostic::Code;
use crate::model::project::{Call, Collect, Each};

/// What stands in an argument for the item that a call is made for.
pub const ITEM: &str = "{}";

/// The `[collect]` table of a mapping.
pub fn suggested(keys: &Keys<'_, '_>) -> Option<Collect> {
    let tool = keys.required_text("tool", "the program that must be installed");
    let version = keys.raw("version").map_or_else(Vec::new, |_| argv(keys, "version").unwrap_or_default());
    let permissions = keys.texts("permissions").unwrap_or_default().into_iter().map(|text| text.value).collect();
    let env = env(keys, false);
    let calls = calls(keys);
    keys.finish();
    if calls.is_empty() {
        keys.file.error(
            Code::MissingKey,
            &keys.span,
            "`[collect]` has no `[[collect.call]]`".to_owned(),
            "",
            "add one for each command that is run",
        );
    }
    Some(Collect { tool: tool?.value, version, permissions, env, calls })
}

/// The calls below `call`, in their order.
pub fn calls(keys: &Keys<'_, '_>) -> Vec<Call> {
    let mut out: Vec<Call> = Vec::new();
    for keys in keys.tables("call", "a call") {
        let call = call(&keys, &out);
        keys.finish();
        out.extend(call);
    }
    if !out.is_empty() && !out.iter().any(|call| call.keep) {
        let at = keys.key_span("call");
        keys.file.error(
            Code::WrongValue,
            &at,
            "no call is kept".to_owned(),
            "each says `keep = false`",
            "keep the one that prints the export",
        );
    }
    out
}

fn call(keys: &Keys<'_, '_>, before: &[Call]) -> Option<Call> {
    let name = keys.required_text("name", "what its output is called: a word of a-z, 0-9 and _");
    if let Some(At { value, span }) = &name {
        if !value.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') {
            let message = format!("`{value}` is no name of a call");
            keys.file.error(Code::MalformedId, span, message, "expected a word of a-z, 0-9 and _", "");
        }
        if before.iter().any(|call| call.name == *value) {
            keys.file.error(Code::DuplicateId, span, format!("two calls are called `{value}`"), "the second of them", "");
        }
    }
    let argv = argv(keys, "argv");
    let keep = keys.flag("keep").unwrap_or(true);
    let until = keys.text("until").map_or_else(String::new, |text| text.value);
    let (of, items) = (keys.text("each"), keys.text("items"));
    if let Some(At { value, span }) = &of
        && !before.iter().any(|call| call.name == *value)
    {
        let help = nearest(value, before.iter().map(|call| call.name.as_str()));
        keys.file.error(Code::NotFound, span, format!("no call before this one is called `{value}`"), "unknown call", help);
    }
    let each = match (of, items) {
        (Some(of), Some(items)) => Some(Each { call: of.value, items: items.value }),
        (None, None) => None,
        (Some(at), None) | (None, Some(at)) => {
            let message = "`each` and `items` belong together".to_owned();
            keys.file.error(
                Code::MissingKey,
                &at.span,
                message,
                "one of them is missing",
                "`each` names a call, `items` picks from its output",
            );
            return None;
        }
    };
    let (argv, argv_span) = argv_with_place(keys, argv)?;
    let placed = argv.iter().any(|argument| argument.contains(ITEM));
    if placed != each.is_some() {
        let (message, help) = if placed {
            ("`{}` stands for an item, and the call is made once", "add `each` and `items`")
        } else {
            ("no argument says where the item goes", "write `{}` there")
        };
        keys.file.error(Code::WrongValue, &argv_span, message.to_owned(), "", help);
    }
    Some(Call { name: name?.value, argv, keep, each, until })
}

fn argv_with_place(keys: &Keys<'_, '_>, argv: Option<Vec<String>>) -> Option<(Vec<String>, Range<usize>)> {
    if argv.is_none() && keys.raw("argv").is_none() {
        keys.required_text("argv", "the program and its arguments: [\"aws\", \"iam\", \"list-users\"]");
    }
    Some((argv?, keys.raw("argv")?.span()))
}

/// A program and its arguments: no shell reads them.
pub fn argv(keys: &Keys<'_, '_>, key: &'static str) -> Option<Vec<String>> {
    let value = keys.raw(key)?;
    let texts = keys.texts(key)?;
    let wrong = |message: String, help: &str| {
        keys.file.error(Code::WrongValue, &value.span(), message, "expected a program and its arguments", help);
        None
    };
    match texts.first() {
        None => return wrong(format!("`{key}` is empty"), "write it as [\"aws\", \"iam\", \"list-users\"]"),
        Some(program) if program.value.is_empty() || program.value.starts_with('-') || program.value.contains(ITEM) => {
            return wrong(format!("`{}` is no program", program.value), "");
        }
        Some(program) if texts.len() == 1 && program.value.contains(' ') => {
            return wrong(format!("`{}` is one word", program.value), "no shell splits it: write each argument as a text of its own");
        }
        Some(_) => {}
    }
    if texts.iter().any(|text| text.value.contains('\0')) {
        return wrong(format!("`{key}` holds a zero byte"), "");
    }
    Some(texts.into_iter().map(|text| text.value).collect())
}

/// Names of environment variables that are passed on: `NAME`, `PREFIX_*`; where `values` are allowed, `NAME=value` sets one.
pub fn env(keys: &Keys<'_, '_>, values: bool) -> Vec<String> {
    let mut out = Vec::new();
    for At { value, span } in keys.texts("env").unwrap_or_default() {
        let name = value.split_once('=').filter(|_| values).map_or(value.as_str(), |(name, _)| name);
        let plain = name.strip_suffix('*').filter(|_| !value.contains('=')).unwrap_or(name);
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if plain.is_empty() || plain.starts_with(|c: char| c.is_ascii_digit()) || !plain.chars().all(word) || value.contains('\0') {
            keys.file.error(
                Code::WrongValue,
                &span,
                "no variable of the environment is called so".to_owned(),
                "expected a name, or the start of names and `*`",
                if values { "write it as AWS_PROFILE, AWS_*, or AWS_PROFILE=audit" } else { "write it as AWS_PROFILE or AWS_*" },
            );
            continue;
        }
        out.push(value);
    }
    out
}
