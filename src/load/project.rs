//! `tickmark.toml`, and every control, framework and mapping that it names.

use std::borrow::Cow;
use std::io::ErrorKind;
use std::path::Path;

use rayon::prelude::*;
use toml::de::DeValue;

use super::files::{FILE, outside, read_text, stays_inside, toml_files};
use super::reader::{At, File, Keys, nearest};
use super::shipped::Shipped;
use super::{attestation, configured, control, document, framework, gate, params, requirements, scope, waiver, wording};
use crate::model::control::{Control, Looser, Param};
use crate::model::diagnostic::{Code, Diagnostic, Diagnostics, Level};
use crate::model::framework::Framework;
use crate::model::project::{Deselected, Engagement, Packing, Project, Vouched};
use crate::model::value::{Constant, Time};
use crate::model::wording::Wording;

/// Reads and checks a project; gives its warnings beside it.
///
/// # Errors
/// Everything that is wrong in any of its files.
pub fn project(root: &Path) -> Result<(Project, Diagnostics), Diagnostics> {
    with(root, &Shipped::compiled(), control::read)
}

/// As [`project`], without the tests of shipped controls: they are most of what there is to read, and no evidence is judged by them.
///
/// # Errors
/// As [`project`].
pub fn judging(root: &Path) -> Result<(Project, Diagnostics), Diagnostics> {
    with(root, &Shipped::compiled(), control::untested)
}

/// Reads the inputs of a package, as [`judging`] does, with what shipped with the program that packed them.
///
/// # Errors
/// As [`project`].
pub fn packed(root: &Path) -> Result<(Project, Diagnostics), Diagnostics> {
    with(root, &Shipped::packed(root), control::untested)
}

/// How a control is read that this program ships.
type Read = fn(&str, &str, &[Framework], &[String], &mut Diagnostics) -> Option<Control>;

fn with(root: &Path, shipped: &Shipped, ours: Read) -> Result<(Project, Diagnostics), Diagnostics> {
    let mut diagnostics = Diagnostics::default();
    let project = read_text(root, FILE, &mut diagnostics).and_then(|text| {
        let file = File::new(FILE, &text);
        let mut other = Diagnostics::default();
        let project = file.parse().and_then(|table| {
            let keys = Keys::new(&file, table.get_ref(), table.span(), FILE);
            read(&keys, root, shipped, ours, &mut other)
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

fn read(keys: &Keys<'_, '_>, root: &Path, shipped: &Shipped, ours: Read, other: &mut Diagnostics) -> Option<Project> {
    let name = keys.required_text("name", "what the report is called");
    let (known, selected) = frameworks(keys, root, shipped, other);
    let (mut controls, mut deselected, unread) = controls(keys, root, (shipped, ours), (&known, &selected), other);
    controls.sort_by(|a, b| a.id.cmp(&b.id));
    deselected.sort_by(|a, b| a.control.id.cmp(&b.control.id));
    if let Some(params) = keys.table("params", "`[params]`") {
        overrides(&params, root, &mut controls, &unread);
    }
    let mapping_files = requirements::add(root, (&known, &selected), &mut controls, &mut deselected, &unread, other);
    let out_of_scope = scope::out_of_scope(keys, &known, &selected, &mut controls, &mut deselected);
    let gating = gate::gating(keys, root, &controls, &deselected);
    let as_of = keys.parsed("as-of", Time::parse);
    // It is read from the packed text (`model::salt`): here it only has to be hard to guess.
    keys.parsed("salt", |text| match text.len() {
        0..32 => Err("expected 32 characters or more that nobody can guess, such as `openssl rand -hex 32` prints".to_owned()),
        _ => Ok(()),
    });
    let packing = match keys.word("inputs", &["embed", "reference"]) {
        Some("reference") => Packing::Reference,
        _ => Packing::Embed,
    };
    let (sources, mappings) = configured::sources(keys, root, &shipped.sources, other);
    let attestations_complete = keys.table("attestations", "`[attestations]`").and_then(|keys| {
        let complete = configured::vouched(&keys);
        keys.finish();
        complete
    });
    let engagement = keys.table("engagement", "`[engagement]`").map_or_else(Engagement::default, |keys| engagement(&keys));
    let wording = keys.table("templates", "`[templates]`").map_or_else(Wording::default, |keys| wording::wording(&keys, root, other));
    let waivers = waiver::waivers(root, &controls, &deselected, other);
    let attestations = attestation::attestations(root, other);
    for config in &sources {
        let since = config.collected_at.map(|at| (at, "before it was collected"));
        misdated(keys, config.complete.as_ref(), since, as_of);
    }
    let given = attestations
        .iter()
        .map(|one| one.at)
        .filter(|at| as_of.is_none_or(|as_of| *at <= as_of))
        .max()
        .map(|at| (at, "before the newest of them was given"));
    misdated(keys, attestations_complete.as_ref(), given, as_of);
    keys.finish();
    Some(Project {
        name: name?.value,
        engagement,
        wording,
        frameworks: selected.iter().filter_map(|id| known.iter().find(|framework| framework.id == *id).cloned()).collect(),
        controls,
        deselected,
        out_of_scope,
        gating,
        narrowed: None,
        baseline: None,
        earlier: Vec::new(),
        as_of,
        sources,
        waivers,
        attestations,
        mapping_files,
        attestations_complete,
        mappings,
        packing,
        text: keys.file.text.to_owned(),
    })
}

/// What the first page says of who asked for the assessment and who made it.
fn engagement(keys: &Keys<'_, '_>) -> Engagement {
    let said = |key| keys.text(key).map(|text| text.value).filter(|text| !text.trim().is_empty());
    let engagement = Engagement {
        entity: said("entity"),
        period: said("period"),
        preparer: said("preparer"),
        reviewer: said("reviewer"),
        distribution: said("distribution"),
        classification: said("classification"),
    };
    keys.finish();
    engagement
}

/// Warns of a voucher whose date alone shows that it is for something else.
fn misdated(keys: &Keys<'_, '_>, vouched: Option<&Vouched>, since: Option<(Time, &str)>, as_of: Option<Time>) {
    let Some((vouched, why)) = vouched.and_then(|vouched| Some((vouched, vouched.dated(since, as_of)?))) else { return };
    keys.file.warn(Code::VoucherDate, &vouched.on_at, why, "vouches for nothing here", "have it counted again, and give the new date");
}

/// Every framework there is, and the ids of those that the project selects.
fn frameworks(keys: &Keys<'_, '_>, root: &Path, shipped: &Shipped, other: &mut Diagnostics) -> (Vec<Framework>, Vec<String>) {
    let mut known: Vec<Framework> = shipped.frameworks.iter().filter_map(|(name, text)| framework::read(name, text, other)).collect();
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

/// Selected controls, shipped ones that are not selected, and the ids of those that could not be read.
fn controls(
    keys: &Keys<'_, '_>,
    root: &Path,
    (shipped, ours): (&Shipped, Read),
    (known, selected): (&[Framework], &[String]),
    other: &mut Diagnostics,
) -> (Vec<Control>, Vec<Deselected>, Vec<String>) {
    // Most of a start is reading them, and each stands alone.
    let read: Vec<(Option<Control>, Diagnostics)> = shipped
        .controls
        .par_iter()
        .map(|(name, text)| {
            let mut own = Diagnostics::default();
            let read = if matches!(text, Cow::Borrowed(_)) { ours } else { control::read };
            (read(name, text, known, selected, &mut own), own)
        })
        .collect();
    let mut shipped = Vec::with_capacity(read.len());
    for (control, mut own) in read {
        shipped.extend(control);
        other.list.append(&mut own.list);
        other.texts.append(&mut own.texts);
    }
    let Some(names) = keys.texts("controls") else { return (shipped, Vec::new(), Vec::new()) };
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
            deselected.push(Deselected { control, out_of_scope: None, narrowed: false });
        }
    }
    let is_read = |id: &str| own.iter().chain(deselected.iter().map(|left| &left.control)).any(|control| control.id == id);
    let unread = files_of.into_iter().map(|(id, _)| id).filter(|id| !is_read(id)).collect();
    (own, deselected, unread)
}

/// What `[params]` sets: a value, or a table with `value`, `reason` and `approver` where it is looser than the default.
fn overrides(keys: &Keys<'_, '_>, root: &Path, controls: &mut [Control], unread: &[String]) {
    for (name, value) in keys.each() {
        // What is wrong with the control is told; whether it has the parameter cannot be.
        if name.value.split_once('.').is_some_and(|(id, _)| unread.iter().any(|unread| unread == id)) {
            continue;
        }
        let found = name.value.split_once('.').and_then(|(id, param)| {
            let control = controls.iter_mut().find(|control| control.id == id)?;
            let (key, param) = control.params.iter_mut().find(|(_, there)| there.name == param)?;
            Some((key, param, &mut control.tests))
        });
        let Some((key, param, tests)) = found else {
            let all: Vec<String> =
                controls.iter().flat_map(|control| control.params.values().map(|param| format!("{}.{}", control.id, param.name))).collect();
            let mut help = nearest(&name.value, all.iter().map(String::as_str));
            if help.is_empty() && matches!(value.get_ref(), DeValue::Table(_)) {
                help = "a name stands in quotes: \"ROT-01.max-age\" = \"60d\"".to_owned();
            }
            keys.file.error(
                Code::UnknownParameter,
                &name.span,
                format!("no selected control has the parameter `{}`", name.value),
                "unknown parameter",
                help,
            );
            continue;
        };
        let entry = match value.get_ref() {
            DeValue::Table(_) => keys.table_of(value, &name.value, &format!("the override of `{}`", name.value)),
            _ => None,
        };
        let value = match &entry {
            None => value,
            Some(entry) => match entry.required("value", "what the parameter is set to") {
                Some(value) => value,
                None => continue,
            },
        };
        match params::constant(value.get_ref()).and_then(|constant| params::within(param, &constant).map(|()| constant)) {
            Ok(constant) => {
                match &entry {
                    Some(entry) if params::is_looser(param, &constant) => param.looser = answered_for(entry, root),
                    None if params::is_looser(param, &constant) => unanswered(keys, param, &name, &value.span(), &constant),
                    // A reason may stand beside a stricter value as well.
                    Some(entry) => answer(entry),
                    None => {}
                }
                // A control's tests are about the control as it is written.
                for test in tests {
                    test.params.entry(key.clone()).or_insert_with(|| param.value.clone());
                }
                param.written = constant.to_string();
                param.value = constant;
                param.overridden = true;
            }
            Err(why) => {
                // Whoever answers for it is no second mistake.
                if let Some(entry) = &entry {
                    answer(entry);
                    entry.raw("until");
                }
                let bounds = param.allowed().map_or_else(String::new, |bounds| format!("allowed: {bounds}"));
                keys.file.error(
                    Code::ParameterRange,
                    &value.span(),
                    format!("`{}` {why}", name.value),
                    "not allowed for this parameter",
                    bounds,
                );
            }
        }
        if let Some(entry) = entry {
            entry.finish();
        }
    }
}

/// Passes over who answers for an override where nobody need.
pub fn answer(entry: &Keys<'_, '_>) {
    for key in ["reason", "approver", "document", "sha256"] {
        entry.text(key);
    }
}

/// Who answers for an override, and why it is accepted.
pub fn answered_for(entry: &Keys<'_, '_>, root: &Path) -> Option<Looser> {
    let reason = entry.required_text("reason", "why, for whoever reads the report");
    let approver = entry.required_text("approver", "the id of the party that accepts it");
    let approval = document::document(entry, root);
    let until = entry.parsed("until", Time::parse);
    Some(Looser { reason: reason?.value, approver: approver?.value, approval, until, ended: None })
}

fn unanswered(keys: &Keys<'_, '_>, param: &Param, name: &At<String>, span: &std::ops::Range<usize>, value: &Constant) {
    let stricter = match param.stricter {
        Some(way) => format!("{} is stricter", way.word()),
        None => "the control does not say which way is stricter, so that any change counts".to_owned(),
    };
    keys.file.error(
        Code::LooserParameter,
        span,
        format!("`{}` is looser than its default, {}: {stricter}", name.value, param.default),
        "nobody answers for it",
        format!("write it as \"{}\" = {{ value = \"{value}\", reason = \"…\", approver = \"…\" }}", name.value),
    );
}
