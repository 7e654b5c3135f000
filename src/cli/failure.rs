//! How commands fail: with one line for people and an exit code for scripts.

use crate::client::error::ClientError;

/// The command could not be carried out.
pub const FAILED: u8 = 1;
/// The command line is wrong. clap uses the same code.
pub const USAGE: u8 = 2;
/// Nothing answers, or nothing is running.
pub const NOTHING_THERE: u8 = 3;

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// One line for people; empty if there is nothing to print.
    pub message: String,
    /// The exit code.
    pub code: u8,
}

impl Failure {
    /// Returns a failure to carry out the command.
    pub fn new(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), code: FAILED }
    }

    /// Returns a failure for a wrong command line.
    pub fn usage(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), code: USAGE }
    }

    /// Returns a failure because nothing answers or nothing is running.
    pub fn not_reachable(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), code: NOTHING_THERE }
    }

    /// Returns a failure whose message has been printed already.
    pub fn silent(code: u8) -> Failure {
        Failure { message: String::new(), code }
    }

    /// Returns a failure to write to stdout. A closed pipe is silent, as the reader closed it; any
    /// other error is printed.
    pub fn output(error: &std::io::Error) -> Failure {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Failure::silent(0),
            _ => Failure::new(format!("cannot write the output: {error}")),
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Failure {
        match &error {
            ClientError::Unreachable { addresses, .. } if is_local(addresses) => {
                Failure::not_reachable(format!("{error}; start the broker with `ottla serve`"))
            }
            ClientError::Unreachable { .. } => Failure::not_reachable(format!(
                "{error}; check --bootstrap-server and whether the broker is running"
            )),
            _ => Failure::new(error.to_string()),
        }
    }
}

fn is_local(addresses: &str) -> bool {
    addresses.split(',').all(|a| ["localhost:", "127.", "[::1]"].iter().any(|l| a.starts_with(l)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_answer_here_is_to_be_started() {
        let error = |addresses: &str| ClientError::Unreachable {
            addresses: addresses.to_owned(),
            why: "connection refused".to_owned(),
        };
        let here = Failure::from(error("localhost:9092"));
        assert_eq!(
            here.message,
            "cannot connect to localhost:9092 (connection refused); start the broker with `ottla \
             serve`"
        );
        assert_eq!(here.code, NOTHING_THERE);
        let there = Failure::from(error("kafka.example:9092"));
        assert!(there.message.contains("--bootstrap-server"), "{}", there.message);
    }
}
