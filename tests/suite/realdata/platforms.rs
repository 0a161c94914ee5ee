//! Gateways, SPIRE, GitHub, agents and a scanner: exports of their own shape, and lists made of recorded webhooks.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::case::*;

fn read(root: &Path, path: &str) -> Value {
    serde_json::from_slice(&fs::read(root.join(path)).unwrap()).unwrap()
}

/// A case of one file that was made of recorded parts.
fn made(kind: &str, text: &str, name: &str, system: &str, collected_at: &str) -> (tempfile::TempDir, Case) {
    let folder = crate::scratch::folder();
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    let case =
        Case { sources: source(kind, name, system, collected_at), files: vec![(path.to_str().unwrap().to_owned(), name.to_owned())] };
    (folder, case)
}

/// What the report says of its one source: records, quarantined.
fn counts(run: &Run) -> (i64, usize) {
    let assessment: Value = serde_json::from_slice(&fs::read(run.work.path().join("report/assessment.json")).unwrap()).unwrap();
    (assessment["sources"][0]["records"].as_i64().unwrap(), assessment["quarantine"].as_array().unwrap().len())
}

#[test]
fn entries_of_spire() {
    let Some(root) = root() else { return };
    let run = run(&root, &one("spire-entries", "spire/entry_show_output.json", "spiffe:example.org", "2026-06-30T00:00:00Z"));
    assert_eq!(counts(&run), (4, 0));
    let entry = |number: u32| format!("spiffe:example.org:entry/00000000-0000-0000-0000-{number:012}");
    // Three entries never expire ("0"), the fourth did in 2019.
    for number in 0..3 {
        run.holds(&entry(number), &[("PRV-01 AUT-06", "pass"), ("PRV-03 OFF-04", "unknown"), ("AUT-05 TPR-02", "not-applicable")]);
    }
    run.holds(&entry(3), &[("OFF-04", "pass"), ("PRV-01 PRV-02 PRV-03", "not-applicable")]);
    assert_eq!(run.finding("PRV-03", &entry(0))["observed"]["granted_at"], "2019-01-15T20:13:17Z");
    // Two SPIFFE IDs have two entries each; a TTL of 0 is the server's own, so that nothing is said of a certificate's life.
    for id in ["spiffe:example.org:/son", "spiffe:example.org:/daughter"] {
        run.holds(id, &[("INV-01 PRV-04 HUM-01", "unknown"), ("AIA-07 OFF-06", "not-applicable")]);
    }
    assert_eq!(run.verdicts.keys().filter(|(control, _)| control == "INV-01").count(), 2);
    assert!(!run.verdicts.keys().any(|(control, _)| control == "ROT-02"), "entries are no credentials");
    // Whoever the entries are delegated to is in no entry of its own.
    assert_eq!(run.finding("ENV-02", &entry(0))["reasons"][0]["word"], "dangling");
}

#[test]
fn a_test_store_of_spire_is_no_answer_of_its_command() {
    let Some(root) = root() else { return };
    let run = run(&root, &one("spire-entries", "spire/datastore_entries.json", "spiffe:example.org", "2026-06-30T00:00:00Z"));
    assert_eq!(counts(&run), (0, 1));
}

#[test]
fn apps_of_apigee_that_share_a_key() {
    let Some(root) = root() else { return };
    let path = "apigee/appgroups_phpunit_apps_GET.json";
    let run_1 = run(&root, &one("apigee-apps", path, "apigee:phpunit", "2023-08-09T14:00:00Z"));
    assert_eq!(counts(&run_1), (5, 0));
    // Five apps with two keys among them: Zww6… in two, the other in three. Every key and secret is another app's as well.
    let keys = run_1.subjects("SEC-04", "fail");
    assert_eq!(keys.len(), 10);
    let handle = |app: &str| {
        let prefix = format!("apigee:phpunit:app/{app}/key/");
        keys.iter().find_map(|id| id.strip_prefix(prefix.as_str())).unwrap_or_else(|| panic!("{app}")).to_owned()
    };
    let (first, second) = (handle("a47891c5-ca20-4f2f-975e-0e7588ec81f0"), handle("b3e71cbb-7eb5-2222-b384-ac82bca1d9dc"));
    assert_eq!(first, handle("b3e71cbb-7eb5-1111-b384-ac82bca1d9dc"));
    assert_eq!(second, handle("b3e71cbb-7eb5-4444-b384-ac82bca1d9dc"));
    assert_ne!(first, second);
    // Issued in 1990, as 648345600000 milliseconds say; a key is never rotated, of the secret nobody says so. Without
    // `expiresAt` nothing is known of an end.
    let key = format!("apigee:phpunit:app/a47891c5-ca20-4f2f-975e-0e7588ec81f0/key/{first}");
    let secret = format!("apigee:phpunit:app/a47891c5-ca20-4f2f-975e-0e7588ec81f0/secret/{first}");
    run_1.holds(
        &key,
        &[("ROT-01", "fail"), ("ROT-02 ROT-06 MON-01 MON-02 SEC-03", "unknown"), ("INV-03", "pass"), ("OFF-02 AUT-03", "not-applicable")],
    );
    run_1.holds(&secret, &[("ROT-01 ROT-02", "unknown"), ("INV-03", "pass")]);
    assert_eq!(run_1.finding("ROT-01", &key)["observed"]["issued_at"], "1990-07-19T00:00:00Z");

    // The same, alone in its file, with -1 for never.
    let path = "apigee/apps_f98678b9-4d1b-4927-ba17-62e6efaadfb3_GET.json";
    let run_2 = run(&root, &one("apigee-apps", path, "apigee:phpunit", "2023-08-09T14:00:00Z"));
    let own = |verdict: &str| run_2.subjects("ROT-02", verdict).len();
    assert_eq!((own("fail"), own("pass"), own("unknown")), (2, 0, 0));
    assert!(run_2.said.contains("partial: the file holds one app"), "{}", run_2.said);

    // AppGroups without their apps are something else.
    let run_3 = run(&root, &one("apigee-apps", "apigee/appgroups_GET.json", "apigee:phpunit", "2023-08-09T14:00:00Z"));
    assert_eq!(counts(&run_3), (0, 1));
}

#[test]
fn a_session_of_tyk() {
    let Some(root) = root() else { return };
    let run = run(&root, &one("tyk-keys", "tyk/keys.json", "tyk:default", "2020-04-22T00:00:00Z"));
    assert_eq!(counts(&run), (1, 0));
    // `is_inactive` and `date_created` are not there; `expires` 0 is never; `last_check` 0 says nothing of use.
    let key = "tyk:default:key/keys/secret";
    run.holds(
        key,
        &[("ROT-01 ROT-02 MON-01 MON-02 SEC-04 OFF-02", "unknown"), ("INV-03", "pass"), ("ROT-06 AUT-03 HUM-02", "not-applicable")],
    );
    assert_eq!(run.finding("ROT-02", key)["observed"]["expires_at"], "never");
    run.holds(
        "tyk:default:key/keys/api/4",
        &[("PRV-01 AUT-06", "pass"), ("PRV-02 PRV-03 ONB-01 TPR-03", "unknown"), ("TPR-02", "not-applicable")],
    );
    assert!(run.said.contains("partial: the file holds one key"), "{}", run.said);
}

#[test]
fn installations_of_github_apps() {
    let Some(root) = root() else { return };
    let parts = ["created", "suspend"].map(|name| read(&root, &format!("github-octokit/installation_{name}.json"))["installation"].clone());
    let text = json!({ "total_count": 2, "installations": parts }).to_string();
    let (_folder, case) = made("github-app-installations", &text, "installations.json", "github:codertocat", "2021-05-01T00:00:00Z");
    let run_1 = run(&root, &case);
    assert_eq!(counts(&run_1), (2, 0));
    let grant = |id: u32| format!("github:codertocat:installation/{id}/permissions");
    // administration:write, without an end; created and updated at one instant, which a webhook writes in seconds.
    run_1.holds(
        &grant(957_387),
        &[("PRV-01 AUT-06", "pass"), ("PRV-06", "fail"), ("PRV-02 PRV-03 ONB-01", "unknown"), ("TPR-02 OFF-04", "not-applicable")],
    );
    let observed = run_1.finding("PRV-02", &grant(957_387))["observed"].clone();
    assert_eq!(observed["privileged"], "true");
    assert_eq!(run_1.finding("PRV-03", &grant(957_387))["observed"]["granted_at"], "2019-05-15T15:19:51Z");
    // contents and workflows may be written: what that leads to is not told. Suspended, and still granted.
    run_1.holds(&grant(16_598_467), &[("PRV-01", "pass"), ("PRV-02 PRV-03", "unknown"), ("OFF-04", "fail")]);
    assert_eq!(run_1.finding("PRV-02", &grant(16_598_467))["observed"]["privileged"], "missing");
    run_1.holds("github:codertocat:installation/957387", &[("OFF-06 INV-01 PRV-05", "unknown")]);
    run_1.holds("github:codertocat:installation/16598467", &[("OFF-06 PRV-05 PRV-04", "not-applicable")]);
    run_1.holds("github-app-installations", &[("EVD-02", "pass")]);

    // One of the two on this page.
    let text = json!({ "total_count": 2, "installations": [parts[0]] }).to_string();
    let (_folder, case) = made("github-app-installations", &text, "installations.json", "github:codertocat", "2021-05-01T00:00:00Z");
    let run_2 = run(&root, &case);
    run_2.holds("github-app-installations", &[("EVD-02", "fail")]);
    assert!(run_2.said.contains("source github-app-installations: partial"), "{}", run_2.said);
}

#[test]
fn a_deploy_key_from_a_webhook() {
    let Some(root) = root() else { return };
    let key = read(&root, "github-octokit/deploy_key_created.json")["key"].clone();
    let (_folder, case) = made("github-deploy-keys", &json!([key]).to_string(), "keys.json", "github:codertocat", "2021-05-01T00:00:00Z");
    let run = run(&root, &case);
    assert_eq!(counts(&run), (1, 0));
    // RSA of 2048 bits, made on 2019-04-02 and never changed; whether it is enabled, and when it was used, an older answer does not say.
    let id = "github:codertocat:deploy-key/100/key";
    run.holds(
        id,
        &[("AUT-03 ROT-01 ROT-02 MON-01 SEC-04", "unknown"), ("INV-03", "pass"), ("ROT-05 ROT-06 OFF-02 HUM-02", "not-applicable")],
    );
    assert_eq!(run.finding("AUT-03", id)["observed"]["key_bits"], "2048");
    run.holds(
        "github:codertocat:deploy-key/100/repository",
        &[("PRV-01 AUT-06", "pass"), ("PRV-02", "not-applicable"), ("PRV-03", "unknown")],
    );
}

#[test]
fn an_alert_of_secret_scanning_from_an_older_webhook() {
    let Some(root) = root() else { return };
    let hook = read(&root, "github-octokit/secret_scanning_alert_reopened.json");
    let mut alert = hook["alert"].clone();
    alert["repository"] = hook["repository"].clone();
    let (_folder, case) =
        made("github-secret-scanning", &json!([alert]).to_string(), "alerts.json", "github:codertocat", "2021-05-01T00:00:00Z");
    let run = run(&root, &case);
    assert_eq!(counts(&run), (1, 0));
    // Neither when it was found nor what: nothing is decided.
    run.holds("github:codertocat:secret-alert/hello-world/191", &[("SEC-01 SEC-02", "unknown"), ("MON-04", "not-applicable")]);
}

#[test]
fn events_of_githubs_audit_log() {
    let Some(root) = root() else { return };
    let mut text = String::new();
    for name in ["github_organization_app_integration_installed", "github_user_access_key_created"] {
        let rule: Value = serde_yaml_ng::from_slice(&fs::read(root.join(format!("panther-events/{name}.yml"))).unwrap()).unwrap();
        for test in rule["Tests"].as_array().unwrap() {
            text += &format!("{}\n", test["Log"]);
        }
    }
    let (_folder, case) = made("github-audit-log", &text, "audit.ndjson", "github:my-org", "2022-12-12T00:00:00Z");
    let run = run(&root, &case);
    // Three of the five are about an app or a key of an organization; two name none, and are of the one that is configured.
    assert_eq!(counts(&run), (5, 0));
    assert!(run.said.contains("source github-audit-log"), "{}", run.said);
}

#[test]
fn agents_whose_cards_demand_nothing() {
    let Some(root) = root() else { return };
    let files: Vec<(String, String)> = ["air_ticketing_agent", "car_rental_agent", "hotel_booking_agent"]
        .map(|name| (format!("a2a/{name}.json"), format!("{name}.json")))
        .to_vec();
    let systems = "\", \"a2a:localhost:10104\", \"a2a:localhost:10105";
    let case =
        Case { sources: source("a2a-agent-card", "*.json", &format!("a2a:localhost:10103{systems}"), "2025-06-10T00:00:00Z"), files };
    let run = run(&root, &case);
    // No card has `securitySchemes`, `security` or `authentication`.
    for port in [10103, 10104, 10105] {
        let agent = format!("a2a:localhost:{port}:agent");
        run.holds(&agent, &[("AIA-07", "fail"), ("AIA-01 AIA-02 AIA-03 AIA-04 AIA-06 INV-01 INV-06 OFF-06", "unknown")]);
        assert_eq!(run.finding("AIA-07", &agent)["observed"]["card_auth"], "none");
    }
    assert_eq!(run.subjects("AIA-07", "fail").len(), 3);
}

#[test]
fn servers_of_a_registry() {
    let Some(root) = root() else { return };
    let run = run(&root, &one("mcp-registry", "mcp-registry/servers.json", "mcp:official", "2025-06-01T00:00:00Z"));
    // Of its 236 elements four are empty, to the letter.
    assert_eq!(counts(&run), (233, 4));
    run.holds("mcp-registry", &[("EVD-03", "fail")]);
    // A catalogue is no deployment: nothing is said of whether one runs, and none is an agent.
    assert_eq!(run.subjects("AIA-01", "not-applicable").len(), 232);
    run.holds("mcp:official:server/io.github.21st-dev/magic-mcp", &[("INV-01 INV-06 OFF-06", "unknown"), ("AIA-07", "not-applicable")]);
}

#[test]
fn a_report_of_gitleaks_that_is_redacted() {
    let Some(root) = root() else { return };
    let mut case = one("gitleaks", "secret-leaks/gitleaks_redacted_data_many.json", "git:example/infra", "2021-05-01T00:00:00Z");
    case.sources += "facts = { detected_at = \"2021-05-01T00:00:00Z\" }\n";
    let run = run(&root, &case);
    assert_eq!(counts(&run), (6, 0));
    // Which secrets they were is not known, nor whether they work.
    assert_eq!(run.subjects("SEC-02", "unknown").len(), 6);
    assert_eq!(run.subjects("SEC-01", "not-applicable").len(), 6);
}
