//! Kafka's own dump tool reads every file of a data directory without a complaint.

use std::path::{Path, PathBuf};

use crate::broker::Ottla;
use crate::clients::{files, java, said};
use crate::tools::side::now_ms;
use crate::tools::transactional::Transactional;

/// What the tool says when it is not content, besides ending badly.
const COMPLAINTS: &[&str] = &[
    "Mismatches",
    "mismatch",
    "out of order",
    "Corrupt",
    "corrupt",
    "Exception",
    "Error",
    "Could not",
    "isvalid: false",
    "Skipping",
    "skipping",
    "not found in the log",
    "trailing bytes",
];

/// How its other lines begin, or end.
const LINES: &[&str] = &[
    "Dumping ",
    "Log starting offset: ",
    "baseOffset: ",
    "| offset: ",
    "offset: ",
    "timestamp: ",
    "producerId: ",
    "version: ",
];
const SANITY_LINES: &[&str] = &[" passed sanity check.", " is empty."];

const TOOL: &str = "org.apache.kafka.tools.DumpLogSegments";

/// What is written before, by the beginning of the topics' names: the count of records.
const WRITTEN: &[(&str, usize)] =
    &[("round-trip-none-", 60_000), ("round-trip-zstd-", 30_000), ("shapes-", 155)];

#[test]
#[ignore = "needs Java with Kafka's jars"]
fn kafkas_dump_tool_reads_every_file() {
    // No file goes while the tool is at it, however long that takes: neither those of a deleted
    // topic nor old records.
    let mut ottla = Ottla::start_with(&[
        "log.segment.bytes=1048576",
        "log.segment.delete.delay.ms=86400000",
        "log.retention.check.interval.ms=86400000",
    ]);
    // Configs, deleted topics; odd records in every codec; segments and batches by the dozen.
    client(&ottla, &["Topics"]);
    client(&ottla, &["Records"]);
    client(&ottla, &["RoundTrip", "60000", "none"]);
    client(&ottla, &["RoundTrip", "30000", "zstd"]);
    let data_dir = ottla.data_dir();
    every_file_is_sound(&data_dir);
    assert!(ottla.stop());
    every_file_is_sound(&data_dir);
    // What was in memory only is in the files now: the active segment has its indexes.
    for name in ["round-trip-none-0", "round-trip-none-1", "round-trip-none-2"] {
        let partition = data_dir.join(name);
        for extension in ["index", "timeindex"] {
            let last = named(&partition, "", extension).pop().unwrap();
            assert!(last.metadata().unwrap().len() > 0, "{} is empty", last.display());
        }
    }
}

#[test]
#[ignore = "needs Java with Kafka's jars"]
fn kafkas_dump_tool_reads_transactions_and_the_offsets_in_them() {
    let mut ottla = Ottla::start();
    let address = ottla.address.clone();
    ottla.bash("echo x | kcat -b localhost:9092 -P -t t");
    for (id, end) in [("committed", Some(true)), ("aborted", Some(false)), ("open", None)] {
        let producer = Transactional::init(&address, id);
        producer.add(&address, "t", &[0]);
        producer.produce(&address, ("t", 0), (0, now_ms()), &["v"]);
        producer.commit_offset(&address, id, ("t", 0), 7);
        if let Some(committed) = end {
            producer.end(&address, committed);
        }
    }
    let data_dir = ottla.data_dir();
    assert!(ottla.stop());
    let says = |dir: &str, extension: &str, options: &[&str], parts: &[&str]| {
        let lines = dump(&named(&data_dir, dir, extension), options);
        let lacks = parts.iter().find(|part| !lines.contains(**part));
        assert_eq!(lacks, None, "{dir}: {lines}");
    };
    let markers = ["endTxnMarker: COMMIT coordinatorEpoch: 0", "endTxnMarker: ABORT"];
    says("t-0", "log", &["--print-data-log"], &markers);
    says("t-0", "snapshot", &[], &["currentTxnFirstOffset: OptionalLong["]);
    says("t-0", "txnindex", &[], &["producerId: ", "firstOffset: ", "lastStableOffset: "]);
    let offset = r#""group":"open","topic":"t","partition":0"#;
    let offsets = [markers[0], markers[1], offset, r#""offset":7"#];
    says("__consumer_offsets-0", "log", &["--offsets-decoder", "--print-data-log"], &offsets);
    let states = [r#""transactionalId":"open""#, r#""transactionStatus":"Ongoing""#];
    let options = ["--transaction-log-decoder", "--print-data-log"];
    says("__transaction_state-0", "log", &options, &states);
}

fn client(ottla: &Ottla, args: &[&str]) {
    let mut command = java();
    command.arg(format!("ottla.{}", args[0])).arg(&ottla.address).args(&args[1..]);
    said(args[0], &command.output().unwrap());
}

fn every_file_is_sound(data_dir: &Path) {
    partitions_are_sound(data_dir, WRITTEN);
    metadata_is_sound(&named(data_dir, "__cluster_metadata-0", "log"));
}

/// Dump the files of all partitions; there must be this many records in those whose names begin so.
pub fn partitions_are_sound(data_dir: &Path, written: &[(&str, usize)]) {
    for (topics, records) in written {
        logs_are_sound(&named(data_dir, topics, "log"), *records);
    }
    // Offset and position are 8 bytes; timestamp and offset are 12.
    indexes_are_sound(&named(data_dir, "", "index"), "offset: ", 8);
    indexes_are_sound(&named(data_dir, "", "timeindex"), "timestamp: ", 12);
    let snapshots = named(data_dir, "", "snapshot");
    let lines = dump(&snapshots, &[]);
    assert_eq!(count(&lines, "Dumping "), snapshots.len(), "{lines}");
    // Where no one produces idempotently, that is what a snapshot says.
    assert!(count(&lines, "producerId: ") > 0, "{lines}");
}

fn logs_are_sound(logs: &[PathBuf], records: usize) {
    let lines = dump(logs, &["--deep-iteration", "--print-data-log"]);
    assert_eq!(count(&lines, "| offset: "), records);
    let batches = count(&lines, "baseOffset: ");
    assert!(batches > 0);
    assert_eq!(lines.matches(" isvalid: true").count(), batches);
    // It stops where a file is not whole, and says nothing: each file is read to its end.
    let sizes = lines.lines().filter_map(|line| line.split_once(" size: ")?.1.split(' ').next());
    let sum: u64 = sizes.map(|size| size.parse::<u64>().unwrap()).sum();
    assert_eq!(sum, size(logs));
}

fn indexes_are_sound(indexes: &[PathBuf], entry: &str, entry_size: u64) {
    let lines = dump(indexes, &[]);
    let entries = size(indexes) / entry_size;
    assert!(entries > 50, "too few entries to tell");
    assert_eq!(count(&lines, entry) as u64, entries);
    dump(indexes, &["--verify-index-only"]);
    let lines = dump(indexes, &["--index-sanity-check"]);
    let passed = lines.matches(" passed sanity check.").count();
    assert_eq!(passed + lines.matches(" is empty.").count(), indexes.len());
}

fn metadata_is_sound(logs: &[PathBuf]) {
    let lines = dump(logs, &["--cluster-metadata-decoder"]);
    for record in [
        "FEATURE_LEVEL_RECORD",
        "TOPIC_RECORD",
        "PARTITION_RECORD",
        "CONFIG_RECORD",
        "REMOVE_TOPIC_RECORD",
        "PRODUCER_IDS_RECORD",
    ] {
        assert!(lines.contains(&format!("payload: {{\"type\":\"{record}\"")), "no {record}");
    }
    let payloads = lines.matches(" payload: {\"type\":\"").count();
    assert_eq!(count(&lines, "| offset: "), payloads, "what is not decoded? {lines}");
}

/// What the tool prints about these files; it must not complain.
fn dump(files: &[PathBuf], args: &[&str]) -> String {
    assert!(!files.is_empty(), "nothing to dump");
    let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    let mut command = java();
    command.arg(TOOL).args(["--files", &names.join(",")]).args(args);
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    // To the tool every file follows offset -1, also one that begins later.
    let is_content = |line: &str| {
        line.starts_with("Non-consecutive offsets in ") || line.starts_with("  -1 is followed by ")
    };
    assert!(output.status.success() && stderr.lines().all(is_content), "{args:?}: {stderr}");
    // Among the records are such that are no text.
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    for complaint in COMPLAINTS {
        let found = lines.lines().find(|line| line.contains(complaint));
        assert_eq!(found, None, "{args:?}");
    }
    // Records may hold lines of their own; anything else must be known.
    let is_known = |line: &str| {
        LINES.iter().any(|known| line.starts_with(known))
            || SANITY_LINES.iter().any(|known| line.ends_with(known))
    };
    if !args.contains(&"--print-data-log") {
        assert_eq!(lines.lines().find(|line| !is_known(line)), None, "{args:?}");
    }
    lines
}

/// The files of an extension in the directories whose names begin so, in order.
fn named(dir: &Path, partition: &str, extension: &str) -> Vec<PathBuf> {
    let prefix = dir.join(partition).display().to_string();
    let mut found: Vec<PathBuf> = files(dir).into_iter().map(|(path, _)| path).collect();
    found.retain(|path| {
        path.extension().is_some_and(|e| e == extension)
            && path.display().to_string().starts_with(&prefix)
    });
    found.sort();
    found
}

fn count(lines: &str, beginning: &str) -> usize {
    lines.lines().filter(|line| line.starts_with(beginning)).count()
}

fn size(files: &[PathBuf]) -> u64 {
    files.iter().map(|file| file.metadata().unwrap().len()).sum()
}
