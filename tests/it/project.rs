//! What a successor relies on beside the source: tests that say what they need, and files that name
//! the same Rust and the same things.

use std::fs;
use std::path::{Path, PathBuf};

/// Tests in the directories of foreign programs that need none.
const NEEDS_NOTHING: &[(&str, &str)] = &[
    ("tests/interop/fixtures.rs", "what_a_command_says_with_its_exit_code_comes_through"),
    ("tests/interop/labs/day_2.rs", "the_basic_producer_and_the_basic_consumer_at_two_terminals"),
    (
        "tests/interop/labs/day_2.rs",
        "a_producer_of_keys_at_a_terminal_ends_with_ctrl_c_and_has_sent_all",
    ),
    ("tests/interop/labs/day_2.rs", "the_producer_configurations_of_the_text_are_taken"),
    (
        "tests/interop/labs/day_2.rs",
        "after_a_failure_a_consumer_goes_on_from_the_last_committed_offset",
    ),
    ("tests/interop/labs/tutorial_2.rs", "the_topic_is_created_as_in_the_text"),
];

/// The targets of `fuzz/`.
const FUZZ_TARGETS: &[&str] = &["admission", "recovery", "request"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every Rust source below a directory, by its path from the root.
fn sources(dir: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut dirs = vec![PathBuf::from(dir)];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(root().join(&dir)).unwrap() {
            let entry = entry.unwrap();
            let path = dir.join(entry.file_name());
            if entry.path().is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

/// Each test of a file, with the attributes between `#[test]` and its name.
fn tests_of(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for part in text.split("#[test]\n").skip(1) {
        let Some((attributes, rest)) = part.split_once("fn ") else { continue };
        let name = rest.split('(').next().unwrap_or_default();
        found.push((name.to_owned(), attributes.to_owned()));
    }
    found
}

#[test]
fn a_test_of_a_foreign_program_is_ignored_and_names_what_it_needs() {
    let mut faults = Vec::new();
    let mut exempt = 0;
    let run = text("tests/run");
    for file in ["tests/interop", "tests/container"].into_iter().flat_map(sources) {
        for (name, attributes) in tests_of(&text(&file)) {
            let needs = attributes.starts_with("#[ignore = \"needs ");
            if attributes.starts_with("#[ignore = \"not yet: ") {
                if !run.contains(&format!("--skip {name}\n")) {
                    faults.push(format!("{file}: tests/run does not skip {name}"));
                }
                continue;
            }
            let is_exempt = NEEDS_NOTHING.contains(&(file.as_str(), name.as_str()));
            // The tools' words are compared by functions that are tested here as well.
            let is_pure = file == "tests/interop/tools/words.rs";
            exempt += usize::from(is_exempt);
            if needs == (is_exempt || is_pure) {
                let what = if needs { "needs something after all" } else { "needs what?" };
                faults.push(format!("{file}: {name} {what}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(exempt, NEEDS_NOTHING.len(), "a test that needs nothing is not there any more");
}

#[test]
fn no_test_is_ignored_without_a_reason_or_passes_by_saying_that_it_is_left_out() {
    let mut faults = Vec::new();
    for file in ["tests", "src"].into_iter().flat_map(sources) {
        let text = text(&file);
        for banned in [concat!("#[ign", "ore]"), concat!("println!(\"left", " out")] {
            if text.contains(banned) {
                faults.push(format!("{file}: {banned}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_oldest_rust_is_the_same_wherever_it_is_named() {
    let cargo = text("Cargo.toml");
    let oldest = cargo.lines().find_map(|line| line.strip_prefix("rust-version = \"")).unwrap();
    let oldest = oldest.trim_end_matches('"');
    // CI builds with the one that it reads there.
    assert!(text(".github/workflows/ci.yml").contains("s/^rust-version = "));
    assert!(text("fuzz/Cargo.toml").contains(&format!("rust-version = \"{oldest}\"")));
}

#[test]
fn the_release_of_apache_kafka_is_the_same_wherever_it_is_named() {
    let kafka = ottla::reference::KAFKA;
    for (file, words) in [
        ("tests/interop/java/pom.xml", "<kafka.version>RELEASE</kafka.version>"),
        (
            "tests/container/java/pom.xml",
            "<artifactId>kafka-clients</artifactId>\n      <version>RELEASE</version>",
        ),
        ("tests/container/compose.rs", "image: apache/kafka:RELEASE"),
        ("tests/compat/lib/place.py", "KAFKA = \"RELEASE\""),
        ("tests/compat/README.md", "Apache Kafka RELEASE"),
        ("schemas/README.md", "kafka-clients-RELEASE.jar"),
    ] {
        let words = words.replace("RELEASE", kafka);
        assert!(text(file).contains(&words), "{file}: {words}");
    }
}

#[test]
fn every_target_of_fuzz_is_run_by_the_simulations_too() {
    let (manifest, driven) = (text("fuzz/Cargo.toml"), text("tests/sim/fuzz.rs"));
    let mut found: Vec<String> = sources("fuzz/fuzz_targets");
    found.sort();
    let wanted: Vec<String> =
        FUZZ_TARGETS.iter().map(|name| format!("fuzz/fuzz_targets/{name}.rs")).collect();
    assert_eq!(found, wanted);
    for name in FUZZ_TARGETS {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "fuzz/Cargo.toml: {name}");
        assert!(driven.contains(&format!("fuzzed::{name}(")), "tests/sim/fuzz.rs: {name}");
    }
}
