//! One source mapping: `sources/<kind>.toml`. Its filters are compiled where they are run.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::collect;
use super::reader::{At, File, Keys, nearest};
use super::shipped::Shipped;
use crate::model::diagnostic::{Code, Diagnostics};
use crate::model::project::{Declared, Format, SourceMapping};
use crate::model::schema::{EVENT_TYPES, SCHEMA, table};

/// Reads a mapping; `kind` is what its file is called.
pub fn read(kind: &str, name: &str, text: &str, diagnostics: &mut Diagnostics) -> Option<SourceMapping> {
    let file = File::new(name, text);
    let mapping = file.parse().and_then(|root| {
        let keys = Keys::new(&file, root.get_ref(), root.span(), "a source mapping");
        let mapping = mapping(&keys, kind, name, text);
        keys.finish();
        mapping
    });
    file.finish(diagnostics);
    mapping
}

/// The mapping of a file that is called otherwise than its kind: one that is being written.
///
/// # Errors
/// Everything that is wrong in it.
pub fn mapping_of(name: &str, text: &str) -> Result<SourceMapping, Diagnostics> {
    let written = |text: &str| toml::de::DeTable::parse(text).ok()?.get_ref().get("kind")?.get_ref().as_str().map(str::to_owned);
    let mut diagnostics = Diagnostics::default();
    match read(&written(text).unwrap_or_default(), name, text, &mut diagnostics) {
        Some(mapping) if !diagnostics.has_errors() => Ok(mapping),
        _ => Err(diagnostics),
    }
}

/// Every source mapping that ships, by kind.
#[must_use]
pub fn shipped_mappings() -> &'static [SourceMapping] {
    static SHIPPED: LazyLock<Vec<SourceMapping>> = LazyLock::new(|| {
        let mut ignored = Diagnostics::default();
        let kind = |path: &str| path.rsplit('/').next().and_then(|name| name.strip_suffix(".toml")).map(str::to_owned);
        Shipped::compiled().sources.iter().filter_map(|(path, text)| read(&kind(path)?, path, text, &mut ignored)).collect()
    });
    &SHIPPED
}

fn known_tables(keys: &Keys<'_, '_>, tables: Vec<At<String>>) -> Vec<String> {
    for name in &tables {
        if table(&name.value).is_none_or(|position| SCHEMA[position].derived) {
            let help = nearest(&name.value, SCHEMA.iter().filter(|schema| !schema.derived).map(|schema| schema.name));
            keys.file.error(
                Code::Mapping,
                &name.span,
                format!("no table that a source may give is called `{}`", name.value),
                "unknown table",
                help,
            );
        }
    }
    tables.into_iter().map(|name| name.value).collect()
}

fn mapping(keys: &Keys<'_, '_>, kind: &str, name: &str, text: &str) -> Option<SourceMapping> {
    let written = keys.required_text("kind", "the name of the file, without `.toml`");
    if let Some(written) = &written
        && written.value != kind
    {
        keys.file.error(
            Code::Mapping,
            &written.span,
            format!("the file is called `{kind}.toml` and its kind `{}`", written.value),
            "kind and file name differ",
            "",
        );
    }
    let title = keys.required_text("title", "what export it reads");
    let records = keys.required_text("records", "what one record is called, in the plural");
    let words: Vec<&'static str> = Format::ALL.iter().map(|(word, _)| *word).collect();
    keys.required_text("format", &words.join(", "));
    let format =
        keys.word("format", &words).and_then(|word| Format::ALL.iter().find(|(known, _)| *known == word)).map(|(_, format)| *format);
    let canonical = format == Some(Format::Canonical);
    let observed = keys.texts("observes");
    // An empty list is said on purpose, by a mapping that gives facts alone.
    let silent_of_tables = observed.is_none();
    let observes = known_tables(keys, observed.unwrap_or_default());
    if silent_of_tables && !canonical {
        keys.file.error(
            Code::MissingKey,
            &keys.key_span("kind"),
            "the mapping observes no table".to_owned(),
            "",
            "add `observes`: the tables that it gives rows of; `[]` for one that gives facts by pattern alone",
        );
    }
    let event_types = keys.texts("event-types").unwrap_or_default();
    for ty in &event_types {
        if !EVENT_TYPES.contains(&ty.value.as_str()) {
            keys.file.error(
                Code::Mapping,
                &ty.span,
                format!("`{}` is no type of event", ty.value),
                "unknown event type",
                nearest(&ty.value, EVENT_TYPES.iter().copied()),
            );
        }
    }
    let mut silent = BTreeMap::new();
    if let Some(tables) = keys.table("silent", "`[silent]`") {
        for (name, value) in tables.each() {
            known_tables(&tables, vec![name.clone()]);
            let columns = tables.texts_of(value, &name.value).unwrap_or_default();
            if let Some(schema) = table(&name.value).map(|position| &SCHEMA[position]) {
                for column in &columns {
                    if schema.column(&column.value).is_none() {
                        let help = nearest(&column.value, schema.columns.iter().map(|column| column.name));
                        tables.file.error(
                            Code::Mapping,
                            &column.span,
                            format!("`{}` has no column `{}`", schema.name, column.value),
                            "unknown column",
                            help,
                        );
                    }
                }
            }
            silent.insert(name.value, columns.into_iter().map(|column| column.value).collect());
        }
    }
    let filter = |key: &'static str| keys.text(key).map_or_else(String::new, |text| text.value);
    let (recognise, envelope, select) = (filter("recognise"), filter("envelope"), filter("select"));
    let rows = if canonical {
        filter("rows")
    } else {
        keys.required_text("rows", "a jq filter: one record → canonical rows").map_or_else(String::new, |text| text.value)
    };
    let secrets = keys.texts("secrets").unwrap_or_default();
    for pointer in &secrets {
        if !pointer.value.starts_with('/') {
            keys.file.error(
                Code::Mapping,
                &pointer.span,
                format!("`{}` is not a JSON pointer", pointer.value),
                "expected `/` first",
                "write it as `/consumers/*/keys/*/key`",
            );
        }
    }
    let states: Vec<&'static str> = Declared::ALL.iter().map(|(word, _)| *word).collect();
    let state = keys
        .word("state", &states)
        .and_then(|word| Declared::ALL.iter().find(|(known, _)| *known == word))
        .map_or(Declared::Deployed, |(_, state)| *state);
    let guarantees_full = keys.flag("guarantees-full").unwrap_or(false);
    let documentation = keys.texts("documentation").unwrap_or_default().into_iter().map(|url| url.value).collect();
    let collect = keys.table("collect", "`[collect]`").and_then(|keys| collect::suggested(&keys));
    Some(SourceMapping {
        kind: written?.value,
        title: title?.value,
        records: records?.value,
        format: format?,
        observes,
        silent,
        event_types: event_types.into_iter().map(|ty| ty.value).collect(),
        state,
        guarantees_full,
        secrets: secrets.into_iter().map(|pointer| pointer.value).collect(),
        recognise,
        envelope,
        select,
        rows,
        documentation,
        collect,
        file: name.to_owned(),
        replaces: false,
        text: text.to_owned(),
    })
}
