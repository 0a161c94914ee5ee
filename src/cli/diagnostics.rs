//! Diagnostics as a person reads them: code, place, the line itself, what was expected, what to do.

use annotate_snippets::{AnnotationKind, Group, Level as Mark, Renderer, Snippet};

use super::summary::printable;
use crate::model::diagnostic::{Diagnostic, Diagnostics, Level};

/// Every diagnostic, errors first, then a line that counts them.
#[must_use]
pub fn render(diagnostics: &Diagnostics, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut sorted: Vec<&Diagnostic> = diagnostics.list.iter().collect();
    sorted.sort_by_key(|diagnostic| diagnostic.level);
    let mut out = String::new();
    for diagnostic in &sorted {
        out.push_str(&one(diagnostic, diagnostics, &renderer));
        out.push_str("\n\n");
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
