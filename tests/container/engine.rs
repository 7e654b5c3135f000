//! Docker's own client, and things that are removed when they are dropped.

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// The small image.
pub const IMAGE: &str = "ottla:test";
/// The one with a shell, for the modules of Testcontainers.
pub const WITH_SHELL: &str = "ottla-testcontainers:8.0.0";
/// kcat alone.
pub const KCAT: &str = "ottla-test-kcat";

/// Port 9092 of this machine is published by one test at a time.
static PORT_9092: Mutex<()> = Mutex::new(());

/// Hold port 9092 of this machine.
pub fn port_9092() -> MutexGuard<'static, ()> {
    PORT_9092.lock().unwrap_or_else(|p| p.into_inner())
}

fn client() -> Command {
    let mut command = Command::new("timeout");
    let docker = std::env::var_os("OTTLA_CONTAINER_CLIENT");
    command.arg("120").arg(docker.expect("tests/container/run builds the images and sets it"));
    command
}

/// Run `docker` with these words.
pub fn docker(words: &[&str]) -> Output {
    client().args(words).stdin(Stdio::null()).output().unwrap()
}

/// Run any command that must do well; what it said.
pub fn said(mut command: Command) -> String {
    let output = command.output().unwrap();
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{out}\n{err}", output.status);
    out
}

/// Run `docker` with words that must do well; what it said, without the line's end.
pub fn well(words: &[&str]) -> String {
    let mut command = client();
    command.args(words).stdin(Stdio::null());
    said(command).trim_end().to_owned()
}

/// Run `docker` with something on its stdin.
pub fn fed(words: &[&str], input: &str) -> String {
    let mut command = client();
    let mut child = command
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {}\n{err}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A name that no one else has.
fn unique(what: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("ottla-{what}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Something of the engine's, removed with these words and its name.
pub struct EngineObject {
    pub name: String,
    removal: &'static [&'static str],
}

impl Drop for EngineObject {
    fn drop(&mut self) {
        if std::thread::panicking() && self.removal[0] == "rm" {
            let log = docker(&["logs", "--tail", "30", &self.name]);
            println!("{}:", self.name);
            println!("{}", String::from_utf8_lossy(&log.stdout));
            println!("{}", String::from_utf8_lossy(&log.stderr));
        }
        docker(&[self.removal, &[&self.name]].concat());
    }
}

/// A network of its own.
pub fn network() -> EngineObject {
    let name = unique("net");
    well(&["network", "create", &name]);
    EngineObject { name, removal: &["network", "rm"] }
}

/// A volume of its own.
pub fn volume() -> EngineObject {
    let name = unique("vol");
    well(&["volume", "create", &name]);
    EngineObject { name, removal: &["volume", "rm", "-f"] }
}

/// A container in the background that is healthy.
pub fn started(words: &[&str]) -> EngineObject {
    let container = begun(words);
    healthy(&container.name);
    container
}

/// A container in the background.
pub fn begun(words: &[&str]) -> EngineObject {
    let name = unique("broker");
    let container = EngineObject { name: name.clone(), removal: &["rm", "-f", "-v"] };
    well(&[&["run", "-d", "--name", &name], words].concat());
    container
}

/// Wait until the image's own health check is content.
pub fn healthy(container: &str) {
    until("the container is healthy", || {
        let state =
            well(&["inspect", "-f", "{{.State.Status}} {{.State.Health.Status}}", container]);
        assert!(state.starts_with("running"), "{state}");
        (state == "running healthy").then_some(())
    });
}

/// Wait for a condition; a minute is too long.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The port of this machine that leads to that port of the container.
pub fn published(container: &str, port: u16) -> String {
    let places = well(&["port", container, &format!("{port}/tcp")]);
    let place = places.lines().next().unwrap();
    place.rsplit_once(':').unwrap().1.to_owned()
}

/// kcat on this machine, ended after a minute.
pub fn kcat(words: &[&str]) -> Command {
    let mut command = Command::new("timeout");
    command.args(["60", "kcat", "-X", "message.timeout.ms=20000"]).args(words);
    command
}

/// Send a line from this machine.
pub fn send(bootstrap: &str, topic: &str, line: &str) {
    assert!(well_sent(bootstrap, topic, line), "sending {line} to {bootstrap}");
}

/// Send a line from this machine; false if it did not arrive.
pub fn well_sent(bootstrap: &str, topic: &str, line: &str) -> bool {
    let mut child =
        kcat(&["-b", bootstrap, "-t", topic, "-P"]).stdin(Stdio::piped()).spawn().unwrap();
    // It may have given up already.
    let _ = child.stdin.take().unwrap().write_all(line.as_bytes());
    child.wait().unwrap().success()
}

/// All lines of a topic, read from this machine.
pub fn lines(bootstrap: &str, topic: &str) -> Vec<String> {
    let words = ["-b", bootstrap, "-t", topic, "-C", "-o", "beginning", "-e", "-q"];
    said(kcat(&words)).lines().map(str::to_owned).collect()
}
