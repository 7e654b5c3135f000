//! Sizes, bans and layers of the house, so that no reviewer has to look for them.

use std::fs;
use std::path::{Path, PathBuf};

/// Each room may use only the rooms named behind it.
const ROOMS: &[(&str, &[&str])] = &[
    ("types", &[]),
    ("clock", &[]),
    ("config", &[]),
    ("storage", &["types"]),
    ("wire", &["storage", "types"]),
    ("log", &["storage", "config", "clock", "types"]),
    ("metadata", &["log", "config", "storage", "clock", "types"]),
    ("topics", &["log", "metadata", "storage", "config", "clock", "types"]),
    ("fetch", &["topics", "log", "storage", "clock", "types"]),
    ("broker", &["topics", "fetch", "metadata", "log", "config", "storage", "clock", "types"]),
    (
        "handlers",
        &["broker", "fetch", "topics", "wire", "log", "metadata", "config", "storage", "types"],
    ),
    ("server", &["handlers", "broker", "wire", "storage"]),
    ("cli", &["server", "broker", "config", "storage", "clock"]),
];

fn sources(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

/// Every source file: its path below src/ and its code before the tests, without comments.
fn code() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    sources(&root, &mut paths);
    let is_test =
        |p: &PathBuf| p.ends_with("tests.rs") || p.components().any(|c| c.as_os_str() == "tests");
    paths
        .into_iter()
        .filter(|path| !is_test(path))
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let before = text.split("#[cfg(test)]").next().unwrap_or_default();
            let lines =
                before.lines().map(|l| if l.trim_start().starts_with("//") { "" } else { l });
            let name = path.strip_prefix(&root).unwrap().display().to_string();
            (name, lines.collect::<Vec<_>>().join("\n"))
        })
        .collect()
}

fn refuse(faults: Vec<String>) {
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_file_is_longer_than_500_lines() {
    let long = code().into_iter().filter(|(_, code)| code.lines().count() > 500);
    refuse(
        long.map(|(name, _)| format!("{name}: over 500 lines; which noun is missing?")).collect(),
    );
}

#[test]
fn rooms_use_only_what_stands_below_them() {
    let mut faults = Vec::new();
    for (name, code) in code() {
        let room = name.split(['/', '.']).next().unwrap_or_default();
        let Some((_, allowed)) = ROOMS.iter().find(|(r, _)| *r == room) else { continue };
        for used in code.split("crate::").skip(1) {
            let used: String =
                used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if used != room && !allowed.contains(&used.as_str()) {
                faults.push(format!("{name}: {room} may not use {used}"));
            }
        }
    }
    refuse(faults);
}

#[test]
fn time_and_disk_enter_in_one_place() {
    let bans: &[(&str, &[&str])] = &[
        ("Instant::now", &["clock.rs"]),
        ("SystemTime::now", &["clock.rs"]),
        ("std::fs", &["storage/disk.rs", "storage/datadir.rs", "cli/serve.rs"]),
        ("tokio::fs", &[]),
        ("pub use", &[]),
    ];
    let mut faults = Vec::new();
    for (name, code) in code() {
        for (banned, places) in bans {
            if code.contains(banned) && !places.contains(&name.as_str()) {
                faults.push(format!("{name}: {banned} belongs in {places:?}"));
            }
        }
    }
    refuse(faults);
}
