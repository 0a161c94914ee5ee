//! `tickmark.toml`, and every control, framework and mapping that it names.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use toml::de::DeValue;

use super::reader::{At, File, Keys, nearest, text_of};
use super::{control, framework, params, shipped, source};
use crate::model::control::{Control, Severity};
use crate::model::diagnostic::{Code, Diagnostic, Diagnostics, Level};
use crate::model::framework::Framework;
use crate::model::project::{Covers, Format, Gate, Project, SourceConfig, SourceMapping, Vouched};
use crate::model::schema::{EVENT_TYPES, SCHEMA, table};
use crate::model::value::{Duration, SECOND, Time};

/// The file that makes a folder a project.
const FILE: &str = "tickmark.toml";
/// The largest TOML file.
const LIMIT: u64 = 4 << 20;
/// `max-age` of a source that does not say.
const MAX_AGE: Duration = Duration(24 * 3_600 * SECOND);

/// Reads and checks a project; gives its warnings beside it.
///
/// # Errors
/// Everything that is wrong in any of its files.
pub fn project(root: &Path) -> Result<(Project, Diagnostics), Diagnostics> {
    let mut diagnostics = Diagnostics::default();
    let project = read_text(root, FILE, &mut diagnostics).and_then(|text| {
        let file = File::new(FILE, &text);
        let mut other = Diagnostics::default();
        let project = file.parse().and_then(|table| {
            let keys = Keys::new(&file, table.get_ref(), table.span(), FILE);
            read(&keys, root, &mut other)
        });
        file.finish(&mut diagnostics);
        diagnostics.list.append(&mut other.list);
        diagnostics.texts.append(&mut other.texts);
        project
    });
    match project {
        Some(project) if !diagnostics.has_errors() => Ok((project, diagnostics)),
        _ => Err(diagnostics),
    }
}

fn whole_file(code: Code, file: &str, message: String, help: &str) -> Diagnostic {
    Diagnostic { code, level: Level::Error, message, file: file.to_owned(), span: None, label: String::new(), help: help.to_owned() }
}

/// The text of a file of the project; what stops it is reported.
fn read_text(root: &Path, path: &str, diagnostics: &mut Diagnostics) -> Option<String> {
    let full = root.join(path);
    let mut fault = |code, message: String, help: &str| {
        diagnostics.list.push(whole_file(code, path, message, help));
        None
    };
    let inside = |full: &Path| -> std::io::Result<bool> { Ok(full.canonicalize()?.starts_with(root.canonicalize()?)) };
    match inside(&full) {
        Ok(true) => {}
        Ok(false) => {
            return fault(
                Code::OutsideProject,
                "the file lies outside the project".to_owned(),
                "copy it into the project: a package holds all that it was made from",
            );
        }
        Err(error) if error.kind() == ErrorKind::NotFound && path == FILE => {
            let help = format!("a project is a folder with a {FILE}; name it with --project");
            return fault(Code::Unreadable, format!("{} does not exist", full.display()), &help);
        }
        Err(error) => return fault(Code::Unreadable, format!("cannot be read: {error}"), ""),
    }
    match fs::metadata(&full) {
        Ok(meta) if meta.len() > LIMIT => {
            return fault(Code::Unreadable, format!("the file is {} bytes, more than {LIMIT}", meta.len()), "");
        }
        Ok(meta) if !meta.is_file() => return fault(Code::Unreadable, "not a file".to_owned(), ""),
        _ => {}
    }
    match fs::read(&full).map(String::from_utf8) {
        Ok(Ok(text)) => Some(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)),
        Ok(Err(error)) => fault(Code::Unreadable, format!("not UTF-8, from byte {}", error.utf8_error().valid_up_to()), "save it as UTF-8"),
        Err(error) => fault(Code::Unreadable, format!("cannot be read: {error}"), ""),
    }
}

/// True for a path that stays below the project as it is written.
fn stays_inside(path: &str) -> bool {
    !path.is_empty()
        && !path.starts_with('/')
        && !path.contains(['\\', '\0'])
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

fn outside(keys: &Keys<'_, '_>, path: &At<String>) {
    let message = format!("`{}` is no path below the project", path.value);
    keys.file.error(
        Code::OutsideProject,
        &path.span,
        message,
        "expected a relative path without `..`",
        "copy the file into the project, and name it from there with `/`",
    );
}

fn read(keys: &Keys<'_, '_>, root: &Path, other: &mut Diagnostics) -> Option<Project> {
    let name = keys.required_text("name", "what the report is called");
    let (known, selected) = frameworks(keys, root, other);
    let (mut controls, mut deselected) = controls(keys, root, &known, &selected, other);
    controls.sort_by(|a, b| a.id.cmp(&b.id));
    deselected.sort_by(|a, b| a.id.cmp(&b.id));
    if let Some(params) = keys.table("params", "`[params]`") {
        overrides(&params, &mut controls);
    }
    let gate = match keys.word("fail-on", &["any", "none", "low", "medium", "high", "critical"]) {
        None | Some("any") => Gate::Any,
        Some("none") => Gate::Off,
        Some(word) => Severity::from_word(word).map_or(Gate::Any, Gate::AtLeast),
    };
    let as_of = keys.parsed("as-of", Time::parse);
    let (sources, mappings) = sources(keys, root, other);
    keys.finish();
    Some(Project {
        name: name?.value,
        frameworks: selected.iter().filter_map(|id| known.iter().find(|framework| framework.id == *id).cloned()).collect(),
        controls,
        deselected,
        gate,
        as_of,
        sources,
        mappings,
        text: keys.file.text.to_owned(),
    })
}

/// Every framework there is, and the ids of those that the project selects.
fn frameworks(keys: &Keys<'_, '_>, root: &Path, other: &mut Diagnostics) -> (Vec<Framework>, Vec<String>) {
    let mut known: Vec<Framework> =
        shipped::frameworks().into_iter().filter_map(|(name, text)| framework::read(&name, text, other)).collect();
    let Some(names) = keys.texts("frameworks") else {
        let selected = ["owasp-nhi-2025", "nist-csf-2.0", "nist-ai-rmf-1.0"].map(str::to_owned).to_vec();
        return (known, selected);
    };
    let mut selected: Vec<String> = Vec::new();
    for name in names {
        let id = if Path::new(&name.value).extension().is_some_and(|ending| ending == "toml") {
            if !stays_inside(&name.value) {
                outside(keys, &name);
                continue;
            }
            let Some(own) = read_text(root, &name.value, other).and_then(|text| framework::read(&name.value, &text, other)) else {
                continue;
            };
            let id = own.id.clone();
            if known.iter().any(|framework| framework.id == id) {
                keys.file.error(
                    Code::DuplicateId,
                    &name.span,
                    format!("a framework called `{id}` is there already"),
                    "the second of them",
                    "give it an id of its own",
                );
                continue;
            }
            known.push(own);
            id
        } else {
            name.value.clone()
        };
        if !known.iter().any(|framework| framework.id == id) {
            let mut help = nearest(&id, known.iter().map(|framework| framework.id.as_str()));
            if help.is_empty() {
                help = "name a shipped framework, or a .toml file of the project".to_owned();
            }
            keys.file.error(Code::UnknownFramework, &name.span, format!("no framework is called `{id}`"), "unknown framework", help);
        } else if selected.contains(&id) {
            keys.file.error(Code::DuplicateId, &name.span, format!("`{id}` is named twice"), "the second of them", "");
        } else {
            selected.push(id);
        }
    }
    (known, selected)
}

/// Selected controls, and shipped ones that are not selected.
fn controls(
    keys: &Keys<'_, '_>,
    root: &Path,
    known: &[Framework],
    selected: &[String],
    other: &mut Diagnostics,
) -> (Vec<Control>, Vec<Control>) {
    let shipped: Vec<Control> =
        shipped::controls().into_iter().filter_map(|(name, text)| control::read(&name, text, known, selected, other)).collect();
    let Some(names) = keys.texts("controls") else { return (shipped, Vec::new()) };
    let mut chosen = vec![false; shipped.len()];
    let mut own: Vec<Control> = Vec::new();
    let mut files_of: Vec<(String, String)> = shipped.iter().map(|control| (control.id.clone(), control.file.clone())).collect();
    for name in names {
        if name.value == "builtin" {
            chosen.fill(true);
        } else if let Some(position) = shipped.iter().position(|control| control.id == name.value) {
            chosen[position] = true;
        } else if !stays_inside(&name.value) {
            outside(keys, &name);
        } else {
            let files = match toml_files(root, &name.value) {
                Ok(files) => files,
                Err(error) => {
                    let mut help = nearest(&name.value, shipped.iter().map(|control| control.id.as_str()).chain(["builtin"]));
                    if help.is_empty() {
                        help = "name `builtin`, a shipped control's id, or a folder of the project".to_owned();
                    }
                    let why = if error.kind() == ErrorKind::NotFound {
                        "leads to nothing".to_owned()
                    } else {
                        format!("cannot be read: {error}")
                    };
                    keys.file.error(Code::NotFound, &name.span, format!("`{}` {why}", name.value), "no control and no folder", help);
                    continue;
                }
            };
            if files.is_empty() {
                keys.file.error(
                    Code::NotFound,
                    &name.span,
                    format!("`{}` holds no control", name.value),
                    "no .toml file here or below",
                    "",
                );
            }
            for path in files {
                if files_of.iter().any(|(_, file)| *file == path) {
                    continue;
                }
                let Some(text) = read_text(root, &path, other) else { continue };
                let control = control::read(&path, &text, known, selected, other);
                if let Some(id) = control::id(&text) {
                    if let Some((_, first)) = files_of.iter().find(|(there, _)| *there == id.value) {
                        other.list.push(Diagnostic {
                            code: Code::DuplicateId,
                            level: Level::Error,
                            message: format!("`{}` is the id of two controls", id.value),
                            file: path.clone(),
                            span: Some(id.span),
                            label: format!("also in {first}"),
                            help: "give one of them an id of its own".to_owned(),
                        });
                        other.texts.insert(path, text);
                        continue;
                    }
                    files_of.push((id.value, path));
                }
                own.extend(control);
            }
        }
    }
    let mut deselected = Vec::new();
    for (control, chosen) in shipped.into_iter().zip(chosen) {
        if chosen {
            own.push(control);
        } else {
            deselected.push(control);
        }
    }
    (own, deselected)
}

/// The .toml files of a folder and below it, sorted, as paths below the project; or the one file that is named.
fn toml_files(root: &Path, path: &str) -> std::io::Result<Vec<String>> {
    let full = root.join(path);
    if fs::metadata(&full)?.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    let mut open = vec![PathBuf::from(path)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                open.push(path);
            } else if let Some(text) = path.to_str().filter(|text| text.ends_with(".toml")) {
                found.push(text.to_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

fn overrides(keys: &Keys<'_, '_>, controls: &mut [Control]) {
    for (name, value) in keys.each() {
        if let DeValue::Table(_) = value.get_ref() {
            keys.file.error(
                Code::WrongValue,
                &name.span,
                format!("`{}` is a table here", name.value),
                "expected a name in quotes",
                "write it as \"ROT-01.max-age\" = \"60d\"",
            );
            continue;
        }
        let found = name.value.split_once('.').and_then(|(id, param)| {
            let control = controls.iter_mut().find(|control| control.id == id)?;
            control.params.values_mut().find(|there| there.name == param)
        });
        let Some(param) = found else {
            let all: Vec<String> =
                controls.iter().flat_map(|control| control.params.values().map(|param| format!("{}.{}", control.id, param.name))).collect();
            let help = nearest(&name.value, all.iter().map(String::as_str));
            keys.file.error(
                Code::UnknownParameter,
                &name.span,
                format!("no selected control has the parameter `{}`", name.value),
                "unknown parameter",
                help,
            );
            continue;
        };
        match params::constant(value.get_ref()).and_then(|constant| params::within(param, &constant).map(|()| constant)) {
            Ok(constant) => {
                param.written = constant.to_string();
                param.value = constant;
                param.overridden = true;
            }
            Err(why) => {
                let bounds = match (&param.min, &param.max) {
                    (Some(min), Some(max)) => format!("allowed: {min} to {max}"),
                    (Some(min), None) => format!("allowed: {min} or more"),
                    (None, Some(max)) => format!("allowed: {max} or less"),
                    (None, None) => String::new(),
                };
                keys.file.error(
                    Code::ParameterRange,
                    &value.span(),
                    format!("`{}` {why}", name.value),
                    "not allowed for this parameter",
                    bounds,
                );
            }
        }
    }
}

fn sources(keys: &Keys<'_, '_>, root: &Path, other: &mut Diagnostics) -> (Vec<SourceConfig>, BTreeMap<String, SourceMapping>) {
    let shipped = shipped::sources();
    let mut configs: Vec<SourceConfig> = Vec::new();
    let mut mappings: BTreeMap<String, SourceMapping> = BTreeMap::new();
    for source in keys.tables("source", "a source") {
        let kind = source.required_text("kind", "the name of a source mapping");
        if let Some(kind) = &kind
            && !mappings.contains_key(&kind.value)
            && let Some(mapping) = mapping(&source, kind, root, &shipped, other)
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
    (configs, mappings)
}

fn mapping(
    keys: &Keys<'_, '_>,
    kind: &At<String>,
    root: &Path,
    shipped: &[(String, &'static str)],
    other: &mut Diagnostics,
) -> Option<SourceMapping> {
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
    let complete = keys.table("complete", "`complete`").and_then(|keys| {
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
    });
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
            if !SCHEMA.iter().any(|schema| !schema.derived && schema.column(&name.value).is_some()) {
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
