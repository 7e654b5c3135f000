//! Boots a broker with its listeners, and stops it: one sequence for the daemon, for a broker
//! inside another program, and for tests.
//!
//! The caller brings the runtime and the disk, and decides what else happens between the steps:
//! signals, the control socket, the report that the broker is ready.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::broker::start::StartError;
use crate::broker::state::Broker;
use crate::broker::tasks::TaskPanic;
use crate::broker::{start, stop};
use crate::clock::Clock;
use crate::config::settings::Settings;
use crate::server::listener;
use crate::storage::datadir;
use crate::storage::disk::Disk;

/// How long the last syncs may take after a task panicked.
const AFTER_PANIC: Duration = Duration::from_secs(10);

/// What a broker is booted with.
#[derive(Debug, Clone)]
pub struct Boot {
    /// Its settings.
    pub settings: Arc<Settings>,
    /// Its data directory.
    pub data_dir: PathBuf,
    /// The disk.
    pub disk: Arc<dyn Disk>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

/// A broker that serves clients.
#[derive(Debug)]
pub struct Running {
    /// The broker.
    pub broker: Arc<Broker>,
    /// The address of each listener, in the order of the configuration.
    pub addresses: Vec<SocketAddr>,
    /// Finishes when no connection is left.
    serving: JoinHandle<()>,
}

/// Why a broker did not boot. Nothing of it remains.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// It did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// It cannot listen on an address.
    #[error(transparent)]
    Listen(io::Error),
}

/// Why a broker did not stop cleanly. The next start recovers its logs.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    /// A task had panicked.
    #[error(transparent)]
    Panic(TaskPanic),
    /// A log could not be closed.
    #[error(transparent)]
    Close(io::Error),
}

impl Boot {
    /// Locks the data directory, starts the broker and lets clients in; `prepare` is called before
    /// the first client is. Must be called within a tokio runtime, on which it spawns all tasks.
    ///
    /// # Errors
    /// The data directory, a config or an address cannot be used.
    pub async fn start(self, prepare: impl FnOnce(&Broker)) -> Result<Running, BootError> {
        let Boot { settings, data_dir, disk, clock } = self;
        let hold = datadir::lock(&data_dir).map_err(StartError::from)?;
        warn_of_settings(&settings);
        let broker = start::start(settings, data_dir, disk, clock, Some(hold))?;
        prepare(&broker);
        match listener::bind(&broker).await {
            Ok((listeners, addresses)) => {
                let serve = listener::serve(broker.clone(), listeners);
                let serving = broker.tasks.spawn("listeners", serve);
                Ok(Running { broker, addresses, serving })
            }
            Err(error) => {
                broker.begin_stop();
                // This restores the clean state; if it fails, the next start recovers.
                let _ = close(broker).await;
                Err(BootError::Listen(error))
            }
        }
    }
}

impl Running {
    /// Waits until `stop_requested` is done and returns its result, or `None` if a task panicked
    /// before that: the broker must then be stopped as well.
    pub async fn until<R>(&self, stop_requested: impl Future<Output = R>) -> Option<R> {
        tokio::select! {
            requested = stop_requested => Some(requested),
            _ = self.broker.tasks.failed() => None,
        }
    }

    /// Stops cleanly: requests in flight are answered, and everything is written to disk.
    ///
    /// # Errors
    /// A task had panicked, or a write failed.
    pub async fn stop(self) -> Result<(), StopError> {
        let broker = self.broker.clone();
        let _ = self.kill().await;
        let Some(panic) = broker.tasks.failure() else {
            return close(broker).await.map_err(StopError::Close);
        };
        // Acknowledged records are at least in the page cache, and the bug may prevent more.
        let _ = tokio::time::timeout(AFTER_PANIC, close(broker)).await;
        Err(StopError::Panic(panic))
    }

    /// Ends the broker as a killed process ends: nothing is flushed, and the next start recovers.
    /// The returned handle finishes when no connection is left.
    pub fn kill(self) -> JoinHandle<()> {
        self.broker.begin_stop();
        self.serving
    }
}

/// Closes all logs. Must be called when no connection is left.
async fn close(broker: Arc<Broker>) -> io::Result<()> {
    let closed = tokio::task::spawn_blocking(move || stop::stop(&broker)).await;
    closed.unwrap_or_else(|error| Err(error.into()))
}

fn warn_of_settings(settings: &Settings) {
    for option in settings.unused_settings() {
        tracing::warn!(
            name = option.name,
            value = option.value,
            origin = option.origin,
            why = option.why,
            "this config has no effect here and is only reported"
        );
    }
    for (name, value) in settings.lists_with_duplicates() {
        tracing::warn!(name, value, "an item that this config names more than once counts once");
    }
}
