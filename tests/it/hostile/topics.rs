//! Clients that make topics, partitions and producers by the thousand.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest, MetadataRequest,
};
use ottla::storage::disk::Disk;
use ottla::storage::sim_disk::SimDisk;

use crate::client::{Client, creation, framed, production, topic_name};
use crate::harness::Ottla;
use crate::hostile::run;
use crate::records::{by, plain};

const UNKNOWN: i16 = 3;

fn asking(names: &[String]) -> MetadataRequest {
    let topic = |name: &String| MetadataRequestTopic::default().with_name(Some(topic_name(name)));
    MetadataRequest::default()
        .with_topics(Some(names.iter().map(topic).collect()))
        .with_allow_auto_topic_creation(true)
}

/// How many topics were answered with each code.
async fn asked(client: &mut Client, names: &[String]) -> BTreeMap<i16, usize> {
    let mut codes = BTreeMap::new();
    for topic in client.call(9, &asking(names)).await.topics {
        *codes.entry(topic.error_code).or_default() += 1;
    }
    codes
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("topic-{n}")).collect()
}

#[tokio::test]
async fn four_thousand_topics_that_one_request_asks_for_are_created_by_many() {
    let outcome = run(&[], async |broker| {
        let mut client = broker.client().await;
        let names = names(4000);
        let first = asked(&mut client, &names).await;
        assert_eq!(first, BTreeMap::from([(0, 500), (UNKNOWN, 3500)]));
        // Those of the first request have used up half of a second's.
        while asked(&mut client, &names).await.contains_key(&UNKNOWN) {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    })
    .await;
    assert!(outcome.growth_bytes() < 100 << 20, "{outcome:?}");
}

#[tokio::test]
async fn ten_thousand_topics_are_created_and_deleted_while_others_are_served() {
    let outcome = run(&[], async |broker| {
        let mut client = broker.client().await;
        let names = names(10_000);
        let topics = names.iter().flat_map(|name| creation(name, 1, &[]).topics).collect();
        let request = CreateTopicsRequest::default().with_topics(topics).with_timeout_ms(60_000);
        let answer = client.call(4, &request).await;
        assert!(answer.topics.len() == 10_000 && answer.topics.iter().all(|t| t.error_code == 0));
        let gone = names.iter().map(|name| topic_name(name)).collect();
        let gone = DeleteTopicsRequest::default().with_topic_names(gone).with_timeout_ms(60_000);
        let answer = client.call(5, &gone).await;
        assert!(answer.responses.iter().all(|topic| topic.error_code == 0));
        client.create("wide", 10_000, &[]).await;
        let all = MetadataRequest::default().with_topics(None);
        let answer = client.call(9, &all).await;
        let wide = answer.topics.iter().find(|t| t.name == Some(topic_name("wide"))).unwrap();
        assert_eq!((answer.topics.len(), wide.partitions.len()), (3, 10_000));
    })
    .await;
    assert!(outcome.growth_bytes() < 150 << 20, "{outcome:?}");
}

#[tokio::test]
async fn a_hundred_thousand_invented_producer_ids_do_not_stay() {
    let outcome = run(&[], async |broker| {
        let mut client = broker.client().await;
        client.create("t", 1, &[]).await;
        for thousand in 0..100 {
            let frame = |id: i64| {
                let request = production("t", 0, by(id, 0, 0, &["x"])).with_acks(0);
                framed(9, 1, &request)
            };
            let frames: Vec<u8> = (0..1000).flat_map(|n| frame(thousand * 1000 + n)).collect();
            client.send_bytes(&frames).await;
        }
        // Requests are answered in their order: this one comes after all of them.
        assert_eq!(client.list_offset("t", -1).await.1, 100_000);
    })
    .await;
    // 10,000 are remembered, of 250 bytes each; 100,000 would be 25 MB and more.
    assert!(outcome.rss_after < outcome.rss_before + (20 << 20), "{outcome:?}");
}

#[tokio::test]
async fn topics_and_partitions_beyond_their_limits_are_refused_and_the_message_says_what_to_set() {
    let configs = [("max.topics", "3"), ("max.partitions", "10")];
    let ottla = Ottla::with(&configs).await;
    let mut client = ottla.client().await;
    client.create("a", 4, &[]).await;
    let policy = Code::PolicyViolation.code();
    for validate_only in [true, false] {
        let request = creation("b", 7, &[]).with_validate_only(validate_only);
        let refused = client.call(7, &request).await.topics.remove(0);
        let why = refused.error_message.unwrap();
        assert_eq!(refused.error_code, policy);
        assert!(why.contains("at most 10 partitions and has 4; 7 more"), "{}", &*why);
        assert!(why.ends_with("raise max.partitions."), "{}", &*why);
        let topic = CreatePartitionsTopic::default().with_name(topic_name("a")).with_count(11);
        let request = CreatePartitionsRequest::default()
            .with_topics(vec![topic.with_assignments(None)])
            .with_validate_only(validate_only)
            .with_timeout_ms(1000);
        let refused = client.call(2, &request).await.results.remove(0);
        assert_eq!(refused.error_code, policy, "{refused:?}");
        assert!(refused.error_message.unwrap().ends_with("raise max.partitions."));
    }
    client.create("b", 1, &[]).await;
    // Of two for whom there is room for one, one is created.
    let names = ["c".to_owned(), "d".to_owned()];
    let codes = asked(&mut client, &names).await;
    assert_eq!(codes, BTreeMap::from([(0, 1), (policy, 1)]));
    let refused = client.call(7, &creation("e", 1, &[])).await.topics.remove(0);
    assert!(refused.error_message.unwrap().ends_with("raise max.topics."));
    // Groups have their place all the same.
    let committed = crate::groups::committing("g", "a", 0, 1);
    while client.call(7, &committed).await.topics[0].partitions[0].error_code != 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_start_after_a_kill_does_nothing_for_partitions_that_were_never_written_to() {
    let disk = SimDisk::new(1);
    let mut ottla = Ottla::on(Arc::new(disk.clone()), &[]).await;
    let mut client = ottla.client().await;
    client.create("fresh", 4000, &[]).await;
    assert_eq!(client.produce("fresh", 17, plain(&["a"])).await.error_code, 0);
    drop(client);
    ottla.kill().await;
    let before = disk.counts();
    ottla.start_again().await;
    let changes = disk.counts().changes() - before.changes();
    assert!(changes < 50, "{changes} changes of the disk");
    let mut client = ottla.client().await;
    assert_eq!(client.produce("fresh", 3999, plain(&["b"])).await.error_code, 0);
    assert!(!disk.exists(&ottla.data_dir().join("fresh-0")));
}

#[tokio::test]
async fn a_stop_syncs_the_data_directory_for_all_partitions_together() {
    const PARTITIONS: i32 = 500;
    let disk = SimDisk::new(2);
    let mut ottla = Ottla::on(Arc::new(disk.clone()), &[]).await;
    // The data directory itself is older than the loss of power below.
    disk.settle();
    let mut client = ottla.client().await;
    client.create("t", PARTITIONS, &[]).await;
    for partition in 0..PARTITIONS {
        assert_eq!(client.produce("t", partition, plain(&["a"])).await.error_code, 0);
    }
    drop(client);
    let before = disk.counts().syncs;
    ottla.stop().await;
    let syncs = disk.counts().syncs - before;
    // Each has a log, a time index, two small files and a directory.
    assert!(syncs <= 5 * PARTITIONS as u64 + 20, "{syncs} syncs");
    assert!(disk.exists(&ottla.data_dir().join(".kafka_cleanshutdown")));
    ottla.start_again_on(Arc::new(disk.crash())).await;
    let mut client = ottla.client().await;
    for partition in [0, PARTITIONS - 1] {
        let found = crate::records::read(&client.fetch("t", partition, 0).await);
        assert_eq!(found, crate::records::expected(0, &["a"]));
    }
}
