//! Formats a consumed record for people or programs (`DefaultMessageFormatter`).

use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::properties::Properties;
use crate::storage::records::{Record, RecordHeader};
use crate::types::TopicPartition;

/// What is printed of a record and what separates it. Names are those of the formatter's
/// properties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Show {
    /// `print.timestamp`.
    pub timestamp: bool,
    /// `print.partition`.
    pub partition: bool,
    /// `print.offset`.
    pub offset: bool,
    /// `print.headers`.
    pub headers: bool,
    /// `print.key`.
    pub key: bool,
    /// `print.value`.
    pub value: bool,
    /// `key.separator`.
    pub separator: String,
    /// `headers.separator`.
    pub headers_separator: String,
    /// `line.separator`.
    pub line_separator: String,
    /// `null.literal`.
    pub null: String,
    /// Prints one JSON object per line, with all fields.
    pub as_json: bool,
    /// True if timestamps are append times, not create times; depends on the topic's config.
    pub append_time: bool,
}

impl Default for Show {
    fn default() -> Show {
        Show {
            timestamp: false,
            partition: false,
            offset: false,
            headers: false,
            key: false,
            value: true,
            separator: "\t".to_owned(),
            headers_separator: ",".to_owned(),
            line_separator: "\n".to_owned(),
            null: "null".to_owned(),
            as_json: false,
            append_time: false,
        }
    }
}

impl Show {
    /// Takes what to print out of the properties.
    ///
    /// # Errors
    /// A value is invalid.
    pub fn from(properties: &mut Properties) -> Result<Show, Failure> {
        let mut show = Show::default();
        let flags = [
            ("print.timestamp", &mut show.timestamp),
            ("print.partition", &mut show.partition),
            ("print.offset", &mut show.offset),
            ("print.headers", &mut show.headers),
            ("print.key", &mut show.key),
            ("print.value", &mut show.value),
        ];
        for (name, flag) in flags {
            if let Some(value) = properties.parse(name)? {
                *flag = value;
            }
        }
        let texts = [
            ("key.separator", &mut show.separator),
            ("headers.separator", &mut show.headers_separator),
            ("line.separator", &mut show.line_separator),
            ("null.literal", &mut show.null),
        ];
        for (name, text) in texts {
            if let Some(value) = properties.take(name) {
                *text = value;
            }
        }
        Ok(show)
    }

    /// Appends the formatted record to `out`.
    pub fn write(&self, place: &TopicPartition, record: &Record, out: &mut Vec<u8>) {
        if self.as_json {
            out.extend_from_slice(as_json(place, record).to_string().as_bytes());
            out.push(b'\n');
            return;
        }
        let mut fields: Vec<Vec<u8>> = Vec::new();
        if self.timestamp {
            let kind = if self.append_time { "LogAppendTime" } else { "CreateTime" };
            fields.push(format!("{kind}:{}", record.timestamp).into_bytes());
        }
        if self.partition {
            fields.push(format!("Partition:{}", place.partition).into_bytes());
        }
        if self.offset {
            fields.push(format!("Offset:{}", record.offset).into_bytes());
        }
        if self.headers {
            fields.push(self.header_bytes(&record.headers));
        }
        let null = self.null.as_bytes();
        if self.key {
            fields.push(record.key.as_deref().unwrap_or(null).to_vec());
        }
        if self.value {
            fields.push(record.value.as_deref().unwrap_or(null).to_vec());
        }
        out.extend_from_slice(&fields.join(self.separator.as_bytes()));
        out.extend_from_slice(self.line_separator.as_bytes());
    }

    fn header_bytes(&self, headers: &[RecordHeader]) -> Vec<u8> {
        if headers.is_empty() {
            return b"NO_HEADERS".to_vec();
        }
        let one = |header: &RecordHeader| {
            let value = header.value.as_deref().unwrap_or(self.null.as_bytes());
            [header.name.as_ref(), b":", value].concat()
        };
        let all: Vec<Vec<u8>> = headers.iter().map(one).collect();
        all.join(self.headers_separator.as_bytes())
    }
}

/// Returns a record as JSON. Bytes that are not text are given in `*_base16` fields.
fn as_json(place: &TopicPartition, record: &Record) -> Value {
    let headers: Vec<Value> = record
        .headers
        .iter()
        .map(|h| json!({ "name": text(&h.name), "value": h.value.as_deref().map(text) }))
        .collect();
    json!({
        "topic": place.topic,
        "partition": place.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "key": record.key.as_deref().map(text),
        "value": record.value.as_deref().map(text),
        "headers": headers,
    })
}

/// Returns text as it is, and other bytes in an object, as hexadecimal digits.
fn text(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::from(text),
        Err(_) => {
            let digits: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
            json!({ "base16": digits })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn record() -> Record {
        let header = |name: &'static str, value: Option<&'static str>| RecordHeader {
            name: name.into(),
            value: value.map(Bytes::from),
        };
        Record {
            offset: 7,
            timestamp: 1000,
            key: Some("k".into()),
            value: None,
            headers: vec![header("h1", Some("a")), header("h2", None)],
        }
    }

    fn shown(pairs: &[&str], record: &Record) -> String {
        let mut properties = Properties::default();
        pairs.iter().for_each(|pair| properties.add(pair).unwrap());
        let mut out = Vec::new();
        let place = TopicPartition::new("t", 2);
        Show::from(&mut properties).unwrap().write(&place, record, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_value_alone_unless_more_is_asked_for() {
        assert_eq!(shown(&[], &record()), "null\n");
        assert_eq!(shown(&["print.key=true", "key.separator=:"], &record()), "k:null\n");
    }

    #[test]
    fn everything_in_the_order_of_kafkas_formatter() {
        let all = ["timestamp", "partition", "offset", "headers", "key"]
            .map(|f| format!("print.{f}=true"));
        let mut all: Vec<&str> = all.iter().map(String::as_str).collect();
        all.push("key.separator=,");
        assert_eq!(
            shown(&all, &record()),
            "CreateTime:1000,Partition:2,Offset:7,h1:a,h2:null,k,null\n"
        );
        let bare = Record { headers: Vec::new(), ..record() };
        assert_eq!(shown(&["print.headers=true"], &bare), "NO_HEADERS\tnull\n");
    }

    #[test]
    fn json_says_everything_and_keeps_bytes_that_are_no_text() {
        let place = TopicPartition::new("t", 2);
        let record = Record { value: Some(Bytes::from_static(&[0xff, 0])), ..record() };
        assert_eq!(
            as_json(&place, &record).to_string(),
            concat!(
                r#"{"topic":"t","partition":2,"offset":7,"timestamp":1000,"key":"k","#,
                r#""value":{"base16":"ff00"},"headers":[{"name":"h1","value":"a"},"#,
                r#"{"name":"h2","value":null}]}"#
            )
        );
    }
}
