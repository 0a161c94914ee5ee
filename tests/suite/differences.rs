//! `diff`: what differs, whether it is worse, and what cannot be compared.

use std::fs;

use serde_json::Value;

use super::cli::{CONTROL, project};
use super::metamorphic::every;
use super::package::contents;
use super::signing::tickmark;
use super::verify::write;

const ROWS: &str = "id,system,native_id,owner\na,s,na,none\nb,s,nb,p1\nc,s,nc,\n";

/// Two packages, the second of a project that was changed.
fn packages(change: impl Fn(&mut Vec<(&'static str, String)>)) -> tempfile::TempDir {
    let work = crate::scratch::folder();
    for (name, changed) in [("old", false), ("new", true)] {
        let mut files = project(ROWS);
        if changed {
            change(&mut files);
        }
        for (path, text) in files {
            let path = work.path().join(name).join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let (code, said) = tickmark(work.path(), &["run", "--project", name]);
        assert!(matches!(code, Some(0 | 1 | 3)), "{said}");
    }
    work
}

/// Every change as `list: word control what`, those that are worse with `!`.
fn told(work: &tempfile::TempDir, exit: i32) -> Vec<String> {
    let (code, said) = tickmark(work.path(), &["diff", "old/report", "new/report", "--format", "json"]);
    assert_eq!(code, Some(exit), "{said}");
    let value: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&value["schema"], &value["worse"]), (&"tickmark/diff/1".into(), &(exit == 1).into()));
    let mut found = Vec::new();
    for (list, changes) in value.as_object().unwrap().iter().filter_map(|(list, changes)| Some((list, changes.as_array()?))) {
        for change in changes {
            let text = |name: &str| change[name].as_str().unwrap_or_default();
            let worse = if change["worse"] == true { "!" } else { "" };
            let about = [text("change"), text("control"), text("what")];
            let about: Vec<&str> = about.into_iter().filter(|part| !part.is_empty()).collect();
            found.push(format!("{list}: {worse}{}", about.join(" ")));
        }
    }
    found
}

#[test]
fn what_differs_and_what_of_it_is_worse() {
    let rows =
        |rows: &'static str| move |files: &mut Vec<(&'static str, String)>| files[2].1 = format!("id,system,native_id,owner\n{rows}");
    let none: Vec<&str> = Vec::new();
    assert_eq!(told(&packages(|_| {}), 0), none);
    assert_eq!(told(&packages(rows("c,s,nc,\nb,s,nb,p1\na,s,na,none\n")), 0), none, "another order");
    assert_eq!(told(&packages(rows("z,s,na,none\nb,s,nb,p1\nc,s,nc,\n")), 0), none, "another id for the same");
    for (changed, exit, wanted) in [
        ("a,s,na,none\nb,s,nb,none\nc,s,nc,\n", 1, &["verdicts: !new violation OWN-01 b"][..]),
        ("a,s,na,p1\nb,s,nb,p1\nc,s,nc,\n", 0, &["verdicts: fixed OWN-01 a", "controls: another status OWN-01"]),
        ("a,s,na,none\nb,s,nb,\nc,s,nc,\n", 1, &["verdicts: !undetermined OWN-01 b"]),
        ("a,s,na,none\nb,s,nb,p1\nc,s,nc,p1\n", 0, &["verdicts: settled OWN-01 c"]),
        (
            "b,s,nb,p1\nc,s,nc,\n",
            1,
            &["verdicts: !gone OWN-01 a", "controls: another status OWN-01", "populations: another population OWN-01"],
        ),
        ("a,s,na,none\nc,s,nc,\n", 0, &["populations: another population OWN-01"]),
        (
            "a,s,na,none\nb,s,nb,p1\nc,s,nc,\nd,s,nd,none\n",
            1,
            &["verdicts: !new violation OWN-01 d", "populations: another population OWN-01"],
        ),
    ]
    .into_iter()
    .step_by(every(2, 1))
    {
        assert_eq!(told(&packages(rows(changed)), exit), wanted, "{changed}");
    }
}

#[test]
fn controls_sources_waivers_and_settings_differ_too() {
    let vouched = "complete = { from = \"a count\", by = \"j.doe\", on = \"2026-06-29\" }\n";
    let partial = packages(|files| files[0].1 = files[0].1.replacen(vouched, "", 1));
    assert_eq!(told(&partial, 1), ["populations: !another population OWN-01", "sources: !not complete any more canonical (s)"]);
    let stale = packages(|files| files[0].1 = files[0].1.replace("2026-06-29T12:00:00Z", "2026-06-01T12:00:00Z"));
    let said = told(&stale, 1);
    assert!(
        said.contains(&"sources: !gone stale canonical (s)".to_owned()) && said.contains(&"verdicts: !undetermined OWN-01 b".to_owned()),
        "{said:?}"
    );
    let control = packages(|files| {
        files[1].1 = CONTROL.replace("severity = \"high\"", "severity = \"low\"");
        files[0].1 = files[0].1.replace("as-of", "fail-on = \"low\"\nas-of");
        let waiver = "id = \"W\"\ncontrol = \"OWN-01\"\nsubjects = [\"a\"]\nreason = \"-\"\napprover = \"p1\"\ngranted-at = \"2026-06-01T00:00:00Z\"\nexpires-at = \"2026-07-15T00:00:00Z\"\n";
        files.push(("waivers/w.toml", waiver.to_owned()));
    });
    assert_eq!(
        told(&control, 1),
        [
            "verdicts: changed OWN-01 a",
            "controls: !another severity OWN-01",
            "controls: another status OWN-01",
            "controls: another text OWN-01",
            "waivers: added OWN-01 W",
            "settings: another setting gate",
            "settings: another setting gate for unknowns",
        ]
    );
    let dropped = packages(|files| {
        files.push(("controls/TWO-01.toml", CONTROL.replace("OWN-01", "TWO-01")));
        files[0].1 = files[0].1.replace("as-of", "out-of-scope = [{ controls = [\"OWN-01\"], reason = \"-\", approver = \"p1\" }]\nas-of");
    });
    assert_eq!(told(&dropped, 1), ["controls: !not judged any more OWN-01", "controls: judged for the first time TWO-01"]);
    let (_, said) = tickmark(dropped.path(), &["diff", "old/report", "new/report"]);
    assert!(said.lines().last().unwrap() == "WORSE (exit 1): 1 in controls", "{said}");
}

/// What evidence says stays text, in each format.
#[test]
fn hostile_text_stays_text() {
    let hostile = "<img src=x>|`[x](javascript:y)\u{202e}";
    let work = packages(|files| files[2].1 += &format!("\"{hostile}\",s,nh,none\n"));
    let (code, said) = tickmark(work.path(), &["diff", "old/report", "new/report"]);
    assert!(code == Some(1) && said.contains("\\u{202e}") && !said.contains('\u{202e}'), "{said}");
    let (_, said) = tickmark(work.path(), &["diff", "old/report", "new/report", "--format", "markdown"]);
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, pulldown_cmark::Parser::new(&said));
    assert!(html.contains("&lt;img") && !html.contains("<img") && !html.contains("<a "), "{html}");
}

#[test]
fn what_is_not_whole_is_not_compared() {
    let work = packages(|_| {});
    let package = contents(&work.path().join("new/report"));
    for (path, words) in [
        ("assessment.json", "is not the file that the manifest lists"),
        ("populations/OWN-01.csv", "is not the file"),
        ("manifest.json", "manifest.json"),
    ] {
        let mut broken = package.clone();
        broken.get_mut(path).unwrap().push(b' ');
        write(&broken, &work.path().join("broken"));
        let (code, said) = tickmark(work.path(), &["diff", "old/report", "broken"]);
        assert!(code == Some(2) && said.contains(words), "{path}: {said}");
    }
    let (code, said) = tickmark(work.path(), &["diff", "old/report", "old"]);
    assert!(code == Some(2) && said.contains("holds no manifest.json"), "{said}");
}
