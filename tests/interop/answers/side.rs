//! The two brokers, a connection to each, and what is made on both before they are asked.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::{
    ApiVersionsRequest, DeleteGroupsRequest, DeleteTopicsRequest, FindCoordinatorRequest, GroupId,
    InitProducerIdRequest, ListGroupsRequest, OffsetCommitRequest,
};
use ottla::storage::batch::Codec;
use uuid::Uuid;

use super::answer::text;
use super::pool::{TIME, World, id_of};
use super::value::{Value, body};
use crate::broker::{Broker, Ottla};
use crate::differential::batch::{Record, encode};
use crate::differential::client::{self, Client, creation, framed, topic_name};
use crate::differential::settle::Barrier;
use crate::kafka::{CLUSTER_ID, Kafka};
use crate::schemas::Schema;

/// What both are started with.
const CONFIGS: &[&str] = &[
    "num.partitions=2",
    "auto.create.topics.enable=false",
    "offsets.topic.num.partitions=1",
    "offsets.topic.replication.factor=1",
    "transaction.state.log.replication.factor=1",
    "transaction.state.log.min.isr=1",
    "group.initial.rebalance.delay.ms=0",
];
/// How long a broker may take for one answer.
const LIMIT: Duration = Duration::from_secs(5);
/// Requests after which Kafka's broker is a little behind its controller.
const CHANGES: &[i16] = &[19, 20, 33, 37, 43, 44, 45, 49, 57];

/// One of the two.
struct Side {
    address: SocketAddr,
    client: Option<Client>,
    /// What stands in its answers and not in the other's, and what is put there.
    names: Vec<(String, String)>,
    barrier: Option<Barrier>,
    topics: Vec<(String, Uuid)>,
}

/// Both of them.
pub struct Both {
    runtime: tokio::runtime::Runtime,
    ottla: Side,
    kafka: Side,
    world: World,
    worlds: u32,
    _brokers: Vec<Box<dyn Broker>>,
}

/// Starts the two, which end with what is returned; `None` if Kafka is not installed.
pub fn both() -> Both {
    Both::start()
}

impl Both {
    fn start() -> Both {
        let kafka: Box<dyn Broker> = match std::env::var("OTTLA_TEST_KAFKA") {
            Ok(address) => Box::new(Running { address, dir: "/tmp".into() }),
            Err(_) => Box::new(Kafka::start_with(CONFIGS)),
        };
        let cluster_id = format!("cluster.id={CLUSTER_ID}");
        let ottla = Ottla::start_with(&[CONFIGS, &[&cluster_id]].concat());
        let side = |broker: &dyn Broker, dir: String| {
            let address: SocketAddr = broker.address().parse().unwrap();
            Side {
                address,
                client: None,
                names: vec![
                    (format!("port: {}", address.port()), "port: (its own)".to_owned()),
                    (dir, "(its directory)".to_owned()),
                ],
                // By the same name: it stands in answers.
                barrier: Some(Barrier::new(&format!("answers{}-", std::process::id()))),
                topics: Vec::new(),
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Both {
            runtime,
            ottla: side(&ottla, ottla.dir().join("data").display().to_string()),
            kafka: side(&*kafka, kafka.dir().join("data").display().to_string()),
            world: World { prefix: String::new(), topics: Vec::new(), fresh: 0 },
            worlds: 0,
            _brokers: vec![kafka, Box::new(ottla)],
        }
    }

    /// Make new topics on both, in the place of those there were.
    pub fn world(&mut self, key: i16) -> World {
        self.worlds += 1;
        let prefix = format!("w{}-", self.worlds);
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() % 1_000_000_000;
        let prefix = format!("{prefix}{now}-");
        self.remake(&prefix);
        let topics = self.ottla.topics.iter().map(|(name, _)| name.clone()).collect();
        self.world = World { prefix, topics, fresh: 0 };
        self.again(key)
    }

    /// The same world, with new names for what is not there.
    pub fn again(&mut self, key: i16) -> World {
        self.world.fresh += 1;
        let _ = key;
        self.world.clone()
    }

    /// The answers of both to a request.
    pub fn ask(
        &mut self,
        request: &'static Schema,
        version: i16,
        value: &Value,
    ) -> (String, String) {
        if matches!(request.key(), 20 | 37) {
            let name = format!("{}doomed-{}", self.world.prefix, self.world.fresh);
            self.runtime
                .block_on(async { tokio::join!(self.ottla.doom(&name), self.kafka.doom(&name)) });
        }
        if request.key() == 47 {
            // A group without offsets is gone at once, and Kafka keeps it for a while.
            let name = format!("{}group", self.world.prefix);
            self.runtime.block_on(async {
                tokio::join!(self.ottla.commit(&name), self.kafka.commit(&name))
            });
        }
        let (ours, theirs) =
            (with_ids(value, &self.ottla.topics), with_ids(value, &self.kafka.topics));
        let answers = self.runtime.block_on(async {
            tokio::join!(
                self.ottla.ask(request, version, &ours),
                self.kafka.ask(request, version, &theirs)
            )
        });
        if answers.0 != answers.1
            && (CHANGES.contains(&request.key()) || matches!(request.key(), 0 | 21))
        {
            // One may have done what the other has not.
            self.remake(&self.world.prefix.clone());
        }
        answers
    }

    fn remake(&mut self, prefix: &str) {
        self.runtime
            .block_on(async { tokio::join!(self.ottla.remake(prefix), self.kafka.remake(prefix)) });
    }
}

/// The same, with a broker's own ids of its topics.
fn with_ids(value: &Value, topics: &[(String, Uuid)]) -> Value {
    match value {
        Value::Id(id) => {
            let topic = (0..topics.len()).find(|topic| id_of(*topic) == *id);
            Value::Id(topic.map_or(*id, |topic| topics[topic].1))
        }
        Value::List(Some(all)) => {
            Value::List(Some(all.iter().map(|value| with_ids(value, topics)).collect()))
        }
        Value::Fields(Some(all)) => {
            let one = |(name, value): &(&'static str, Value)| (*name, with_ids(value, topics));
            Value::Fields(Some(all.iter().map(one).collect()))
        }
        other => other.clone(),
    }
}

impl Side {
    async fn client(&mut self) -> &mut Client {
        if self.client.is_none() {
            self.client = Some(Client::connect(self.address).await);
        }
        self.client.as_mut().unwrap()
    }

    async fn remake(&mut self, prefix: &str) {
        let names: Vec<String> = self.topics.drain(..).map(|(name, _)| name).collect();
        for name in names {
            self.delete(&name).await;
        }
        self.delete_groups().await;
        let (first, second) = (format!("{prefix}first"), format!("{prefix}second"));
        // The records are of long ago.
        let keep = ("retention.ms", "-1");
        let compact = [("cleanup.policy", "compact"), keep];
        for (name, partitions, configs) in [(first, 2, &[keep][..]), (second, 1, &compact[..])] {
            let id = self.client().await.create(&name, partitions, configs).await;
            self.names.retain(|(_, to)| *to != format!("(id of {name})"));
            self.names.push((id.to_string(), format!("(id of {name})")));
            self.topics.push((name.clone(), id));
            self.until(&name, 0).await;
        }
        let record = |timestamp| Record {
            timestamp,
            key: Some(b"k".to_vec()),
            value: Some(b"v".to_vec()),
            headers: Vec::new(),
        };
        let records = encode(Codec::None, (-1, -1, -1), &[record(TIME), record(TIME + 5)], None);
        for (name, partition) in [(self.topics[0].0.clone(), 0), (self.topics[1].0.clone(), 0)] {
            let answer = self.client().await.produce(&name, partition, records.clone()).await;
            assert_eq!(answer.error_code, 0, "{answer:?}");
        }
        self.commit(&format!("{prefix}group")).await;
        self.until_ids_are_given_out().await;
    }

    /// Waits for the first block of producer ids: until it is there Kafka refuses.
    async fn until_ids_are_given_out(&mut self) {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_transaction_timeout_ms(60_000);
        for _ in 0..5_000 {
            if self.client().await.call(4, &request).await.error_code == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no producer ids");
    }

    /// A group with a committed offset, and without members.
    async fn commit(&mut self, group: &str) {
        let partition = OffsetCommitRequestPartition::default()
            .with_partition_index(0)
            .with_committed_offset(1)
            .with_committed_metadata(Some(client::text("m")));
        let topic = OffsetCommitRequestTopic::default()
            .with_name(topic_name(&self.topics[0].0))
            .with_partitions(vec![partition]);
        let request = OffsetCommitRequest::default()
            .with_group_id(GroupId(client::text(group)))
            .with_generation_id_or_member_epoch(-1)
            .with_topics(vec![topic]);
        // Kafka makes the topic of the groups when it is first asked for one.
        let find = FindCoordinatorRequest::default().with_key(client::text(group));
        for _ in 0..5_000 {
            self.client().await.call(0, &find).await;
            let answer = self.client().await.call(7, &request).await;
            if answer.topics[0].partitions[0].error_code == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no group takes offsets");
    }

    /// Deletes all groups: Kafka keeps those that have lost their last offset for a while.
    async fn delete_groups(&mut self) {
        let groups = self.client().await.call(2, &ListGroupsRequest::default()).await.groups;
        let names = groups.into_iter().map(|group| group.group_id).collect();
        let request = DeleteGroupsRequest::default().with_groups_names(names);
        self.client().await.call(2, &request).await;
    }

    async fn doom(&mut self, name: &str) {
        let answer = self.client().await.call(7, &creation(name, 2, &[])).await;
        if answer.topics[0].error_code == 0 {
            let id = answer.topics[0].topic_id.to_string();
            self.names.retain(|(_, to)| to != "(id of the doomed)");
            self.names.push((id, "(id of the doomed)".to_owned()));
        }
        self.until(name, 0).await;
    }

    async fn delete(&mut self, name: &str) {
        let state = DeleteTopicState::default().with_name(Some(topic_name(name)));
        let request =
            DeleteTopicsRequest::default().with_topics(vec![state]).with_timeout_ms(30_000);
        self.client().await.call(6, &request).await;
        self.until(name, 3).await;
    }

    /// Wait until requests to a topic are answered with this code.
    async fn until(&mut self, name: &str, code: i16) {
        for _ in 0..10_000 {
            if self.client().await.list_offset(name, -1).await.0 == code {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("{name} does not answer {code}");
    }

    async fn ask(&mut self, request: &'static Schema, version: i16, value: &Value) -> String {
        let answer = tokio::time::timeout(LIMIT, self.exchange(request, version, value)).await;
        let text = answer.unwrap_or_else(|_| {
            self.client = None;
            println!(
                "{} {} v{version} {}: no answer",
                self.address,
                request.api(),
                value.as_text()
            );
            "no answer in time".to_owned()
        });
        if CHANGES.contains(&request.key())
            && let Some(mut barrier) = self.barrier.take()
        {
            barrier.pass(self.client().await).await;
            self.barrier = Some(barrier);
        }
        text
    }

    async fn exchange(&mut self, request: &'static Schema, version: i16, value: &Value) -> String {
        let mut frame = header(request, version);
        frame.extend(body(request, version, value));
        let frame = [&(frame.len() as i32).to_be_bytes(), &frame[..]].concat();
        // Whatever comes first, this comes after it: not every request is answered.
        let last = framed(0, 2, &ApiVersionsRequest::default());
        let names = self.names.clone();
        let client = self.client().await;
        client.send_bytes(&frame).await;
        client.send_bytes(&last).await;
        let answer = match client.frame().await {
            None => None,
            Some(frame) if correlation_id(&frame) == 2 => return "nothing".to_owned(),
            Some(frame) => Some(frame),
        };
        if answer.is_none() || client.frame().await.is_none() {
            self.client = None;
        }
        answer.map_or("closed".to_owned(), |frame| text(request.key(), version, frame, &names))
    }
}

fn correlation_id(frame: &Bytes) -> i32 {
    i32::from_be_bytes(frame[..4].try_into().unwrap())
}

fn header(request: &Schema, version: i16) -> Vec<u8> {
    let mut header = request.key().to_be_bytes().to_vec();
    header.extend(version.to_be_bytes());
    header.extend(1_i32.to_be_bytes());
    header.extend([0, 3]);
    header.extend(b"sim");
    if request.is_flexible(version) {
        header.push(0);
    }
    header
}

/// A Kafka that runs already.
struct Running {
    address: String,
    dir: std::path::PathBuf,
}

impl Broker for Running {
    fn address(&self) -> &str {
        &self.address
    }

    fn dir(&self) -> &std::path::Path {
        &self.dir
    }
}
