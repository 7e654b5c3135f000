//! What depends on the operating system: the form for Linux, and with `tests/rustc-portable` the one
//! for all others.

use std::fs;
use std::process::{Command, Stdio};

use ottla::platform;

use crate::hang::Watched;
use crate::tidy::root;

/// The public functions of a file of `src/platform`: names, parameters without the underscore of
/// unused ones, results.
fn functions(file: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join("src/platform").join(file)).unwrap();
    let heads = text.lines().filter(|line| line.starts_with("pub fn "));
    heads.map(|line| line.replace("(_", "(").replace(" _", " ")).collect()
}

#[test]
fn both_forms_have_the_same_functions() {
    assert!(functions("linux.rs").len() > 5);
    assert_eq!(functions("linux.rs"), functions("portable.rs"));
}

#[test]
fn a_process_that_has_ended_is_a_zombie_until_it_is_waited_for() {
    let _watched = Watched::begin();
    let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
    let pid = child.id() as i32;
    assert!(!platform::is_zombie(pid));
    drop(child.stdin.take());
    while !platform::is_zombie(pid) {
        std::thread::yield_now();
    }
    child.wait().unwrap();
    assert!(!platform::is_zombie(pid));
    assert!(platform::command_line(pid).is_none_or(|line| line.is_empty()));
}

#[test]
fn the_command_line_of_a_process_is_known() {
    let line = platform::command_line(std::process::id() as i32).unwrap();
    let program = std::env::args().next().unwrap();
    assert!(line.contains(&program), "{line}");
}
