//! The broker as its own process, in a directory of its own.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A running broker; killed when dropped.
pub struct Ottla {
    child: Child,
    dir: tempfile::TempDir,
    flags: Vec<String>,
    pub address: String,
}

impl Ottla {
    /// Start on a free port.
    pub fn start() -> Ottla {
        Ottla::start_with(&[])
    }

    /// Start on a free port, with these configs (`name=value`).
    pub fn start_with(configs: &[&str]) -> Ottla {
        Ottla::start_in(tempfile::tempdir().unwrap(), configs)
    }

    /// Start on a free port of localhost, as the broker of a lab: its clients know it by that name.
    pub fn on_localhost(configs: &[&str]) -> Ottla {
        let dir = tempfile::tempdir().unwrap();
        let flags = flags(configs);
        let (child, address) = spawn(&dir, &flags, "localhost:0");
        Ottla { child, dir, flags, address }
    }

    /// Start on a free port with the data directory `data` below this one.
    pub fn start_in(dir: tempfile::TempDir, configs: &[&str]) -> Ottla {
        let flags = flags(configs);
        let (child, address) = spawn(&dir, &flags, "127.0.0.1:0");
        Ottla { child, dir, flags, address }
    }

    /// The configs of the next start.
    pub fn configure(&mut self, configs: &[&str]) {
        self.flags = flags(configs);
    }

    /// End it as a crash does, and start it again on the same port.
    pub fn kill_and_restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        (self.child, self.address) = spawn(&self.dir, &self.flags, &self.address);
    }

    /// Ask it to stop; true if it exited with 0.
    pub fn stop(&mut self) -> bool {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap().success()
    }

    /// Stop it in good order; gives the directory.
    pub fn stop_for_good(mut self) -> tempfile::TempDir {
        assert!(self.stop());
        std::mem::replace(&mut self.dir, tempfile::tempdir().unwrap())
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether a transaction is open in one of these partitions of a topic.
    pub fn has_open_transactions(&self, topic: &str, partitions: Range<usize>) -> bool {
        let places: String = partitions.map(|number| format!(" -t {topic}:{number}:-1")).collect();
        let ends = |isolation| {
            self.bash(&format!("kcat -b localhost:9092 -Q{places} -X isolation.level={isolation}"))
        };
        ends("read_committed") != ends("read_uncommitted")
    }

    /// The bytes of a partition's first log file.
    pub fn log(&self, partition: &str) -> Vec<u8> {
        let name = "00000000000000000000.log";
        std::fs::read(self.data_dir().join(partition).join(name)).unwrap()
    }

    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Run a line of a lab text in bash, in a directory of its own, against this broker.
    pub fn bash(&self, line: &str) -> String {
        Broker::bash(self, line)
    }
}

/// Ottla, or what it is compared with.
pub trait Broker: Send + Sync {
    fn address(&self) -> &str;

    /// A directory of its own.
    fn dir(&self) -> &Path;

    /// Run a line of a lab text in bash, in that directory, against this broker.
    fn bash(&self, line: &str) -> String {
        let line = line.replace("localhost:9092", self.address());
        let output = Command::new("timeout")
            .args(["60", "bash", "-c", &line])
            .current_dir(self.dir())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {}\n{said}", output.status);
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Broker for Arc<dyn Broker> {
    fn address(&self) -> &str {
        (**self).address()
    }

    fn dir(&self) -> &Path {
        (**self).dir()
    }
}

impl Broker for Ottla {
    fn address(&self) -> &str {
        &self.address
    }

    fn dir(&self) -> &Path {
        self.dir.path()
    }
}

impl Drop for Ottla {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn flags(configs: &[&str]) -> Vec<String> {
    configs.iter().flat_map(|config| ["--set", config]).map(str::to_owned).collect()
}

fn spawn(dir: &tempfile::TempDir, flags: &[String], listen: &str) -> (Child, String) {
    let ready = dir.path().join("ready");
    let _ = std::fs::remove_file(&ready);
    let mut child = Command::new(env!("CARGO_BIN_EXE_ottla"))
        .args(["serve", "--listen", listen])
        .args(flags)
        .arg("--data-dir")
        .arg(dir.path().join("data"))
        .arg("--ready-file")
        .arg(&ready)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while !ready.exists() {
        assert!(child.try_wait().unwrap().is_none(), "the broker did not start");
        assert!(begun.elapsed() < Duration::from_secs(60), "the broker does not become ready");
        std::thread::sleep(Duration::from_millis(5));
    }
    let bound = std::fs::read_to_string(&ready).unwrap().trim().to_owned();
    match listen.strip_prefix("localhost:").zip(bound.rsplit_once(':')) {
        Some((_, (_, port))) => (child, format!("localhost:{port}")),
        None => (child, bound),
    }
}
