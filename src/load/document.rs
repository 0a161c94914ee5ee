//! The document behind an attestation or an approval: `sha256`, and `document` where it lies in the project.

use std::path::Path;

use super::files::{self, outside, stays_inside};
use super::reader::Keys;
use crate::model::attestation::Document;
use crate::model::diagnostic::Code;
use crate::model::digest::sha256;

/// Reads both keys. A document in the project must be there and have the digest; without one the digest stands alone.
pub fn document(keys: &Keys<'_, '_>, root: &Path) -> Option<Document> {
    let path = keys.text("document");
    let digest = keys.text("sha256").and_then(|digest| {
        let hex = digest.value.strip_prefix("sha256:").unwrap_or(&digest.value).to_owned();
        let fits = hex.len() == 64 && hex.chars().all(|c| c.is_ascii_digit() || matches!(c, 'a'..='f'));
        if !fits {
            let message = format!("`{}` is not a SHA-256", digest.value);
            keys.file.error(Code::WrongValue, &digest.span, message, "expected 64 lower-case hex digits", "sha256sum prints it");
        }
        fits.then_some((hex, digest.span))
    });
    let Some(path) = path else { return digest.map(|(sha256, _)| Document { sha256, held: None }) };
    if !stays_inside(&path.value) {
        outside(keys, &path);
        return None;
    }
    let bytes = match files::bytes(root, &path.value) {
        Ok(bytes) => bytes,
        Err(why) => {
            let help = "put it there, or leave `document` out and keep its `sha256`";
            keys.file.error(Code::Document, &path.span, format!("the document `{}` {why}", path.value), "not the document", help);
            return None;
        }
    };
    let found = sha256(&bytes);
    match digest {
        Some((wanted, span)) if wanted != found => {
            let message = format!("`{}` is not the document that was signed for: its SHA-256 is {found}", path.value);
            keys.file.error(Code::Document, &span, message, "another digest", "restore the document, or have the new one signed for");
            None
        }
        Some((sha256, _)) => Some(Document { sha256, held: Some((path.value, bytes)) }),
        None => {
            let help = format!("add `sha256 = \"{found}\"`, if that is the document that was signed for");
            keys.file.error(Code::MissingKey, &path.span, "the document has no `sha256` beside it".to_owned(), "", help);
            None
        }
    }
}
