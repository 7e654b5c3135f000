//! Offsets asked for, and records deleted before an offset.

use ottla::storage::batch::Codec;

use crate::differential::batch::{Record, encode};
use crate::tools::side::{Side, now_ms, pair};
use crate::tools::topics::TOPICS;

const OFFSETS: &str = "org.apache.kafka.tools.GetOffsetShell";
const RECORDS: &str = "org.apache.kafka.tools.DeleteRecordsCommand";

const ASKED: &[&str] = &[
    "--topic counted",
    "--topic counted --time -1",
    "--topic counted --time latest",
    "--topic counted --time -2",
    "--topic counted --time earliest",
    "--topic counted --time -3",
    "--topic counted --time max-timestamp",
    "--topic counted --time -4",
    "--topic counted --time earliest-local",
    "--topic counted --time -5",
    "--topic counted --time latest-tiered",
    "--topic counted --time -6",
    "--topic counted --time 0",
    "--topic counted --time 4102444800000",
    "--topic counted --time soon",
    "--topic counted --partitions 0,2",
    "--topic counted --partitions 0,7",
    "--topic counted --partitions x",
    "--topic-partitions counted:1-3,counted.more:0",
    "--topic-partitions counted.*:-1",
    "--topic-partitions :nonsense",
    "--topic counted.* --exclude-internal-topics",
    "--topic nowhere",
];

/// What a file asks to be deleted, and what of it fails. (For a partition that is not there the tool
/// asks for a minute, as fast as it can.)
const DELETED: &[&str] = &[
    r#"{"topic":"counted","partition":0,"offset":3},{"topic":"counted","partition":1,"offset":-1}"#,
    r#"{"topic":"counted","partition":0,"offset":1}"#,
    r#"{"topic":"counted","partition":0,"offset":4},{"topic":"counted","partition":2,"offset":99}"#,
    r#"{"topic":"counted","partition":2,"offset":-2}"#,
    r#"{"topic":"counted.compact","partition":0,"offset":1}"#,
    r#"{"topic":"counted","partition":0,"offset":1},{"topic":"counted","partition":0,"offset":1}"#,
    r#"{"topic":"counted","partition":0}"#,
    "nonsense",
];

/// Writes 10, 15 or 20 records to a partition, each a millisecond later than the one before: which
/// of them has the largest timestamp must not depend on how fast a client writes.
fn write(side: &Side, partition: i32, now: i64) {
    let one = |number: i64| Record {
        timestamp: now + number,
        key: None,
        value: Some(number.to_string().into_bytes()),
        headers: Vec::new(),
    };
    let records: Vec<Record> = (1..=10 + 5 * i64::from(partition)).map(one).collect();
    let batches = records.chunks(4).map(|some| encode(Codec::None, (-1, -1, -1), some, None));
    side.produce("counted", partition, batches);
}

#[test]
#[ignore = "needs Apache Kafka and kcat"]
fn get_offset_shell_and_delete_records_command() {
    let mut pair = pair();
    let now = now_ms();
    pair.tell_the_same(|side| {
        side.ask(
            TOPICS,
            &[
                "--create --topic counted --partitions 4",
                "--create --topic counted.more --partitions 2",
                "--create --topic counted.compact --partitions 1 --config cleanup.policy=compact",
            ],
        );
        for partition in 0..3 {
            write(side, partition, now);
        }
        side.broker
            .bash("seq 1 5 | sed 's/.*/&:&/' | kcat -b localhost:9092 -P -t counted.compact -K:");
        side.ask(OFFSETS, ASKED);
        for partitions in DELETED {
            let text = format!(r#"{{"partitions":[{partitions}],"version":1}}"#);
            std::fs::write(side.broker.dir().join("delete.json"), text).unwrap();
            let file = side.broker.dir().join("delete.json");
            let mut printed =
                side.printed(RECORDS, &format!("--offset-json-file {}", file.display()));
            // Partitions come in any order.
            printed.sort();
            side.tell(&format!("delete {partitions}"), printed);
            side.ask(OFFSETS, &["--topic counted --time earliest"]);
        }
        side.ask(RECORDS, &["--offset-json-file nowhere.json", ""]);
        side.ask(TOPICS, &["--delete --topic counted.*"]);
    });
}
