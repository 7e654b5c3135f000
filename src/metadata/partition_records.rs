//! The metadata log's records about partitions.

use uuid::Uuid;

use crate::fields::{DecodeError, Reader, Tags, Writer};

/// A partition as a whole. Kafka: `PartitionRecord`, versions 0 to 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionRecord {
    /// The partition's index in its topic.
    pub partition_id: i32,
    /// The topic's id.
    pub topic_id: Uuid,
    /// The brokers that have a replica, the preferred leader first.
    pub replicas: Vec<i32>,
    /// The replicas that are in sync.
    pub isr: Vec<i32>,
    /// The replicas that a reassignment is removing.
    pub removing_replicas: Vec<i32>,
    /// The replicas that a reassignment is adding.
    pub adding_replicas: Vec<i32>,
    /// The leader, -1 for none.
    pub leader: i32,
    /// 1 while it recovers from an unclean election, else 0.
    pub leader_recovery_state: i8,
    /// The leader's epoch.
    pub leader_epoch: i32,
    /// Incremented with every change of the partition.
    pub partition_epoch: i32,
    /// The log directory's id of each replica, in the same order (KIP-858; from version 1).
    pub directories: Vec<Uuid>,
    /// Replicas that may lead without data loss (KIP-966; from version 2). `None` if there are
    /// none.
    pub eligible_leader_replicas: Option<Vec<i32>>,
    /// Replicas that were eligible last (KIP-966; from version 2). `None` if there were none.
    pub last_known_elr: Option<Vec<i32>>,
}

impl PartitionRecord {
    /// Kafka writes 2 from metadata.version 4.0-IV1 on, with or without eligible leader replicas.
    pub const WRITTEN: u32 = 2;

    /// Appends the message, without its frame.
    pub fn write(&self, w: &mut Writer) {
        w.i32(self.partition_id);
        w.uuid(self.topic_id);
        w.i32s(&self.replicas);
        w.i32s(&self.isr);
        w.i32s(&self.removing_replicas);
        w.i32s(&self.adding_replicas);
        w.i32(self.leader);
        w.i32(self.leader_epoch);
        w.i32(self.partition_epoch);
        w.uuids(&self.directories);
        let mut tags = Tags::default();
        if self.leader_recovery_state != 0 {
            tags.add(0, |w| w.i8(self.leader_recovery_state));
        }
        add_i32s(&mut tags, 1, self.eligible_leader_replicas.as_deref());
        add_i32s(&mut tags, 2, self.last_known_elr.as_deref());
        w.tags(tags);
    }

    /// Reads the message in that version.
    ///
    /// # Errors
    /// The bytes are truncated or malformed.
    pub fn read(r: &mut Reader<'_>, version: u32) -> Result<PartitionRecord, DecodeError> {
        let mut record = PartitionRecord {
            partition_id: r.i32()?,
            topic_id: r.uuid()?,
            replicas: r.array(4, Reader::i32)?,
            isr: r.array(4, Reader::i32)?,
            removing_replicas: r.array(4, Reader::i32)?,
            adding_replicas: r.array(4, Reader::i32)?,
            leader: r.i32()?,
            leader_epoch: r.i32()?,
            partition_epoch: r.i32()?,
            leader_recovery_state: 0,
            directories: if version >= 1 { r.array(16, Reader::uuid)? } else { Vec::new() },
            eligible_leader_replicas: None,
            last_known_elr: None,
        };
        r.tags(|tag, field| {
            match tag {
                0 => record.leader_recovery_state = field.i8()?,
                1 if version >= 2 => record.eligible_leader_replicas = i32s(field)?,
                2 if version >= 2 => record.last_known_elr = i32s(field)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(record)
    }
}

/// A change of a partition; fields without a change are `None`. Kafka: `PartitionChangeRecord`,
/// versions 0 to 2.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartitionChangeRecord {
    /// The partition's index in its topic.
    pub partition_id: i32,
    /// The topic's id.
    pub topic_id: Uuid,
    /// The replicas that are now in sync.
    pub isr: Option<Vec<i32>>,
    /// The new leader, -1 for none. Its presence alone raises the leader epoch by one.
    pub leader: Option<i32>,
    /// The brokers that now have a replica.
    pub replicas: Option<Vec<i32>>,
    /// The replicas that a reassignment is now removing.
    pub removing_replicas: Option<Vec<i32>>,
    /// The replicas that a reassignment is now adding.
    pub adding_replicas: Option<Vec<i32>>,
    /// 1 while it recovers from an unclean election, else 0.
    pub leader_recovery_state: Option<i8>,
    /// Replicas that may lead without data loss (KIP-966; from version 2).
    pub eligible_leader_replicas: Option<Vec<i32>>,
    /// Replicas that were eligible last (KIP-966; from version 2).
    pub last_known_elr: Option<Vec<i32>>,
    /// The log directory's id of each replica (KIP-858; from version 1).
    pub directories: Option<Vec<Uuid>>,
}

/// The leader value that means no change.
const NO_LEADER_CHANGE: i32 = -2;
/// The recovery state that means no change.
const NO_RECOVERY_CHANGE: i8 = -1;

impl PartitionChangeRecord {
    /// Kafka writes 2 from metadata.version 4.0-IV1 on.
    pub const WRITTEN: u32 = 2;

    /// Appends the message, without its frame.
    pub fn write(&self, w: &mut Writer) {
        w.i32(self.partition_id);
        w.uuid(self.topic_id);
        let mut tags = Tags::default();
        add_i32s(&mut tags, 0, self.isr.as_deref());
        if let Some(leader) = self.leader {
            tags.add(1, |w| w.i32(leader));
        }
        add_i32s(&mut tags, 2, self.replicas.as_deref());
        add_i32s(&mut tags, 3, self.removing_replicas.as_deref());
        add_i32s(&mut tags, 4, self.adding_replicas.as_deref());
        if let Some(state) = self.leader_recovery_state {
            tags.add(5, |w| w.i8(state));
        }
        add_i32s(&mut tags, 6, self.eligible_leader_replicas.as_deref());
        add_i32s(&mut tags, 7, self.last_known_elr.as_deref());
        if let Some(directories) = &self.directories {
            tags.add(8, |w| w.uuids(directories));
        }
        w.tags(tags);
    }

    /// Reads the message in that version.
    ///
    /// # Errors
    /// The bytes are truncated or malformed.
    pub fn read(r: &mut Reader<'_>, version: u32) -> Result<PartitionChangeRecord, DecodeError> {
        let mut record = PartitionChangeRecord {
            partition_id: r.i32()?,
            topic_id: r.uuid()?,
            ..PartitionChangeRecord::default()
        };
        r.tags(|tag, field| {
            match tag {
                0 => record.isr = i32s(field)?,
                1 => record.leader = Some(field.i32()?).filter(|id| *id != NO_LEADER_CHANGE),
                2 => record.replicas = i32s(field)?,
                3 => record.removing_replicas = i32s(field)?,
                4 => record.adding_replicas = i32s(field)?,
                5 => {
                    let state = field.i8()?;
                    record.leader_recovery_state = Some(state).filter(|s| *s != NO_RECOVERY_CHANGE);
                }
                6 if version >= 2 => record.eligible_leader_replicas = i32s(field)?,
                7 if version >= 2 => record.last_known_elr = i32s(field)?,
                8 if version >= 1 => record.directories = field.nullable_array(16, Reader::uuid)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(record)
    }
}

fn i32s(r: &mut Reader<'_>) -> Result<Option<Vec<i32>>, DecodeError> {
    r.nullable_array(4, Reader::i32)
}

fn add_i32s(tags: &mut Tags, tag: u32, values: Option<&[i32]>) {
    if let Some(values) = values {
        tags.add(tag, |w| w.i32s(values));
    }
}
