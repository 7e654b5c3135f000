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
    fn cleanup_is_any_of_the_two_policies() {
        let both = Cleanup { delete: true, compact: true };
        assert_eq!(Cleanup::read("compact, delete"), Some(both));
        assert_eq!(Cleanup::read(""), Some(Cleanup { delete: false, compact: false }));
        assert_eq!(Cleanup::read("delete,burn"), None);
        assert_eq!(Cleanup::read("delete,"), None);
        assert_eq!(both.text(), "delete,compact");
    }
}
