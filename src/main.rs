//! Parse the arguments, run one command.

fn main() -> std::process::ExitCode {
    ottla::cli::run()
}
