//! The command line.

pub mod common;
pub mod configs;
pub mod failure;
pub mod group;
pub mod local;
pub mod properties;
pub mod screen;
pub mod serve;
pub mod tools;
pub mod topic;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::cli::configs::ConfigCommand;
use crate::cli::failure::Failure;
use crate::cli::group::command::GroupCommand;
use crate::cli::topic::admin::TopicCommand;

/// A Kafka-wire-compatible single-node broker, and the commands to work with it.
#[derive(Debug, Parser)]
#[command(name = "ottla", version, about, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do; `serve` if nothing is said.
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
    /// Make, look at, change, fill and read topics.
    #[command(subcommand)]
    Topic(TopicCommand),
    /// Look at groups, set where they go on, delete them.
    #[command(subcommand)]
    Group(GroupCommand),
    /// Look at configs of topics, brokers and groups, and change them.
    #[command(subcommand)]
    Config(ConfigCommand),
}

/// Parse the arguments and run one command; the process's exit code.
pub fn run() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    if let Some((tool, args)) = called_as(&args) {
        return tools::run(tool, &args);
    }
    let cli = Cli::parse_from(local::without_prefix(args));
    let outcome = match cli.command {
        Some(Command::Serve(serve)) => return serve::run(serve),
        None => return serve::run(cli.serve),
        Some(Command::Topic(command)) => common::run(topic::admin::run(command)),
        Some(Command::Group(command)) => common::run(group::command::run(command)),
        Some(Command::Config(command)) => common::run(configs::run(command)),
    };
    ended(outcome)
}

/// The tool that the binary is called as: by its own name, or by the first argument.
fn called_as(args: &[OsString]) -> Option<(&'static str, Vec<String>)> {
    let text = |args: &[OsString]| args.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    let name = |at: usize| tools::named(args.get(at)?.to_str()?);
    match (name(0), name(1)) {
        (Some(tool), _) => Some((tool, text(&args[1..]))),
        (None, Some(tool)) => Some((tool, text(&args[2..]))),
        (None, None) => None,
    }
}

/// Say what went wrong, and give its number.
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
