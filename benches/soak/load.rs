//! What drives the broker: each kind of client is a task of its own.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::{DescribeConfigsRequest, MetadataRequest};
use ottla::client::admin::{self, NewTopic};
use ottla::client::cluster::Cluster;
use ottla::client::configs::TOPIC;
use ottla::client::connection::{Connection, ConnectionConfig, text};
use ottla::client::error::ClientError;
use ottla::client::fetcher::{FetchConfig, Fetcher, OffsetReset};
use ottla::client::group_member::{Member, MemberConfig};
use ottla::client::producer::{NewRecord, Producer, ProducerConfig};
use ottla::clock::{Clock, SystemClock};
use ottla::types::TopicPartition;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

/// Records a second into the plain and into the compacted topic, together 309.
const RATES: [(&str, u64); 2] = [(PLAIN, 155), (COMPACTED, 154)];
const PLAIN: &str = "plain";
const COMPACTED: &str = "compacted";
const LARGE: &str = "large";
/// Different keys in the compacted topic.
const KEYS: u64 = 5000;
const VALUE_BYTES: usize = 200;
/// Topics that a large answer tells of; nothing is written to them.
const MANY: usize = 1000;
/// Bytes of a large batch.
const BATCH_BYTES: usize = 6 << 20;
/// Members that stay in the group; one more comes and goes.
const MEMBERS: usize = 3;
/// How long the one that comes and goes stays, and is away.
const VISIT: Duration = Duration::from_secs(10);

type Outcome = Result<(), ClientError>;

/// Clients at work.
pub struct Load {
    tasks: Vec<(&'static str, JoinHandle<Outcome>)>,
    large: Rc<Cell<u64>>,
}

impl Load {
    /// Create the topics, and begin.
    pub async fn begin(address: &str, every: Duration) -> Load {
        topics(address).await.expect("the topics can be created");
        let large = Rc::new(Cell::new(0));
        let mut load = Load { tasks: Vec::new(), large: large.clone() };
        let address: Rc<str> = address.into();
        for (topic, rate) in RATES {
            load.add("a producer", produce(address.clone(), topic, rate));
        }
        for _ in 0..MEMBERS {
            load.add("a member", consume(address.clone(), Duration::MAX));
        }
        load.add("the member that comes and goes", visit(address.clone()));
        load.add("the client that comes and goes", connect(address.clone()));
        load.add("the client with large requests", ask_for_much(address, every, large));
        load
    }

    fn add(&mut self, who: &'static str, work: impl Future<Output = Outcome> + 'static) {
        self.tasks.push((who, tokio::task::spawn_local(work)));
    }

    /// Panics if a client has met an error.
    pub async fn check(&mut self) {
        for (who, task) in &mut self.tasks {
            if task.is_finished() {
                panic!("{who} has ended: {:?}", task.await);
            }
        }
    }

    /// How many large answers there were.
    pub fn large_answers(&self) -> u64 {
        self.large.get()
    }

    /// Stop all of it.
    pub async fn end(self) {
        for (_, task) in self.tasks {
            task.abort();
            let _ = task.await;
        }
    }
}

async fn topics(address: &str) -> Outcome {
    let mut cluster = Cluster::connect(address, ConnectionConfig::default()).await?;
    let new = |name: &str, partitions, configs: &[(&str, &str)]| NewTopic {
        name: name.to_owned(),
        partitions: Some(partitions),
        configs: configs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
        ..NewTopic::default()
    };
    let mut all = vec![
        new(PLAIN, 6, &[]),
        new(COMPACTED, 4, &[("cleanup.policy", "compact")]),
        new(LARGE, 1, &[("segment.bytes", "16777216")]),
    ];
    all.extend((0..MANY).map(|number| new(&many(number), 1, &[])));
    for topic in all {
        admin::create_topic(&mut cluster, &topic, false).await?;
    }
    Ok(())
}

fn many(number: usize) -> String {
    format!("one-of-many-{number:05}")
}

/// Records at a steady rate, in batches of a tenth of a second.
async fn produce(address: Rc<str>, topic: &'static str, rate: u64) -> Outcome {
    let mut cluster = Cluster::connect(&address, ConnectionConfig::default()).await?;
    let mut producer = Producer::new(&mut cluster, topic, ProducerConfig::default()).await?;
    let clock = SystemClock::default();
    let begun = Instant::now();
    let mut sent = 0;
    loop {
        let due = (begun.elapsed().as_secs_f64() * rate as f64) as u64;
        while sent < due {
            let key = format!("key-{}", fastrand::u64(..KEYS));
            let record = NewRecord {
                key: Some(Bytes::from(key)),
                value: Some(Bytes::from(vec![fastrand::u8(..); VALUE_BYTES])),
                timestamp: clock.now().wall_ms,
                ..NewRecord::default()
            };
            producer.send(&mut cluster, &record, 0).await?;
            sent += 1;
        }
        producer.flush(&mut cluster).await?;
        producer.take_acknowledged();
        sleep(Duration::from_millis(100)).await;
    }
}

/// Be a member of the group for so long: read, commit each second, follow rebalances.
async fn consume(address: Rc<str>, stay: Duration) -> Outcome {
    let mut cluster = Cluster::connect(&address, ConnectionConfig::default()).await?;
    let config = MemberConfig {
        group: "soak".to_owned(),
        instance_id: None,
        session_timeout: Duration::from_secs(45),
        rebalance_timeout: Duration::from_secs(60),
    };
    let topics = vec![PLAIN.to_owned(), COMPACTED.to_owned()];
    let mut member = Member::new(config, topics);
    let mut fetcher =
        Fetcher::new(FetchConfig { reset: OffsetReset::Earliest, ..FetchConfig::default() });
    let given = member.join(&mut cluster).await?;
    fetcher.assign(&mut cluster, &given).await?;
    let begun = Instant::now();
    let mut looked = begun;
    while begun.elapsed() < stay {
        fetcher.poll(&mut cluster).await?;
        if looked.elapsed() < Duration::from_secs(1) {
            continue;
        }
        looked = Instant::now();
        member.commit(&mut cluster, &fetcher.positions).await?;
        if member.heartbeat(&mut cluster).await? {
            let given = member.join(&mut cluster).await?;
            fetcher.assign(&mut cluster, &given).await?;
        }
    }
    member.leave(&mut cluster).await
}

async fn visit(address: Rc<str>) -> Outcome {
    loop {
        sleep(VISIT).await;
        consume(address.clone(), VISIT).await?;
    }
}

/// Four connections a second, each for one request.
async fn connect(address: Rc<str>) -> Outcome {
    loop {
        let mut connection = Connection::open(&address, &ConnectionConfig::default()).await?;
        connection.call(12, &MetadataRequest::default()).await?;
        sleep(Duration::from_millis(250)).await;
    }
}

/// Now and then a large answer, a large request, and a large fetch.
async fn ask_for_much(address: Rc<str>, every: Duration, count: Rc<Cell<u64>>) -> Outcome {
    let resource = |number| {
        DescribeConfigsResource::default()
            .with_resource_type(TOPIC)
            .with_resource_name(text(&many(number)))
            .with_configuration_keys(None)
    };
    let describe = DescribeConfigsRequest::default()
        .with_resources((0..MANY).map(resource).collect())
        .with_include_synonyms(true)
        .with_include_documentation(true);
    let place = TopicPartition::new(LARGE, 0);
    loop {
        sleep(every / 2).await;
        let mut cluster = Cluster::connect(&address, ConnectionConfig::default()).await?;
        let answer = cluster.any().await?.call(4, &describe).await?;
        assert_eq!(answer.results.len(), MANY);
        drop(answer);
        let config = ProducerConfig { batch_bytes: BATCH_BYTES, ..ProducerConfig::default() };
        let mut producer = Producer::new(&mut cluster, LARGE, config).await?;
        let value = Some(Bytes::from(vec![7; BATCH_BYTES / 8]));
        for _ in 0..7 {
            let record = NewRecord { value: value.clone(), ..NewRecord::default() };
            producer.send(&mut cluster, &record, 0).await?;
        }
        producer.flush(&mut cluster).await?;
        let mut fetcher =
            Fetcher::new(FetchConfig { reset: OffsetReset::Earliest, ..FetchConfig::default() });
        fetcher.assign(&mut cluster, &BTreeMap::from([(place.clone(), None)])).await?;
        let fetched = timeout(Duration::from_secs(30), fetcher.poll(&mut cluster)).await;
        assert!(!fetched.expect("an answer in time")?.is_empty());
        count.set(count.get() + 1);
        sleep(every - every / 2).await;
    }
}
