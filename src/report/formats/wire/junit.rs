//! JUnit XML, as Jenkins' xUnit plug-in has it in `junit-10.xsd`.

use std::fmt::Write;

use crate::report::escape;

pub struct Suites {
    pub name: String,
    pub suites: Vec<Suite>,
}

pub struct Suite {
    pub name: String,
    /// RFC 3339.
    pub timestamp: String,
    pub properties: Vec<(&'static str, String)>,
    pub cases: Vec<Case>,
}

pub struct Case {
    pub name: String,
    pub class: String,
    pub outcome: Outcome,
}

pub enum Outcome {
    Passed,
    Failure(Said),
    Error(Said),
    Skipped(Said),
}

pub struct Said {
    /// One line.
    pub message: String,
    pub kind: String,
    /// Lines.
    pub detail: String,
}

/// How many cases there are, and of which kind.
#[derive(Clone, Copy, Default)]
struct Counted {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Suites {
    /// The document.
    #[must_use]
    pub fn xml(&self) -> String {
        let counted: Vec<Counted> = self.suites.iter().map(Suite::counted).collect();
        let sum = |of: fn(&Counted) -> usize| counted.iter().map(of).sum::<usize>();
        let (tests, failures, errors) = (sum(|c| c.tests), sum(|c| c.failures), sum(|c| c.errors));
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        let name = attribute(&self.name);
        let _ = writeln!(out, "<testsuites name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" time=\"0\">");
        self.suites.iter().zip(counted).for_each(|(suite, counted)| suite.write(counted, &mut out));
        out.push_str("</testsuites>\n");
        out
    }
}

impl Suite {
    fn counted(&self) -> Counted {
        let mut counted = Counted { tests: self.cases.len(), ..Counted::default() };
        for case in &self.cases {
            match case.outcome {
                Outcome::Passed => {}
                Outcome::Failure(_) => counted.failures += 1,
                Outcome::Error(_) => counted.errors += 1,
                Outcome::Skipped(_) => counted.skipped += 1,
            }
        }
        counted
    }

    fn write(&self, Counted { tests, failures, errors, skipped }: Counted, out: &mut String) {
        let (name, timestamp) = (attribute(&self.name), attribute(&self.timestamp));
        let _ = write!(out, "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" ");
        let _ = writeln!(out, "skipped=\"{skipped}\" time=\"0\" timestamp=\"{timestamp}\">");
        out.push_str("    <properties>\n");
        for (name, value) in &self.properties {
            let _ = writeln!(out, "      <property name=\"{}\" value=\"{}\"/>", attribute(name), attribute(value));
        }
        out.push_str("    </properties>\n");
        self.cases.iter().for_each(|case| case.write(out));
        out.push_str("  </testsuite>\n");
    }
}

impl Case {
    fn write(&self, out: &mut String) {
        let (element, said) = match &self.outcome {
            Outcome::Passed => {
                let _ =
                    writeln!(out, "    <testcase name=\"{}\" classname=\"{}\" time=\"0\"/>", attribute(&self.name), attribute(&self.class));
                return;
            }
            Outcome::Failure(said) => ("failure", said),
            Outcome::Error(said) => ("error", said),
            Outcome::Skipped(said) => ("skipped", said),
        };
        let _ = writeln!(out, "    <testcase name=\"{}\" classname=\"{}\" time=\"0\">", attribute(&self.name), attribute(&self.class));
        let _ = write!(out, "      <{element} message=\"{}\" type=\"{}\"", attribute(&said.message), attribute(&said.kind));
        if said.detail.is_empty() {
            out.push_str("/>\n");
        } else {
            let lines: Vec<String> = said.detail.lines().map(attribute).collect();
            let _ = writeln!(out, ">{}</{element}>", lines.join("\n"));
        }
        out.push_str("    </testcase>\n");
    }
}

/// A line as an attribute's value or as text: what XML cannot hold, and what cannot be seen, is spelt out.
fn attribute(text: &str) -> String {
    escape::visible(text).chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\u{fffe}' | '\u{ffff}' => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
        out
    })
}
