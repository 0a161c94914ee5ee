//! Real exports, read as they are. They lie beside the project, not in it: where they are absent the tests say that they
//! were skipped, unless `TICKMARK_REALDATA=required`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::package::contents;

fn data() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/realdata");
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("TICKMARK_REALDATA").is_none_or(|word| word != "required"), "no real exports at ../shared/realdata");
    eprintln!("skipped: no real exports at ../shared/realdata");
    None
}

struct Run {
    /// Everything that was written and said.
    output: BTreeMap<String, Vec<u8>>,
    package: PathBuf,
    _folder: tempfile::TempDir,
}

/// A project of one source over some files, all shipped controls.
fn run(kind: &str, files: &[PathBuf], system: &str, more: &str) -> Run {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("evidence")).unwrap();
    for (number, file) in files.iter().enumerate() {
        let name = format!("{number:02}-{}", file.file_name().unwrap().to_str().unwrap());
        fs::copy(file, folder.path().join("evidence").join(name)).unwrap();
    }
    let settings = format!("name = \"{kind}\"\n[[source]]\nkind = \"{kind}\"\npath = \"evidence/*\"\nsystems = [\"{system}\"]\n{more}\n");
    fs::write(folder.path().join("tickmark.toml"), settings).unwrap();
    let done = Command::new(env!("CARGO_BIN_EXE_tickmark")).args(["run", "--project"]).arg(folder.path()).output().unwrap();
    let package = folder.path().join("report");
    let mut output = if package.is_dir() { contents(&package) } else { BTreeMap::new() };
    output.insert("stdout".to_owned(), done.stdout);
    output.insert("stderr".to_owned(), done.stderr.clone());
    assert!(!String::from_utf8_lossy(&done.stderr).contains("panicked"), "{}", String::from_utf8_lossy(&done.stderr));
    Run { output, package, _folder: folder }
}

impl Run {
    /// Verdicts of one control: subject → verdict.
    fn verdicts(&self, control: &str) -> BTreeMap<String, String> {
        let mut reader = csv::Reader::from_path(self.package.join(format!("populations/{control}.csv"))).unwrap();
        reader.records().map(|record| record.unwrap()).map(|record| (record[0].to_owned(), record[1].to_owned())).collect()
    }

    fn with(&self, control: &str, verdict: &str) -> Vec<String> {
        self.verdicts(control).into_iter().filter(|(_, found)| found == verdict).map(|(subject, _)| subject).collect()
    }

    fn controls(&self) -> Vec<String> {
        fs::read_dir(self.package.join("populations"))
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect()
    }

    fn assert_silent(&self, secrets: &[&str]) {
        for (path, bytes) in &self.output {
            let text = String::from_utf8_lossy(bytes);
            for secret in secrets {
                assert!(!text.contains(secret), "{path} holds {secret}");
            }
        }
    }
}

fn below(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                open.push(entry);
            } else if entry.to_str().unwrap().ends_with(ending) {
                found.push(entry);
            }
        }
    }
    found.sort();
    found
}

const COLLECTED: &str = "collected-at = \"2016-11-25T14:30:42Z\"";

/// Eight active access keys, six of them older than 90 days; the command line's JSON says the same as its CSV.
#[test]
fn a_credential_report_in_both_forms() {
    let Some(data) = data() else { return };
    let csv = run("aws-credential-report", &[data.join("derived/cred_B.csv")], "aws:619193117841", COLLECTED);
    let judged: Vec<(String, String)> = csv.verdicts("ROT-01").into_iter().filter(|(_, verdict)| verdict != "not-applicable").collect();
    assert_eq!(judged.len(), 8, "{judged:?}");
    assert!(judged.iter().all(|(subject, _)| subject.ends_with("/access-key-1")));
    let failed: Vec<&str> = judged.iter().filter(|(_, verdict)| verdict == "fail").map(|(subject, _)| subject.as_str()).collect();
    let keys = ["root", "user/Hazmat", "user/charmworld", "user/kaleb", "user/kapilt", "user/tyre"];
    assert_eq!(failed, keys.map(|user| format!("aws:619193117841:{user}/access-key-1")));
    assert_eq!(judged.iter().filter(|(_, verdict)| verdict == "pass").count(), 2);
    // Made before use was recorded: N/A does not say that they were never used.
    let unused = csv.verdicts("MON-02");
    assert_eq!(unused["aws:619193117841:user/charmworld/access-key-1"], "unknown");
    assert_eq!(unused["aws:619193117841:user/tyre/access-key-1"], "pass");

    let json = run("aws-credential-report-json", &[data.join("derived/cred_B.cli.json")], "aws:619193117841", "");
    for control in csv.controls().into_iter().filter(|control| control != "EVD-01") {
        assert_eq!(csv.verdicts(&control), json.verdicts(&control), "{control}");
    }
    // A report whose content is stored decoded.
    let decoded =
        run("aws-credential-report-json", &[data.join("aws-cloudmapper-demo/iam-get-credential-report.json")], "aws:123456789012", "");
    assert_eq!(decoded.with("ROT-01", "fail"), ["aws:123456789012:root/access-key-1", "aws:123456789012:user/user/access-key-2"]);
}

#[test]
fn authorization_details() {
    let Some(data) = data() else { return };
    let mapper = run(
        "aws-account-authorization-details",
        &[data.join("aws-cloudmapper-demo/iam-get-account-authorization-details.json")],
        "aws:123456789012",
        "collected-at = \"2021-03-14T00:00:00Z\"",
    );
    assert_eq!(
        mapper.with("PRV-01", "fail"),
        ["aws:123456789012:role/bad_role/inline/dostuff", "aws:123456789012:role/exfiller/inline/tmp"]
    );
    assert_eq!(mapper.with("AUT-06", "fail"), ["aws:123456789012:role/bad_role/trust/0/*"]);
    assert_eq!(mapper.with("TPR-01", "fail"), ["aws:123456789012:role/bad_role/trust/0/*"]);
    assert_eq!(mapper.verdicts("PRV-01")["aws:123456789012:role/level3/inline/listbuckets"], "pass");

    let at = "collected-at = \"2020-02-01T00:00:00Z\"";
    let splain =
        run("aws-account-authorization-details", &[data.join("aws-cloudsplaining/example-authz-details.json")], "aws:012345678901", at);
    let user = |rest: &str| format!("aws:012345678901:user/{rest}");
    let failed = splain.with("PRV-01", "fail");
    for grant in [
        user("biden/policy/arn:aws:iam::aws:policy/AWSLambdaFullAccess"),
        user("obama/group/admin/policy/arn:aws:iam::aws:policy/AdministratorAccess"),
        user("obama/policy/arn:aws:iam::aws:policy/AdministratorAccess"),
        user("userwithlotsofpermissions/group/admin/policy/arn:aws:iam::aws:policy/AdministratorAccess"),
    ] {
        assert!(failed.contains(&grant), "{grant}: {failed:?}");
    }
    assert_eq!(failed.len(), 4);
    // Attached policies that are not in the export: what they allow is not known.
    let second = run("aws-account-authorization-details", &[data.join("aws-cloudsplaining/example_authz_v2.json")], "aws:012345678901", at);
    assert!(String::from_utf8_lossy(&second.output["stdout"]).contains("partial"), "{}", String::from_utf8_lossy(&second.output["stdout"]));
}

#[test]
fn a_cluster() {
    let Some(data) = data() else { return };
    let run = run("kubernetes", &below(&data.join("k8s-kubehound-kind"), ".json"), "k8s:kind", "collected-at = \"2023-05-24T12:00:00Z\"");
    // The only binding to cluster-admin is the group system:masters.
    assert_eq!(run.with("PRV-01", "fail"), ["k8s:kind:clusterrolebinding/cluster-admin/group/system:masters"]);
    let open: Vec<String> = run.with("AUT-06", "fail");
    assert_eq!(open.len(), 5, "{open:?}");
    assert!(open.contains(&"k8s:kind:rolebinding/kube-public/kubeadm:bootstrap-signer-clusterinfo/user/system:anonymous".to_owned()));
    // Three pods in `default` run as the service account `default`.
    let pods: Vec<String> = run
        .verdicts("PRV-01")
        .into_keys()
        .filter(|grant| grant.starts_with("k8s:kind:workload/default/") && grant.ends_with("/serviceaccount/default"))
        .collect();
    assert_eq!(pods.len(), 3, "{pods:?}");
    // Files of some kinds and namespaces are no whole cluster: nothing passes as a whole.
    let said = String::from_utf8_lossy(&run.output["stdout"]);
    assert!(said.contains("source kubernetes: unknown") || said.contains("source kubernetes: partial"), "{said}");
}

#[test]
fn a_gateway() {
    let Some(data) = data() else { return };
    let at = "collected-at = \"2024-05-24T12:00:00Z\"";
    let file = data.join("kong-deck/kong2kic_testdata_consumer-input.yaml");
    let gateway = run("kong-deck", std::slice::from_ref(&file), "kong:test", at);
    assert_eq!(gateway.verdicts("INV-03").len(), 4);
    assert_eq!(gateway.verdicts("ROT-02")["kong:test:basic-auth/my_basic_user"], "fail");
    assert_eq!(gateway.with("ROT-02", "unknown").len(), 2);
    gateway.assert_silent(&["my_basic_password", "my_secret_key", "my_jwt_secret", "my_api_key"]);
    let skipped = run(
        "kong-deck",
        &[data.join("kong-deck/tests_integration_testdata_dump_002-skip-consumers_expected-no-skip-315.yaml")],
        "kong:test",
        at,
    );
    assert_eq!(skipped.verdicts("INV-01").into_keys().collect::<Vec<_>>(), ["kong:test:consumer/foo"]);
}

#[test]
fn certificates() {
    let Some(data) = data() else { return };
    let settings = "collected-at = \"2021-01-01T00:00:00Z\"\nfacts = { public_trust = true }";
    let run = run("x509-pem", &below(&data.join("x509"), ".pem"), "pki:lint", settings);
    let named = |file: &str| {
        let pem = fs::read_to_string(data.join("x509").join(file)).unwrap();
        let der = base64::Engine::decode(
            &base64::engine::general_purpose::STANDARD,
            pem.lines()
                .skip_while(|line| !line.contains("BEGIN CERT"))
                .skip(1)
                .take_while(|line| !line.contains("END"))
                .collect::<String>(),
        );
        format!("x509:{}", tickmark::model::digest::sha256(&der.unwrap()))
    };
    let lifetimes = run.verdicts("ROT-05");
    assert_eq!(lifetimes[&named("eeServerCertValidEqual398.pem")], "pass");
    assert_eq!(lifetimes[&named("eeServerCertValidOver398.pem")], "fail");
    assert_eq!(lifetimes[&named("eeServerCertValidOver398OldNotBefore.pem")], "pass");
    // A SPIFFE id: no public trust.
    assert_eq!(lifetimes[&named("spire_base_cert.pem")], "not-applicable");
    let strengths = run.verdicts("AUT-03");
    assert_eq!(strengths[&named("eeServerCertValidEqual398.pem")], "fail", "512 bits");
    assert_eq!(strengths[&named("spire_base_cert.pem")], "pass");
    assert_eq!(strengths[&named("RSASHA1Good.pem")], "not-applicable", "expired in 2017");
}

/// Whatever a file is taken for, and whatever is wrong with it: no secret of it is ever written.
#[test]
fn no_canary_in_any_output() {
    let Some(data) = data() else { return };
    let realm = data.join("keycloak/master-realm-26.5.5.json");
    assert!(fs::read_to_string(&realm).unwrap().contains("canary-"));
    for kind in
        ["kong-deck", "kubernetes", "aws-account-authorization-details", "aws-credential-report-json", "aws-credential-report", "x509-pem"]
    {
        run(kind, std::slice::from_ref(&realm), "x:y", "collected-at = \"2026-01-01T00:00:00Z\"").assert_silent(&["canary-"]);
    }
}
