//! Where a student sits: a shell in which the binary goes by the names of the texts, terminals to
//! type into, and a broker where the texts say `localhost:9092`.

use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};

use crate::broker::Ottla;
use crate::clients::said;
use crate::process::until;

/// The names of the texts, and those that a person may type instead.
const NAMES: &[&str] = &["ottla", "confluent", "kafka-topics"];

/// What stands before every line. The broker's container is this machine: what is to run in it
/// runs here.
const PRELUDE: &str = "docker() { shift 3; \"$@\"; }; ";

/// A student's shell and home.
pub struct Student {
    home: tempfile::TempDir,
    broker: String,
}

impl Student {
    /// Beside this broker.
    pub fn beside(ottla: &Ottla) -> Student {
        Student::at(&ottla.address)
    }

    /// With a broker at this address, or none yet.
    pub fn at(broker: &str) -> Student {
        let home = tempfile::tempdir().unwrap();
        let bin = home.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        for name in NAMES {
            symlink(env!("CARGO_BIN_EXE_ottla"), bin.join(name)).unwrap();
        }
        Student { home, broker: broker.to_owned() }
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// A command that runs these lines as they are printed. What hangs is ended after two minutes.
    fn command(&self, lines: &str, shell: &[&str]) -> Command {
        let bin = self.home.path().join("bin");
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("timeout");
        command
            .arg("120")
            .args(shell)
            .arg(format!("{PRELUDE}{}", lines.replace("localhost:9092", &self.broker)))
            .env_clear()
            .env("PATH", format!("{}:{path}", bin.display()))
            .env("HOME", self.home.path())
            .env("SHELL", "/bin/bash")
            .env("TERM", "xterm")
            .env("OTTLA_BOOTSTRAP_SERVER", &self.broker)
            .current_dir(self.home.path());
        command
    }

    /// Run these lines, which must end well; their stdout.
    pub fn type_(&self, lines: &str) -> String {
        let output = self.command(lines, &["bash", "-c"]).stdin(Stdio::null()).output().unwrap();
        said(lines, &output)
    }

    /// Run these lines; their exit code, stdout and stderr together.
    pub fn try_(&self, lines: &str) -> (i32, String) {
        let lines = format!("exec 2>&1; {lines}");
        let output = self.command(&lines, &["bash", "-c"]).stdin(Stdio::null()).output().unwrap();
        (output.status.code().unwrap_or(-1), String::from_utf8(output.stdout).unwrap())
    }

    /// Type these lines into a terminal of their own, where they may wait for more.
    pub fn terminal(&self, lines: &str) -> Terminal {
        // `script` makes the terminal; its own input are the keys that are pressed.
        let mut command = self.command(lines, &["script", "-q", "-e", "-c"]);
        command.arg("/dev/null").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let keyboard = child.stdin.take();
        let mut out = child.stdout.take().unwrap();
        let screen = Arc::<Mutex<String>>::default();
        let shows = screen.clone();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = out.read(&mut bytes) {
                let text = String::from_utf8_lossy(&bytes[..count]).replace('\r', "");
                shows.lock().unwrap().push_str(&text);
            }
        });
        Terminal { child, keyboard, screen, lines: lines.to_owned() }
    }
}

/// A terminal in which something runs; closed when dropped.
pub struct Terminal {
    child: Child,
    keyboard: Option<ChildStdin>,
    screen: Arc<Mutex<String>>,
    lines: String,
}

impl Terminal {
    /// All that it has shown.
    pub fn screen(&self) -> String {
        self.screen.lock().unwrap().clone()
    }

    /// Wait until it has shown this.
    pub fn until(&self, text: &str) {
        self.until_so(text, |screen| screen.contains(text));
    }

    /// Wait until what it has shown is so.
    pub fn until_so(&self, what: &str, mut holds: impl FnMut(&str) -> bool) {
        until(&format!("{}: {what}", self.lines), || {
            let screen = self.screen();
            if holds(&screen) { Ok(()) } else { Err(screen) }
        });
    }

    /// Press these keys.
    pub fn keys(&mut self, keys: &str) {
        let keyboard = self.keyboard.as_mut().unwrap();
        keyboard.write_all(keys.as_bytes()).and_then(|()| keyboard.flush()).unwrap();
    }

    /// Press Ctrl-C, and wait for the end: the exit code, and all that was shown.
    pub fn ctrl_c(mut self) -> (i32, String) {
        self.keys("\x03");
        self.end()
    }

    /// Press Ctrl-D, and wait for the end: the exit code, and all that was shown.
    pub fn ctrl_d(mut self) -> (i32, String) {
        self.keys("\x04");
        self.end()
    }

    /// Wait for the end: the exit code, and all that was shown.
    pub fn end(mut self) -> (i32, String) {
        let status = until(&format!("{} ends", self.lines), || {
            self.child.try_wait().unwrap().ok_or_else(|| self.screen())
        });
        // The last words may still be on their way through the pipe.
        let screen = self.screen.clone();
        until("the terminal is read to its end", || match Arc::strong_count(&screen) {
            2 => Ok(()),
            _ => Err("it is not".to_owned()),
        });
        (status.code().unwrap_or(-1), self.screen())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // `timeout` hands the end on to what it runs.
        let pid = rustix::process::Pid::from_child(&self.child);
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            let _ = self.child.wait();
        }
    }
}

/// Lines in the order of the alphabet: several partitions have no order among each other.
pub fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}
