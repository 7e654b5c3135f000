//! What is there after a stop, a crash, and damage.

use std::io::Write;
use std::sync::Arc;

use ottla::broker::start::{self, StartError};
use ottla::clock::SystemClock;
use ottla::config::settings::Settings;
use ottla::protocol::messages::DeleteTopicsRequest;
use ottla::protocol::text::text;
use ottla::storage::disk::OsDisk;
use ottla::storage::sim_disk::SimDisk;

use crate::harness::{Ottla, lock};
use crate::records::{expected, plain, read};

#[tokio::test]
async fn everything_is_there_after_a_stop_and_after_a_crash() {
    let mut ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    client.produce("t", 0, plain(&["a", "b"])).await;
    drop(client);
    ottla.restart().await;
    let mut client = ottla.client().await;
    client.produce("t", 0, plain(&["c"])).await;
    drop(client);
    ottla.kill_and_restart().await;
    let mut client = ottla.client().await;
    assert_eq!(read(&client.fetch("t", 0, 0).await), expected(0, &["a", "b", "c"]));
    assert_eq!(client.produce("t", 0, plain(&["d"])).await.base_offset, 3);
}

#[tokio::test]
async fn a_torn_tail_is_cut_at_the_last_whole_batch() {
    let mut ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    client.produce("t", 0, plain(&["a"])).await;
    client.produce("t", 0, plain(&["b"])).await;
    drop(client);
    ottla.kill().await;
    let path = ottla.log_file("t-0");
    let len = std::fs::metadata(&path).unwrap().len();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(len - 1).unwrap();
    ottla.start_again().await;
    let mut client = ottla.client().await;
    assert_eq!(read(&client.fetch("t", 0, 0).await), expected(0, &["a"]));
    assert_eq!(client.produce("t", 0, plain(&["c"])).await.base_offset, 1);
    assert_eq!(read(&client.fetch("t", 0, 0).await), expected(0, &["a", "c"]));
}

#[tokio::test]
async fn garbage_behind_the_last_batch_is_cut() {
    let mut ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    client.produce("t", 0, plain(&["a"])).await;
    drop(client);
    ottla.kill().await;
    let mut log = std::fs::OpenOptions::new().append(true).open(ottla.log_file("t-0")).unwrap();
    log.write_all(&[0xab; 5000]).unwrap();
    ottla.start_again().await;
    let mut client = ottla.client().await;
    assert_eq!(client.produce("t", 0, plain(&["b"])).await.base_offset, 1);
    assert_eq!(read(&client.fetch("t", 0, 0).await), expected(0, &["a", "b"]));
}

#[tokio::test]
async fn indexes_that_are_missing_or_damaged_are_made_again() {
    for damage in ["remove", "cut", "noise"] {
        for clean in [true, false] {
            let mut ottla = Ottla::with(&[("log.segment.bytes", "1048576")]).await;
            let mut client = ottla.client().await;
            client.create("t", 1, &[]).await;
            let filler = "x".repeat(20_000);
            for i in 0..120 {
                client.produce("t", 0, plain(&[&format!("{i} {filler}")])).await;
            }
            drop(client);
            if clean {
                ottla.stop().await
            } else {
                ottla.kill().await
            }
            spoil(&ottla, damage);
            ottla.start_again().await;
            let mut client = ottla.client().await;
            for i in [0, 1, 59, 119] {
                let found = read(&client.fetch("t", 0, i).await);
                assert!(found[0].1.starts_with(&format!("{i} ")), "{damage} clean={clean}");
            }
            assert_eq!(client.list_offset("t", crate::records::THEN).await.1, 0);
        }
    }
}

fn spoil(ottla: &Ottla, damage: &str) {
    let mut spoilt = 0;
    for entry in std::fs::read_dir(ottla.data_dir().join("t-0")).unwrap() {
        let path = entry.unwrap().path();
        if !path.extension().is_some_and(|e| e == "index" || e == "timeindex") {
            continue;
        }
        let len = std::fs::metadata(&path).unwrap().len();
        match damage {
            "remove" => std::fs::remove_file(&path).unwrap(),
            "cut" => {
                let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
                file.set_len(len.saturating_sub(5)).unwrap();
            }
            _ => std::fs::write(&path, vec![0x5a; len as usize]).unwrap(),
        }
        spoilt += 1;
    }
    assert!(spoilt >= 4);
}

#[tokio::test]
async fn a_partition_that_cannot_be_opened_is_offline_and_the_others_go_on() {
    let mut ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 2, &[]).await;
    client.produce("t", 0, plain(&["a"])).await;
    client.produce("t", 1, plain(&["b"])).await;
    drop(client);
    ottla.stop().await;
    std::fs::write(ottla.data_dir().join("t-0/partition.metadata"), "nonsense").unwrap();
    ottla.start_again().await;
    let mut client = ottla.client().await;
    assert_eq!(client.produce("t", 0, plain(&["a"])).await.error_code, 56);
    assert_eq!(client.fetch("t", 0, 0).await.responses[0].partitions[0].error_code, 56);
    assert_eq!(client.produce("t", 1, plain(&["c"])).await.base_offset, 1);
    let log = std::fs::read(ottla.log_file("t-0")).unwrap();
    assert!(!log.is_empty(), "what is not understood is not altered");
}

#[tokio::test]
async fn filled_segments_are_durable_soon_and_the_recovery_points_are_saved() {
    let configs =
        [("log.segment.bytes", "1048576"), ("log.flush.offset.checkpoint.interval.ms", "0")];
    let ottla = Ottla::with(&configs).await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    for _ in 0..3 {
        client.produce("t", 0, plain(&[&"x".repeat(700_000)])).await;
    }
    until_recovery_point(&ottla, "t 0 2").await;
}

#[tokio::test]
async fn flush_ms_makes_records_durable_in_time() {
    let ottla = Ottla::with(&[("log.flush.offset.checkpoint.interval.ms", "0")]).await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[("flush.ms", "5")]).await;
    client.produce("t", 0, plain(&["a", "b", "c"])).await;
    until_recovery_point(&ottla, "t 0 3").await;
    client.produce("t", 0, plain(&["d"])).await;
    until_recovery_point(&ottla, "t 0 4").await;
}

async fn until_recovery_point(ottla: &Ottla, line: &str) {
    let path = ottla.data_dir().join("recovery-point-offset-checkpoint");
    loop {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        if text.lines().any(|l| l == line) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn durable_produces_are_answered() {
    let ottla = Ottla::with(&[("durability", "fsync")]).await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let ids = {
        let mut ids = Vec::new();
        for _ in 0..50 {
            let request = crate::client::production("t", 0, plain(&["a"]));
            ids.push(client.send(9, &request).await);
        }
        ids
    };
    for (i, id) in ids.into_iter().enumerate() {
        let answer = client.receive::<kafka_protocol::messages::ProduceRequest>(9, id).await;
        assert_eq!(answer.responses[0].partition_responses[0].base_offset, i as i64);
    }
}

#[tokio::test]
async fn a_directory_that_is_not_understood_stops_the_start() {
    async fn start(dir: &std::path::Path) -> Result<(), StartError> {
        let settings = std::sync::Arc::new(Settings::load(None, [], &[]).unwrap());
        let hold = lock(dir).await;
        let (disk, clock) = (OsDisk, SystemClock::default());
        let (disk, clock) = (std::sync::Arc::new(disk), std::sync::Arc::new(clock));
        start::start(settings, dir.to_owned(), disk, clock, Some(hold)).map(drop)
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("meta.properties"), "version=9\n").unwrap();
    let error = start(dir.path()).await.unwrap_err().to_string();
    assert!(error.contains("meta.properties") && !error.contains('\n'), "{error}");
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("recovery-point-offset-checkpoint"), "7\nx\n").unwrap();
    let error = start(dir.path()).await.unwrap_err().to_string();
    assert!(error.contains("recovery-point-offset-checkpoint"), "{error}");
    let dir = tempfile::tempdir().unwrap();
    start(dir.path()).await.unwrap();
    let log = dir.path().join("__cluster_metadata-0/00000000000000000000.log");
    std::fs::rename(&log, log.with_file_name("00000000000000000100.log")).unwrap();
    let error = start(dir.path()).await.unwrap_err().to_string();
    assert!(error.contains("offset 100") && error.contains("snapshot"), "{error}");
}

#[tokio::test]
async fn a_topic_is_created_again_whatever_a_crash_left_of_its_deletion() {
    for changes in 0..8 {
        let disk = SimDisk::new(changes);
        let mut ottla = Ottla::on(Arc::new(disk.clone()), &[]).await;
        let mut client = ottla.client().await;
        client.create("t", 2, &[]).await;
        for partition in 0..2 {
            assert_eq!(client.produce("t", partition, plain(&["old"])).await.error_code, 0);
        }
        disk.fail_after(changes);
        let request = DeleteTopicsRequest::default().with_topic_names(vec![text("t")]);
        client.try_ask(4, &request).await;
        ottla.kill().await;
        ottla.start_again_on(Arc::new(disk.kill())).await;
        let mut client = ottla.client().await;
        // The record may have been written or not.
        client.try_ask(4, &request).await;
        client.create("t", 2, &[]).await;
        for partition in 0..2 {
            assert_eq!(client.produce("t", partition, plain(&["new"])).await.error_code, 0);
            let found = read(&client.fetch("t", partition, 0).await);
            assert_eq!(found, expected(0, &["new"]), "after {changes} changes");
        }
    }
}
