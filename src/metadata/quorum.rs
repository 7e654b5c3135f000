//! What Apache Kafka's quorum keeps in the directory of the metadata log, beside the log. Ottla has
//! no quorum: it reads the epoch, and names the voter of a directory that Kafka has not seen.

use std::io;
use std::path::Path;

use bytes::BytesMut;

use crate::clock::Now;
use crate::metadata::image::Image;
use crate::metadata::records::feature_level_record;
use crate::metadata::snapshot::{BOOTSTRAP, FIRST, FOOTER, Snapshot, control_key};
use crate::metadata::version::METADATA_VERSION;
use crate::protocol::error::EncodeError;
use crate::protocol::message::Message;
use crate::protocol::messages::k_raft_version_record::KRaftVersionRecord;
use crate::protocol::messages::snapshot_footer_record::SnapshotFooterRecord;
use crate::protocol::messages::snapshot_header_record::SnapshotHeaderRecord;
use crate::protocol::messages::voters_record::{
    Endpoint, KRaftVersionFeature, Voter, VotersRecord,
};
use crate::protocol::text::text;
use crate::storage::batch_builder::BatchBuilder;
use crate::storage::disk::{Disk, read_all, replace};
use crate::types::DirectoryId;

const STATE: &str = "quorum-state";

// The types of control records (Kafka: `ControlRecordType`).
const HEADER: i16 = 3;
const KRAFT_VERSION: i16 = 5;
const VOTERS: i16 = 6;

/// Returns the last epoch in which the quorum has had a leader or an election; 0 if there was none.
pub fn leader_epoch(disk: &dyn Disk, dir: &Path) -> i32 {
    let state = read_all(disk, &dir.join(STATE)).unwrap_or_default();
    let state = String::from_utf8_lossy(&state);
    let epoch = state.split_once("\"leaderEpoch\":").map(|(_, rest)| {
        let digits = rest.trim_start();
        &digits[..digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len())]
    });
    epoch.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// Names this node as the only voter, in a snapshot of offset 0 like that of a formatted
/// directory, unless Kafka has formatted the directory or started on it. Without it Kafka could
/// only start with `controller.quorum.voters`. When it starts, it replaces the address by its own.
///
/// # Errors
/// The snapshot cannot be written.
pub fn name_voter(
    disk: &dyn Disk,
    dir: &Path,
    now: Now,
    voter: (i32, DirectoryId),
    image: &Image,
) -> io::Result<()> {
    let is_of_kafka = disk.exists(&dir.join(STATE))
        || disk.exists(&dir.with_file_name(BOOTSTRAP))
        || Snapshot::newest(disk, dir)?.is_some();
    if is_of_kafka {
        return Ok(());
    }
    let bytes = first_snapshot(now.wall_ms, voter, image).map_err(io::Error::other)?;
    replace(disk, &dir.join(FIRST), &bytes)
}

fn first_snapshot(
    now_ms: i64,
    (node_id, directory_id): (i32, DirectoryId),
    image: &Image,
) -> Result<Vec<u8>, EncodeError> {
    let address = Endpoint::default()
        .with_name(text("CONTROLLER"))
        .with_host(text("localhost"))
        .with_port(9093);
    let versions = KRaftVersionFeature::default().with_max_supported_version(1);
    let voter = Voter::default()
        .with_voter_id(node_id)
        .with_voter_directory_id(directory_id)
        .with_endpoints(vec![address])
        .with_k_raft_version_feature(versions);
    let mut control = BatchBuilder::new(0, now_ms).control();
    let header = SnapshotHeaderRecord::default().with_last_contained_log_timestamp(now_ms);
    push(&mut control, HEADER, &header, now_ms)?;
    push(
        &mut control,
        KRAFT_VERSION,
        &KRaftVersionRecord::default().with_k_raft_version(1),
        now_ms,
    )?;
    push(&mut control, VOTERS, &VotersRecord::default().with_voters(vec![voter]), now_ms)?;
    // Kafka accepts no snapshot of a formatted directory without `metadata.version`, first of all.
    let mut levels: Vec<_> = image.features.iter().collect();
    levels.sort_by_key(|(name, _)| *name != METADATA_VERSION);
    let mut data = BatchBuilder::new(i64::from(control.len()), now_ms);
    for (name, level) in levels {
        let record = feature_level_record(name, *level).encode(image.metadata_version())?;
        data.push(None, Some(&record), &[], now_ms);
    }
    let end = i64::from(control.len() + data.len());
    let mut footer = BatchBuilder::new(end, now_ms).control();
    push(&mut footer, FOOTER, &SnapshotFooterRecord::default(), now_ms)?;
    Ok([control.finish(), data.finish(), footer.finish()].concat())
}

fn push<T: Message>(
    batch: &mut BatchBuilder,
    kind: i16,
    message: &T,
    now_ms: i64,
) -> Result<(), EncodeError> {
    let mut value = BytesMut::new();
    message.encode_to(&mut value, 0)?;
    batch.push(Some(&control_key(kind)), Some(&value), &[], now_ms);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::batch::batches;
    use crate::storage::disk::OsDisk;
    use crate::storage::records::records;

    const NOW: Now = Now { mono_ms: 0, wall_ms: 0x0102_0304_0506_0708 };

    fn named(dir: &Path) -> Option<Vec<u8>> {
        let mut image = Image::default();
        image.apply(&feature_level_record("group.version", 1));
        image.apply(&feature_level_record(METADATA_VERSION, 29));
        let directory = DirectoryId::from_u128(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff);
        name_voter(&OsDisk, dir, NOW, (1, directory), &image).unwrap();
        read_all(&OsDisk, &dir.join(FIRST)).ok()
    }

    /// As `kafka-storage.sh format --standalone` of Kafka 4.4.0 does, but for the address.
    #[test]
    fn the_voter_is_named_as_kafka_formats_a_directory() {
        let dir = tempfile::tempdir().unwrap();
        let bytes = named(dir.path()).unwrap();
        let mut control = Vec::new();
        for batch in batches(&bytes).filter(|batch| batch.header.is_control()) {
            for record in records(&batch).unwrap().map(Result::unwrap) {
                let (key, value) = (record.key.unwrap(), record.value.unwrap());
                control
                    .push((key[3], value.iter().map(|b| format!("{b:02x}")).collect::<String>()));
            }
        }
        let voter = "0000020000000100112233445566778899aabbccddeeff020b434f4e54524f4c4c45520a6c6f63\
                     616c686f737423850000000001000000";
        let wanted = [(3, "0000010203040506070800"), (5, "0000000100"), (6, voter), (4, "000000")];
        assert_eq!(control, wanted.map(|(kind, value)| (kind, value.to_owned())));
        let newest = Snapshot::newest(&OsDisk, dir.path()).unwrap().unwrap();
        let levels = [(METADATA_VERSION, 29), ("group.version", 1)];
        let levels = levels.map(|(name, level)| feature_level_record(name, level));
        assert_eq!(newest.read(&OsDisk).unwrap(), levels);
    }

    #[test]
    fn a_directory_that_kafka_has_seen_keeps_its_voters() {
        for name in [STATE, "../bootstrap.checkpoint", "00000000000000000009-0000000001.checkpoint"]
        {
            let dir = tempfile::tempdir().unwrap();
            let dir = dir.path().join("__cluster_metadata-0");
            std::fs::create_dir(&dir).unwrap();
            std::fs::write(dir.join(name), "").unwrap();
            assert_eq!(named(&dir), None, "{name}");
        }
    }

    #[test]
    fn the_epoch_is_that_of_kafkas_file() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(leader_epoch(&OsDisk, dir.path()), 0);
        for (text, epoch) in [
            (r#"{"leaderId":1,"leaderEpoch":12,"votedId":-1,"data_version":1}"#, 12),
            (r#"{"leaderEpoch": 3}"#, 3),
            (r#"{"leaderEpoch":-1}"#, 0),
            ("", 0),
        ] {
            std::fs::write(dir.path().join(STATE), text).unwrap();
            assert_eq!(leader_epoch(&OsDisk, dir.path()), epoch, "{text}");
        }
    }
}
