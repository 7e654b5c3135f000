//! Random operations, all of them from one seed.

use std::collections::BTreeMap;

use fastrand::Rng;
use ottla::storage::batch::Codec;

use super::batch::{FLAWS, Flaw, Producer, Record, any_records};

/// How many topics there may be at a time.
const TOPICS: usize = 10;
const DAY_MS: i64 = 86_400_000;
const CODECS: [Codec; 5] = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];

/// An offset in the words of a client that does not know how long a partition is.
#[derive(Debug, Clone, Copy)]
pub enum Point {
    /// As it is.
    At(i64),
    /// This many thousandths of the partition's end.
    Part(i64),
    /// This many behind the end.
    Past(i64),
}

/// What is done to both brokers.
#[derive(Debug, Clone)]
pub enum Action {
    Create {
        partitions: i32,
        factor: i16,
        configs: Vec<(String, String)>,
        validate_only: bool,
    },
    Delete,
    Grow {
        count: i32,
        assigned: Option<Vec<i32>>,
    },
    Alter {
        changes: Vec<(String, i8, Option<String>)>,
        validate_only: bool,
    },
    Describe,
    Produce {
        partition: i32,
        version: i16,
        acks: i16,
        batch: Batch,
    },
    DeleteRecords {
        partition: i32,
        before: Point,
    },
    Fetch {
        partition: i32,
        from: Point,
        max_bytes: i32,
    },
    ListOffset {
        partition: i32,
        timestamp: i64,
    },
    /// Let all be compacted that can be, and compare the last values.
    Compact {
        step: i64,
    },
    /// Compare all that can be read.
    ReadAll,
}

#[derive(Debug, Clone)]
pub struct Batch {
    pub codec: Codec,
    pub producer: Producer,
    pub records: Vec<Record>,
    pub flaw: Option<Flaw>,
}

/// What is done to which topic.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The topic's number.
    pub topic: usize,
    pub deed: Action,
    pub kind: OperationKind,
}

/// What a topic may be made to be; it decides what can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationKind {
    Plain,
    /// Timestamps may be the broker's.
    Append,
    /// Records may vanish at any time, unless they are the last ones of their keys.
    Compacted,
}

/// What the plan believes of a topic.
struct Topic {
    kind: OperationKind,
    partitions: i32,
    /// The next sequence by partition and producer, if all goes well; and the epoch.
    producers: BTreeMap<(i32, i64), (i16, i32)>,
}

/// The maker of a plan.
struct Planner {
    rng: Rng,
    /// When the plan begins, in milliseconds since 1970.
    now: i64,
    topics: Vec<Option<Topic>>,
    compactions: i64,
}

/// This many operations from this seed.
pub fn plan(seed: u64, steps: usize, now: i64) -> Vec<Operation> {
    let topics = (0..TOPICS).map(|_| None).collect();
    let mut planner = Planner { rng: Rng::with_seed(seed), now, topics, compactions: 0 };
    (0..steps).map(|_| planner.operation()).collect()
}

impl Planner {
    fn operation(&mut self) -> Operation {
        let number = self.rng.usize(..TOPICS);
        let Some(topic) = &self.topics[number] else {
            // Now and then someone asks for what is not there.
            let kind = OperationKind::Plain;
            return match self.rng.u8(..10) {
                0 => Operation { topic: number, deed: self.deed(kind, 1), kind },
                _ => self.create(number),
            };
        };
        let (kind, partitions) = (topic.kind, topic.partitions);
        let deed = match self.rng.u16(..1000) {
            0..550 => self.produce(number),
            550..555 => return self.create(number),
            555..562 => {
                self.topics[number] = None;
                Action::Delete
            }
            562..570 => self.grow(number),
            570..580 if kind == OperationKind::Compacted => {
                self.compactions += 1;
                Action::Compact { step: self.compactions }
            }
            580..590 => Action::ReadAll,
            _ => self.deed(kind, partitions),
        };
        Operation { topic: number, deed, kind }
    }

    /// What changes nothing that the plan would have to know.
    fn deed(&mut self, kind: OperationKind, partitions: i32) -> Action {
        let partition = self.partition(partitions);
        match self.rng.u8(..100) {
            0..50 => Action::Fetch {
                partition,
                from: self.point(),
                max_bytes: [0, 1, 100, 1000, 10_000, 1_000_000][self.rng.usize(..6)],
            },
            50..70 => Action::ListOffset { partition, timestamp: self.asked_time() },
            70..83 => Action::DeleteRecords { partition, before: self.point() },
            83..96 => self.alter(kind),
            _ => Action::Describe,
        }
    }

    /// Mostly one that is there.
    fn partition(&mut self, partitions: i32) -> i32 {
        if self.rng.u8(..50) == 0 {
            [-1, 99][self.rng.usize(..2)]
        } else {
            self.rng.i32(0..partitions)
        }
    }

    fn point(&mut self) -> Point {
        match self.rng.u8(..20) {
            0 => Point::At(-1),
            1 => Point::At(-2),
            2 => Point::At(0),
            3 => Point::At(i64::MAX),
            4 => Point::Past(1),
            5 => Point::Past(1000),
            6 | 7 => Point::Past(0),
            _ => Point::Part(self.rng.i64(0..1000)),
        }
    }

    fn asked_time(&mut self) -> i64 {
        match self.rng.u8(..16) {
            0..3 => -1,
            3..6 => -2,
            6..9 => -3,
            9 => -4,
            10 => -5,
            11 => -7,
            12 => 0,
            13 => i64::MAX,
            _ => self.time() + self.rng.i64(-600..600),
        }
    }

    /// All are far from any bound that configs set.
    fn time(&mut self) -> i64 {
        match self.rng.u8(..20) {
            0 => -1,
            1 => 600,
            2 => self.now - 30 * DAY_MS,
            3 => self.now - 7_200_000,
            4 => self.now - 1_800_000,
            5 => self.now + 1_800_000,
            6 => self.now + 7_200_000,
            _ => self.now - self.rng.i64(1000..100_000),
        }
    }

    fn create(&mut self, number: usize) -> Operation {
        let kind = [
            OperationKind::Plain,
            OperationKind::Plain,
            OperationKind::Append,
            OperationKind::Compacted,
        ][self.rng.usize(..4)];
        let partitions = match self.rng.u8(..20) {
            0 => 0,
            1 => -5,
            _ => self.rng.i32(1..4),
        };
        let factor = *self.rng.choice(&[1, 1, 1, 1, 1, 1, 1, -1, 0, 2]).unwrap();
        let validate_only = self.rng.u8(..10) == 0;
        // Nothing may become so old that it vanishes at a time of the broker's choice.
        let mut configs = vec![("retention.ms".to_owned(), "-1".to_owned())];
        if kind == OperationKind::Compacted {
            configs.push(("cleanup.policy".to_owned(), "compact".to_owned()));
        }
        let mut is_valid = partitions > 0 && [1, -1].contains(&factor);
        for _ in 0..self.rng.usize(..3) {
            let (name, value) = self.setting(kind);
            if configs.iter().all(|(known, _)| *known != name) {
                is_valid &= is_allowed(&value);
                configs.push((name, value.replace('!', "")));
            }
        }
        let kind = match &self.topics[number] {
            Some(there) => there.kind,
            None if is_valid && !validate_only => {
                let producers = BTreeMap::new();
                self.topics[number] = Some(Topic { kind, partitions, producers });
                kind
            }
            None => kind,
        };
        Operation {
            topic: number,
            deed: Action::Create { partitions, factor, configs, validate_only },
            kind,
        }
    }

    fn grow(&mut self, number: usize) -> Action {
        let topic = self.topics[number].as_mut().unwrap();
        let count = topic.partitions + self.rng.i32(-1..3);
        let assigned = match self.rng.u8(..4) {
            0 => Some((topic.partitions..count).map(|_| 1).collect()),
            1 => Some(vec![self.rng.i32(1..3); self.rng.usize(..3)]),
            _ => None,
        };
        let fits = |ids: &Vec<i32>| {
            ids.len() as i32 == count - topic.partitions && ids.iter().all(|id| *id == 1)
        };
        if count > topic.partitions && assigned.as_ref().is_none_or(fits) {
            topic.partitions = count;
        }
        Action::Grow { count, assigned }
    }

    fn alter(&mut self, kind: OperationKind) -> Action {
        let count = if self.rng.u8(..5) == 0 { self.rng.usize(..4) } else { 1 };
        let changes = (0..count).map(|_| {
            let (name, value) = self.setting(kind);
            let value = value.replace('!', "");
            // One fault at a time: of several, either may be reported.
            match self.rng.u8(..if count > 1 { 3 } else { 12 }) {
                _ if count > 1 => (name, 0, Some(value)),
                // Its default is the one value at which records vanish by themselves.
                0..3 if name != "retention.ms" => (name, 1, None),
                3 => (name, 2, Some(value)),
                4 => (name, 3, Some(value)),
                5 => (name, [0, 9, 2][self.rng.usize(..3)], None),
                _ => (name, 0, Some(value)),
            }
        });
        Action::Alter { changes: changes.collect(), validate_only: self.rng.u8(..10) == 0 }
    }

    /// A config and a value for it; what is not allowed ends with an exclamation mark.
    fn setting(&mut self, kind: OperationKind) -> (String, String) {
        let known = SETTINGS.len() + if kind == OperationKind::Plain { 0 } else { 2 };
        let (name, values): (&str, &[&str]) = match self.rng.usize(..known) {
            index if index < SETTINGS.len() => SETTINGS[index],
            _ if kind == OperationKind::Append => {
                ("message.timestamp.type", &["LogAppendTime", "CreateTime"])
            }
            _ => ("cleanup.policy", &["compact", "compact,delete", "delete", "shred!"]),
        };
        (name.to_owned(), self.rng.choice(values).unwrap().to_string())
    }

    fn produce(&mut self, number: usize) -> Action {
        let time = self.time();
        let topic = self.topics[number].as_mut().unwrap();
        // Segments of compacted topics are rolled by the time of their records, when it is wanted.
        let time = match topic.kind {
            OperationKind::Compacted if time == -1 => self.now,
            OperationKind::Compacted => time.min(self.now),
            _ => time,
        };
        let keys = match topic.kind {
            OperationKind::Compacted if self.rng.u8(..20) > 0 => 100,
            _ => 70,
        };
        let flaw = (self.rng.u8(..30) == 0).then(|| *self.rng.choice(FLAWS).unwrap());
        // One fault at a time: of several, either may be reported.
        let (time, keys) = if flaw.is_some() { (self.now - 50_000, 100) } else { (time, keys) };
        let records = any_records(&mut self.rng, time, keys);
        let partitions = topic.partitions;
        let partition = self.partition(partitions);
        let producer = match self.rng.u8(..3) {
            0 => self.sequenced(number, partition, records.len() as i32, flaw.is_none()),
            _ => (-1, -1, -1),
        };
        let codec = CODECS[self.rng.usize(..5)];
        let acks = *self.rng.choice(&[-1, -1, -1, -1, -1, -1, 1, 1, 1, 2]).unwrap();
        let version = [3, 7, 8, 9, 12][self.rng.usize(..5)];
        Action::Produce {
            partition,
            version,
            acks,
            batch: Batch { codec, producer, records, flaw },
        }
    }

    /// Mostly the sequence that comes next; else one that has been, or one too far, or an epoch.
    fn sequenced(&mut self, number: usize, partition: i32, count: i32, good: bool) -> Producer {
        let id = self.rng.i64(7000..7004);
        let producers = &mut self.topics[number].as_mut().unwrap().producers;
        let (epoch, next) = producers.entry((partition, id)).or_insert((0, 0));
        let (now, sequence) = match self.rng.u8(..20) {
            0 => (*epoch, (*next - count).max(0)),
            1 => (*epoch, (*next - self.rng.i32(1..40)).max(0)),
            2 => (*epoch, *next + self.rng.i32(1..10)),
            3 => ((*epoch - 1).max(0), *next),
            4 => (*epoch + 1, *next),
            5 | 6 => {
                *epoch += 1;
                *next = 0;
                (*epoch, 0)
            }
            // Just before the sequences begin again.
            7 => {
                *epoch += 1;
                (*epoch, 0)
            }
            _ => (*epoch, *next),
        };
        if good && now == *epoch && sequence == *next {
            *next += count;
        }
        (id, now, sequence)
    }
}

fn is_allowed(value: &str) -> bool {
    !value.ends_with('!')
}

/// Configs of every kind of topic, with values that may be set whenever.
const SETTINGS: &[(&str, &[&str])] = &[
    ("max.message.bytes", &["70", "200", "2000", "1048588", "1048588", "-1!", "x!"]),
    ("compression.type", &["producer", "uncompressed", "gzip", "snappy", "lz4", "zstd", "rar!"]),
    ("message.timestamp.before.max.ms", &["1000000", "10000000", "9223372036854775807", "-1!"]),
    ("message.timestamp.after.max.ms", &["1000000", "10000000", "9223372036854775807", "-1!"]),
    ("min.insync.replicas", &["1", "0!", "9999999999!"]),
    ("retention.ms", &["-1", "3153600000000", "-2!", "soon!"]),
    ("retention.bytes", &["-1", "1000000000000", "x!"]),
    ("segment.bytes", &["1048576", "2147483647", "1000!", "2147483648!"]),
    ("segment.ms", &["60000", "604800000", "0!"]),
    ("segment.index.bytes", &["4096", "10485760", "3!"]),
    ("index.interval.bytes", &["0", "50", "4096", "-1!"]),
    ("flush.messages", &["9223372036854775807", "1000", "0!"]),
    ("preallocate", &["true", "false", "perhaps!"]),
    ("delete.retention.ms", &["86400000", "-1!"]),
    ("min.cleanable.dirty.ratio", &["0.0", "0.9", "1.1!", "x!"]),
    ("unclean.leader.election.enable", &["true", "false"]),
    ("leader.replication.throttled.replicas", &["*", "0:1", "0:1,1:1", "x!"]),
    ("compression.zstd.level", &["1", "22", "23!"]),
    ("no.such.config", &["1!"]),
];

impl Action {
    /// Short, for people.
    pub fn as_text(&self) -> String {
        match self {
            Action::Produce { partition, version, acks, batch } => {
                let times: Vec<i64> = batch.records.iter().map(|r| r.timestamp).collect();
                format!(
                    "Produce {{ partition: {partition}, version: {version}, acks: {acks}, codec: {:?}, \
                     producer: {:?}, flaw: {:?}, timestamps: {times:?}, keys: {:?} }}",
                    batch.codec,
                    batch.producer,
                    batch.flaw,
                    batch.records.iter().map(|r| r.key.is_some()).collect::<Vec<_>>()
                )
            }
            other => format!("{other:?}"),
        }
    }
}
