//! The program as a child that is killed once it holds more memory than it may.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::client::Client;
use crate::hostile::MEMORY_LIMIT_BYTES;

/// How often the memory is looked at. The kernel keeps the peak; this only bounds by how much a
/// broker can overshoot before it is killed.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How many log lines are kept.
const LINES_MAX: usize = 10_000;
/// How long the broker may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program on a free port with an empty directory and a limit of memory. Dropped, it is
/// killed and its directory goes.
pub struct LimitedBroker {
    child: Mutex<Child>,
    pid: u32,
    address: SocketAddr,
    limit: u64,
    seen: Arc<Sampled>,
    watcher: Option<JoinHandle<()>>,
    dir: Option<TempDir>,
}

fn binary() -> OsString {
    std::env::var_os("OTTLA_TEST_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_ottla").into())
}

/// What the threads beside the broker have seen of it.
#[derive(Default)]
struct Sampled {
    rss_peak: AtomicU64,
    is_above_limit: AtomicBool,
    is_ended: AtomicBool,
    lines: Mutex<VecDeque<String>>,
}

impl LimitedBroker {
    /// Starts it with these configs, by Kafka's names, and waits until it is ready.
    pub fn start(configs: &[(&str, &str)]) -> LimitedBroker {
        LimitedBroker::start_with_limit(MEMORY_LIMIT_BYTES, configs)
    }

    /// As `start`, with another limit in bytes.
    pub fn start_with_limit(limit: u64, configs: &[(&str, &str)]) -> LimitedBroker {
        let dir = tempfile::tempdir().unwrap();
        let mut broker = LimitedBroker::start_on(dir.path(), limit, configs);
        broker.dir = Some(dir);
        broker
    }

    /// As `start_with_limit`, on a directory that the test keeps: for restarts.
    pub fn start_on(dir: &Path, limit: u64, configs: &[(&str, &str)]) -> LimitedBroker {
        LimitedBroker::launch(Command::new(binary()), dir, limit, configs)
    }

    /// As `start`, with this many open files at most.
    pub fn start_with_files(files: u32, configs: &[(&str, &str)]) -> LimitedBroker {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new("/bin/sh");
        let script = format!("ulimit -n {files} && exec \"$0\" \"$@\"");
        command.args(["-c", &script]).arg(binary());
        let mut broker = LimitedBroker::launch(command, dir.path(), MEMORY_LIMIT_BYTES, configs);
        broker.dir = Some(dir);
        broker
    }

    fn launch(
        mut command: Command,
        dir: &Path,
        limit: u64,
        configs: &[(&str, &str)],
    ) -> LimitedBroker {
        command.env_clear().args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(dir);
        for (name, value) in configs {
            command.arg("--set").arg(format!("{name}={value}"));
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let seen = Arc::new(Sampled::default());
        let (ready, is_ready) = std::sync::mpsc::channel();
        read_lines(child.stderr.take().unwrap(), seen.clone(), |_| {});
        read_lines(child.stdout.take().unwrap(), seen.clone(), move |line| {
            if let Some((_, rest)) = line.split_once("ready on ") {
                let (addresses, _) = rest.split_once(" with ").unwrap();
                let first = addresses.split(", ").next().unwrap();
                let _ = ready.send(first.parse().unwrap());
            }
        });
        let Ok(address) = is_ready.recv_timeout(PATIENCE) else {
            let _ = child.kill();
            panic!("it does not start: {:?}", seen.lines.lock().unwrap());
        };
        let pid = child.id();
        let watcher = Some(watch(pid, limit, seen.clone()));
        LimitedBroker { child: Mutex::new(child), pid, address, limit, seen, watcher, dir: None }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Its data directory, unless the test keeps that.
    pub fn data_dir(&self) -> &Path {
        self.dir.as_ref().expect("a directory of its own").path()
    }

    /// A client of its own.
    pub async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    /// Its resident memory now, in bytes; 0 once it has ended.
    pub fn rss(&self) -> u64 {
        status_bytes(self.pid, "VmRSS:").unwrap_or(0)
    }

    /// The highest resident memory until now, in bytes.
    pub fn rss_peak(&self) -> u64 {
        let now = status_bytes(self.pid, "VmHWM:").unwrap_or(0);
        self.seen.rss_peak.fetch_max(now, Ordering::Relaxed).max(now)
    }

    /// The time that its threads have been at work, of all processors together.
    pub fn cpu_time(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks: u64 = ticks.filter_map(|field| field.parse::<u64>().ok()).sum();
        // USER_HZ is 100 on every Linux that there is.
        Duration::from_millis(10 * ticks)
    }

    /// The log lines until now, the oldest first.
    pub fn log(&self) -> Vec<String> {
        self.seen.lines.lock().unwrap().iter().cloned().collect()
    }

    /// Checks that it runs and was never above its limit.
    ///
    /// # Panics
    /// With its last log lines if it does not.
    pub fn assert_alive(&self) {
        let ended = self.child.lock().unwrap().try_wait().unwrap();
        let peak = self.rss_peak();
        let why = match ended {
            _ if self.seen.is_above_limit.load(Ordering::Acquire) || peak > self.limit => {
                format!("the broker held {peak} bytes, above the limit of {}", self.limit)
            }
            Some(status) => format!("the broker ended: {status}"),
            None => return,
        };
        let log = self.log();
        let last = log.len().saturating_sub(30);
        panic!("{why}\n{}", log[last..].join("\n"));
    }

    /// Sends a signal, by its name: "-TERM", "-KILL", …
    pub fn signal(&self, name: &str) {
        let pid = self.pid.to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Stops it with SIGTERM and gives its log lines.
    ///
    /// # Panics
    /// If it has ended before, was above its limit, or does not end cleanly.
    pub fn stop(self) -> Vec<String> {
        self.assert_alive();
        self.signal("-TERM");
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.lock().unwrap().try_wait().unwrap() {
                break status;
            }
            assert!(begun.elapsed() < PATIENCE, "it doesn't stop: {:?}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        };
        assert!(status.success(), "{status}: {:?}", self.log());
        self.log()
    }
}

impl Drop for LimitedBroker {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner());
        let _ = child.kill();
        let _ = child.wait();
        self.seen.is_ended.store(true, Ordering::Release);
        if let Some(watcher) = self.watcher.take() {
            let _ = watcher.join();
        }
        if std::thread::panicking() {
            if self.seen.is_above_limit.load(Ordering::Acquire) {
                println!("the broker was killed: it held more than {} bytes", self.limit);
            }
            let log = self.log();
            let last = log.len().saturating_sub(30);
            eprintln!("the broker's last lines:\n{}", log[last..].join("\n"));
        }
    }
}

/// Kills the broker once it has held more than `limit` bytes.
fn watch(pid: u32, limit: u64, seen: Arc<Sampled>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        while !seen.is_ended.load(Ordering::Acquire) {
            let Some(peak) = status_bytes(pid, "VmHWM:") else { return };
            seen.rss_peak.fetch_max(peak, Ordering::Relaxed);
            if peak > limit && !seen.is_above_limit.swap(true, Ordering::AcqRel) {
                let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).status();
                return;
            }
            std::thread::sleep(LOOK_EVERY);
        }
    })
}

/// A field of /proc/PID/status that is given in kB, in bytes. None once the process has ended.
fn status_bytes(pid: u32, field: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with(field))?;
    let kib: u64 = line[field.len()..].trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

/// Keeps what the broker says, so that it never waits for a reader.
fn read_lines(
    from: impl std::io::Read + Send + 'static,
    seen: Arc<Sampled>,
    mut each: impl FnMut(&str) + Send + 'static,
) {
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            each(&line);
            let mut lines = seen.lines.lock().unwrap();
            if lines.len() == LINES_MAX {
                lines.pop_front();
            }
            lines.push_back(line);
        }
    });
}
