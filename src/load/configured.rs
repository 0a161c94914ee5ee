//! The `[[source]]` tables of `tickmark.toml`, and the mappings that they name.

use std::collections::BTreeMap;
use std::path::Path;

use toml::Spanned;
use toml::de::DeValue;

use super::files::{outside, read_text, stays_inside};
use super::reader::{At, Keys, nearest, text_of};
use super::shipped::Files;
use super::{collect, source};
use crate::model::diagnostic::{Code, Diagnostics};
use crate::model::project::{Call, Commands, Covers, Declared, Exports, Format, NotSecret, SourceConfig, SourceMapping, Vouched};
use crate::model::schema::{EVENT_TYPES, SCHEMA, table};
use crate::model::value::{Duration, SECOND, Time};

/// `max-age` of a source that does not say.
const MAX_AGE: Duration = Duration(24 * 3_600 * SECOND);

/// `time-limit` of a source that does not say.
const TIME_LIMIT: Duration = Duration(300 * SECOND);

/// Every configured source, and the mappings in use by kind.
pub fn sources(
    keys: &Keys<'_, '_>,
    root: &Path,
    shipped: &Files,
    other: &mut Diagnostics,
) -> (Vec<SourceConfig>, BTreeMap<String, SourceMapping>) {
    let mut configs: Vec<SourceConfig> = Vec::new();
    let mut mappings: BTreeMap<String, SourceMapping> = BTreeMap::new();
    for source in keys.tables("source", "a source") {
        let kind = source.required_text("kind", "the name of a source mapping");
        if let Some(kind) = &kind
            && !mappings.contains_key(&kind.value)
            && let Some(mapping) = mapping(&source, kind, root, shipped, other)
        {
            mappings.insert(kind.value.clone(), mapping);
        }
        let config = config(&source, kind.as_ref().and_then(|kind| mappings.get(&kind.value)));
        source.finish();
        let (Some(kind), Some(mut config)) = (kind, config) else { continue };
        config.kind.clone_from(&kind.value);
        let same = configs.iter().filter(|there| there.kind == kind.value).count();
        if config.id.is_empty() {
            config.id = if same == 0 { kind.value.clone() } else { format!("{}-{}", kind.value, same + 1) };
        }
        if configs.iter().any(|there| there.id == config.id) {
            source.file.error(
                Code::DuplicateId,
                &kind.span,
                format!("two sources are called `{}`", config.id),
                "the second of them",
                "give it an `id` of its own",
            );
        }
        configs.push(config);
    }
    one_state(keys, &configs, &mappings);
    (configs, mappings)
}

/// Tables of which canonical sources may stand beside either: they say nothing of what is deployed.
const EITHER: [&str; 3] = ["party", "attestation", "interface"];

/// What is proposed and what is deployed are never judged together: a plan's rows would complete, merge with and contradict
/// those of what is there.
fn one_state(keys: &Keys<'_, '_>, configs: &[SourceConfig], mappings: &BTreeMap<String, SourceMapping>) {
    let proposed = |config: &SourceConfig| mappings.get(&config.kind).is_some_and(|mapping| mapping.state == Declared::Proposed);
    let Some(first) = configs.iter().find(|config| proposed(config)) else { return };
    let either = |config: &SourceConfig| config.table.as_deref().is_some_and(|table| EITHER.contains(&table));
    for config in configs.iter().filter(|config| !proposed(config) && !either(config)) {
        keys.file.error(
            Code::MixedState,
            &keys.key_span("source"),
            format!("`{}` tells what is deployed and `{}` what is proposed", config.id, first.id),
            "two states in one project",
            format!("judge the proposal in a project of its own; beside it may stand canonical tables of {}", EITHER.join(", ")),
        );
    }
}

fn mapping(keys: &Keys<'_, '_>, kind: &At<String>, root: &Path, shipped: &Files, other: &mut Diagnostics) -> Option<SourceMapping> {
    let plain = !kind.value.is_empty() && kind.value.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    let path = format!("sources/{}.toml", kind.value);
    let name = format!("builtin/{}.toml", kind.value);
    if plain && root.join(&path).symlink_metadata().is_ok() {
        let own = read_text(root, &path, other).and_then(|text| source::read(&kind.value, &path, &text, other))?;
        let replaces = shipped.iter().any(|(path, _)| *path == name);
        if replaces {
            let message = format!("`{path}` stands in place of the mapping of that kind that ships");
            keys.file.warn(
                Code::OwnMapping,
                &kind.span,
                message,
                "read as the project says",
                "a mapping can leave out what it likes: the report names it",
            );
        }
        return Some(SourceMapping { replaces, ..own });
    }
    if let Some((name, text)) = shipped.iter().find(|(path, _)| *path == name) {
        return source::read(&kind.value, name, text, other);
    }
    let kinds: Vec<&str> = shipped.iter().filter_map(|(path, _)| path.strip_prefix("builtin/")?.strip_suffix(".toml")).collect();
    let near = nearest(&kind.value, kinds.iter().copied());
    let help = if near.is_empty() { format!("shipped: {}; one of your own is {path}", kinds.join(", ")) } else { near };
    keys.file.error(Code::NotFound, &kind.span, format!("no source mapping is called `{}`", kind.value), "unknown kind", help);
    None
}

/// Where the exports lie: `path`, or what fills the locker.
fn exports(keys: &Keys<'_, '_>, mapping: Option<&SourceMapping>) -> Option<Exports> {
    let (path, command, call) = (keys.raw("path"), keys.raw("command"), keys.raw("call"));
    if let (2.., Some(second)) = ([path, command, call].iter().flatten().count(), command.or(call)) {
        let message = "a source has one of `path`, `command` and `call`".to_owned();
        keys.file.error(
            Code::WrongValue,
            &second.span(),
            message,
            "a second one",
            "`command` and `call` say how it is collected, `path` where it lies",
        );
        return None;
    }
    let env = collect::env(keys, true);
    let time_limit = keys.parsed("time-limit", |text| {
        Duration::parse(text).and_then(|limit| if limit.0 <= 0 { Err("must be more than nothing".to_owned()) } else { Ok(limit) })
    });
    let calls = match (command, call) {
        (None, None) => {
            if path.is_none() {
                keys.required_text("path", "the export, relative to the project; or `command`, which collects it");
            }
            for key in ["env", "time-limit"] {
                if keys.raw(key).is_some() {
                    let message = format!("`{key}` is for what `tickmark collect` runs");
                    keys.file.error(Code::UnknownKey, &keys.key_span(key), message, "nothing is run for this source", "remove it");
                }
            }
            let path = keys.text("path")?;
            if !stays_inside(&path.value) {
                outside(keys, &path);
            }
            return Some(Exports::Files(path.value));
        }
        (None, Some(_)) => collect::calls(keys),
        (Some(value), _) => match text_of(value.get_ref()).as_deref() {
            Some("none") => Vec::new(),
            Some("suggested") => match mapping.map(|mapping| (&mapping.collect, &mapping.kind)) {
                Some((Some(collect), _)) => collect.calls.clone(),
                Some((None, kind)) => {
                    let message = format!("the mapping `{kind}` suggests no command");
                    keys.file.error(
                        Code::NotFound,
                        &value.span(),
                        message,
                        "nothing to run",
                        "write the command: [\"aws\", \"iam\", \"list-users\"]",
                    );
                    return None;
                }
                None => return None,
            },
            Some(_) => {
                keys.wrong(value, "command", "a list of texts, \"suggested\" or \"none\"");
                return None;
            }
            None => {
                let argv = collect::argv(keys, "command")?;
                vec![Call { name: "export".to_owned(), argv, keep: true, each: None, until: String::new() }]
            }
        },
    };
    if let Some(at) = keys.raw("collected-at") {
        let message = "`collected-at` is for exports that lie in files".to_owned();
        keys.file.error(Code::UnknownKey, &at.span(), message, "the locker knows when it collected", "remove it");
    }
    Some(Exports::Locker(Commands { calls, env, time_limit: time_limit.unwrap_or(TIME_LIMIT) }))
}

/// One `[[source]]`, all but its kind; `mapping`: of that kind, if there is one.
fn config(keys: &Keys<'_, '_>, mapping: Option<&SourceMapping>) -> Option<SourceConfig> {
    let id = keys.text("id").map_or_else(String::new, |id| id.value);
    let exports = exports(keys, mapping);
    let canonical = mapping.map(|mapping| mapping.format == Format::Canonical);
    let rows_of = keys.text("table");
    match (canonical, &rows_of) {
        (Some(true), None) => keys.file.error(
            Code::MissingKey,
            &keys.key_span("kind"),
            "a canonical source has no `table`".to_owned(),
            "",
            "add `table`: which canonical table its rows are",
        ),
        (Some(false), Some(at)) => keys.file.error(
            Code::UnknownKey,
            &at.span,
            "`table` is for canonical sources only".to_owned(),
            "the mapping says which tables it gives",
            "remove it",
        ),
        (_, Some(at)) if table(&at.value).is_none_or(|position| SCHEMA[position].derived) => {
            let help = nearest(&at.value, SCHEMA.iter().filter(|schema| !schema.derived).map(|schema| schema.name));
            keys.file.error(
                Code::NotFound,
                &at.span,
                format!("no table that a source may give is called `{}`", at.value),
                "unknown table",
                help,
            );
        }
        _ => {}
    }
    let systems = keys.texts("systems").unwrap_or_default().into_iter().map(|system| system.value).collect();
    let collected_at = keys.parsed("collected-at", Time::parse);
    let required = keys.flag("required").unwrap_or(true);
    let max_age = keys.parsed("max-age", |text| {
        Duration::parse(text).and_then(|age| if age.0 < 0 { Err("cannot be negative".to_owned()) } else { Ok(age) })
    });
    let complete = vouched(keys);
    let covers = keys.table("covers", "`covers`").and_then(|keys| {
        let from = keys.required_parsed("from", "the start of what the log covers", Time::parse);
        let until = keys.required_parsed("until", "the end of what the log covers", Time::parse);
        let types = keys.texts("types").unwrap_or_default();
        for ty in &types {
            if !EVENT_TYPES.contains(&ty.value.as_str()) {
                keys.file.error(
                    Code::WrongValue,
                    &ty.span,
                    format!("`{}` is no type of event", ty.value),
                    "unknown event type",
                    nearest(&ty.value, EVENT_TYPES.iter().copied()),
                );
            }
        }
        keys.finish();
        Some(Covers { from: from?, until: until?, types: types.into_iter().map(|ty| ty.value).collect() })
    });
    let mut not_secret = Vec::new();
    for keys in keys.tables("not-secret", "an entry of `not-secret`") {
        let at = keys.required_text("at", "a JSON pointer: /items/*/token");
        let reason = keys.required_text("reason", "why it is no secret");
        keys.finish();
        if let Some(at) = at.as_ref().filter(|at| !at.value.starts_with('/')) {
            let message = format!("`{}` is not a JSON pointer", at.value);
            keys.file.error(Code::WrongValue, &at.span, message, "expected `/` first", "write it as `/items/*/token`");
        }
        if let (Some(at), Some(reason)) = (at, reason) {
            not_secret.push(NotSecret { at: at.value, reason: reason.value });
        }
    }
    let mut facts = BTreeMap::new();
    if let Some(keys) = keys.table("facts", "`facts`") {
        for (name, value) in keys.each() {
            let mut given =
                SCHEMA.iter().filter(|schema| !schema.derived).flat_map(|schema| schema.columns).filter(|column| !column.derived);
            if !given.any(|column| column.name == name.value) {
                let help = nearest(&name.value, SCHEMA.iter().flat_map(|schema| schema.columns).map(|column| column.name));
                keys.file.error(Code::NotFound, &name.span, format!("no column is called `{}`", name.value), "unknown column", help);
                continue;
            }
            let text = match value.get_ref() {
                DeValue::Boolean(yes) => Some(yes.to_string()),
                DeValue::Integer(number) => Some(number.as_str().to_owned()),
                other => text_of(other).map(std::borrow::Cow::into_owned),
            };
            match text {
                Some(text) => {
                    facts.insert(name.value, text);
                }
                None => keys.wrong(value, &name.value, "text, a number, a time, true or false"),
            }
        }
    }
    Some(SourceConfig {
        id,
        kind: String::new(),
        exports: exports?,
        table: rows_of.map(|at| at.value),
        systems,
        collected_at,
        required,
        max_age: max_age.unwrap_or(MAX_AGE),
        complete,
        covers,
        not_secret,
        facts,
    })
}

/// `complete = { expected = 41, from = "account summary", by = "j.doe", on = "2026-06-29" }`
pub fn vouched(keys: &Keys<'_, '_>) -> Option<Vouched> {
    let keys = keys.table("complete", "`complete`")?;
    let expected = keys.count("expected");
    let from = keys.required_text("from", "what the count or the claim was taken from");
    let by = keys.required_text("by", "who vouches for it");
    let on = keys.required_parsed("on", "the date", |text| {
        chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .map(|day| day.format("%Y-%m-%d").to_string())
            .map_err(|_| format!("`{text}` is not a date; write it as 2026-06-30"))
    });
    let on_at = keys.raw("on").map_or(0..0, Spanned::span);
    keys.finish();
    Some(Vouched { expected, from: from?.value, by: by?.value, on: on?, on_at })
}
