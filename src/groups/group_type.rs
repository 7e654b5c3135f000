//! The types of groups.

/// The type of a group, which is also that of its records. A group that has only committed offsets
/// is a classic one without members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupType {
    /// The protocol of JoinGroup and SyncGroup.
    Classic,
    /// Consumer groups of KIP-848.
    Consumer,
    /// Share groups (KIP-932).
    Share,
    /// Streams groups (KIP-1071).
    Streams,
}

impl GroupType {
    /// Returns the name that Kafka's tools show.
    pub fn name(self) -> &'static str {
        match self {
            GroupType::Classic => "classic",
            GroupType::Consumer => "consumer",
            GroupType::Share => "share",
            GroupType::Streams => "streams",
        }
    }

    /// Returns the type of the groups that have records of this type (Kafka's
    /// `CoordinatorRecordType`), unless it is not served or not known.
    pub fn unserved(record_type: i16) -> Option<GroupType> {
        match record_type {
            9..=15 => Some(GroupType::Share),
            17..=23 => Some(GroupType::Streams),
            _ => None,
        }
    }
}

/// Returns true for the types of records, of groups that are not served, of which each group has
/// one as long as it exists.
pub fn is_of_group(record_type: i16) -> bool {
    matches!(record_type, 11 | 17)
}
