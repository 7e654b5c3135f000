//! Transactions in any state, also such that hang, and what ends them.

use crate::tools::configs::CONFIGS;
use crate::tools::dump::named;
use crate::tools::side::{Side, now_ms, pair};
use crate::tools::topics::TOPICS;
use crate::tools::transactional::Transactional;
use crate::tools::words::without;

const TRANSACTIONS: &str = "org.apache.kafka.tools.TransactionsCommand";
const OFFSETS: &str = "org.apache.kafka.tools.GetOffsetShell";
const RECORDS: &str = "org.apache.kafka.tools.DeleteRecordsCommand";
const DUMP: &str = "org.apache.kafka.tools.DumpLogSegments";
const VERIFICATION: &str = "--entity-type brokers --entity-default --alter --add-config \
                            transaction.partition.verification.enable=";

/// What is asked about all of them. (About a partition that is not there the tool asks for a
/// minute, as fast as it can.)
const ASKED: &[&str] = &[
    "list",
    "list --duration-filter 0",
    "list --duration-filter 3600000",
    "list --duration-filter soon",
    "list --transactional-id-pattern txn-(open|done)",
    "list --transactional-id-pattern open",
    "list --transactional-id-pattern \\p{Ll}+-\\Qdone\\E",
    "list --transactional-id-pattern txn-[",
    "list --transactional-id-pattern (?=txn).*",
    "describe --transactional-id txn-open",
    "describe --transactional-id txn-done",
    "describe --transactional-id txn-aborted",
    "describe --transactional-id txn-new",
    "describe --transactional-id txn-hanging",
    "describe --transactional-id nowhere",
    "describe",
    "describe-producers --topic txns --partition 0",
    "describe-producers --topic txns --partition 1 --broker-id 1",
    "describe-producers --topic txns --partition 1 --broker-id 7",
    "describe-producers --topic txns --partition 2",
    "describe-producers --topic txns",
    "find-hanging --topic txns",
    "find-hanging --topic txns --max-transaction-timeout 0",
    "find-hanging --topic txns --partition 0 --max-transaction-timeout 0",
    "find-hanging --topic txns --partition 1 --max-transaction-timeout 0",
    "find-hanging --broker-id 1 --max-transaction-timeout 0",
    "find-hanging --broker-id 1 --topic txns --max-transaction-timeout 0",
    "find-hanging --broker-id 1 --max-transaction-timeout soon",
    "find-hanging",
    "find-hanging --partition 1",
    "abort --topic txns",
    "abort --topic txns --partition 1",
    "abort --topic txns --partition 1 --start-offset 77",
    "forceTerminateTransaction",
    "forceTerminateTransaction --transactional-id nowhere",
    "nonsense",
    "",
];

/// Transactions in every state, one of them unknown to the coordinator. Returns the
/// producer of that one.
fn leave_transactions(side: &mut Side, now: i64) -> Transactional {
    side.ask(TOPICS, &["--create --topic txns --partitions 3"]);
    let [open, done, aborted, _, hanging] =
        ["txn-open", "txn-done", "txn-aborted", "txn-new", "txn-hanging"]
            .map(|id| Transactional::init(side.broker.address(), id));
    done.add(side.broker.address(), "txns", &[0, 1]);
    done.produce(side.broker.address(), ("txns", 0), (0, now), &["a", "b"]);
    done.produce(side.broker.address(), ("txns", 1), (0, now), &["c"]);
    done.end(side.broker.address(), true);
    aborted.add(side.broker.address(), "txns", &[0]);
    aborted.produce(side.broker.address(), ("txns", 0), (0, now), &["d"]);
    aborted.end(side.broker.address(), false);
    open.add(side.broker.address(), "txns", &[0, 2]);
    open.produce(side.broker.address(), ("txns", 0), (0, now), &["e", "f", "g"]);
    side.ask(CONFIGS, &[&format!("{VERIFICATION}false")]);
    hanging.produce(side.broker.address(), ("txns", 1), (0, now), &["h"]);
    hanging.produce(side.broker.address(), ("txns", 2), (0, now), &["i", "j"]);
    side.ask(CONFIGS, &[&format!("{VERIFICATION}true")]);
    hanging
}

/// A line without how long something has lasted, which stands behind the time at which it began.
/// Producer ids are the same: both have given as many.
fn seen(line: &str) -> String {
    let mut was_time = false;
    let word = |word: &str| {
        let is_duration = was_time && word.bytes().all(|b| b.is_ascii_digit());
        was_time = word == "TIME";
        if is_duration { "DURATION".to_owned() } else { word.to_owned() }
    };
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn ask(side: &mut Side, all: &[&str]) {
    // Ids, partitions and producers come in any order.
    side.ask_unordered(TRANSACTIONS, all, seen);
}

/// Ends what hangs in each way, and fences the producer of what is open.
fn end_all(side: &mut Side, hanging: &Transactional) {
    ask(side, &["abort --topic txns --partition 1 --start-offset 2"]);
    let by_producer = format!(
        "abort --topic txns --partition 2 --producer-id {} --producer-epoch {} \
         --coordinator-epoch 0",
        hanging.producer_id, hanging.epoch
    );
    let printed = side.printed(TRANSACTIONS, &by_producer);
    side.tell("abort by producer", printed);
    ask(side, &["find-hanging --topic txns --max-transaction-timeout 0"]);
    ask(side, &["forceTerminateTransaction --transactional-id txn-open"]);
    ask(
        side,
        &[
            "list",
            "describe --transactional-id txn-open",
            "describe-producers --topic txns --partition 0",
            "describe-producers --topic txns --partition 1",
            "describe-producers --topic txns --partition 2",
            "find-hanging --broker-id 1 --max-transaction-timeout 0",
        ],
    );
}

#[test]
#[ignore = "needs Apache Kafka and kcat"]
fn transactions_command() {
    let mut pair = pair();
    let now = now_ms();
    pair.tell_the_same(|side| {
        let hanging = leave_transactions(side, now);
        ask(side, ASKED);
        end_all(side, &hanging);
        dump(side);
        side.ask(TOPICS, &["--delete --topic txns"]);
    });
}

/// Deletes the records of a partition below an offset.
fn delete_records(side: &mut Side, topic: &str, offset: i64) {
    let text = format!(
        r#"{{"partitions":[{{"topic":"{topic}","partition":0,"offset":{offset}}}],"version":1}}"#
    );
    let file = side.broker.dir().join("delete.json");
    std::fs::write(&file, text).unwrap();
    let printed = side.printed(RECORDS, &format!("--offset-json-file {}", file.display()));
    side.tell(&format!("delete below {offset}"), printed);
}

/// Shows where the partition begins and ends, also for readers of committed records, and which
/// transactions are open in it.
fn show(side: &mut Side, topic: &str) {
    side.ask(
        OFFSETS,
        &[
            &format!("--topic {topic} --time earliest"),
            &format!("--topic {topic} --time latest"),
            &format!("--topic {topic} --time latest --command-config committed.properties"),
        ],
    );
    ask(side, &[&format!("describe-producers --topic {topic} --partition 0")]);
}

#[test]
#[ignore = "needs Apache Kafka and kcat"]
fn open_transactions_beside_deleted_records_and_topics() {
    let mut pair = pair();
    let now = now_ms();
    pair.tell_the_same(|side| {
        let properties = side.broker.dir().join("committed.properties");
        std::fs::write(properties, "isolation.level=read_committed\n").unwrap();
        side.ask(TOPICS, &["--create --topic removed --partitions 1"]);
        let producer = Transactional::init(side.broker.address(), "txn-removed");
        producer.add(side.broker.address(), "removed", &[0]);
        producer.produce(side.broker.address(), ("removed", 0), (0, now), &["a", "b"]);
        producer.produce(side.broker.address(), ("removed", 0), (2, now), &["c", "d"]);
        // In the middle of the transaction, and all of it.
        for offset in [1, 3, -1] {
            delete_records(side, "removed", offset);
            show(side, "removed");
        }
        producer.produce(side.broker.address(), ("removed", 0), (4, now), &["e"]);
        show(side, "removed");
        producer.end(side.broker.address(), false);
        show(side, "removed");
        dump_partition(side, "removed-0");

        // The transaction is continued over a topic that is another one of the same name.
        for is_created in [false, true] {
            producer.add(side.broker.address(), "removed", &[0]);
            producer.produce(side.broker.address(), ("removed", 0), (5, now), &["f"]);
            side.ask(TOPICS, &["--delete --topic removed"]);
            if is_created {
                side.ask(TOPICS, &["--create --topic removed --partitions 1"]);
            }
            ask(side, &["describe --transactional-id txn-removed"]);
            producer.end(side.broker.address(), true);
            ask(side, &["describe --transactional-id txn-removed"]);
            if is_created {
                show(side, "removed");
                dump_partition(side, "removed-0");
            } else {
                side.ask(TOPICS, &["--create --topic removed --partitions 1"]);
            }
        }
        side.ask(TOPICS, &["--delete --topic removed"]);
    });
}

/// Has the tool print the log of a partition.
fn dump_partition(side: &mut Side, partition: &str) {
    let dir = side.broker.dir().join("data").join(partition);
    for file in named(&dir, "log") {
        let path = dir.join(&file).display().to_string();
        let printed = side.run(&format!("{DUMP} --files {path} --print-data-log"));
        let printed = printed.iter().map(|line| unstamped(line)).collect();
        side.tell(&format!("{DUMP} {partition}/{file}"), printed);
    }
}

/// Has the tool print the logs with their markers, the indexes of aborted transactions and the
/// records of the coordinator.
fn dump(side: &mut Side) {
    let data = side.broker.dir().join("data");
    for (partition, extension, args) in [
        ("txns-0", "log", " --print-data-log"),
        ("txns-1", "log", " --print-data-log"),
        ("txns-2", "log", " --print-data-log"),
        ("txns-0", "txnindex", ""),
        ("txns-1", "txnindex", ""),
        ("txns-2", "txnindex", ""),
    ] {
        for file in named(&data.join(partition), extension) {
            let path = data.join(partition).join(&file).display().to_string();
            let printed = side.run(&format!("{DUMP} --files {path}{args}"));
            let printed = printed.iter().map(|line| unstamped(line)).collect();
            side.tell(&format!("{DUMP} {partition}/{file}{args}"), printed);
        }
    }
    let state = data.join("__transaction_state-0");
    for file in named(&state, "log") {
        let path = state.join(&file).display().to_string();
        let printed = side.run(&format!("{DUMP} --files {path} --transaction-log-decoder"));
        let printed = printed.iter().map(|line| unstamped(line)).collect();
        side.tell(&format!("{DUMP} __transaction_state-0/{file}"), printed);
    }
}

/// The CRC covers times and producer ids.
fn unstamped(line: &str) -> String {
    without(line, "crc: ", ' ')
}
