//! Exports of clouds, directories and gateways, file by file. Each verdict was read from the raw file by hand.

use std::collections::BTreeSet;
use std::fs;

use super::case::*;

fn of(kind: &str, files: &[&str], system: &str, at: &str) -> Case {
    let files = files.iter().map(|from| ((*from).to_owned(), from.replace('/', "_"))).collect();
    Case { sources: source(kind, "*", system, at), files }
}

/// A control of the test's own, beside the shipped ones.
fn with_control(root: &std::path::Path, case: &Case, id: &str, subject: &str, applies: &str, assert: &str) -> Run {
    let folder = crate::scratch::folder();
    let file = folder.path().join("own.toml");
    let told = "severity = \"low\"\nstatement = \"x\"\nrisk = \"x\"\nremediation = \"x\"\n[maps-to]\n[check]\n";
    fs::write(
        &file,
        format!("id = \"{id}\"\ntitle = \"x\"\nsubject = \"{subject}\"\n{told}applies = \"{applies}\"\nassert = \"{assert}\"\n"),
    )
    .unwrap();
    let mut files = case.files.clone();
    files.push((file.to_str().unwrap().to_owned(), "../own.toml".to_owned()));
    run(root, &Case { sources: format!("controls = [\"own.toml\"]\n{}", case.sources), files })
}

fn counts(run: &Run, source: &str) -> (i64, i64, String) {
    let assessment: serde_json::Value = serde_json::from_slice(&fs::read(run.work.path().join("report/assessment.json")).unwrap()).unwrap();
    let rows = assessment["sources"].as_array().unwrap();
    let row = rows.iter().find(|row| row["id"] == source).unwrap_or_else(|| panic!("{source}: {rows:?}"));
    let number = |name: &str| row[name].as_i64().unwrap();
    (number("records"), number("quarantined"), row["completeness"].as_str().unwrap().to_owned())
}

#[test]
fn access_keys_of_a_user() {
    let Some(root) = root() else { return };
    let run = run(&root, &of("aws-access-keys", &["derived/aws_iam_list-access-keys.json"], "aws:644160558196", "2020-03-01T00:00:00Z"));
    let key = |id: &str| format!("aws:644160558196:access-key/{id}");
    // Both are active; one is of 1990, the other 39 days old. The list names a user without its path, and knows of no use.
    run.holds(
        &key("AKIAI5PSD5WUP3AO2OPA"),
        &[("ROT-01 ROT-02", "fail"), ("MON-01 MON-02 INV-03", "unknown"), ("SEC-04 OFF-02", "not-applicable")],
    );
    run.holds(&key("AKIAZL6XWCR2EAE3M5WG"), &[("ROT-01", "pass"), ("ROT-02", "fail"), ("MON-01", "not-applicable"), ("INV-03", "unknown")]);
    assert_eq!(counts(&run, "aws-access-keys"), (2, 0, "partial".to_owned()));
}

#[test]
fn secrets_that_were_rotated_and_others() {
    let Some(root) = root() else { return };
    let secret = |name: &str| format!("aws:644160558196:secretsmanager:us-east-1:secret:{name}");
    let of = |file: &str| of("aws-secrets-manager", &[file], "aws:644160558196", "2025-11-20T00:00:00Z");
    let rotated = run(&root, &of("derived/aws_secretsmanager_list-secrets_1.json"));
    rotated.holds(&secret("test_lambda_secret-tBN3Sv"), &[("ROT-01 SEC-03", "pass"), ("ROT-02 MON-01 INV-03", "unknown")]);
    // Changed lately, which is not rotated: a tag may have been.
    rotated.holds(&secret("c7n-TItPKs"), &[("SEC-03", "pass"), ("ROT-01 ROT-02 MON-02", "unknown")]);
    // Rotation is switched on and never came to an end; somebody may have replaced it by hand.
    let never = run(&root, &of("derived/aws_secretsmanager_list-secrets_2.json"));
    never.holds(&secret("test1-KGqqf5"), &[("SEC-03", "pass"), ("ROT-01", "unknown")]);
    never.holds(&secret("test_lambda_secret-tBN3Sv"), &[("ROT-01", "unknown")]);
    assert_eq!((counts(&rotated, "aws-secrets-manager").0, counts(&never, "aws-secrets-manager").0), (2, 3));
    // A recorded exchange in YAML, collected when it was answered.
    let recorded = of_recorded("aws-secrets-manager", "sigcomply-cassettes/aws_secretsmanager.yaml", "aws:000000000000");
    let recorded = run(&root, &recorded);
    assert!(recorded.said.contains("as of 2026-06-28T08:45:09Z"), "{}", recorded.said);
    assert_eq!(counts(&recorded, "aws-secrets-manager"), (1, 0, "unknown".to_owned()));
}

fn of_recorded(kind: &str, file: &str, system: &str) -> Case {
    of(kind, &[file], system, "")
}

#[test]
fn findings_that_are_open_and_closed() {
    let Some(root) = root() else { return };
    let case = of("aws-access-analyzer", &["derived/aws_accessanalyzer_list-findings.json"], "aws:644160558196", "2023-09-02T12:00:00Z");
    let run = with_control(
        &root,
        &case,
        "OWN-01",
        "exposure",
        "detected_at > $as_of - INTERVAL '300d' AND kind = 'external_access'",
        "resolved_at <> 'never'",
    );
    let finding = |id: &str| format!("aws:644160558196:access-analyzer/{id}");
    run.holds(&finding("6d1a2533-bfac-4e07-82b2-7540f68cad26"), &[("OWN-01", "pass")]);
    run.holds(&finding("de234567-65aa-4290-9699-50d59ec5d8ae"), &[("OWN-01", "pass")]);
    run.holds(&finding("532ef930-f3f7-4389-a9f0-6ae323bfa899"), &[("OWN-01", "fail")]);
    run.holds(&finding("56a4bd74-f5d1-4fa0-968c-111f1cdeeaf8"), &[("OWN-01", "fail")]);
    assert_eq!(counts(&run, "aws-access-analyzer"), (4, 0, "unknown".to_owned()));
}

#[test]
fn keys_of_a_service_account() {
    let Some(root) = root() else { return };
    let lists = ["derived/gcloud_iam_service-accounts_list.json", "derived/gcloud_iam_service-accounts_keys_list.json"];
    let flights = ["gcp-c7n/service_accounts_list.flight.json", "gcp-c7n/service_account_keys_list.flight.json"];
    for case in [
        of("gcp-service-accounts", &lists, "gcp:cloud-custodian", "2021-03-31T13:42:48Z"),
        of("gcp-service-accounts", &flights, "gcp:cloud-custodian", ""),
    ] {
        let run = run(&root, &case);
        assert!(run.said.contains("as of 2021-03-31T13:42:48Z"), "{}", run.said);
        let account = "gcp:serviceAccount/test-cutodian-scc@cloud-custodian.iam.gserviceaccount.com";
        // Google's own: it ends by itself, and nobody else has it.
        run.holds(&format!("{account}/keys/1"), &[("ROT-01 ROT-02 SEC-03 AUT-01 INV-03", "pass"), ("SEC-04 OFF-02", "not-applicable")]);
        // A user's: made 15 minutes before, without an end, kept who knows where.
        run.holds(
            &format!("{account}/keys/2"),
            &[("ROT-02", "fail"), ("ROT-01 INV-03", "pass"), ("SEC-03", "unknown"), ("MON-01 MON-02", "not-applicable")],
        );
        run.holds(account, &[("ENV-03", "not-applicable"), ("INV-01 OFF-06", "unknown")]);
        assert_eq!(counts(&run, "gcp-service-accounts"), (3, 0, "partial".to_owned()));
    }
}

#[test]
fn a_policy_of_a_project() {
    let Some(root) = root() else { return };
    let grant = |rest: &str| format!("gcp:testproject:policy/projects/testproject/roles/{rest}");
    for case in [
        of("gcp-iam-policy", &["derived/gcloud_projects_get-iam-policy.json"], "gcp:testproject", "2021-06-16T23:18:01Z"),
        of("gcp-iam-policy", &["gcp-c7n/project_iam_policy.flight.json"], "gcp:testproject", ""),
    ] {
        let run = run(&root, &case);
        run.holds(
            &grant("editor/serviceAccount:def@testproject.iam.gserviceaccount.com"),
            &[("PRV-01", "fail"), ("AUT-06", "pass"), ("TPR-01", "not-applicable")],
        );
        run.holds(&grant("editor/user:zzz@gmail.com"), &[("PRV-01", "fail"), ("TPR-01", "unknown")]);
        run.holds(&grant("viewer/user:abc@gmail.com"), &[("PRV-01 PRV-02", "unknown"), ("AUT-06", "pass")]);
        // No role of Google's, and no member that its documentation knows.
        run.holds(&grant("admin/abcdefg"), &[("AUT-06 PRV-01 PRV-02", "unknown")]);
        assert_eq!(run.subjects("PRV-01", "fail").len(), 2);
        assert_eq!(counts(&run, "gcp-iam-policy"), (3, 0, "unknown".to_owned()));
    }
}

#[test]
fn applications_of_a_directory() {
    let Some(root) = root() else { return };
    let tenant = "entra:11100000-0000-0000-0000-000000000000";
    let applications = |at: &str| of("entra-applications", &["entra/MockApplications.json"], tenant, at);
    let app = |rest: &str| format!("{tenant}:app/{rest}");
    let one = "0000-0000-0000-000000000000";
    let first = "00000000-0000-0000-0000-000000000001";
    // A day after the secrets were made, and half a year after; all end in 2100.
    let young = run(&root, &applications("2024-12-05T00:00:00Z"));
    let old = run(&root, &applications("2025-06-05T00:00:00Z"));
    for application in ["10000000", "30000000"] {
        let password = app(&format!("{application}-{one}/password/{first}"));
        young.holds(&password, &[("ROT-01 ROT-02 INV-03", "pass"), ("SEC-04 MON-01", "not-applicable")]);
        old.holds(&password, &[("ROT-01", "fail"), ("ROT-02", "pass"), ("MON-01 MON-02", "unknown")]);
    }
    // Keys, two of the first application and one of the second: whether they are certificates or shared secrets is not told.
    let key = app(&format!("10000000-{one}/key/00000000-0000-0000-0000-000000000002"));
    young.holds(&key, &[("MON-01", "not-applicable"), ("AUT-01 AUT-03 SEC-04", "unknown"), ("ROT-01 ROT-02", "pass")]);
    assert_eq!(young.subjects("INV-03", "pass").len(), 5);
    assert_eq!(counts(&young, "entra-applications"), (3, 0, "unknown".to_owned()));

    let principals = run(&root, &of("entra-service-principals", &["entra/MockServicePrincipals.json"], tenant, "2024-12-05T00:00:00Z"));
    principals.holds(&app(&format!("70000000-{one}/federated/{first}")), &[("ROT-01 ROT-02 SEC-03", "not-applicable"), ("INV-03", "pass")]);
    // Whose application it is, is told; which party that is, is not.
    principals.holds(&app(&format!("70000000-{one}")), &[("ONB-03 INV-01", "unknown")]);
    let finding = principals.finding("ONB-03", &app(&format!("70000000-{one}")));
    assert_eq!(finding["observed"]["third_party"], "dangling");
    assert!(finding.to_string().contains("entra:tenant/66600000-0000-0000-0000-000000000000"), "{finding}");
    assert_eq!(principals.subjects("INV-03", "pass").len(), 9);
    assert_eq!(counts(&principals, "entra-service-principals"), (6, 0, "unknown".to_owned()));
}

#[test]
fn vaults_as_they_were_recorded() {
    let Some(root) = root() else { return };
    let run_1 = run(&root, &of_recorded("azure-key-vault", "sigcomply-cassettes/azure_keyvault.yaml", "keyvault:e2evault"));
    assert!(run_1.said.contains("as of 2026-06-28T14:06:17Z"), "{}", run_1.said);
    run_1.holds("keyvault:e2evault:keys/e2ekey", &[("AUT-01", "pass"), ("ROT-06", "not-applicable"), ("INV-03 MON-01", "unknown")]);
    run_1.holds("keyvault:e2evault:secrets/e2esecret", &[("SEC-03", "pass"), ("ROT-01 ROT-02", "unknown")]);
    assert_eq!(counts(&run_1, "azure-key-vault"), (3, 0, "partial".to_owned()));
    // One call was refused before it was made again: what it asked for may be missing.
    let run_2 =
        run(&root, &of_recorded("azure-key-vault", "azure-c7n/keyvault_secrets_expiry.cassette.json", "keyvault:cfb-txqrnpdc-nrbac-vault"));
    run_2.holds(
        "keyvault:cfb-txqrnpdc-nrbac-vault:secrets/cfb-txqrnpdc-test-secret-with-exp",
        &[("SEC-03", "pass"), ("ROT-02 ROT-06", "unknown")],
    );
    assert_eq!(counts(&run_2, "azure-key-vault"), (1, 1, "partial".to_owned()));
}

#[test]
fn realms() {
    let Some(root) = root() else { return };
    let of = |file: &str, realm: &str| of("keycloak-realm", &[file], &format!("keycloak:{realm}"), "2026-01-01T00:00:00Z");
    // Public clients and such as only verify: six clients, and none has a secret.
    let master = run(&root, &of("keycloak/master-realm-26.5.5.json", "master"));
    let clients: BTreeSet<&str> =
        master.verdicts.keys().filter(|(control, _)| control == "INV-01").map(|(_, subject)| subject.as_str()).collect();
    assert_eq!(clients.len(), 6);
    assert!(!master.verdicts.keys().any(|(control, _)| control == "ROT-02"));
    // A configuration that does not show its attributes does not say whether its secrets end; one that does, does.
    let moped = run(&root, &of("keycloak/moped.json", "moped"));
    for client in ["auth-moped-client", "moped-client"] {
        moped.holds(
            &format!("keycloak:moped:client/{client}/client-secret"),
            &[("INV-03", "pass"), ("ROT-01 ROT-02 SEC-03 SEC-04", "unknown")],
        );
    }
    let exchange = run(&root, &of("keycloak/standard-token-exchange.json", "moped"));
    exchange
        .holds("keycloak:moped:client/moped-client/client-secret", &[("ROT-02", "fail"), ("ROT-01 SEC-04", "unknown"), ("INV-03", "pass")]);
    // The service account of a client is not in it: what the client may do is not told.
    assert_eq!(counts(&exchange, "keycloak-realm"), (1, 0, "partial".to_owned()));
    assert_eq!(counts(&master, "keycloak-realm"), (6, 0, "unknown".to_owned()));
}

/// The answers of other services, and XML, are told as what they look like.
#[test]
fn what_is_no_export_of_the_kind_is_not_read() {
    let Some(root) = root() else { return };
    for (kind, file) in [
        ("azure-key-vault", "sigcomply-cassettes/azure_certs.yaml"),
        ("azure-apim-subscriptions", "azure-c7n/apim_certificates.cassette.json"),
        ("aws-access-keys", "sigcomply-cassettes/aws_access_keys.yaml"),
    ] {
        let run = run(&root, &of(kind, &[file], "test:one", "2026-06-29T00:00:00Z"));
        assert!(!run.verdicts.keys().any(|(control, _)| control == "INV-03"), "{file}");
        let assessment = fs::read_to_string(run.work.path().join("report/assessment.json")).unwrap();
        assert!(assessment.contains("it does not look like an export of"), "{file}: {}", run.said);
    }
}
