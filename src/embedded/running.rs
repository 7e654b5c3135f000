//! The thread of a broker in this process: from its start to its end, on a runtime of its own.
//!
//! **Invariant:** the runtime is dropped here, where waiting for it harms nobody, and the
//! directory of an ephemeral broker is removed after that, when nothing can write to it any more.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use tempfile::TempDir;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::broker::state::Broker;
use crate::broker::tasks::Tasks;
use crate::broker::{start, stop};
use crate::clock::SystemClock;
use crate::config::settings::Settings;
use crate::embedded::error::{StartError, StopError};
use crate::server::listener;
use crate::storage::datadir;
use crate::storage::disk::{Disk, OsDisk};
use crate::storage::fd_cache::{BoundedDisk, files_within};

/// The share of this process's open files that one broker may take: the program has its own, and
/// there may be other brokers.
const SHARE_OF_FILES: usize = 4;
/// How often the directory is removed again if something has come into it meanwhile.
const REMOVALS: usize = 3;
/// How long the last syncs may take after a fault of the broker's own.
const AFTER_FAULT: Duration = Duration::from_secs(10);

/// What a broker is started from.
#[derive(Debug)]
pub struct Launch {
    /// How it is configured.
    pub settings: Settings,
    /// Where it keeps everything.
    pub data_dir: PathBuf,
    /// On which disk, if it is not the operating system's.
    pub disk: Option<Arc<dyn Disk>>,
    /// The same, if it goes with the broker.
    pub temporary: Option<TempDir>,
    /// How many threads serve requests.
    pub worker_threads: usize,
}

/// What is known of a broker once clients can connect.
#[derive(Debug)]
pub struct Started {
    /// Whether a task of it has panicked.
    pub tasks: Tasks,
    /// Where it listens.
    pub addresses: Vec<SocketAddr>,
    /// Where its tasks run.
    pub runtime: Handle,
}

/// How a stop ended.
pub type StopResult = Result<(), StopError>;

/// The one order that a broker takes: to stop, and where to say how that ended. Dropped, it tells
/// the broker to end at once.
pub type StopSender = oneshot::Sender<oneshot::Sender<StopResult>>;

/// Where a broker says that it is ready, or why it is not.
pub type ReadyReceiver = oneshot::Receiver<Result<Started, StartError>>;

/// Begin the thread.
///
/// # Errors
/// The system gives none.
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
        // Who asked may have stopped waiting.
        let _ = done.send(outcome);
    }
}

fn runtime(worker_threads: usize) -> Result<Runtime, StartError> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(worker_threads).thread_name("ottla-worker").enable_io().enable_time();
    builder.build().map_err(no_threads)
}

/// Serve until told otherwise. Gives how a stop ended and who wants to know, if it was one.
async fn serve(
    settings: Settings,
    data_dir: PathBuf,
    disk: Option<Arc<dyn Disk>>,
    stop_requested: StopReceiver,
    ready: ReadySender,
) -> Option<(oneshot::Sender<StopResult>, StopResult)> {
    let (broker, addresses, serving) = match begin(settings, data_dir, disk).await {
        Ok(begun) => begun,
        Err(error) => {
            let _ = ready.send(Err(error));
            return None;
        }
    };
    // If nobody waits for it any more there is nobody who gives orders either.
    let tasks = broker.tasks.clone();
    let _ = ready.send(Ok(Started { tasks, addresses, runtime: Handle::current() }));
    let mut stop_requested = stop_requested;
    let order = tokio::select! {
        order = &mut stop_requested => Some(order),
        _ = broker.tasks.failed() => None,
    };
    broker.stopping.send_replace(true);
    let Some(order) = order else {
        // Clients are let go at once; whoever holds the handle hears of it when it is stopped.
        let _ = serving.await;
        let failure = broker.tasks.failed().await;
        let _ = tokio::time::timeout(AFTER_FAULT, close(broker)).await;
        let done = stop_requested.await.ok()?;
        return Some((done, Err(StopError(failure.to_string()))));
    };
    let done = order.ok()?;
    let _ = serving.await;
    Some((done, close(broker).await))
}

async fn begin(
    settings: Settings,
    data_dir: PathBuf,
    disk: Option<Arc<dyn Disk>>,
) -> Result<(Arc<Broker>, Vec<SocketAddr>, JoinHandle<()>), StartError> {
    for option in settings.unused_settings() {
        tracing::warn!(
            name = option.name,
            value = option.value,
            why = option.why,
            "this config has no effect here and is only reported"
        );
    }
    let hold = datadir::lock(&data_dir)?;
    // The limit is the program's, and stays as it is.
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let files = files_within(limit) / SHARE_OF_FILES;
    let under = disk.unwrap_or_else(|| Arc::new(OsDisk));
    let disk: Arc<dyn Disk> = Arc::new(BoundedDisk::new(under, files));
    let clock = Arc::new(SystemClock::default());
    let broker = start::start(Arc::new(settings), data_dir, disk, clock, Some(hold))?;
    match listener::bind(&broker).await {
        Ok((listeners, addresses)) => {
            let serve = listener::serve(broker.clone(), listeners);
            let serving = broker.tasks.spawn("listeners", serve);
            Ok((broker, addresses, serving))
        }
        Err(error) => {
            broker.stopping.send_replace(true);
            // What it was before it is again; if that fails, the next start repairs it.
            let _ = close(broker).await;
            Err(StartError::Listen(error))
        }
    }
}

async fn close(broker: Arc<Broker>) -> StopResult {
    let closed = tokio::task::spawn_blocking(move || stop::stop(&broker)).await;
    closed
        .map_err(|error| StopError(error.to_string()))?
        .map_err(|error| StopError(error.to_string()))
}

/// The handle may be removing it at the same time; neither is to stop because of the other.
fn remove(dir: TempDir) {
    let dir = dir.keep();
    for _ in 0..REMOVALS {
        if OsDisk.remove_dir(&dir).is_ok() || !dir.exists() {
            return;
        }
    }
    tracing::warn!(dir = %dir.display(), "a broker's temporary directory could not be removed");
}
