//! The differences for people: on a terminal, and in Markdown.

use std::fmt::Write;

use super::{Change, Differences};
use crate::cli::summary::printable;
use crate::report::escape;

/// How many of a list are told.
const TOLD: usize = 20;
const TOLD_IN_MARKDOWN: usize = 50;

/// On a terminal; the last line is the verdict.
pub fn text(differences: &Differences) -> String {
    let mut out = String::new();
    for (word, head) in [("old", &differences.old), ("new", &differences.new)] {
        let _ = writeln!(out, "{word}: {}, as of {}, root {}", printable(&head.name), printable(&head.as_of), head.root);
    }
    for (title, list) in differences.lists().into_iter().filter(|(_, list)| !list.is_empty()) {
        let _ = writeln!(out, "\n{title}");
        for change in list.iter().take(TOLD) {
            let _ = writeln!(out, "  {} {}", if change.worse.0 { "✗" } else { "–" }, printable(&sentence(change, str::to_owned)));
        }
        if list.len() > TOLD {
            let _ = writeln!(out, "  and {} more", list.len() - TOLD);
        }
    }
    let _ = writeln!(out, "\n{}", line(differences));
    out
}

/// In Markdown.
pub fn markdown(differences: &Differences) -> String {
    let mut out = format!("## {}\n\n", escape::sentence(&line(differences)));
    for (word, head) in [("Old", &differences.old), ("New", &differences.new)] {
        let _ = writeln!(out, "- {word}: {}, as of {}, root `{}`", escape::sentence(&head.name), escape::sentence(&head.as_of), head.root);
    }
    for (title, list) in differences.lists().into_iter().filter(|(_, list)| !list.is_empty()) {
        let _ = writeln!(out, "\n### {title}\n");
        for change in list.iter().take(TOLD_IN_MARKDOWN) {
            let worse = if change.worse.0 { "**✗ worse** " } else { "" };
            let _ = writeln!(out, "- {worse}{}", sentence(change, escape::code));
        }
        if list.len() > TOLD_IN_MARKDOWN {
            let _ = writeln!(out, "- and {} more", list.len() - TOLD_IN_MARKDOWN);
        }
    }
    out
}

/// `new violation: OFF-01 kong:…: pass → fail`, with each value as `shown` shows it.
fn sentence(change: &Change, shown: impl Fn(&str) -> String) -> String {
    let about: Vec<String> =
        change.control.as_deref().into_iter().chain([change.what.as_str()]).filter(|name| !name.is_empty()).map(&shown).collect();
    let value = |value: &Option<String>| value.as_deref().map_or_else(|| "not there".to_owned(), &shown);
    format!("{}: {}: {} → {}", change.change, about.join(" "), value(&change.before), value(&change.after))
}

/// The verdict, with how much of what.
fn line(differences: &Differences) -> String {
    let count = |list: &[Change], wanted: bool| list.iter().filter(|change| change.worse.0 == wanted).count();
    let of = |wanted: bool| -> Vec<String> {
        let lists = differences.lists().into_iter().map(|(title, list)| (title.to_lowercase(), count(list, wanted)));
        lists.filter(|(_, count)| *count > 0).map(|(title, count)| format!("{count} in {title}")).collect()
    };
    let (worse, other) = (of(true), of(false));
    match (worse.is_empty(), other.is_empty()) {
        (true, true) => "SAME (exit 0): nothing differs".to_owned(),
        (true, false) => format!("NOT WORSE (exit 0): nothing got worse; other differences: {}", other.join(", ")),
        (false, _) => format!("WORSE (exit 1): {}", worse.join(", ")),
    }
}
