//! The thread of an embedded broker, which owns its runtime.
//!
//! **Invariant:** the runtime is dropped on this thread, where blocking is allowed, and the
//! directory of an ephemeral broker is removed after that, when nothing can write to it any more.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::process::{Resource, getrlimit};
use tempfile::TempDir;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::oneshot;

use crate::broker::tasks::Tasks;
use crate::clock::SystemClock;
use crate::config::settings::Settings;
use crate::embedded::error::{StartError, StopError};
use crate::server::boot::{Boot, Running};
use crate::storage::disk::{Disk, OsDisk};
use crate::storage::fd_cache::{BoundedDisk, files_within};

/// One broker uses at most one in this many of the process's file descriptors: the program needs
/// its own, and there may be other brokers.
const SHARE_OF_FILES: usize = 4;
/// How often the removal of the directory is tried, in case a file is added meanwhile.
const REMOVALS: usize = 3;

/// What a broker is started with.
#[derive(Debug)]
pub struct Launch {
    /// Its settings.
    pub settings: Settings,
    /// Its data directory.
    pub data_dir: PathBuf,
    /// The disk, if not the operating system's.
    pub disk: Option<Arc<dyn Disk>>,
    /// The data directory, if it is removed with the broker.
    pub temporary: Option<TempDir>,
    /// The number of threads that serve requests.
    pub worker_threads: usize,
}

/// A broker that clients can connect to.
#[derive(Debug)]
pub struct Started {
    /// Its tasks, which record a panic.
    pub tasks: Tasks,
    /// The addresses that it listens on.
    pub addresses: Vec<SocketAddr>,
    /// The runtime of its tasks.
    pub runtime: Handle,
}

/// The result of a stop.
pub type StopResult = Result<(), StopError>;

/// Requests a stop, with a channel for its result. Dropping it ends the broker immediately.
pub type StopSender = oneshot::Sender<oneshot::Sender<StopResult>>;

/// Reports that the broker is ready, or why it did not start.
pub type ReadyReceiver = oneshot::Receiver<Result<Started, StartError>>;

/// Starts the thread.
///
/// # Errors
/// The operating system refuses the thread.
pub fn launch(launch: Launch) -> Result<(StopSender, ReadyReceiver), StartError> {
    let (stop, stop_requested) = oneshot::channel();
    let (ready, readiness) = oneshot::channel();
    std::thread::Builder::new()
        .name("ottla".to_owned())
        .spawn(move || run(launch, stop_requested, ready))
        .map_err(no_threads)?;
    Ok((stop, readiness))
}

fn no_threads(error: std::io::Error) -> StartError {
    StartError::System { what: "a thread", error }
}

type ReadySender = oneshot::Sender<Result<Started, StartError>>;
type StopReceiver = oneshot::Receiver<oneshot::Sender<StopResult>>;

fn run(launch: Launch, stop_requested: StopReceiver, ready: ReadySender) {
    let Launch { settings, data_dir, disk, temporary, worker_threads } = launch;
    let ended = match runtime(worker_threads) {
        Ok(runtime) => {
            let ended = runtime.block_on(serve(settings, data_dir, disk, stop_requested, ready));
            drop(runtime);
            ended
        }
        Err(error) => {
            let _ = ready.send(Err(error));
            None
        }
    };
    if let Some(dir) = temporary {
        remove(dir);
    }
    if let Some((done, outcome)) = ended {
        // The caller may have stopped waiting.
        let _ = done.send(outcome);
    }
}

fn runtime(worker_threads: usize) -> Result<Runtime, StartError> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(worker_threads).thread_name("ottla-worker").enable_io().enable_time();
    builder.build().map_err(no_threads)
}

/// Serves until a stop is requested or a task panics. Returns the result and the channel to report
/// it on, if a stop was requested.
async fn serve(
    settings: Settings,
    data_dir: PathBuf,
    disk: Option<Arc<dyn Disk>>,
    mut stop_requested: StopReceiver,
    ready: ReadySender,
) -> Option<(oneshot::Sender<StopResult>, StopResult)> {
    let running = match boot(settings, data_dir, disk).await {
        Ok(running) => running,
        Err(error) => {
            let _ = ready.send(Err(error));
            return None;
        }
    };
    // If the receiver is gone, the stop channel is closed as well.
    let (tasks, addresses) = (running.broker.tasks.clone(), running.addresses.clone());
    let _ = ready.send(Ok(Started { tasks, addresses, runtime: Handle::current() }));
    let order = running.until(&mut stop_requested).await;
    if let Some(Err(_)) = order {
        // The handle has been dropped.
        running.kill();
        return None;
    }
    let stopped = running.stop().await.map_err(|error| StopError(error.to_string()));
    let done = match order {
        Some(order) => order.ok()?,
        // A task panicked; the handle gets the error when it is stopped.
        None => stop_requested.await.ok()?,
    };
    Some((done, stopped))
}

async fn boot(
    settings: Settings,
    data_dir: PathBuf,
    disk: Option<Arc<dyn Disk>>,
) -> Result<Running, StartError> {
    // The limit belongs to the program and is not raised.
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let files = files_within(limit) / SHARE_OF_FILES;
    let under = disk.unwrap_or_else(|| Arc::new(OsDisk));
    let disk = Arc::new(BoundedDisk::new(under, files));
    let (settings, clock) = (Arc::new(settings), Arc::new(SystemClock::default()));
    Ok(Boot { settings, data_dir, disk, clock }.start(|_| {}).await?)
}

/// Removes a temporary directory. The handle may be removing it at the same time, which must not
/// make either fail.
fn remove(dir: TempDir) {
    let dir = dir.keep();
    for _ in 0..REMOVALS {
        if OsDisk.remove_dir(&dir).is_ok() || !dir.exists() {
            return;
        }
    }
    tracing::warn!(dir = %dir.display(), "could not delete the temporary directory");
}
