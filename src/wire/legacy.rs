//! CreateTopics 0 and 1 and DeleteTopics 0: removed from Kafka 4 and from the kafka-protocol crate,
//! but kafka-go up to 0.4.47 sends nothing newer.
//!
//! Requests become the crate's own structs, so that one handler serves all versions; responses are
//! written as Kafka 3.9 writes them.
//!
//! **Invariant:** nothing is allocated by a count before the bytes for that many elements are known
//! to be there.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use kafka_protocol::messages::{
    BrokerId, CreateTopicsRequest, CreateTopicsResponse, DeleteTopicsRequest, DeleteTopicsResponse,
    TopicName,
};
use kafka_protocol::protocol::StrBytes;

use crate::wire::cursor;

/// Why a body is malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LegacyError {
    /// It ends inside a field, or a count or length exceeds the bytes left.
    #[error("the request is truncated")]
    Short,
    /// Null, or a negative length, where a value is required.
    #[error("null where a value is required")]
    Null,
    /// A string that is not UTF-8.
    #[error("a string is not valid UTF-8")]
    Text,
}

/// Decodes the body of CreateTopics 0, or of 1, which adds `validate_only`.
///
/// # Errors
/// The body is truncated or malformed.
pub fn create_topics_request(
    version: i16,
    body: &Bytes,
) -> Result<CreateTopicsRequest, LegacyError> {
    let mut reader = RequestReader { frame: body, rest: body };
    let mut request = CreateTopicsRequest::default();
    request.topics = reader.list(TOPIC_BYTES, RequestReader::topic)?;
    request.timeout_ms = reader.i32()?;
    request.validate_only = version >= 1 && reader.bool()?;
    Ok(request)
}

/// Encodes the response to CreateTopics 0, or to 1, which adds the error message.
pub fn create_topics_response(version: i16, response: &CreateTopicsResponse) -> BytesMut {
    let mut out = BytesMut::new();
    out.put_i32(response.topics.len() as i32);
    for topic in &response.topics {
        put_string(&mut out, Some(&topic.name));
        out.put_i16(topic.error_code);
        if version >= 1 {
            put_string(&mut out, topic.error_message.as_ref());
        }
    }
    out
}

/// Decodes the body of DeleteTopics 0; the names are in `topic_names`, as up to version 5.
///
/// # Errors
/// The body is truncated or malformed.
pub fn delete_topics_request(body: &Bytes) -> Result<DeleteTopicsRequest, LegacyError> {
    let mut reader = RequestReader { frame: body, rest: body };
    let mut request = DeleteTopicsRequest::default();
    request.topic_names = reader.list(2, |r| Ok(TopicName(r.string()?)))?;
    request.timeout_ms = reader.i32()?;
    Ok(request)
}

/// Encodes the response to DeleteTopics 0.
pub fn delete_topics_response(response: &DeleteTopicsResponse) -> BytesMut {
    let mut out = BytesMut::new();
    out.put_i32(response.responses.len() as i32);
    for topic in &response.responses {
        // Topics without a name are deleted by id, which needs a newer version.
        let name = topic.name.clone().unwrap_or_default();
        put_string(&mut out, Some(&name));
        out.put_i16(topic.error_code);
    }
    out
}

/// Appends a string or null; one too long for its length field, which no name can be, becomes null.
fn put_string(out: &mut BytesMut, text: Option<&StrBytes>) {
    match text.and_then(|text| Some((i16::try_from(text.len()).ok()?, text))) {
        Some((n, text)) => {
            out.put_i16(n);
            out.put_slice(text.as_bytes());
        }
        None => out.put_i16(-1),
    }
}

/// Minimum size of a topic: the length of its name, two numbers, two counts.
const TOPIC_BYTES: usize = 16;
/// Minimum size of an assignment: a number and a count.
const ASSIGNMENT_BYTES: usize = 8;
/// Minimum size of a config: two lengths.
const CONFIG_BYTES: usize = 4;

struct RequestReader<'a> {
    frame: &'a Bytes,
    rest: &'a [u8],
}

impl RequestReader<'_> {
    fn topic(&mut self) -> Result<CreatableTopic, LegacyError> {
        let mut topic = CreatableTopic::default();
        topic.name = TopicName(self.string()?);
        topic.num_partitions = self.i32()?;
        topic.replication_factor = self.i16()?;
        topic.assignments = self.list(ASSIGNMENT_BYTES, RequestReader::assignment)?;
        topic.configs = self.list(CONFIG_BYTES, RequestReader::config)?;
        Ok(topic)
    }

    fn assignment(&mut self) -> Result<CreatableReplicaAssignment, LegacyError> {
        let mut assignment = CreatableReplicaAssignment::default();
        assignment.partition_index = self.i32()?;
        assignment.broker_ids = self.list(4, |r| Ok(BrokerId(r.i32()?)))?;
        Ok(assignment)
    }

    fn config(&mut self) -> Result<CreatableTopicConfig, LegacyError> {
        let mut config = CreatableTopicConfig::default();
        config.name = self.string()?;
        config.value = self.nullable_string()?;
        Ok(config)
    }

    /// Reads an array whose elements have at least `least` bytes.
    fn list<T>(
        &mut self,
        least: usize,
        mut one: impl FnMut(&mut Self) -> Result<T, LegacyError>,
    ) -> Result<Vec<T>, LegacyError> {
        let n = usize::try_from(self.i32()?).map_err(|_| LegacyError::Null)?;
        if n > self.rest.len() / least {
            return Err(LegacyError::Short);
        }
        let mut list = Vec::with_capacity(n);
        for _ in 0..n {
            list.push(one(self)?);
        }
        Ok(list)
    }

    fn string(&mut self) -> Result<StrBytes, LegacyError> {
        self.nullable_string()?.ok_or(LegacyError::Null)
    }

    fn nullable_string(&mut self) -> Result<Option<StrBytes>, LegacyError> {
        let n = self.i16()?;
        if n == -1 {
            return Ok(None);
        }
        let n = usize::try_from(n).map_err(|_| LegacyError::Null)?;
        let text = cursor::take(&mut self.rest, n).ok_or(LegacyError::Short)?;
        let text = StrBytes::from_utf8(self.frame.slice_ref(text));
        text.map(Some).map_err(|_| LegacyError::Text)
    }

    fn bool(&mut self) -> Result<bool, LegacyError> {
        Ok(self.array::<1>()? != [0])
    }

    fn i16(&mut self) -> Result<i16, LegacyError> {
        self.array().map(i16::from_be_bytes)
    }

    fn i32(&mut self) -> Result<i32, LegacyError> {
        self.array().map(i32::from_be_bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], LegacyError> {
        cursor::array(&mut self.rest).ok_or(LegacyError::Short)
    }
}

#[cfg(test)]
mod tests;
