//! The command line against a broker: what a person types, and what they see.

mod background;
mod commands;
mod day_2;
mod tools;
mod transactions;

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::harness::Ottla;

/// The names that the binary is linked as.
const NAMES: &[&str] = &[
    "ottla",
    "confluent",
    "kafka-topics",
    "kafka-topics.sh",
    "kafka-console-producer",
    "kafka-console-consumer",
    "kafka-consumer-groups",
    "kafka-configs",
    "kafka-get-offsets",
];

/// A shell in which the binary goes by all its names, and knows where the broker is.
pub struct Shell {
    home: TempDir,
    broker: String,
}

/// What a command came to.
#[derive(Debug)]
pub struct CommandOutput {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl CommandOutput {
    /// Its stdout; it must have ended well.
    pub fn well(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.out
    }

    /// Its stderr; it must have ended with this code.
    pub fn ill(self, code: i32) -> String {
        assert_eq!(self.code, code, "{self:?}");
        self.err
    }
}

impl Shell {
    pub fn at(broker: &str) -> Shell {
        let home = tempfile::tempdir().unwrap();
        let bin = home.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        for name in NAMES {
            symlink(env!("CARGO_BIN_EXE_ottla"), bin.join(name)).unwrap();
        }
        Shell { home, broker: broker.to_owned() }
    }

    pub fn beside(ottla: &Ottla) -> Shell {
        Shell::at(&ottla.address().to_string())
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// A command that runs these lines as they are typed. What hangs is ended after a minute.
    pub fn command(&self, lines: &str) -> Command {
        let bin = self.home.path().join("bin");
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("timeout");
        command
            .args(["60", "bash", "-c", lines])
            .env_clear()
            .env("PATH", format!("{}:{path}", bin.display()))
            .env("HOME", self.home.path())
            .env("OTTLA_BOOTSTRAP_SERVER", &self.broker)
            // The tools have their broker on the command line.
            .env("BROKER", &self.broker)
            .current_dir(self.home.path())
            .stdin(Stdio::null());
        command
    }

    /// Run these lines, while the broker in this process goes on.
    pub fn run(&self, lines: &str) -> CommandOutput {
        let mut command = self.command(lines);
        let output: Output = tokio::task::block_in_place(|| command.output().unwrap());
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        CommandOutput {
            code: output.status.code().unwrap_or(-1),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    /// Run these lines, which must end well; their stdout.
    pub fn type_(&self, lines: &str) -> String {
        self.run(lines).well()
    }
}

/// Lines in the order of the alphabet: several partitions have no order among each other.
pub fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

/// The words of a table, line by line.
pub fn words(text: &str) -> Vec<Vec<&str>> {
    text.lines().map(|line| line.split_whitespace().collect()).collect()
}
