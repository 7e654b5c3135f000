//! What the program holds once a load is over.

use std::time::Duration;

use kafka_protocol::messages::DescribeConfigsRequest;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::{CreateTopicsRequest, FindCoordinatorRequest, TopicName};
use kafka_protocol::protocol::StrBytes;

use crate::client::Client;
use crate::daemon::{Daemon, ottla, status_kib, text};
use crate::harness::Ottla;

/// Topics that a large answer tells of.
const TOPICS: usize = 1000;
/// How many KiB of it may stay.
const STAYS_KIB: u64 = 6 * 1024;

fn name(number: usize) -> StrBytes {
    StrBytes::from_string(format!("topic-{number:04}"))
}

fn resident_kib(pid: u32) -> u64 {
    status_kib(pid, "VmRSS:")
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

#[tokio::test]
async fn a_large_request_takes_the_memory_that_it_needs_and_leaves_the_rest_to_others() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let memory = ottla.shared().resources.decoded_bytes.clone();
    let free = memory.free_bytes();
    // Of 96 bytes each, beside the frame.
    let keys = vec![StrBytes::from_static_str("some-key"); 200_000];
    let held = memory.take(free - 200_000 * 96 - 1024).await.unwrap();
    let request = FindCoordinatorRequest::default().with_coordinator_keys(keys);
    assert_eq!(client.call(4, &request).await.coordinators.len(), 200_000);
    drop(held);
    assert_eq!(memory.free_bytes(), free);
}
