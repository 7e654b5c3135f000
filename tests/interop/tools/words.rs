//! What may differ in what a tool prints: ports, paths, ids, times and the width of columns.

use crate::broker::Broker;
use crate::kafka::CLUSTER_ID;

/// One printed line, without what differs from run to run; none if nothing is left.
pub fn clean(line: &str, broker: &dyn Broker) -> Option<String> {
    // Where in the tool an error came up says nothing about the broker.
    if line.starts_with("\tat ") || line.trim().is_empty() {
        return None;
    }
    let line = line.replace(broker.address(), "BROKER");
    let line = line.replace(&broker.dir().display().to_string(), "DIR");
    let line = without_ports(&without_uuids(&line));
    let line = without_ids(&without_times(&line));
    Some(line.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The UUIDs in member ids.
pub fn without_uuids(line: &str) -> String {
    let is_uuid = |text: &[u8]| {
        text.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    };
    let found = line.as_bytes().windows(36).position(is_uuid);
    found.map_or_else(
        || line.to_owned(),
        |at| format!("{}UUID{}", &line[..at], without_uuids(&line[at + 36..])),
    )
}

/// Milliseconds since 1970.
pub fn without_times(line: &str) -> String {
    digits(line, |_, digits| (digits.len() == 13).then_some("TIME"))
}

/// The controller has a port of its own.
fn without_ports(line: &str) -> String {
    digits(line, |before, _| before.ends_with("127.0.0.1:").then_some("PORT"))
}

/// Kafka's ids of topics and directories: 16 bytes in Base64.
fn without_ids(line: &str) -> String {
    let is_of_id = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let (mut done, mut rest) = (String::new(), line);
    while let Some(at) = rest.find(is_of_id) {
        done += &rest[..at];
        rest = &rest[at..];
        let word = &rest[..rest.find(|c| !is_of_id(c)).unwrap_or(rest.len())];
        let is_id = word.len() == 22 && !word.ends_with("Exception") && word != CLUSTER_ID;
        done += if is_id { "ID" } else { word };
        rest = &rest[word.len()..];
    }
    done + rest
}

/// What stands between each of these two texts, as a single word.
pub fn without(line: &str, before: &str, after: char) -> String {
    let (mut done, mut rest) = (String::new(), line);
    while let Some(at) = rest.find(before) {
        let (head, tail) = rest.split_at(at + before.len());
        done = done + head + "ANY";
        rest = &tail[tail.find(after).unwrap_or(tail.len())..];
    }
    done + rest
}

/// Each run of digits, replaced by what `shown` makes of it and of the text before it.
pub fn digits(line: &str, shown: impl Fn(&str, &str) -> Option<&'static str>) -> String {
    let (mut done, mut rest) = (String::new(), line);
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        done += &rest[..at];
        rest = &rest[at..];
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        done += shown(&done, &rest[..end]).unwrap_or(&rest[..end]);
        rest = &rest[end..];
    }
    done + rest
}

#[test]
fn what_differs_is_taken_out() {
    assert_eq!(without_times("at 1700000000000, 17"), "at TIME, 17");
    assert_eq!(without_ports("http://127.0.0.1:4711/12"), "http://127.0.0.1:PORT/12");
    let line = "TopicId: abcdefghijklmnopqrst-_ PartitionCount: 1";
    assert_eq!(without_ids(line), "TopicId: ID PartitionCount: 1");
    let (line, expected) = ("UnknownServerException: \"abcdefghijklmnopqrst-_\"", "\"ID\"");
    assert_eq!(without_ids(line), format!("UnknownServerException: {expected}"));
    assert_eq!(without("\"size\":12,\"size\":0}", "\"size\":", ','), "\"size\":ANY,\"size\":ANY");
    let member = "kcat-01234567-89ab-cdef-0123-456789abcdef!";
    assert_eq!(without_uuids(member), "kcat-UUID!");
}
