//! Markdown that a control's author wrote, written anew with only what a report may hold.
//!
//! Paragraphs, lists, quotations, code, emphasis and links to http(s) or mailto stay. Raw HTML, images and other links
//! become text; headings become bold lines, so that they cannot take part in the report's own structure. Because every
//! block is written anew, none stays open.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::escape;

/// Lists and quotations nest at most this deep; what is deeper is written at this depth.
const DEPTH: usize = 8;

/// The Markdown of an author, safe to stand in the report at the left margin.
#[must_use]
pub fn rewrite(markdown: &str) -> String {
    let mut writer = Writer::default();
    for event in Parser::new_ext(markdown, Options::empty()) {
        writer.event(event);
    }
    writer.flush();
    writer.blocks.join("\n")
}

/// A list or quotation that is open.
enum Open {
    /// The number of the next item; `None`: bullets.
    List(Option<u64>),
    /// An item; its marker is still to be written.
    Item {
        marker: String,
        written: bool,
    },
    Quote {
        written: bool,
    },
}

#[derive(Default)]
struct Writer {
    /// Lines of the result, and empty lines between blocks.
    blocks: Vec<String>,
    open: Vec<Open>,
    /// The inline text of the block being read.
    line: String,
    /// The text of a code block being read.
    code: Option<String>,
    /// What closes each open link: empty where the link was not allowed.
    links: Vec<String>,
    tight: bool,
}

impl Writer {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => match &mut self.code {
                Some(code) => code.push_str(&text),
                None => self.text(&text),
            },
            Event::Html(html) | Event::InlineHtml(html) => {
                self.text(&html.replace('\n', " "));
            }
            Event::Code(code) => self.line.push_str(&escape::code(&code)),
            Event::SoftBreak => self.line.push(' '),
            Event::HardBreak => self.line.push_str("\\\n"),
            Event::Rule => {
                self.flush();
                self.block("* * *");
            }
            // Only with options that are off.
            Event::InlineMath(_) | Event::DisplayMath(_) | Event::FootnoteReference(_) | Event::TaskListMarker(_) => {}
        }
    }

    fn text(&mut self, text: &str) {
        // Spaces between two inline events are no margin.
        let escaped = escape::markdown(text).replace("&#32;", " ");
        // What would open a block at the start of a line does not within one.
        let starts = self.line.is_empty() || self.line.ends_with('\n') || self.line.bytes().all(|byte| byte.is_ascii_digit());
        let within = escaped.strip_prefix('\\').filter(|rest| !starts && rest.starts_with(['-', '+', '=', '.', ')']));
        self.line.push_str(within.unwrap_or(&escaped));
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph | Tag::Heading { .. } | Tag::HtmlBlock => self.flush(),
            Tag::BlockQuote(_) => {
                self.flush();
                self.open.push(Open::Quote { written: false });
            }
            Tag::List(first) => {
                self.flush();
                self.open.push(Open::List(first));
            }
            Tag::Item => {
                self.flush();
                let marker = match self.open.last_mut() {
                    Some(Open::List(Some(number))) => {
                        *number = number.saturating_add(1);
                        format!("{}. ", number.saturating_sub(1))
                    }
                    _ => "- ".to_owned(),
                };
                self.open.push(Open::Item { marker, written: false });
            }
            Tag::CodeBlock(_) => {
                self.flush();
                self.code = Some(String::new());
            }
            Tag::Emphasis => self.line.push('*'),
            Tag::Strong => self.line.push_str("**"),
            Tag::Link { dest_url, .. } => {
                let end = if allowed(&dest_url) { format!("](<{dest_url}>)") } else { String::new() };
                if !end.is_empty() {
                    self.line.push('[');
                }
                self.links.push(end);
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) => {
                let title = std::mem::take(&mut self.line).replace("**", "");
                if !title.is_empty() {
                    self.block(&format!("**{}**", title.trim()));
                }
            }
            TagEnd::Paragraph | TagEnd::HtmlBlock => self.flush(),
            TagEnd::CodeBlock => {
                let code = self.code.take().unwrap_or_default();
                self.block(&escape::fenced("", &code));
            }
            TagEnd::BlockQuote(_) | TagEnd::List(_) => {
                self.flush();
                self.open.pop();
                self.tight = false;
            }
            TagEnd::Item => {
                self.flush();
                self.open.pop();
                self.tight = true;
            }
            TagEnd::Emphasis => self.line.push('*'),
            TagEnd::Strong => self.line.push_str("**"),
            TagEnd::Link => {
                let end = self.links.pop().unwrap_or_default();
                self.line.push_str(&end);
            }
            _ => {}
        }
    }

    /// Writes the inline text read so far as a block.
    fn flush(&mut self) {
        let line = std::mem::take(&mut self.line);
        let line = line.trim();
        if !line.is_empty() {
            self.block(line);
        }
    }

    /// Writes a block behind the markers of what is open around it.
    fn block(&mut self, text: &str) {
        // Margins of the first line, of the others, and of the empty line before.
        let (mut first, mut rest, mut before) = (String::new(), String::new(), String::new());
        let mut fresh_item = false;
        for open in self.open.iter_mut().take(DEPTH) {
            match open {
                Open::List(_) => {}
                Open::Quote { written } => {
                    first.push_str("> ");
                    rest.push_str("> ");
                    before.push_str(if *written { "> " } else { "" });
                    *written = true;
                }
                Open::Item { marker, written } => {
                    let indent = " ".repeat(marker.len());
                    first.push_str(if *written { &indent } else { marker });
                    rest.push_str(&indent);
                    before.push_str(if *written { &indent } else { "" });
                    fresh_item |= !*written;
                    *written = true;
                }
            }
        }
        let joined = fresh_item && self.tight;
        if !self.blocks.is_empty() && !joined {
            self.blocks.push(before.trim_end().to_owned());
        }
        self.tight = false;
        for (number, line) in text.lines().enumerate() {
            let margin = if number == 0 { &first } else { &rest };
            self.blocks.push(format!("{margin}{line}").trim_end().to_owned());
        }
    }
}

/// Whether a link may stand: an absolute http(s) or mailto address of plain characters.
fn allowed(url: &str) -> bool {
    let lower = url.to_ascii_lowercase();
    ["https://", "http://", "mailto:"].iter().any(|scheme| lower.starts_with(scheme))
        && url.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '\\' | '|' | '"' | '`'))
}

#[cfg(test)]
mod tests {
    use super::rewrite;

    #[test]
    fn plain_prose_stays() {
        let text = "A *key* that is **not** rotated, see [the guide](https://example.com/a?b=1).\n\n- one `code`\n- two\n\n1. first\n2. second\n\nEnd.";
        assert_eq!(
            rewrite(text),
            "A *key* that is **not** rotated, see [the guide](<https://example.com/a?b=1>).\n\n- one `code`\n- two\n\n1. first\n2. second\n\nEnd."
        );
    }

    #[test]
    fn html_and_other_links_become_text() {
        let text = "<b>x</b> [y](javascript:alert(1)) ![z](https://example.com/i.png)\n\n<script>\nalert(1)\n</script>\n\n# Big\n";
        let out = rewrite(text);
        assert_eq!(out, "&lt;b&gt;x&lt;/b&gt; y z\n\n&lt;script&gt; alert(1) &lt;/script&gt;\n\n**Big**");
    }

    #[test]
    fn what_is_open_is_closed() {
        assert_eq!(rewrite("```\nnever closed\n# x"), "```\nnever closed\n# x\n```");
        assert_eq!(rewrite("> quoted\n> - item\n>\n>   more"), "> quoted\n>\n> - item\n>\n>   more");
        assert_eq!(rewrite("- a\n  - b\n    - c"), "- a\n\n  - b\n\n    - c");
    }

    #[test]
    fn deep_nesting_ends() {
        let out = rewrite(&format!("{}deep", "> ".repeat(10_000)));
        assert!(out.len() < 100, "{}", out.len());
        assert!(rewrite(&format!("{}x", "- ".repeat(5_000))).len() < 200_000);
    }
}
