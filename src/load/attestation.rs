//! `attestations/*.toml`: what people sign for, one statement a file.

use std::path::Path;

use super::document::document;
use super::files::{read_text, toml_files};
use super::reader::{File, Keys};
use crate::model::attestation::Attestation;
use crate::model::diagnostic::{Code, Diagnostic, Diagnostics, Level};
use crate::model::schema::{SCHEMA, Type, table};
use crate::model::value::Time;

/// The folder of a project that holds them.
pub const FOLDER: &str = "attestations";

/// Every attestation of a project, sorted by id.
pub fn attestations(root: &Path, diagnostics: &mut Diagnostics) -> Vec<Attestation> {
    let mut found = folder(root, FOLDER, diagnostics, |keys, file, text| attestation(keys, root, file, text));
    found.sort_by(|a, b| a.id.cmp(&b.id));
    unique(found.iter().map(|found| (found.id.as_str(), found.file.as_str())), "attestations", diagnostics);
    found
}

/// What the .toml files of a folder of the project hold; none where there is no such folder.
pub fn folder<T>(root: &Path, name: &str, diagnostics: &mut Diagnostics, read: impl Fn(&Keys<'_, '_>, &str, &str) -> Option<T>) -> Vec<T> {
    if root.join(name).symlink_metadata().is_err() {
        return Vec::new();
    }
    let files = match toml_files(root, name) {
        Ok(files) => files,
        Err(error) => {
            let message = format!("cannot be read: {error}");
            let (file, help) = (name.to_owned(), String::new());
            diagnostics.list.push(Diagnostic {
                code: Code::Unreadable,
                level: Level::Error,
                message,
                file,
                span: None,
                label: String::new(),
                help,
            });
            return Vec::new();
        }
    };
    let mut found = Vec::new();
    for path in files {
        let Some(text) = read_text(root, &path, diagnostics) else { continue };
        found.extend(one(&path, &text, diagnostics, &read));
    }
    found
}

/// What one file holds.
pub fn one<T>(path: &str, text: &str, diagnostics: &mut Diagnostics, read: impl Fn(&Keys<'_, '_>, &str, &str) -> Option<T>) -> Option<T> {
    let file = File::new(path, text);
    let found = file.parse().and_then(|table| {
        let keys = Keys::new(&file, table.get_ref(), table.span(), path.to_owned());
        let found = read(&keys, path, text);
        keys.finish();
        found
    });
    file.finish(diagnostics);
    found
}

/// An attestation that is about to be written.
///
/// # Errors
/// Everything that is wrong with it.
pub fn drafted(root: &Path, path: &str, text: &str) -> Result<Attestation, Diagnostics> {
    let mut diagnostics = Diagnostics::default();
    let found = one(path, text, &mut diagnostics, |keys, file, text| attestation(keys, root, file, text));
    found.filter(|_| !diagnostics.has_errors()).ok_or(diagnostics)
}

/// Two of one id are an error; they come sorted by it.
pub fn unique<'a>(ids: impl Iterator<Item = (&'a str, &'a str)>, what: &str, diagnostics: &mut Diagnostics) {
    let mut before: Option<(&str, &str)> = None;
    for (id, file) in ids {
        if let Some((same, first)) = before
            && same == id
        {
            diagnostics.list.push(Diagnostic {
                code: Code::DuplicateId,
                level: Level::Error,
                message: format!("`{id}` is the id of two {what}"),
                file: file.to_owned(),
                span: None,
                label: String::new(),
                help: format!("the other is {first}; give one of them an id of its own"),
            });
        }
        before = Some((id, file));
    }
}

fn attestation(keys: &Keys<'_, '_>, root: &Path, file: &str, text: &str) -> Option<Attestation> {
    let id = keys.required_text("id", "what it is called in reports");
    let kinds = table("attestation").and_then(|table| match SCHEMA[table].columns[SCHEMA[table].column("subject_kind")?].ty {
        Type::Enum(words) => Some(words),
        _ => None,
    });
    keys.required("subject-kind", "which table its subject is a row of");
    let kind = keys.word("subject-kind", kinds.unwrap_or_default());
    let subject = keys.required_text("subject", "the id of what it speaks of, as the report prints it");
    let claim = keys.required_text("claim", "what is claimed, in the word that controls read: `approval`, `offboarding-tested`");
    let by = keys.required_text("by", "the id of the party that says so");
    let at = keys.required_parsed("at", "when it was said", Time::parse);
    let valid_until = keys.required_parsed("valid-until", "when it stops counting, or \"never\"", |text| match text {
        "never" => Ok(None),
        text => Time::parse(text).map(Some),
    });
    if let (Some(at), Some(Some(until))) = (at, valid_until)
        && until <= at
    {
        let message = format!("it stops counting at {until}, before it was said, at {at}");
        keys.file.error(Code::WrongValue, &keys.key_span("valid-until"), message, "expected a later time", "");
    }
    let document = document(keys, root);
    let id = id.filter(|id| {
        let word = matches!(id.value.as_str(), "none" | "never");
        if word {
            let message = format!("`{}` is a word of the language, not an id", id.value);
            keys.file.error(Code::MalformedId, &id.span, message, "", "");
        }
        !word
    });
    Some(Attestation {
        id: id?.value,
        subject_kind: kind?.to_owned(),
        subject_at: subject.as_ref()?.span.clone(),
        subject: subject?.value,
        claim: claim?.value,
        by_at: by.as_ref()?.span.clone(),
        by: by?.value,
        at: at?,
        valid_until: valid_until?,
        document,
        file: file.to_owned(),
        text: text.to_owned(),
    })
}
