//! The clients, and how a member of a group is started with each.

use std::process::Command;

use crate::broker::Broker;
use crate::clients::{java, kcat, python, python_2_2};

/// A client library, with the assignor that it is to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    Kcat,
    Confluent(&'static str),
    KafkaPython,
    KafkaPython22,
    Aiokafka,
    Java(&'static str),
}

/// Where a member begins if nothing is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    Earliest,
    Latest,
    /// Not at all: it fails.
    None,
}

/// Who commits: the client by itself, or the program after what it has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    Auto,
    Manual,
}

/// How a member is to behave.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    pub name: &'a str,
    pub group: &'a str,
    pub topic: &'a str,
    pub reset: Reset,
    pub commit: Commit,
    pub session_ms: u32,
    /// `group.instance.id`, for a static member.
    pub instance: Option<&'a str>,
}

impl Family {
    fn program(self) -> Command {
        match self {
            Family::Kcat => kcat(),
            Family::Confluent(_) => python("member_confluent.py"),
            Family::KafkaPython => python("member_kafka_python.py"),
            Family::KafkaPython22 => python_2_2("member_kafka_python.py"),
            Family::Aiokafka => python("member_aiokafka.py"),
            Family::Java(_) => {
                let mut command = java();
                // Such a program lives for seconds: the second compiler would only cost.
                command.args(["-XX:TieredStopAtLevel=1", "ottla.GroupMember"]);
                command
            }
        }
    }

    /// The command of a member.
    pub fn member(self, address: &str, options: &Options) -> Command {
        let mut command = self.program();
        match self {
            Family::Kcat => kcat_member(&mut command, address, options),
            _ => {
                command.arg(address).args(options.named());
                if let Family::Confluent(assignor) | Family::Java(assignor) = self {
                    command.arg(format!("assignor={assignor}"));
                }
            }
        }
        command
    }

    /// What the client refuses with where nothing is committed and it may not choose itself.
    pub fn no_offset(self) -> &'static str {
        match self {
            Family::Kcat => "no previously committed offset available",
            Family::Confluent(_) => "_AUTO_OFFSET_RESET",
            Family::KafkaPython | Family::KafkaPython22 | Family::Aiokafka => {
                "NoOffsetForPartitionError"
            }
            Family::Java(_) => "NoOffsetForPartitionException",
        }
    }
}

impl Options<'_> {
    fn named(&self) -> Vec<String> {
        let reset = match self.reset {
            Reset::Earliest => "earliest",
            Reset::Latest => "latest",
            Reset::None => "none",
        };
        let commit = match self.commit {
            Commit::Auto => "auto",
            Commit::Manual => "manual",
        };
        let mut named = vec![
            format!("name={}", self.name),
            format!("group={}", self.group),
            format!("topic={}", self.topic),
            format!("reset={reset}"),
            format!("commit={commit}"),
            format!("session={}", self.session_ms),
        ];
        named.extend(self.instance.map(|id| format!("instance={id}")));
        named
    }
}

fn kcat_member(command: &mut Command, address: &str, options: &Options) {
    assert_eq!(options.commit, Commit::Auto, "kcat knows no other");
    let reset = match options.reset {
        Reset::Earliest => "earliest",
        Reset::Latest => "latest",
        Reset::None => "error",
    };
    for config in [
        format!("client.id={}", options.name),
        format!("auto.offset.reset={reset}"),
        format!("session.timeout.ms={}", options.session_ms),
        "auto.commit.interval.ms=200".to_owned(),
        "heartbeat.interval.ms=500".to_owned(),
    ] {
        command.args(["-X", &config]);
    }
    command.args(["-b", address, "-u", "-f", "got %p %o %s\\n"]);
    command.args(["-G", options.group, options.topic]);
}

/// Write this many records, `r<first>` and on, with keys that spread them over the partitions.
pub fn produce(broker: &(impl Broker + ?Sized), topic: &str, first: usize, count: usize) {
    let last = first + count - 1;
    broker.bash(&format!(
        "seq {first} {last} | sed 's/.*/key&:r&/' | kcat -b localhost:9092 -t {topic} -P -K:"
    ));
}
