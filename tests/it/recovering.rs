//! A broker that recovers its logs after a crash serves clients meanwhile, and loses nothing.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::{
    DeleteTopicsRequest, DescribeLogDirsRequest, GroupId, MetadataRequest, OffsetCommitRequest,
    OffsetFetchRequest,
};
use ottla::storage::disk::{DirEntry, Disk, File, OpenMode, OsDisk};

use crate::client::{Client, fetching, production, text, topic_name};
use crate::harness::Ottla;
use crate::records::{expected, plain, read};

/// NOT_LEADER_OR_FOLLOWER.
const NOT_LEADER: i16 = 6;

/// The operating system's disk, on which the logs of some partitions are not opened for now.
#[derive(Debug, Clone, Default)]
struct HeldDisk(Arc<(Mutex<BTreeSet<String>>, Condvar)>);

impl HeldDisk {
    fn hold(&self, partition: &str) {
        self.0.0.lock().unwrap().insert(partition.to_owned());
    }

    fn release(&self) {
        self.0.0.lock().unwrap().clear();
        self.0.1.notify_all();
    }
}

impl Disk for HeldDisk {
    fn open(&self, path: &Path, how: OpenMode) -> io::Result<Arc<dyn File>> {
        if path.extension().is_some_and(|extension| extension == "log") {
            let partition = path.parent().unwrap().file_name().unwrap().to_str().unwrap();
            let mut held = self.0.0.lock().unwrap();
            while held.contains(partition) {
                held = self.0.1.wait(held).unwrap();
            }
        }
        OsDisk.open(path, how)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        OsDisk.list(dir)
    }

    fn exists(&self, path: &Path) -> bool {
        OsDisk.exists(path)
    }

    fn len(&self, path: &Path) -> io::Result<u64> {
        OsDisk.len(path)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        OsDisk.create_dir(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsDisk.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        OsDisk.remove_file(path)
    }

    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        OsDisk.remove_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        OsDisk.sync_dir(dir)
    }
}

/// A broker that was killed and is recovering: partition 0 of `t`, with the records `a` and `b`, is
/// held; partition 1, with `c`, is not.
async fn recovering(configs: &[(&str, &str)]) -> (HeldDisk, Ottla, Client) {
    let disk = HeldDisk::default();
    let mut ottla = Ottla::on(Arc::new(disk.clone()), configs).await;
    let mut client = ottla.client().await;
    client.create("t", 2, &[]).await;
    client.produce("t", 0, plain(&["a"])).await;
    client.produce("t", 0, plain(&["b"])).await;
    client.produce("t", 1, plain(&["c"])).await;
    drop(client);
    ottla.kill().await;
    disk.hold("t-0");
    ottla.start_recovering().await;
    let client = ottla.client().await;
    (disk, ottla, client)
}

fn error_of_fetch(answer: &kafka_protocol::messages::FetchResponse) -> i16 {
    answer.responses[0].partitions[0].error_code
}

#[tokio::test]
async fn all_that_needs_no_recovery_is_answered_at_once() {
    let (disk, ottla, mut client) = recovering(&[]).await;
    let all = MetadataRequest::default().with_topics(None);
    let topics = client.call(12, &all).await.topics;
    let partitions = &topics[0].partitions;
    assert_eq!((partitions.len(), partitions[0].error_code), (2, 0));
    let waiting = fetching("t", 1, 0).with_max_wait_ms(60_000);
    assert_eq!(read(&client.call(12, &waiting).await), expected(0, &["c"]), "it is recovered");
    assert_eq!(client.produce("t", 1, plain(&["d"])).await.base_offset, 1);
    client.create("new", 1, &[]).await;
    assert_eq!(client.produce("new", 0, plain(&["n"])).await.base_offset, 0);
    let described = client.call(4, &DescribeLogDirsRequest::default().with_topics(None)).await;
    let sizes = described.results[0].topics.iter().flat_map(|topic| &topic.partitions);
    assert!(sizes.map(|partition| partition.partition_size).all(|size| size > 0), "{described:?}");
    assert_eq!(client.set("t", "max.message.bytes", "100000").await, 0);
    assert!(ottla.broker().offline().is_empty(), "what is being recovered is healthy");
    disk.release();
}

#[tokio::test]
async fn a_client_is_asked_to_try_again_if_a_recovery_takes_long() {
    let (disk, _ottla, mut client) = recovering(&[]).await;
    assert_eq!(error_of_fetch(&client.fetch("t", 0, 0).await), NOT_LEADER);
    assert_eq!(client.list_offset("t", -1).await.0, NOT_LEADER);
    assert_eq!(client.produce("t", 0, plain(&["x"])).await.error_code, NOT_LEADER);
    disk.release();
    let waiting = fetching("t", 0, 0).with_max_wait_ms(60_000);
    assert_eq!(read(&client.call(12, &waiting).await), expected(0, &["a", "b"]));
    assert_eq!(client.produce("t", 0, plain(&["x"])).await.base_offset, 2);
}

#[tokio::test]
async fn requests_that_arrive_during_recovery_are_answered_after_it() {
    let (disk, ottla, mut client) = recovering(&[]).await;
    let mut reader = ottla.client().await;
    let fetch = reader.send(12, &fetching("t", 0, 0).with_max_wait_ms(60_000)).await;
    // No response is awaited, so no client could be asked to try again.
    let unanswered = production("t", 0, plain(&["c"])).with_acks(0).with_timeout_ms(60_000);
    client.send(9, &unanswered).await;
    disk.release();
    let answer = reader.receive::<kafka_protocol::messages::FetchRequest>(12, fetch).await;
    let found = read(&answer);
    let possible = [expected(0, &["a", "b"]), expected(0, &["a", "b", "c"])];
    assert!(possible.contains(&found), "{found:?}");
    assert_eq!(client.produce("t", 0, plain(&["d"])).await.base_offset, 3);
    assert_eq!(read(&client.fetch("t", 0, 0).await), expected(0, &["a", "b", "c", "d"]));
}

#[tokio::test]
async fn a_topic_is_deleted_while_it_is_recovered_and_its_name_is_free() {
    let (disk, ottla, mut client) = recovering(&[]).await;
    let names = vec![topic_name("t")];
    let deletion = DeleteTopicsRequest::default().with_topic_names(names).with_timeout_ms(60_000);
    let sent = client.send(5, &deletion).await;
    // What is there before the deletion has taken the log away does not matter.
    ottla.client().await.fetch("t", 0, 0).await;
    disk.release();
    let deleted = client.receive::<DeleteTopicsRequest>(5, sent).await;
    assert_eq!(deleted.responses[0].error_code, 0);
    client.create("t", 1, &[]).await;
    assert_eq!(client.produce("t", 0, plain(&["new"])).await.base_offset, 0);
    assert_eq!(read(&client.fetch("t", 0, 0).await), expected(0, &["new"]));
}

#[tokio::test]
async fn a_stop_during_recovery_leaves_no_mark_and_the_next_start_has_everything() {
    let (disk, mut ottla, client) = recovering(&[]).await;
    drop(client);
    let releasing = disk.clone();
    let stopping = ottla.shared().stopping();
    let release = tokio::spawn(async move {
        let mut stopping = stopping;
        stopping.wait_for(|stopping| *stopping).await.unwrap();
        releasing.release();
    });
    ottla.stop().await;
    release.await.unwrap();
    let mark = ottla.data_dir().join(".kafka_cleanshutdown");
    assert!(!mark.exists(), "a log that was not recovered is not clean");
    // A torn tail that no one has cut off yet.
    let path = ottla.log_file("t-0");
    let len = std::fs::metadata(&path).unwrap().len();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(len - 1).unwrap();
    ottla.start_again().await;
    let mut client = ottla.client().await;
    assert_eq!(read(&client.fetch("t", 0, 0).await), expected(0, &["a"]));
    assert_eq!(read(&client.fetch("t", 1, 0).await), expected(0, &["c"]));
}

#[tokio::test]
async fn a_second_crash_during_recovery_loses_nothing() {
    let (disk, mut ottla, mut client) = recovering(&[]).await;
    assert_eq!(error_of_fetch(&client.fetch("t", 0, 0).await), NOT_LEADER);
    drop(client);
    let releasing = disk.clone();
    let stopping = ottla.shared().stopping();
    tokio::spawn(async move {
        let mut stopping = stopping;
        stopping.wait_for(|stopping| *stopping).await.unwrap();
        releasing.release();
    });
    ottla.kill().await;
    ottla.start_again().await;
    let mut client = ottla.client().await;
    assert_eq!(read(&client.fetch("t", 0, 0).await), expected(0, &["a", "b"]));
    assert_eq!(client.produce("t", 0, plain(&["x"])).await.base_offset, 2);
}

#[tokio::test]
async fn a_group_coordinator_says_that_it_is_loading_its_log() {
    let disk = HeldDisk::default();
    let mut ottla = Ottla::on(Arc::new(disk.clone()), &[]).await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    ottla.broker().prepare_offsets_topic();
    let partition = OffsetCommitRequestPartition::default().with_committed_offset(7);
    let topic = OffsetCommitRequestTopic::default()
        .with_name(topic_name("t"))
        .with_partitions(vec![partition]);
    let commit = OffsetCommitRequest::default()
        .with_group_id(GroupId(text("g")))
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![topic]);
    assert_eq!(client.call(8, &commit).await.topics[0].partitions[0].error_code, 0);
    drop(client);
    ottla.kill().await;
    disk.hold("__consumer_offsets-0");
    ottla.start_recovering().await;
    let mut client = ottla.client().await;
    let fetch = OffsetFetchRequest::default().with_group_id(GroupId(text("g"))).with_topics(None);
    let loading = client.call(7, &fetch).await;
    assert_eq!(loading.error_code, Code::CoordinatorLoadInProgress.code());
    disk.release();
    let loaded = client.call(7, &fetch).await;
    assert_eq!(loaded.error_code, 0);
    assert_eq!(loaded.topics[0].partitions[0].committed_offset, 7);
}

#[tokio::test]
async fn a_partition_that_was_never_written_is_read_without_files() {
    let mut ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    drop(client);
    ottla.kill_and_restart().await;
    let mut client = ottla.client().await;
    for timestamp in [-1, -2] {
        assert_eq!(client.list_offset("t", timestamp).await, (0, 0, -1));
    }
    for timestamp in [-3, 1_700_000_000_000] {
        assert_eq!(client.list_offset("t", timestamp).await, (0, -1, -1));
    }
    assert_eq!(read(&client.fetch("t", 0, 0).await), expected(0, &[]));
    let out_of_range = Code::OffsetOutOfRange.code();
    assert_eq!(error_of_fetch(&client.fetch("t", 0, 1).await), out_of_range);
    assert!(!ottla.data_dir().join("t-0").exists());
    let mut reader = ottla.client().await;
    let fetch = reader.send(12, &fetching("t", 0, 0).with_max_wait_ms(60_000)).await;
    assert_eq!(client.produce("t", 0, plain(&["a"])).await.base_offset, 0);
    let answer = reader.receive::<kafka_protocol::messages::FetchRequest>(12, fetch).await;
    assert_eq!(read(&answer), expected(0, &["a"]));
}
