//! A disk that fails takes what it failed with it, and nothing else.

use std::path::Path;
use std::sync::Arc;

use kafka_protocol::error::ResponseError as Code;
use ottla::storage::disk::Disk;
use ottla::storage::sim_disk::SimDisk;
use ottla::storage::sim_world::InjectedError;

use crate::client::Client;
use crate::harness::Ottla;
use crate::records::{expected, plain, read};

async fn on(disk: &SimDisk, configs: &[(&str, &str)]) -> (Ottla, Client) {
    let ottla = Ottla::on(Arc::new(disk.clone()), configs).await;
    let client = ottla.client().await;
    (ottla, client)
}

async fn stored(client: &mut Client, partition: i32, value: &str) -> i16 {
    client.produce("t", partition, plain(&[value])).await.error_code
}

#[tokio::test]
async fn a_failed_write_takes_its_partition_offline_until_the_next_start() {
    let disk = SimDisk::new(1);
    let (mut ottla, mut client) = on(&disk, &[]).await;
    client.create("t", 2, &[]).await;
    assert_eq!(stored(&mut client, 0, "a").await, 0);
    assert_eq!(stored(&mut client, 1, "a").await, 0);
    disk.fail_next_write("t-0/", InjectedError::Io);
    let storage = Code::KafkaStorageError.code();
    assert_eq!(stored(&mut client, 0, "b").await, storage);
    assert_eq!(stored(&mut client, 0, "c").await, storage, "also once the disk works again");
    assert_eq!(stored(&mut client, 1, "b").await, 0, "the others go on");
    assert_eq!(read(&client.fetch("t", 0, 0).await), expected(0, &["a"]), "it can be read");
    drop(client);
    ottla.kill_and_restart().await;
    let mut client = ottla.client().await;
    assert_eq!(stored(&mut client, 0, "d").await, 0);
    // What a failed write has left is as the disk wants it; what was refused later is nowhere.
    let found = read(&client.fetch("t", 0, 0).await);
    let possible = [expected(0, &["a", "d"]), expected(0, &["a", "b", "d"])];
    assert!(possible.contains(&found), "{found:?}");
    assert_eq!(read(&client.fetch("t", 1, 0).await), expected(0, &["a", "b"]));
}

#[tokio::test]
async fn a_failed_sync_is_not_acknowledged_and_takes_its_partition_offline() {
    let disk = SimDisk::new(1);
    let (_ottla, mut client) = on(&disk, &[("durability", "fsync")]).await;
    client.create("t", 2, &[]).await;
    assert_eq!(stored(&mut client, 0, "a").await, 0);
    disk.fail_next_sync("t-0");
    let storage = Code::KafkaStorageError.code();
    assert_eq!(stored(&mut client, 0, "b").await, storage);
    assert_eq!(stored(&mut client, 0, "c").await, storage);
    assert_eq!(stored(&mut client, 1, "b").await, 0);
}

#[tokio::test]
async fn a_topic_that_cannot_be_recorded_is_not_created() {
    let disk = SimDisk::new(1);
    let (mut ottla, mut client) = on(&disk, &[]).await;
    disk.fail_next_write("__cluster_metadata-0", InjectedError::NoSpace);
    let answer = client.call(7, &crate::client::creation("t", 1, &[])).await;
    assert_eq!(answer.topics[0].error_code, Code::KafkaStorageError.code());
    assert_eq!(client.list_offset("t", -1).await.0, Code::UnknownTopicOrPartition.code());
    drop(client);
    ottla.kill_and_restart().await;
    // The failed write may have left the whole record all the same.
    let answer = ottla.client().await.call(7, &crate::client::creation("t", 1, &[])).await;
    assert!([0, Code::TopicAlreadyExists.code()].contains(&answer.topics[0].error_code));
}

#[tokio::test]
async fn what_was_acknowledged_with_fsync_survives_a_loss_of_power() {
    for seed in 0..20 {
        let disk = SimDisk::new(seed);
        let (mut ottla, mut client) = on(&disk, &[("durability", "fsync")]).await;
        disk.settle();
        client.create("t", 1, &[]).await;
        let values: Vec<String> = (0..20).map(|i| format!("value {i}")).collect();
        for value in &values {
            assert_eq!(stored(&mut client, 0, value).await, 0);
        }
        drop(client);
        ottla.kill().await;
        let (from, crashed) = (ottla.data_dir().to_owned(), disk.crash());
        let there = crashed.exists(&from.join("t-0"));
        assert!(there, "seed {seed}: the partition's directory is durable");
        ottla.start_again_on(Arc::new(crashed)).await;
        let mut client = ottla.client().await;
        let found = read(&client.fetch("t", 0, 0).await);
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        assert_eq!(found, expected(0, &values), "seed {seed}");
    }
}

#[tokio::test]
async fn a_simulated_broker_leaves_the_real_disk_alone() {
    let disk = SimDisk::new(1);
    let (ottla, mut client) = on(&disk, &[]).await;
    client.create("t", 1, &[]).await;
    assert_eq!(stored(&mut client, 0, "a").await, 0);
    assert!(disk.exists(&ottla.log_file("t-0")) && !Path::new(&ottla.log_file("t-0")).exists());
}
