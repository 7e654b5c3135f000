//! The options whose values are words of a short list, and the types that they are parsed to.

use crate::config::value::{CheckedValue, Choice, ConfigType, List, Value, any_of};

/// When an acks=-1 produce is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Once the operating system has the bytes: they survive a crash of the process.
    Os,
    /// Once they are synced, many requests at a time: they survive a power loss.
    Fsync,
}

impl Choice for Durability {
    const ALL: &'static [(&'static str, Durability)] =
        &[("os", Durability::Os), ("fsync", Durability::Fsync)];
}

/// Which timestamps records have (KIP-32).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer's.
    CreateTime,
    /// The broker's, at the append.
    LogAppendTime,
}

impl Choice for TimestampType {
    const ALL: &'static [(&'static str, TimestampType)] = &[
        ("CreateTime", TimestampType::CreateTime),
        ("LogAppendTime", TimestampType::LogAppendTime),
    ];
}

/// How batches are stored (`compression.type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// As the producer sent them.
    Producer,
    /// Not compressed.
    Uncompressed,
    /// gzip.
    Gzip,
    /// Snappy.
    Snappy,
    /// LZ4.
    Lz4,
    /// Zstandard.
    Zstd,
}

impl Choice for Compression {
    const ALL: &'static [(&'static str, Compression)] = &[
        ("producer", Compression::Producer),
        ("uncompressed", Compression::Uncompressed),
        ("gzip", Compression::Gzip),
        ("snappy", Compression::Snappy),
        ("lz4", Compression::Lz4),
        ("zstd", Compression::Zstd),
    ];
}

/// Which records of transactions a consumer receives (KIP-98).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IsolationLevel {
    /// Those of committed transactions.
    ReadCommitted,
    /// Those of open and aborted ones as well.
    ReadUncommitted,
}

impl Choice for IsolationLevel {
    const ALL: &'static [(&'static str, IsolationLevel)] = &[
        ("read_committed", IsolationLevel::ReadCommitted),
        ("read_uncommitted", IsolationLevel::ReadUncommitted),
    ];
}

/// How the partitions of a consumer group are assigned (KIP-848).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assignor {
    /// As evenly as possible, and each partition stays where it is if it can.
    Uniform,
    /// In ranges, topic by topic.
    Range,
}

impl Choice for Assignor {
    /// By Kafka's names, and by those of Kafka's classes.
    const ALL: &'static [(&'static str, Assignor)] = &[
        ("uniform", Assignor::Uniform),
        ("range", Assignor::Range),
        ("org.apache.kafka.coordinator.group.assignor.UniformAssignor", Assignor::Uniform),
        ("org.apache.kafka.coordinator.group.assignor.RangeAssignor", Assignor::Range),
    ];
}

/// In which direction a group with members changes between the classic protocol and that of
/// KIP-848 (`ConsumerGroupMigrationPolicy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MigrationPolicy {
    /// In neither.
    Disabled,
    /// Only to the classic protocol.
    Downgrade,
    /// Only to that of KIP-848.
    Upgrade,
    /// In both.
    Bidirectional,
}

impl Choice for MigrationPolicy {
    const ALL: &'static [(&'static str, MigrationPolicy)] = &[
        ("disabled", MigrationPolicy::Disabled),
        ("downgrade", MigrationPolicy::Downgrade),
        ("upgrade", MigrationPolicy::Upgrade),
        ("bidirectional", MigrationPolicy::Bidirectional),
    ];
    const IN_ANY_CASE: bool = true;
}

/// A protocol of groups (`Group.GroupType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupProtocol {
    /// JoinGroup and SyncGroup.
    Classic,
    /// That of KIP-848.
    Consumer,
    /// That of share groups (KIP-932).
    Share,
    /// That of streams groups (KIP-1071).
    Streams,
}

impl Choice for GroupProtocol {
    const ALL: &'static [(&'static str, GroupProtocol)] = &[
        ("classic", GroupProtocol::Classic),
        ("consumer", GroupProtocol::Consumer),
        ("share", GroupProtocol::Share),
        ("streams", GroupProtocol::Streams),
    ];
}

/// Words of a short list, separated by commas: at least one, and none twice under two names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choices<T: 'static>(pub &'static [T]);

impl<T: Choice> Value for Choices<T> {
    type Read = Vec<T>;
    const KIND: ConfigType = ConfigType::List;

    fn read(text: &str) -> Option<Vec<T>> {
        let mut choices = Vec::new();
        for word in List::read(text)? {
            let choice = T::read(&word).filter(|choice| !choices.contains(choice))?;
            choices.push(choice);
        }
        (!choices.is_empty()).then_some(choices)
    }

    fn read_default(&self) -> Vec<T> {
        self.0.to_vec()
    }

    fn text(&self) -> String {
        let words: Vec<String> = self.0.iter().map(Value::text).collect();
        words.join(",")
    }

    fn checked(_read: &Vec<T>) -> CheckedValue<'_> {
        CheckedValue::Checked
    }

    fn words() -> Option<String> {
        let words: Vec<&str> = T::ALL.iter().map(|(word, _)| *word).collect();
        Some(any_of(&words))
    }
}

/// How old records are removed from a log; both may be on, or neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cleanup {
    /// By age and size.
    pub delete: bool,
    /// By key: the newest record of each key is kept.
    pub compact: bool,
}

const DELETE: &str = "delete";
const COMPACT: &str = "compact";

impl Value for Cleanup {
    type Read = Cleanup;
    const KIND: ConfigType = ConfigType::List;

    fn read(text: &str) -> Option<Cleanup> {
        let mut cleanup = Cleanup { delete: false, compact: false };
        for policy in List::read(text)? {
            match policy.as_str() {
                DELETE => cleanup.delete = true,
                COMPACT => cleanup.compact = true,
                _ => return None,
            }
        }
        Some(cleanup)
    }

    fn read_default(&self) -> Cleanup {
        *self
    }

    fn text(&self) -> String {
        let policies = [(self.delete, DELETE), (self.compact, COMPACT)];
        let set: Vec<&str> =
            policies.iter().filter(|(is_set, _)| *is_set).map(|(_, word)| *word).collect();
        set.join(",")
    }

    fn checked(_read: &Cleanup) -> CheckedValue<'_> {
        CheckedValue::Checked
    }

    fn words() -> Option<String> {
        Some(any_of(&[DELETE, COMPACT]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_trimmed_and_matched_exactly() {
        assert_eq!(Durability::read(" fsync\n"), Some(Durability::Fsync));
        assert_eq!(Durability::read("FSYNC"), None);
        assert_eq!(Durability::read(""), None);
        assert_eq!(Compression::Zstd.text(), "zstd");
        assert_eq!(IsolationLevel::words().unwrap(), "read_committed or read_uncommitted");
        assert_eq!(
            Compression::words().unwrap(),
            "producer, uncompressed, gzip, snappy, lz4 or zstd"
        );
    }

    #[test]
    fn the_migration_policy_is_a_word_in_any_case() {
        for text in ["upgrade", "UPGRADE", " Upgrade"] {
            assert_eq!(MigrationPolicy::read(text), Some(MigrationPolicy::Upgrade));
        }
        assert_eq!(MigrationPolicy::read("up"), None);
        assert!(MigrationPolicy::words().unwrap().ends_with("bidirectional, in capitals or not"));
    }

    #[test]
    fn assignors_are_named_as_in_kafka_or_by_their_classes() {
        let class = "org.apache.kafka.coordinator.group.assignor.RangeAssignor";
        let read = |text: &str| Choices::<Assignor>::read(text);
        assert_eq!(read("uniform, range"), Some(vec![Assignor::Uniform, Assignor::Range]));
        assert_eq!(read(class), Some(vec![Assignor::Range]));
        assert_eq!(read("range,range"), Some(vec![Assignor::Range]));
        for wrong in ["", "sticky", "uniform,", "Range", &format!("range,{class}")] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(Choices(&[Assignor::Uniform, Assignor::Range]).text(), "uniform,range");
    }

    #[test]
    fn cleanup_is_any_of_the_two_policies() {
        let both = Cleanup { delete: true, compact: true };
        assert_eq!(Cleanup::read("compact, delete"), Some(both));
        assert_eq!(Cleanup::read(""), Some(Cleanup { delete: false, compact: false }));
        assert_eq!(Cleanup::read("delete,burn"), None);
        assert_eq!(Cleanup::read("delete,"), None);
        assert_eq!(both.text(), "delete,compact");
    }
}
