//! A broker inside the test, on a free port, in a directory of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ottla::broker::state::Broker;
use ottla::clock::{Clock, SystemClock};
use ottla::config::settings::{Flag, Settings};
use ottla::server::boot::{Boot, Running, StopError};
use ottla::storage::datadir::{self, DataDirError, DataDirLock};
use ottla::storage::disk::{Disk, OsDisk};

use crate::client::Client;
use crate::hang::{Watched, within_a_minute};

/// A running broker. Dropped, it ends as a killed process does, and its directory goes.
pub struct Ottla {
    dir: tempfile::TempDir,
    disk: Arc<dyn Disk>,
    configs: Vec<(String, String)>,
    clock: Option<Arc<dyn Clock>>,
    running: Option<Running>,
    _watched: Watched,
}

impl Ottla {
    /// With everything at its default.
    pub async fn start() -> Ottla {
        Ottla::with(&[]).await
    }

    /// With these configs, by Kafka's names.
    pub async fn with(configs: &[(&str, &str)]) -> Ottla {
        Ottla::on(Arc::new(OsDisk), configs).await
    }

    /// On a disk of the test's own.
    pub async fn on(disk: Arc<dyn Disk>, configs: &[(&str, &str)]) -> Ottla {
        Ottla::at(tempfile::tempdir().unwrap(), disk, configs).await
    }

    /// On a data directory that is there already.
    pub async fn in_dir(dir: tempfile::TempDir, configs: &[(&str, &str)]) -> Ottla {
        let ottla = Ottla::at(dir, Arc::new(OsDisk), configs).await;
        ottla.recovered().await;
        ottla
    }

    async fn at(dir: tempfile::TempDir, disk: Arc<dyn Disk>, configs: &[(&str, &str)]) -> Ottla {
        keep_log_lines();
        let configs = owned(configs);
        let mut ottla =
            Ottla { dir, disk, configs, clock: None, running: None, _watched: Watched::begin() };
        ottla.run().await;
        ottla
    }

    /// With a clock of the test's own. Timers are the real ones all the same.
    pub async fn timed(clock: Arc<dyn Clock>, configs: &[(&str, &str)]) -> Ottla {
        let mut ottla = Ottla::with(configs).await;
        ottla.stop().await;
        ottla.clock = Some(clock);
        ottla.run().await;
        ottla
    }

    /// On a disk and with a clock of the test's own.
    #[allow(dead_code, reason = "tests/sim uses it")]
    pub async fn simulated(
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        configs: &[(&str, &str)],
    ) -> Ottla {
        let mut ottla = Ottla::on(disk, configs).await;
        ottla.kill().await;
        ottla.clock = Some(clock);
        ottla.start_again().await;
        ottla
    }

    async fn run(&mut self) {
        let mut flags = vec![flag("listeners", "127.0.0.1:0")];
        flags.extend(self.configs.iter().map(|(name, value)| flag(name, value)));
        let settings = Arc::new(Settings::load(None, [], &flags).unwrap());
        drop(lock(self.data_dir()).await);
        if !self.disk.exists(self.data_dir()) {
            self.disk.create_dir(self.data_dir()).unwrap();
            // A loss of power does not take the directory itself; `datadir::lock` sees to that.
            for above in self.data_dir().ancestors().skip(1) {
                self.disk.sync_dir(above).unwrap();
            }
        }
        let (data_dir, disk) = (self.data_dir().to_owned(), self.disk.clone());
        let clock = self.clock.clone().unwrap_or_else(|| Arc::new(SystemClock::default()));
        let boot = Boot { settings, data_dir, disk, clock };
        self.running = Some(boot.start(|_| {}).await.unwrap());
    }

    /// Wait until no log is being recovered after a crash.
    async fn recovered(&self) {
        let topics = self.broker().topics.clone();
        within_a_minute("the logs are recovered", async {
            while topics.recovery().left() > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    }

    /// Stop as SIGTERM does.
    pub async fn stop(&mut self) {
        self.stopped().await.unwrap();
    }

    /// Stop after a task has panicked.
    pub async fn stop_after_panic(&mut self) {
        let stopped = self.stopped().await;
        assert!(matches!(stopped, Err(StopError::Panic(_))), "{stopped:?}");
    }

    async fn stopped(&mut self) -> Result<(), StopError> {
        let running = self.running.take().unwrap();
        let gone = gone(&running.broker);
        let stopped = running.stop().await;
        gone.await;
        stopped
    }

    /// Stop as `kill -9` does: nothing is flushed or marked.
    pub async fn kill(&mut self) {
        let running = self.running.take().unwrap();
        let gone = gone(&running.broker);
        running.kill().await.unwrap();
        gone.await;
    }

    /// Stop cleanly and start again, on another port.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.run().await;
    }

    /// Stop cleanly and start again with these configs instead, on another port.
    pub async fn restart_with(&mut self, configs: &[(&str, &str)]) {
        self.configs = owned(configs);
        self.restart().await;
    }

    /// Kill and start again, on another port; returns once the logs are recovered.
    pub async fn kill_and_restart(&mut self) {
        self.kill().await;
        self.start_again().await;
    }

    /// Start again after `stop` or `kill`; returns once the logs are recovered.
    pub async fn start_again(&mut self) {
        self.run().await;
        self.recovered().await;
    }

    /// Start again after `kill`; returns while the logs are being recovered.
    pub async fn start_recovering(&mut self) {
        self.run().await;
    }

    /// Start again on what is left of the disk; returns while the logs are being recovered.
    #[allow(dead_code, reason = "tests/sim uses it")]
    pub async fn start_recovering_on(&mut self, disk: Arc<dyn Disk>) {
        self.disk = disk;
        self.run().await;
    }

    /// Start again on what is left of the disk; returns once the logs are recovered.
    pub async fn start_again_on(&mut self, disk: Arc<dyn Disk>) {
        self.disk = disk;
        self.start_again().await;
    }

    pub fn address(&self) -> SocketAddr {
        self.running.as_ref().unwrap().addresses[0]
    }

    pub fn broker(&self) -> &Broker {
        &self.running.as_ref().unwrap().broker
    }

    /// The broker, for whatever runs beside it.
    pub fn shared(&self) -> Arc<Broker> {
        self.running.as_ref().unwrap().broker.clone()
    }

    pub fn data_dir(&self) -> &Path {
        self.dir.path()
    }

    /// The first log file of a partition.
    pub fn log_file(&self, partition: &str) -> PathBuf {
        self.data_dir().join(partition).join("00000000000000000000.log")
    }

    /// A client of its own.
    pub async fn client(&self) -> Client {
        Client::connect(self.address()).await
    }
}

/// Lock a data directory, as soon as the last task of the broker that had it has ended.
fn owned(configs: &[(&str, &str)]) -> Vec<(String, String)> {
    configs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub async fn lock(dir: &Path) -> DataDirLock {
    within_a_minute("the directory is free", async {
        loop {
            match datadir::lock(dir) {
                Err(DataDirError::Held { .. }) => tokio::task::yield_now().await,
                held => break held.unwrap(),
            }
        }
    })
    .await
}

/// Wait until no task holds the broker or its topics: the data directory's lock goes with them.
fn gone(broker: &Arc<Broker>) -> impl Future<Output = ()> + use<> {
    let (held, topics) = (Arc::downgrade(broker), Arc::downgrade(&broker.topics));
    within_a_minute("no task holds the broker", async move {
        while held.strong_count() + topics.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
    })
}

/// Give the process a subscriber of log lines, which drops them. Without one, a line that some test
/// logs for the first time just when another installs its own subscriber can be off for good.
fn keep_log_lines() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::registry();
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
}

fn flag(name: &str, value: &str) -> Flag {
    Flag { name: name.to_owned(), value: value.to_owned(), origin: "the test".to_owned() }
}
