//! Reading alone: a file of each form of export → canonical tables, beside what `jq` takes to pick the same fields out of it.
//!
//! `cargo bench --bench read -- [MEGABYTES]`. Run by hand; makes files of so many megabytes (CloudTrail: a fifth) in a temporary folder.
//! Prints megabytes a second of processor time and of the clock, and the most memory that was held, as a multiple of the file (Linux).
//! Evaluating and reporting are not in it.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark stops at the first surprise")]
#![expect(clippy::disallowed_types, reason = "runs jq beside")]

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use tickmark::evidence::{self, FingerprintKey};
use tickmark::load;

/// Name, kind, table, file, what a record looks like (`#`: its number; `@`: one of few), and what jq picks.
const FORMS: [(&str, &str, &str, &str, &str, &str); 5] = [
    (
        "rows of one's own, NDJSON",
        "canonical",
        "credential",
        "e.ndjson",
        r##"{"id":"aws:111122223333:access-key/AKIA#","native_id":"AKIA#","system":"aws:111122223333","kind":"api_key","identity":"aws:111122223333:user/svc-@","status":"active","issued_at":"2026-01-01T00:00:00Z","expires_at":"never","last_used_at":"2026-05-01T10:20:30Z","rotated_at":"2026-01-01T00:00:00Z","revoked_at":"never","storage":"vault"}"##,
        "{id, native_id, system, kind, identity, status, issued_at, expires_at, last_used_at, rotated_at, revoked_at, storage}",
    ),
    (
        "rows of one's own, CSV",
        "canonical",
        "credential",
        "e.csv",
        "aws:111122223333:access-key/AKIA#,AKIA#,aws:111122223333,api_key,aws:111122223333:user/svc-@,active,2026-01-01T00:00:00Z,never,2026-05-01T10:20:30Z,vault",
        "",
    ),
    (
        "events of one's own, NDJSON",
        "canonical",
        "event",
        "e.ndjson",
        r##"{"id":"aws:111122223333:event/#","system":"aws:111122223333","at":"2026-05-01T10:20:30Z","type":"used","identity":"aws:111122223333:user/svc-@","outcome":"ok","address":"10.1.2.3","actor":"arn:aws:iam::111122223333:user/svc-@"}"##,
        "{id, system, at, type, identity, outcome, address, actor}",
    ),
    (
        "Vault's audit log, through its mapping",
        "vault-audit",
        "",
        "e.ndjson",
        r##"{"time":"2026-05-01T10:20:30Z","type":"response","auth":{"client_token":"hmac-sha256:00000000000000000000000000000000000000000000000000000000000000@","accessor":"acc0000000000000@","display_name":"approle","policies":["default","settle"],"policy_results":{"allowed":true},"entity_id":"11110000-aaaa-4000-8000-00000000000@","token_type":"service","token_ttl":3600,"token_issue_time":"2026-05-01T09:20:30Z"},"request":{"id":"#","operation":"read","mount_type":"kv","path":"secret/data/settle","remote_address":"192.0.2.20"},"response":{"mount_type":"kv"}}"##,
        r#"{id: "vault:x:event/\(.request.id)", at: .time, address: .request.remote_address, actor: .auth.display_name, identity: .auth.entity_id}"#,
    ),
    (
        "CloudTrail, through its mapping",
        "aws-cloudtrail",
        "",
        "e.json",
        r##"{"eventVersion":"1.09","userIdentity":{"type":"IAMUser","principalId":"AIDA#","arn":"arn:aws:iam::111122223333:user/svc-@","accountId":"111122223333","accessKeyId":"AKIA#","userName":"svc-@"},"eventTime":"2026-05-01T10:20:30Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"eu-central-1","sourceIPAddress":"192.0.2.20","userAgent":"aws-sdk-go-v2/1.30.3 os/linux lang/go#1.22.5","requestParameters":{"bucketName":"files","Host":"files.s3.eu-central-1.amazonaws.com"},"responseElements":null,"additionalEventData":{"SignatureVersion":"SigV4","bytesTransferredIn":0,"bytesTransferredOut":4096},"requestID":"#","eventID":"11110000-aaaa-4000-8000-#","readOnly":true,"eventType":"AwsApiCall","managementEvent":false,"recipientAccountId":"111122223333","eventCategory":"Data"}"##,
        r#".Records[] | {id: "aws:event/\(.eventID)", at: .eventTime, address: .sourceIPAddress, actor: .userIdentity.arn}"#,
    ),
];

fn main() {
    let megabytes: usize = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(100);
    println!("MB/s of a core   MB/s of the clock   memory   jq, MB/s of a core");
    for (name, kind, table, file, record, picks) in FORMS {
        let folder = tempfile::tempdir().unwrap();
        let size = write(folder.path(), kind, table, file, record, megabytes << 20);
        let rate = |seconds: f64| size as f64 / 1e6 / seconds;
        let (project, _) = load::project(folder.path()).expect("a project");
        let key = FingerprintKey::given(&[]);
        let request = evidence::Request::of(folder.path(), &project, project.as_of, &key, load::shipped_mappings);
        // The most that was held is counted anew from here.
        let _ = fs::write("/proc/self/clear_refs", "5");
        let (before, start) = (processor(), Instant::now());
        let (evidence, ..) = evidence::read(&request).unwrap();
        let (took, clock) = (processor() - before, start.elapsed().as_secs_f64());
        let rows: usize =
            evidence.tables.iter().filter(|table| matches!(table.schema.name, "credential" | "event")).map(|it| it.rows).sum();
        assert!(rows > 0 && evidence.quarantine.is_empty(), "{:?}", evidence.quarantine.first());
        let held = peak() as f64 / size as f64;
        let jq = if picks.is_empty() { None } else { jq(picks, &folder.path().join(file)) };
        let jq = jq.map_or_else(|| "-".to_owned(), |seconds| format!("{:.1}", rate(seconds)));
        println!("{:>14.1} {:>19.1} {held:>7.1}x {jq:>20}   {name}: {rows} rows", rate(took), rate(clock));
    }
}

fn write(folder: &Path, kind: &str, table: &str, file: &str, record: &str, size: usize) -> usize {
    let table = if table.is_empty() { String::new() } else { format!("table = \"{table}\"\n") };
    let system = if kind == "vault-audit" { "vault:x" } else { "aws:111122223333" };
    let settings = format!(
        "name = \"Read\"\ncontrols = [\"builtin\"]\nas-of = \"2026-06-30T00:00:00Z\"\n[[source]]\nkind = \"{kind}\"\npath = \"{file}\"\n{table}\
         systems = [\"{system}\"]\ncollected-at = \"2026-06-29T12:00:00Z\"\n"
    );
    fs::write(folder.join("tickmark.toml"), settings).unwrap();
    let document = kind == "aws-cloudtrail";
    let mut text = match file {
        "e.csv" => "id,native_id,system,kind,identity,status,issued_at,expires_at,last_used_at,storage\n",
        "e.json" => "{\"Records\":[",
        _ => "",
    }
    .to_owned();
    let size = if document { size / 5 } else { size };
    let mut number = 0;
    while text.len() < size {
        if document && number > 0 {
            text.push(',');
        }
        let once = record.replace('#', &format!("{number:012}")).replace('@', &format!("{:02}", number % 100));
        text.push_str(&once);
        if !document {
            text.push('\n');
        }
        number += 1;
    }
    if document {
        writeln!(text, "]}}").unwrap();
    }
    fs::write(folder.join(file), &text).unwrap();
    text.len()
}

/// Seconds that jq works; `None`: there is no jq.
fn jq(filter: &str, file: &Path) -> Option<f64> {
    let before = children();
    let done = Command::new("jq").args(["-c", filter]).arg(file).stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
    done.success().then(|| children() - before)
}

/// Numbers of `/proc/self/stat` behind the name, by their place in proc(5).
fn stat(place: usize) -> f64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.into_iter().nth(place - 3).and_then(|field| field.parse().ok()).unwrap_or(0.0)
}

/// Seconds of processor time of the program.
fn processor() -> f64 {
    (stat(14) + stat(15)) / 100.0
}

/// Seconds of processor time of what it has started.
fn children() -> f64 {
    (stat(16) + stat(17)) / 100.0
}

/// The most memory that was held, in bytes.
fn peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kilobytes| kilobytes.parse::<usize>().ok()).unwrap_or(0) << 10
}
