//! Exports of other people's systems, unchanged: `../shared/realdata` beside the project. Each verdict here was read from the raw
//! file by hand. Without that folder nothing is tested, unless `TICKMARK_REALDATA=required` is set: then its absence is a failure.

pub mod case;
mod evidence;
mod kubescape;
mod platforms;
mod secrets;
mod vendors;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use serde_json::Value;

use case::*;

#[test]
fn a_credential_report_in_both_forms() {
    let Some(root) = root() else { return };
    let runs = [run(&root, &credential_csv()), run(&root, &credential_json())];
    let id = |rest: &str| format!("aws:619193117841:{rest}");
    for run in &runs {
        // Six active keys are older than 90 days, two are of the day; the root user's second key is inactive.
        let users = ["root", "user/Hazmat", "user/charmworld", "user/kaleb", "user/kapilt", "user/tyre"];
        let old: BTreeSet<String> = users.iter().map(|user| id(&format!("{user}/access-key-1"))).collect();
        assert_eq!(run.subjects("ROT-01", "fail"), old.iter().map(String::as_str).collect());
        assert_eq!(run.subjects("ROT-01", "pass").len(), 2);
        // Whether who has a password is a person, the report does not say.
        let unknown = run.subjects("ROT-01", "unknown");
        assert!(unknown.contains(id("root/password").as_str()) && unknown.iter().all(|id| id.ends_with("/password")), "{unknown:?}");
        run.holds(&id("user/rome/access-key-1"), &[("ROT-01", "pass"), ("ROT-02", "fail"), ("MON-01 MON-02", "not-applicable")]);
        run.holds(&id("user/syracuse/access-key-1"), &[("ROT-01", "pass"), ("ROT-02", "fail")]);
        run.holds(&id("root/access-key-2"), &[("ROT-01 ROT-02 MON-01", "not-applicable"), ("OFF-02", "unknown")]);
        run.holds(&id("root/password"), &[("MON-01 MON-02", "pass"), ("ROT-01 ROT-02", "unknown")]);
        run.holds(&id("root/cert-1"), &[("AUT-03 ROT-02 ROT-05 ROT-06", "unknown"), ("INV-03", "pass")]);
        run.holds(&id("user/tyre/access-key-1"), &[("MON-01 MON-02", "pass")]);
        // Used last on 2015-07-04, or never: whether since, only a log would tell.
        run.holds(&id("root/access-key-1"), &[("MON-01", "unknown"), ("MON-02", "pass")]);
        let root_key = run.finding("MON-01", &id("root/access-key-1"));
        assert_eq!(root_key["observed"]["last_used_at"], "2015-07-04T15:09:00Z");
        assert_eq!(root_key["reasons"][0]["word"], "no-log");
        // AWS tracks use since 2015-04-22: `N/A` of an older key says nothing.
        for (user, used) in [("charmworld", "missing"), ("Hazmat", "missing"), ("kaleb", "never"), ("kapilt", "never")] {
            let key = id(&format!("user/{user}/access-key-1"));
            run.holds(&key, &[("MON-01 MON-02", "unknown"), ("INV-03", "pass"), ("AUT-03 OFF-02", "not-applicable")]);
            assert_eq!(run.finding("MON-02", &key)["observed"]["last_used_at"], used, "{user}");
        }
    }
    let all = |run: &Run| -> BTreeMap<(String, String), String> {
        run.verdicts.clone().into_iter().filter(|((control, _), _)| !control.starts_with("EVD-")).collect()
    };
    assert_eq!(all(&runs[0]), all(&runs[1]));
}

#[test]
fn a_credential_report_with_a_whole_log_shows_what_is_dormant() {
    let Some(root) = root() else { return };
    let mut case = credential_csv();
    case.sources += &source("canonical", "log.csv", "aws:619193117841", REPORTED);
    case.sources += "table = \"event\"\ncomplete = { from = \"a count\", by = \"j.doe\", on = \"2016-11-25\" }\n";
    case.sources += "covers = { from = \"2016-08-01T00:00:00Z\", until = \"2016-11-25T14:30:42Z\", types = [\"used\"] }\n";
    let folder = crate::scratch::folder();
    let log = folder.path().join("log.csv");
    let event = "e1,aws:619193117841,2016-11-25T09:33:00Z,used,ok,aws:619193117841:user/tyre,aws:619193117841:user/tyre/access-key-1";
    fs::write(&log, format!("id,system,at,type,outcome,identity,credential\n{event}\n")).unwrap();
    case.files.push((log.to_str().unwrap().to_owned(), "log.csv".to_owned()));
    let run = run(&root, &case);
    let dormant =
        ["root/access-key-1", "user/kaleb/access-key-1", "user/kapilt/access-key-1"].map(|rest| format!("aws:619193117841:{rest}"));
    assert_eq!(run.subjects("MON-01", "fail"), dormant.iter().map(String::as_str).collect());
    run.holds("aws:619193117841:user/tyre/access-key-1", &[("MON-01", "pass")]);
}

#[test]
fn a_report_of_the_command_line_whose_content_is_plain_text() {
    let Some(root) = root() else { return };
    let run = run(&root, &cloudmapper_credentials());
    assert!(run.said.contains("as of 2019-05-07T15:40:22Z"), "{}", run.said);
    let id = |rest: &str| format!("aws:123456789012:{rest}");
    run.holds(&id("root/access-key-1"), &[("ROT-01 ROT-02", "fail"), ("MON-01", "unknown"), ("MON-02 INV-03", "pass")]);
    run.holds(&id("user/user/access-key-2"), &[("ROT-01 ROT-02", "fail"), ("MON-01", "unknown"), ("MON-02", "pass")]);
    run.holds(&id("user/user/access-key-1"), &[("ROT-01", "pass"), ("MON-01 MON-02", "not-applicable")]);
    run.holds(&id("user/auditor_tmp/access-key-1"), &[("ROT-01", "pass"), ("MON-01 MON-02", "not-applicable")]);
    run.holds(&id("user/auditor_tmp"), &[("PRV-05", "not-applicable"), ("INV-01 OFF-03", "unknown")]);
    run.holds(&id("user/user"), &[("PRV-05", "unknown")]);
}

/// 1,448 records: 56 calls were refused, 112 failed otherwise, and none of these is a use.
#[test]
fn a_trail() {
    let Some(root) = root() else { return };
    let mut files: Vec<(String, String)> = fs::read_dir(root.join("aws-cloudtrail"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".json"))
        .map(|name| (format!("aws-cloudtrail/{name}"), name))
        .collect();
    files.sort();
    let work = crate::scratch::folder();
    let control = r#"
id = "OWN-01"
title = "No call was refused"
severity = "low"
subject = "event"
statement = "x"
risk = "x"
remediation = "x"
[maps-to]
[check]
applies = "at > $as_of - INTERVAL '1d' AND type IN ('used', 'signed_in')"
assert = "outcome = 'ok'"
"#;
    fs::create_dir(work.path().join("controls")).unwrap();
    fs::create_dir(work.path().join("evidence")).unwrap();
    fs::write(work.path().join("controls/own.toml"), control).unwrap();
    let source = source("aws-cloudtrail", "*.json", "aws:123837392027", "2023-07-10T13:00:00Z");
    fs::write(work.path().join("tickmark.toml"), format!("name = \"Trail\"\ncontrols = [\"controls\"]\n{source}")).unwrap();
    for (from, name) in &files {
        fs::copy(root.join(from), work.path().join("evidence").join(name)).unwrap();
    }
    let done = Command::new(env!("CARGO_BIN_EXE_tickmark")).args(["run", "--project"]).arg(work.path()).output().unwrap();
    assert_eq!(done.status.code(), Some(1), "{}", String::from_utf8_lossy(&done.stderr));
    let assessment: Value = serde_json::from_slice(&fs::read(work.path().join("report/assessment.json")).unwrap()).unwrap();
    let counts = &assessment["controls"][0]["counts"];
    // Four records are of services' own events, and nobody's call.
    assert_eq!((counts["fail"].as_i64(), counts["pass"].as_i64()), (Some(168), Some(1448 - 4 - 168)), "{counts}");
    assert_eq!((&assessment["quarantine"], assessment["sources"][0]["records"].as_i64()), (&serde_json::json!([]), Some(1448)));
}

#[test]
fn a_cluster_of_kind() {
    let Some(root) = root() else { return };
    let run = run(&root, &kubehound());
    let read = |path: &str| -> Value { serde_json::from_slice(&fs::read(root.join("k8s-kubehound-kind").join(path)).unwrap()).unwrap() };
    let grants: BTreeSet<&str> =
        run.verdicts.keys().filter(|(control, _)| control == "AUT-06").map(|(_, subject)| subject.as_str()).collect();
    // One grant for each subject of a binding, and seven workloads that run with an account's token.
    let bound: usize = KUBEHOUND
        .iter()
        .filter(|path| path.contains("bindings"))
        .flat_map(|path| read(path)["items"].as_array().unwrap().clone())
        .map(|binding| binding["subjects"].as_array().map_or(0, Vec::len))
        .sum();
    assert_eq!((bound, grants.len()), (67, 74));
    // Only system:masters is bound to cluster-admin; every other role is in another file than its binding.
    let admin = "k8s:kind:clusterrolebinding/cluster-admin/group/system:masters";
    let named = |prefix: &str| -> Vec<&str> { grants.iter().copied().filter(|grant| grant.starts_with(prefix)).collect() };
    assert_eq!(named("k8s:kind:clusterrolebinding/cluster-admin/"), [admin]);
    assert_eq!(run.subjects("PRV-01", "fail"), BTreeSet::from([admin]));
    run.holds(admin, &[("AUT-06", "pass"), ("PRV-02 TPR-01", "unknown")]);
    for grant in &grants {
        let privileged = if *grant == admin { "true" } else { "missing" };
        assert_eq!(run.finding("PRV-02", grant)["observed"]["privileged"], privileged, "{grant}");
    }
    // Three pods in `default` run as its account `default`.
    let pods =
        ["hostpath-pod", "priv-hostpid-pod", "priv-pod"].map(|pod| format!("k8s:kind:workload/default/pod/{pod}/serviceaccount/default"));
    assert_eq!(named("k8s:kind:workload/default/"), pods);
    for pod in &pods {
        run.holds(pod, &[("AUT-06 PRV-01", "pass"), ("TPR-01 AUT-05", "not-applicable"), ("PRV-02 PRV-03", "unknown")]);
    }
    // Bound to everybody that has signed in, or has not.
    let open = [
        "clusterrolebinding/system:basic-user/group/system:authenticated",
        "clusterrolebinding/system:discovery/group/system:authenticated",
        "clusterrolebinding/system:public-info-viewer/group/system:authenticated",
        "clusterrolebinding/system:public-info-viewer/group/system:unauthenticated",
        "rolebinding/kube-public/kubeadm:bootstrap-signer-clusterinfo/user/system:anonymous",
    ]
    .map(|rest| format!("k8s:kind:{rest}"));
    assert_eq!(run.subjects("AUT-06", "fail"), open.iter().map(String::as_str).collect());
    // Four pods are mirrors of files on the node and have no account; the others are named by what made them.
    let identities: BTreeSet<&str> =
        run.verdicts.keys().filter(|(control, _)| control == "INV-01").map(|(_, subject)| subject.as_str()).collect();
    assert_eq!(identities.len(), 16);
    assert_eq!(identities.iter().filter(|id| id.starts_with("k8s:kind:workload/kube-system/pod/")).count(), 4);
    assert!(identities.contains("k8s:kind:workload/kube-system/deployment/coredns"));
    assert!(identities.contains("k8s:kind:sa/default/default"));
    // Lists of single kinds are never known to be whole.
    assert!(run.said.contains("source kubernetes: unknown"), "{}", run.said);
}

#[test]
fn an_account_with_a_role_that_everybody_may_become() {
    let Some(root) = root() else { return };
    let run = run(&root, &cloudmapper());
    let id = |rest: &str| format!("aws:123456789012:{rest}");
    run.holds(&id("role/bad_role/trust/0/*"), &[("AUT-06 TPR-01", "fail"), ("PRV-02", "unknown"), ("AUT-05 PRV-01", "not-applicable")]);
    assert_eq!(run.finding("PRV-02", &id("role/bad_role/trust/0/*"))["observed"]["privileged"], "true");
    run.holds(&id("role/bad_role/inline/dostuff"), &[("PRV-01", "fail"), ("AUT-06", "pass"), ("TPR-01", "not-applicable")]);
    run.holds(&id("role/exfiller/inline/tmp"), &[("PRV-01", "fail")]);
    run.holds(&id("role/level3/inline/listbuckets"), &[("PRV-01", "pass"), ("PRV-02", "not-applicable"), ("PRV-03", "unknown")]);
    run.holds(&id("role/service-role/level1/inline/level1"), &[("PRV-01", "pass")]);
    run.holds(&id("role/level3/trust/0/ecs-tasks.amazonaws.com"), &[("AUT-06", "pass"), ("TPR-01 AUT-05", "not-applicable")]);
    // The user has it from its group.
    let policy = "policy/arn:aws:iam::aws:policy/service-role/AmazonEC2RoleforSSM";
    run.holds(&id(&format!("user/USER/group/GROUP_WITH_BAD_INLINE_POLICY/{policy}")), &[("PRV-01 AUT-06", "pass"), ("PRV-02", "unknown")]);
    run.holds(&id("user/USER"), &[("PRV-05", "not-applicable"), ("INV-01 INV-05", "unknown")]);
    assert_eq!(run.subjects("AUT-06", "fail").len(), 1);
    assert_eq!(run.subjects("AUT-06", "pass").len(), 10);
}

#[test]
fn accounts_with_administrators() {
    let Some(root) = root() else { return };
    let run_1 = run(&root, &cloudsplaining());
    let id = |rest: &str| format!("aws:012345678901:{rest}");
    let admin = "policy/arn:aws:iam::aws:policy/AdministratorAccess";
    for holder in ["user/obama", "user/obama/group/admin", "user/userwithlotsofpermissions/group/admin"] {
        run_1.holds(&id(&format!("{holder}/{admin}")), &[("PRV-01", "fail"), ("PRV-02", "unknown"), ("TPR-01", "not-applicable")]);
        assert_eq!(run_1.finding("PRV-02", &id(&format!("{holder}/{admin}")))["observed"]["privileged"], "true");
    }
    // lambda:*, s3:* and others on every resource, and iam:PassRole: no administrator by its words, but not known to be none.
    run_1.holds(&id("user/biden/policy/arn:aws:iam::aws:policy/AWSLambdaFullAccess"), &[("PRV-01", "fail"), ("PRV-02", "unknown")]);
    run_1.holds(&id("role/OverprivilegedEC2/inline/SupYo"), &[("PRV-01", "pass"), ("PRV-02", "unknown")]);
    run_1.holds(&id("role/MyRole/inline/EC2-IAM-example"), &[("PRV-01", "pass"), ("PRV-02", "unknown")]);
    run_1.holds(&id("user/biden/inline/InsecureUserPolicy"), &[("PRV-01", "pass"), ("PRV-02", "not-applicable")]);
    // iam:CreateAccessKey on everybody, iam:PassRole beside lambda:*: nobody can tell from the words whom these let become.
    for holder in ["role/OverprivilegedEC2", "role/MyRole", "role/MyOtherRole", "user/biden"] {
        run_1.holds(&id(holder), &[("PRV-04", "unknown")]);
    }
    assert_eq!(run_1.subjects("AUT-06", "pass").len(), 15);
    // rds:* on every resource: whatever its other statements demand, never a pass.
    let rds = id("user/biden/group/biden/policy/arn:aws:iam::aws:policy/AmazonRDSFullAccess");
    assert_eq!(run_1.finding("PRV-01", &rds)["observed"]["wildcard"], "true");

    // The policy is attached, and not in the export: known by its name alone, and the export is not whole.
    let run_2 = run(&root, &cloudsplaining_2());
    run_2.holds(&id(&format!("user/BlakeBortles/group/GOAT/{admin}")), &[("PRV-01", "fail"), ("PRV-02", "unknown"), ("AUT-06", "pass")]);
    run_2.holds(&id("role/GOAT/inline/SsmOnboardingInlinePolicy"), &[("PRV-01", "pass"), ("PRV-02", "not-applicable")]);
    assert!(run_2.said.contains("partial: attached policies are not in the export"), "{}", run_2.said);
}

#[test]
fn consumers_of_a_gateway() {
    let Some(root) = root() else { return };
    let run_1 = run(&root, &kong(KONG[0]));
    run_1.holds(
        "kong:test:basic-auth/my_basic_user",
        &[("ROT-02", "fail"), ("ROT-01 MON-01", "unknown"), ("SEC-04 OFF-02", "not-applicable")],
    );
    let mtls = "kong:test:mtls-auth/cce8c384-721f-4f58-85dd-50834e3e733a";
    run_1.holds(mtls, &[("AUT-03 ROT-02 ROT-05 SEC-04", "unknown"), ("INV-03", "pass"), ("ROT-01", "not-applicable")]);
    // The keys' ids carry a piece of a fingerprint that differs from project to project.
    let by_kind =
        |verdict: &str| -> Vec<&str> { run_1.subjects("ROT-02", verdict).iter().map(|id| id.split('/').next().unwrap()).collect() };
    assert_eq!(by_kind("fail"), ["kong:test:basic-auth", "kong:test:jwt"]);
    assert_eq!(by_kind("unknown"), ["kong:test:key-auth", "kong:test:mtls-auth"]);
    assert_eq!(run_1.subjects("ROT-01", "unknown").len(), 3);
    run_1.holds("kong:test:consumer/example-user/acl/acl_group", &[("AUT-06", "pass"), ("PRV-01 PRV-02 TPR-01", "unknown")]);
    run_1.holds("kong:test:consumer/example-user", &[("INV-01 OFF-03 PRV-05", "unknown")]);

    let run_2 = run(&root, &kong(KONG[1]));
    run_2.holds("kong:test:consumer/foo/consumer-group/basic", &[("AUT-06", "pass"), ("AUT-05", "not-applicable"), ("PRV-01", "unknown")]);
    assert!(!run_2.verdicts.keys().any(|(control, _)| control == "ROT-02"), "the dump has no credentials");
}

#[test]
fn certificates_at_and_past_their_limits() {
    let Some(root) = root() else { return };
    let equal = "x509:1968ce7df5036fb59df333582bba32956ca76b07386dbcec448ad566328d6ff2";
    let over = "x509:6c454d722359427a3a8330ba6c29c2e884bc4686bb6d891b6881ec725de181a4";
    let before_2020 = "x509:bb836ca7314ada990ca7536119a235f74045997d6229ddc712019f5ed3239240";
    let sha1 = "x509:b2fc7e02606f4b656e622938d318a344f9ce04b5a20dfcc2ded982b27692a0aa";
    let of_47_days = "x509:4575cf4edf76fc09289d2eb20bfe99caa104b582ccab13776f89399e4173a80a";
    let spire = "x509:f22d53ed6542da0ef4bfa9bac630938aea1f429b13ba2a1d915e1bce94f41384";
    let spire_rotated = "x509:3bd1912ab5a5916e3b3e86bca12b8b803afb54b3603b904b0f01a30118e00568";

    let run_2026 = run(&root, &certificates(&root, "2026-01-24T12:00:00Z"));
    // 398 days to the second; 398 days and the second that a certificate's end includes; from before the limit was 398.
    run_2026.holds(equal, &[("ROT-05", "pass"), ("AUT-03", "not-applicable"), ("ROT-06 OFF-02", "unknown")]);
    run_2026.holds(over, &[("ROT-05", "fail")]);
    run_2026.holds(before_2020, &[("ROT-05", "pass")]);
    run_2026.holds(sha1, &[("ROT-05 AUT-03", "not-applicable"), ("ROT-06", "unknown")]);
    // Its validity begins in 2032.
    run_2026.holds(of_47_days, &[("ROT-05", "unknown"), ("ROT-06", "not-applicable")]);
    assert_eq!(run_2026.finding("ROT-05", of_47_days)["reasons"][0]["word"], "future");
    // A name of SPIFFE is in no publicly trusted certificate, whatever the configuration says of the folder.
    for svid in [spire, spire_rotated] {
        run_2026.holds(svid, &[("ROT-05", "not-applicable"), ("AUT-03 ROT-02", "pass"), ("INV-03", "unknown")]);
    }

    // While they were valid: SHA-1 and keys of 512 bits fail; RSA of 2048 bits with SHA-256 passes.
    let run_2017 = run(&root, &certificates(&root, "2017-05-01T00:00:00Z"));
    run_2017.holds(sha1, &[("AUT-03", "fail"), ("ROT-05", "not-applicable")]);
    assert_eq!(run_2017.finding("AUT-03", sha1)["observed"]["algorithm"], "sha1-rsa");
    let run_2020 = run(&root, &certificates(&root, "2020-12-01T00:00:00Z"));
    for weak in [equal, over, before_2020] {
        run_2020.holds(weak, &[("AUT-03", "fail")]);
        assert_eq!(run_2020.finding("AUT-03", weak)["observed"]["key_bits"], "512");
    }
    run_2020.holds(spire, &[("AUT-03", "pass")]);
    // In a leap year: 1 February to the last second of 18 March are 47 days.
    let run_2032 = run(&root, &certificates(&root, "2032-02-15T00:00:00Z"));
    run_2032.holds(of_47_days, &[("ROT-05 AUT-03", "pass")]);
}
