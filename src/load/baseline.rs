//! `baseline.toml`: which earlier package was accepted as it stood, and by whom.

use std::path::Path;

use super::document::document;
use super::files::{outside, read_text, stays_inside};
use super::reader::{File, Keys};
use crate::model::baseline::{ACCEPTED as FILE, Accepted};
use crate::model::diagnostic::{Code, Diagnostics};
use crate::model::value::Time;

/// Reads it.
///
/// # Errors
/// Everything that is wrong with it.
pub fn baseline(root: &Path) -> Result<Accepted, Diagnostics> {
    let mut diagnostics = Diagnostics::default();
    let found = read_text(root, FILE, &mut diagnostics).and_then(|text| parsed(root, &text, &mut diagnostics));
    found.filter(|_| !diagnostics.has_errors()).ok_or(diagnostics)
}

/// One that is about to be written.
///
/// # Errors
/// Everything that is wrong with it.
pub fn drafted(root: &Path, text: &str) -> Result<Accepted, Diagnostics> {
    let mut diagnostics = Diagnostics::default();
    let found = parsed(root, text, &mut diagnostics);
    found.filter(|_| !diagnostics.has_errors()).ok_or(diagnostics)
}

fn parsed(root: &Path, text: &str, diagnostics: &mut Diagnostics) -> Option<Accepted> {
    let file = File::new(FILE, text);
    let found = file.parse().and_then(|table| accepted(&Keys::new(&file, table.get_ref(), table.span(), FILE), root));
    file.finish(diagnostics);
    found
}

fn accepted(keys: &Keys<'_, '_>, root: &Path) -> Option<Accepted> {
    let package = keys.required_text("package", "the accepted package, a folder or an archive below the project");
    if let Some(package) = package.as_ref().filter(|package| !stays_inside(&package.value)) {
        outside(keys, package);
    }
    let hash = keys.required_text("root", "the root of its manifest.json");
    let hex = |text: &str| text.len() == 64 && text.chars().all(|c| c.is_ascii_digit() || matches!(c, 'a'..='f'));
    if let Some(hash) = hash.as_ref().filter(|hash| !hex(&hash.value)) {
        let message = format!("`{}` is no root of a package", hash.value);
        keys.file.error(Code::WrongValue, &hash.span, message, "expected 64 lower-case hex digits", "`root` in its manifest.json");
    }
    let reason = keys.required_text("reason", "why it is accepted as it stands");
    let approver = keys.required_text("approver", "the id of the party that accepts it");
    let granted_at = keys.required_parsed("granted-at", "from when it counts", Time::parse);
    let expires_at = keys.required_parsed("expires-at", "when it ends: 90 days later at most", Time::parse);
    if let (Some(granted), Some(expires)) = (granted_at, expires_at)
        && expires <= granted
    {
        let message = format!("it stops counting at {expires}, before it counts, from {granted}");
        keys.file.error(Code::WrongValue, &keys.key_span("expires-at"), message, "expected a later time", "");
    }
    let ticket = keys.text("ticket").map(|ticket| ticket.value);
    let approval = keys.table("approval", "`[approval]`").and_then(|keys| {
        let approval = document(&keys, root);
        keys.finish();
        approval
    });
    keys.finish();
    Some(Accepted {
        package: package?.value,
        root: hash?.value,
        reason: reason?.value,
        approver: approver?.value,
        granted_at: granted_at?,
        expires_at: expires_at?,
        ticket,
        approval,
        text: keys.file.text.to_owned(),
    })
}
