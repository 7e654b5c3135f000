//! Makes the messages of Kafka's protocol from `schemas/`: one Rust module each, which
//! `src/protocol/messages.rs` includes.

mod emit;
mod names;
mod schema;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    println!("cargo::rerun-if-changed=schemas");
    println!("cargo::rerun-if-changed=build");
    let older = fs::read_to_string(here.join("schemas/older")).expect("schemas/older is there");
    let messages: Vec<schema::Message> = files(&here.join("schemas"))
        .iter()
        .map(|path| {
            let text = fs::read_to_string(path).expect("a schema is readable");
            let mut message =
                schema::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            message.add_older_versions(&older);
            message
        })
        .collect();
    let mut out = String::new();
    messages.iter().for_each(|message| emit::message(&mut out, message));
    emit::table(&mut out, &messages);
    emit::list(&mut out, &messages);
    let target = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("messages.rs");
    let mut whole = String::new();
    writeln!(whole, "// Made from schemas/ by build/main.rs.\n{out}").expect("memory");
    fs::write(target, whole).expect("the output directory is writable");
}

/// Returns the schema files below a directory, in order.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("schemas/ is there") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "schema") {
            found.push(path);
        }
    }
    found.sort();
    found
}
