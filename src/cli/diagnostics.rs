//! Diagnostics as a person reads them: code, place, the line itself, what was expected, what to do.

use annotate_snippets::{AnnotationKind, Group, Level as Mark, Renderer, Snippet};

use super::summary::printable;
use crate::model::diagnostic::{Diagnostic, Diagnostics, Level};

/// How many diagnostics are shown: a file with nothing right in it has one a line, and each costs a look through the file.
const SHOWN: usize = 200;

/// The diagnostics, errors first, then a line that counts them.
#[must_use]
pub fn render(diagnostics: &Diagnostics, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut sorted: Vec<&Diagnostic> = diagnostics.list.iter().collect();
    sorted.sort_by_key(|diagnostic| diagnostic.level);
    let mut out = String::new();
    for diagnostic in sorted.iter().take(SHOWN) {
        out.push_str(&one(diagnostic, diagnostics, &renderer));
        out.push_str("\n\n");
    }
    if sorted.len() > SHOWN {
        out.push_str(&format!("and {} more like these\n\n", sorted.len() - SHOWN));
    }
    let count = |level| sorted.iter().filter(|diagnostic| diagnostic.level == level).count();
    let (errors, warnings) = (count(Level::Error), count(Level::Warning));
    if errors > 0 {
        out.push_str(&format!("{errors} {}; nothing was assessed\n", if errors == 1 { "error" } else { "errors" }));
    } else if warnings > 0 {
        out.push_str(&format!("{warnings} {}\n", if warnings == 1 { "warning" } else { "warnings" }));
    }
    out
}

fn one(diagnostic: &Diagnostic, diagnostics: &Diagnostics, renderer: &Renderer) -> String {
    let mark = match diagnostic.level {
        Level::Error => Mark::ERROR,
        Level::Warning => Mark::WARNING,
    };
    let message = printable(&diagnostic.message);
    let label = printable(&diagnostic.label);
    let text = diagnostics.texts.get(&diagnostic.file);
    let title = mark.primary_title(&*message).id(diagnostic.code.text());
    let mut group = match (text, &diagnostic.span) {
        (Some(text), Some(span)) => {
            let end = span.end.min(text.len());
            let mark = AnnotationKind::Primary.span(span.start.min(end)..end);
            let mark = if label.is_empty() { mark } else { mark.label(&*label) };
            title.element(Snippet::source(text.as_str()).path(&*diagnostic.file).annotation(mark))
        }
        _ => Group::with_title(title).element(annotate_snippets::Origin::path(&*diagnostic.file)),
    };
    let help = printable(&diagnostic.help);
    if !help.is_empty() {
        group = group.element(Mark::HELP.message(&*help));
    }
    renderer.render(&[group])
}

/// Every diagnostic for programs, errors first. Lines and columns count from 1, columns in characters; `line` is null where the whole file is
/// meant.
#[must_use]
pub fn json(diagnostics: &Diagnostics) -> serde_json::Value {
    let mut sorted: Vec<&Diagnostic> = diagnostics.list.iter().collect();
    sorted.sort_by_key(|diagnostic| diagnostic.level);
    let list: Vec<serde_json::Value> = sorted
        .into_iter()
        .map(|diagnostic| {
            let place = diagnostics.texts.get(&diagnostic.file).zip(diagnostic.span.as_ref());
            let start = place.map(|(text, span)| Diagnostics::line_column(text, span.start));
            let end = place.map(|(text, span)| Diagnostics::line_column(text, span.end));
            serde_json::json!({
                "code": diagnostic.code.text(),
                "level": if diagnostic.level == Level::Error { "error" } else { "warning" },
                "message": diagnostic.message,
                "file": diagnostic.file,
                "line": start.map(|(line, _)| line),
                "column": start.map(|(_, column)| column),
                "end_line": end.map(|(line, _)| line),
                "end_column": end.map(|(_, column)| column),
                "label": diagnostic.label,
                "help": diagnostic.help,
            })
        })
        .collect();
    serde_json::json!({ "schema": "tickmark/diagnostics/1", "diagnostics": list })
}
