use std::path::Path;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use fastrand::Rng;
use kafka_protocol::messages::fetch_response::{
    AbortedTransaction, EpochEndOffset, FetchableTopicResponse, PartitionData,
};
use kafka_protocol::messages::{BrokerId, FetchResponse, TopicName};
use kafka_protocol::protocol::{Encodable, StrBytes};
use uuid::Uuid;

use super::*;
use crate::storage::disk::{Disk, File, OpenMode, read_exact_at};
use crate::storage::sim_disk::SimDisk;

fn log_file(rng: &mut Rng) -> Arc<dyn File> {
    let file = SimDisk::new(1).open(Path::new("/log"), OpenMode::Create).unwrap();
    let bytes: Vec<u8> = (0..5000).map(|_| rng.u8(..)).collect();
    file.write_at(&bytes, &[], 0).unwrap();
    file
}

fn any(rng: &mut Rng, file: &Arc<dyn File>) -> FetchedResponse {
    let partition = |rng: &mut Rng| FetchedPartition {
        index: rng.i32(0..300),
        error_code: rng.i16(-1..100),
        high_watermark: rng.i64(..),
        last_stable_offset: rng.i64(..),
        log_start_offset: rng.i64(..),
        aborted: rng.bool().then(|| (0..rng.i64(0..3)).map(|i| (i, rng.i64(..))).collect()),
        diverging: rng.bool().then(|| (rng.i32(0..9), rng.i64(0..1 << 40))),
        records: rng.bool().then(|| FileSlice {
            file: file.clone(),
            position: rng.u64(0..100),
            len: rng.usize(1..4000),
        }),
    };
    let topic = |rng: &mut Rng| FetchedTopic {
        name: "x".repeat(rng.usize(1..200)),
        id: Uuid::from_u128(rng.u128(..)),
        partitions: (0..rng.usize(0..200)).map(|_| partition(rng)).collect(),
    };
    FetchedResponse {
        throttle_time_ms: rng.i32(..),
        error_code: rng.i16(0..100),
        session_id: rng.i32(..),
        topics: (0..rng.usize(0..4)).map(|_| topic(rng)).collect(),
    }
}

fn bytes_of(slice: &FileSlice) -> Bytes {
    let mut bytes = vec![0; slice.len];
    read_exact_at(slice.file.as_ref(), &mut bytes, slice.position).unwrap();
    bytes.into()
}

/// Returns the same response as the crate's own message.
fn as_crate_message(version: i16, fetched: &FetchedResponse) -> FetchResponse {
    let partition = |p: &FetchedPartition| {
        let aborted = p.aborted.as_ref().map(|all| {
            let one = |(id, first): &(i64, i64)| {
                AbortedTransaction::default()
                    .with_producer_id((*id).into())
                    .with_first_offset(*first)
            };
            all.iter().map(one).collect()
        });
        let data = PartitionData::default()
            .with_partition_index(p.index)
            .with_error_code(p.error_code)
            .with_high_watermark(p.high_watermark)
            .with_last_stable_offset(p.last_stable_offset)
            .with_aborted_transactions(aborted)
            .with_records(Some(p.records.as_ref().map(bytes_of).unwrap_or_default()));
        let data = data.with_preferred_read_replica(BrokerId(-1));
        let data = match p.diverging {
            Some((epoch, end_offset)) if version >= 12 => data.with_diverging_epoch(
                EpochEndOffset::default().with_epoch(epoch).with_end_offset(end_offset),
            ),
            _ => data,
        };
        if version >= 5 { data.with_log_start_offset(p.log_start_offset) } else { data }
    };
    let topic = |t: &FetchedTopic| {
        let topic = FetchableTopicResponse::default()
            .with_partitions(t.partitions.iter().map(partition).collect());
        match version {
            13.. => topic.with_topic_id(t.id),
            _ => topic.with_topic(TopicName(StrBytes::from_string(t.name.clone()))),
        }
    };
    let response = FetchResponse::default()
        .with_throttle_time_ms(fetched.throttle_time_ms)
        .with_responses(fetched.topics.iter().map(topic).collect());
    match version {
        7.. => response.with_error_code(fetched.error_code).with_session_id(fetched.session_id),
        _ => response,
    }
}

#[test]
fn every_version_is_written_as_the_crate_writes_it() {
    let mut rng = Rng::with_seed(11);
    let file = log_file(&mut rng);
    for version in 4..=18 {
        for _ in 0..20 {
            let fetched = any(&mut rng, &file);
            let mut expected = begin(KEY, version, 77);
            let mut body = BytesMut::new();
            as_crate_message(version, &fetched).encode(&mut body, version).unwrap();
            expected.extend_from_slice(&body);
            let expected = finish(expected, 0).unwrap();
            let Ok(Response::Chunks(chunks)) = encode(version, 77, fetched) else {
                panic!("no answer")
            };
            let written: Vec<u8> = chunks
                .iter()
                .flat_map(|chunk| match chunk {
                    Chunk::Bytes(bytes) => bytes.clone(),
                    Chunk::File(slice) => bytes_of(slice),
                    Chunk::Later(_) => panic!("a fetch is encoded at once"),
                })
                .collect();
            assert!(written == expected, "version {version}");
        }
    }
}
