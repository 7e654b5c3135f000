//! `ottla start | stop | status | logs`: the broker in the background.
//!
//! `start` leaves three files in its state directory: the process id, the addresses, the log.

use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use clap::Args;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::json;

use crate::cli::common::Output;
use crate::cli::control;
use crate::cli::failure::Failure;
use crate::cli::screen::{self, ProgressLine};
use crate::cli::serve::{self, Serve};
use crate::clock::{Clock, SystemClock};
use crate::platform;
use crate::server::control::NAME;
use crate::storage::disk::{Disk, OsDisk, read_all, replace};

const PID_FILE: &str = "ottla.pid";
const READY_FILE: &str = "ottla.address";
const LOG_FILE: &str = "ottla.log";
/// How often a process is checked.
const LOOK: Duration = Duration::from_millis(10);
/// How long a broker may take to start or to stop. Recovery after a crash can take long.
const PATIENCE_MS: i64 = 60_000;
/// How much of the end of the log is shown when a start fails.
const LAST_BYTES: u64 = 2000;

/// Where the files of the broker in the background are.
#[derive(Debug, Clone, Args)]
pub struct StateDir {
    /// Directory of its process id and log [default: ottla in the user's XDG state directory]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

impl StateDir {
    fn dir(&self) -> Result<PathBuf, Failure> {
        if let Some(dir) = &self.state_dir {
            return Ok(dir.clone());
        }
        let absolute =
            |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
        absolute("XDG_STATE_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
            .map(|dir| dir.join("ottla"))
            .ok_or_else(|| {
                Failure::usage("neither XDG_STATE_HOME nor HOME is set; use --state-dir")
            })
    }
}

/// The flags of `ottla start`: those of `serve`, and where to keep track.
#[derive(Debug, Args)]
pub struct Start {
    #[command(flatten)]
    state: StateDir,
    #[command(flatten)]
    serve: Serve,
}

/// The flags of `ottla stop`.
#[derive(Debug, Args)]
pub struct Stop {
    #[command(flatten)]
    state: StateDir,
    /// Data directory of a broker that was not started by `ottla start`.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// The flags of `ottla status`.
#[derive(Debug, Args)]
pub struct Status {
    #[command(flatten)]
    state: StateDir,
    /// Data directory of a broker that was not started by `ottla start`.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Output format.
    #[arg(long, short = 'o', value_name = "FORMAT", default_value = "table")]
    output: Output,
}

/// The flags of `ottla logs`.
#[derive(Debug, Args)]
pub struct Logs {
    #[command(flatten)]
    state: StateDir,
    /// Keep printing new lines.
    #[arg(long, short = 'f')]
    follow: bool,
    /// Print only the last N lines.
    #[arg(long, short = 'n', value_name = "N")]
    lines: Option<usize>,
}

/// Returns the process of a file that holds only its id, if it is still running and a broker.
fn running(file: &Path) -> Option<Pid> {
    let text = String::from_utf8(read_all(&OsDisk, file).ok()?).ok()?;
    let pid = Pid::from_raw(text.trim().parse().ok()?)?;
    test_kill_process(pid).ok()?;
    // The id may belong to another process by now.
    let line = platform::command_line(pid.as_raw_pid());
    let is_ours = line.is_none_or(|line| line.contains("ottla") || line.contains("serve"));
    is_ours.then_some(pid)
}

/// Returns the broker started by `start`, or the one that has the data directory locked.
fn found(state: &StateDir, data_dir: Option<&Path>) -> Result<Option<Pid>, Failure> {
    if let Some(dir) = data_dir {
        return Ok(running(&dir.join(".lock")));
    }
    if let Some(pid) = running(&state.dir()?.join(PID_FILE)) {
        return Ok(Some(pid));
    }
    let default = serve::default_data_dir().map_err(Failure::new)?;
    Ok(running(&default.join(".lock")).filter(|_| state.state_dir.is_none()))
}

/// Runs `ottla start`.
///
/// # Errors
/// A broker is running already, or it does not start; the end of its log says why.
pub fn start(start: Start) -> Result<(), Failure> {
    let dir = start.state.dir()?;
    if let Some(pid) = running(&dir.join(PID_FILE)) {
        return Err(Failure::new(format!(
            "a broker is already running (pid {}); stop it with `ottla stop`",
            pid.as_raw_pid()
        )));
    }
    let cannot = |what: &str, error: std::io::Error| {
        Failure::new(format!("cannot {what} in {}: {error}", dir.display()))
    };
    std::fs::create_dir_all(&dir).map_err(|e| cannot("write state files", e))?;
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(dir.join(LOG_FILE))
        .map_err(|e| cannot("write a log file", e))?;
    let errors = log.try_clone().map_err(|e| cannot("write a log file", e))?;
    let ready = dir.join(READY_FILE);
    if OsDisk.exists(&ready) {
        OsDisk.remove_file(&ready).map_err(|e| cannot("remove a file", e))?;
    }
    let program = std::env::current_exe()
        .map_err(|error| Failure::new(format!("cannot find the path of this program: {error}")))?;
    let mut child = Command::new(program)
        .arg("serve")
        .args(start.serve.to_args())
        .arg("--ready-file")
        .arg(&ready)
        .arg("--ignore-hangup")
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        // A Ctrl-C in this terminal must not stop it.
        .process_group(0)
        .spawn()
        .map_err(|error| Failure::new(format!("cannot start the broker: {error}")))?;
    replace(&OsDisk, &dir.join(PID_FILE), format!("{}\n", child.id()).as_bytes())
        .map_err(|e| cannot("write state files", e))?;
    await_ready(&mut child, &ready, &dir.join(LOG_FILE))?;
    let addresses = addresses(&ready);
    screen::line(&format!("Started Ottla (pid {}) on {addresses}.", child.id()))?;
    screen::note("See `ottla status` and `ottla logs`; stop it with `ottla stop`.");
    Ok(())
}

fn await_ready(child: &mut Child, ready: &Path, log: &Path) -> Result<(), Failure> {
    let clock = SystemClock::default();
    let mut progress = ProgressLine::alone("waiting for the broker, ms:", None);
    while !OsDisk.exists(ready) {
        if child.try_wait().ok().flatten().is_some() {
            progress.end();
            let text = last_bytes(log).unwrap_or_default();
            let why = text.trim_end().lines().last().unwrap_or("it exited immediately");
            return Err(Failure::new(format!(
                "the broker did not start: {}",
                why.strip_prefix("ottla: ").unwrap_or(why)
            )));
        }
        let waited = clock.now().mono_ms;
        if waited > PATIENCE_MS {
            progress.end();
            return Err(Failure::new(format!(
                "the broker (pid {}) is not ready after {} s; see `ottla logs`",
                child.id(),
                PATIENCE_MS / 1000
            )));
        }
        progress.at(waited as u64, waited);
        std::thread::sleep(LOOK);
    }
    progress.end();
    Ok(())
}

fn last_bytes(path: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LAST_BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn addresses(ready: &Path) -> String {
    let text = read_all(&OsDisk, ready).unwrap_or_default();
    String::from_utf8_lossy(&text).split_whitespace().collect::<Vec<_>>().join(", ")
}

/// Runs `ottla stop`.
///
/// # Errors
/// No broker is running, or it does not end.
pub fn stop(stop: Stop) -> Result<(), Failure> {
    let Some(pid) = found(&stop.state, stop.data_dir.as_deref())? else {
        return Err(Failure::not_reachable("no broker is running"));
    };
    kill_process(pid, Signal::TERM)
        .map_err(|error| Failure::new(format!("cannot stop {}: {error}", pid.as_raw_pid())))?;
    let clock = SystemClock::default();
    while test_kill_process(pid).is_ok() && !platform::is_zombie(pid.as_raw_pid()) {
        if clock.now().mono_ms > PATIENCE_MS {
            return Err(Failure::new(format!(
                "the broker (pid {}) did not stop",
                pid.as_raw_pid()
            )));
        }
        std::thread::sleep(LOOK);
    }
    if stop.data_dir.is_none() {
        let dir = stop.state.dir()?;
        for name in [PID_FILE, READY_FILE] {
            // They may not exist; then there is nothing to remove.
            let _ = OsDisk.remove_file(&dir.join(name));
        }
    }
    screen::line(&format!("Stopped Ottla (pid {}).", pid.as_raw_pid()))
}

/// Runs `ottla status`: 0 if a broker is running, 1 if a component is offline, 3 if none is
/// running.
///
/// # Errors
/// No broker is running, or a component is offline.
pub fn status(status: Status) -> Result<(), Failure> {
    let pid = found(&status.state, status.data_dir.as_deref())?.map(Pid::as_raw_pid);
    let ready = status.state.dir()?.join(READY_FILE);
    let by_start = running(&status.state.dir()?.join(PID_FILE)).map(Pid::as_raw_pid);
    let at = (pid.is_some() && pid == by_start).then(|| addresses(&ready));
    let ill = pid.and_then(|pid| fault(&status, pid));
    if status.output == Output::Json {
        let is_running = pid.is_some();
        let all = json!({ "is_running": is_running, "pid": pid, "address": at, "offline": ill });
        screen::json(&all)?;
    } else if let Some(pid) = pid {
        let at = at.map(|at| format!(" on {at}")).unwrap_or_default();
        let but = ill.as_ref().map(|ill| format!(", but {ill}")).unwrap_or_default();
        let running = screen::judged(ill.is_none(), "running");
        screen::line(&format!("Ottla is {running} (pid {pid}){at}{but}."))?;
    } else {
        screen::line(&format!("Ottla is {}.", screen::judged(false, "not running")))?;
    }
    match (pid, ill) {
        (None, _) => Err(Failure::silent(3)),
        (Some(_), Some(_)) => Err(Failure::silent(1)),
        (Some(_), None) => Ok(()),
    }
}

/// Returns what is offline in this broker, if its data directory is known.
fn fault(status: &Status, pid: i32) -> Option<String> {
    let dir = status.data_dir.clone().or_else(|| serve::default_data_dir().ok())?;
    let holds = running(&dir.join(".lock")).is_some_and(|holder| holder.as_raw_pid() == pid);
    let asked = holds && OsDisk.exists(&dir.join(NAME));
    asked.then(|| control::health(Some(&dir)).err()).flatten()
}

/// Runs `ottla logs`.
///
/// # Errors
/// There is no log.
pub fn logs(logs: Logs) -> Result<(), Failure> {
    let path = logs.state.dir()?.join(LOG_FILE);
    let mut file = std::fs::File::open(&path).map_err(|_| {
        Failure::not_reachable(format!(
            "there is no log at {}; a broker started with `ottla serve` writes to its terminal",
            path.display()
        ))
    })?;
    let failed = |error| Failure::new(format!("cannot read {}: {error}", path.display()));
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(failed)?;
    screen::bytes(last_lines(&bytes, logs.lines.unwrap_or(usize::MAX)))?;
    if !logs.follow {
        return screen::flush();
    }
    loop {
        screen::flush()?;
        std::thread::sleep(Duration::from_millis(200));
        bytes.clear();
        file.read_to_end(&mut bytes).map_err(failed)?;
        screen::bytes(&bytes)?;
    }
}

fn last_lines(bytes: &[u8], count: usize) -> &[u8] {
    let ends = bytes.iter().enumerate().rev().filter(|(_, b)| **b == b'\n').map(|(at, _)| at);
    // The last byte is a line end itself, so one more is skipped.
    match ends.skip(1).nth(count.saturating_sub(1)) {
        _ if count == 0 => &[],
        Some(at) => &bytes[at + 1..],
        None => bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_of_a_log() {
        assert_eq!(last_lines(b"a\nb\nc\n", 2), b"b\nc\n");
        assert_eq!(last_lines(b"a\nb\n", 9), b"a\nb\n");
        assert_eq!(last_lines(b"a\n", 1), b"a\n");
        assert_eq!(last_lines(b"a\n", 0), b"");
        assert_eq!(last_lines(b"", 3), b"");
    }

    #[test]
    fn a_file_without_a_living_broker_means_that_none_is_running() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(PID_FILE);
        assert_eq!(running(&path), None);
        replace(&OsDisk, &path, b"not a number\n").unwrap();
        assert_eq!(running(&path), None);
        replace(&OsDisk, &path, b"2147483646\n").unwrap();
        assert_eq!(running(&path), None);
    }
}
