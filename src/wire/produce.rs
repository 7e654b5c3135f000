//! A Produce request in its most frequent form, read where it was received, and its response.
//!
//! Producers mostly send requests with one batch for one partition. Such a request is read here
//! without allocating anything; for all others [`read`] returns `None`, and they are decoded like
//! those of any other API.

use bytes::BytesMut;
use uuid::Uuid;

use crate::protocol::encoder::Encoder;
use crate::protocol::error::EncodeError;
use crate::protocol::message::{Message, Request};
use crate::protocol::messages::{ProduceRequest, ProduceResponse};
use crate::wire::cursor::{array, take, varint};

/// From this version on, topics are named by id.
const IDS_SINCE: i16 = 13;
/// From this version on, the response has the log start offset.
const LOG_START_SINCE: i16 = 5;
/// From this version on, the response has errors of records and an error message.
const RECORD_ERRORS_SINCE: i16 = 8;

/// How a request names its topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedTopic<'a> {
    /// By name.
    Name(&'a str),
    /// By id.
    Id([u8; 16]),
}

/// A request with records for one partition, outside of transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlainProduce<'a> {
    /// The version.
    pub version: i16,
    /// The correlation id.
    pub correlation_id: i32,
    /// What the response waits for.
    pub acks: i16,
    /// The topic.
    pub topic: NamedTopic<'a>,
    /// The partition.
    pub partition: i32,
    /// The records.
    pub records: &'a [u8],
}

/// Reads a frame without its length; `None` if it is anything else than a valid request of this
/// form.
pub fn read(frame: &[u8]) -> Option<PlainProduce<'_>> {
    let rest = &mut &frame[..];
    let [key, version] = [int16(rest)?, int16(rest)?];
    if key != ProduceRequest::KEY || !ProduceRequest::VERSIONS.contains(&version) {
        return None;
    }
    let is_flexible = ProduceRequest::is_flexible(version);
    let correlation_id = int32(rest)?;
    let client_id = int16(rest)?;
    if client_id >= 0 {
        take(rest, client_id as usize)?;
    }
    no_tags(rest, is_flexible)?;
    if length(rest, is_flexible, int16_length)?.is_some() {
        // It has a transactional id.
        return None;
    }
    let acks = int16(rest)?;
    let _timeout_ms = int32(rest)?;
    exactly_one(rest, is_flexible)?;
    let topic = match version {
        IDS_SINCE.. => NamedTopic::Id(array(rest)?),
        _ => {
            let len = length(rest, is_flexible, int16_length)??;
            NamedTopic::Name(std::str::from_utf8(take(rest, len)?).ok()?)
        }
    };
    exactly_one(rest, is_flexible)?;
    let partition = int32(rest)?;
    let len = length(rest, is_flexible, int32_length)??;
    let records = take(rest, len)?;
    for _structure in ["partition", "topic", "request"] {
        no_tags(rest, is_flexible)?;
    }
    let request = PlainProduce { version, correlation_id, acks, topic, partition, records };
    rest.is_empty().then_some(request)
}

/// Appends the response to a request whose batch was appended.
///
/// # Errors
/// None for a request that [`read`] has returned.
pub fn put_response(
    out: &mut BytesMut,
    request: &PlainProduce<'_>,
    base_offset: i64,
    append_time_ms: i64,
    log_start_offset: i64,
) -> Result<(), EncodeError> {
    let &PlainProduce { version, topic, .. } = request;
    let from = out.len();
    let is_flexible = ProduceResponse::is_flexible(version);
    let encoder = &mut Encoder::new(&mut *out, version, is_flexible);
    // The length is known at the end.
    encoder.i32(0);
    encoder.i32(request.correlation_id);
    put_no_tags(encoder);
    encoder.count(1);
    match topic {
        NamedTopic::Id(id) => encoder.uuid(Uuid::from_bytes(id)),
        NamedTopic::Name(name) => encoder.string(name),
    }
    encoder.count(1);
    encoder.i32(request.partition);
    // No error.
    encoder.i16(0);
    encoder.i64(base_offset);
    encoder.i64(append_time_ms);
    if version >= LOG_START_SINCE {
        encoder.i64(log_start_offset);
    }
    if version >= RECORD_ERRORS_SINCE {
        // No errors of records.
        encoder.count(0);
        encoder.nullable_string(None, "error_message", true)?;
    }
    put_no_tags(encoder);
    put_no_tags(encoder);
    // No throttle time.
    encoder.i32(0);
    put_no_tags(encoder);
    let len = (out.len() - from - 4) as i32;
    if let Some(head) = out.get_mut(from..).and_then(|frame| frame.first_chunk_mut()) {
        *head = len.to_be_bytes();
    }
    Ok(())
}

fn int16(rest: &mut &[u8]) -> Option<i16> {
    array(rest).map(i16::from_be_bytes)
}

fn int32(rest: &mut &[u8]) -> Option<i32> {
    array(rest).map(i32::from_be_bytes)
}

fn int16_length(rest: &mut &[u8]) -> Option<i32> {
    int16(rest).map(i32::from)
}

fn int32_length(rest: &mut &[u8]) -> Option<i32> {
    int32(rest)
}

/// Reads a length that may be null; `fixed` reads one that is not compact.
fn length(
    rest: &mut &[u8],
    is_flexible: bool,
    fixed: fn(&mut &[u8]) -> Option<i32>,
) -> Option<Option<usize>> {
    let len = match is_flexible {
        true => i64::from(varint(rest).ok()?) - 1,
        false => i64::from(fixed(rest)?),
    };
    if len == -1 { Some(None) } else { usize::try_from(len).ok().map(Some) }
}

fn exactly_one(rest: &mut &[u8], is_flexible: bool) -> Option<()> {
    (length(rest, is_flexible, int32_length)?? == 1).then_some(())
}

fn no_tags(rest: &mut &[u8], is_flexible: bool) -> Option<()> {
    (!is_flexible || varint(rest).ok()? == 0).then_some(())
}

fn put_no_tags(encoder: &mut Encoder<&mut BytesMut>) {
    if encoder.is_flexible() {
        encoder.varint(0);
    }
}

#[cfg(test)]
mod tests {
    use bytes::{BufMut, Bytes};
    use kafka_protocol::protocol::StrBytes;

    use super::*;
    use crate::protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
    use crate::protocol::messages::produce_response::{
        PartitionProduceResponse, TopicProduceResponse,
    };
    use crate::wire::response::{Chunk, Response, encode};

    const NAME: &str = "a topic with a name that takes more than a hundred and twenty-seven bytes, \
        so that its length as a varint takes two bytes and not one";

    fn topic(version: i16) -> TopicProduceData {
        let data = PartitionProduceData::default()
            .with_index(7)
            .with_records(Some(Bytes::from_static(b"records")));
        let topic = TopicProduceData::default().with_partition_data(vec![data]);
        match version {
            IDS_SINCE.. => topic.with_topic_id(Uuid::from_u128(5)),
            _ => topic.with_name(StrBytes::from_static_str(NAME)),
        }
    }

    fn request(version: i16) -> ProduceRequest {
        let request = ProduceRequest::default().with_acks(-1).with_timeout_ms(30_000);
        request.with_topic_data(vec![topic(version)])
    }

    fn frame(version: i16, request: &ProduceRequest) -> Vec<u8> {
        let mut out = BytesMut::new();
        out.put_i16(0);
        out.put_i16(version);
        out.put_i32(99);
        out.put_i16(2);
        out.put_slice(b"me");
        put_no_tags(&mut Encoder::new(&mut out, version, ProduceRequest::is_flexible(version)));
        request.encode_to(&mut out, version).unwrap();
        out.to_vec()
    }

    #[test]
    fn a_request_for_one_partition_is_read_in_every_version() {
        for version in ProduceRequest::VERSIONS {
            let bytes = frame(version, &request(version));
            let plain = read(&bytes).unwrap();
            let topic = match version {
                IDS_SINCE.. => NamedTopic::Id(5_u128.to_be_bytes()),
                _ => NamedTopic::Name(NAME),
            };
            let expected = PlainProduce {
                version,
                correlation_id: 99,
                acks: -1,
                topic,
                partition: 7,
                records: b"records",
            };
            assert_eq!(plain, expected);
            for end in 0..bytes.len() {
                assert_eq!(read(&bytes[..end]), None, "version {version}, cut at {end}");
            }
        }
    }

    #[test]
    fn what_has_another_form_is_left_to_the_decoder() {
        for version in ProduceRequest::VERSIONS {
            let mut two_partitions = request(version);
            let again = two_partitions.topic_data[0].partition_data[0].clone();
            two_partitions.topic_data[0].partition_data.push(again);
            let mut null_records = request(version);
            null_records.topic_data[0].partition_data[0].records = None;
            let id = Some(StrBytes::from_static_str("id"));
            let others = [
                two_partitions,
                null_records,
                request(version).with_topic_data(vec![topic(version), topic(version)]),
                request(version).with_topic_data(Vec::new()),
                request(version).with_transactional_id(id),
            ];
            for other in others {
                assert_eq!(read(&frame(version, &other)), None, "version {version}: {other:?}");
            }
            let mut longer = frame(version, &request(version));
            longer.push(0);
            assert_eq!(read(&longer), None);
            longer[1] = 1;
            assert_eq!(read(&longer), None, "another API");
        }
    }

    #[test]
    fn the_response_is_what_the_encoder_makes_of_it() {
        for version in ProduceRequest::VERSIONS {
            let bytes = frame(version, &request(version));
            let plain = read(&bytes).unwrap();
            let partition = PartitionProduceResponse::default()
                .with_index(7)
                .with_base_offset(1234)
                .with_log_append_time_ms(-1)
                .with_log_start_offset(12);
            let TopicProduceData { name, topic_id, .. } = topic(version);
            let topic = TopicProduceResponse::default()
                .with_name(name)
                .with_topic_id(topic_id)
                .with_partition_responses(vec![partition]);
            let response = ProduceResponse::default().with_responses(vec![topic]);
            let Response::Chunks(chunks) = encode(version, 99, &response).unwrap() else {
                panic!()
            };
            let [Chunk::Bytes(expected)] = &chunks[..] else { panic!() };
            let mut out = BytesMut::from(&b"before"[..]);
            put_response(&mut out, &plain, 1234, -1, 12).unwrap();
            assert_eq!(out[6..], expected[..], "version {version}");
        }
    }
}
