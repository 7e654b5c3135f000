//! What one connection sends, encoded once, and what its answers must look like.

use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{ApiKey, FetchRequest, ProduceRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use ottla::storage::batch_builder::BatchBuilder;

use crate::case::{Case, MIB};
use crate::wire::{CORRELATION_AT, frame};

/// The topic; the places of the error codes below count on the length of its name.
pub const TOPIC: &str = "load";
/// Its partitions; connections are dealt out to them.
pub const PARTITIONS: usize = 10;
/// What one fetch asks for: the consumers' default of `max.partition.fetch.bytes`.
pub const FETCH_BYTES: usize = MIB;
/// Bytes of one partition that fetches go round in.
const ROUND_BYTES: usize = 32 * MIB;

/// Every answer is at least this long, and holds its error codes within.
pub const ANSWER_HEAD: usize = 40;
/// Length, correlation id, tags, one topic's name, one partition's index.
const PRODUCE_ERROR_AT: usize = 4 + 4 + 1 + 1 + (1 + TOPIC.len()) + 1 + 4;
const FETCH_ERROR_AT: usize = 4 + 4 + 1 + 4;
/// After the error: session, one topic's name, one partition's index.
const FETCH_PARTITION_ERROR_AT: usize = FETCH_ERROR_AT + 2 + 4 + 1 + (1 + TOPIC.len()) + 1 + 4;

/// One request, to be sent again and again.
#[derive(Clone)]
pub struct Script {
    /// Length, key, version and correlation id.
    head: [u8; CORRELATION_AT + 4],
    rest: Rc<[u8]>,
    round: Option<Round>,
    error_at: &'static [usize],
    /// Bytes of batches that one request moves.
    pub payload: usize,
}

/// How fetches go round in a partition.
#[derive(Clone, Copy)]
struct Round {
    /// Where in `rest` the offset stands.
    offset_at: usize,
    /// By how much it grows from request to request.
    step: i64,
    /// After this many requests it begins again.
    requests: u64,
}

/// A batch of at most `case.batch` bytes, as full as it gets, and how many records it has.
pub fn batch(case: &Case) -> (Vec<u8>, i32) {
    let mut rng = fastrand::Rng::with_seed(1);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    let mut builder = BatchBuilder::new(0, now);
    loop {
        let value: Vec<u8> = (0..case.record).map(|_| rng.u8(..)).collect();
        // A record's own numbers take up to 16 bytes.
        if builder.uncompressed_bytes() + value.len() + 16 > case.batch {
            break;
        }
        builder.push(None, Some(&value), &[], now);
    }
    let records = builder.len();
    (builder.finish(), records)
}

/// How many batches of this length a partition must hold for fetches to go round in.
pub fn round_batches(batch_bytes: usize) -> usize {
    let per_fetch = FETCH_BYTES / batch_bytes;
    ROUND_BYTES / batch_bytes / per_fetch * per_fetch
}

impl Script {
    /// Produce `batch` to one partition.
    pub fn produce(acks: i16, partition: usize, batch: &Bytes) -> Script {
        let data = PartitionProduceData::default()
            .with_index(partition as i32)
            .with_records(Some(batch.clone()));
        let topic = TopicProduceData::default()
            .with_name(TopicName(StrBytes::from_static_str(TOPIC)))
            .with_partition_data(vec![data]);
        let request = ProduceRequest::default()
            .with_acks(acks)
            .with_timeout_ms(30_000)
            .with_topic_data(vec![topic]);
        let bytes = frame(ApiKey::Produce, 9, &request);
        Script::new(&bytes, None, &[PRODUCE_ERROR_AT], batch.len())
    }

    /// Fetch whole batches of this length and number of records, round and round.
    pub fn fetch(partition: usize, batch_bytes: usize, records: i32) -> Script {
        const PLACEHOLDER: i64 = 0x5ca1_ab1e_0ff5_e700;
        let batches = (FETCH_BYTES / batch_bytes) as i64;
        let payload = batches as usize * batch_bytes;
        let wanted = FetchPartition::default()
            .with_partition(partition as i32)
            .with_fetch_offset(PLACEHOLDER)
            .with_partition_max_bytes(payload as i32);
        let topic = FetchTopic::default()
            .with_topic(TopicName(StrBytes::from_static_str(TOPIC)))
            .with_partitions(vec![wanted]);
        let request = FetchRequest::default()
            .with_max_wait_ms(500)
            .with_min_bytes(1)
            .with_max_bytes(50 * MIB as i32)
            .with_session_epoch(-1)
            .with_topics(vec![topic]);
        let bytes = frame(ApiKey::Fetch, 12, &request);
        let place = bytes.windows(8).position(|w| w == PLACEHOLDER.to_be_bytes()).unwrap();
        let round = Round {
            offset_at: place - (CORRELATION_AT + 4),
            step: batches * i64::from(records),
            requests: round_batches(batch_bytes) as u64 / batches as u64,
        };
        let errors = &[FETCH_ERROR_AT, FETCH_PARTITION_ERROR_AT];
        Script::new(&bytes, Some(round), errors, payload)
    }

    fn new(
        bytes: &[u8],
        round: Option<Round>,
        error_at: &'static [usize],
        payload: usize,
    ) -> Script {
        let (head, rest) = bytes.split_first_chunk().unwrap();
        Script { head: *head, rest: rest.into(), round, error_at, payload }
    }

    /// Bytes of the whole request.
    pub fn len(&self) -> usize {
        self.head.len() + self.rest.len()
    }

    /// The request with this number as its correlation id: its front and the rest.
    pub fn request(&mut self, number: u64) -> (&[u8], &[u8]) {
        self.head[CORRELATION_AT..].copy_from_slice(&(number as u32).to_be_bytes());
        if let Some(Round { offset_at, step, requests }) = self.round {
            let offset = (number % requests) as i64 * step;
            if Rc::get_mut(&mut self.rest).is_none() {
                self.rest = self.rest.to_vec().into();
            }
            let rest = Rc::get_mut(&mut self.rest).expect("just made");
            rest[offset_at..offset_at + 8].copy_from_slice(&offset.to_be_bytes());
        }
        (&self.head, &self.rest)
    }

    /// Panic unless this answer, of which `head` is the front and `len` the length, is the one to
    /// request `number`, without an error and with everything that was asked for.
    pub fn check(&self, number: u64, head: &[u8; ANSWER_HEAD], len: usize) {
        assert_eq!(head[4..8], (number as u32).to_be_bytes(), "an answer to another request");
        for at in self.error_at {
            assert_eq!(head[*at..at + 2], [0, 0], "an error code in the answer");
        }
        assert!(self.round.is_none() || len > self.payload, "only {len} bytes were fetched");
    }
}
