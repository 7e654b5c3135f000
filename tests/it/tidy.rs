//! Sizes, bans and layers of the house, so that no reviewer has to look for them.

use std::fs;
use std::path::{Path, PathBuf};

use ottla::broker::loggers;

/// Each room may use only the rooms named behind it.
const ROOMS: &[(&str, &[&str])] = &[
    ("types", &[]),
    ("reference", &[]),
    ("sync", &[]),
    ("clock", &[]),
    ("config", &[]),
    ("machine", &["log", "clock", "types"]),
    ("protocol", &[]),
    ("platform", &[]),
    ("groups", &["machine", "protocol", "sync", "log", "clock", "types"]),
    ("transactions", &["machine", "protocol", "clock"]),
    ("storage", &["platform", "sync", "types"]),
    ("wire", &["protocol", "storage"]),
    ("log", &["storage", "config", "clock", "types"]),
    ("metadata", &["sync", "log", "config", "storage", "protocol", "clock", "types"]),
    ("topics", &["sync", "log", "metadata", "storage", "config", "clock", "types"]),
    ("fetch", &["sync", "topics", "log", "storage", "clock", "types"]),
    (
        "coordinator",
        &["machine", "groups", "transactions", "topics", "log", "storage", "clock", "types"],
    ),
    ("quotas", &["sync", "metadata", "clock"]),
    (
        "broker",
        &[
            "sync",
            "coordinator",
            "quotas",
            "groups",
            "machine",
            "transactions",
            "topics",
            "fetch",
            "metadata",
            "log",
            "config",
            "storage",
            "clock",
            "types",
        ],
    ),
    (
        "handlers",
        &[
            "broker",
            "quotas",
            "fetch",
            "topics",
            "groups",
            "machine",
            "transactions",
            "wire",
            "log",
            "metadata",
            "protocol",
            "config",
            "storage",
            "clock",
            "types",
        ],
    ),
    ("server", &["sync", "handlers", "broker", "wire", "config", "storage", "clock", "platform"]),
    ("client", &["storage", "types"]),
    ("embedded", &["server", "broker", "client", "config", "storage", "clock", "types"]),
    (
        "cli",
        &[
            "server",
            "broker",
            "client",
            "metadata",
            "groups",
            "transactions",
            "machine",
            "config",
            "storage",
            "platform",
            "clock",
            "reference",
            "types",
        ],
    ),
];

/// The files that take a lock of the standard library, and what each lock guards. A new lock is
/// a decision: put it here, and say in docs/locks.md what may be held with it.
const LOCKS: &[(&str, &str)] = &[
    ("broker/advertised.rs", "where clients are sent"),
    ("broker/loggers.rs", "the levels of the loggers"),
    ("broker/background_errors.rs", "what fails in the background"),
    ("fetch/sessions.rs", "the fetch sessions"),
    ("metadata/producer_ids.rs", "the block of producer ids"),
    ("metadata/store.rs", "the metadata log; the image"),
    ("quotas/enforcer.rs", "the meters of quotas"),
    ("storage/fd_cache.rs", "names and descriptors of open files"),
    ("server/request_permit.rs", "the memory of requests"),
    ("server/connection_limits.rs", "who is connected"),
    ("storage/index.rs", "the entries of an index"),
    ("storage/txn_index.rs", "the aborted transactions of a segment"),
    ("storage/sim_disk.rs", "the simulated disk"),
    ("topics/auto_creation.rs", "how many topics may be created now by their names"),
    ("topics/checkpoints.rs", "what the checkpoints have, while they are written"),
    ("topics/lifecycle.rs", "who compacts the log"),
    ("topics/partition.rs", "the log; the view"),
    ("topics/recovery_queue.rs", "which logs are to be recovered next"),
    ("topics/registry.rs", "name and id to topic"),
    ("topics/service.rs", "who changes topics, and what is the default for them"),
    ("topics/waiters.rs", "who waits"),
];

/// The pages that tests or tools write; they are as long as what they list.
const GENERATED_PAGES: &[&str] =
    &["docs/compatibility.md", "docs/compatibility-suites.md", "docs/configuration.md"];

/// What no one needs to find written here: hosts that packages come from (their ordinary clients
/// know them), and places outside of the repository.
const NOT_OURS_TO_NAME: &[&str] = &[
    concat!("crates", ".io"),
    concat!("repo1", ".maven.org"),
    concat!("registry", ".npmjs.org"),
    concat!("pypi", ".org"),
    concat!("proxy", ".golang.org"),
    concat!("deb", ".debian.org"),
    concat!("ghcr", ".io"),
    concat!("..", "/shared"),
];

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `dir`, but for what is built, fetched or git's own.
pub fn files(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy();
        if matches!(&*name, "target" | ".git" | "node_modules" | "__pycache__") {
            continue;
        }
        if path.is_dir() { files(&path, into) } else { into.push(path) }
    }
}

pub fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    files(dir, &mut all);
    all.retain(|path| path.extension().is_some_and(|e| e == "rs"));
    all
}

pub fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// Every source file: its path below src/ and its code before the tests, without comments.
pub fn code() -> Vec<(String, String)> {
    let root = root().join("src");
    let is_test =
        |p: &PathBuf| p.ends_with("tests.rs") || p.components().any(|c| c.as_os_str() == "tests");
    sources(&root)
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

pub fn refuse(faults: Vec<String>) {
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
        if matches!(room, "lib" | "main") {
            continue;
        }
        let Some((_, allowed)) = ROOMS.iter().find(|(r, _)| *r == room) else {
            faults.push(format!("{name}: the room {room} has no row; what may it use?"));
            continue;
        };
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
        (
            "std::fs",
            &[
                "storage/disk.rs",
                "storage/datadir.rs",
                "server/control.rs",
                "platform/linux.rs",
                "platform/portable.rs",
                "cli/serve.rs",
                "cli/daemon.rs",
                "cli/volume.rs",
            ],
        ),
        ("tokio::fs", &[]),
        ("std::sync::Mutex<", &["sync.rs"]),
        ("std::sync::RwLock<", &["sync.rs"]),
    ];
    refuse(banned(bans));
}

#[test]
fn what_is_imported_is_imported_from_where_it_is_defined() {
    // In tests a file may look at itself; code() leaves them out.
    // The one name at the root is for other programs.
    refuse(banned(&[("pub use ", &["lib.rs"]), ("use super::", &[])]));
    let root = code().into_iter().find(|(name, _)| name == "lib.rs").unwrap().1;
    let exported: Vec<&str> = root.lines().filter(|line| line.contains("pub use ")).collect();
    assert_eq!(exported, ["pub use embedded::broker::Broker;"]);
}

#[test]
fn only_the_command_line_prints_and_nothing_is_left_to_do() {
    let printing: &[&str] = &["cli/serve.rs"];
    refuse(banned(&[
        ("println!", printing),
        ("eprint!", printing),
        (" print!", printing),
        ("dbg!", &[]),
        ("todo!", &[]),
        ("unimplemented!", &[]),
    ]));
}

#[test]
fn every_room_that_writes_lines_has_a_logger() {
    let mut faults = Vec::new();
    for (name, code) in code() {
        let room = name.split(['/', '.']).next().unwrap_or_default();
        let logger = format!("ottla.{room}");
        if code.contains("tracing::") && !loggers::NAMES.contains(&logger.as_str()) {
            faults.push(format!("{name}: the lines of {room} are no logger's"));
        }
    }
    refuse(faults);
}

/// The files whose code holds a text that belongs in none but those behind it.
fn banned(bans: &[(&str, &[&str])]) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, code) in code() {
        for (banned, places) in bans {
            if code.contains(banned) && !places.contains(&name.as_str()) {
                let where_then = match places {
                    [] => "nowhere".to_owned(),
                    places => places.join(", "),
                };
                faults.push(format!("{name}: {banned} belongs {where_then}"));
            }
        }
    }
    faults
}

#[test]
fn a_lock_is_taken_where_it_is_known() {
    let mut faults = Vec::new();
    let takes_lock = |code: &str| {
        let code: String = code.split_whitespace().collect();
        // A lock of tokio's is awaited.
        let locks = code.split(".lock()").skip(1).any(|after| !after.starts_with(".await"));
        let others = [".lock_or_poisoned()", ".try_lock()", ".try_write()"];
        let shares = code.contains("crate::sync::") && code.contains("RwLock");
        locks || shares || others.iter().any(|call| code.contains(call))
    };
    for (name, code) in code().into_iter().filter(|(name, _)| name != "sync.rs") {
        let is_listed = LOCKS.iter().any(|(file, _)| *file == name);
        if takes_lock(&code) != is_listed {
            faults.push(if is_listed {
                format!("{name}: takes no lock any more; take it off the list")
            } else {
                format!("{name}: takes a lock; is that decided? Then put it on the list")
            });
        }
    }
    for (file, _) in LOCKS {
        if !root().join("src").join(file).exists() {
            faults.push(format!("{file} is on the list of locks, but is not there"));
        }
    }
    refuse(faults);
}

/// Name and length, in lines, of every function of a file that rustfmt has written.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let indent = &line[..line.len() - code.len()];
        let words = ["pub ", "pub(crate) ", "const ", "async ", "unsafe "];
        let mut rest = code;
        while let Some(after) = words.iter().find_map(|word| rest.strip_prefix(word)) {
            rest = after;
        }
        let Some(rest) = rest.strip_prefix("fn ") else { continue };
        let name = rest.split(['(', '<']).next().unwrap_or_default().to_owned();
        let closes = |line: &&str| match line.strip_prefix(indent) {
            Some(rest) => rest == "}" || rest.starts_with(") ") && rest.ends_with(';'),
            None => false,
        };
        let is_on_one_line = line.ends_with(['}', ';']);
        let more = lines[at..].iter().position(closes).filter(|_| !is_on_one_line);
        found.push((name, more.unwrap_or(0) + 1));
    }
    found
}

#[test]
fn no_function_is_longer_than_70_lines() {
    let mut faults = Vec::new();
    for path in sources(&root().join("src")) {
        for (name, lines) in functions(&fs::read_to_string(&path).unwrap()) {
            if lines > 70 {
                let file = shown(&path);
                faults.push(format!("{file}: fn {name} has {lines} lines; which verb is missing?"));
            }
        }
    }
    refuse(faults);
}

#[test]
fn functions_are_measured_from_their_first_line_to_their_last() {
    let body = "        a();\n".repeat(3);
    let text = format!(
        "impl X {{\n    pub async fn long(\n        &self,\n    ) -> u8 {{\n        if b {{\n\
         {body}        }}\n    }}\n\n    fn short() {{}}\n}}\n\ntrait Y {{\n    fn said(\n\
         \x20       &self,\n    ) -> u8;\n}}\n"
    );
    let found = functions(&text);
    let wanted = [("long", 9), ("short", 1), ("said", 3)];
    assert_eq!(found, wanted.map(|(name, lines)| (name.to_owned(), lines)));
}

/// README.md and the pages below docs/.
fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    files(&root().join("docs"), &mut pages);
    pages.retain(|page| page.extension().is_some_and(|e| e == "md"));
    pages.push(root().join("README.md"));
    pages
}

#[test]
fn no_page_is_longer_than_300_lines() {
    let mut faults = Vec::new();
    for page in pages() {
        let name = shown(&page);
        let lines = fs::read_to_string(&page).unwrap().lines().count();
        if lines > 300 && !GENERATED_PAGES.contains(&&*name) {
            faults.push(format!("{name} has {lines} lines"));
        }
    }
    refuse(faults);
}

#[test]
fn every_page_is_in_the_index() {
    let index = fs::read_to_string(root().join("docs/README.md")).unwrap();
    let docs = root().join("docs");
    let mut faults = Vec::new();
    for page in pages() {
        let Ok(name) = page.strip_prefix(&docs) else { continue };
        if name != Path::new("README.md") && !index.contains(&format!("({})", name.display())) {
            faults.push(format!("docs/README.md has no link to {}", name.display()));
        }
    }
    refuse(faults);
}

/// The anchors of a page's headings, as they are made for Markdown on the web.
fn anchors(page: &str) -> Vec<String> {
    let headings = page.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let text = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        text.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut faults = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for rest in text.split("](").skip(1) {
            let link = rest.split(')').next().unwrap_or_default();
            if link.contains("://") || link.contains(' ') {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let dir = page.parent().unwrap();
            let target = if path.is_empty() { page.clone() } else { dir.join(path) };
            let there = fs::read_to_string(&target);
            let leads = there.is_ok_and(|page| {
                anchor.is_empty() || anchors(&page).iter().any(|known| known == anchor)
            });
            if !leads {
                faults.push(format!("{}: the link {link} leads nowhere", shown(&page)));
            }
        }
    }
    refuse(faults);
}

#[test]
fn what_the_pages_name_is_there() {
    let mut faults = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        // In a line, every second part between backticks is a name.
        for word in text.lines().flat_map(|line| line.split('`').skip(1).step_by(2)) {
            let path = word.split(':').next().unwrap_or_default();
            let is_file = [".rs", ".md", ".toml"].iter().any(|end| path.ends_with(end));
            let is_ours = ["src/", "docs/", "tests/", "config/", "benches/", ".ci/"]
                .iter()
                .any(|dir| path.starts_with(dir));
            let is_path = path.contains('/') && !path.contains([' ', '*', '<']);
            let below = |dir: &str| root().join(dir).join(path).exists();
            if is_path && (is_file || is_ours) && !below("") && !below("src") {
                faults.push(format!("{}: there is no {path}", shown(&page)));
            }
        }
    }
    refuse(faults);
}

#[test]
fn the_page_of_the_labs_names_tests_that_there_are_and_all_of_the_labs() {
    let page = fs::read_to_string(root().join("docs/labs.md")).unwrap();
    let mut faults = Vec::new();
    let named: Vec<_> = page.split('`').filter_map(|word| word.split_once(".rs:")).collect();
    assert!(named.len() > 30, "the page has a table");
    for (path, test) in &named {
        let file = fs::read_to_string(root().join(format!("{path}.rs"))).unwrap_or_default();
        if !tests_of(&file).any(|found| found == *test) {
            faults.push(format!("docs/labs.md: there is no test {test} in {path}.rs"));
        }
    }
    let mut files_of_labs = Vec::new();
    files(&root().join("tests/interop/labs"), &mut files_of_labs);
    for file in files_of_labs {
        let text = fs::read_to_string(&file).unwrap();
        let unnamed = tests_of(&text).filter(|test| named.iter().all(|(_, known)| known != test));
        let fault = |test| format!("{}: docs/labs.md does not have {test}", shown(&file));
        faults.extend(unnamed.map(fault));
    }
    refuse(faults);
}

/// The names of the tests in a file.
fn tests_of(text: &str) -> impl Iterator<Item = &str> {
    let attributed = text.split("#[test]\n").flat_map(|part| part.split("#[tokio::test"));
    attributed.skip(1).filter_map(|rest| {
        let (_, rest) = rest.split_once("fn ")?;
        rest.split('(').next()
    })
}

#[test]
fn the_pages_of_the_house_have_its_rooms_and_locks() {
    let page = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let mut faults = Vec::new();
    for (room, allowed) in ROOMS {
        let allowed = if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") };
        let is_row = |line: &str| {
            let (first, rest) = line.split_once(" | ").unwrap_or_default();
            first.contains(&format!("`{room}`")) && rest.ends_with(&format!("| {allowed} |"))
        };
        if !page.lines().any(is_row) {
            faults.push(format!("docs/architecture.md: {room} may use {allowed}"));
        }
    }
    let locks = fs::read_to_string(root().join("docs/locks.md")).unwrap();
    for (file, guarded) in LOCKS.iter().filter(|(file, _)| !locks.contains(*file)) {
        faults.push(format!("docs/locks.md: {file} has a lock ({guarded})"));
    }
    refuse(faults);
}

#[test]
fn nothing_names_what_is_not_ours_to_name() {
    let mut paths = Vec::new();
    files(root(), &mut paths);
    // Cargo writes where it found a package into its lock file.
    paths.retain(|path| !path.ends_with("Cargo.lock"));
    let mut faults = Vec::new();
    for path in paths {
        let text = fs::read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        for name in NOT_OURS_TO_NAME.iter().filter(|name| text.contains(**name)) {
            faults.push(format!("{}: names {name}", shown(&path)));
        }
    }
    refuse(faults);
}

/// The directory of the pages that show the fixtures, and the directory of the fixtures.
const FIXTURES: (&str, &str) = ("docs/ci", "tests/interop/fixtures");

/// The page with the blocks behind the names of files as these files are; and the names.
fn with_blocks(page: &str, dir: &str) -> (String, Vec<String>) {
    let (mut out, mut named) = (String::new(), Vec::new());
    let mut lines = page.lines();
    let mut file: Option<String> = None;
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push('\n');
        if let Some(rest) = line.strip_prefix(&format!("`{dir}/")) {
            file = rest.split('`').next().map(|name| format!("{dir}/{name}"));
        } else if let Some(name) = file.take_if(|_| line.starts_with("```")) {
            lines.by_ref().find(|line| *line == "```").expect("every block ends");
            out.push_str(&fs::read_to_string(root().join(&name)).unwrap());
            out.push_str("```\n");
            named.push(name);
        }
    }
    (out, named)
}

#[test]
fn the_pages_for_tests_show_the_fixtures_as_they_are() {
    let (dir, fixtures) = FIXTURES;
    let (mut paths, mut all, mut named) = (Vec::new(), Vec::new(), Vec::new());
    files(&root().join(dir), &mut paths);
    files(&root().join(fixtures), &mut all);
    let mut faults = Vec::new();
    for path in paths {
        let page = fs::read_to_string(&path).unwrap();
        let (wanted, shown_here) = with_blocks(&page, fixtures);
        named.extend(shown_here);
        if std::env::var_os("OTTLA_TEST_BLESS").is_some() {
            fs::write(&path, &wanted).unwrap();
        } else if page != wanted {
            faults.push(format!("{} is stale; bless it with OTTLA_TEST_BLESS=1", shown(&path)));
        }
    }
    let not_shown = all.iter().map(|path| shown(path)).filter(|name| {
        // Only the tests of this repository use that file.
        !name.ends_with("package.json") && !named.contains(name)
    });
    faults.extend(not_shown.map(|name| format!("{dir} does not show {name}")));
    refuse(faults);
}

#[test]
fn a_block_is_what_the_file_named_above_it_holds() {
    let page = "`src/main.rs`, of old:\n\n```rust\nfn main() {}\n```\n\n```rust\nother\n```\n";
    let main = fs::read_to_string(root().join("src/main.rs")).unwrap();
    let (page, named) = with_blocks(page, "src");
    let wanted = format!("`src/main.rs`, of old:\n\n```rust\n{main}```\n\n```rust\nother\n```\n");
    assert_eq!((page, named), (wanted, vec!["src/main.rs".to_owned()]));
}

#[test]
fn tests_that_the_pages_name_are_there() {
    let mut faults = Vec::new();
    let mut found = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for word in text.lines().flat_map(|line| line.split('`').skip(1).step_by(2)) {
            let Some((file, test)) = word.split_once(".rs::") else { continue };
            found += 1;
            let code = fs::read_to_string(root().join(format!("{file}.rs"))).unwrap_or_default();
            let before = code.split(&format!("fn {test}()")).next().unwrap();
            let attribute = before.trim_end().trim_end_matches("async").trim_end().lines().last();
            let is_test = before.len() < code.len()
                && attribute
                    .is_some_and(|line| line.starts_with("#[") || line.starts_with("    #["));
            if !is_test {
                faults.push(format!("{}: there is no test {word}", shown(&page)));
            }
        }
    }
    assert!(found > 0, "docs/pain-points.md names tests");
    refuse(faults);
}
