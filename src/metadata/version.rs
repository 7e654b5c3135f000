//! The levels of the feature `metadata.version`: which formats the records of the metadata log have
//! (Kafka: `MetadataVersion`).

/// The name of the feature.
pub const METADATA_VERSION: &str = "metadata.version";

/// A level of `metadata.version`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MetadataVersion(i16);

/// Levels that brought a record, or a field, that earlier ones do not have.
const CHANGES: &[i16] = &[8, 11, 13, 14, 15, 16, 17, 23, 30, 32, 33];

impl MetadataVersion {
    /// 3.3-IV3, the lowest level that Kafka 4.4 knows.
    pub const OLDEST: MetadataVersion = MetadataVersion(7);
    /// 4.4-IV2, the level that Kafka 4.4 writes.
    pub const NEWEST: MetadataVersion = MetadataVersion(33);
    /// 3.4-IV0: brokers that migrate from ZooKeeper.
    const MIGRATION: MetadataVersion = MetadataVersion(8);
    /// 3.7-IV2: the log directories of replicas (KIP-858).
    const DIRECTORIES: MetadataVersion = MetadataVersion(17);
    /// 4.0-IV1: eligible leader replicas (KIP-966).
    const ELIGIBLE_LEADER_REPLICAS: MetadataVersion = MetadataVersion(23);
    /// 4.3-IV0: cordoned log directories (KIP-1066).
    const CORDONED_DIRECTORIES: MetadataVersion = MetadataVersion(30);

    /// Returns the level with this number, if it is known.
    pub fn of(level: i16) -> Option<MetadataVersion> {
        let known = Self::OLDEST.0..=Self::NEWEST.0;
        known.contains(&level).then_some(MetadataVersion(level))
    }

    /// Returns the level's number.
    pub const fn level(self) -> i16 {
        self.0
    }

    /// Returns true if a change from this level to `lower` might lose metadata.
    pub fn loses_metadata_at(self, lower: MetadataVersion) -> bool {
        CHANGES.iter().any(|level| (lower.0 + 1..=self.0).contains(level))
    }

    /// Returns the version of a RegisterBrokerRecord.
    pub fn register_broker_record(self) -> i16 {
        match self {
            _ if self >= Self::CORDONED_DIRECTORIES => 4,
            _ if self >= Self::DIRECTORIES => 3,
            _ if self >= Self::MIGRATION => 2,
            _ => 1,
        }
    }

    /// Returns the version of a PartitionRecord and of a PartitionChangeRecord.
    pub fn partition_record(self) -> i16 {
        match self {
            _ if self >= Self::ELIGIBLE_LEADER_REPLICAS => 2,
            _ if self >= Self::DIRECTORIES => 1,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(level: i16) -> MetadataVersion {
        MetadataVersion::of(level).unwrap()
    }

    #[test]
    fn only_the_levels_of_kafka_4_4_are_known() {
        assert_eq!(
            [6, 7, 33, 34].map(|n| MetadataVersion::of(n).is_some()),
            [false, true, true, false]
        );
    }

    #[test]
    fn metadata_is_lost_only_below_a_level_that_changed_it() {
        for (from, to, loses) in [
            (29, 24, false),
            (29, 23, false),
            (29, 22, true),
            (30, 29, true),
            (31, 30, false),
            (33, 32, true),
            (22, 17, false),
            (10, 8, false),
            (8, 7, true),
            (33, 33, false),
        ] {
            assert_eq!(version(from).loses_metadata_at(version(to)), loses, "{from} to {to}");
        }
    }

    /// As `MetadataVersion` of Kafka 4.4.0 says.
    #[test]
    fn records_have_the_versions_of_their_level() {
        let versions = |level| {
            let version = version(level);
            (version.register_broker_record(), version.partition_record())
        };
        assert_eq!([7, 8, 16, 17].map(versions), [(1, 0), (2, 0), (2, 0), (3, 1)]);
        assert_eq!([22, 23, 29, 30, 33].map(versions), [(3, 1), (3, 2), (3, 2), (4, 2), (4, 2)]);
    }
}
