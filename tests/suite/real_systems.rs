//! Real programs on this machine. Ignored, because they must be installed: `.ci/real-systems` does that, and runs these.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use super::collect::{assessment, ends, records, write};

/// A server that ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Aws {
    address: String,
    _server: Server,
}

impl Aws {
    fn start(work: &Path) -> Aws {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
        let log = std::fs::File::create(work.join("moto.log")).unwrap();
        let server = Command::new("moto_server").args(["-H", "127.0.0.1", "-p", &port]).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let aws = Aws { address: format!("http://127.0.0.1:{port}"), _server: Server(server) };
        for _ in 0..300 {
            if std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_ok() {
                return aws;
            }
            sleep(Duration::from_millis(100));
        }
        panic!("moto_server did not start: {}", std::fs::read_to_string(work.join("moto.log")).unwrap());
    }

    fn environment(&self, command: &mut Command) {
        command.env("AWS_ENDPOINT_URL", &self.address).env("AWS_DEFAULT_REGION", "us-east-1");
        command.env("AWS_ACCESS_KEY_ID", "testing").env("AWS_SECRET_ACCESS_KEY", "testing");
    }

    fn iam(&self, arguments: &[&str]) -> Value {
        let mut command = Command::new("aws");
        self.environment(command.arg("iam").args(arguments).args(["--output", "json"]));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }
}

fn verdict(control: &str, subject: &str, root: &Path) -> String {
    let text = std::fs::read_to_string(root.join(format!("report/populations/{control}.csv"))).unwrap();
    let line = text.lines().find(|line| line.starts_with(&format!("{subject},")));
    line.and_then(|line| line.split(',').nth(1)).unwrap_or_else(|| panic!("{control} has no {subject}:\n{text}")).to_owned()
}

#[test]
#[ignore = "needs moto's server and the aws command line: .ci/real-systems"]
fn aws_through_its_own_command_line() {
    let work = crate::scratch::folder();
    let root = work.path();
    let aws = Aws::start(root);
    for user in ["ci", "idle", "admin"] {
        aws.iam(&["create-user", "--user-name", user]);
    }
    let key = aws.iam(&["create-access-key", "--user-name", "ci"])["AccessKey"].clone();
    let old = aws.iam(&["create-access-key", "--user-name", "idle"])["AccessKey"]["AccessKeyId"].as_str().unwrap().to_owned();
    aws.iam(&["update-access-key", "--user-name", "idle", "--access-key-id", &old, "--status", "Inactive"]);
    let all = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let some = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::invoices/*"}]}"#;
    aws.iam(&["put-user-policy", "--user-name", "admin", "--policy-name", "all", "--policy-document", all]);
    aws.iam(&["put-user-policy", "--user-name", "ci", "--policy-name", "some", "--policy-document", some]);
    let anyone = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}"#;
    let ours = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/ci"},"Action":"sts:AssumeRole"}]}"#;
    aws.iam(&["create-role", "--role-name", "open", "--assume-role-policy-document", anyone]);
    aws.iam(&["create-role", "--role-name", "ours", "--assume-role-policy-document", ours]);

    let source = |kind: &str| {
        format!("[[source]]\nkind = \"{kind}\"\ncommand = \"suggested\"\nsystems = [\"aws:123456789012\"]\ntime-limit = \"60s\"\n")
    };
    // The server's credential report is always of 2015, and leaves out the root user.
    let sources = source("aws-credential-report-json") + "max-age = \"9999d\"\n" + &source("aws-account-authorization-details");
    write(root, "tickmark.toml", &format!("name = \"moto\"\n{sources}"));
    let mut command = super::collect::command(root, &["collect"]);
    aws.environment(&mut command);
    let output = command.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{said}");
    let stored = records(root);
    assert_eq!(stored.len(), 2);
    assert!(stored.iter().all(|record| record["tool_version"].as_str().unwrap().starts_with("aws-cli/")), "{stored:?}");
    let report = stored.iter().find(|record| record["source"] == "aws-credential-report-json").unwrap();
    assert_eq!(report["calls"][0]["argv"][2], "generate-credential-report");

    ends(root, &["run"], 1);
    let judged = assessment(root);
    for source in judged["sources"].as_array().unwrap() {
        let whole = if source["id"] == "aws-credential-report-json" { "partial" } else { "full" };
        assert_eq!(source["completeness"], whole, "{source}");
        assert_eq!(source["fresh"], true, "{source}");
    }
    // The report says when it was made; the details do not.
    let from = |id: &str| judged["sources"].as_array().unwrap().iter().find(|source| source["id"] == id).unwrap()["collected_from"].clone();
    assert_eq!(from("aws-credential-report-json"), "export");
    assert_eq!(from("aws-account-authorization-details"), "locker");
    let id = |rest: &str| format!("aws:123456789012:{rest}");
    for (control, subject, expected) in [
        ("ROT-01", "user/ci/access-key-1", "pass"),
        ("ROT-02", "user/ci/access-key-1", "fail"),
        ("ROT-01", "user/idle/access-key-1", "not-applicable"),
        ("ROT-02", "user/idle/access-key-1", "not-applicable"),
        ("INV-03", "user/ci/access-key-1", "pass"),
        ("INV-01", "user/ci", "unknown"),
    ] {
        assert_eq!(verdict(control, &id(subject), root), expected, "{control} on {subject}");
    }
    // A wildcard on everything, and a role that anybody may take: both are found, and nothing else is.
    let failing = |control: &str| -> Vec<String> {
        let findings = judged["findings"].as_array().unwrap().iter();
        findings
            .filter(|finding| finding["control"] == control && finding["verdict"] == "fail")
            .map(|finding| finding["subject"].as_str().unwrap().to_owned())
            .collect()
    };
    let wildcards = failing("PRV-01");
    assert!(!wildcards.is_empty() && wildcards.iter().all(|subject| subject.contains("user/admin")), "{wildcards:?}");
    let open = failing("AUT-06");
    assert!(!open.is_empty() && open.iter().all(|subject| subject.contains("role/open")), "{open:?}");
    // The secret of the key that was made is nowhere.
    let secret = key["SecretAccessKey"].as_str().unwrap();
    for path in super::realdata::case::below(root) {
        assert!(!String::from_utf8_lossy(&std::fs::read(&path).unwrap()).contains(secret), "{}", path.display());
    }
    let output = Command::new(env!("CARGO_BIN_EXE_tickmark")).args(["verify", "--unsigned"]).arg(root.join("report")).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));

    // The server is gone: what was collected counts as stale, and what failed still fails.
    drop(aws);
    let mut command = super::collect::command(root, &["collect"]);
    command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:9").env("AWS_DEFAULT_REGION", "us-east-1").env("AWS_MAX_ATTEMPTS", "1");
    command.env("AWS_ACCESS_KEY_ID", "testing").env("AWS_SECRET_ACCESS_KEY", "testing");
    assert_eq!(command.output().unwrap().status.code(), Some(3));
    ends(root, &["run"], 1);
    assert_eq!(verdict("ROT-01", &id("user/ci/access-key-1"), root), "unknown");
    assert_eq!(verdict("ROT-02", &id("user/ci/access-key-1"), root), "fail");
}
