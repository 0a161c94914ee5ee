//! Who vouches for a package: signatures, the policy that pins them, and every way in which they do not count.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tickmark::attest::dsse;
use tickmark::attest::key::SecretKey;

use super::cli::{project, run};
use super::metamorphic::every;

/// A folder with a package, keys and policies.
pub struct Desk {
    pub work: tempfile::TempDir,
}

/// Runs the program in a folder: its exit code, and all that it said.
pub fn tickmark(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickmark"));
    let done = command.args(arguments).current_dir(folder).env_remove("TICKMARK_PASSPHRASE").output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(!said.contains("panicked"), "{said}");
    (done.status.code(), said)
}

impl Desk {
    pub fn new() -> Desk {
        Desk::of("id,system,owner\na,s,none\nb,s,p1\n")
    }

    pub fn of(identities: &str) -> Desk {
        let files = project(identities);
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        let (_, said, work) = run(&files, &["run"]);
        assert!(work.path().join("report").is_dir(), "{said}");
        for name in ["moreau", "lindqvist", "stranger"] {
            let done = keygen(&work.path().join(name), "");
            assert!(done.status.success(), "{done:?}");
        }
        Desk { work }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn tickmark(&self, arguments: &[&str]) -> (Option<i32>, String) {
        tickmark(self.work.path(), arguments)
    }

    pub fn sign(&self, package: &str, key: &str, name: &str, role: &str) -> (Option<i32>, String) {
        self.tickmark(&["sign", package, "--key", key, "--name", name, "--role", role, "--at", "2026-07-01T09:00:00Z"])
    }

    /// A policy that pins Moreau as preparer and Lindqvist as reviewer, with more lines.
    pub fn policy(&self, signatures: &str, more: &str) {
        let text = format!(
            "schema = \"tickmark/policy/1\"\n[[key]]\nname = \"J. Moreau\"\nkey = \"{}\"\nroles = [\"preparer\"]\n\
             [[key]]\nname = \"A. Lindqvist\"\nkey-file = \"lindqvist.pub\"\nroles = [\"reviewer\"]\n\
             valid-from = 2026-01-01T00:00:00Z\nvalid-until = \"2027-01-01T00:00:00Z\"\n[require]\nsignatures = [{signatures}]\n{more}",
            self.text("moreau.pub").trim()
        );
        fs::write(self.path("policy.toml"), text).unwrap();
    }

    pub fn verify(&self, package: &str) -> (Option<i32>, String) {
        self.tickmark(&["verify", package, "--policy", "policy.toml"])
    }

    /// A statement, whatever it says, in an envelope that one of the keys signed.
    pub fn enveloped(&self, key: &str, statement: &str) -> String {
        let sig = SecretKey::read(&self.text(key), || None).unwrap().sign(&dsse::encoded(statement.as_bytes()));
        let (payload, sig) = (STANDARD.encode(statement), STANDARD.encode(sig));
        serde_json::json!({ "payload": payload, "payloadType": dsse::PAYLOAD, "signatures": [{ "keyid": "x", "sig": sig }] }).to_string()
    }

    /// Where the sign-offs of a package lie.
    pub fn sign_offs(&self, package: &str) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = fs::read_dir(self.path(package).join("attest")).unwrap().map(|entry| entry.unwrap().path()).collect();
        found.sort();
        found
    }
}

pub fn keygen(path: &Path, passphrase: &str) -> Output {
    Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-C", "test", "-N", passphrase, "-f"]).arg(path).output().unwrap()
}

pub fn says(said: &(Option<i32>, String), code: i32, words: &[&str]) {
    assert!(said.0 == Some(code) && words.iter().all(|word| said.1.contains(word)), "expected {code}, {words:?}\n{:?}\n{}", said.0, said.1);
}

#[test]
fn two_signatures_and_a_policy() {
    let desk = Desk::new();
    says(&desk.sign("report", "moreau", "J. Moreau", "preparer"), 0, &["signed as preparer by J. Moreau", "SHA256:"]);
    desk.policy("\"preparer\", \"reviewer\"", "");
    says(&desk.verify("report"), 4, &["the policy asks for the signature of a reviewer"]);
    says(&desk.sign("report", "lindqvist", "A. Lindqvist", "reviewer"), 0, &["signed as reviewer"]);
    let words = [
        "signed by J. Moreau as preparer (SHA256:",
        "signed by A. Lindqvist as reviewer",
        "every byte",
        "the signer's own word",
        "verified, as the policy asks",
    ];
    says(&desk.verify("report"), 0, &words);
    let (code, said) = desk.tickmark(&["verify", "report", "--policy", "policy.toml", "--format", "json"]);
    let value: Value = serde_json::from_str(&said).unwrap();
    assert!(code == Some(0) && value["verified"] == true && value["policy"] == true, "{said}");
    // Without a policy nobody's key is known, whatever the signatures are worth.
    says(&desk.tickmark(&["verify", "report"]), 4, &["--policy FILE", "unknown key"]);
    says(&desk.tickmark(&["verify", "report", "--unsigned"]), 0, &["unknown key", "calls itself J. Moreau"]);
    // The same key in the same role signs once.
    says(&desk.sign("report", "moreau", "J. Moreau", "preparer"), 2, &["is there already"]);
    // Running again to the same bytes keeps the signatures.
    says(&desk.tickmark(&["run", "--project", "."]), 1, &["Report"]);
    says(&desk.verify("report"), 0, &words);
}

#[test]
fn the_keys_that_people_have() {
    let desk = Desk::new();
    assert!(keygen(&desk.path("locked"), "a long passphrase").status.success());
    fs::write(desk.path("pass"), "a long passphrase\n").unwrap();
    let sign = |key: &str, more: &[&str]| {
        let mut all = vec!["sign", "report", "--key", key, "--name", "X", "--role", "preparer"];
        all.extend(more);
        desk.tickmark(&all)
    };
    says(&sign("locked", &[]), 2, &["it is encrypted, and no passphrase was given", "TICKMARK_PASSPHRASE"]);
    fs::write(desk.path("wrong"), "another\n").unwrap();
    says(&sign("locked", &["--passphrase-file", "wrong"]), 2, &["the passphrase is not the one"]);
    says(&sign("locked", &["--passphrase-file", "pass"]), 0, &["signed"]);
    let given = Command::new(env!("CARGO_BIN_EXE_tickmark"))
        .args(["sign", "report", "--key", "locked", "--name", "X", "--role", "reviewer"])
        .current_dir(desk.work.path())
        .env("TICKMARK_PASSPHRASE", "a long passphrase")
        .output()
        .unwrap();
    assert!(given.status.success(), "{given:?}");
    let openssl = |arguments: &[&str]| {
        let done = Command::new("openssl").args(arguments).current_dir(desk.work.path()).output().unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    openssl(&["genpkey", "-algorithm", "ed25519", "-out", "key.pem"]);
    openssl(&["pkey", "-in", "key.pem", "-pubout", "-out", "key.pub.pem"]);
    says(&sign("key.pem", &[]), 0, &["signed"]);
    openssl(&["genpkey", "-algorithm", "ed25519", "-aes256", "-pass", "pass:x", "-out", "locked.pem"]);
    says(&sign("locked.pem", &[]), 2, &["an encrypted PKCS#8 key"]);
    openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "ec.pem"]);
    says(&sign("ec.pem", &[]), 2, &["a key of another kind"]);
    says(&sign("moreau.pub", &[]), 2, &["is no private key"]);
    fs::write(
        desk.path("policy.toml"),
        "schema = \"tickmark/policy/1\"\n[[key]]\nname = \"X\"\nkey-file = \"key.pub.pem\"\nroles = [\"preparer\"]\n[require]\nsignatures = [\"preparer\"]\n",
    )
    .unwrap();
    // Two of the three keys are unknown; that is said, and takes nothing from the third.
    says(&desk.verify("report"), 0, &["signed by X as preparer", "unknown key"]);
}

#[test]
fn what_does_not_count() {
    let desk = Desk::new();
    desk.policy("\"preparer\"", "");
    // A stranger who calls himself Moreau.
    says(&desk.sign("report", "stranger", "J. Moreau", "preparer"), 0, &[]);
    says(&desk.verify("report"), 4, &["unknown key", "the policy asks for the signature of a preparer"]);
    fs::remove_dir_all(desk.path("report/attest")).unwrap();
    // Stripped.
    says(&desk.verify("report"), 4, &["the policy asks for the signature of a preparer"]);
    // In a role that the policy does not give.
    says(&desk.sign("report", "moreau", "J. Moreau", "reviewer"), 0, &[]);
    says(&desk.verify("report"), 4, &["does not know J. Moreau as reviewer"]);
    fs::remove_dir_all(desk.path("report/attest")).unwrap();
    // From another package: older, or made of other evidence.
    let other = Desk::of("id,system,owner\na,s,p1\nb,s,p1\n");
    fs::copy(desk.path("moreau"), other.path("moreau")).unwrap();
    says(&other.sign("report", "moreau", "J. Moreau", "preparer"), 0, &[]);
    fs::create_dir_all(desk.path("report/attest")).unwrap();
    for path in other.sign_offs("report") {
        fs::copy(&path, desk.path("report/attest").join(path.file_name().unwrap())).unwrap();
    }
    says(&desk.verify("report"), 4, &["another package's", "does not sign `report.md` as it is here"]);
    // Every byte of an envelope matters.
    fs::remove_dir_all(desk.path("report/attest")).unwrap();
    says(&desk.sign("report", "moreau", "J. Moreau", "preparer"), 0, &[]);
    let path = desk.sign_offs("report").remove(0);
    let good = fs::read(&path).unwrap();
    let keyid = String::from_utf8(good.clone()).unwrap();
    // The key's name is a hint and signed by nobody.
    let hint = keyid.find("\"keyid\":\"").unwrap() + 9..keyid.find("\",\"sig\"").unwrap();
    for at in (0..good.len()).filter(|at| !hint.contains(at)).step_by(every(485, 97)) {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        fs::write(&path, bytes).unwrap();
        let (code, said) = desk.verify("report");
        assert_eq!(code, Some(4), "byte {at}: {said}");
    }
    fs::write(&path, good).unwrap();
    says(&desk.verify("report"), 0, &[]);
    // One person in both parts.
    desk.policy("\"preparer\", \"reviewer\"", "");
    let text = desk.text("policy.toml").replace("roles = [\"preparer\"]", "roles = [\"preparer\", \"reviewer\"]");
    fs::write(desk.path("policy.toml"), text).unwrap();
    says(&desk.sign("report", "moreau", "J. Moreau", "reviewer"), 0, &[]);
    says(&desk.verify("report"), 4, &["nobody reviews their own work"]);
    // Outside of the time in which a key is valid.
    fs::remove_dir_all(desk.path("report/attest")).unwrap();
    desk.policy("\"reviewer\"", "");
    for (at, words) in [("2025-12-31T23:59:59Z", "is valid from"), ("2027-01-01T00:00:00Z", "was valid until")] {
        let said = desk.tickmark(&["sign", "report", "--key", "lindqvist", "--name", "A", "--role", "reviewer", "--at", at]);
        says(&said, 0, &[]);
        says(&desk.verify("report"), 4, &[words]);
        fs::remove_dir_all(desk.path("report/attest")).unwrap();
    }
    // A package that was changed is not signed at all.
    fs::write(desk.path("report/report.md"), "all is well").unwrap();
    says(&desk.sign("report", "moreau", "J. Moreau", "preparer"), 4, &["not signed", "report.md"]);
}

/// Signed by the right key, and other than the page of the format has it.
#[test]
fn what_no_sign_off_has() {
    let desk = Desk::new();
    desk.policy("\"preparer\"", "");
    says(&desk.sign("report", "moreau", "J. Moreau", "preparer"), 0, &[]);
    says(&desk.tickmark(&["disclose", "report", "--control", "OWN-01", "--out", "part"]), 0, &[]);
    let path = desk.sign_offs("report").remove(0);
    let good: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let statement = String::from_utf8(STANDARD.decode(good["payload"].as_str().unwrap()).unwrap()).unwrap();
    // A disclosure is signed as its package is, and is quick to verify.
    let signed = |package: &str, from: &str, to: &str, words: &str| {
        assert!(statement.contains(from), "{from} in {statement}");
        let envelope = desk.enveloped("moreau", &statement.replacen(from, to, 1));
        fs::write(desk.path(package).join("attest").join(path.file_name().unwrap()), envelope).unwrap();
        let said = desk.verify(package);
        says(&said, 4, &[words]);
        assert!(!said.1.contains("signed by J. Moreau"), "{words}: {}", said.1);
    };
    let root = "\"digest\":{\"merkleSha256\":";
    let report = "{\"digest\":{\"sha256\":";
    let more = |digest: &str| format!("\"subject\":[{{\"digest\":{{{digest}}},\"name\":\"x\"}},");
    for package in ["report", "part"] {
        signed(package, "\"subject\":[", &more("\"sha256\":\"00\""), "it signs `x` too");
    }
    signed("part", root, "\"digest\":{\"sha256\":\"00\",\"merkleSha256\":", "a digest `sha256` of `root`");
    signed("part", report, "{\"digest\":{\"sha512\":\"00\",\"sha256\":", "a digest `sha512` of `assessment.json`");
    signed("part", report, "{\"digest\":{\"sha256\":\"00\",\"sha256\":", "`sha256` stands twice");
    signed("part", "\"digest\":", "\"uri\":\"x\",\"digest\":", "unknown field `uri`");
    signed("part", "\"leaves\":", "\"leaves\":1,\"leaves\":", "duplicate field `leaves`");
    signed("part", "\"name\":\"report.md\"", "\"name\":\"root\"", "it signs no root");
    signed("part", "\"name\":\"report.md\"", "\"name\":\"report.html\"", "it does not sign `report.md`");
    for other in ["2026-07-01T11:00:00+02:00", "2026-07-01T09:00:00+00:00", "2026-07-01t09:00:00Z", "2026-07-01T09:00:00z"] {
        signed("part", "2026-07-01T09:00:00Z", other, "it has to be in UTC");
    }
    // A fraction of a second is as good a time.
    let path = desk.sign_offs("part").remove(0);
    let envelope = desk.enveloped("moreau", &statement.replace("09:00:00Z", "09:00:00.5Z"));
    fs::write(&path, envelope).unwrap();
    says(&desk.verify("part"), 0, &["signed by J. Moreau"]);
    fs::write(&path, desk.enveloped("moreau", &statement).replace("\"keyid\":\"x\",", "")).unwrap();
    says(&desk.verify("part"), 4, &["missing field `keyid`"]);
}

#[test]
fn what_a_policy_expects() {
    let desk = Desk::new();
    says(&desk.sign("report", "moreau", "J. Moreau", "preparer"), 0, &[]);
    let digest = tickmark::model::digest::sha256(&fs::read(desk.path("controls/OWN-01-owner.toml")).unwrap());
    let expect = |more: &str| {
        desk.policy("\"preparer\"", &format!("[expect]\n{more}"));
        desk.verify("report")
    };
    says(&expect("frameworks = [\"owasp-nhi-2025\"]"), 0, &["as expected", "whether the controls are those that you would use"]);
    says(&expect("frameworks = [\"nist-csf-2.0\"]"), 4, &["`nist-csf-2.0` is expected, and was not assessed"]);
    says(&expect(&format!("controls = {{ OWN-01 = \"{digest}\" }}")), 0, &["1 controls by digest"]);
    says(&expect("controls = { OWN-01 = \"00\" }"), 4, &["control OWN-01 is another than expected"]);
    says(&expect("controls = { OWN-02 = \"00\" }"), 4, &["control OWN-02 is expected, and was not judged"]);
    says(&expect("params = { \"OWN-01.x\" = \"1d\" }"), 4, &["parameter OWN-01.x is expected"]);
    says(&expect("oldest-evidence = \"12h\""), 0, &["no source is older than 12h"]);
    says(&expect("oldest-evidence = \"11h\""), 4, &["older than 11h"]);
    says(&expect("as-of-from = 2026-06-30T00:00:00Z\nas-of-until = 2026-06-30T00:00:00Z"), 0, &["not before", "not after"]);
    says(&expect("as-of-from = 2026-07-01T00:00:00Z"), 4, &["before 2026-07-01T00:00:00Z: outside of what the policy accepts"]);
    for (text, words) in [
        ("", "missing field `schema`"),
        ("schema = \"tickmark/policy/2\"\n[require]\nsignatures = []", "this program reads `tickmark/policy/1`"),
        ("schema = \"tickmark/policy/1\"", "missing field `require`"),
        ("schema = \"tickmark/policy/1\"\n[require]\nsignatures = []\ntime-stamp = true", "name whose in `signatures`"),
        ("schema = \"tickmark/policy/1\"\n[require]\nsignatures = [\"preparer\"]", "no [[key]] has the role"),
        ("schema = \"tickmark/policy/1\"\n[require]\nsignatures = []\nsignature = 1", "unknown field"),
        (
            "schema = \"tickmark/policy/1\"\n[[key]]\nname = \"X\"\nkey = \"ssh-rsa AAAA\"\nroles = []\n[require]\nsignatures = []",
            "the key of X",
        ),
    ] {
        fs::write(desk.path("policy.toml"), text).unwrap();
        says(&desk.verify("report"), 2, &[words]);
    }
}

/// A reader with controls of their own sees what the operator changed.
#[test]
fn the_readers_own_controls() {
    let desk = Desk::new();
    says(&desk.sign("report", "moreau", "J. Moreau", "preparer"), 0, &[]);
    fs::create_dir_all(desk.path("mine/controls")).unwrap();
    fs::write(desk.path("mine/tickmark.toml"), "name = \"Mine\"\nframeworks = [\"owasp-nhi-2025\"]\ncontrols = [\"controls\"]\n").unwrap();
    let control = desk.text("controls/OWN-01-owner.toml");
    let mine = |text: &str| {
        fs::write(desk.path("mine/controls/OWN-01.toml"), text).unwrap();
        desk.policy("\"preparer\"", "[expect]\nproject = \"mine\"\n");
        desk.verify("report")
    };
    says(&mine(&control), 0, &["are those of your own project, 1 controls"]);
    let other = control.replace("severity = \"high\"", "severity = \"critical\"");
    says(&mine(&other), 4, &["control OWN-01, its severity: yours \"critical\", theirs \"high\""]);
    let other = control.replace("assert = \"owner <> 'none'\"", "assert = \"owner <> 'none' AND owner.status = 'active'\"");
    says(&mine(&other), 4, &["control OWN-01, its assert: yours"]);
    says(&mine(&control.replace("risk = \"", "risk = \"Well: ")), 4, &["the condition is yours, and its file is another"]);
    fs::write(desk.path("mine/controls/OWN-02.toml"), control.replace("OWN-01", "OWN-02")).unwrap();
    says(&mine(&control), 4, &["control OWN-02 was not judged: dropped"]);
    fs::remove_file(desk.path("mine/controls/OWN-02.toml")).unwrap();
    fs::write(desk.path("mine/tickmark.toml"), "name = \"Mine\"\ncontrols = [\"controls\"]\n").unwrap();
    says(&mine(&control), 4, &["framework `nist-csf-2.0` was not assessed"]);
    fs::remove_file(desk.path("mine/tickmark.toml")).unwrap();
    says(&mine(&control), 2, &["your own project cannot be used"]);
}

/// One file that holds the package: the same bytes each time, verified and signed as a folder is.
#[test]
fn an_archive_is_a_package() {
    let desk = Desk::new();
    says(&desk.tickmark(&["run", "--project", ".", "--archive"]), 1, &["Report: ./report.tar.gz"]);
    let first = fs::read(desk.path("report.tar.gz")).unwrap();
    says(&desk.tickmark(&["run", "--project", ".", "--archive", "--out", "other.tar.gz"]), 1, &[]);
    assert!(first == fs::read(desk.path("other.tar.gz")).unwrap());
    says(&desk.tickmark(&["verify", "report.tar.gz", "--unsigned"]), 0, &["every byte"]);
    says(&desk.sign("report.tar.gz", "moreau", "J. Moreau", "preparer"), 0, &["signed"]);
    desk.policy("\"preparer\"", "");
    says(&desk.verify("report.tar.gz"), 0, &["signed by J. Moreau"]);
    // Made again to the same bytes, it keeps its signature.
    says(&desk.tickmark(&["run", "--project", ".", "--archive"]), 1, &[]);
    says(&desk.verify("report.tar.gz"), 0, &["signed by J. Moreau"]);
    // Other tools open it, and what they pack again is the same package.
    let tar = |arguments: &[&str]| {
        let done = Command::new("tar").args(arguments).current_dir(desk.work.path()).output().unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    tar(&["-xzf", "report.tar.gz"]);
    says(&desk.verify("package"), 0, &["signed by J. Moreau"]);
    tar(&["-czf", "again.tar.gz", "package"]);
    says(&desk.verify("again.tar.gz"), 0, &["signed by J. Moreau"]);
    tar(&["-czf", "flat.tar.gz", "-C", "package", "."]);
    says(&desk.verify("flat.tar.gz"), 0, &["signed by J. Moreau"]);
    tar(&["--format=pax", "-czf", "pax.tar.gz", "package"]);
    says(&desk.verify("pax.tar.gz"), 0, &["signed by J. Moreau"]);
    // What is no package of ours is not replaced; another run's signature is not lost.
    fs::write(desk.path("mine.tar.gz"), "mine").unwrap();
    says(&desk.tickmark(&["run", "--project", ".", "--archive", "--out", "mine.tar.gz"]), 2, &["is not replaced"]);
    says(&desk.tickmark(&["run", "--project", ".", "--archive", "--as-of", "2026-06-29T18:00:00Z"]), 2, &["speaks of other results"]);
    says(&desk.tickmark(&["verify", "mine.tar.gz", "--unsigned"]), 2, &["cannot be read"]);
}
