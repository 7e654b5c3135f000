//! The handle of an embedded broker.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use tokio::sync::oneshot;

use crate::client::cluster::Cluster;
use crate::client::connection::ConnectionConfig;
use crate::embedded::error::StopError;
use crate::embedded::running::{Started, StopSender};
use crate::embedded::topics::{NewTopic, Topic, TopicError, create, delete, list};
use crate::storage::disk::{Disk, OsDisk};

/// A broker that runs in this process, on threads of its own.
///
/// It serves any Kafka client, in this process or another, at [`Broker::bootstrap_servers`]. Since
/// it has its own threads, it does not matter which runtime it is started from, whether that
/// runtime is busy or its time is paused, and whether a client blocks. Brokers share nothing; any
/// number of them may run in one process. None reads the environment, writes to stdout or stderr,
/// or touches signals; their log lines go to the program's `tracing` subscriber.
///
/// [`Broker::stop`] shuts it down cleanly. When dropped, it ends like a killed process, and the
/// directory of an ephemeral broker is removed; dropping does not block and works anywhere.
///
/// ```
/// use ottla::Broker;
/// use ottla::embedded::topics::{NewTopic, TopicError};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let broker = Broker::builder().ephemeral().config("num.partitions", "3").start().await?;
/// println!("bootstrap.servers={}", broker.bootstrap_servers());
///
/// broker.create_topic("orders").await?;
/// let users = NewTopic::new("users").partitions(1).config("cleanup.policy", "compact");
/// broker.create_topic(users).await?;
/// let names: Vec<String> = broker.topics().await?.into_iter().map(|topic| topic.name).collect();
/// assert_eq!(names, ["orders", "users"]);
///
/// let again = broker.create_topic("orders").await;
/// assert_eq!(again, Err(TopicError::Exists("orders".to_owned())));
/// broker.delete_topic("orders").await?;
///
/// broker.stop().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Broker {
    /// Taken by a stop. Dropping it ends the broker.
    orders: Option<StopSender>,
    started: Started,
    data_dir: PathBuf,
    is_ephemeral: bool,
}

impl Broker {
    pub(crate) fn new(
        orders: StopSender,
        started: Started,
        data_dir: PathBuf,
        is_ephemeral: bool,
    ) -> Broker {
        Broker { orders: Some(orders), started, data_dir, is_ephemeral }
    }

    /// Returns the address that the broker listens on; the first one if there are several.
    pub fn address(&self) -> SocketAddr {
        self.started.addresses[0]
    }

    /// Returns every address that the broker listens on, in the order of the configuration.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.started.addresses
    }

    /// Returns the `bootstrap.servers` for clients on this machine: [`Broker::address`], or
    /// loopback if the broker listens on all interfaces.
    pub fn bootstrap_servers(&self) -> String {
        let mut address = self.address();
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        address.to_string()
    }

    /// Returns the data directory.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Returns why the broker ended without being stopped: a bug in Ottla, which does not take this
    /// program down with it. Clients can no longer connect. `None` while it runs.
    pub fn failure(&self) -> Option<String> {
        self.started.tasks.failure().map(|failure| failure.to_string())
    }

    /// Creates a topic. It can be written to when this returns.
    ///
    /// # Errors
    /// The topic exists, or the broker rejects its name, number of partitions or configs.
    pub async fn create_topic(&self, topic: impl Into<NewTopic>) -> Result<(), TopicError> {
        let topic = topic.into();
        self.ask(move |cluster| create(cluster, topic)).await
    }

    /// Deletes a topic and the offsets that groups have committed in it. Its name is free when this
    /// returns.
    ///
    /// # Errors
    /// No such topic, or an internal one.
    pub async fn delete_topic(&self, name: &str) -> Result<(), TopicError> {
        let name = name.to_owned();
        self.ask(move |cluster| delete(cluster, name)).await
    }

    /// Returns all topics except internal ones, sorted by name.
    ///
    /// # Errors
    /// The broker does not answer.
    pub async fn topics(&self) -> Result<Vec<Topic>, TopicError> {
        self.ask(list).await
    }

    /// Makes a request over a connection, as any client does, so that refusals have the same
    /// messages. Runs on the broker's threads, so that the caller needs no tokio runtime.
    async fn ask<T, A>(
        &self,
        what: impl FnOnce(Cluster) -> A + Send + 'static,
    ) -> Result<T, TopicError>
    where
        T: Send + 'static,
        A: Future<Output = Result<T, TopicError>> + Send,
    {
        let bootstrap = self.bootstrap_servers();
        let asking = self.started.runtime.spawn(async move {
            let mut cluster = Cluster::connect(&bootstrap, ConnectionConfig::default())
                .await
                .map_err(|error| TopicError::Lost(error.to_string()))?;
            // The advertised host may not resolve on this machine.
            cluster.nodes.clear();
            what(cluster).await
        });
        asking.await.unwrap_or_else(|error| Err(TopicError::Lost(error.to_string())))
    }

    /// Stops the broker as SIGTERM stops the daemon: requests in flight are answered and everything
    /// is written to disk. Its address and directory are free when this returns.
    ///
    /// # Errors
    /// A write failed, or the broker has already ended, see [`Broker::failure`]. The next start
    /// recovers its logs.
    pub async fn stop(mut self) -> Result<(), StopError> {
        let ended = || StopError("its threads have already ended".to_owned());
        let (done, outcome) = oneshot::channel();
        let orders = self.orders.take().ok_or_else(ended)?;
        orders.send(done).map_err(|_| ended())?;
        outcome.await.map_err(|_| ended())?
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // Nothing is left to do after a stop.
        let Some(orders) = self.orders.take() else { return };
        drop(orders);
        // The broker's thread removes the directory at its end, but the program may exit before
        // that.
        if self.is_ephemeral {
            let _ = OsDisk.remove_dir(&self.data_dir);
        }
    }
}
