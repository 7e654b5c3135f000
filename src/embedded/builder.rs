//! What a broker in this process is to be like.

use std::path::PathBuf;
use std::sync::Arc;

use crate::config::error::ConfigError;
use crate::config::settings::{Flag, Settings};
use crate::embedded::broker::Broker;
use crate::embedded::error::StartError;
use crate::embedded::running::{self, Launch};
use crate::storage::disk::Disk;

/// How many threads serve requests, unless said otherwise: many brokers may share a process.
const WORKER_THREADS: usize = 2;

/// What a broker is to be like. What is not said is as with `ottla serve`, but for the address:
/// a free port of 127.0.0.1.
#[derive(Debug, Clone, Default)]
pub struct Builder {
    flags: Vec<Flag>,
    listen: Vec<String>,
    is_ephemeral: bool,
    worker_threads: Option<usize>,
    disk: Option<Arc<dyn Disk>>,
}

impl Broker {
    /// Say what it is to be like, then [`Builder::start`] it.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl Builder {
    /// Set a config, by Kafka's name for a broker's: `num.partitions`, `log.retention.ms`. Of two
    /// values for one name the later counts.
    pub fn config(mut self, name: impl Into<String>, value: impl ToString) -> Builder {
        self.flags.push(flag(name, value.to_string(), "config()"));
        self
    }

    /// Keep everything in this directory, which is made if it is missing. It may be one that
    /// another Ottla or Apache Kafka has left.
    pub fn data_dir(self, dir: impl Into<PathBuf>) -> Builder {
        let dir = dir.into().display().to_string();
        let mut builder = self;
        builder.flags.push(flag("log.dirs", dir, "data_dir()"));
        builder
    }

    /// Keep everything in a temporary directory, which goes when the broker ends.
    pub fn ephemeral(mut self) -> Builder {
        self.is_ephemeral = true;
        self
    }

    /// Listen at `HOST:PORT`; port 0 is a free one. May be said several times. Without it the
    /// broker listens at a free port of 127.0.0.1, where no other machine reaches it.
    pub fn listen(mut self, address: impl ToString) -> Builder {
        self.listen.push(address.to_string());
        self
    }

    /// Serve requests by so many threads, at least 1. Two do for tests.
    pub fn worker_threads(mut self, count: usize) -> Builder {
        self.worker_threads = Some(count.max(1));
        self
    }

    /// Keep everything on this disk, which a test of Ottla's own lets fail.
    #[doc(hidden)]
    pub fn disk(mut self, disk: Arc<dyn Disk>) -> Builder {
        self.disk = Some(disk);
        self
    }

    /// Start it. Clients can connect when this returns. If the future is dropped before, the
    /// broker ends.
    ///
    /// # Errors
    /// What is wrong with the configs, the directory or the address.
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
        // The environment is the program's, and may be meant for another Ottla.
        Settings::load(None, [], &flags)
    }
}

fn flag(name: impl Into<String>, value: String, origin: &str) -> Flag {
    Flag { name: name.into(), value, origin: origin.to_owned() }
}
