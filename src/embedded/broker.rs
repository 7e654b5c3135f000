//! The handle of a broker in this process.

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
/// It serves any Kafka client, of this process or another, at [`Broker::bootstrap_servers`].
/// Because it has its own threads, it does not matter what runtime it is started from, whether
/// that runtime is busy or its time stands still, and whether a client blocks. Brokers share
/// nothing: as many as are wanted may run in one process. None of them reads the environment,
/// writes to stdout or stderr, or touches signals; their log lines go where this program sends
/// those of the crate `tracing`.
///
/// [`Broker::stop`] ends it in good order. Dropped, it ends as a killed process does, and the
/// directory of an ephemeral one goes; that waits for nothing and works anywhere.
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
    /// Taken by a stop; dropped, it ends the broker.
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

    /// Where it listens; the first place, if there are several.
    pub fn address(&self) -> SocketAddr {
        self.started.addresses[0]
    }

    /// Every place where it listens, in the order of the configuration.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.started.addresses
    }

    /// What a client of this machine is given as `bootstrap.servers`: [`Broker::address`], or
    /// loopback if it listens everywhere.
    pub fn bootstrap_servers(&self) -> String {
        let mut address = self.address();
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        address.to_string()
    }

    /// Where it keeps everything.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Why the broker has ended though nobody has stopped it: a fault of its own, which does not
    /// take this program with it. Clients find nothing at its address any more. None while it runs.
    pub fn failure(&self) -> Option<String> {
        self.started.tasks.failure().map(|failure| failure.to_string())
    }

    /// Create a topic. It can be written to when this returns.
    ///
    /// # Errors
    /// There is one of that name, or the broker does not accept its name, number of partitions or
    /// configs.
    pub async fn create_topic(&self, topic: impl Into<NewTopic>) -> Result<(), TopicError> {
        let topic = topic.into();
        self.ask(move |cluster| create(cluster, topic)).await
    }

    /// Delete a topic, with the offsets that groups have committed in it. Its name is free when
    /// this returns.
    ///
    /// # Errors
    /// There is no such topic, or it is the broker's own.
    pub async fn delete_topic(&self, name: &str) -> Result<(), TopicError> {
        let name = name.to_owned();
        self.ask(move |cluster| delete(cluster, name)).await
    }

    /// All topics but the broker's own, by name.
    ///
    /// # Errors
    /// The broker does not answer.
    pub async fn topics(&self) -> Result<Vec<Topic>, TopicError> {
        self.ask(list).await
    }

    /// Ask over a connection, as any client does: what is refused is refused in the same words.
    /// It is done on the broker's threads, so that the caller needs no runtime of tokio.
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
            // What clients are told to connect to may be a name that is none on this machine.
            cluster.nodes.clear();
            what(cluster).await
        });
        asking.await.unwrap_or_else(|error| Err(TopicError::Lost(error.to_string())))
    }

    /// Stop it as SIGTERM stops the daemon: what is in flight is answered, and everything is on
    /// the disk. Its address and its directory are free when this returns.
    ///
    /// # Errors
    /// Something could not be written, or the broker has ended already, see [`Broker::failure`]. Its
    /// next start repairs its files.
    pub async fn stop(mut self) -> Result<(), StopError> {
        let ended = || StopError("its threads have ended".to_owned());
        let (done, outcome) = oneshot::channel();
        let orders = self.orders.take().ok_or_else(ended)?;
        orders.send(done).map_err(|_| ended())?;
        outcome.await.map_err(|_| ended())?
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // After a stop there is nothing left to do.
        let Some(orders) = self.orders.take() else { return };
        drop(orders);
        // The broker's thread removes the directory once everything has ended, but the program
        // may end before that.
        if self.is_ephemeral {
            let _ = OsDisk.remove_dir(&self.data_dir);
        }
    }
}
