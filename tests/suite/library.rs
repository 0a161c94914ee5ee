//! Controls over Arrow tables that another program holds.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int64Array, ListArray, RecordBatch, StringArray, TimestampMicrosecondArray, TimestampNanosecondArray};
use tickmark::evaluate::verdicts;
use tickmark::evidence::{BatchError, Batches, Extent, ids};
use tickmark::load;
use tickmark::model::assessment::Verdict;
use tickmark::model::control::Control;
use tickmark::model::diagnostic::Diagnostics;
use tickmark::model::table::Evidence;
use tickmark::model::value::{FAR, LIMIT, Time};

const CONTROL: &str = r#"
id = "OWN-01"
title = "Keys end within a year, and open something"
severity = "high"
subject = "credential"
statement = "A key ends, and its holder may do something with it."
risk = "A key that opens nothing is a key that nobody guards."
remediation = "Revoke it."
[maps-to]
[check]
applies = "kind = 'api_key'"
assert = "expires_at - issued_at <= INTERVAL '365d' AND EXISTS (SELECT 1 FROM grant WHERE grant.identity = credential.identity)"
"#;

fn control(text: &str) -> Control {
    let mut diagnostics = Diagnostics::default();
    let control = load::control("own.toml", text, &[], &[], &mut diagnostics);
    control.filter(|_| !diagnostics.has_errors()).unwrap_or_else(|| panic!("{diagnostics:?}"))
}

fn batch<const N: usize>(columns: [(&str, ArrayRef); N]) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).unwrap()
}

fn texts<const N: usize>(values: [Option<&str>; N]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn times<const N: usize>(values: [Option<&str>; N]) -> ArrayRef {
    let micros: TimestampMicrosecondArray = values.map(|text| text.map(|text| Time::parse(text).unwrap().0)).into_iter().collect();
    Arc::new(micros.with_timezone("UTC"))
}

fn credentials() -> RecordBatch {
    batch([
        ("id", texts([Some("short"), Some("long"), Some("open"), Some("idle"), Some("token")])),
        ("kind", texts([Some("api_key"), Some("api_key"), Some("api_key"), Some("api_key"), Some("token")])),
        ("identity", texts([Some("app"), Some("app"), Some("app"), Some("batch"), Some("app")])),
        ("issued_at", times([Some("2026-01-01T00:00:00Z"); 5])),
        (
            "expires_at",
            times([
                Some("2026-06-30T00:00:00Z"),
                Some("2028-01-01T00:00:00Z"),
                None,
                Some("2026-06-30T00:00:00Z"),
                Some("2026-06-30T00:00:00Z"),
            ]),
        ),
    ])
}

fn grants() -> RecordBatch {
    batch([("id", texts([Some("g")])), ("identity", texts([Some("app")]))])
}

fn at(text: &str) -> Time {
    Time::parse(text).unwrap()
}

fn judged(control: &Control, evidence: &Evidence) -> Vec<(String, &'static str)> {
    let verdicts = verdicts(control.applies.as_ref(), &control.assert, evidence, at("2026-06-30T00:00:00Z"), &control.constants()).unwrap();
    ids(evidence, control.subject).into_iter().map(str::to_owned).zip(verdicts.into_iter().map(Verdict::word)).collect()
}

#[test]
fn ten_lines_judge_tables_that_a_program_has() -> Result<(), Box<dyn std::error::Error>> {
    let mut said = Vec::new();
    let (text, grants, credentials) = (CONTROL, grants(), credentials());
    let mut problems = Diagnostics::default();
    // docs/library.md
    let control = load::control("own.toml", text, &[], &[], &mut problems).ok_or("no control")?;
    let as_of = Time::parse("2026-06-30T00:00:00Z")?;
    let mut batches = Batches::default();
    batches.add("credential", &credentials, Extent::Full)?;
    batches.add("grant", &grants, Extent::Partial("production only".into()))?;
    let evidence = batches.evidence(as_of);
    let judged = verdicts(control.applies.as_ref(), &control.assert, &evidence, as_of, &control.constants())?;
    for (subject, verdict) in ids(&evidence, control.subject).iter().zip(judged) {
        said.push(format!("{subject}: {}", verdict.word()));
    }
    // docs/library.md
    assert_eq!(said, ["idle: unknown", "long: fail", "open: unknown", "short: pass", "token: not-applicable"]);
    let document = include_str!("../../docs/library.md");
    let shown = include_str!("library.rs").split("    // docs/library.md\n").nth(1).unwrap();
    let shown: String = shown.lines().map(|line| format!("{}\n", line.strip_prefix("    ").unwrap())).collect();
    assert!(document.contains(&format!("{shown}```")), "{shown}");
    Ok(())
}

#[test]
fn what_was_not_given_proves_nothing() {
    let control = control(CONTROL);
    let verdicts_with = |extent: Option<Extent>| {
        let mut batches = Batches::default();
        batches.add("credential", &credentials(), Extent::Full).unwrap();
        if let Some(extent) = extent {
            batches.add("grant", &grants(), extent).unwrap();
        }
        judged(&control, &batches.evidence(at("2026-06-30T00:00:00Z")))
    };
    let of = |verdicts: &[(String, &'static str)], subject: &str| verdicts.iter().find(|(id, _)| id == subject).unwrap().1;
    let full = verdicts_with(Some(Extent::Full));
    assert_eq!((of(&full, "short"), of(&full, "idle")), ("pass", "fail"));
    let partial = verdicts_with(Some(Extent::Partial("half of it".to_owned())));
    assert_eq!((of(&partial, "short"), of(&partial, "idle")), ("pass", "unknown"), "its grants may be among the missing");
    let stale = verdicts_with(Some(Extent::Stale("of last year".to_owned())));
    assert_eq!(of(&stale, "short"), "unknown", "a pass must not rest on what is old");
    let none = verdicts_with(None);
    assert_eq!((of(&none, "short"), of(&none, "idle")), ("unknown", "unknown"));
}

#[test]
fn an_event_log_proves_absence_where_it_is_vouched_for() {
    let control = control(&CONTROL.replace(
        "EXISTS (SELECT 1 FROM grant WHERE grant.identity = credential.identity)",
        "NOT EXISTS (SELECT 1 FROM event WHERE event.credential = credential.id AND event.type = 'used' AND event.outcome = 'ok' \
         AND event.at BETWEEN TIMESTAMP '2026-06-01T00:00:00Z' AND TIMESTAMP '2026-06-29T00:00:00Z')",
    ));
    let credentials = batch([
        ("id", texts([Some("k")])),
        ("system", texts([Some("s")])),
        ("accepted_at", texts([Some("s")])),
        ("kind", texts([Some("api_key")])),
        ("issued_at", times([Some("2026-01-01T00:00:00Z")])),
        ("expires_at", times([Some("2026-06-30T00:00:00Z")])),
    ]);
    let with = |log: Option<(&str, &str)>| {
        let mut batches = Batches::default();
        batches.add("credential", &credentials, Extent::Full).unwrap();
        if let Some((from, until)) = log {
            batches.log("s", "used", at(from), at(until)).unwrap();
        }
        judged(&control, &batches.evidence(at("2026-06-30T00:00:00Z")))[0].1
    };
    assert_eq!(with(Some(("2026-05-01T00:00:00Z", "2026-06-30T00:00:00Z"))), "pass");
    assert_eq!(with(Some(("2026-06-02T00:00:00Z", "2026-06-30T00:00:00Z"))), "unknown");
    assert_eq!(with(None), "unknown");
    let refused = Batches::default().log("s", "usage", at("2026-06-02T00:00:00Z"), at("2026-06-30T00:00:00Z")).unwrap_err();
    assert_eq!(refused, BatchError::NoEventType("usage".to_owned()));
}

#[test]
fn a_batch_that_does_not_fit_is_refused_whole() {
    let refused = |table: &str, batch: &RecordBatch| {
        let mut batches = Batches::default();
        let why = batches.add(table, batch, Extent::Full).unwrap_err().to_string();
        let evidence = batches.evidence(at("2026-06-30T00:00:00Z"));
        assert!(evidence.tables.iter().all(|table| table.rows == 0 && (table.schema.is_log() || !table.is_complete(false))), "{why}");
        why
    };
    let id = || ("id", texts([Some("k")]));
    assert!(refused("credentials", &batch([id()])).contains("no table is called"));
    assert!(refused("credential", &batch([id(), ("secret", texts([Some("x")]))])).contains("no column `secret`: its columns are id, "));
    assert!(refused("identity", &batch([id(), ("status", texts([Some("alive")]))])).contains("row 0: "));
    assert!(refused("credential", &batch([("id", texts([None]))])).contains("row 0 has no `id`"));
    assert!(refused("credential", &batch([("kind", texts([Some("token")]))])).contains("has no `id`"));
    assert!(refused("source", &batch([id()])).contains("follows from other tables"));
    let zoneless: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![0]));
    assert!(refused("credential", &batch([id(), ("issued_at", zoneless)])).contains("expected Timestamp with the time zone UTC"));
    let number: ArrayRef = Arc::new(Int64Array::from(vec![0]));
    assert!(refused("credential", &batch([id(), ("issued_at", number)])).contains("cannot be of the Arrow type Int64"));
    for far in [FAR, -FAR, LIMIT + 1, i64::MAX, i64::MIN] {
        let far: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![far]).with_timezone("UTC"));
        assert!(refused("credential", &batch([id(), ("expires_at", far)])).contains("ten thousand years"), "it would read as never");
    }
}

#[test]
fn arrow_and_text_read_alike() {
    let as_of = at("2026-06-30T00:00:00Z");
    let nanos: ArrayRef =
        Arc::new(TimestampNanosecondArray::from(vec![Some(-1_001), Some(1_767_225_600_000_000_001)]).with_timezone("+00:00"));
    let mut list = arrow_array::builder::ListBuilder::new(arrow_array::builder::StringBuilder::new());
    list.append_value([Some("b"), Some("a")]);
    list.append_value([Some("a"), None]);
    let lists: ListArray = list.finish();
    let arrow = batch([("id", texts([Some("x"), Some("y")])), ("issued_at", nanos), ("accepted_at", Arc::new(lists))]);
    let text = batch([
        ("id", texts([Some("x"), Some("y")])),
        ("issued_at", texts([Some("1969-12-31T23:59:59.999998999Z"), Some("2026-01-01T00:00:00Z")])),
        ("accepted_at", texts([Some("a;b"), None])),
    ]);
    let table = |batch: &RecordBatch| {
        let mut batches = Batches::default();
        batches.add("credential", batch, Extent::Full).unwrap();
        batches.evidence(as_of).table("credential").unwrap().clone()
    };
    let (arrow, text) = (table(&arrow), table(&text));
    let column = arrow.schema.column("issued_at").unwrap();
    assert_eq!(&arrow.columns[column].values, &text.columns[column].values);
    let column = arrow.schema.column("accepted_at").unwrap();
    assert_eq!(arrow.columns[column].values.slice(0, 1).to_data(), text.columns[column].values.slice(0, 1).to_data());
}
