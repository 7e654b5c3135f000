//! Metadata logs as Apache Kafka leaves them.

use super::*;
use crate::metadata::records::partition_record;
use crate::metadata::records::{feature_level_record, topic_record};
use crate::protocol::messages::begin_transaction_record::BeginTransactionRecord;
use crate::protocol::messages::end_transaction_record::EndTransactionRecord;
use crate::protocol::messages::partition_change_record::PartitionChangeRecord;
use crate::storage::batch::batches;
use crate::storage::disk::OsDisk;
use crate::types::TopicId;

const NOW: Now = Now { mono_ms: 0, wall_ms: 1_700_000_000_000 };
const FOOTER: &[u8] = &[0, 0, 0, 4];

struct Directory(tempfile::TempDir);

impl Directory {
    fn new() -> Directory {
        let dir = Directory(tempfile::tempdir().unwrap());
        std::fs::create_dir(dir.path("")).unwrap();
        dir
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(DIRECTORY).join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    fn write_snapshot(&self, name: &str, records: &[Record]) {
        self.write(name, &[batch(0, 0, records), footer()].concat());
    }

    fn open(&self) -> io::Result<Store> {
        let known = RecoveryCheckpoint {
            clean: true,
            recovery_point: 0,
            log_start_offset: 0,
            index_interval_bytes: 4096,
            producers_max: 10,
        };
        let space = Arc::default();
        Store::open(Arc::new(OsDisk), self.0.path(), known, Durability::Os, NOW, space)
    }

    fn why_not(&self) -> String {
        self.open().unwrap_err().to_string()
    }
}

fn batch(base_offset: Offset, epoch: i32, records: &[Record]) -> Vec<u8> {
    let mut builder = BatchBuilder::new(base_offset, NOW.wall_ms).leader_epoch(epoch);
    for record in records {
        let value = record.encode(MetadataVersion::NEWEST).unwrap();
        builder.push(None, Some(&value), &[], NOW.wall_ms);
    }
    builder.finish()
}

fn footer() -> Vec<u8> {
    let mut builder = BatchBuilder::new(0, NOW.wall_ms).control();
    builder.push(Some(FOOTER), Some(&[0, 0, 0]), &[], NOW.wall_ms);
    builder.finish()
}

fn level(number: i16) -> Record {
    feature_level_record(METADATA_VERSION, number)
}

fn topic(name: &str) -> Record {
    topic_record(name, TopicId::from_u128(u128::from(name.as_bytes()[0])))
}

fn topics(store: &Store) -> Vec<String> {
    store.image().topics.keys().cloned().collect()
}

const LOG: &str = "00000000000000000000.log";

#[test]
fn a_transaction_counts_once_it_has_ended_and_one_left_open_is_aborted() {
    let begin = || Record::BeginTransaction(BeginTransactionRecord::default());
    let end = || Record::EndTransaction(EndTransactionRecord::default());
    let abort = || Record::AbortTransaction(AbortTransactionRecord::default());
    let dir = Directory::new();
    let first = [level(33), begin(), topic("a"), end(), begin(), topic("b"), abort()];
    let open = [begin(), topic("c")];
    dir.write(LOG, &[batch(0, 0, &first), batch(7, 0, &open)].concat());
    let store = dir.open().unwrap();
    assert_eq!(topics(&store), ["a"]);
    store.begin(NOW, || panic!("it is not empty")).unwrap();
    store.change(NOW, |_| Ok::<_, AppendError>((vec![topic("d")], ()))).unwrap();
    assert_eq!(topics(&store), ["a", "d"]);
    store.close().unwrap();
    let store = dir.open().unwrap();
    assert_eq!((topics(&store), store.image().end_offset), (vec!["a".into(), "d".into()], 11));
    store.begin(NOW, || panic!("it is not empty")).unwrap();
    assert_eq!(store.bounds().1, 11, "it was aborted once");

    for wrong in [&[begin(), begin()][..], &[end()], &[abort()]] {
        let dir = Directory::new();
        dir.write(LOG, &batch(0, 0, wrong));
        let why = dir.why_not();
        assert!(why.starts_with("__cluster_metadata-0: the record at offset "), "{why}");
    }
}

#[test]
fn a_log_whose_beginning_is_gone_continues_its_newest_snapshot() {
    let dir = Directory::new();
    let log = [batch(95, 3, &[topic("x")]), batch(100, 4, &[topic("c")])].concat();
    dir.write("00000000000000000095.log", &log);
    assert!(dir.why_not().contains("it begins at offset 95, and no"), "{}", dir.why_not());
    dir.write_snapshot("00000000000000000090-0000000002.checkpoint", &[level(33), topic("a")]);
    assert!(dir.why_not().contains("it begins at offset 95, and no"), "{}", dir.why_not());
    let newest = "00000000000000000100-0000000003.checkpoint";
    dir.write_snapshot(newest, &[level(29), topic("a"), topic("b")]);
    let store = dir.open().unwrap();
    assert_eq!(topics(&store), ["a", "b", "c"]);
    assert_eq!(store.image().metadata_version(), MetadataVersion::of(29).unwrap());
    assert_eq!(store.leader_epoch(), 4);
    drop(store);

    let whole = std::fs::read(dir.path(newest)).unwrap();
    dir.write(newest, &whole[..whole.len() - 1]);
    assert!(dir.why_not().ends_with("cannot be read: it is incomplete"), "{}", dir.why_not());
    let mut damaged = whole.clone();
    damaged[100] ^= 1;
    dir.write(newest, &damaged);
    assert!(dir.why_not().ends_with("cannot be read: a checksum is wrong"), "{}", dir.why_not());
}

#[test]
fn a_snapshot_that_the_log_does_not_reach_is_refused() {
    let dir = Directory::new();
    dir.write(LOG, &batch(0, 0, &[level(33)]));
    dir.write_snapshot("00000000000000000009-0000000000.checkpoint", &[level(33)]);
    let wanted = "__cluster_metadata-0: it ends at offset 1, before its newest snapshot, 9";
    assert_eq!(dir.why_not(), wanted);
}

#[test]
fn a_formatted_directory_begins_with_its_own_records() {
    let first = "00000000000000000000-0000000000.checkpoint";
    // Kafka 4.4 formats in one way, earlier ones in the other; the snapshot then names the voters.
    for (in_snapshot, in_file) in [(vec![level(25)], None), (vec![], Some(vec![level(25)]))] {
        let dir = Directory::new();
        dir.write_snapshot(first, &in_snapshot);
        if let Some(records) = in_file {
            dir.write("../bootstrap.checkpoint", &[batch(0, 0, &records), footer()].concat());
        }
        let store = dir.open().unwrap();
        assert_eq!(store.bootstrap(), Some(&[level(25)][..]));
        store.begin(NOW, || store.bootstrap().unwrap().to_vec()).unwrap();
        store.close().unwrap();
        let store = dir.open().unwrap();
        assert_eq!(store.image().metadata_version(), MetadataVersion::of(25).unwrap());
        assert_eq!(store.bootstrap(), None);
    }
    let dir = Directory::new();
    assert_eq!(dir.open().unwrap().bootstrap(), None);
    dir.write_snapshot(first, &[level(34)]);
    assert!(dir.why_not().contains("metadata.version is 34"), "{}", dir.why_not());
}

#[test]
fn a_level_that_kafka_4_4_does_not_know_is_refused() {
    for number in [6, 34] {
        let dir = Directory::new();
        dir.write(LOG, &batch(0, 0, &[level(number)]));
        let wanted = format!(
            "__cluster_metadata-0: metadata.version is {number}, but only levels 7 to 33 are \
             supported"
        );
        assert_eq!(dir.why_not(), wanted);
    }
}

#[test]
fn the_log_continues_in_the_last_epoch_of_the_quorum() {
    let dir = Directory::new();
    dir.write(LOG, &batch(0, 3, &[level(33)]));
    dir.write("leader-epoch-checkpoint", b"0\n1\n3 0\n");
    dir.write("quorum-state", br#"{"leaderId":1,"leaderEpoch":5,"votedId":-1,"data_version":1}"#);
    let store = dir.open().unwrap();
    assert_eq!(store.leader_epoch(), 5);
    store.change(NOW, |_| Ok::<_, AppendError>((vec![topic("a")], ()))).unwrap();
    store.close().unwrap();
    let bytes = std::fs::read(dir.path(LOG)).unwrap();
    let epochs: Vec<i32> = batches(&bytes).map(|b| b.header.partition_leader_epoch).collect();
    assert_eq!(epochs, [3, 5]);
    let kept = std::fs::read_to_string(dir.path("leader-epoch-checkpoint")).unwrap();
    assert_eq!(kept, "0\n2\n3 0\n5 1\n");
}

#[test]
fn every_change_of_a_leader_begins_an_epoch() {
    let id = TopicId::from_u128(u128::from(b'a'));
    let change = |leader| {
        let change = PartitionChangeRecord::default().with_topic_id(id).with_partition_id(1);
        Record::PartitionChange(change.with_leader(leader))
    };
    let partition = |index| partition_record(id, index, 1, TopicId::nil());
    let mut image = Image::default();
    for record in
        [topic("a"), partition(0), partition(1), change(-1), change(-2), change(1), change(-2)]
    {
        image.apply(&record);
    }
    let epochs = [0, 1].map(|index| image.topics["a"].leader_epoch(index));
    assert_eq!(epochs, [0, 2]);
}
