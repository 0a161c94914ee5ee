//! Pictures for the page, as inline SVG. Every number in one stands in the text beside it, and its colours come from the page's
//! style by class, together with a shape and a word. Coordinates are whole numbers, so that the bytes are the same everywhere.
//!
//! | module | what |
//! |---|---|
//! | `tiles` | the requirements of a framework, a tile each |
//! | `bars` | controls by family, credentials by age, growth by quarter |
//! | `timeline` | the life of a credential |
//! | `path` | who reaches what |

mod bars;
mod path;
mod tiles;
mod timeline;

pub use bars::{Bar, Segment, bars};
pub use path::path;
pub use tiles::{Tile, TileRow, tiles};
pub use timeline::timeline;

use std::fmt::Write;

use super::escape;
use super::page::view::Mark;

/// Width of every picture in its own units; one is about a pixel on a wide page.
const WIDTH: i64 = 720;
/// Width of a character of the labels, rounded up.
const CHARACTER: i64 = 7;

/// A picture being drawn.
struct Drawing {
    body: String,
    height: i64,
    /// `img`; `group` where there are links in it.
    role: &'static str,
}

impl Drawing {
    fn new() -> Drawing {
        Drawing { body: String::new(), height: 0, role: "img" }
    }

    fn text(&mut self, x: i64, y: i64, class: &str, text: &str) {
        let _ = write!(self.body, "<text x=\"{x}\" y=\"{y}\" class=\"{class}\">{}</text>", escaped(text));
    }

    fn rect(&mut self, (x, y): (i64, i64), (width, height): (i64, i64), class: &str) {
        let _ = write!(self.body, "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" class=\"{class}\"/>");
    }

    fn line(&mut self, (x1, y1): (i64, i64), (x2, y2): (i64, i64), class: &str) {
        let _ = write!(self.body, "<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" class=\"{class}\"/>");
    }

    /// The figure: `name` is what a screen reader says, `caption` stands below.
    fn figure(self, name: &str, caption: &str) -> String {
        format!(
            "<figure><div class=\"scroll\" tabindex=\"0\"><svg viewBox=\"0 0 {WIDTH} {height}\" \
             width=\"{WIDTH}\" height=\"{height}\" role=\"{role}\" aria-label=\"{name}\">{body}</svg></div><figcaption>{caption}</figcaption></figure>\n",
            name = escaped(name),
            caption = escaped(caption),
            height = self.height,
            role = self.role,
            body = self.body,
        )
    }
}

/// Text from evidence, harmless and legible in HTML.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in escape::visible(text).chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
    out
}

/// The text in at most so many characters: its beginning and its end, which tell ids apart.
fn shortened(text: &str, most: usize) -> String {
    let shown = escape::visible(text);
    let count = shown.chars().count();
    if count <= most {
        return shown;
    }
    let head = most / 2;
    let tail = most - head - 1;
    let start: String = shown.chars().take(head).collect();
    let end: String = shown.chars().skip(count - tail).collect();
    format!("{start}…{end}")
}

/// The class that colours a mark.
pub fn class(mark: Mark) -> &'static str {
    match mark.shape {
        Mark::PASS => "pass",
        Mark::FAIL => "fail",
        Mark::UNKNOWN | Mark::PART => "unknown",
        Mark::WAIVED => "waived",
        _ => "none",
    }
}
