//! A report package over an assessment written by hand: small, but with one of everything, and with hostile text in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray, UInt8Array};
use serde_json::Value;
use tickmark::attest::manifest;
use tickmark::model::assessment::{
    Assessment, Cause, ControlResult, Counts, Finding, FrameworkResult, Group, Judged, MappedControl, Named, Outcome, Position, Reason,
    RequirementResult, Standing, Status, Support, Verdict, finding_id,
};
use tickmark::model::baseline::{Accepted, Baseline, BaselineResult, BaselineStanding, Earlier, Vanished};
use tickmark::model::condition::{Condition, Kind, Node};
use tickmark::model::control::{Control, Looser, Mapping, Param, Severity, Stricter};
use tickmark::model::digest::sha256;
use tickmark::model::framework::{Framework, Requirement};
use tickmark::model::project::{
    Deselected, Engagement, Exports, Gate, Gating, Narrowed, Override, Packing, Project, SourceConfig, Vouched,
};
use tickmark::model::row::Origin;
use tickmark::model::schema::{SCHEMA, Type, table};
use tickmark::model::table::{
    Collection, Column, Completeness, Evidence, EvidenceFile, Gap, Locator, Logs, Quarantined, Source, Table, Why,
};
use tickmark::model::value::{Constant, Duration, Time};
use tickmark::model::watch::Unwatched;
use tickmark::model::wording::Wording;
use tickmark::report::{ReportError, render};

const DAY: i64 = 86_400_000_000;
pub const HOSTILE: &str = "<script>alert(1)</script>|[x](javascript:alert(1))\u{202e}`**\n# not a heading\0";

fn at(text: &str) -> Time {
    Time::parse(text).unwrap()
}

fn condition(text: &str, subject: usize) -> Condition {
    let root = Node { id: 0, span: 0..text.len(), ty: Type::Bool, kind: Kind::Literal(Constant::Bool(true)) };
    Condition { text: text.to_owned(), table: subject, root, nodes: 1 }
}

fn control(id: &str, title: &str, severity: Severity, subject: &str) -> Control {
    let subject = table(subject).unwrap();
    let file = format!("builtin/rotation/{id}.toml");
    Control {
        max_waiver: Duration(90 * DAY),
        id: id.to_owned(),
        title: title.to_owned(),
        severity,
        subject,
        statement: "Every long-lived credential is **replaced** before it is 90 days old.\n\n- keys of users\n- keys of services, see [the guide](https://example.com/rotation)\n\n<b>raw</b> and [bad](javascript:alert(1))".to_owned(),
        risk: "A key that is never replaced is one that a leak keeps open.".to_owned(),
        remediation: "1. Issue a new key.\n2. Move the callers.\n3. Revoke the old one.".to_owned(),
        notes: Vec::new(),
        mappings: vec![Mapping {
            framework: "nist-csf-2.0".to_owned(),
            written: "PR.AC-4".to_owned(),
            requirement: "PR.AA-05".to_owned(),
            relationship: "intersects-with".to_owned(),
            rationale: "Rotation bounds how long an entitlement outlives its need.".to_owned(),
            file: None,
        }],
        params: BTreeMap::from([(
            "max_age".to_owned(),
            Param {
                name: "max-age".to_owned(),
                value: Constant::Duration(Duration(60 * DAY)),
                written: "60d".to_owned(),
                default: "90d".to_owned(),
                standard: Constant::Duration(Duration(90 * DAY)),
                min: Some("1d".to_owned()),
                max: Some("365d".to_owned()),
                basis: "House default: no framework sets a number.".to_owned(),
                stricter: Some(Stricter::Lower),
                overridden: true,
                looser: None,
            },
        )]),
        applies: Some(condition("status = 'active'\nAND kind <> 'federated'", subject)),
        assert: condition("rotated_at >= $as_of - $max_age", subject),
        tests: Vec::new(),
        equivalent: Vec::new(),
        text: format!("id = \"{id}\"\n"),
        file,
    }
}

fn reason(word: &'static str, detail: &str) -> Reason {
    Reason { word, detail: detail.to_owned(), cause: Cause::Said }
}

fn finding(control: &str, subject: &str, verdict: Verdict, reasons: Vec<Reason>) -> Finding {
    Finding {
        id: finding_id(control, Named::Id(subject), &[]),
        control: control.to_owned(),
        subject: subject.to_owned(),
        verdict,
        observed: BTreeMap::from([
            ("$max_age".to_owned(), "60d".to_owned()),
            ("identity.owner".to_owned(), HOSTILE.to_owned()),
            ("rotated_at".to_owned(), "2025-11-02T09:14:00Z".to_owned()),
        ]),
        reasons,
        broken: Vec::new(),
        evidence: vec![Position {
            source: "aws-credential-report".to_owned(),
            file: "evidence/aws/credentials.csv".to_owned(),
            record: "line 3".to_owned(),
        }],
        group: None,
        waivers: if verdict == Verdict::Waived { vec!["W-1".to_owned()] } else { Vec::new() },
        known: (verdict == Verdict::Fail).then_some(control == "OFF-02"),
    }
}

/// A result whose population is its findings and some subjects that pass.
fn result(control: Control, status: Status, mut findings: Vec<Finding>, passing: &[&str], gaps: Vec<Reason>) -> ControlResult {
    let order = |verdict| match verdict {
        Verdict::Fail => 0,
        Verdict::Waived => 1,
        _ => 2,
    };
    findings.sort_by(|a, b| (order(a.verdict), &a.subject).cmp(&(order(b.verdict), &b.subject)));
    let mut population: Vec<Judged> =
        findings.iter().map(|finding| Judged { subject: finding.subject.clone(), verdict: finding.verdict }).collect();
    population.extend(passing.iter().map(|subject| Judged { subject: (*subject).to_owned(), verdict: Verdict::Pass }));
    population.sort_by(|a, b| a.subject.cmp(&b.subject));
    let mut counts = Counts::default();
    population.iter().for_each(|judged| counts.add(judged.verdict));
    ControlResult { control, status, population, witnesses: Vec::new(), counts, population_gaps: gaps, findings, known: 0 }
}

fn controls() -> Vec<ControlResult> {
    let missing = || vec![reason("missing", "`rotated_at` of `aws:111122223333:key/AKIAEXAMPLE7` is not said by any source.")];
    let alike =
        || vec![reason("no-log", "a log of `kong:prod` with type used from 2026-03-02T00:00:00Z to 2026-06-30T00:00:00Z would settle it")];
    let mut off = control("OFF-02", "A revoked credential is not used", Severity::Critical, "event");
    off.params.clear();
    off.applies = None;
    let mut grouped = finding("OFF-02", "kong:prod/credential/9", Verdict::Fail, Vec::new());
    grouped.group =
        Some(Group { count: 37, subjects: Vec::new(), first: Some(at("2026-04-01T08:00:00Z")), last: Some(at("2026-06-12T10:30:00Z")) });
    let absent = |n: usize| {
        finding(
            "OFF-02",
            &format!("kong:prod/credential/{n}"),
            Verdict::Unknown,
            vec![reason("no-source", "no configured source observes the table event")],
        )
    };
    let mut inventory = control("INV-01", "Every identity has an owner", Severity::High, "identity");
    inventory.mappings.clear();
    let mut waived = control("PRV-01", "No wildcard grants", Severity::Medium, "grant");
    waived.risk.clear();
    vec![
        result(inventory, Status::Pass, Vec::new(), &["aws:111122223333:user/billing", "aws:111122223333:user/reports"], Vec::new()),
        result(
            control("MON-01", "Use of credentials is logged", Severity::Low, "identity"),
            Status::NotApplicable,
            Vec::new(),
            &[],
            Vec::new(),
        ),
        result(
            off,
            Status::Fail,
            vec![grouped, absent(1), absent(2)],
            &[],
            vec![reason("no-source", "no configured source observes the table event")],
        ),
        result(
            waived,
            Status::Waived,
            vec![finding("PRV-01", "aws:111122223333:grant/admin", Verdict::Waived, Vec::new())],
            &["aws:111122223333:grant/read"],
            Vec::new(),
        ),
        result(
            control("ROT-01", "Long-lived credentials are rotated", Severity::High, "credential"),
            Status::Fail,
            vec![
                finding("ROT-01", "aws:111122223333:key/AKIAEXAMPLE2", Verdict::Fail, Vec::new()),
                finding("ROT-01", HOSTILE, Verdict::Fail, Vec::new()),
                finding("ROT-01", "aws:111122223333:key/AKIAEXAMPLE7", Verdict::Unknown, missing()),
                finding("ROT-01", "kong:prod/key/1", Verdict::Unknown, alike()),
                finding("ROT-01", "kong:prod/key/2", Verdict::Unknown, alike()),
                finding("ROT-01", "kong:prod/key/3", Verdict::Unknown, alike()),
            ],
            &["=cmd|' /C calc'!A0", "aws:111122223333:key/AKIAEXAMPLE1"],
            vec![reason("partial-source", "aws-credential-report: 1 record was quarantined")],
        ),
    ]
}

fn requirement(
    id: &str,
    level: &str,
    parent: Option<&str>,
    title: &str,
    support: Support,
    controls: &[(&str, &str, Option<Status>)],
) -> RequirementResult {
    RequirementResult {
        id: id.to_owned(),
        level: level.to_owned(),
        parent: parent.map(str::to_owned),
        title: title.to_owned(),
        support,
        controls: controls
            .iter()
            .map(|(id, written, status)| MappedControl {
                id: (*id).to_owned(),
                written: (*written).to_owned(),
                relationship: "intersects-with".to_owned(),
                standing: status.map_or(Standing::NotSelected, Standing::Judged),
            })
            .collect(),
        out_of_scope: None,
    }
}

fn assessment() -> Assessment {
    let csf = FrameworkResult {
        id: "nist-csf-2.0".to_owned(),
        title: "Cybersecurity Framework".to_owned(),
        publisher: "NIST".to_owned(),
        edition: "2.0".to_owned(),
        attribution: "Titles from NIST CSWP 29, public domain.".to_owned(),
        url: "https://doi.org/10.6028/NIST.CSWP.29".to_owned(),
        requirements: vec![
            requirement("PR", "function", None, "Protect", Support::NoControl, &[]),
            requirement("PR.AA", "category", Some("PR"), "Identity management, authentication and access control", Support::NoControl, &[]),
            requirement(
                "PR.AA-05",
                "subcategory",
                Some("PR.AA"),
                "Access permissions are managed",
                Support::Contradicted,
                &[
                    ("MON-01", "PR.AA-05", Some(Status::NotApplicable)),
                    ("OFF-02", "PR.AC-4", Some(Status::Fail)),
                    ("PRV-01", "PR.AA-05", Some(Status::Waived)),
                    ("ROT-01", "PR.AC-4", Some(Status::Fail)),
                ],
            ),
            requirement("PR.AA-06", "subcategory", Some("PR.AA"), "Physical access is managed", Support::NoControl, &[]),
        ],
    };
    let owasp = FrameworkResult {
        id: "owasp-nhi-2025".to_owned(),
        title: "Non-Human Identities Top 10".to_owned(),
        publisher: "OWASP".to_owned(),
        edition: "2025".to_owned(),
        attribution: "OWASP, CC BY-SA 4.0; titles in our own words.".to_owned(),
        url: "https://owasp.org/www-project-non-human-identities-top-10/".to_owned(),
        requirements: vec![
            requirement(
                "NHI1:2025",
                "risk",
                None,
                "Improper offboarding",
                Support::Undetermined,
                &[("OFF-01", "NHI1:2025", None), ("INV-01", "NHI1", Some(Status::Pass))],
            ),
            requirement("NHI2:2025", "risk", None, "Secret leakage", Support::NoControl, &[]),
        ],
    };
    Assessment {
        name: "Example bank <b>&</b>".to_owned(),
        as_of: at("2026-06-30T00:00:00Z"),
        as_of_from: "evidence",
        gate: "high",
        outcome: Outcome::Violations,
        reason: "2 controls at or above the gate failed.".to_owned(),
        controls: controls(),
        waivers: Vec::new(),
        baseline: Some(BaselineResult {
            standing: BaselineStanding::InForce,
            known: 37,
            vanished: vec![
                Vanished { control: String::new(), what: "source kong".to_owned(), why: "it is not configured any more".to_owned() },
                Vanished { control: "OFF-02".to_owned(), what: HOSTILE.to_owned(), why: "it is gone".to_owned() },
            ],
        }),
        frameworks: vec![owasp, csf],
        tables: vec![("identity".to_owned(), 2, true), ("credential".to_owned(), 5, false), ("event".to_owned(), 0, false)],
    }
}

fn file(source: u32, path: &str, text: &str) -> EvidenceFile {
    EvidenceFile {
        source,
        path: path.to_owned(),
        original_sha256: sha256(text.as_bytes()),
        sha256: sha256(text.as_bytes()),
        redacted: 0,
        bytes: text.as_bytes().to_vec(),
        locator: Locator::Lines(vec![2, 3, 4]),
        set_aside: None,
    }
}

fn evidence() -> Evidence {
    let ids = ["=cmd|' /C calc'!A0", "aws:111122223333:key/AKIAEXAMPLE1", "aws:111122223333:key/AKIAEXAMPLE2"];
    let tables = SCHEMA
        .iter()
        .map(|schema| {
            let credential = schema.name == "credential";
            let ids: Vec<&str> = if credential { ids.to_vec() } else { Vec::new() };
            Table {
                schema,
                rows: ids.len(),
                columns: vec![Column {
                    values: Arc::new(StringArray::from(ids.clone())) as ArrayRef,
                    state: UInt8Array::from(vec![0; ids.len()]),
                    fresh: None,
                    link: None,
                }],
                untold: BTreeSet::new(),
                origins: (0..ids.len()).map(|record| vec![Origin { file: 0, record: u32::try_from(record).unwrap() }]).collect(),
                gaps: match schema.name {
                    "credential" => {
                        vec![Gap { source: "aws-credential-report".to_owned(), why: Why::Partial("1 record was quarantined".to_owned()) }]
                    }
                    "event" => vec![Gap { source: String::new(), why: Why::NoSource }],
                    _ => Vec::new(),
                },
                conflicts: BTreeMap::new(),
            }
        })
        .collect();
    let mut redacted = file(1, "evidence/kong/dump.yaml", "key: hmac-sha256:k1:ab\n");
    redacted.original_sha256 = sha256(b"key: s3cret\n");
    redacted.redacted = 2;
    let mut old = file(1, "evidence/kong/dump-old.yaml", "old");
    old.set_aside = Some("an older export than the one in use".to_owned());
    Evidence {
        journal: BTreeMap::new(),
        tables,
        logs: Logs::default(),
        systems: vec!["aws:111122223333".to_owned(), "kong:prod".to_owned()],
        sources: vec![
            Source {
                id: "aws-credential-report".to_owned(),
                kind: "aws-credential-report".to_owned(),
                system: Some("aws:111122223333".to_owned()),
                required: true,
                tables: vec!["identity".to_owned(), "credential".to_owned()],
                collected_at: Some(at("2026-06-29T22:00:00Z")),
                collected_from: Some("configuration"),
                completeness: Completeness::Partial,
                completeness_note: "1 record was quarantined".to_owned(),
                expected_records: Some(41),
                records: 40,
                quarantined: 1,
                max_age: Duration(DAY),
                fresh: true,
                notes: vec!["2 rows of the export before this one have vanished".to_owned()],
                ..Source::default()
            },
            Source {
                id: "kong".to_owned(),
                kind: "kong-dump".to_owned(),
                system: Some("kong:prod".to_owned()),
                collected_at: Some(at("2026-06-20T00:00:00Z")),
                collected_from: Some("export"),
                completeness: Completeness::Full,
                completeness_note: "j.doe vouches for it".to_owned(),
                records: 12,
                covers: Some((at("2026-01-01T00:00:00Z"), at("2026-06-29T00:00:00Z"))),
                max_age: Duration(DAY),
                ..Source::default()
            },
            Source {
                id: "vault".to_owned(),
                kind: "canonical".to_owned(),
                required: true,
                absent: true,
                max_age: Duration(DAY),
                ..Source::default()
            },
        ],
        files: vec![file(0, "evidence/aws/credentials.csv", "user\na\nb\n"), old, redacted],
        remarks: Vec::new(),
        quarantine: vec![Quarantined {
            file: "evidence/aws/credentials.csv".to_owned(),
            position: "line 9".to_owned(),
            reason: format!("`user` should be text, found {HOSTILE}"),
        }],
    }
}

fn project() -> Project {
    let framework = |id: &str, requirements: &[(&str, &str)]| Framework {
        id: id.to_owned(),
        title: id.to_owned(),
        publisher: String::new(),
        edition: String::new(),
        attribution: String::new(),
        url: String::new(),
        requirements: requirements
            .iter()
            .map(|(id, title)| Requirement { id: (*id).to_owned(), level: "risk".to_owned(), parent: None, title: (*title).to_owned() })
            .collect(),
        aliases: BTreeMap::new(),
        text: format!("id = \"{id}\"\n"),
        file: format!("builtin/{id}.toml"),
    };
    Project {
        name: "Example bank".to_owned(),
        wording: Wording::default(),
        engagement: Engagement { entity: Some("Example | Bank".to_owned()), ..Engagement::default() },
        frameworks: vec![framework("owasp-nhi-2025", &[]), framework("nist-csf-2.0", &[("PR.AA-05", "Access permissions are managed")])],
        controls: controls().into_iter().map(|result| result.control).collect(),
        deselected: vec![Deselected {
            control: control("OFF-01", "Partner credentials are revoked", Severity::Critical, "credential"),
            out_of_scope: None,
            narrowed: true,
        }],
        packing: Packing::Embed,
        out_of_scope: BTreeMap::new(),
        gating: Gating {
            fail: Gate::AtLeast(Severity::High),
            fail_on_unknown: Some(Gate::AtLeast(Severity::Critical)),
            overrides: BTreeMap::from([
                ("MON-01".to_owned(), Override { held: true, answer: None }),
                (
                    "PRV-01".to_owned(),
                    Override {
                        held: false,
                        answer: Some(Looser {
                            reason: HOSTILE.to_owned(),
                            approver: HOSTILE.to_owned(),
                            approval: None,
                            until: None,
                            ended: None,
                        }),
                    },
                ),
            ]),
        },
        narrowed: Some(Narrowed { only: vec!["nist-csf-2.0".to_owned()], skip: vec!["TPR".to_owned()], left: 6, of: 9 }),
        baseline: Some(baseline()),
        earlier: Vec::new(),
        as_of: None,
        waivers: Vec::new(),
        attestations: Vec::new(),
        mapping_files: Vec::new(),
        attestations_complete: None,
        sources: vec![SourceConfig {
            id: "kong".to_owned(),
            kind: "kong-dump".to_owned(),
            exports: Exports::Files("evidence/kong/*.yaml".to_owned()),
            not_secret: Vec::new(),
            table: None,
            systems: Vec::new(),
            collected_at: None,
            required: false,
            max_age: Duration(DAY),
            complete: Some(Vouched {
                expected: Some(12),
                from: "the gateway's own count".to_owned(),
                by: "j.doe".to_owned(),
                on: "2026-06-20".to_owned(),
                on_at: 0..0,
            }),
            covers: None,
            facts: BTreeMap::new(),
        }],
        mappings: BTreeMap::new(),
        text: "name = \"Example bank\"\n".to_owned(),
    }
}

fn baseline() -> Baseline {
    Baseline {
        accepted: Accepted {
            package: "accepted".to_owned(),
            root: "ab".repeat(32),
            reason: format!("As it stood. {HOSTILE}"),
            approver: "s.tanaka".to_owned(),
            granted_at: at("2026-06-01T00:00:00Z"),
            expires_at: at("2026-08-01T00:00:00Z"),
            ticket: Some("RISK-7".to_owned()),
            approval: None,
            text: "package = \"accepted\"\n".to_owned(),
        },
        files: BTreeMap::from([("manifest.json".to_owned(), b"{}".to_vec())]),
        earlier: Ok(Earlier {
            name: HOSTILE.to_owned(),
            as_of: at("2026-06-01T00:00:00Z"),
            sources: Vec::new(),
            controls: BTreeMap::new(),
        }),
    }
}

pub fn package() -> BTreeMap<String, Vec<u8>> {
    render(&assessment(), &evidence(), &project(), &Unwatched).unwrap().files
}

/// One whose `assessment.json` has every object that there may be.
pub fn with_every_object() -> BTreeMap<String, Vec<u8>> {
    let (mut assessment, mut evidence) = (assessment(), evidence());
    let control = assessment.controls.iter_mut().map(|result| &mut result.control).find(|control| !control.mappings.is_empty()).unwrap();
    control.notes.push(("nist-csf-2.0".to_owned(), "A note.".to_owned()));
    control.mappings[0].file = Some("mappings/own.toml".to_owned());
    let kong = &mut evidence.sources[1];
    kong.failed = Some((at("2026-06-21T00:00:00Z"), "exit 1".to_owned()));
    kong.collections.push(Collection {
        record: "locker/kong/1.json".to_owned(),
        by: "command",
        collected_at: at("2026-06-20T00:00:00Z"),
        started_at: at("2026-06-20T00:00:00Z"),
        ended_at: at("2026-06-20T00:00:01Z"),
        tool_version: None,
        commands: vec![(vec!["deck".to_owned()], 1)],
        files: vec![("dump.yaml".to_owned(), sha256(b"a"), sha256(b"b"))],
    });
    render(&assessment, &evidence, &project(), &Unwatched).unwrap().files
}

fn text(files: &BTreeMap<String, Vec<u8>>, path: &str) -> String {
    String::from_utf8(files[path].clone()).unwrap()
}

fn json(files: &BTreeMap<String, Vec<u8>>, path: &str) -> Value {
    serde_json::from_slice(&files[path]).unwrap()
}

#[test]
fn the_package_holds_every_file() {
    let files = package();
    let paths: Vec<&str> = files.keys().map(String::as_str).collect();
    insta::assert_snapshot!(paths.join("\n"));
    assert_eq!(text(&files, "inputs/evidence/kong/dump-old.yaml"), "old");
    assert_eq!(package(), files, "the same again");
    let manifest: Value = serde_json::from_slice(&manifest(&files, &BTreeMap::new(), assessment().as_of).unwrap()).unwrap();
    assert_eq!(manifest["files"].as_array().unwrap().len(), files.len());
}

#[test]
fn the_report_in_markdown() {
    let files = package();
    if let Ok(folder) = std::env::var("TICKMARK_KEEP_REPORT") {
        for name in ["report.md", "report.html", "assessment.json"] {
            std::fs::write(std::path::Path::new(&folder).join(name), &files[name]).unwrap();
        }
    }
    insta::assert_snapshot!(text(&files, "report.md"));
}

#[test]
fn populations() {
    insta::assert_snapshot!(text(&package(), "populations/ROT-01.csv"));
}

#[test]
fn hostile_text_does_nothing_in_markdown() {
    use pulldown_cmark::{Event, Options, Parser, Tag};
    let markdown = text(&package(), "report.md");
    assert!(!markdown.contains('\u{202e}') && !markdown.contains('\0'));
    assert!(markdown.contains("\\u{202e}"), "it is shown, not dropped");
    for event in Parser::new_ext(&markdown, Options::all()) {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => panic!("HTML: {html}"),
            Event::Start(Tag::Link { dest_url, .. }) => {
                assert!(dest_url.starts_with('#') || &*dest_url == "https://example.com/rotation", "{dest_url}");
            }
            // Every row stands in its table.
            Event::Text(text) => assert!(!text.starts_with("| "), "{text}"),
            Event::Start(Tag::Image { dest_url, .. }) => panic!("an image: {dest_url}"),
            _ => {}
        }
    }
    assert!(!markdown.lines().any(|line| line.starts_with("# not")));
}

/// Tags of a page in order: name, and whether it closes.
fn tags(html: &str) -> Vec<(String, bool)> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let end = rest[start..].find('>').expect("a tag that ends") + start;
        let tag = &rest[start + 1..end];
        let name: String = tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
        tags.push((name, tag.starts_with('/')));
        rest = &rest[end + 1..];
    }
    tags
}

#[test]
fn the_report_in_html_is_whole_and_inert() {
    let html = text(&package(), "report.html");
    let (before, rest) = html.split_once("<script>").unwrap();
    let (_, after) = rest.split_once("</script>").unwrap();
    let mut open: Vec<String> = Vec::new();
    for (name, closes) in tags(&format!("{before}{after}")) {
        assert!(!matches!(name.as_str(), "script" | "iframe" | "img" | "object" | "form" | "link" | "b"), "<{name}>");
        if matches!(name.as_str(), "" | "meta" | "br" | "hr" | "rect" | "line") {
            continue;
        }
        if closes {
            assert_eq!(open.pop().as_deref(), Some(name.as_str()), "closed in the wrong order");
        } else {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
    for word in ["src=", " on", "url(", "@import"] {
        let attribute = before.split('<').any(|part| part.split('>').next().unwrap_or("").contains(word));
        assert!(!attribute, "{word}");
    }
    assert!(!html.contains("href=\"javascript"));
    assert!(html.contains("Content-Security-Policy"));
    // Every link within the page leads somewhere, and every id is there once.
    let part =
        |marker: &str| -> Vec<String> { html.split(marker).skip(1).map(|rest| rest.split('"').next().unwrap_or("").to_owned()).collect() };
    let ids = part(" id=\"");
    let unique: BTreeSet<&String> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len());
    for target in part("href=\"#") {
        assert!(unique.contains(&target), "#{target}");
    }
}

#[test]
fn numbers_add_up() {
    let files = package();
    let value = json(&files, "assessment.json");
    let sum = |counts: &Value| counts.as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum::<u64>();
    let controls = value["controls"].as_array().unwrap();
    assert_eq!(sum(&value["totals"]["controls"]), controls.len() as u64);
    let populations: u64 = controls.iter().map(|control| control["population"].as_u64().unwrap()).sum();
    assert_eq!(sum(&value["totals"]["verdicts"]), populations);
    for control in controls {
        assert_eq!(sum(&control["counts"]), control["population"].as_u64().unwrap());
        let rows = text(&files, &format!("populations/{}.csv", control["id"].as_str().unwrap()));
        assert!(rows.lines().count() as u64 > control["population"].as_u64().unwrap());
    }
    let lines = text(&files, "findings.ndjson");
    let findings: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(value["findings"].as_array().unwrap(), &findings);
    let markdown = text(&files, "report.md");
    assert!(markdown.contains("Of 5 controls, 2 failed, 0 could not be decided, 1 failed under a waiver, 1 passed and 1 did not apply."));
    assert!(markdown.contains("Together they came to 15 verdicts: 3 fail, 6 unknown, 1 waived, 5 pass and 0 not applicable."));
    assert!(!markdown.to_lowercase().contains("compliant"));
}

#[test]
fn the_assessment_is_canonical_json() {
    let bytes = package().remove("assessment.json").unwrap();
    let value: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(serde_json_canonicalizer::to_vec(&value).unwrap(), bytes);
    crate::schemas::left_for_a_validator("assessment-1", "report", &value);
}

#[test]
fn whatever_was_found_the_report_stays_small() {
    let mut assessment = assessment();
    let long = "`|<&*_".repeat(150);
    assessment.controls = (0..40)
        .map(|n| {
            let id = format!("ROT-{n:02}");
            let findings = (0..60)
                .map(|subject| {
                    let verdict = if subject % 2 == 0 { Verdict::Fail } else { Verdict::Unknown };
                    let mut finding =
                        finding(&id, &format!("{long}{subject:06}"), verdict, vec![reason("missing", &format!("{subject}{long}")); 20]);
                    finding.observed = (0..15).map(|column| (format!("{column}{}", &long[..300]), long.clone())).collect();
                    finding
                })
                .collect();
            result(control(&id, "Keys", Severity::High, "credential"), Status::Fail, findings, &[], Vec::new())
        })
        .collect();
    let mut evidence = evidence();
    evidence.quarantine =
        (0..5_000).map(|record| Quarantined { file: long.clone(), position: format!("line {record}"), reason: long.clone() }).collect();
    evidence.files = (0..2_000).map(|n| file(0, &format!("evidence/{n:05}.pem"), "x")).collect();
    let files = render(&assessment, &evidence, &project(), &Unwatched).unwrap().files;
    for name in ["report.md", "report.html"] {
        assert!(files[name].len() < 2_000_000, "{name}: {}", files[name].len());
    }
    assert!(text(&files, "report.md").contains("more in `findings.ndjson` and `populations/ROT-01.csv`"));
}

#[test]
fn a_path_out_of_the_package_is_refused() {
    let mut project = project();
    project.controls[0].file = "../../etc/passwd".to_owned();
    assert!(matches!(render(&assessment(), &evidence(), &project, &Unwatched), Err(ReportError::Path(_))));
    project.controls[0].file = project.controls[1].file.clone();
    assert!(matches!(render(&assessment(), &evidence(), &project, &Unwatched), Err(ReportError::Twice(_))));
}
