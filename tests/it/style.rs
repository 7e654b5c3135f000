//! The language of source and pages, as far as a program can check it.

use std::fs;

use crate::tidy::{refuse, root, shown, sources};

/// Words that stood for something more exact, or that only dictionaries use.
const UNWANTED: &[&str] = &["anew", "nobody", "so many", "somebody", "told", "who asks", "whoever"];

const COLUMNS_MAX: usize = 100;

/// Every file of src/, its path and its text.
fn texts() -> Vec<(String, String)> {
    let read = |path| (shown(path), fs::read_to_string(path).unwrap());
    sources(&root().join("src")).iter().map(|path| read(path)).collect()
}

/// Returns true if the text has these words, not as a part of others.
fn has_words(line: &str, words: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(words).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + words.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

#[test]
fn words_that_say_less_than_others_are_not_used() {
    let mut all = texts();
    for dir in ["benches", "build", "fuzz/fuzz_targets", "tests"] {
        let names_them = |path: &std::path::PathBuf| path.ends_with("tests/it/style.rs");
        let paths = sources(&root().join(dir));
        let read = |path: &std::path::PathBuf| (shown(path), fs::read_to_string(path).unwrap());
        all.extend(paths.iter().filter(|path| !names_them(path)).map(read));
    }
    // CONTRIBUTING.md shows some of them as examples.
    let pages = ["README.md", "CHANGELOG.md", "SECURITY.md"].map(|page| root().join(page));
    let mut files = Vec::new();
    crate::tidy::files(&root().join("docs"), &mut files);
    files.extend(pages);
    let is_page = |path: &&std::path::PathBuf| path.extension().is_some_and(|e| e == "md");
    for page in files.iter().filter(is_page) {
        all.push((shown(page), fs::read_to_string(page).unwrap()));
    }
    let mut faults = Vec::new();
    for (name, text) in all {
        for (number, line) in text.lines().enumerate() {
            let line = line.to_lowercase();
            for words in UNWANTED.iter().filter(|words| has_words(&line, words)) {
                faults.push(format!("{name}:{}: {words}", number + 1));
            }
        }
    }
    refuse(faults);
}

/// The name of the function that begins on this line.
fn function_name(line: &str) -> Option<&str> {
    let (before, name) = line.trim_start().split_once("fn ")?;
    let is_keyword = |word: &str| word.starts_with("pub") || ["async", "const"].contains(&word);
    let end = name.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    before.split_whitespace().all(is_keyword).then(|| &name[..end])
}

#[test]
fn names_of_functions_are_without_those_words_too() {
    let dirs = ["src", "tests", "benches"];
    let mut faults = Vec::new();
    for path in dirs.iter().flat_map(|dir| sources(&root().join(dir))) {
        let text = fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            let Some(name) = function_name(line) else { continue };
            let name = name.replace('_', " ");
            for words in UNWANTED.iter().filter(|words| has_words(&name, words)) {
                faults.push(format!("{}:{}: {words}", shown(&path), number + 1));
            }
        }
    }
    refuse(faults);
}

#[test]
fn no_line_of_source_is_longer_than_100_columns() {
    let mut faults = Vec::new();
    for (name, text) in texts() {
        for (number, line) in text.lines().enumerate() {
            let columns = line.chars().count();
            if columns > COLUMNS_MAX {
                faults.push(format!("{name}:{}: {columns} columns", number + 1));
            }
        }
    }
    refuse(faults);
}

/// The line where a public function begins.
fn is_public_function(line: &str) -> bool {
    let line = line.trim_start();
    let Some(rest) = line.strip_prefix("pub ").or(line.strip_prefix("pub(crate) ")) else {
        return false;
    };
    ["fn ", "async fn ", "const fn "].iter().any(|begin| rest.starts_with(begin))
}

/// Returns true for "Returns", "Appends": a verb in the third person.
fn is_verb(word: &str) -> bool {
    let word = word.trim_end_matches([',', ';']);
    word.ends_with('s') && word.starts_with(char::is_uppercase) && word.len() > 2
}

#[test]
fn documentation_of_public_functions_begins_with_a_verb() {
    let mut faults = Vec::new();
    for (name, text) in texts() {
        let mut first = None;
        for (number, line) in text.lines().enumerate() {
            let trimmed = line.trim_start();
            if let Some(doc) = trimmed.strip_prefix("///") {
                if doc.starts_with(" Errors:") {
                    faults.push(format!("{name}:{}: a heading, # Errors", number + 1));
                }
                first.get_or_insert_with(|| doc.trim().to_owned());
                continue;
            }
            if trimmed.starts_with("#[") {
                continue;
            }
            let begins: Option<String> = first.take();
            let word = begins.as_deref().and_then(|doc| doc.split_whitespace().next());
            if is_public_function(line) && word.is_some_and(|word| !is_verb(word)) {
                faults.push(format!("{name}:{}: {}", number + 1, begins.unwrap_or_default()));
            }
        }
    }
    refuse(faults);
}
