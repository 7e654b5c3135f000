//! Configures and starts an embedded broker.

use std::path::PathBuf;
use std::sync::Arc;

use crate::config::error::ConfigError;
use crate::config::settings::{Flag, Settings};
use crate::embedded::broker::Broker;
use crate::embedded::error::StartError;
use crate::embedded::running::{self, Launch};
use crate::storage::disk::Disk;

/// The default number of threads that serve requests: many brokers may share a process.
const WORKER_THREADS: usize = 2;

/// The configuration of an embedded broker. Its defaults are those of `ottla serve`, except for the
/// address: a free port of 127.0.0.1.
#[derive(Debug, Clone, Default)]
pub struct Builder {
    flags: Vec<Flag>,
    listen: Vec<String>,
    is_ephemeral: bool,
    worker_threads: Option<usize>,
    disk: Option<Arc<dyn Disk>>,
}

impl Broker {
    /// Returns a builder: configure it, then call [`Builder::start`].
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl Builder {
    /// Sets a config by its Kafka broker config name: `num.partitions`, `log.retention.ms`. The
    /// last of several values counts.
    pub fn config(mut self, name: impl Into<String>, value: impl ToString) -> Builder {
        self.flags.push(flag(name, value.to_string(), "config()"));
        self
    }

    /// Sets the data directory, which is created if it does not exist. It may have been written by
    /// another Ottla or by Apache Kafka.
    pub fn data_dir(self, dir: impl Into<PathBuf>) -> Builder {
        let dir = dir.into().display().to_string();
        let mut builder = self;
        builder.flags.push(flag("log.dirs", dir, "data_dir()"));
        builder
    }

    /// Keeps the data in a temporary directory, which is removed when the broker ends.
    pub fn ephemeral(mut self) -> Builder {
        self.is_ephemeral = true;
        self
    }

    /// Listens on `HOST:PORT`; port 0 is a free one. May be called several times. Without it the
    /// broker listens on a free port of 127.0.0.1, which no other machine can reach.
    pub fn listen(mut self, address: impl ToString) -> Builder {
        self.listen.push(address.to_string());
        self
    }

    /// Sets the number of threads that serve requests, at least 1. Two are enough for tests.
    pub fn worker_threads(mut self, count: usize) -> Builder {
        self.worker_threads = Some(count.max(1));
        self
    }

    /// Keeps the data on this disk. Ottla's own tests inject faults with it.
    #[doc(hidden)]
    pub fn disk(mut self, disk: Arc<dyn Disk>) -> Builder {
        self.disk = Some(disk);
        self
    }

    /// Starts the broker. Clients can connect when this returns. If the future is dropped before,
    /// the broker ends.
    ///
    /// # Errors
    /// A config, the directory or an address is invalid or cannot be used.
    pub async fn start(self) -> Result<Broker, StartError> {
        let worker_threads = self.worker_threads.unwrap_or(WORKER_THREADS);
        let is_ephemeral = self.is_ephemeral;
        let disk = self.disk.clone();
        let settings = self.settings()?;
        let (data_dir, temporary) = match (settings.broker().log_dir, is_ephemeral) {
            (Some(dir), false) => (dir, None),
            (None, true) => {
                let temporary = tempfile::Builder::new().prefix("ottla-").tempdir();
                let dir = temporary
                    .map_err(|error| StartError::System { what: "a temporary directory", error })?;
                (dir.path().to_owned(), Some(dir))
            }
            (Some(dir), true) => return Err(StartError::TwoDirectories(dir.display().to_string())),
            (None, false) => return Err(StartError::NoDirectory),
        };
        let launch =
            Launch { settings, data_dir: data_dir.clone(), disk, temporary, worker_threads };
        let (orders, readiness) = running::launch(launch)?;
        let started = readiness.await.map_err(|_| StartError::Ended)??;
        Ok(Broker::new(orders, started, data_dir, is_ephemeral))
    }

    fn settings(self) -> Result<Settings, ConfigError> {
        let mut flags = self.flags;
        let says_where = flags.iter().any(|flag| flag.name == "listeners");
        if !self.listen.is_empty() {
            flags.push(flag("listeners", self.listen.join(","), "listen()"));
        } else if !says_where {
            flags.push(flag("listeners", "127.0.0.1:0".to_owned(), "listen()"));
        }
        // The environment belongs to the program and may be meant for another Ottla.
        Settings::load(None, [], &flags)
    }
}

fn flag(name: impl Into<String>, value: String, origin: &str) -> Flag {
    Flag { name: name.into(), value, origin: origin.to_owned() }
}
