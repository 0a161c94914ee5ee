//! What is at the gate: `fail-on`, `fail-on-unknown`, `[gate]`.

use std::collections::BTreeMap;
use std::path::Path;

use toml::de::DeValue;

use super::project::{answer, answered_for};
use super::reader::{Keys, nearest};
use crate::model::control::Control;
use crate::model::diagnostic::Code;
use crate::model::project::{Deselected, Gate, Gating, Override};

/// Reads the three.
pub fn gating(keys: &Keys<'_, '_>, root: &Path, controls: &[Control], deselected: &[Deselected]) -> Gating {
    let gate = |key: &'static str| keys.word(key, &Gate::WORDS).and_then(Gate::from_word);
    let mut overrides = BTreeMap::new();
    if let Some(keys) = keys.table("gate", "`[gate]`") {
        for (id, value) in keys.each() {
            let known = || controls.iter().chain(deselected.iter().map(|left| &left.control)).map(|control| control.id.as_str());
            if !known().any(|there| there == id.value) {
                let help = nearest(&id.value, known());
                keys.file.error(Code::NotFound, &id.span, format!("no control is called `{}`", id.value), "unknown control", help);
            }
            let entry = match value.get_ref() {
                DeValue::Table(_) => keys.table_of(value, &id.value, &format!("the gate of `{}`", id.value)),
                _ => None,
            };
            let Some(value) = (match &entry {
                Some(entry) => entry.required("value", "`any` or `none`"),
                None => Some(value),
            }) else {
                continue;
            };
            let held = match value.get_ref() {
                DeValue::String(text) if text == Gate::Any.word() => true,
                DeValue::String(text) if text == Gate::Off.word() => false,
                _ => {
                    keys.wrong(value, &id.value, "`any`: at the gate whatever its severity, or `none`: never at the gate");
                    continue;
                }
            };
            let answer = match &entry {
                Some(entry) if held => {
                    answer(entry);
                    None
                }
                Some(entry) => answered_for(entry, root),
                None if !held => {
                    let help = format!("write it as \"{}\" = {{ value = \"none\", reason = \"…\", approver = \"…\" }}", id.value);
                    let message = format!("`{}` is taken off the gate", id.value);
                    keys.file.error(Code::LooserParameter, &value.span(), message, "nobody answers for it", help);
                    None
                }
                None => None,
            };
            if let Some(entry) = entry {
                entry.finish();
            }
            overrides.insert(id.value, Override { held, answer });
        }
    }
    Gating { fail: gate("fail-on").unwrap_or_default(), fail_on_unknown: gate("fail-on-unknown"), overrides }
}
