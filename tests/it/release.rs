//! What a release carries, and what `cargo binstall` is binstall of it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn said(output: &Output) -> String {
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {err}", output.status);
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A template of `cargo binstall`, with its values put in.
fn filled(template: &str, target: &str) -> String {
    template
        .replace("{ version }", env!("CARGO_PKG_VERSION"))
        .replace("{ target }", target)
        .replace("{ repo }", "REPOSITORY")
        .replace("{ bin }", "ottla")
        .replace("{ binary-ext }", "")
}

#[test]
fn a_release_is_laid_out_as_cargo_toml_declares_for_binstall() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest: toml::Table =
        fs::read_to_string(root.join("Cargo.toml")).unwrap().parse().unwrap();
    let binstall = &manifest["package"]["metadata"]["binstall"];
    let version = said(&Command::new("rustc").arg("-vV").output().unwrap());
    let target = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();

    let dir = tempfile::tempdir().unwrap();
    let mut release = Command::new(root.join(".ci/release"));
    release.args(["--binary", env!("CARGO_BIN_EXE_ottla")]).arg(dir.path());
    let made = said(&release.output().unwrap());

    let url = filled(binstall["pkg-url"].as_str().unwrap(), target);
    let archive = Path::new(&url).file_name().unwrap();
    assert_eq!(Path::new(&made), dir.path().join(archive));
    assert!(url.starts_with("REPOSITORY/releases/download/v0.") && !url.contains('{'), "{url}");
    let sum = format!("{}.sha256", archive.to_str().unwrap());
    said(&Command::new("sha256sum").args(["-c", &sum]).current_dir(dir.path()).output().unwrap());

    assert_eq!(binstall["pkg-fmt"].as_str(), Some("tgz"));
    let unpack = Command::new("tar").arg("-xzf").arg(&made).current_dir(dir.path()).output();
    said(&unpack.unwrap());
    let program = dir.path().join(filled(binstall["bin-dir"].as_str().unwrap(), target));
    let version = said(&Command::new(&program).arg("--version").output().unwrap());
    assert_eq!(version, format!("ottla {}", env!("CARGO_PKG_VERSION")));
    let beside = program.parent().unwrap();
    for name in
        ["with-ottla", "README.md", "LICENSE", "NOTICE", "config/ottla.toml", "docs/ci/README.md"]
    {
        assert!(beside.join(name).exists(), "{name}");
    }
}
