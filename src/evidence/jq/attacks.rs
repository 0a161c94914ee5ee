//! Filters that were made to do harm: each is stopped, told, and takes nothing else down.

use std::time::Duration;

use serde_json::json;

use super::*;

/// Quick to go beyond, and large beside what a filter of good will takes.
const SMALL: Reach = Reach { memory: 4 << 20, growth: 8, call: 4 << 20, patience: Duration::from_secs(20), time: Duration::from_secs(20) };

/// What comes of a `rows` filter over one record.
fn rows(code: &str, reach: Reach) -> Result<Result<Vec<Value>, String>, String> {
    let rows = Some(compile(code).map_err(|(_, why)| why)?);
    let filters =
        Filters { recognise: None, envelope: None, select: None, rows, file: "m.toml".to_owned(), reach, overtime: Arc::default() };
    let job = Job { records: vec![json!({ "a": [1, "b"] })], ..Job::default() };
    let mapped = run(&Arc::new(filters), "e.json", 0, vec![job]).map_err(|error| error.to_string())?;
    Ok(mapped.unwrap().remove(0).rows.remove(0))
}

const DEEP: &str = "calls itself, or is nested, too deep";
const LARGE: &str = "takes more than 4 MiB of memory";
const HUGE: &str = "makes something larger than any memory";
/// Which of them it meets first is the machine's affair.
const ANY: &str = "";

#[test]
fn what_never_ends_is_stopped() {
    let attacks = [
        // Recursion: in every place where a filter may stand.
        ("def f: [f]; f", DEEP),
        ("def f: {a: f}; f", DEEP),
        ("def f: 1 + f; f", DEEP),
        ("def f: f | f; f", ANY),
        ("def f: (1, f) | [.]; [f]", ANY),
        ("def f: f as $x | 1; f", DEEP),
        ("def f: -f; f", DEEP),
        ("def f: if f then 1 else 2 end; f", DEEP),
        ("def f: try [f] catch 1; f", DEEP),
        ("try (def f: [f]; f) catch 1", DEEP),
        ("def f: reduce f as $x (0; 1); f", DEEP),
        ("def f: .a[f]; f", DEEP),
        ("def f: label $l | [f]; f", DEEP),
        ("def f: \"\\(f)\"; f", DEEP),
        ("def f($n): [f($n + 1)]; f(0)", DEEP),
        ("def f(g): f(g | g); f(.)", ANY),
        ("def f(g): f(g, g); [f(.)]", ANY),
        ("def f: first([f]); f", DEEP),
        ("def f: [limit(3; f)]; f", ANY),
        // Amplification: one step that asks for more than there is.
        ("\"a\" * 1000000000000", LARGE),
        ("\"ab\" * 9223372036854775807", HUGE),
        ("\"ab\" * 100000000000000000000000", HUGE),
        ("\"a\" * 1000000 | gsub(\"\"; \"0123456789012345678901234567890123456789\")", ANY),
        ("test(\"(((((a{1000}){1000}){1000}){1000}){1000})\")?, \"a\" * 100 | test(\"(((((a{1000}){1000}){1000}){1000}){1000})\")", ANY),
        ("[range(100)] as $a | [$a, $a, $a, $a, $a, $a] | [combinations]", LARGE),
        ("[limit(100000000; repeat(\"0123456789\"))] | join(\"\")", LARGE),
        // Growth, step by step.
        ("[range(1000000000000)]", LARGE),
        ("[limit(1000000000000; repeat(1))]", LARGE),
        ("[repeat(.)]", LARGE),
        ("[while(true; .)]", LARGE),
        ("[recurse(.)]", LARGE),
        ("[recurse([., .])]", ANY),
        ("[path(recurse(.))]", ANY),
        ("reduce range(60) as $i (\"a\"; . + .)", LARGE),
        ("reduce range(60) as $i ([1]; . + .)", LARGE),
        ("reduce range(100000000) as $i ({}; .[\"\\($i)\"] = $i)", ANY),
        ("reduce range(100000000) as $i (null; [.])", LARGE),
        ("reduce range(100000000) as $i (null; {a: .})", LARGE),
        ("reduce range(60) as $i (\"[\"; . + .) | fromjson", LARGE),
        ("error(reduce range(60) as $i (\"a\"; . + .))", LARGE),
    ];
    let mut passed = Vec::new();
    for (code, what) in attacks {
        let given = rows(code, SMALL);
        let told = given.as_ref().err().is_some_and(|told| {
            told.starts_with("m.toml: the rows filter ") && told.contains(what) && told.contains(", over e.json, record 1: ")
        });
        if !told {
            passed.push(format!("{code}: {given:?}"));
        }
    }
    assert!(passed.is_empty(), "{}", passed.join("\n"));
}

/// Time alone. (What allocates nothing cannot be stopped, only given up, and ends by itself here.)
#[test]
fn what_takes_for_ever_is_given_up() {
    let hasty = Reach { patience: Duration::from_millis(200), ..SMALL };
    for code in [
        "last(range(20000000))",
        "until(false; .)",
        "reduce range(1000000000000) as $i (0; . + 1)",
        "def f: f; f",
        "first(repeat(empty))",
        "def f: . as $x | f; f",
        "reduce range(80) as $i (3; . * .)",
    ] {
        let given = rows(code, hasty);
        assert!(given.as_ref().is_err_and(|told| told.contains("takes longer than 0 seconds, over e.json, record 1")), "{code}: {given:?}");
    }
}

/// What is large and ends is walked, compared, written and dropped within the stack that goes with its memory: none of that allocates.
#[test]
fn what_is_nested_deep_is_no_danger() {
    // Nearly as many levels as the memory takes.
    for (nest, levels) in [("[.]", 20_000), ("{a: .}", 8_000), ("[.][0:1]", 20_000)] {
        for walk in [
            "1",
            "[., .] | .[0] == .[1]",
            "[., .] | sort | length",
            "tojson | length",
            "{(.): 1}? | length",
            "contains(.)?",
            "try error(.) catch 1 | 1",
            "walk(.) | 1",
            "tobytes? | length",
        ] {
            let code = format!("reduce range({levels}) as $i (null; {nest}) | {walk}");
            if let Err(told) = rows(&code, Reach { memory: 6 << 20, call: 6 << 20, ..SMALL }) {
                assert!(walk != "1" && (told.contains("of memory") || told.contains(DEEP)), "{code}: {told}");
            }
        }
    }
    // What comes out is dropped on any thread.
    for code in ["reduce range(1000) as $i (null; [.])", "error(reduce range(1000) as $i (null; [.]))"] {
        assert!(rows(code, SMALL).unwrap().is_err(), "{code}");
    }
    assert!(rows("reduce range(100) as $i (null; [.]) | { a: . }", SMALL).unwrap().is_ok());
}

/// Written deep, a filter is no danger to what reads it.
#[test]
fn code_that_is_nested_deep_compiles_or_not() {
    const N: usize = 65_000;
    let twice = |open: &str, middle: &str, close: &str| {
        let times = N / (open.len() + close.len());
        [open.repeat(times), middle.to_owned(), close.repeat(times)].concat()
    };
    let once = |open: &str, end: &str| open.repeat(N / open.len()) + end;
    for code in [
        once("[", ""),
        twice("[", "", "]"),
        twice("(", ".", ")"),
        twice("{a:", "1", "}"),
        twice("if . then ", ".", " else . end"),
        twice("\"\\(", ".", ")\""),
        twice("def f: ", ".", "; f"),
        once("-", "1"),
        once(".|", "."),
        once(".,", "."),
        once("1+", "1"),
        once(".a", ""),
        once(".a?//", "."),
        once("try ", "."),
        once(". as $x|", "."),
        once("reduce . as $x (", ""),
        once("label $x|", "."),
    ] {
        let short: String = code.chars().take(12).collect();
        let compiled = compile(&code);
        assert!(compiled.as_ref().err().is_none_or(|(_, why)| !why.contains("larger than any memory")), "{short}: {:?}", compiled.err());
    }
}

/// Time that many files take, each a little, is counted together; memory grows with what is read.
#[test]
fn the_bounds_are_of_the_whole_and_grow_with_it() {
    let reach = Reach { patience: Duration::from_secs(60), time: Duration::from_millis(200), ..SMALL };
    let overtime = Arc::new(Overtime::default());
    let rows = compile("reduce range(20000) as $i (0; . + 1)").unwrap();
    let of = |rows: &Arc<Filter>, reach| {
        let (rows, file, overtime) = (Some(Arc::clone(rows)), "m.toml".to_owned(), Arc::clone(&overtime));
        Arc::new(Filters { recognise: None, envelope: None, select: None, rows, file, reach, overtime })
    };
    let job = |records| vec![Job { records, ..Job::default() }];
    let stopped = (0..1000).find_map(|_| run(&of(&rows, reach), "e.json", 0, job(vec![json!({}); 8])).err());
    assert!(stopped.is_some_and(|told| told.to_string().contains("with those before it")));
    // What takes more than the bound of a small file, over a file that is larger than it.
    let copy = compile("{ a: .a, b: (.a + .a) }").unwrap();
    let large = vec![json!({ "a": "x".repeat(1 << 20) }); 24];
    let given = run(&of(&copy, Reach { call: 32 << 20, ..SMALL }), "e.json", 0, job(large)).unwrap().unwrap();
    assert!(given[0].rows.iter().all(Result::is_ok));
}
