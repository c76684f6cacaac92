//! House rules over the text of the repository. Each finding names file, line and the way out.

use std::collections::{BTreeMap, BTreeSet};

use tests::{Graph, SourceFile, files, root};

/// Words that may not appear, where, and what to do instead. Split with `concat!` so that this file passes its own rules.
const WORDS: &[Word] = &[
    Word { word: concat!("to", "do!"), place: Place::Code, way_out: "write it, or leave the item out" },
    Word {
        word: concat!("unimpl", "emented!"),
        place: Place::Code,
        way_out: "write it, or leave the item out",
    },
    Word { word: concat!("db", "g!("), place: Place::Code, way_out: "remove it" },
    Word { word: concat!("FIX", "ME"), place: Place::Rust, way_out: "mend it, or file an issue" },
    Word {
        word: concat!("#[ign", "ore"),
        place: Place::Code,
        way_out: "assert today's behaviour and say why it is wrong",
    },
    Word { word: concat!("assert!(tr", "ue"), place: Place::Code, way_out: "assert something that can fail" },
    Word {
        word: concat!("#[al", "low("), place: Place::Code, way_out: "use #[expect(…, reason = \"…\")]"
    },
    Word {
        word: concat!("#![al", "low("), place: Place::Code, way_out: "use #![expect(…, reason = \"…\")]"
    },
    Word {
        word: concat!("thread::", "sleep"),
        place: Place::Tests,
        way_out: "wait for the event itself, with a time-out",
    },
    Word {
        word: concat!("time::", "sleep"),
        place: Place::Tests,
        way_out: "wait for the event itself, with a time-out",
    },
    Word { word: concat!("Hash", "Map"), place: Place::Pure, way_out: "use BTreeMap or a sorted Vec" },
    Word { word: concat!("Hash", "Set"), place: Place::Pure, way_out: "use BTreeSet or a sorted Vec" },
    Word { word: concat!("System", "Time"), place: Place::SansIo, way_out: "take `now: Timestamp`" },
    Word { word: concat!("Instant::", "now"), place: Place::SansIo, way_out: "take `now: Timestamp`" },
    Word { word: concat!("Timestamp::", "now"), place: Place::SansIo, way_out: "take `now: Timestamp`" },
    Word {
        word: concat!("std::", "fs"),
        place: Place::SansIo,
        way_out: "take the text; the shell reads files",
    },
    Word {
        word: concat!("std::", "env::"),
        place: Place::SansIo,
        way_out: "take the value; the shell reads the environment",
    },
    Word { word: concat!("std::", "net"), place: Place::SansIo, way_out: "make it an input or an output" },
    Word { word: concat!("std::", "thread"), place: Place::SansIo, way_out: "make it an effect" },
    Word { word: concat!("std::", "process"), place: Place::SansIo, way_out: "make it an effect" },
    Word { word: concat!("print", "ln!("), place: Place::SansIo, way_out: "return it; the shell prints" },
    Word {
        word: concat!("/ho", "me/"),
        place: Place::Text,
        way_out: "a path of one machine: name it relative to the root",
    },
    Word {
        word: concat!("/ro", "ot/"),
        place: Place::Text,
        way_out: "a path of one machine: name it relative to the root",
    },
    Word {
        word: concat!("/wo", "rk/"),
        place: Place::Text,
        way_out: "a path of one machine: name it relative to the root",
    },
];

/// Crates that decide and bill in integers.
const INTEGER: &[&str] = &[
    "engine/units",
    "engine/charging",
    "engine/billing",
    "engine/ocpp",
    "engine/meters",
    "engine/csms",
    "engine/office",
];

/// Crates whose outputs may not depend on hash order or the clock.
const PURE: &[&str] = &[
    "engine/units",
    "engine/charging",
    "engine/billing",
    "engine/ocpp",
    "engine/meters",
    "engine/csms",
    "engine/office",
    "simulator/plant",
    "simulator/twin",
];

/// The only crates that touch files, sockets, the environment or the wall clock; and those that test from outside.
const SHELLS: &[&str] =
    &["engine/server", "engine/store", "simulator/wire", "simulator/cli", "benches", "tests"];

/// The rules of `docs/control.md` and `docs/money.md`. Those in force need a test that starts with their name.
const RULES: &[(&str, InForce)] = &[
    ("s1", InForce::Yes),
    ("s2", InForce::Yes),
    ("s3", InForce::Yes),
    ("s4", InForce::Yes),
    ("s5", InForce::Yes),
    ("s6", InForce::Yes),
    ("s7", InForce::Yes),
    ("s8", InForce::Yes),
    ("s9", InForce::Yes),
    ("m1", InForce::Yes),
    ("m2", InForce::Yes),
    ("m3", InForce::WithStage("cutting at price boundaries")),
    ("m4", InForce::Yes),
    ("m5", InForce::Yes),
    ("m6", InForce::Yes),
    ("m7", InForce::WithStage("payment providers")),
    ("m8", InForce::WithStage("idle fees")),
];

/// The pages of `docs/`, as code cites them.
const PAGES: &[&str] = &["CONTROL", "DESIGN", "FIELD", "MONEY"];

const BYTES_MAX: usize = 2_000_000;
const LINES_MAX: usize = 1_200;

/// The whole of what a bare machine must type, as the README shows it.
const COMMANDS: &[&str] = &["cargo run --release -- demo", "tests/run"];

struct Word {
    word: &'static str,
    place: Place,
    way_out: &'static str,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    /// Every text file.
    Text,
    /// Every Rust file, comments included.
    Rust,
    /// Every line of Rust that is not a comment.
    Code,
    /// Code that only tests run.
    Tests,
    /// Code of the pure crates.
    Pure,
    /// Code outside tests, in every crate that is not a shell.
    SansIo,
}

enum InForce {
    Yes,
    /// The rule is law, and what it speaks of is not built yet.
    WithStage(&'static str),
}

#[test]
fn no_file_holds_a_forbidden_word() {
    let files = files();
    assert!(files.len() > 40, "only {} files listed: is this the whole repository?", files.len());
    let findings: Vec<_> = texts(&files).flat_map(|(path, text)| word_findings(path, text)).collect();
    assert_none(&findings);
}

#[test]
fn each_forbidden_word_is_found_where_it_is_forbidden() {
    for word in WORDS {
        let path = match word.place {
            Place::Text => "docs/any.md",
            Place::Rust | Place::Code => "engine/server/src/any.rs",
            Place::Tests => "engine/server/tests/any.rs",
            Place::Pure | Place::SansIo => "simulator/twin/src/any.rs",
        };
        let findings = word_findings(path, &format!("fine\n  x = {}\n", word.word));
        assert!(
            findings.iter().any(|finding| finding.contains(word.way_out)),
            "{:?} in {path}: {findings:?}",
            word.word
        );
        assert!(findings[0].starts_with(&format!("{path}:2: ")), "{}", findings[0]);
    }
}

#[test]
fn a_forbidden_word_is_not_found_where_it_is_allowed() {
    let allowed = [
        ("engine/server/src/clock.rs", concat!("System", "Time::now()")),
        ("engine/server/src/clock.rs", concat!("tokio::time::", "sleep(step)")),
        ("engine/server/src/any.rs", concat!("use std::collections::Hash", "Map;")),
        ("engine/csms/src/any.rs", concat!("/// There is no Hash", "Map here.")),
        ("engine/csms/tests/frames.rs", concat!("let text = std::", "fs::read_to_string(path);")),
        ("simulator/twin/src/any.rs", concat!("#[cfg(test)]\nmod tests {\n    print", "ln!(\"seed 7\");\n}")),
        ("simulator/twin/src/queue/tests.rs", concat!("print", "ln!(\"seed 7\");")),
        ("docs/any.md", concat!("no `to", "do!` in code")),
    ];
    for (path, text) in allowed {
        assert_eq!(word_findings(path, text), Vec::<String>::new(), "{path}");
    }
}

#[test]
fn an_attribute_for_tests_does_not_excuse_the_rest_of_the_file() {
    let text = concat!("#[cfg(test)]\nuse x;\n\nfn f() {\n    std::", "fs::read(x);\n}\n");
    assert_eq!(word_findings("engine/csms/src/any.rs", text).len(), 1);
}

#[test]
fn every_exception_to_a_lint_states_its_reason() {
    let files = files();
    let mut findings = Vec::new();
    for (path, text) in rust(&files) {
        for (at, _) in text.match_indices(concat!("[exp", "ect(")) {
            let exception = text[at..].split(")]").next().unwrap_or_default();
            if !exception.contains("reason") && !is_comment(line_around(text, at)) {
                findings.push(format!(
                    "{path}:{}: this exception has no reason: add `reason = \"…\"`",
                    line_of(text, at)
                ));
            }
        }
    }
    assert_none(&findings);
}

#[test]
fn every_file_is_of_a_size_a_person_can_read() {
    let mut findings = Vec::new();
    for file in files() {
        if file.size > BYTES_MAX {
            findings.push(format!(
                "{}: {} bytes: data this large stay outside, see WATTERY_DATA",
                file.path, file.size
            ));
        }
        let written =
            [".rs", ".md", ".toml", ".sql", ".js", ".css"].iter().any(|end| file.path.ends_with(end));
        let lines = file.text.as_deref().map_or(0, |text| text.lines().count());
        if written && lines > LINES_MAX {
            findings.push(format!("{}: {lines} lines, {LINES_MAX} allowed: split it by idea", file.path));
        }
    }
    assert_none(&findings);
}

#[test]
fn every_source_file_is_part_of_its_crate() {
    let files = files();
    let named_in = |path: &str, name: &str| {
        texts(&files).any(|(file, text)| {
            file == path
                && text.split("mod ").skip(1).any(|rest| {
                    rest.strip_prefix(name).is_some_and(|after| after.trim_start().starts_with([';', '{']))
                })
        })
    };
    let mut findings = Vec::new();
    for (path, _) in rust(&files).filter(|(path, _)| path.contains("/src/")) {
        let (folder, file) = path.rsplit_once('/').unwrap_or_default();
        let (parent, name) = match file.strip_suffix(".rs").unwrap_or(file) {
            "lib" | "main" => continue,
            "mod" => folder.rsplit_once('/').unwrap_or_default(),
            name => (folder, name),
        };
        let parents = ["/mod.rs", "/lib.rs", "/main.rs", ".rs"].map(|end| format!("{parent}{end}"));
        if !parents.iter().any(|parent| named_in(parent, name)) {
            findings.push(format!("{path}: no `mod {name}` names it; name it, or delete the file"));
        }
    }
    assert_none(&findings);
}

#[test]
fn every_text_file_ends_with_a_newline() {
    let files = files();
    let ragged = texts(&files).filter(|(_, text)| !text.is_empty() && !text.ends_with('\n'));
    assert_none(&ragged.map(|(path, _)| format!("{path}: add a newline at the end")).collect::<Vec<_>>());
}

#[test]
fn every_crate_has_its_page_and_takes_the_workspace_lints() {
    let mut findings = Vec::new();
    for folder in crates() {
        let path = ["src/lib.rs", "src/main.rs"]
            .map(|file| format!("{folder}/{file}"))
            .into_iter()
            .find(|path| root().join(path).exists())
            .unwrap_or_else(|| panic!("{folder} has neither src/lib.rs nor src/main.rs"));
        let page: String =
            read(&path).lines().filter(|line| line.starts_with("//!")).collect::<Vec<_>>().join("\n");
        for heading in ["Invariants", "Not here"] {
            if !page.contains(&format!("# {heading}")) && !page.contains(&format!("**{heading}**")) {
                findings.push(format!("{path}:1: the crate page lacks its part `{heading}`"));
            }
        }
        if !read(&format!("{folder}/Cargo.toml")).contains("[lints]\nworkspace = true") {
            findings.push(format!("{folder}/Cargo.toml: add `[lints]` with `workspace = true`"));
        }
    }
    assert_none(&findings);
}

#[test]
fn integer_crates_deny_floats_and_pure_crates_ban_hash_order_and_clocks() {
    let mut findings = Vec::new();
    for folder in INTEGER {
        if !read(&format!("{folder}/src/lib.rs")).contains("#![deny(clippy::float_arithmetic)]") {
            findings.push(format!("{folder}/src/lib.rs:1: add #![deny(clippy::float_arithmetic)]"));
        }
    }
    // A crate's clippy.toml replaces the root's, so it has to repeat it.
    let shared = read("clippy.toml");
    for folder in PURE {
        let own = read(&format!("{folder}/clippy.toml"));
        let lines = shared.lines().chain([
            concat!("    { path = \"std::collections::Hash", "Map\""),
            concat!("    { path = \"std::collections::Hash", "Set\""),
            concat!("    { path = \"std::time::System", "Time::now\""),
            concat!("    { path = \"std::time::Instant::", "now\""),
        ]);
        for line in lines.filter(|line| !own.contains(*line)) {
            findings.push(format!("{folder}/clippy.toml: lacks `{}`", line.trim()));
        }
    }
    assert_none(&findings);
}

#[test]
fn every_scenario_is_a_whole_folder_with_provenance_and_licence() {
    let mut cases: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files() {
        if let Some((case, name)) = file.path.strip_prefix("scenarios/").and_then(|path| path.split_once('/'))
        {
            cases.entry(case.to_owned()).or_default().insert(name.to_owned());
        }
    }
    assert!(!cases.is_empty(), "scenarios/ holds no case: without cases a replay proves nothing");
    let mut findings = Vec::new();
    for (case, names) in &cases {
        for needed in ["README.md", "scenario.toml", "expect.toml"] {
            if !names.contains(needed) {
                findings.push(format!("scenarios/{case}/{needed} is missing"));
            }
        }
        if names.contains("README.md") {
            let path = format!("scenarios/{case}/README.md");
            let text = read(&path).to_lowercase();
            for word in ["provenance", "licence"].iter().filter(|word| !text.contains(**word)) {
                findings.push(format!("{path}:1: state the {word} of what the case holds"));
            }
        }
    }
    assert_none(&findings);
}

#[test]
fn the_readme_shows_the_two_commands_and_they_can_run() {
    let readme = read("README.md");
    let mut findings = Vec::new();
    for command in COMMANDS {
        let shown =
            fenced_lines(&readme).any(|line| line.split('#').next().unwrap_or_default().trim() == *command);
        if !shown {
            findings.push(format!("README.md: show `{command}` on a line of its own in a code block"));
        }
    }
    #[cfg(unix)]
    for script in ["tests/run", ".ci/run"] {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(root().join(script)).map_or(0, |metadata| metadata.permissions().mode());
        if mode & 0o111 == 0 {
            findings.push(format!("{script}: is missing or has no run bit: chmod +x {script}"));
        }
    }
    assert_none(&findings);
}

#[test]
fn every_rule_is_written_down_and_every_rule_in_force_has_a_test_of_its_name() {
    let files = files();
    let tests: Vec<(String, String)> = rust(&files)
        .flat_map(|(path, text)| {
            test_names(text).into_iter().map(move |(line, name)| (format!("{path}:{line}"), name))
        })
        .collect();
    let (control, money) = (read("docs/control.md"), read("docs/money.md"));
    let mut findings = Vec::new();
    for (rule, in_force) in RULES {
        let (page, path) =
            if rule.starts_with('s') { (&control, "docs/control.md") } else { (&money, "docs/money.md") };
        if !page.contains(&format!("**{}**", rule.to_uppercase())) {
            findings.push(format!("{path}: write down **{}**", rule.to_uppercase()));
        }
        let tested = tests.iter().any(|(_, name)| name.starts_with(&format!("{rule}_")));
        match in_force {
            InForce::Yes if !tested => {
                findings.push(format!("no test is named `{rule}_…`: the rule is not tested"))
            }
            InForce::WithStage(stage) if tested => {
                println!("`{rule}_…` is tested: is {stage} built? Then put the rule in force.");
            }
            InForce::Yes | InForce::WithStage(_) => {}
        }
    }
    for (at, name) in &tests {
        if named_like_a_rule(name) && !RULES.iter().any(|(rule, _)| name.starts_with(&format!("{rule}_"))) {
            findings.push(format!("{at}: `{name}` names a rule that does not exist"));
        }
    }
    assert_none(&findings);
}

#[test]
fn every_test_that_a_page_of_requirements_names_exists() {
    let files = files();
    let tests: BTreeSet<String> =
        rust(&files).flat_map(|(_, text)| test_names(text).into_iter().map(|(_, name)| name)).collect();
    let mut findings = Vec::new();
    let pages = texts(&files).filter(|(path, _)| path.starts_with("engine/ocpp/requirements"));
    for (path, text) in pages {
        for (number, named) in tests_named(text) {
            let is_there = match named.strip_suffix('…') {
                Some(beginning) => tests.iter().any(|name| name.starts_with(beginning)),
                None => tests.contains(named),
            };
            if !is_there {
                findings.push(format!("{path}:{number}: there is no test `{named}`"));
            }
        }
    }
    assert_none(&findings);
}

#[test]
fn tests_are_read_from_the_last_column_of_a_table() {
    let text = "| rule | enforced | tested |\n| `a_b` | `c_d` | one, `e_f`, `g_h…` |\n`i_j`\n";
    assert_eq!(tests_named(text), [(2, "e_f"), (2, "g_h…")]);
}

#[test]
fn every_cited_section_exists() {
    let files = files();
    let mut findings = Vec::new();
    let mut pages: BTreeMap<String, String> = BTreeMap::new();
    for (path, text) in rust(&files) {
        for (number, page, section) in citations(text) {
            let page_path = format!("docs/{}.md", page.to_lowercase());
            let page_text = pages.entry(page_path.clone()).or_insert_with(|| read(&page_path));
            if !page_text.contains(&format!("\n## {section}. ")) {
                findings.push(format!("{path}:{number}: {page_path} has no section {section}"));
            }
        }
    }
    assert_none(&findings);
}

#[test]
fn citations_are_read_with_their_page_and_number() {
    let text = "// CONTROL section 5, step 2.\nfn f() {}\n/// As MONEY section 11 says, not section 3.\n";
    assert_eq!(citations(text), [(1, "CONTROL", 5), (3, "MONEY", 11)]);
    assert_eq!(citations("/// Some section 5."), []);
}

#[test]
fn test_names_are_read_from_functions_that_are_really_tests() {
    let text = concat!(
        "#[test]\nfn s1_holds() {}\n\n",
        "fn s2_is_no_test() {}\n\n",
        "#[tokio::test]\n#[expect(clippy::panic, reason = \"…\")]\nasync fn m1_once() {}\n\n",
        "#[test]\nfn m2_first() {}\nfn m2_helper() {}\n"
    );
    let names: Vec<_> = test_names(text).into_iter().map(|(line, name)| format!("{line} {name}")).collect();
    assert_eq!(names, ["2 s1_holds", "8 m1_once", "11 m2_first"]);
    assert!(named_like_a_rule("s9_x") && named_like_a_rule("m12_x"));
    assert!(!named_like_a_rule("s_x") && !named_like_a_rule("sum_x") && !named_like_a_rule("m2x"));
}

/// Findings as `path:line: …`, for every forbidden word in one file. Test code is what lies in `tests/`, `benches/`,
/// `tests.rs` or at the end of a file in `mod tests`.
fn word_findings(path: &str, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let mut in_tests = ["tests/", "benches/"]
        .iter()
        .any(|folder| path.starts_with(folder) || path.contains(&format!("/{folder}")))
        || path.ends_with("/tests.rs");
    for (number, line) in (1..).zip(text.lines()) {
        in_tests |= line == "mod tests {";
        for word in
            WORDS.iter().filter(|word| line.contains(word.word) && applies(word.place, path, line, in_tests))
        {
            findings.push(format!("{path}:{number}: `{}`: {}", word.word, word.way_out));
        }
    }
    findings
}

fn applies(place: Place, path: &str, line: &str, in_tests: bool) -> bool {
    let code = path.ends_with(".rs") && !is_comment(line);
    let inside = |folders: &[&str]| folders.iter().any(|folder| path.starts_with(&format!("{folder}/")));
    match place {
        Place::Text => true,
        Place::Rust => path.ends_with(".rs"),
        Place::Code => code,
        Place::Tests => code && in_tests,
        Place::Pure => code && inside(PURE),
        Place::SansIo => code && !in_tests && !inside(SHELLS),
    }
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

fn line_around(text: &str, at: usize) -> &str {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    text[start..].lines().next().unwrap_or_default()
}

/// Line and name of each function that a test attribute stands above.
fn test_names(text: &str) -> Vec<(usize, String)> {
    let mut names = Vec::new();
    let mut marked = false;
    for (number, line) in (1..).zip(text.lines().map(str::trim_start)) {
        let line = line.strip_prefix("async ").unwrap_or(line);
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            marked = true;
        } else if let Some(rest) = line.strip_prefix("fn ") {
            if marked {
                let name = rest.split(['(', '<']).next().unwrap_or_default();
                names.push((number, name.to_owned()));
            }
            marked = false;
        }
    }
    names
}

/// Line, page and number of each `PAGE section N`.
fn citations(text: &str) -> Vec<(usize, &str, u32)> {
    let mut citations = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        for (at, cited) in line.match_indices(" section ") {
            let page = PAGES.iter().find(|page| line[..at].ends_with(**page));
            let digits = line[at + cited.len()..]
                .split(|letter: char| !letter.is_ascii_digit())
                .next()
                .unwrap_or_default();
            if let (Some(page), Ok(section)) = (page, digits.parse()) {
                citations.push((number, *page, section));
            }
        }
    }
    citations
}

/// Line and name of each test in the last column of a page's tables; a name may be cut off with `…`.
fn tests_named(text: &str) -> Vec<(usize, &str)> {
    let mut named = Vec::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| line.starts_with('|')) {
        let tested = line.trim_end_matches(['|', ' ']).rsplit('|').next().unwrap_or_default();
        let names = tested.split('`').skip(1).step_by(2).filter(|name| name.contains('_'));
        named.extend(names.map(|name| (number, name)));
    }
    named
}

/// `s` or `m`, digits, underscore.
fn named_like_a_rule(name: &str) -> bool {
    let Some((head, _)) = name.split_once('_') else { return false };
    let Some(digits) = head.strip_prefix(['s', 'm']) else { return false };
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn fenced_lines(markdown: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    markdown.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        fenced && !fence
    })
}

/// The folders of the workspace's crates, from the root.
fn crates() -> Vec<String> {
    let mut folders: Vec<String> =
        Graph::read().members().filter_map(|package| package.folder.clone()).collect();
    folders.sort();
    folders
}

fn texts(files: &[SourceFile]) -> impl Iterator<Item = (&str, &str)> {
    files.iter().filter_map(|file| file.text.as_deref().map(|text| (file.path.as_str(), text)))
}

fn rust(files: &[SourceFile]) -> impl Iterator<Item = (&str, &str)> {
    texts(files).filter(|(path, _)| path.ends_with(".rs"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn assert_none(findings: &[String]) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}
