//! Foreign programs that run beside a test, and waiting for what they do.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// A running program; killed when dropped.
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Start it. What it says goes to the end of this file; the end is shown if the test fails.
    pub fn start(mut command: Command, log: &Path) -> Process {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Process { child, log: log.to_owned() }
    }

    /// End it as a crash does.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ask it to end, and wait until it has.
    pub fn stop(&mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        until("the program ends", || match self.child.try_wait().unwrap() {
            Some(_) => Ok(()),
            None => Err("it still runs".to_owned()),
        });
    }

    /// Wait until it has done this. Fails at once if it ends, and after two minutes.
    pub fn until<T>(&mut self, what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
        until(what, || {
            assert!(self.child.try_wait().unwrap().is_none(), "{what}: the program has ended");
            look()
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let said = std::fs::read(&self.log).unwrap_or_default();
            let tail = &said[said.len().saturating_sub(8 * 1024)..];
            println!("{}:\n{}", self.log.display(), String::from_utf8_lossy(tail));
        }
    }
}

/// Look again and again until it is so; the test fails with the last look after two minutes.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let begun = Instant::now();
    loop {
        match look() {
            Ok(found) => return found,
            Err(seen) => assert!(begun.elapsed() < Duration::from_secs(120), "{what}: {seen}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Returns ports for programs that cannot take a free one and say which. They are not among those
/// that the kernel gives to outgoing connections, one of which could take the port before the
/// program does; no two calls in this process return the same.
pub fn free_ports<const N: usize>() -> [u16; N] {
    const COUNT: u32 = 10_000;
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
    let ephemeral: Vec<u32> = range.split_whitespace().map(|end| end.parse().unwrap()).collect();
    // Where the kernel has left no room, the connection that takes the port is rare at least.
    let first = if ephemeral[0] >= 12_000 { ephemeral[0] - COUNT } else { 65_536 - COUNT };
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Another run of the tests begins elsewhere.
    let begin = std::process::id().wrapping_mul(97);
    let mut candidates = std::iter::repeat_with(|| {
        let next = begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        (first + next % COUNT) as u16
    })
    .take(COUNT as usize)
    .filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    [(); N].map(|()| candidates.next().expect("a free port"))
}
