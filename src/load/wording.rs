//! `[templates]` of `tickmark.toml`, and the files that it names.

use std::path::Path;

use super::files::{self, outside, read_text, stays_inside};
use super::reader::{File, Keys};
use crate::model::diagnostic::{Code, Diagnostics};
use crate::model::wording::{Block, Logo, PLACES, Wording, parts};

/// The largest logo: it stands in every page.
const LOGO: usize = 200_000;

/// Reads the table.
pub fn wording(keys: &Keys<'_, '_>, root: &Path, other: &mut Diagnostics) -> Wording {
    let title = keys.text("title").map(|title| title.value);
    let blocks = PLACES.into_iter().filter_map(|place| block(keys, root, place, other)).collect();
    let logo = logo(keys, root);
    keys.finish();
    Wording { title, blocks, logo }
}

fn block(keys: &Keys<'_, '_>, root: &Path, place: &'static str, other: &mut Diagnostics) -> Option<Block> {
    let path = keys.text(place)?;
    if !stays_inside(&path.value) {
        outside(keys, &path);
        return None;
    }
    let text = read_text(root, &path.value, other)?;
    if let Err((span, why)) = parts(&text) {
        let file = File::new(&path.value, &text);
        file.error(Code::WrongValue, &span, why, "expected one of the names, as in {{ name }}", "docs/report.md says what each is");
        file.finish(other);
        return None;
    }
    Some(Block { place, file: path.value, text })
}

fn logo(keys: &Keys<'_, '_>, root: &Path) -> Option<Logo> {
    let path = keys.text("logo")?;
    if !stays_inside(&path.value) {
        outside(keys, &path);
        return None;
    }
    let wrong = |why: String| {
        keys.file.error(Code::WrongValue, &path.span, format!("the logo `{}` {why}", path.value), "expected a PNG or SVG picture", "");
        None
    };
    let bytes = match files::bytes(root, &path.value) {
        Ok(bytes) => bytes,
        Err(why) => return wrong(why),
    };
    let media = match Path::new(&path.value).extension().and_then(|ending| ending.to_str()) {
        Some("png") if bytes.starts_with(b"\x89PNG\r\n\x1a\n") => "image/png",
        Some("svg") if std::str::from_utf8(&bytes).is_ok_and(|text| text.contains("<svg")) => "image/svg+xml",
        _ => return wrong("is neither".to_owned()),
    };
    if bytes.len() > LOGO {
        return wrong(format!("is {} bytes, more than {LOGO}", bytes.len()));
    }
    Some(Logo { file: path.value, media, bytes })
}
