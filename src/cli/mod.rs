//! The command line.

pub mod serve;

use clap::{Parser, Subcommand};

/// A Kafka-wire-compatible single-node broker.
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
}

/// Parse the arguments and run one command; the process's exit code.
pub fn run() -> std::process::ExitCode {
    let cli = Cli::parse();
    match cli.command {
        Some(Command::Serve(serve)) => serve::run(serve),
        None => serve::run(cli.serve),
    }
}
