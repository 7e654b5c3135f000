//! One group of a DescribeGroups response, written around its members' own bytes, which are not
//! copied: a group may be requested more than once, and its members' bytes may be megabytes.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};

use crate::wire::list::{COPIED_BYTES_MAX, encode_into};
use crate::wire::response::{CloseReason, put_varint};

/// Memory of a piece that is not copied, in addition to its bytes: rounded up.
const PIECE_OVERHEAD_BYTES: usize = 256;

/// A group encoded in this version, and the number of bytes shared with its members.
#[derive(Debug)]
pub struct Encoded {
    /// The bytes, in order.
    pub pieces: Vec<Bytes>,
    /// Bytes that belong to members and were not copied, minus the overhead of the pieces.
    pub shared_bytes: usize,
}

struct GroupWriter {
    version: i16,
    out: BytesMut,
    encoded: Encoded,
}

/// Encodes a group in this version.
///
/// # Errors
/// The group cannot be encoded in this version.
pub fn encode(version: i16, mut group: DescribedGroup) -> Result<Encoded, CloseReason> {
    let members = std::mem::take(&mut group.members);
    let encoded = Encoded { pieces: Vec::new(), shared_bytes: 0 };
    let mut writer = GroupWriter { version, out: BytesMut::new(), encoded };
    encode_into(&mut writer.out, &group, version)?;
    // The empty list of members, and what follows it: authorized operations, tags.
    let tail = if version >= 3 { 4 } else { 0 } + usize::from(writer.is_flexible());
    let end = writer.out.split_off(writer.out.len().saturating_sub(tail));
    let count = if writer.is_flexible() { 1 } else { 4 };
    writer.out.truncate(writer.out.len().saturating_sub(count));
    writer.put_length(members.len());
    for member in members {
        writer.member(member)?;
    }
    writer.out.extend_from_slice(&end);
    writer.cut();
    Ok(writer.encoded)
}

impl GroupWriter {
    fn is_flexible(&self) -> bool {
        self.version >= 5
    }

    fn put_length(&mut self, n: usize) {
        match self.is_flexible() {
            true => put_varint(&mut self.out, n as u32 + 1),
            false => self.out.put_i32(n as i32),
        }
    }

    fn member(&mut self, mut member: DescribedGroupMember) -> Result<(), CloseReason> {
        let metadata = std::mem::take(&mut member.member_metadata);
        let assignment = std::mem::take(&mut member.member_assignment);
        encode_into(&mut self.out, &member, self.version)?;
        // Two empty fields, and an empty section of tags.
        let tail = if self.is_flexible() { 3 } else { 8 };
        self.out.truncate(self.out.len().saturating_sub(tail));
        self.bytes(metadata);
        self.bytes(assignment);
        if self.is_flexible() {
            self.out.put_u8(0);
        }
        Ok(())
    }

    fn bytes(&mut self, bytes: Bytes) {
        self.put_length(bytes.len());
        if bytes.len() < COPIED_BYTES_MAX {
            self.out.extend_from_slice(&bytes);
            return;
        }
        self.cut();
        self.encoded.shared_bytes += bytes.len() - PIECE_OVERHEAD_BYTES;
        self.encoded.pieces.push(bytes);
    }

    fn cut(&mut self) {
        if !self.out.is_empty() {
            self.encoded.pieces.push(std::mem::take(&mut self.out).freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafka_protocol::messages::GroupId;
    use kafka_protocol::protocol::StrBytes;

    fn member(id: &'static str, metadata: usize, assignment: usize) -> DescribedGroupMember {
        DescribedGroupMember::default()
            .with_member_id(StrBytes::from_static_str(id))
            .with_client_id(StrBytes::from_static_str("client"))
            .with_client_host(StrBytes::from_static_str("/127.0.0.1"))
            .with_member_metadata(vec![1; metadata].into())
            .with_member_assignment(vec![2; assignment].into())
    }

    #[test]
    fn a_group_is_written_as_the_crate_writes_it_in_every_version() {
        let big = COPIED_BYTES_MAX + 77;
        for version in 0..=6 {
            let members = vec![member("a", 0, 3), member("b", big, big), member("c", 5, big)];
            let mut group = DescribedGroup::default()
                .with_group_id(GroupId(StrBytes::from_static_str("g")))
                .with_group_state(StrBytes::from_static_str("Stable"))
                .with_protocol_type(StrBytes::from_static_str("consumer"))
                .with_protocol_data(StrBytes::from_static_str("range"));
            if version >= 3 {
                group.authorized_operations = 0x0102_0304;
            }
            for members in [Vec::new(), members] {
                group.members = members;
                let mut wanted = BytesMut::new();
                encode_into(&mut wanted, &group, version).unwrap();
                let written = encode(version, group.clone()).unwrap();
                assert!(written.pieces.concat() == wanted, "version {version}");
                let is_large = !group.members.is_empty();
                assert_eq!(written.shared_bytes, if is_large { 3 * (big - 256) } else { 0 });
            }
        }
    }

    #[test]
    fn what_members_said_is_not_copied() {
        let group = DescribedGroup::default().with_members(vec![member("a", 1 << 20, 0)]);
        let said = group.members[0].member_metadata.clone();
        let written = encode(5, group).unwrap();
        let is_said = |piece: &&Bytes| piece.as_ptr() == said.as_ptr();
        assert_eq!(written.pieces.iter().filter(is_said).count(), 1);
    }
}
