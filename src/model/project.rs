//! What `tickmark.toml` says.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::attestation::Attestation;
use super::baseline::Baseline;
use super::control::Control;
use super::framework::Framework;
pub use super::gate::{Gate, Gating, Narrowed, Override};
use super::trend::Figures;
use super::value::{Duration, Time};
use super::waiver::Waiver;
use super::wording::Wording;

/// A project, read and checked: everything but the evidence.
#[derive(Clone, Debug)]
pub struct Project {
    pub name: String,
    pub engagement: Engagement,
    pub wording: Wording,
    /// In the order that the project names them.
    pub frameworks: Vec<Framework>,
    /// Selected controls, sorted by id.
    pub controls: Vec<Control>,
    /// Controls that are not judged, sorted by id: shipped ones that are not selected, and any that are out of scope.
    pub deselected: Vec<Deselected>,
    /// Requirements declared out of scope, by framework and id.
    pub out_of_scope: BTreeMap<(String, String), OutOfScope>,
    pub gating: Gating,
    /// What `--only` and `--skip` leave of the selected controls.
    pub narrowed: Option<Narrowed>,
    /// The earlier assessment that was accepted as it stood: only what it does not know gates.
    pub baseline: Option<Baseline>,
    /// Earlier assessments whose figures the report shows beside its own, by time.
    pub earlier: Vec<Figures>,
    /// Pinned in `tickmark.toml`.
    pub as_of: Option<Time>,
    pub sources: Vec<SourceConfig>,
    /// The files of `waivers/`, sorted by id.
    pub waivers: Vec<Waiver>,
    /// The files of `attestations/`, sorted by id.
    pub attestations: Vec<Attestation>,
    /// The files of `mappings/`, sorted by path: what they say stands in the controls.
    pub mapping_files: Vec<MappingFile>,
    /// Somebody vouches that `attestations/` holds every attestation.
    pub attestations_complete: Option<Vouched>,
    /// The mappings that `sources` use, by kind.
    pub mappings: BTreeMap<String, SourceMapping>,
    pub packing: Packing,
    /// `tickmark.toml` as read: packed and hashed.
    pub text: String,
}

/// `inputs`: whether a package holds the exports themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Packing {
    #[default]
    Embed,
    /// It names them by their digests: who performs the assessment again needs them from elsewhere.
    Reference,
}

/// A file that adds requirements to controls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingFile {
    /// Path below the project.
    pub file: String,
    /// As read: packed and hashed.
    pub text: String,
}

/// `[engagement]`: for whom and by whom the assessment is made. It is printed, and decides nothing; each is as written, or not said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Engagement {
    /// Whose identities are looked at.
    pub entity: Option<String>,
    /// Which stretch of time it is made for.
    pub period: Option<String>,
    pub preparer: Option<String>,
    pub reviewer: Option<String>,
    /// Who may read it.
    pub distribution: Option<String>,
    pub classification: Option<String>,
}

impl Engagement {
    /// Key → what it says, in the order of the page.
    #[must_use]
    pub fn told(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("entity", &self.entity),
            ("period", &self.period),
            ("preparer", &self.preparer),
            ("reviewer", &self.reviewer),
            ("distribution", &self.distribution),
            ("classification", &self.classification),
        ];
        all.into_iter().filter_map(|(key, said)| Some((key, said.as_deref()?))).collect()
    }
}

/// A control that is not judged. It counts towards its requirements as unknown, unless it is out of scope (SEMANTICS §5.5).
#[derive(Clone, Debug)]
pub struct Deselected {
    pub control: Control,
    /// It is out of scope, as the project declares it.
    pub out_of_scope: Option<OutOfScope>,
    /// It is selected, and `--only` or `--skip` leave it out of this run.
    pub narrowed: bool,
}

/// What `[[out-of-scope]]` says of what it names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OutOfScope {
    pub reason: String,
    /// Who answers for it.
    pub approver: String,
}

impl OutOfScope {
    /// `No AI agent is run (accepted by s.tanaka)`.
    #[must_use]
    pub fn told(&self) -> String {
        format!("{} (accepted by {})", self.reason.trim_end_matches('.'), self.approver)
    }
}

impl Project {
    /// What the project's own word leaves out of scope: `2 controls and 1 requirement are out of scope, accepted by s.tanaka`; `None`: nothing.
    #[must_use]
    pub fn out_of_scope_told(&self, is_known: impl Fn(&str) -> bool) -> Option<String> {
        let controls = self.deselected.iter().filter_map(|left| left.out_of_scope.as_ref());
        let (controls, requirements) = (controls.clone().count(), self.out_of_scope.len());
        let several = |count: usize, one: &str| (count > 0).then(|| format!("{count} {one}{}", if count == 1 { "" } else { "s" }));
        let what: Vec<String> = [several(controls, "control"), several(requirements, "requirement")].into_iter().flatten().collect();
        let who: BTreeSet<String> = self
            .deselected
            .iter()
            .filter_map(|left| left.out_of_scope.as_ref())
            .chain(self.out_of_scope.values())
            .map(|declared| match is_known(&declared.approver) {
                true => declared.approver.clone(),
                false => format!("{} (no party that the evidence knows)", declared.approver),
            })
            .collect();
        let verb = if controls + requirements == 1 { "is" } else { "are" };
        (!what.is_empty())
            .then(|| format!("{} {verb} out of scope, accepted by {}", what.join(" and "), who.into_iter().collect::<Vec<_>>().join(", ")))
    }
}

/// One `[[source]]`.
#[derive(Clone, Debug)]
pub struct SourceConfig {
    /// Given, or the kind, numbered from the second of one kind: `kong-dump`, `kong-dump-2`.
    pub id: String,
    pub kind: String,
    pub exports: Exports,
    /// Only for canonical kinds: which table the files hold.
    pub table: Option<String>,
    /// What the files must yield to be called complete; empty: not said.
    pub systems: Vec<String>,
    pub collected_at: Option<Time>,
    pub required: bool,
    /// Default 24 h.
    pub max_age: Duration,
    /// Somebody vouches that it is complete.
    pub complete: Option<Vouched>,
    /// For a log: what it covers, where its export does not say.
    pub covers: Option<Covers>,
    /// What the detector of secrets passes over.
    pub not_secret: Vec<NotSecret>,
    /// Column → value: filled in where the export leaves the column unknown, on every row of a table that has it.
    pub facts: BTreeMap<String, String>,
}

/// Where the exports of a source lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exports {
    /// A glob below the project, with `/`.
    Files(String),
    /// The locker, where `tickmark collect` puts what these commands print.
    Locker(Commands),
}

/// What `tickmark collect` runs for a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commands {
    /// Empty: nothing is run, people hand files over.
    pub calls: Vec<Call>,
    /// What is passed on of the environment beside the usual and what the mapping names: `NAME`, `PREFIX_*`, `NAME=value`.
    pub env: Vec<String>,
    /// How long one call may take.
    pub time_limit: Duration,
}

/// `complete = { expected = 41, from = "account summary", by = "j.doe", on = "2026-06-29" }`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched {
    /// How many raw records there must be.
    pub expected: Option<i64>,
    pub from: String,
    pub by: String,
    /// A date: `2026-06-29`.
    pub on: String,
    /// Where `tickmark.toml` says the date.
    pub on_at: Range<usize>,
}

impl Vouched {
    /// Why it does not vouch for what was read: it counts fewer than that, was given before that was there (`since`, with how to
    /// say so), or after the time of the assessment. Its date is a day in UTC.
    #[must_use]
    pub fn doubts(&self, read: i64, records: &str, since: Option<(Time, &str)>, as_of: Time) -> Vec<String> {
        let mut doubts = Vec::new();
        if let Some(expected) = self.expected.filter(|expected| *expected < read) {
            doubts.push(format!("{read} {records} were read, more than the {expected} that {} vouches for", self.by));
        }
        doubts.extend(self.dated(since, Some(as_of)));
        doubts
    }

    /// What of [`Self::doubts`] its date alone shows.
    #[must_use]
    pub fn dated(&self, since: Option<(Time, &str)>, as_of: Option<Time>) -> Option<String> {
        let (by, on) = (&self.by, &self.on);
        match since {
            Some((at, before)) if *on < at.day() => Some(format!("{by} vouched for it on {on}, {before}")),
            _ if as_of.is_some_and(|as_of| *on > as_of.day()) => {
                Some(format!("{by} vouches for it on {on}, after the time of the assessment"))
            }
            _ => None,
        }
    }
}

/// `not-secret = [{ at = "/items/*/token", reason = "a public id" }]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotSecret {
    /// A JSON pointer within the document, or the record of a line format, in which `*` is any one step and `**` any number.
    pub at: String,
    pub reason: String,
}

/// `covers = { from = …, until = …, types = ["used"] }`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covers {
    pub from: Time,
    pub until: Time,
    pub types: Vec<String>,
}

/// `sources/<kind>.toml`: how one kind of export becomes canonical rows. `docs/sources.md` has the format.
#[derive(Clone, Debug)]
pub struct SourceMapping {
    pub kind: String,
    pub title: String,
    /// What one record is called, in the plural: `keys`, `objects`.
    pub records: String,
    pub format: Format,
    /// Tables it observes; empty for canonical kinds, whose `[[source]]` names the table.
    pub observes: Vec<String>,
    /// For each table, the columns that it never says.
    pub silent: BTreeMap<String, Vec<String>>,
    /// Event types that it observes.
    pub event_types: Vec<String>,
    /// What there is, or what somebody means to make: the two are never judged together.
    pub state: Declared,
    /// The vendor guarantees that an export which says nothing else holds every record.
    pub guarantees_full: bool,
    /// Secret fields: JSON pointers in which `*` is any one step and `**` any number of steps.
    pub secrets: Vec<String>,
    /// jq: the beginning of a document, or one record → whether it has this vendor's shape; empty: nobody can tell.
    pub recognise: String,
    /// jq: the whole document → `{ "system"?, "collected_at"?, "truncated"?, "part"? }`; empty: nothing is said.
    pub envelope: String,
    /// jq: the whole document → `path` arrays of its records, e.g. `path(.items[])`; empty: the format's own records.
    pub select: String,
    /// jq: one record, with `$file` (what the envelope said, with `systems` of the configuration) → canonical rows, each an
    /// object with `table`.
    pub rows: String,
    /// Where each field's meaning is documented by its vendor.
    pub documentation: Vec<String>,
    /// How it may be collected; `None`: the mapping suggests nothing.
    pub collect: Option<Collect>,
    /// `builtin/<kind>.toml`, or the path below the project.
    pub file: String,
    /// It is the project's own, and one of its kind ships.
    pub replaces: bool,
    /// The file as read: packed and hashed.
    pub text: String,
}

impl SourceMapping {
    /// Whether it came with the program.
    #[must_use]
    pub fn is_shipped(&self) -> bool {
        self.file.starts_with("builtin/")
    }
}

/// What a mapping's rows speak of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Declared {
    /// What is there.
    #[default]
    Deployed,
    /// What a plan or a manifest would make.
    Proposed,
}

impl Declared {
    pub const ALL: [(&'static str, Declared); 2] = [("deployed", Declared::Deployed), ("proposed", Declared::Proposed)];
}

/// What a mapping suggests for collecting its export. Nothing here is run unless a `[[source]]` asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collect {
    /// The program that must be installed.
    pub tool: String,
    /// What prints its version; empty: nothing does.
    pub version: Vec<String>,
    /// The least that the account in use must be allowed, in the vendor's words.
    pub permissions: Vec<String>,
    /// Environment variables that the tool needs, beside those that every call gets: `NAME` or `PREFIX_*`.
    pub env: Vec<String>,
    pub calls: Vec<Call>,
}

/// One command: run once, or once for each item of an earlier one's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub name: String,
    /// The program and its arguments; `{}` in an argument stands for the item.
    pub argv: Vec<String>,
    /// False for a call that only must precede: its output is thrown away.
    pub keep: bool,
    pub each: Option<Each>,
    /// jq on its output: the call is made again until this is true; empty: it is made once.
    pub until: String,
}

/// The items that a call is made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Each {
    /// An earlier call.
    pub call: String,
    /// jq on its output: the items, each a text.
    pub items: String,
}

/// The formats that a mapping may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON document.
    Json,
    /// One JSON document a line.
    Ndjson,
    /// With a header row.
    Csv,
    /// One or more YAML documents.
    Yaml,
    /// PEM blocks; certificates are decoded into JSON.
    Pem,
    /// Lines of text.
    Lines,
    /// A TOML document.
    Toml,
    /// NDJSON or CSV by the file's ending, rows as they are.
    Canonical,
}

impl Format {
    pub const ALL: [(&'static str, Format); 8] = [
        ("json", Format::Json),
        ("ndjson", Format::Ndjson),
        ("csv", Format::Csv),
        ("yaml", Format::Yaml),
        ("pem", Format::Pem),
        ("lines", Format::Lines),
        ("toml", Format::Toml),
        ("canonical", Format::Canonical),
    ];
}
