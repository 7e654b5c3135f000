//! Offsets asked for, and records deleted before an offset.

use crate::tools::side::pair;
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

#[test]
fn get_offset_shell_and_delete_records_command() {
    let Some(mut pair) = pair("GetOffsetShell") else { return };
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
            // The last one is later than all others, however fast those were.
            let last = 10 + partition * 5;
            side.broker.bash(&format!(
                "(seq 2 {last}; sleep 0.1; echo last) | kcat -b localhost:9092 -P -t counted -p {partition}"
            ));
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
