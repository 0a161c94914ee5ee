//! The `[[source]]` tables of `tickmark.toml`, and the mappings that they name.

use std::collections::BTreeMap;
use std::path::Path;

use toml::de::DeValue;

use super::files::{outside, read_text, stays_inside};
use super::reader::{At, Keys, nearest, text_of};
use super::shipped::Files;
use super::source;
use crate::model::diagnostic::{Code, Diagnostics};
use crate::model::project::{Covers, Declared, Format, SourceConfig, SourceMapping, Vouched};
use crate::model::schema::{EVENT_TYPES, SCHEMA, table};
use crate::model::value::{Duration, SECOND, Time};

/// `max-age` of a source that does not say.
const MAX_AGE: Duration = Duration(24 * 3_600 * SECOND);

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
        let canonical = kind.as_ref().and_then(|kind| mappings.get(&kind.value)).map(|mapping| mapping.format == Format::Canonical);
        let config = config(&source, canonical);
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
    if plain && root.join(&path).symlink_metadata().is_ok() {
        return read_text(root, &path, other).and_then(|text| source::read(&kind.value, &path, &text, other));
    }
    let name = format!("builtin/{}.toml", kind.value);
    if let Some((name, text)) = shipped.iter().find(|(path, _)| *path == name) {
        return source::read(&kind.value, name, text, other);
    }
    let kinds: Vec<&str> = shipped.iter().filter_map(|(path, _)| path.strip_prefix("builtin/")?.strip_suffix(".toml")).collect();
    let near = nearest(&kind.value, kinds.iter().copied());
    let help = if near.is_empty() { format!("shipped: {}; one of your own is {path}", kinds.join(", ")) } else { near };
    keys.file.error(Code::NotFound, &kind.span, format!("no source mapping is called `{}`", kind.value), "unknown kind", help);
    None
}

/// One `[[source]]`, all but its kind. `canonical`: of its mapping, where that is known.
fn config(keys: &Keys<'_, '_>, canonical: Option<bool>) -> Option<SourceConfig> {
    let id = keys.text("id").map_or_else(String::new, |id| id.value);
    if keys.raw("command").is_some() {
        let at = keys.key_span("command");
        keys.file.error(
            Code::WrongValue,
            &at,
            "`command` is not available yet".to_owned(),
            "collect the export yourself",
            "store its output in the project, and name it with `path`",
        );
    }
    let path = keys.required_text("path", "the export, relative to the project");
    if let Some(path) = path.as_ref().filter(|path| !stays_inside(&path.value)) {
        outside(keys, path);
    }
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
        path: path?.value,
        table: rows_of.map(|at| at.value),
        systems,
        collected_at,
        required,
        max_age: max_age.unwrap_or(MAX_AGE),
        complete,
        covers,
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
            .map(|_| text.to_owned())
            .map_err(|_| format!("`{text}` is not a date; write it as 2026-06-30"))
    });
    keys.finish();
    Some(Vouched { expected, from: from?.value, by: by?.value, on: on? })
}
