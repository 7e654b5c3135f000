//! A Produce request in its most frequent form, read where it was received, and its response.
//!
//! Producers mostly send requests with one batch for one partition. Such a request is read here
//! without allocating anything; for all others [`read`] returns `None`, and they are decoded like
//! those of any other API.

use bytes::{BufMut, BytesMut};

use crate::protocol::message::{Message, Request};
use crate::protocol::messages::{ProduceRequest, ProduceResponse};
use crate::wire::cursor::{array, take, varint};

/// From this version on, topics are named by id.
const IDS_SINCE: i16 = 13;
/// From this version on, the response has the log start offset.
const LOG_START_SINCE: i16 = 5;
/// From this version on, the response has errors of records and an error message.
const RECORD_ERRORS_SINCE: i16 = 8;
/// The bytes of a response beside the topic's name, at most.
const RESPONSE_BYTES: usize = 96;

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
pub fn put_response(
    out: &mut BytesMut,
    request: &PlainProduce<'_>,
    base_offset: i64,
    append_time_ms: i64,
    log_start_offset: i64,
) {
    let &PlainProduce { version, topic, .. } = request;
    let is_flexible = ProduceResponse::is_flexible(version);
    let name_bytes = if let NamedTopic::Name(name) = topic { name.len() } else { 0 };
    out.reserve(RESPONSE_BYTES + name_bytes);
    let from = out.len();
    out.put_i32(0);
    out.put_i32(request.correlation_id);
    put_no_tags(out, is_flexible);
    put_one(out, is_flexible);
    match topic {
        NamedTopic::Id(id) => out.put_slice(&id),
        NamedTopic::Name(name) => {
            match is_flexible {
                true => put_varint(out, name.len() as u32 + 1),
                false => out.put_i16(name.len() as i16),
            }
            out.put_slice(name.as_bytes());
        }
    }
    put_one(out, is_flexible);
    out.put_i32(request.partition);
    // No error.
    out.put_i16(0);
    out.put_i64(base_offset);
    out.put_i64(append_time_ms);
    if version >= LOG_START_SINCE {
        out.put_i64(log_start_offset);
    }
    if version >= RECORD_ERRORS_SINCE {
        // No errors of records, no message.
        match is_flexible {
            true => out.put_slice(&[1, 0]),
            false => out.put_slice(&[0, 0, 0, 0, 0xff, 0xff]),
        }
    }
    put_no_tags(out, is_flexible);
    put_no_tags(out, is_flexible);
    // No throttle time.
    out.put_i32(0);
    put_no_tags(out, is_flexible);
    let len = (out.len() - from - 4) as i32;
    if let Some(head) = out.get_mut(from..).and_then(|frame| frame.first_chunk_mut()) {
        *head = len.to_be_bytes();
    }
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

fn put_one(out: &mut BytesMut, is_flexible: bool) {
    if is_flexible { out.put_u8(2) } else { out.put_i32(1) }
}

fn put_no_tags(out: &mut BytesMut, is_flexible: bool) {
    if is_flexible {
        out.put_u8(0);
    }
}

fn put_varint(out: &mut BytesMut, mut value: u32) {
    while value >= 0x80 {
        out.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kafka_protocol::protocol::StrBytes;
    use uuid::Uuid;

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
        put_no_tags(&mut out, ProduceRequest::is_flexible(version));
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
            put_response(&mut out, &plain, 1234, -1, 12);
            assert_eq!(out[6..], expected[..], "version {version}");
        }
    }
}
