//! More partitions than open files, and more topics than requests.

use std::path::Path;
use std::sync::Arc;

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::{CreateTopicsRequest, DeleteTopicsRequest, MetadataRequest};
use ottla::storage::disk::OsDisk;
use ottla::storage::fd_cache::BoundedDisk;
use ottla::storage::sim_disk::SimDisk;

use crate::client::{Client, creation, topic_name};
use crate::harness::Ottla;
use crate::records::{expected, plain, read};

const PARTITIONS: i32 = 200;
const FILES: usize = 16;

/// How many descriptors of this process point below the directory.
fn descriptors_below(dir: &Path) -> usize {
    let all = std::fs::read_dir("/proc/self/fd").unwrap();
    let targets = all.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    targets.filter(|target| target.starts_with(dir)).count()
}

async fn produced(client: &mut Client, value: &str) {
    for partition in 0..PARTITIONS {
        let answer = client.produce("t", partition, plain(&[value])).await;
        assert_eq!(answer.error_code, 0, "partition {partition}");
    }
}

async fn holds(client: &mut Client, values: &[&str]) {
    for partition in 0..PARTITIONS {
        let mut found = Vec::new();
        // One answer has no more than one segment.
        while found.len() < values.len() {
            let some = read(&client.fetch("t", partition, found.len() as i64).await);
            assert!(!some.is_empty(), "partition {partition} ends at {}", found.len());
            found.extend(some);
        }
        assert_eq!(found, expected(0, values), "partition {partition}");
    }
}

#[tokio::test]
async fn two_hundred_partitions_share_sixteen_open_files() {
    let disk = Arc::new(BoundedDisk::new(Arc::new(OsDisk), FILES));
    let mut ottla = Ottla::on(disk.clone(), &[("durability", "fsync")]).await;
    let mut client = ottla.client().await;
    // Some batches fill a segment, so that there are sealed ones.
    client.create("t", PARTITIONS, &[("segment.index.bytes", "8")]).await;
    let bounded = |ottla: &Ottla| {
        assert!(disk.open_files() <= FILES, "{} files", disk.open_files());
        // The directory's lock is not one of the disk's files.
        let descriptors = descriptors_below(ottla.data_dir());
        assert!(descriptors <= FILES + 1, "{descriptors} descriptors");
    };
    produced(&mut client, "a").await;
    bounded(&ottla);
    produced(&mut client, "b").await;
    holds(&mut client, &["a", "b"]).await;
    bounded(&ottla);
    drop(client);
    ottla.restart().await;
    let mut client = ottla.client().await;
    holds(&mut client, &["a", "b"]).await;
    produced(&mut client, "c").await;
    drop(client);
    ottla.kill_and_restart().await;
    let mut client = ottla.client().await;
    holds(&mut client, &["a", "b", "c"]).await;
    bounded(&ottla);
    let gone = DeleteTopicsRequest::default().with_topic_names(vec![topic_name("t")]);
    assert_eq!(client.call(5, &gone).await.responses[0].error_code, 0);
    client.create("t", PARTITIONS, &[]).await;
    produced(&mut client, "new").await;
    holds(&mut client, &["new"]).await;
    bounded(&ottla);
}

#[tokio::test]
async fn topics_of_one_request_are_created_with_one_sync_and_each_for_itself() {
    let disk = SimDisk::new(1);
    let mut ottla = Ottla::on(Arc::new(disk.clone()), &[("durability", "fsync")]).await;
    let mut client = ottla.client().await;
    client.create("here", 1, &[]).await;
    let names: Vec<String> = (0..50).map(|n| format!("t-{n}")).collect();
    let bad = ["here", "a.b", "a_b", "no/name", "twice", "twice"];
    let topics = names.iter().map(String::as_str).chain(bad);
    let topics = topics.flat_map(|name| creation(name, 3, &[]).topics).collect();
    let request = CreateTopicsRequest::default().with_topics(topics).with_timeout_ms(1000);
    let before = disk.counts().syncs;
    let answer = client.call(7, &request).await;
    assert!(disk.counts().syncs - before <= 3, "{:?} after {before}", disk.counts());
    let codes: Vec<_> = answer.topics.iter().map(|t| (t.name.to_string(), t.error_code)).collect();
    for ((name, code), wanted) in codes.iter().zip(&names) {
        assert_eq!((name, *code), (wanted, 0));
    }
    let of = |name: &str, code: Code| (name.to_owned(), code.code());
    let rest = [
        of("here", Code::TopicAlreadyExists),
        ("a.b".to_owned(), 0),
        of("a_b", Code::InvalidTopicException),
        of("no/name", Code::InvalidTopicException),
        of("twice", Code::InvalidRequest),
    ];
    assert_eq!(codes[50..], rest);
    drop(client);
    ottla.kill().await;
    ottla.start_again_on(Arc::new(disk.crash())).await;
    let all = MetadataRequest::default().with_topics(None);
    let answer = ottla.client().await.call(12, &all).await;
    assert_eq!(answer.topics.len(), 52);
    let created = answer.topics.iter().filter(|t| &*t.name.as_ref().unwrap().0 != "here");
    assert!(created.into_iter().all(|topic| topic.partitions.len() == 3));
}

#[tokio::test]
async fn a_new_partition_that_a_loss_of_power_tore_is_taken_up_again() {
    for seed in 0..40 {
        let disk = SimDisk::new(seed);
        let mut ottla = Ottla::on(Arc::new(disk.clone()), &[("durability", "fsync")]).await;
        // The directory itself is older than the power loss.
        disk.settle();
        let mut client = ottla.client().await;
        client.create("t", 2, &[]).await;
        // The helper asks for acks=-1, so that this one is durable with all that belongs to it.
        assert_eq!(client.produce("t", 1, plain(&["durable"])).await.error_code, 0);
        // A look opens the log, and makes its files, without a sync.
        client.fetch("t", 0, 0).await;
        drop(client);
        ottla.kill().await;
        ottla.start_again_on(Arc::new(disk.crash())).await;
        let mut client = ottla.client().await;
        assert_eq!(client.produce("t", 0, plain(&["a"])).await.error_code, 0, "seed {seed}");
        assert_eq!(read(&client.fetch("t", 0, 0).await), expected(0, &["a"]), "seed {seed}");
        assert_eq!(read(&client.fetch("t", 1, 0).await), expected(0, &["durable"]), "seed {seed}");
    }
}
