//! Walls between and inside the rooms: no circles of files, and the external crates of each room.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use crate::tidy::{code, refuse, root};

/// The external crates that each room may use. The pure rooms have no runtime.
const EXTERNAL: &[(&str, &[&str])] = &[
    ("types", &["uuid"]),
    ("reference", &[]),
    ("clock", &[]),
    ("sync", &[]),
    ("config", &["thiserror", "toml"]),
    ("machine", &["thiserror"]),
    ("platform", &["rustix"]),
    ("protocol", &["bytes", "kafka_protocol", "thiserror", "uuid"]),
    ("groups", &["bytes", "fastrand", "thiserror", "twox_hash", "uuid"]),
    ("transactions", &["bytes", "thiserror"]),
    (
        "storage",
        &[
            "bytes",
            "crc32c",
            "fastrand",
            "flate2",
            "lz4_flex",
            "rustix",
            "snap",
            "tempfile",
            "thiserror",
            "tracing",
            "zstd",
        ],
    ),
    ("wire", &["bytes", "fastrand", "kafka_protocol", "rustix", "thiserror", "uuid"]),
    ("log", &["bytes", "fastrand", "thiserror", "tracing"]),
    ("metadata", &["bytes", "thiserror", "tokio", "tracing", "uuid"]),
    ("topics", &["thiserror", "tokio", "tracing", "uuid"]),
    ("fetch", &["fastrand", "thiserror", "tokio"]),
    ("coordinator", &["thiserror", "tokio", "tracing"]),
    ("quotas", &["thiserror"]),
    ("broker", &["fastrand", "thiserror", "tokio", "tracing"]),
    ("handlers", &["bytes", "kafka_protocol", "regex_automata", "tokio", "tracing"]),
    ("server", &["bytes", "fastrand", "kafka_protocol", "rustix", "thiserror", "tokio", "tracing"]),
    ("client", &["bytes", "fastrand", "kafka_protocol", "thiserror", "tokio"]),
    ("embedded", &["kafka_protocol", "rustix", "tempfile", "thiserror", "tokio", "tracing"]),
    (
        "cli",
        &[
            "bytes",
            "clap",
            "clap_complete",
            "fastrand",
            "matchers",
            "rustix",
            "serde_json",
            "tempfile",
            "tokio",
            "tracing",
            "tracing_subscriber",
        ],
    ),
];

/// The names by which Cargo.toml's dependencies are used in code.
fn dependencies() -> BTreeSet<String> {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let (_, rest) = manifest.split_once("\n[dependencies]\n").unwrap();
    let section = rest.split("\n[").next().unwrap_or_default();
    let names = section.lines().filter(|line| !line.starts_with('#'));
    names.filter_map(|line| Some(line.split_once(" = ")?.0.replace('-', "_"))).collect()
}

/// Returns true if the code has this word with `::` behind it, or imports it.
fn uses(code: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = &code[at + name.len()..];
        let stands_alone = !before.is_some_and(|c| is_word(c) || c == ':');
        stands_alone
            && (after.starts_with("::") || code[..at].ends_with("use ") && after.starts_with(';'))
    })
}

#[test]
fn rooms_use_only_the_external_crates_that_are_named() {
    let known = dependencies();
    let mut faults = Vec::new();
    for (name, code) in code() {
        let room = name.split(['/', '.']).next().unwrap_or_default();
        if matches!(room, "lib" | "main") {
            continue;
        }
        let Some((_, allowed)) = EXTERNAL.iter().find(|(r, _)| *r == room) else {
            faults.push(format!("{name}: which external crates may the room {room} use?"));
            continue;
        };
        for used in known.iter().filter(|known| uses(&code, known)) {
            if !allowed.contains(&used.as_str()) {
                faults.push(format!("{name}: {room} may not use {used}"));
            }
        }
    }
    refuse(faults);
}

/// A file of src/ as a path of modules: `log/mod.rs` is `log`.
fn module_of(file: &str) -> String {
    let name = file.trim_end_matches(".rs");
    name.trim_end_matches("/mod").replace('/', "::")
}

/// Every path that code names by `crate::`, with the lists in `use` written out.
fn paths(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, start) in code.match_indices("crate::") {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        if code[..at].chars().next_back().is_some_and(is_word) {
            continue;
        }
        let rest = &code[at + start.len()..];
        let is_import = code[..at].ends_with("use ");
        let len = match is_import {
            true => rest.find(';').unwrap_or(rest.len()),
            false => rest.find(|c: char| !is_word(c) && c != ':').unwrap_or(rest.len()),
        };
        let tree: String = rest[..len].chars().filter(|c| !c.is_whitespace()).collect();
        expand("", &tree, &mut found);
    }
    found
}

/// Adds the paths of one tree of `use`.
fn expand(prefix: &str, tree: &str, into: &mut Vec<String>) {
    let Some((head, rest)) = tree.split_once('{') else {
        into.push(format!("{prefix}{tree}"));
        return;
    };
    let (prefix, list) = (format!("{prefix}{head}"), rest.trim_end_matches('}'));
    let (mut depth, mut begin) = (0, 0);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                expand(&prefix, &list[begin..at], into);
                begin = at + 1;
            }
            _ => {}
        }
    }
    if begin < list.len() {
        expand(&prefix, &list[begin..], into);
    }
}

/// The modules that each module uses, of those that are files.
fn arrows(files: &[(String, String)]) -> BTreeMap<String, BTreeSet<String>> {
    let modules: BTreeSet<String> = files.iter().map(|(name, _)| module_of(name)).collect();
    let file_of = |path: &str| {
        let ends = path.match_indices("::").map(|(at, _)| at).chain([path.len()]);
        ends.map(|end| &path[..end])
            .filter(|path| modules.contains(*path))
            .last()
            .map(str::to_owned)
    };
    let arrows = files.iter().map(|(name, code)| {
        let module = module_of(name);
        let used: BTreeSet<String> = paths(code).iter().filter_map(|path| file_of(path)).collect();
        (module.clone(), used.into_iter().filter(|used| *used != module).collect())
    });
    arrows.collect()
}

/// Removes, again and again, what uses nothing that is left: circles remain, and what uses them.
fn circles(mut arrows: BTreeMap<String, BTreeSet<String>>) -> BTreeMap<String, BTreeSet<String>> {
    loop {
        let left: BTreeSet<String> = arrows.keys().cloned().collect();
        let before = arrows.len();
        arrows.retain(|_, used| {
            used.retain(|used| left.contains(used));
            !used.is_empty()
        });
        if arrows.len() == before {
            return arrows;
        }
    }
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let faults = circles(arrows(&code())).into_iter().map(|(module, used)| {
        let used: Vec<&str> = used.iter().map(String::as_str).collect();
        format!("{module} is in a circle, or uses one: {}", used.join(", "))
    });
    refuse(faults.collect());
}

#[test]
fn circles_are_found() {
    let file = |name: &str, code: &str| (name.to_owned(), code.to_owned());
    let files = [
        file("a/mod.rs", "use crate::a::b::{self, c::D};"),
        file("a/b.rs", "fn f() { crate::a::c::g() }"),
        file("a/c.rs", "use crate::a::\n    {b::F, E};"),
        file("d.rs", "use crate::e::G;"),
        file("e.rs", ""),
    ];
    let found = circles(arrows(&files));
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(names, ["a", "a::b", "a::c"]);
    assert!(found["a::c"].contains("a") && found["a::c"].contains("a::b"));
}

/// How many packages an embedded broker may bring, itself included.
const EMBEDDED_PACKAGES_MAX: usize = 50;

#[test]
fn an_embedded_broker_brings_few_packages_and_none_of_the_command_line() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--no-default-features", "--edges", "normal"])
        .args(["--prefix", "none", "--format", "{p}", "--color", "never"])
        .current_dir(root())
        .output()
        .unwrap();
    let text = String::from_utf8(tree.stdout).unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let names = text.lines().filter_map(|line| line.split_whitespace().next());
    let packages: BTreeSet<&str> = names.collect();
    assert!(packages.len() <= EMBEDDED_PACKAGES_MAX, "{} packages: {packages:?}", packages.len());
    for unwanted in ["clap", "toml", "serde_json", "matchers", "tracing-subscriber"] {
        assert!(!packages.contains(unwanted), "{unwanted}");
    }
    let page = fs::read_to_string(root().join("docs/ci/rust.md")).unwrap();
    let stated = format!("at most {EMBEDDED_PACKAGES_MAX} packages");
    assert!(page.contains(&stated), "docs/ci/rust.md does not say {stated:?}");
}
