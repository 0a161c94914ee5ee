//! `explain` tells the verdict that the report tells, part by part, and its parts add up.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use tickmark::evaluate::kleene::Tri;
use tickmark::evaluate::trace::{Part, What, trace};
use tickmark::evidence::{self, FingerprintKey};
use tickmark::model::assessment::Verdict;

fn whole(part: &Part) {
    let truth = part.truth.unwrap();
    let below: Vec<Tri> = part.below.iter().map(|below| below.truth.unwrap()).collect();
    let not = |truth| match truth {
        Tri::True => Tri::False,
        Tri::False => Tri::True,
        Tri::Unknown => Tri::Unknown,
    };
    let expected = match part.what {
        What::All => below.iter().fold(Tri::True, |all, one| all.and(*one)),
        What::Any => not(below.iter().fold(Tri::True, |none, one| none.and(not(*one)))),
        What::Not => not(below[0]),
        What::Term => {
            // What is not known says why.
            assert!(truth != Tri::Unknown || !part.reasons.is_empty(), "{part:?}");
            truth
        }
    };
    assert_eq!(truth, expected, "{part:?}");
    for below in &part.below {
        whole(below);
    }
}

#[test]
fn the_parts_add_up_to_the_verdict() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/bank");
    let (project, _) = tickmark::load::project(&root).unwrap();
    let key = FingerprintKey::of(&root);
    let request = evidence::Request::of(&root, &project, project.as_of, &key, tickmark::load::shipped_mappings);
    let (evidence, as_of, _) = evidence::read(&request).unwrap();
    let mut seen: BTreeMap<Verdict, usize> = BTreeMap::new();
    for control in &project.controls {
        let verdicts =
            tickmark::evaluate::verdicts(control.applies.as_ref(), &control.assert, &evidence, as_of, &control.constants()).unwrap();
        let ids = evidence.tables[control.subject].columns[0].values.clone();
        let ids = ids.as_any().downcast_ref::<arrow_array::StringArray>().unwrap();
        let mut shown: BTreeMap<Verdict, usize> = BTreeMap::new();
        for (row, verdict) in verdicts.iter().enumerate() {
            let count = shown.entry(*verdict).or_default();
            *count += 1;
            if *count > 4 {
                continue;
            }
            *seen.entry(*verdict).or_default() += 1;
            let traces = trace(control, &evidence, as_of, ids.value(row)).unwrap();
            let found = traces.iter().find(|trace| trace.verdict == *verdict).unwrap();
            found.applies.iter().for_each(whole);
            whole(&found.assert);
            let applies = found.applies.as_ref().map_or(Tri::True, |part| part.truth.unwrap());
            match (verdict, applies, found.assert.truth.unwrap()) {
                (Verdict::Pass, Tri::True | Tri::Unknown, Tri::True)
                | (Verdict::Fail, Tri::True, Tri::False)
                | (Verdict::NotApplicable, Tri::False, _)
                | (Verdict::Unknown, Tri::Unknown, Tri::False | Tri::Unknown)
                | (Verdict::Unknown, Tri::True, Tri::Unknown) => {}
                other => panic!("{}: {other:?}", control.id),
            }
        }
    }
    assert!(seen.len() == 4 && seen.values().all(|count| *count > 20), "{seen:?}");
}

fn explain(arguments: &[&str]) -> (Option<i32>, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/bank");
    let done = Command::new(env!("CARGO_BIN_EXE_tickmark")).arg("explain").args(arguments).arg("--project").arg(root).output().unwrap();
    (done.status.code(), String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr))
}

#[test]
fn as_a_person_reads_it() {
    let (code, said) = explain(&["OFF-01", "kong:partner-gw:key-auth/39118aec-f7e5-43c8-af17-1b07f87ee78d"]);
    assert_eq!(code, Some(0), "{said}");
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("explain_subject", said);
    });
    let (code, said) = explain(&["OFF-01"]);
    assert_eq!(code, Some(0), "{said}");
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("explain_control", said);
    });
}

#[test]
fn what_is_not_there() {
    let (code, said) = explain(&["OFF-99"]);
    assert!(code == Some(2) && said.contains("no selected control is called `OFF-99`"), "{said}");
    let (code, said) = explain(&["OFF-01", "39118aec"]);
    assert!(code == Some(2) && said.contains("key-auth/39118aec-f7e5-43c8-af17-1b07f87ee78d"), "{said}");
    let (code, said) = explain(&["OFF-01", "nobody"]);
    assert!(code == Some(2) && said.contains("populations/OFF-01.csv"), "{said}");
}

/// What a parameter may be set to stands beside what it is, as `init` says.
#[test]
fn a_parameter_is_told_with_its_bounds() {
    let bank = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/bank");
    for (control, words) in
        [("ROT-01", "; default 90d, allowed 1d to 400d: "), ("MON-01", "$max_idle = 120d, set by the project; default ")]
    {
        let done = Command::new(env!("CARGO_BIN_EXE_tickmark")).args(["explain", control, "--project", bank]).output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout);
        assert!(said.contains(words), "{said}");
    }
}
