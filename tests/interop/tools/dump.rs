//! What Kafka's dump tool says of partitions that were compacted and of such that grew old.

use std::path::Path;

use ottla::storage::batch::Codec;

use crate::differential::batch::{Producer, Record, encode};
use crate::tools::configs::CONFIGS;
use crate::tools::side::{Side, now_ms, pair};
use crate::tools::topics::TOPICS;

const DUMP: &str = "org.apache.kafka.tools.DumpLogSegments";
const HOUR_MS: i64 = 3_600_000;
const NO_PRODUCER: Producer = (-1, -1, -1);

/// A batch: how old it is in hours, who wrote it, and its keys with their values; an empty value is
/// none.
type Written<'a> = (i64, Producer, &'a [(&'a str, &'a str)]);

/// Values that come to be replaced, deleted, or neither; producers whose last batch goes.
const WRITTEN: &[Written] = &[
    (100, NO_PRODUCER, &[("a", "1"), ("b", "1"), ("a", "2"), ("c", "1")]),
    (100, (7001, 0, 0), &[("d", "1"), ("d", "2")]),
    (99, NO_PRODUCER, &[("b", "")]),
    (90, (7001, 0, 2), &[("e", "1")]),
    (90, (7002, 3, 0), &[("a", "3"), ("f", "1"), ("g", "")]),
    (80, NO_PRODUCER, &[("c", "2"), ("a", "4")]),
    (70, (7002, 3, 3), &[("f", "2"), ("h", "1")]),
    (60, NO_PRODUCER, &[("i", "1")]),
    (60, NO_PRODUCER, &[("e", "2"), ("i", "2")]),
    // Never compacted, never too old: the segment that is written to.
    (0, NO_PRODUCER, &[("a", "5"), ("j", "1")]),
];

/// Write all that; each partition in a codec of its own.
fn write(side: &Side, topic: &str, now: i64) {
    for (partition, codec) in [(0, Codec::None), (1, Codec::Gzip)] {
        let batches = WRITTEN.iter().map(|(hours, producer, pairs)| {
            let one = |(place, (key, value)): (usize, &(&str, &str))| Record {
                timestamp: now - hours * HOUR_MS + place as i64,
                key: Some(key.as_bytes().to_vec()),
                value: (!value.is_empty()).then(|| value.as_bytes().to_vec()),
                headers: Vec::new(),
            };
            let records: Vec<Record> = pairs.iter().enumerate().map(one).collect();
            encode(codec, *producer, &records, None)
        });
        side.produce(topic, partition, batches);
    }
}

/// Have the tool print each file of these extensions and tell their names: all logs, the indexes of
/// closed segments, the producers at the beginning of the one that is written to.
fn dump(side: &mut Side, topic: &str, extensions: &[&str]) {
    for partition in 0..2 {
        let name = format!("{topic}-{partition}");
        let dir = side.broker.dir().join("data").join(&name);
        let mut last = named(&dir, "log");
        let last = last.pop().unwrap();
        for extension in extensions {
            let mut files = named(&dir, extension);
            files.retain(|file| match *extension {
                "log" => true,
                // Earlier ones are removed once they are not needed, sooner or later.
                "snapshot" => file[..20] == last[..20],
                _ => file[..20] != last[..20],
            });
            side.tell(&format!("files of {name}: {extension}"), files.clone());
            for file in files {
                let path = dir.join(&file).display().to_string();
                let args =
                    if *extension == "log" { " --print-data-log --deep-iteration" } else { "" };
                let printed = side.run(&format!("{DUMP} --files {path}{args}"));
                let printed = printed.iter().map(|line| seen(line, partition == 1)).collect();
                side.tell(&format!("{DUMP} {name}/{file}{args}"), printed);
            }
        }
    }
}

pub fn named(dir: &Path, extension: &str) -> Vec<String> {
    let files = std::fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<String> = files
        .filter(|file| file.extension().is_some_and(|of| of == extension))
        .map(|file| file.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    files.sort();
    files
}

/// A CRC covers the time at which a deletion will be forgotten. How well a batch is packed is the
/// codec's affair.
fn seen(line: &str, packed: bool) -> String {
    let hidden: &[&str] = if packed { &["crc: ", " size: ", "position: "] } else { &["crc: "] };
    hidden.iter().fold(line.to_owned(), |line, name| crate::tools::words::without(&line, name, ' '))
}

#[test]
#[ignore = "needs Apache Kafka and kcat"]
fn the_dump_tool_on_compacted_partitions() {
    let mut pair = pair();
    let now = now_ms();
    pair.tell_the_same(|side| {
        // Nothing is compacted before all is written: one pass gives one result.
        side.ask(
            TOPICS,
            &["--create --topic dumped.compacted --partitions 2 --config segment.ms=3600000 \
               --config retention.ms=-1 --config min.cleanable.dirty.ratio=0.0 \
               --config file.delete.delay.ms=0"],
        );
        write(side, "dumped.compacted", now);
        side.ask(
            CONFIGS,
            &["--topic dumped.compacted --alter --add-config cleanup.policy=compact"],
        );
        side.until("the cleaner", |side| {
            let noted = side.broker.dir().join("data/cleaner-offset-checkpoint");
            let noted = std::fs::read_to_string(noted).unwrap_or_default();
            (0..2).all(|p| noted.lines().any(|line| line == format!("dumped.compacted {p} 18")))
        });
        dump(side, "dumped.compacted", &["log", "index", "timeindex"]);
        side.ask(TOPICS, &["--delete --topic dumped.compacted"]);
    });
}

#[test]
#[ignore = "needs Apache Kafka and kcat"]
fn the_dump_tool_on_partitions_that_grew_old() {
    let mut pair = pair();
    let now = now_ms();
    pair.tell_the_same(|side| {
        side.ask(
            TOPICS,
            &["--create --topic dumped.aged --partitions 2 --config segment.ms=3600000 \
               --config retention.ms=-1 --config file.delete.delay.ms=0"],
        );
        write(side, "dumped.aged", now);
        side.until("the snapshots", |side| {
            let data = side.broker.dir().join("data");
            (0..2).all(|p| data.join(format!("dumped.aged-{p}/{:020}.snapshot", 18)).exists())
        });
        dump(side, "dumped.aged", &["log", "index", "timeindex", "snapshot"]);
        // Three days and a bit: what is 80 hours old and older goes.
        side.ask(CONFIGS, &["--topic dumped.aged --alter --add-config retention.ms=270000000"]);
        side.until("retention", |side| {
            let data = side.broker.dir().join("data");
            // The files of a segment go one after the other.
            (0..2).all(|partition| {
                let dir = data.join(format!("dumped.aged-{partition}"));
                ["log", "index", "timeindex"].iter().all(|extension| {
                    let files = named(&dir, extension);
                    files.first().is_some_and(|first| first[..20] == format!("{:020}", 13))
                })
            })
        });
        dump(side, "dumped.aged", &["log", "index", "timeindex"]);
        side.ask(TOPICS, &["--delete --topic dumped.aged"]);
    });
}
