use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use fastrand::Rng;
use kafka_protocol::messages::FetchResponse as CrateResponse;
use kafka_protocol::protocol::Decodable;
use uuid::Uuid;

use super::*;
use crate::protocol::messages::fetch_response::{
    AbortedTransaction, EpochEndOffset, FetchableTopicResponse, PartitionData,
};
use crate::protocol::records::Records;
use crate::protocol::text::text;
use crate::storage::disk::{Disk, File, OpenMode, read_exact_at};
use crate::storage::sim_disk::SimDisk;

fn log_file(rng: &mut Rng) -> Arc<dyn File> {
    let file = SimDisk::new(1).open(Path::new("/log"), OpenMode::Create).unwrap();
    let bytes: Vec<u8> = (0..5000).map(|_| rng.u8(..)).collect();
    file.write_at(&bytes, &[], 0).unwrap();
    file
}

fn any_partition(rng: &mut Rng, version: i16) -> PartitionData {
    let aborted = |rng: &mut Rng| {
        let first_offset = rng.i64(..);
        AbortedTransaction::default().with_producer_id(rng.i64(..)).with_first_offset(first_offset)
    };
    let data = PartitionData::default()
        .with_partition_index(rng.i32(0..300))
        .with_error_code(rng.i16(-1..100))
        .with_high_watermark(rng.i64(..))
        .with_last_stable_offset(rng.i64(..))
        .with_aborted_transactions(rng.bool().then(|| vec![aborted(rng), aborted(rng)]))
        .with_records(Some(Records::default()));
    if version >= 12 && rng.bool() {
        let epoch = EpochEndOffset::default().with_epoch(rng.i32(0..9)).with_end_offset(7);
        return data.with_diverging_epoch(epoch);
    }
    data
}

fn any(rng: &mut Rng, version: i16) -> FetchResponse {
    let topic = |rng: &mut Rng| {
        let topic = FetchableTopicResponse::default()
            .with_partitions((0..rng.usize(0..200)).map(|_| any_partition(rng, version)).collect());
        match version {
            13.. => topic.with_topic_id(Uuid::from_u128(rng.u128(..))),
            _ => topic.with_topic(text(&"x".repeat(rng.usize(1..200)))),
        }
    };
    FetchResponse::default()
        .with_throttle_time_ms(rng.i32(..))
        .with_responses((0..rng.usize(0..4)).map(|_| topic(rng)).collect())
}

fn bytes_of(slice: &FileSlice) -> Bytes {
    let mut bytes = vec![0; slice.len];
    read_exact_at(slice.file.as_ref(), &mut bytes, slice.position).unwrap();
    bytes.into()
}

fn written(response: Response) -> Bytes {
    let Response::Chunks(chunks) = response else { panic!("no answer") };
    let bytes = chunks.iter().flat_map(|chunk| match chunk {
        Chunk::Bytes(bytes) => bytes.clone(),
        Chunk::File(slice) => bytes_of(slice),
        Chunk::Later(_) => panic!("a fetch is encoded at once"),
    });
    bytes.collect::<Vec<u8>>().into()
}

#[test]
fn records_in_files_are_written_as_records_in_memory_are() {
    let mut rng = Rng::with_seed(11);
    let file = log_file(&mut rng);
    for version in FetchResponse::VERSIONS {
        for _ in 0..20 {
            let in_memory = any(&mut rng, version);
            let (mut in_files, mut in_memory) = (in_memory.clone(), in_memory);
            let mut slices = Vec::new();
            let topics = in_files.responses.iter_mut().zip(&mut in_memory.responses);
            for (data, copy) in
                topics.flat_map(|(a, b)| a.partitions.iter_mut().zip(&mut b.partitions))
            {
                if rng.bool() {
                    let (position, bytes) = (rng.u64(0..100), rng.usize(1..4000));
                    let slice = FileSlice { file: file.clone(), position, len: bytes };
                    copy.records = Some(Records::Memory(bytes_of(&slice)));
                    data.records = Some(Records::File { bytes });
                    slices.push(slice);
                }
            }
            let of_files = written(encode(version, 77, &in_files, slices).unwrap());
            let of_memory = written(encode(version, 77, &in_memory, Vec::new()).unwrap());
            assert!(of_files == of_memory, "version {version}");
            assert_eq!(of_files[..4], (of_files.len() as u32 - 4).to_be_bytes());
            // The length, the correlation id, and tagged fields.
            let head = 8 + usize::from(FetchResponse::is_flexible(version));
            let mut body = of_files.slice(head..);
            let theirs = CrateResponse::decode(&mut body, version).unwrap();
            assert!(body.is_empty() && theirs.responses.len() == in_memory.responses.len());
        }
    }
}

#[test]
fn a_range_that_is_missing_or_has_another_length_is_an_error() {
    let file = log_file(&mut Rng::with_seed(1));
    let data = PartitionData::default().with_records(Some(Records::File { bytes: 10 }));
    let topic = FetchableTopicResponse::default().with_partitions(vec![data]);
    let response = FetchResponse::default().with_responses(vec![topic]);
    let slice = |len| FileSlice { file: file.clone(), position: 0, len };
    assert!(encode(18, 1, &response, Vec::new()).is_err());
    assert!(encode(18, 1, &response, vec![slice(9)]).is_err());
    assert!(encode(18, 1, &response, vec![slice(10)]).is_ok());
}
