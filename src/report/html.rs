//! `report.html`: the same Markdown as one self-contained page. No script, no network, no font but the system's.

use std::collections::BTreeMap;

use minijinja::{AutoEscape, Environment, UndefinedBehavior, value::Serde};
use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html::push_html};
use serde::Serialize;

use super::{ReportError, escape, page};

/// What the template is given.
#[derive(Serialize)]
struct View {
    name: String,
    style: &'static str,
    body: String,
    contents: Vec<Entry>,
}

/// A heading of the table of contents.
#[derive(Debug, Serialize)]
struct Entry {
    level: u8,
    id: String,
    title: String,
}

/// The page for a report in Markdown; `name` is what was assessed.
///
/// # Errors
/// [`ReportError::Template`] if the template is wrong.
pub fn page(name: &str, markdown: &str) -> Result<String, ReportError> {
    let (body, contents) = body(markdown);
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(page::syntax()?);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_template("report.html", page::HTML)?;
    let name = escape::visible(name);
    Ok(environment.get_template("report.html")?.render(Serde(View { name, style: page::STYLE, body, contents }))?)
}

/// The body, and the headings of levels 2 and 3.
fn body(markdown: &str) -> (String, Vec<Entry>) {
    let events: Vec<Event<'_>> = Parser::new_ext(markdown, Options::ENABLE_TABLES).collect();
    let mut contents = Vec::new();
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    let mut out = Vec::with_capacity(events.len());
    for (at, event) in events.iter().enumerate() {
        match event {
            Event::Start(Tag::Heading { level, classes, attrs, .. }) => {
                let title = text(&events[at + 1..]);
                let id = unique(escape::slug(&title), &mut taken);
                let number = *level as u8;
                if matches!(level, HeadingLevel::H2 | HeadingLevel::H3) {
                    contents.push(Entry { level: number, id: id.clone(), title });
                }
                let id = Some(CowStr::from(id));
                out.push(Event::Start(Tag::Heading { level: *level, id, classes: classes.clone(), attrs: attrs.clone() }));
            }
            Event::Start(Tag::Table(_)) => {
                out.push(Event::Html("<div class=\"scroll\" tabindex=\"0\">".into()));
                out.push(event.clone());
            }
            Event::End(TagEnd::Table) => {
                out.push(event.clone());
                out.push(Event::Html("</div>\n".into()));
            }
            // Only this program writes bold text that starts with one of its marks: in evidence the asterisks are escaped.
            Event::Start(Tag::Strong) => out.push(match events.get(at + 1).and_then(|next| mark(next)) {
                Some(class) => Event::InlineHtml(format!("<strong class=\"{class}\">").into()),
                None => event.clone(),
            }),
            // Nothing in the Markdown is meant as HTML.
            Event::Html(html) | Event::InlineHtml(html) => out.push(Event::Text(html.clone())),
            _ => out.push(event.clone()),
        }
    }
    let mut html = String::with_capacity(markdown.len() * 2);
    push_html(&mut html, out.into_iter());
    (html, contents)
}

/// The text up to the end of the heading.
fn text(events: &[Event<'_>]) -> String {
    let inside = events.iter().take_while(|event| !matches!(event, Event::End(TagEnd::Heading(_))));
    inside.fold(String::new(), |mut text, event| {
        if let Event::Text(part) | Event::Code(part) = event {
            text.push_str(part);
        }
        text
    })
}

/// An id that no earlier heading has: the second `x` is `x-1`, as the common viewers number them.
fn unique(id: String, taken: &mut BTreeMap<String, usize>) -> String {
    let mut candidate = id.clone();
    while taken.contains_key(&candidate) {
        let count = taken.entry(id.clone()).or_default();
        *count += 1;
        candidate = format!("{id}-{count}");
    }
    taken.insert(candidate.clone(), 0);
    candidate
}

/// The class of a status.
fn mark(event: &Event<'_>) -> Option<&'static str> {
    let Event::Text(text) = event else { return None };
    match text.chars().next()? {
        '✓' => Some("mark pass"),
        '✗' => Some("mark fail"),
        '?' => Some("mark unknown"),
        '~' => Some("mark waived"),
        '◐' => Some("mark part"),
        '–' | '○' => Some("mark none"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_in_the_markdown_is_text() {
        let page = page("a <b> \u{202e}", "# T\n\n<script>alert(1)</script>\n\n<b>x</b> <!-- y -->\n").unwrap();
        assert!(!page.contains("<script"), "{page}");
        assert!(!page.contains("<b>"), "{page}");
        assert!(page.contains("&lt;script&gt;"));
        assert!(page.contains("a &lt;b&gt; \\u{202e}"));
    }

    #[test]
    fn headings_have_one_id_each() {
        let (html, contents) = body("## A b\n\n## A b\n\n## A b 1\n\n### `c` d\n");
        let ids: Vec<&str> = contents.iter().map(|entry| entry.id.as_str()).collect();
        assert_eq!(ids, ["a-b", "a-b-1", "a-b-1-1", "c-d"]);
        assert!(html.contains("<h3 id=\"c-d\">"), "{html}");
    }
}
