//! `report.html`: the same Markdown as one self-contained page, with pictures. No network, no font but the system's; a little script
//! sorts and filters, and nothing needs it. Style and script are allowed by their digests alone.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, value::Serde};
use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html::push_html};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{ReportError, escape, page};
use crate::model::wording::Wording;

/// What the template is given.
#[derive(Serialize)]
struct View {
    title: String,
    name: String,
    /// A `data:` address.
    logo: Option<String>,
    style: String,
    style_digest: String,
    script: &'static str,
    script_digest: String,
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

/// The page for a report in Markdown; `wording` the project's title and logo, `name` what was assessed, `seal` the inputs' seal, of which every printed page shows the
/// beginning, and `figures` what stands under which heading.
///
/// # Errors
/// [`ReportError::Template`] if the template is wrong.
pub fn page(wording: &Wording, name: &str, seal: &str, markdown: &str, figures: BTreeMap<String, String>) -> Result<String, ReportError> {
    let (body, contents) = body(markdown, figures);
    let style = page::STYLE.replace("SEAL", seal.get(..12).unwrap_or(seal));
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(page::syntax()?);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_template("report.html", page::HTML)?;
    let name = escape::visible(name);
    let view = View {
        title: escape::visible(wording.title.as_deref().unwrap_or("Assessment")),
        logo: wording.logo.as_ref().map(|logo| format!("data:{};base64,{}", logo.media, STANDARD.encode(&logo.bytes))),
        name,
        style_digest: digest(&style),
        style,
        script_digest: digest(page::SCRIPT),
        script: page::SCRIPT,
        body,
        contents,
    };
    Ok(environment.get_template("report.html")?.render(Serde(view))?)
}

/// SHA-256 as a Content-Security-Policy writes it.
fn digest(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text.as_bytes()))
}

/// The body, and the headings of levels 2 to 4. A figure stands before the first table or list under its heading.
fn body(markdown: &str, mut figures: BTreeMap<String, String>) -> (String, Vec<Entry>) {
    let events: Vec<Event<'_>> = Parser::new_ext(markdown, Options::ENABLE_TABLES).collect();
    let mut contents = Vec::new();
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    let mut out = Vec::with_capacity(events.len());
    let mut due: Option<String> = None;
    let mut in_heading = false;
    for (at, event) in events.iter().enumerate() {
        match event {
            Event::Start(Tag::Heading { level, classes, attrs, .. }) => {
                out.extend(due.take().map(picture));
                let title = text(&events[at + 1..]);
                due = figures.remove(&title);
                in_heading = true;
                let id = unique(escape::slug(&title), &mut taken);
                let number = *level as u8;
                if matches!(level, HeadingLevel::H2 | HeadingLevel::H3 | HeadingLevel::H4) {
                    contents.push(Entry { level: number, id: id.clone(), title });
                }
                let id = Some(CowStr::from(id));
                out.push(Event::Start(Tag::Heading { level: *level, id, classes: classes.clone(), attrs: attrs.clone() }));
            }
            Event::End(TagEnd::Heading(_)) => {
                in_heading = false;
                out.push(event.clone());
            }
            Event::Start(Tag::Table(_)) => {
                out.extend(due.take().map(picture));
                out.push(Event::Html("<div class=\"scroll\" tabindex=\"0\">".into()));
                out.push(event.clone());
            }
            Event::Start(Tag::List(_)) => {
                out.extend(due.take().map(picture));
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
            Event::Text(told) if !in_heading => times(told, &mut out),
            // Nothing in the Markdown is meant as HTML.
            Event::Html(html) | Event::InlineHtml(html) => out.push(Event::Text(html.clone())),
            _ => out.push(event.clone()),
        }
    }
    out.extend(due.into_iter().chain(figures.into_values()).map(picture));
    let mut html = String::with_capacity(markdown.len() * 2);
    push_html(&mut html, out.into_iter());
    // The policy forbids styles in attributes; in text a quotation mark is escaped, so that nothing else can read so.
    (html.replace(" style=\"text-align: right\"", " class=\"right\""), contents)
}

/// The text, with every point in time in an element of its own, so that no line breaks within it.
fn times<'e>(text: &str, out: &mut Vec<Event<'e>>) {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00Z";
    let fits =
        |window: &[u8]| window.iter().zip(SHAPE).all(|(byte, shape)| if *shape == b'0' { byte.is_ascii_digit() } else { byte == shape });
    let mut rest = text;
    while let Some(at) = rest.as_bytes().windows(SHAPE.len()).position(fits) {
        let (time, end) = (&rest[at..at + SHAPE.len()], at + SHAPE.len());
        out.push(Event::Text(rest[..at].to_owned().into()));
        out.push(Event::InlineHtml(format!("<time>{time}</time>").into()));
        rest = &rest[end..];
    }
    out.push(Event::Text(rest.to_owned().into()));
}

fn picture<'e>(figure: String) -> Event<'e> {
    Event::Html(figure.into())
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
        let page = page(
            &Wording::default(),
            "a <b> \u{202e}",
            "0123",
            "# T\n\n<script>alert(1)</script>\n\n<b>x</b> <!-- y -->\n",
            BTreeMap::new(),
        )
        .unwrap();
        assert!(!page.contains("<script>alert"), "{page}");
        assert!(!page.contains("<b>"), "{page}");
        assert!(page.contains("&lt;script&gt;"));
        assert!(page.contains("a &lt;b&gt; \\u{202e}"));
    }

    #[test]
    fn headings_have_one_id_each() {
        let (html, contents) = body("## A b\n\n## A b\n\n## A b 1\n\n### `c` d\n", BTreeMap::new());
        let ids: Vec<&str> = contents.iter().map(|entry| entry.id.as_str()).collect();
        assert_eq!(ids, ["a-b", "a-b-1", "a-b-1-1", "c-d"]);
        assert!(html.contains("<h3 id=\"c-d\">"), "{html}");
    }
}
