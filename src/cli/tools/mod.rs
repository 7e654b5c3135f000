//! Kafka's own command-line tools under their names: the same flags, the same output.

pub mod configs;
pub mod console_consumer;
pub mod console_producer;
pub mod consumer_groups;
pub mod errors;
pub mod get_offsets;
pub mod group_actions;
pub mod offsets_reset;
pub mod options;
pub mod topics;

use std::process::ExitCode;

use crate::cli::common;
use crate::cli::failure::{FAILED, Failure};
use crate::cli::screen;

/// The tools, by the name that the binary is called by, without `.sh`.
pub const TOOLS: &[&str] = &[
    "kafka-topics",
    "kafka-console-producer",
    "kafka-console-consumer",
    "kafka-consumer-groups",
    "kafka-configs",
    "kafka-get-offsets",
];

/// Returns the tool of a name, as the first argument of a process has it.
pub fn named(program: &str) -> Option<&'static str> {
    let name = program.rsplit('/').next().unwrap_or(program);
    let name = name.strip_suffix(".sh").unwrap_or(name);
    TOOLS.iter().copied().find(|tool| *tool == name)
}

/// Runs a tool. Returns the exit code of Kafka's.
pub fn run(tool: &str, args: &[String]) -> ExitCode {
    let outcome = common::run(async {
        match tool {
            "kafka-topics" => topics::run(args).await,
            "kafka-console-producer" => console_producer::run(args).await,
            "kafka-console-consumer" => console_consumer::run(args).await,
            "kafka-consumer-groups" => consumer_groups::run(args).await,
            "kafka-configs" => configs::run(args).await,
            "kafka-get-offsets" => get_offsets::run(args).await,
            other => Err(Failure::usage(format!("there is no tool {other}"))),
        }
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { message, code }) => {
            if !message.is_empty() {
                screen::note(&message);
            }
            // Java ends with 1 for every failure.
            ExitCode::from(if code == 0 || code == 130 { code } else { FAILED })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_known_by_its_name_alone() {
        assert_eq!(named("/usr/bin/kafka-topics.sh"), Some("kafka-topics"));
        assert_eq!(named("kafka-get-offsets"), Some("kafka-get-offsets"));
        assert_eq!(named("ottla"), None);
        assert_eq!(named("kafka-topics.bat"), None);
    }
}
