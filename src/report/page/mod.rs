//! `report.md`: an assessment as the template `templates/report.md.jinja` is given it.
//!
//! | module | what |
//! |---|---|
//! | `view` | what every part uses: marks, shortened lists |
//! | `evidence` | sources, tables, quarantine, the index of files |
//! | `requirements` | frameworks with their requirements |
//! | `obstacles` | what is in the way of a requirement |
//! | `causes` | what verdicts wait for, told once for all |
//! | `controls` | the summary and each control with its findings |
//! | `basis` | on what each was judged: population, counts, logs |
//! | `procedure` | a condition in words |
//! | `first` | what to fix first |
//! | `trend` | this assessment beside earlier ones |
//! | `growth`, `lifecycle`, `paths` | how access grows, ages and spreads |
//! | `pictures` | which figures the page gets |
//! | `wording` | the project's own words |
//! | `gate` | what decides how the run ends |
//! | `exceptions` | waivers, looser parameters, attestations |
//! | `lacking` | what a missing source leaves undecided |
//! | `trust` | what rests on the project's own settings |
//! | `limitations` | what a reader must not conclude |

mod basis;
mod causes;
mod controls;
mod evidence;
pub(super) mod exceptions;
mod first;
mod gate;
mod growth;
mod lacking;
mod lifecycle;
mod limitations;
mod obstacles;
mod paths;
mod pictures;
mod procedure;
mod requirements;
mod trend;
mod trust;
pub(super) mod view;
mod wording;

use std::collections::BTreeMap;

use minijinja::syntax::SyntaxConfig;
use minijinja::{
    AutoEscape, Environment, Error, UndefinedBehavior, Value,
    value::{Serde, ValueKind},
};
use serde::Serialize;

use super::{ReportError, author, escape, map, wire};
use crate::model::assessment::{Assessment, ENGINE, Outcome};
use crate::model::project::Project;
use crate::model::table::Evidence;
use view::{Capped, Mark};

const MARKDOWN: &str = include_str!("../../../templates/report.md.jinja");
/// The page around the Markdown.
pub(super) const HTML: &str = include_str!("../../../templates/report.html.jinja");
/// Its style.
pub(super) const STYLE: &str = include_str!("../../../templates/style.css");
/// Its script.
pub(super) const SCRIPT: &str = include_str!("../../../templates/report.js");
/// File name → text: packed beside what they made.
pub const TEMPLATES: [(&str, &str); 4] =
    [("report.html.jinja", HTML), ("report.js", SCRIPT), ("report.md.jinja", MARKDOWN), ("style.css", STYLE)];

/// What the template is given.
#[derive(Serialize)]
struct Page<'a> {
    name: &'a str,
    /// What the report is called.
    title: &'a str,
    engagement: Vec<(&'static str, &'a str)>,
    /// The project's own Markdown by place.
    own: BTreeMap<&'static str, String>,
    /// The files that it stands in.
    own_files: Vec<&'a str>,
    outcome: OutcomeView<'a>,
    as_of: String,
    as_of_from: &'static str,
    holds_until: Option<String>,
    gate: gate::GateView<'a>,
    seal: &'a str,
    engine: Engine,
    totals: Totals,
    first: Capped<first::FirstView<'a>>,
    by_severity: Vec<controls::Row>,
    by_family: Vec<controls::Row>,
    controls: Vec<controls::ControlView<'a>>,
    incomplete_populations: bool,
    lacking: Vec<lacking::LackingView>,
    trend: trend::TrendView,
    growth: growth::GrowthView,
    ages: lifecycle::AgesView,
    lives: Capped<lifecycle::LifeView<'a>>,
    paths: Capped<paths::PathView<'a>>,
    looser: Vec<exceptions::LooserView<'a>>,
    /// How many of them have ended.
    ended_looser: usize,
    trust: trust::TrustView<'a>,
    waivers: Capped<exceptions::WaiverView<'a>>,
    /// Waivers that waive nothing, though somebody meant them to.
    idle_waivers: usize,
    attestations: Capped<exceptions::AttestationView>,
    sources: Vec<evidence::SourceView<'a>>,
    sources_more: usize,
    tables: Vec<evidence::TableView<'a>>,
    quarantine: Capped<evidence::QuarantineView<'a>>,
    files: Capped<evidence::FileView<'a>>,
    reliance: Vec<evidence::RelianceView<'a>>,
    frameworks: Vec<requirements::FrameworkView<'a>>,
    limitations: Vec<String>,
}

#[derive(Serialize)]
struct OutcomeView<'a> {
    shape: &'static str,
    word: &'static str,
    reason: &'a str,
}

#[derive(Serialize)]
struct Engine {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Totals {
    controls: view::CountsView,
    verdicts: view::CountsView,
}

/// `report.md`, and the pictures that `report.html` adds to it.
#[derive(Debug)]
pub struct Rendered {
    pub markdown: String,
    /// The text of the heading under which each stands → the figure.
    pub figures: BTreeMap<String, String>,
}

/// The whole of `report.md`.
///
/// # Errors
/// [`ReportError::Template`] if a template is wrong.
pub fn markdown(assessment: &Assessment, evidence: &Evidence, project: &Project, seal: &str) -> Result<Rendered, ReportError> {
    let looser = exceptions::looser(project);
    let totals = map::totals(&assessment.controls);
    let controls = controls::controls(assessment, evidence, project);
    let (sources, sources_more) = evidence::sources(assessment, evidence, project);
    let page = Page {
        name: &assessment.name,
        title: project.wording.title.as_deref().unwrap_or("Assessment"),
        engagement: project.engagement.told(),
        own: wording::own(assessment, project, seal),
        own_files: project.wording.blocks.iter().map(|block| block.file.as_str()).collect(),
        outcome: OutcomeView {
            shape: match assessment.outcome {
                Outcome::Satisfied => Mark::PASS,
                Outcome::KnownOnly => Mark::PART,
                Outcome::GateOff => Mark::NONE,
                Outcome::Violations => Mark::FAIL,
                Outcome::Insufficient => Mark::UNKNOWN,
                Outcome::NothingAssessed => Mark::NONE,
            },
            word: assessment.outcome.word(),
            reason: &assessment.reason,
        },
        as_of: assessment.as_of.to_string(),
        as_of_from: match assessment.as_of_from {
            "argument" => "given on the command line",
            "configuration" => "set in tickmark.toml",
            _ => "the newest collection time of the evidence",
        },
        holds_until: evidence.holds_until().map(|until| until.to_string()),
        gate: gate::gate(assessment, evidence, project),
        seal,
        engine: Engine { name: ENGINE.0, version: ENGINE.1 },
        totals: Totals { controls: totals.controls.into(), verdicts: totals.verdicts.into() },
        first: first::first(assessment, evidence),
        by_severity: controls::by_severity(assessment),
        by_family: controls::by_family(assessment),
        incomplete_populations: controls.iter().any(|control| !control.complete),
        lacking: lacking::lacking(assessment),
        trend: trend::trend(assessment, project),
        growth: growth::growth(evidence, assessment.as_of),
        ages: lifecycle::ages(assessment, evidence),
        lives: lifecycle::lives(assessment, evidence),
        paths: paths::paths(assessment),
        ended_looser: looser.iter().filter(|looser| looser.ended.is_some()).count(),
        looser,
        trust: trust::trust(evidence, project),
        waivers: exceptions::waivers(assessment),
        idle_waivers: assessment.waivers.iter().filter(|result| result.waived.is_empty()).count(),
        attestations: exceptions::shown_attestations(evidence, assessment.as_of),
        controls,
        sources,
        sources_more,
        tables: evidence::tables(assessment, evidence),
        quarantine: evidence::quarantine(evidence),
        files: evidence::files(evidence),
        reliance: evidence::reliance(assessment, evidence),
        frameworks: requirements::frameworks(assessment, evidence),
        limitations: limitations::limitations(assessment, evidence, project),
    };
    let figures = pictures::pictures(&page);
    let mut environment = environment()?;
    environment.add_template("report.md", MARKDOWN)?;
    Ok(Rendered { markdown: tidy(&environment.get_template("report.md")?.render(Serde(page))?), figures })
}

/// A line that holds only a tag leaves nothing behind.
pub(super) fn syntax() -> Result<SyntaxConfig, Error> {
    SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()
}

/// A template environment in which everything printed is escaped for Markdown unless it is known to be safe.
fn environment() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(syntax()?);
    environment.set_auto_escape_callback(|_| AutoEscape::Custom("markdown".into()));
    environment.set_formatter(|out, _state, value| {
        let plain = value.is_safe() || matches!(value.kind(), ValueKind::Number);
        let text = value.to_string();
        out.write_str(&if plain { text } else { escape::sentence(&text) }).map_err(Error::from)
    });
    environment.add_filter("code", |text: &str| Value::from_safe_string(escape::code(text)));
    environment.add_filter("author", |text: &str| Value::from_safe_string(author::rewrite(text)));
    environment.add_filter("sql", |text: &str| Value::from_safe_string(escape::fenced("sql", text)));
    Ok(environment)
}

/// One line break at the end, never two empty lines together.
fn tidy(markdown: &str) -> String {
    let mut out = String::with_capacity(markdown.len());
    let mut empty = 0;
    for line in markdown.lines() {
        empty = if line.trim().is_empty() { empty + 1 } else { 0 };
        if empty < 2 {
            out.push_str(line);
            out.push('\n');
        }
    }
    while out.ends_with("\n\n") {
        out.pop();
    }
    out
}

/// Counts as a template reads them.
impl From<wire::Counts> for view::CountsView {
    fn from(counts: wire::Counts) -> Self {
        view::CountsView { total: counts.total(), counts }
    }
}
