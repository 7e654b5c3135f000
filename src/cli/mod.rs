//! The command line.

pub mod bench;
pub mod common;
pub mod configs;
pub mod control;
pub mod daemon;
pub mod doctor;
pub mod dump;
pub mod failure;
pub mod group;
pub mod link;
pub mod local;
pub mod properties;
pub mod screen;
pub mod serve;
pub mod signals;
pub mod tools;
pub mod topic;
pub mod transaction;
pub mod volume;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::cli::configs::ConfigCommand;
use crate::cli::failure::Failure;
use crate::cli::group::command::GroupCommand;
use crate::cli::topic::admin::TopicCommand;
use crate::cli::transaction::TransactionCommand;

const EXAMPLES: &str = "\
Examples:
  ottla                                             run the broker on localhost:9092
  ottla start                                       run it in the background
  ottla topic create orders --partitions 3
  echo 'user1:hello' | ottla topic produce orders --parse-key
  ottla topic consume orders --from-beginning --print-key
  ottla topic consume orders --group readers --from-beginning
  ottla group describe readers                      show its offsets and lag
  ottla group reset readers --topic orders --to-earliest
  ottla doctor                                      check the broker and its data

Called as kafka-topics, kafka-console-producer, kafka-console-consumer, kafka-consumer-groups,
kafka-configs or kafka-get-offsets (through a link, or as the first argument), it is that tool.

Exit codes: 0 success, 1 failure, 2 invalid command line, 3 broker not reachable or not running.";

/// A Kafka-compatible single-node broker and its command-line tools.
#[derive(Debug, Parser)]
#[command(name = "ottla", version, about, args_conflicts_with_subcommands = true)]
#[command(after_help = EXAMPLES)]
pub struct Cli {
    /// The command to run [default: serve]
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The flags of `serve`, which may be given without its name.
    #[command(flatten)]
    pub serve: serve::Serve,
}

/// What the binary can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the broker.
    Serve(serve::Serve),
    /// Run the broker in the background.
    Start(daemon::Start),
    /// Stop the broker in the background.
    Stop(daemon::Stop),
    /// Show whether a broker runs in the background; exit code 3 if not.
    Status(daemon::Status),
    /// Check that clients are served, for health checks; exit code 3 if not.
    Ready(control::Ready),
    /// Change the address that the running broker advertises to clients.
    Advertise(control::Advertise),
    /// Print the log of the broker in the background.
    Logs(daemon::Logs),
    /// Create, describe, alter, delete, produce to and consume from topics.
    #[command(subcommand)]
    Topic(TopicCommand),
    /// List, describe, reset and delete consumer groups.
    #[command(subcommand)]
    Group(GroupCommand),
    /// List, describe and abort transactions.
    #[command(subcommand)]
    Transaction(TransactionCommand),
    /// Describe and alter configs of topics, brokers and groups.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the contents of data files, of Ottla or of Apache Kafka.
    Dump(dump::Dump),
    /// Check the port, the advertised address and the data directory.
    Doctor(doctor::Doctor),
    /// Measure a broker's throughput and latency.
    Bench(bench::Bench),
    /// Create links under the names of Kafka's tools and of `confluent`.
    Link(link::Link),
    /// Create the mount points of volumes, for the Dockerfile.
    #[command(hide = true)]
    PrepareVolumes,
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Parses the arguments and runs one command. Returns the process's exit code.
pub fn run() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    if let Some((tool, args)) = called_as(&args) {
        return tools::run(tool, &args);
    }
    let cli = Cli::parse_from(local::without_prefix(args));
    let outcome = match cli.command {
        Some(Command::Serve(serve)) => return serve::run(serve),
        None => return serve::run(cli.serve),
        Some(Command::Start(flags)) => daemon::start(flags),
        Some(Command::Stop(flags)) => daemon::stop(flags),
        Some(Command::Status(flags)) => daemon::status(flags),
        Some(Command::Ready(flags)) => common::run(control::ready(flags)),
        Some(Command::Advertise(flags)) => control::advertise(flags),
        Some(Command::Logs(flags)) => daemon::logs(flags),
        Some(Command::Dump(flags)) => dump::run(flags),
        Some(Command::Doctor(flags)) => common::run(doctor::run(flags)),
        Some(Command::Bench(flags)) => common::run(bench::run(flags)),
        Some(Command::Link(flags)) => link::run(flags),
        Some(Command::PrepareVolumes) => volume::prepare(),
        Some(Command::Completions { shell }) => completions(shell),
        Some(Command::Topic(command)) => common::run(topic::admin::run(command)),
        Some(Command::Group(command)) => common::run(group::command::run(command)),
        Some(Command::Transaction(command)) => common::run(transaction::run(command)),
        Some(Command::Config(command)) => common::run(configs::run(command)),
    };
    ended(outcome)
}

fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ottla", &mut script);
    screen::bytes(&script)
}

/// Returns the tool that the binary is called as, by its own name or by the first argument.
fn called_as(args: &[OsString]) -> Option<(&'static str, Vec<String>)> {
    let text = |args: &[OsString]| args.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    let name = |at: usize| tools::named(args.get(at)?.to_str()?);
    match (name(0), name(1)) {
        (Some(tool), _) => Some((tool, text(&args[1..]))),
        (None, Some(tool)) => Some((tool, text(&args[2..]))),
        (None, None) => None,
    }
}

/// Prints the error and returns its exit code.
fn ended(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.message.is_empty() {
                screen::complain(&failure.message);
            }
            ExitCode::from(failure.code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Collects every command below this one, by its full name, with its flags.
    fn commands(of: &clap::Command, name: &str, into: &mut Vec<(String, Vec<String>)>) {
        let flags = of.get_arguments().filter_map(|arg| arg.get_long().map(|l| format!("--{l}")));
        into.push((name.to_owned(), flags.collect()));
        for below in of.get_subcommands() {
            commands(below, &format!("{name} {}", below.get_name()), into);
        }
    }

    #[test]
    fn flags_go_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_page_has_every_command_and_every_flag() {
        let page = include_str!("../../docs/command-line.md");
        let mut all = Vec::new();
        commands(&Cli::command(), "ottla", &mut all);
        for (name, flags) in all {
            assert!(page.contains(&name), "docs/command-line.md does not have `{name}`");
            for flag in flags {
                assert!(page.contains(&flag), "docs/command-line.md does not have {flag} ({name})");
            }
        }
        for tool in tools::TOOLS {
            assert!(page.contains(tool), "docs/command-line.md does not have {tool}");
        }
    }
}
