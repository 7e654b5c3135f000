//! A client's view of a cluster: its brokers, the leaders of partitions, a connection to each
//! broker.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    BrokerId, FindCoordinatorRequest, FindCoordinatorResponse, MetadataRequest, MetadataResponse,
    TopicName,
};

use crate::client::connection::{Connection, ConnectionConfig, text};
use crate::client::error::ClientError;
use crate::types::TopicId;

/// How often a request is repeated while its error is retriable.
const ATTEMPTS: u32 = 10;
/// The time between two attempts.
const PAUSE: Duration = Duration::from_millis(100);
/// The newest version of FindCoordinator that asks for a single key.
const ONE_COORDINATOR: i16 = 3;
/// The kinds of coordinators.
const OF_GROUPS: i8 = 0;
const OF_TRANSACTIONS: i8 = 1;

/// A topic in the metadata.
#[derive(Debug, Clone)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Its id; all zeros if the broker is too old for ids.
    pub id: TopicId,
    /// True for `__consumer_offsets` and other internal topics.
    pub is_internal: bool,
    /// Its partitions, by index.
    pub partitions: BTreeMap<i32, Partition>,
}

/// A partition in the metadata.
#[derive(Debug, Clone)]
pub struct Partition {
    /// The leader's id, or -1.
    pub leader: i32,
    /// The brokers with a replica.
    pub replicas: Vec<i32>,
    /// The in-sync replicas.
    pub isr: Vec<i32>,
}

/// A broker in the metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its id.
    pub id: i32,
    /// The advertised host.
    pub host: String,
    /// The advertised port.
    pub port: i32,
    /// Its rack, if configured.
    pub rack: Option<String>,
}

impl Node {
    /// Returns `host:port`.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// A client's view of a cluster.
#[derive(Debug)]
pub struct Cluster {
    bootstrap: Vec<String>,
    connection_config: ConnectionConfig,
    connections: BTreeMap<String, Connection>,
    /// The brokers, by id.
    pub nodes: BTreeMap<i32, Node>,
    /// The controller's id, or -1.
    pub controller: i32,
    /// The cluster's id.
    pub cluster_id: Option<String>,
    topics: BTreeMap<String, Topic>,
}

impl Cluster {
    /// Connects to the first of `bootstrap` (`host:port`, separated by commas) that answers, and
    /// reads the cluster's brokers.
    ///
    /// # Errors
    /// None of them answers, or it is not a broker.
    pub async fn connect(
        bootstrap: &str,
        connection_config: ConnectionConfig,
    ) -> Result<Cluster, ClientError> {
        let list = bootstrap.split(',').map(str::trim).filter(|a| !a.is_empty());
        let bootstrap: Vec<String> = list.map(with_port).collect::<Result<_, _>>()?;
        let mut cluster = Cluster {
            bootstrap,
            connection_config,
            connections: BTreeMap::new(),
            nodes: BTreeMap::new(),
            controller: -1,
            cluster_id: None,
            topics: BTreeMap::new(),
        };
        cluster.metadata(Some(&[]), false).await?;
        Ok(cluster)
    }

    /// Returns the bootstrap addresses.
    pub fn bootstrap(&self) -> String {
        self.bootstrap.join(",")
    }

    /// Returns any connection: an open one, or one to the first address that answers.
    ///
    /// # Errors
    /// None answers.
    pub async fn any(&mut self) -> Result<&mut Connection, ClientError> {
        let open = self.connections.keys().next().cloned();
        if let Some(address) = open {
            return self.at(&address).await;
        }
        let known = self.nodes.values().map(Node::address);
        let addresses: Vec<String> = self.bootstrap.iter().cloned().chain(known).collect();
        let mut last = None;
        for address in &addresses {
            match Connection::open(address, &self.connection_config).await {
                Ok(connection) => {
                    return Ok(self.connections.entry(address.clone()).or_insert(connection));
                }
                Err(error) => last = Some(error),
            }
        }
        Err(match last {
            Some(ClientError::Unreachable { why, .. }) => {
                ClientError::Unreachable { addresses: self.bootstrap(), why }
            }
            Some(other) => other,
            None => ClientError::Invalid("no bootstrap server was given".to_owned()),
        })
    }

    /// Returns the connection to an address, opening it if necessary.
    ///
    /// # Errors
    /// Nothing answers there.
    pub async fn at(&mut self, address: &str) -> Result<&mut Connection, ClientError> {
        if !self.connections.contains_key(address) {
            let connection = Connection::open(address, &self.connection_config).await?;
            self.connections.insert(address.to_owned(), connection);
        }
        self.connections.get_mut(address).ok_or_else(|| ClientError::Invalid(address.to_owned()))
    }

    /// Opens a separate connection to a broker, which the caller owns.
    ///
    /// # Errors
    /// The broker is not known or does not answer.
    pub async fn own_connection(&self, node: i32) -> Result<Connection, ClientError> {
        Connection::open(&self.address_of(node)?, &self.connection_config).await
    }

    /// Returns the connection to a broker.
    ///
    /// # Errors
    /// The broker is not known or does not answer.
    pub async fn node(&mut self, node: i32) -> Result<&mut Connection, ClientError> {
        let address = self.address_of(node)?;
        self.at(&address).await
    }

    /// Returns the connection to the controller. If it is unknown, any broker will do, since
    /// brokers forward such requests.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn controller(&mut self) -> Result<&mut Connection, ClientError> {
        match self.nodes.contains_key(&self.controller) {
            true => self.node(self.controller).await,
            false => self.any().await,
        }
    }

    /// Returns the advertised address of a broker.
    ///
    /// # Errors
    /// There is no such broker.
    pub fn address_of(&self, node: i32) -> Result<String, ClientError> {
        let found = self.nodes.get(&node).map(Node::address);
        found.ok_or_else(|| ClientError::Invalid(format!("there is no broker {node}")))
    }

    /// Drops all connections, because one of them is broken.
    pub fn forget_connections(&mut self) {
        self.connections.clear();
    }

    /// Requests the metadata of topics (all of them if `None`) and stores brokers and topics.
    ///
    /// # Errors
    /// No broker answers.
    pub async fn metadata(
        &mut self,
        topics: Option<&[String]>,
        create: bool,
    ) -> Result<MetadataResponse, ClientError> {
        let named = topics.map(|names| {
            let one = |n: &String| MetadataRequestTopic::default().with_name(Some(topic_name(n)));
            names.iter().map(one).collect()
        });
        let request =
            MetadataRequest::default().with_topics(named).with_allow_auto_topic_creation(create);
        let answer = match self.any().await?.call(12, &request).await {
            Err(error) if error.may_pass() => {
                self.forget_connections();
                self.any().await?.call(12, &request).await?
            }
            answered => answered?,
        };
        self.nodes = answer.brokers.iter().map(|b| (b.node_id.0, node(b))).collect();
        self.controller = answer.controller_id.0;
        self.cluster_id = answer.cluster_id.as_ref().map(ToString::to_string);
        for topic in &answer.topics {
            let Some(name) = &topic.name else { continue };
            match topic.error_code {
                0 => self.topics.insert(name.0.to_string(), topic_of(topic)),
                _ => self.topics.remove(name.as_str()),
            };
        }
        Ok(answer)
    }

    /// Returns a topic; retries while the broker reports that it is being created.
    ///
    /// # Errors
    /// There is no such topic, or no broker answers.
    pub async fn topic(&mut self, name: &str, create: bool) -> Result<Topic, ClientError> {
        if let Some(topic) = self.topics.get(name) {
            return Ok(topic.clone());
        }
        let mut attempt = 0;
        loop {
            let answer = self.metadata(Some(&[name.to_owned()]), create).await?;
            if let Some(topic) = self.topics.get(name).filter(|t| has_leaders(t)) {
                return Ok(topic.clone());
            }
            let code = answer.topics.first().map_or(3, |topic| topic.error_code);
            attempt += 1;
            let refused = ClientError::check(code, None, &format!("the topic {name}"));
            let passes = create || code != 3;
            match refused {
                Err(error) if !error.may_pass() || !passes || attempt == ATTEMPTS => {
                    return Err(error);
                }
                Ok(()) if attempt == ATTEMPTS => ClientError::check(5, None, name)?,
                _ => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    /// Returns all topics, sorted by name.
    ///
    /// # Errors
    /// No broker answers.
    pub async fn all_topics(&mut self) -> Result<Vec<Topic>, ClientError> {
        let answer = self.metadata(None, false).await?;
        let mut topics: Vec<Topic> =
            answer.topics.iter().filter(|t| t.error_code == 0).map(topic_of).collect();
        topics.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(topics)
    }

    /// Drops the metadata of a topic, so that it is requested again.
    pub fn forget_topic(&mut self, name: &str) {
        self.topics.remove(name);
    }

    /// Returns the leader of a partition. The topic must have been requested before.
    ///
    /// # Errors
    /// The topic has no such partition.
    pub fn leader(&self, topic: &str, partition: i32) -> Result<i32, ClientError> {
        let found = self.topics.get(topic).and_then(|t| t.partitions.get(&partition));
        found.map(|p| p.leader).ok_or_else(|| {
            ClientError::Invalid(format!("the topic {topic} has no partition {partition}"))
        })
    }

    /// Returns the coordinator of a group.
    ///
    /// # Errors
    /// There is none, or no broker answers.
    pub async fn coordinator(&mut self, group: &str) -> Result<i32, ClientError> {
        self.find_coordinator(OF_GROUPS, group, &format!("the group {group}")).await
    }

    /// Returns the coordinator of a transactional id.
    ///
    /// # Errors
    /// There is none, or no broker answers.
    pub async fn transaction_coordinator(&mut self, id: &str) -> Result<i32, ClientError> {
        self.find_coordinator(OF_TRANSACTIONS, id, &format!("the transactional id {id}")).await
    }

    async fn find_coordinator(
        &mut self,
        kind: i8,
        key: &str,
        about: &str,
    ) -> Result<i32, ClientError> {
        let mut attempt = 0;
        loop {
            let (code, message, node) = self.ask_coordinator(kind, key).await?;
            attempt += 1;
            match ClientError::check(code, message.as_deref(), about) {
                Ok(()) => {
                    self.nodes.entry(node.id).or_insert_with(|| node.clone());
                    return Ok(node.id);
                }
                Err(error) if !error.may_pass() || attempt == 5 * ATTEMPTS => return Err(error),
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    async fn ask_coordinator(
        &mut self,
        kind: i8,
        key: &str,
    ) -> Result<(i16, Option<String>, Node), ClientError> {
        let connection = self.any().await?;
        let version = connection.version::<FindCoordinatorRequest>(5)?;
        let request = match version > ONE_COORDINATOR {
            true => FindCoordinatorRequest::default().with_coordinator_keys(vec![text(key)]),
            false => FindCoordinatorRequest::default().with_key(text(key)),
        };
        let request = request.with_key_type(kind);
        let answer: FindCoordinatorResponse = connection.call(version, &request).await?;
        let one = |c: &Coordinator| {
            let node = broker_node(c.node_id, &c.host, c.port, None);
            (c.error_code, c.error_message.as_ref().map(ToString::to_string), node)
        };
        Ok(answer.coordinators.first().map_or_else(
            || {
                let message = answer.error_message.as_ref().map(ToString::to_string);
                (
                    answer.error_code,
                    message,
                    broker_node(answer.node_id, &answer.host, answer.port, None),
                )
            },
            one,
        ))
    }
}

fn broker_node(id: BrokerId, host: &str, port: i32, rack: Option<String>) -> Node {
    Node { id: id.0, host: host.to_owned(), port, rack }
}

fn node(b: &kafka_protocol::messages::metadata_response::MetadataResponseBroker) -> Node {
    broker_node(b.node_id, &b.host, b.port, b.rack.as_ref().map(ToString::to_string))
}

fn topic_of(t: &kafka_protocol::messages::metadata_response::MetadataResponseTopic) -> Topic {
    let ids = |ids: &[BrokerId]| ids.iter().map(|id| id.0).collect();
    let partitions = t.partitions.iter().map(|p| {
        let partition = Partition {
            leader: p.leader_id.0,
            replicas: ids(&p.replica_nodes),
            isr: ids(&p.isr_nodes),
        };
        (p.partition_index, partition)
    });
    Topic {
        name: t.name.as_ref().map(|name| name.0.to_string()).unwrap_or_default(),
        id: t.topic_id,
        is_internal: t.is_internal,
        partitions: partitions.collect(),
    }
}

fn has_leaders(topic: &Topic) -> bool {
    topic.partitions.values().all(|p| p.leader >= 0)
}

/// Returns a topic name as messages have it.
pub fn topic_name(name: &str) -> TopicName {
    TopicName(text(name))
}

/// Returns `host:port`, with Kafka's default port for a host alone.
fn with_port(address: &str) -> Result<String, ClientError> {
    let address = address.split_once("://").map_or(address, |(_, rest)| rest);
    match address.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
            Ok(address.to_owned())
        }
        None => Ok(format!("{address}:9092")),
        Some(_) => Err(ClientError::Invalid(format!(
            "{address} is not a broker address; write it as HOST:PORT"
        ))),
    }
}
