//! What tying a package together costs: a project read, judged, rendered, its manifest and root made, signed and written, each timed, by the
//! clock and (on Linux) by what the processors did for it, which others on the machine disturb less.
//!
//! `cargo bench --bench package -- [CREDENTIALS]`. Run by hand; writes a project with half as many identities and ten controls into a temporary
//! folder, and reads it from there. The cost is manifest, root and signature, and the seal's part of the rendering: what a run without them would
//! save, over the run with them.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark stops at the first surprise")]
#![expect(clippy::disallowed_types, reason = "makes a key with ssh-keygen")]

use std::fmt::Write;
use std::fs;
use std::time::{Duration, Instant};

use tickmark::attest::key::SecretKey;
use tickmark::attest::sign_off::{self, Role};
use tickmark::attest::{manifest, package};
use tickmark::evaluate::assess;
use tickmark::evidence::{self, FingerprintKey};
use tickmark::model::salt::Salts;
use tickmark::model::value::Time;
use tickmark::report::Rendered;
use tickmark::{load, report};

const PROJECT: &str = r#"
name = "Large"
controls = ["controls"]
as-of = "2026-06-30T00:00:00Z"
[[source]]
kind = "canonical"
path = "credentials.csv"
table = "credential"
collected-at = "2026-06-29T12:00:00Z"
complete = { from = "a count", by = "j.doe", on = "2026-06-29" }
[[source]]
kind = "canonical"
path = "identities.csv"
table = "identity"
collected-at = "2026-06-29T12:00:00Z"
complete = { from = "a count", by = "j.doe", on = "2026-06-29" }
"#;

const ASSERTS: [&str; 10] = [
    "expires_at <> 'never'",
    "expires_at > $as_of",
    "expires_at - issued_at <= INTERVAL '398d'",
    "issued_at >= $as_of - INTERVAL '365d'",
    "status = 'active'",
    "kind IN ('api_key', 'client_secret')",
    "identity.status = 'active'",
    "identity.environment <> 'test'",
    "identity.kind <> 'human'",
    "storage <> 'code'",
];

fn main() {
    let credentials: usize = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(2_000_000);
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), credentials);
    println!("{credentials} credentials, {} identities, {} threads", credentials / 2, rayon::current_num_threads());
    let mut total = Cost::default();
    let mut lap = |what: &str, start: Start| {
        let took = start.elapsed();
        total = total + took;
        println!("{:>10.1?} {:>10.1?}  {what}", took.clock, took.processors);
        took
    };
    println!("{:>10} {:>10}", "clock", "processors");
    let start = Start::now();
    let (project, _) = load::project(folder.path()).expect("a project");
    let key = FingerprintKey::given(&[]);
    let request = evidence::Request::of(folder.path(), &project, project.as_of, &key, tickmark::load::shipped_mappings);
    let (evidence, as_of, _) = evidence::read(&request).unwrap();
    lap("read", start);
    let start = Start::now();
    let assessment = assess::assess(&assess::Request {
        name: &project.name,
        controls: &project.controls,
        deselected: &project.deselected,
        out_of_scope: &project.out_of_scope,
        out_of_scope_told: None,
        frameworks: &project.frameworks,
        waivers: &[],
        evidence: &evidence,
        as_of,
        as_of_from: "configuration",
        gating: &project.gating,
        narrowed: None,
        baseline: None,
        watch: &tickmark::model::watch::Unwatched,
    })
    .unwrap();
    lap("judged", start);
    let start = Start::now();
    let Rendered { mut files, digests } = report::render(&assessment, &evidence, &project, &tickmark::model::watch::Unwatched).unwrap();
    drop((assessment, evidence));
    let bytes: usize = files.values().map(Vec::len).sum();
    lap(&format!("rendered, {} MB", bytes >> 20), start);
    let start = Start::now();
    assert_eq!(Salts::listed(digests.iter().map(|(path, digest)| (path.as_str(), digest))).seal().len(), 64);
    let sealed = start.elapsed();
    let start = Start::now();
    let written = manifest::manifest(&files, &digests, as_of).unwrap();
    let tied = lap("manifest and root", start);
    let read = package::read_manifest(&written).unwrap();
    files.insert(manifest::PATH.to_owned(), written);
    let done =
        std::process::Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(folder.path().join("key")).status();
    assert!(done.unwrap().success());
    let key = SecretKey::read(&fs::read_to_string(folder.path().join("key")).unwrap(), || None).unwrap();
    let start = Start::now();
    sign_off::sign(&files, &read, &key, (Role::Preparer, "X", "Y"), Time(0)).unwrap();
    let signed = lap("signed", start);
    let start = Start::now();
    for (number, bytes) in files.values().enumerate() {
        fs::write(folder.path().join(format!("out-{number}")), bytes).unwrap();
    }
    lap("written", start);
    let cost = sealed + tied + signed;
    let share = |of: fn(Cost) -> Duration| of(cost).as_secs_f64() / of(total).as_secs_f64() * 100.0;
    let (clock, processors) = (share(|cost| cost.clock), share(|cost| cost.processors));
    println!("{clock:>9.1}% {processors:>9.1}%  of the whole is seal, manifest, root and signature, over {} leaves", read.leaves);
}

/// What something took.
#[derive(Clone, Copy, Default)]
struct Cost {
    clock: Duration,
    processors: Duration,
}

impl std::ops::Add for Cost {
    type Output = Cost;
    fn add(self, other: Cost) -> Cost {
        Cost { clock: self.clock + other.clock, processors: self.processors + other.processors }
    }
}

/// When something began.
struct Start(Instant, Duration);

impl Start {
    fn now() -> Start {
        Start(Instant::now(), processors())
    }

    fn elapsed(&self) -> Cost {
        Cost { clock: self.0.elapsed(), processors: processors().saturating_sub(self.1) }
    }
}

/// What the processors did for this program so far: `utime` and `stime` of `/proc/self/stat`, in hundredths of a second.
fn processors() -> Duration {
    let said = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = said.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    Duration::from_millis(fields.filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10)
}

fn write(folder: &std::path::Path, credentials: usize) {
    fs::write(folder.join("tickmark.toml"), PROJECT).unwrap();
    fs::create_dir(folder.join("controls")).unwrap();
    for (number, assert) in ASSERTS.iter().enumerate() {
        let control = format!(
            "id = \"LRG-{number:02}\"\ntitle = \"Control {number}\"\nseverity = \"high\"\nsubject = \"credential\"\nstatement = \"x\"\nrisk = \"x\"\n\
             remediation = \"x\"\n[maps-to]\nowasp-nhi-2025 = [{{ id = \"NHI7:2025\", relationship = \"intersects-with\", rationale = \"x\" }}]\n\
             [check]\nassert = \"{assert}\"\n"
        );
        fs::write(folder.join(format!("controls/LRG-{number:02}.toml")), control).unwrap();
    }
    let mut text = "id,system,kind,status,environment\n".to_owned();
    for number in 0..credentials / 2 {
        writeln!(text, "aws:123456789012:user/service-{number:07},aws:123456789012,service_account,active,prod").unwrap();
    }
    fs::write(folder.join("identities.csv"), &text).unwrap();
    text = "id,system,identity,kind,status,issued_at,expires_at,storage\n".to_owned();
    for number in 0..credentials {
        // One in a hundred has something to find.
        let (kind, expires) = if number % 100 == 0 { ("password", "never") } else { ("api_key", "2026-12-01T00:00:00Z") };
        let holder = number / 2;
        writeln!(
            text,
            "aws:123456789012:key/AKIA{number:012},aws:123456789012,aws:123456789012:user/service-{holder:07},{kind},active,2026-01-01T00:00:00Z,{expires},vault"
        )
        .unwrap();
    }
    fs::write(folder.join("credentials.csv"), text).unwrap();
}
