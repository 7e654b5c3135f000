//! Flags and helpers of all commands that connect to a broker.

use std::future::Future;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::failure::Failure;
use crate::cli::properties::Properties;
use crate::client::cluster::Cluster;

/// Where the broker is, and how to speak to it.
#[derive(Debug, Clone, Args)]
pub struct Broker {
    /// Broker to connect to, or several separated by commas.
    #[arg(long, value_name = "HOST:PORT", env = "OTTLA_BOOTSTRAP_SERVER", hide_env = true)]
    #[arg(default_value = "localhost:9092")]
    pub bootstrap_server: String,
    /// Set a client property by Kafka's name; repeatable.
    #[arg(short = 'X', value_name = "NAME=VALUE")]
    pub set: Vec<String>,
    /// File with client properties.
    #[arg(long, value_name = "FILE", visible_alias = "config-file")]
    pub command_config: Option<PathBuf>,
}

impl Broker {
    /// Returns the properties given, with flags overriding the file.
    ///
    /// # Errors
    /// The file cannot be read, or a pair has no `=`.
    pub fn properties(&self) -> Result<Properties, Failure> {
        let mut properties = match &self.command_config {
            Some(path) => Properties::from_file(path)?,
            None => Properties::default(),
        };
        properties.add_all(&self.set)?;
        Ok(properties)
    }

    /// Connects; all properties are the client's.
    ///
    /// # Errors
    /// Nothing answers, or a property is invalid.
    pub async fn connect(&self) -> Result<Cluster, Failure> {
        let mut properties = self.properties()?;
        let connection_config = properties.connection_config("ottla")?;
        properties.warn_of_rest();
        Ok(Cluster::connect(&self.bootstrap_server, connection_config).await?)
    }
}

/// How results are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// A table.
    #[default]
    #[value(alias = "human", alias = "text")]
    Table,
    /// JSON.
    Json,
}

/// Runs a future on this thread.
///
/// # Errors
/// Its own, or that no runtime can be created.
pub fn run<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("cannot start the runtime: {error}")))?;
    let outcome = runtime.block_on(work);
    // A thread may be waiting for stdin; it must not delay the exit.
    runtime.shutdown_background();
    outcome
}

/// Parses `name=value,name=value`, where a value may be a `[list,of,words]`, and `\,` is a comma.
///
/// # Errors
/// A part has no `=`.
pub fn pairs(text: &str) -> Result<Vec<(String, String)>, Failure> {
    let mut parts = vec![String::new()];
    let (mut depth, mut chars) = (0, text.chars());
    while let Some(c) = chars.next() {
        match c {
            '\\' => parts.last_mut().into_iter().for_each(|p| p.extend(chars.next())),
            '[' => depth += 1,
            ']' => depth -= 1,
            ',' if depth <= 0 => parts.push(String::new()),
            c => parts.last_mut().into_iter().for_each(|p| p.push(c)),
        }
    }
    let parts = parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let pair = part.split_once('=').map(|(n, v)| (n.trim().to_owned(), v.to_owned()));
            pair.ok_or_else(|| Failure::usage(format!("{part:?}: expected NAME=VALUE")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_pairs_may_have_lists_in_them() {
        let pair = |n: &str, v: &str| (n.to_owned(), v.to_owned());
        assert_eq!(pairs("a=1,b=2").unwrap(), [pair("a", "1"), pair("b", "2")]);
        assert_eq!(
            pairs("cleanup.policy=[compact,delete],x=").unwrap(),
            [pair("cleanup.policy", "compact,delete"), pair("x", "")]
        );
        assert_eq!(pairs(r"a=1\,2").unwrap(), [pair("a", "1,2")]);
        assert!(pairs("a").is_err());
        assert!(pairs("").unwrap().is_empty());
    }
}
