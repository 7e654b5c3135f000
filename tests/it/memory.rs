//! What the program holds once a load is over.

use std::fs;
use std::time::Duration;

use kafka_protocol::messages::DescribeConfigsRequest;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::{CreateTopicsRequest, TopicName};
use kafka_protocol::protocol::StrBytes;

use crate::client::Client;
use crate::daemon::{Daemon, ottla, text};

/// Topics that a large answer tells of.
const TOPICS: usize = 1000;
/// How many KiB of it may stay.
const STAYS_KIB: u64 = 6 * 1024;

fn name(number: usize) -> StrBytes {
    StrBytes::from_string(format!("topic-{number:04}"))
}

fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn the_memory_of_large_answers_is_given_back() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["serve", "--listen", "127.0.0.1:0", "--data-dir", text(dir.path())];
    let daemon = Daemon::start(&mut ottla(&args));
    let mut client = Client::connect(daemon.addresses()[0].parse().unwrap()).await;
    let topic = |number| {
        let name = TopicName(name(number));
        CreatableTopic::default().with_name(name).with_num_partitions(1).with_replication_factor(1)
    };
    let create = CreateTopicsRequest::default()
        .with_timeout_ms(60_000)
        .with_topics((0..TOPICS).map(topic).collect());
    let created = client.call(7, &create).await;
    assert!(created.topics.iter().all(|topic| topic.error_code == 0));
    let resource = |number| {
        DescribeConfigsResource::default().with_resource_type(2).with_resource_name(name(number))
    };
    let describe = |topics| {
        DescribeConfigsRequest::default()
            .with_resources((0..topics).map(resource).collect())
            .with_include_synonyms(true)
            .with_include_documentation(true)
    };
    // Whatever is needed once is there now.
    client.call(4, &describe(1)).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = resident_kib(daemon.pid());
    for _ in 0..3 {
        assert_eq!(client.call(4, &describe(TOPICS)).await.results.len(), TOPICS);
    }
    drop(client);
    let mut after = resident_kib(daemon.pid());
    for _ in 0..600 {
        if after <= before + STAYS_KIB {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        after = resident_kib(daemon.pid());
    }
    panic!("{before} KiB before, {after} KiB a minute after");
}
