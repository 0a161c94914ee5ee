//! `[templates]`: what a project says in its report in words of its own. Such words add to the report and change nothing in it.

use std::ops::Range;

/// The words of a project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wording {
    /// What the report is called; `None`: Assessment.
    pub title: Option<String>,
    /// In the order of [`PLACES`].
    pub blocks: Vec<Block>,
    pub logo: Option<Logo>,
}

/// Where a block may stand: below the first page's table, before the outcome, before the list of words.
pub const PLACES: [&str; 3] = ["cover", "foreword", "afterword"];

/// A Markdown file of the project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// One of [`PLACES`].
    pub place: &'static str,
    /// Path below the project.
    pub file: String,
    /// As read: packed and hashed.
    pub text: String,
}

/// A picture for the page's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logo {
    /// Path below the project.
    pub file: String,
    /// `image/png`, `image/svg+xml`.
    pub media: &'static str,
    pub bytes: Vec<u8>,
}

/// What `{{ … }}` in a block may name.
pub const NAMES: [&str; 10] =
    ["name", "as_of", "outcome", "seal", "entity", "period", "preparer", "reviewer", "distribution", "classification"];

/// A piece of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'t> {
    Text(&'t str),
    /// One of [`NAMES`].
    Name(&'static str),
}

/// A block in pieces.
///
/// # Errors
/// Bytes of what is neither text nor a name in braces, and what was expected.
pub fn parts(text: &str) -> Result<Vec<Part<'_>>, (Range<usize>, String)> {
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(found) = text[at..].find("{{") {
        let start = at + found;
        let Some(length) = text[start..].find("}}") else {
            return Err((start..start + 2, "`{{` is never closed".to_owned()));
        };
        let end = start + length + 2;
        let word = text[start + 2..end - 2].trim();
        let Some(name) = NAMES.iter().find(|name| **name == word) else {
            return Err((start..end, format!("`{word}` is no name; there are {}", NAMES.join(", "))));
        };
        parts.push(Part::Text(&text[at..start]));
        parts.push(Part::Name(name));
        at = end;
    }
    parts.push(Part::Text(&text[at..]));
    Ok(parts)
}
