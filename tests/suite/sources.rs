//! Every shipped mapping on a case of its vendor's shape: `tests/cases/sources/<kind>/`.

use std::fmt::Write;
use std::path::Path;

use serde_json::{Value, json};
use tickmark::evidence::{FingerprintKey, kinds, tried};
use tickmark::load::shipped_mappings;
use tickmark::model::row::Cell;
use tickmark::model::schema::{SCHEMA, table};

use super::metamorphic::every;

pub fn shipped(kind: &str) -> tickmark::model::project::SourceMapping {
    let folder = crate::scratch::folder();
    let table = if kind == "canonical" { "table = \"identity\"\n" } else { "" };
    let text = format!("name = \"one\"\n[[source]]\nkind = \"{kind}\"\npath = \"export\"\n{table}");
    std::fs::write(folder.path().join("tickmark.toml"), text).unwrap();
    let (project, _) = tickmark::load::project(folder.path())
        .unwrap_or_else(|problems| panic!("{}", tickmark::cli::diagnostics::render(&problems, false)));
    project.mappings[kind].clone()
}

#[test]
fn every_mapping_gives_the_rows_of_its_case() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut kinds: Vec<String> = std::fs::read_dir(root.join("sources"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    kinds.sort();
    assert!(kinds.len() >= 7, "{kinds:?}");
    for kind in kinds.into_iter().step_by(every(3, 1)) {
        let case = root.join("tests/cases/sources").join(&kind);
        let export = std::fs::read_dir(&case)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.file_stem().unwrap() == "export")
            .unwrap();
        let systems: Vec<String> = std::fs::read(case.join("file.json"))
            .map(|bytes| serde_json::from_value(serde_json::from_slice::<Value>(&bytes).unwrap()["systems"].clone()).unwrap())
            .unwrap_or_default();
        let name = export.file_name().unwrap().to_str().unwrap();
        let mapping = shipped(&kind);
        let table_of = (kind == "canonical").then_some("identity");
        let try_on =
            |name: &str, bytes: Vec<u8>| tried(&mapping, &systems, table_of, name, bytes, &FingerprintKey::given(&[]), shipped_mappings);
        let first = try_on(name, std::fs::read(&export).unwrap()).unwrap();
        let rows = first.rows;
        // What is kept gives the same again: this is what a package is verified by.
        let again = try_on(name, first.export.bytes.clone()).unwrap();
        assert_eq!((&again.rows, &again.export.bytes), (&rows, &first.export.bytes), "{kind}");
        assert_eq!((&again.export.quarantine, &again.export.notes), (&first.export.quarantine, &first.export.notes), "{kind}");
        // One that only counts gives none.
        assert!(!rows.is_empty() || !first.export.envelope.counts.is_empty(), "{kind}");
        for row in rows.iter().filter(|row| row.get("quarantined").is_none() && kind != "canonical") {
            let schema = &SCHEMA[table(row["table"].as_str().unwrap()).unwrap()];
            for (column, value) in row.as_object().unwrap().iter().filter(|(column, _)| !matches!(column.as_str(), "table" | "match")) {
                let column = &schema.columns[schema.column(column).unwrap_or_else(|| panic!("{kind}: {}.{column}", schema.name))];
                // An id or a reference may be described.
                let lookup = (column.name == "id" || column.refers.is_some()) && value.is_object();
                assert!(lookup || Cell::read(column, value).is_ok(), "{kind}: {row}");
                let silent = mapping.silent.get(schema.name).is_some_and(|silent| silent.iter().any(|name| name == column.name));
                assert!(!silent, "{kind}: {}.{} is given, and said never to be", schema.name, column.name);
            }
        }
        let mut lines: Vec<(String, String, String)> = rows
            .iter()
            .map(|row| {
                let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
                (text("table"), text("id"), row.to_string())
            })
            .collect();
        lines.sort();
        let made = lines.iter().fold(String::new(), |mut out, (.., line)| {
            writeln!(out, "{line}").unwrap();
            out
        });
        let expected = case.join("expected.ndjson");
        if std::env::var_os("TICKMARK_BLESS").is_some() {
            std::fs::write(&expected, &made).unwrap();
        }
        let before = std::fs::read_to_string(&expected).unwrap();
        let parsed = |text: &str| -> Vec<Value> { text.lines().map(|line| serde_json::from_str(line).unwrap()).collect() };
        let (before, made) = (parsed(&before), parsed(&made));
        for (number, (before, made)) in before.iter().zip(&made).enumerate() {
            assert_eq!(before, made, "{kind}, line {}", number + 1);
        }
        assert_eq!(before.len(), made.len(), "{kind}");
    }
}

/// An export of a mapping's case, with some text put in the place of other, as its mapping reads it.
fn altered(kind: &str, from: &str, to: &str) -> tickmark::evidence::Tried {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/sources").join(kind);
    let mut files = std::fs::read_dir(&case).unwrap().map(|entry| entry.unwrap().path());
    let export = files.find(|path| path.file_stem().unwrap() == "export").unwrap();
    let text = std::fs::read_to_string(&export).unwrap();
    assert!(text.contains(from), "{kind}: {from}");
    let systems: Vec<String> = std::fs::read(case.join("file.json"))
        .map(|bytes| serde_json::from_value(serde_json::from_slice::<Value>(&bytes).unwrap()["systems"].clone()).unwrap())
        .unwrap_or_default();
    let name = export.file_name().unwrap().to_str().unwrap();
    let bytes = text.replacen(from, to, 1).into_bytes();
    tried(&shipped(kind), &systems, None, name, bytes, &FingerprintKey::given(&[]), shipped_mappings).unwrap()
}

/// Read as false, a flag in other words would take a credential away, and nobody would know.
#[test]
fn a_flag_of_the_credential_report_in_other_words_is_quarantined() {
    let row = |flags: [&str; 5]| {
        let [password, one, two, cert, second] = flags;
        format!(
            "x,arn:aws:iam::111122223333:user/x,2024-01-10T09:00:00+00:00,{password},N/A,N/A,N/A,false,{one},N/A,N/A,N/A,N/A,\
             {two},N/A,N/A,N/A,N/A,{cert},N/A,{second},N/A,\n<root_account>,"
        )
    };
    let columns = ["password_enabled", "access_key_1_active", "access_key_2_active", "cert_1_active", "cert_2_active"];
    for (position, column) in columns.iter().enumerate().step_by(every(3, 1)) {
        let words = ["canary", "yes", " true", "", "1"];
        for word in &words[..if position == 0 { 5 } else { 1 }] {
            let mut flags = ["false"; 5];
            flags[position] = word;
            let export = altered("aws-credential-report", "<root_account>,", &row(flags)).export;
            let reasons: Vec<&str> = export.quarantine.iter().map(|found| found.reason.as_str()).collect();
            assert!(reasons.len() == 1 && reasons[0].contains(&format!("`{column}`")), "{column} {word}: {reasons:?}");
            assert!(!reasons[0].contains("canary"), "{reasons:?}");
        }
        // What AWS writes where it does not say takes nothing away either.
        let words = ["N/A", "no_information", "not_supported", "TRUE"];
        for word in &words[..if position == 0 { 4 } else { 1 }] {
            let mut flags = ["false"; 5];
            flags[position] = word;
            let tried = altered("aws-credential-report", "<root_account>,", &row(flags));
            let of = |row: &&Value| row["table"] == "credential" && row["identity"] == "aws:111122223333:user/x";
            assert_eq!(tried.rows.iter().filter(of).count(), 1, "{column} {word}");
            assert!(tried.export.quarantine.is_empty());
        }
    }
    // A column that is not there says nothing.
    let cut = altered("aws-credential-report", "cert_2_active", "cert_2_was_active");
    let reasons: Vec<&str> = cut.export.quarantine.iter().map(|found| found.reason.as_str()).collect();
    assert!(cut.export.rows.is_empty() && reasons.len() == 1 && reasons[0].contains("`cert_2_active`"), "{reasons:?}");
    // The other form reads a row in the same words.
    let words = |kind: &str| shipped(kind).rows.split_once("def report_row:").unwrap().1.split_once("| row;").unwrap().0.to_owned();
    assert_eq!(words("aws-credential-report-json"), words("aws-credential-report"));
}

/// The credential report with one line more, or with another line in the place of one, as the command line prints it.
fn as_json(from: &str, to: &str) -> tickmark::evidence::Tried {
    use base64::Engine;
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/sources/aws-credential-report/export.csv");
    let text = std::fs::read_to_string(case).unwrap();
    assert!(text.contains(from), "{from}");
    let content = base64::engine::general_purpose::STANDARD.encode(text.replacen(from, to, 1));
    let document = serde_json::json!({ "Content": content, "ReportFormat": "text/csv", "GeneratedTime": "2026-06-29T22:00:00Z" });
    let (mapping, key) = (shipped("aws-credential-report-json"), FingerprintKey::given(&[]));
    tried(&mapping, &[], None, "report.json", document.to_string().into_bytes(), &key, shipped_mappings).unwrap()
}

/// One record that cannot be read takes no other with it, in either form of the credential report.
#[test]
fn a_bad_flag_of_one_user_spares_the_others() {
    let line = "x,arn:aws:iam::111122223333:user/x,2024-01-10T09:00:00+00:00,canary,N/A,N/A,N/A,false,false,N/A,N/A,N/A,N/A,\
        false,N/A,N/A,N/A,N/A,false,N/A,false,N/A,\n<root_account>,";
    let csv = altered("aws-credential-report", "<root_account>,", line);
    let json = as_json("<root_account>,", line);
    let kept = |tried: &tickmark::evidence::Tried| -> Vec<String> {
        tried.export.rows.iter().map(|row| row.cells[0].display(&SCHEMA[row.table].columns[0])).collect()
    };
    assert!(kept(&csv).len() > 3);
    assert_eq!(kept(&json), kept(&csv));
    let found: Vec<(&str, &str)> = json.export.quarantine.iter().map(|found| (found.position.as_str(), found.reason.as_str())).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "/Content line 2");
    assert!(found[0].1.contains("`password_enabled`") && !found[0].1.contains("canary"), "{found:?}");
    // A flag that is read for nothing else shows as well that a line is not what it seems.
    let line = line.replace("canary", "false").replace(",false,false,N/A,N/A", ",odd,false,N/A,N/A");
    for tried in [altered("aws-credential-report", "<root_account>,", &line), as_json("<root_account>,", &line)] {
        let reasons: Vec<&str> = tried.export.quarantine.iter().map(|found| found.reason.as_str()).collect();
        assert!(reasons.len() == 1 && reasons[0].contains("`mfa_active`"), "{reasons:?}");
        assert_eq!(kept(&tried), kept(&csv));
    }
}

/// Whether a user of IAM is a person or a program its credential report does not say.
#[test]
fn the_credential_report_does_not_say_what_kind_of_identity_a_user_is() {
    for tried in [altered("aws-credential-report", "", ""), as_json("", "")] {
        let identities: Vec<&Value> = tried.rows.iter().filter(|row| row["table"] == "identity").collect();
        assert!(identities.len() > 1 && identities.iter().all(|row| row.get("kind").is_none()), "{identities:?}");
    }
}

/// A word that a mapping does not know drops no row and decides no value.
#[test]
fn a_word_that_is_not_known_decides_nothing() {
    for (kind, from, to, reason) in [
        ("postgresql-roles", "10,postgres,t,t,t", "10,postgres,yes,t,t", "`rolsuper`"),
        ("postgresql-roles", "10,postgres,t,t,t", "10,postgres,,t,t", "`rolsuper`"),
        ("postgresql-roles", "10,postgres,t,t,t,t,t,", "10,postgres,t,t,t,t,no,", "`rolcanlogin`"),
        ("spire-entries", "\"admin\": true", "\"admin\": \"yes\"", "`admin`"),
        ("terraform-plan", "\"login\": true", "\"login\": \"yes\"", "`login`"),
        (
            "apigee-apps",
            "\"apiproduct\": \"payouts-v1\", \"status\": \"approved\"",
            "\"apiproduct\": \"payouts-v1\", \"status\": \"ok\"",
            "is not known",
        ),
    ] {
        let export = altered(kind, from, to).export;
        assert!(export.quarantine.iter().any(|found| found.reason.contains(reason)), "{kind}: {:?}", export.quarantine);
    }
    for (kind, from, to, id) in [
        ("gitlab-access-tokens", "\"revoked\": false", "\"revoked\": \"no\"", "gitlab:git.bank.example:token/31"),
        ("terraform-plan", "\"Inactive\"", "\"Off\"", "aws:210987654321:access-key/AKIAQZ7EXAMPLEKEY050"),
    ] {
        let rows = altered(kind, from, to).rows;
        let row = rows.iter().find(|row| row["id"] == id).unwrap_or_else(|| panic!("{kind}: {id}"));
        assert!(row.get("status").is_none(), "{row}");
    }
    for (kind, from, to, fewer) in [
        ("gcp-service-accounts", "\"disabled\": true", "\"disabled\": \"yes\"", 0),
        ("gcp-asset-resources", "\"keyType\"", "\"disabled\": \"yes\", \"keyType\"", 1),
    ] {
        let active = |rows: &[Value]| rows.iter().filter(|row| row["status"] == "active").count();
        let (before, after) = (altered(kind, from, from).rows, altered(kind, from, to).rows);
        assert_eq!((active(&before) - fewer, before.len()), (active(&after), after.len()), "{kind}");
    }
    // A policy with a statement that neither allows nor denies is not understood.
    let known = |to: &str| {
        let rows = altered("aws-account-authorization-details", "\"Effect\": \"Allow\"", to).rows;
        rows.iter().filter(|row| row["kind"] == "access" && row.get("actions").is_some()).count()
            + 1000 * rows.iter().filter(|row| row["kind"] == "access").count()
    };
    let (before, after) = (known("\"Effect\": \"Allow\""), known("\"Effect\": \"allow\""));
    assert!(after < before && after / 1000 == before / 1000, "{before} {after}");
}

/// The same things in two forms: either mapping may be meant.
const ALIKE: [(&str, &str); 0] = [];

/// What roles are given, each by one inline policy and one trust policy (action, resource, condition of the trust): `wildcard`, `privileged`, and
/// the trust's `condition`; null: not said.
fn of_roles(roles: &[(&str, &str, Value)]) -> Vec<[Value; 3]> {
    let document = |statement: Value| json!({ "Version": "2012-10-17", "Statement": [statement] });
    let role = |(number, (action, resource, condition)): (usize, &(&str, &str, Value))| {
        let trusted = json!({ "AWS": "444455556666" });
        json!({
            "Arn": format!("arn:aws:iam::111122223333:role/{number}"), "RoleName": number.to_string(), "AttachedManagedPolicies": [],
            "RolePolicyList": [{ "PolicyName": "p", "PolicyDocument": document(json!({ "Effect": "Allow", "Action": action, "Resource": resource })) }],
            "AssumeRolePolicyDocument":
                document(json!({ "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": trusted, "Condition": condition })),
        })
    };
    let all: Vec<Value> = roles.iter().enumerate().map(role).collect();
    let export = json!({ "UserDetailList": [], "GroupDetailList": [], "RoleDetailList": all, "Policies": [] }).to_string().into_bytes();
    let mapping = shipped("aws-account-authorization-details");
    let rows = tried(&mapping, &[], None, "export.json", export, &FingerprintKey::given(&[]), shipped_mappings).unwrap().rows;
    let find = |number: usize, kind: &str, reference: &str| {
        let id = format!("aws:111122223333:role/{number}");
        rows.iter().find(|row| row["table"] == "grant" && row["kind"] == kind && row[reference] == id.as_str()).unwrap()
    };
    let one = |number: usize| {
        let access = find(number, "access", "identity");
        [access["wildcard"].clone(), access["privileged"].clone(), find(number, "trust", "target")["condition"].clone()]
    };
    (0..roles.len()).map(one).collect()
}

#[test]
fn what_matches_every_resource_of_a_service_is_a_wildcard() {
    // A star at the end of a part of an ARN goes on over the colons.
    let every_bucket = [
        "arn:aws:s3:*",
        "arn:aws:s3:::*",
        "arn:aws:s3::*",
        "arn:aws:s3:*:*:*",
        "arn:aws:s3:::?*",
        "arn:aws:s3:::*/*",
        "arn:aws:s3:::**",
        "*",
        "?*",
        "arn:*",
        "arn:aws:*",
        "arn:aws:*:*:*:*",
        "arn:*:s3:::*",
    ];
    let every_queue = ["arn:aws:sqs:*", "arn:aws:sqs:eu-west-1:*", "arn:aws:sqs:eu-*:111122223333:*", "arn:aws:sqs:*:*:*"];
    let every_identity = ["*", "arn:aws:iam:*", "arn:aws:iam::*", "arn:aws:iam::*:*", "arn:aws:iam::111122223333:*"];
    let some = ["arn:aws:s3:::share", "arn:aws:s3:::share/*", "arn:aws:s3:::share-*", "arn:aws:s3:::*-share"];
    let (yes, no, open) = (Value::Bool(true), Value::Bool(false), Value::Null);
    let mut cases = Vec::new();
    let mut add =
        |action, resource, wildcard: &Value, privileged: &Value| cases.push((action, resource, wildcard.clone(), privileged.clone()));
    for resource in every_bucket {
        add("s3:*", resource, &yes, &no);
        // All rights over one service that holds data are not all rights, nor known to be none over identities.
        let all = matches!(resource, "*" | "?*" | "arn:*" | "arn:aws:*" | "arn:aws:*:*:*:*");
        add("*", resource, &yes, if all { &yes } else { &open });
    }
    every_queue.iter().for_each(|resource| add("sqs:*", resource, &yes, &no));
    every_identity.iter().for_each(|resource| add("iam:*", resource, &yes, &yes));
    some.iter().for_each(|resource| add("s3:*", resource, &no, &no));
    let roles: Vec<(&str, &str, Value)> = cases.iter().map(|(action, resource, ..)| (*action, *resource, json!({}))).collect();
    for ((action, resource, wildcard, privileged), [told, rights, _]) in cases.into_iter().zip(of_roles(&roles)) {
        assert_eq!((told, rights), (wildcard, privileged), "{action} on {resource}");
    }
}

#[test]
fn a_condition_that_demands_nothing_is_none() {
    let nothing = [
        json!({}),
        json!({ "StringLike": { "aws:PrincipalArn": "*" } }),
        json!({ "ArnLike": { "aws:PrincipalArn": ["arn:aws:iam::444455556666:role/x", "*"] } }),
        json!({ "IpAddress": { "aws:SourceIp": ["10.0.0.0/8", "0.0.0.0/0"] } }),
    ];
    // These hold for nearly everybody, or where the caller leaves the key away.
    let little = [
        json!({ "StringNotEquals": { "sts:ExternalId": "x" } }),
        json!({ "StringEqualsIfExists": { "sts:ExternalId": "x" } }),
        json!({ "ForAllValues:StringEquals": { "aws:TagKeys": ["x"] } }),
        json!({ "NotIpAddress": { "aws:SourceIp": "10.0.0.0/8" }, "StringLike": { "sts:ExternalId": "*" } }),
        json!({ "Null": { "sts:ExternalId": "false" } }),
    ];
    let something = [
        json!({ "StringEquals": { "sts:ExternalId": "x-4711" } }),
        json!({ "StringLike": { "aws:PrincipalArn": "*" }, "StringEquals": { "sts:ExternalId": "x" } }),
        json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } }),
    ];
    let all: Vec<Value> = nothing.iter().chain(&little).chain(&something).cloned().collect();
    let roles: Vec<(&str, &str, Value)> = all.iter().map(|condition| ("s3:GetObject", "arn:aws:s3:::share/*", condition.clone())).collect();
    for (number, [_, _, told]) in of_roles(&roles).into_iter().enumerate() {
        let condition = &all[number];
        match number {
            _ if number < nothing.len() => assert_eq!(told, "none", "{condition}"),
            _ if number < nothing.len() + little.len() => assert_eq!(told, Value::Null, "{condition}"),
            _ => assert!(told.as_str().is_some_and(|text| text.starts_with('{')), "{condition}"),
        }
    }
}

#[test]
fn every_mapping_recognises_its_own_export_and_no_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/sources");
    let mappings = shipped_mappings();
    for mapping in mappings.iter().filter(|mapping| mapping.kind != "canonical") {
        assert!(!mapping.recognise.is_empty(), "{} has no `recognise`", mapping.kind);
        let case = std::fs::read_dir(root.join(&mapping.kind)).unwrap().map(|entry| entry.unwrap().path());
        let export = case.into_iter().find(|path| path.file_stem().unwrap() == "export").unwrap();
        let name = export.file_name().unwrap().to_str().unwrap();
        let kinds = kinds(mappings, "", name, &std::fs::read(&export).unwrap());
        let meant = |kind: &String| {
            *kind == mapping.kind || ALIKE.iter().any(|(a, b)| [(a, b), (b, a)].contains(&(&mapping.kind.as_str(), &kind.as_str())))
        };
        assert!(kinds.contains(&mapping.kind) && kinds.iter().all(meant), "{} is recognised as {kinds:?}", mapping.kind);
    }
}

/// A dump in which certificates stand is no file of certificates.
#[test]
fn a_dump_with_certificates_in_it_does_not_look_like_pem() {
    let dump = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/sources/kong-deck/export.yaml");
    let key = FingerprintKey::given(&[]);
    let told = tried(&shipped("x509-pem"), &[], None, "kong.yaml", std::fs::read(dump).unwrap(), &key, shipped_mappings).unwrap_err();
    let told = told.to_string();
    assert!(told.contains("it looks like an object with the keys `_format_version`") && told.contains("`kong-deck` (T051)"), "{told}");
}

/// What one export calls by an id, another calls by the same: the exports of one account join.
#[test]
fn the_exports_of_one_account_speak_of_the_same_things() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/sources");
    let said = |kind: &str, column: &str| -> Vec<String> {
        let rows = std::fs::read_to_string(root.join(kind).join("expected.ndjson")).unwrap();
        let rows = rows.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        rows.filter_map(|row| row.get(column).and_then(Value::as_str).map(str::to_owned)).collect()
    };
    let meets = |(kind, column): (&str, &str), (other, named): (&str, &str), id: &str| {
        assert!(said(kind, column).iter().any(|found| found == id), "{kind}.{column} has no {id}");
        assert!(said(other, named).iter().any(|found| found == id), "{other}.{named} has no {id}");
    };
    let key = "aws:210987654321:access-key/AKIAQZ7EXAMPLEKEY001";
    meets(("aws-access-keys", "id"), ("aws-cloudtrail", "credential"), key);
    meets(("aws-access-keys", "id"), ("ocsf-iam", "credential"), "aws:210987654321:access-key/AKIAQZ7EXAMPLEKEY003");
    meets(("aws-access-keys", "identity"), ("ocsf-iam", "identity"), "aws:210987654321:user/batch/nightly");
    let role = "aws:210987654321:role/partners/settlement";
    assert!(said("aws-access-analyzer", "identity").contains(&role.to_owned()));
    let secret = "aws:210987654321:secretsmanager:eu-central-1:secret:payments/db-Ab3dEf";
    meets(("aws-secrets-manager", "id"), ("aws-cloudtrail", "credential"), secret);
    let user = "aws:111122223333:user/build/ci";
    meets(("aws-account-authorization-details", "id"), ("aws-credential-report", "id"), user);
    let account = "gcp:serviceAccount/settler@ledger-prod.iam.gserviceaccount.com";
    for kind in ["gcp-asset-resources", "terraform-plan"] {
        meets(("gcp-service-accounts", "id"), (kind, "id"), account);
    }
    meets(("gcp-service-accounts", "id"), ("gcp-iam-policy", "identity"), account);
    meets(("gcp-service-accounts", "id"), ("gcp-asset-policies", "target"), account);
    let app = "entra:11111111-2222-4333-8444-555555555555:app/a0000000-0000-4000-8000-000000000001";
    meets(("entra-applications", "id"), ("entra-service-principals", "id"), app);
    meets(("okta-apps", "id"), ("okta-system-log", "identity"), "okta:acme.okta.example:app/0oa1settler000000001");
    meets(("vault-tokens", "id"), ("vault-audit", "credential"), "vault:payments:token/accAPP0000000000000000002");
}

/// What is suggested only reads, and says what it needs.
#[test]
fn suggested_commands_read_and_name_their_permissions() {
    let mut seen = 0;
    for mapping in tickmark::load::shipped_mappings() {
        let Some(collect) = &mapping.collect else { continue };
        assert!(!collect.permissions.is_empty(), "{}: the least permissions", mapping.kind);
        for call in &collect.calls {
            seen += 1;
            // The credential report is made by AWS, of what is there; nothing changes.
            let reads =
                |verb: &str| ["get", "list", "describe", "search", "dump", "show", "export"].iter().any(|start| verb.starts_with(start));
            let verb = match call.argv[0].as_str() {
                "aws" => call.argv[2].as_str(),
                "kubectl" => call.argv[1].as_str(),
                "deck" => call.argv[2].as_str(),
                _ => continue,
            };
            assert!(reads(verb) || verb == "generate-credential-report", "{}: {:?}", mapping.kind, call.argv);
        }
    }
    assert!(seen >= 5, "{seen}");
}
