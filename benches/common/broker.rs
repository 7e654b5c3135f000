//! The broker as its own process.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running broker; killed when dropped.
pub struct Broker {
    child: Child,
    /// Where clients reach it.
    pub address: String,
}

impl Broker {
    /// Start on a free port with its data in `dir`/data, and wait until clients can connect.
    pub fn start(dir: &Path, set: &[&str]) -> Broker {
        let ready = dir.join("ready");
        let _ = std::fs::remove_file(&ready);
        let mut child = command(dir, "127.0.0.1:0", set)
            .arg("--ready-file")
            .arg(&ready)
            .spawn()
            .expect("the broker can be started");
        let begun = Instant::now();
        while !ready.exists() {
            assert!(child.try_wait().unwrap().is_none(), "the broker did not start");
            assert!(begun.elapsed() < Duration::from_secs(60), "the broker does not become ready");
            std::thread::sleep(Duration::from_millis(2));
        }
        let address = std::fs::read_to_string(&ready).unwrap().trim().to_owned();
        Broker { child, address }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The broker's command line with its data in `dir`/data, quiet. `OTTLA_BENCH_BROKER` names another
/// binary to measure than the one that was just built.
pub fn command(dir: &Path, listen: &str, set: &[&str]) -> Command {
    let built = || env!("CARGO_BIN_EXE_ottla").into();
    let mut command = Command::new(std::env::var_os("OTTLA_BENCH_BROKER").unwrap_or_else(built));
    command.args(["serve", "--log", "warn", "--listen", listen, "--data-dir"]);
    command.arg(dir.join("data")).stdout(Stdio::null());
    for pair in set {
        command.args(["--set", pair]);
    }
    command
}
