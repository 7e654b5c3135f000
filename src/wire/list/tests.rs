use bytes::BytesMut;
use kafka_protocol::protocol::StrBytes;

use super::*;
use crate::protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use crate::protocol::messages::find_coordinator_response::Coordinator;
use crate::protocol::messages::metadata_response::MetadataResponseTopic;
use crate::protocol::messages::{FindCoordinatorResponse, MetadataResponse};
use crate::wire::chunks::{CHUNK_OVERHEAD_BYTES, COPIED_BYTES_MAX};
use crate::wire::deferred::ItemSource;
use crate::wire::response::encode;

fn bytes(reply: Response) -> Vec<u8> {
    let Response::Chunks(chunks) = reply else { panic!("no answer") };
    let mut all = Vec::new();
    for chunk in chunks {
        match chunk {
            Chunk::Bytes(bytes) => all.extend_from_slice(&bytes),
            Chunk::File(_) => panic!("there is no file"),
            Chunk::Later(mut later) => {
                while let Some(piece) = later.next_piece().unwrap() {
                    all.extend_from_slice(&piece);
                }
            }
        }
    }
    all
}

fn topic(n: usize) -> MetadataResponseTopic {
    let name = StrBytes::from_string(format!("topic-{n}"));
    MetadataResponseTopic::default().with_name(Some(name))
}

fn coordinator(n: usize) -> Coordinator {
    Coordinator::default().with_key(StrBytes::from_string(n.to_string()))
}

/// Returns the number of bytes after the topics in a Metadata response.
fn tail(version: i16) -> usize {
    match version {
        8 => 4,
        9..=10 => 5,
        11..=12 => 1,
        13.. => 3,
        _ => 0,
    }
}

#[test]
fn a_list_of_any_length_is_written_as_the_whole_answer_is() {
    for version in 0..=13 {
        for count in [0, 1, 126, 127, 128, 5000] {
            let mut list = EncodedList::new(version, version >= 9);
            for n in 0..count {
                list.put(&topic(n)).unwrap();
                if list.piece_bytes() >= 1000 {
                    list.cut();
                }
            }
            let answer = MetadataResponse::default().with_controller_id(7);
            let written = bytes(list.into_response(9, &answer, tail(version)).unwrap());
            let whole = answer.with_topics((0..count).map(topic).collect());
            let wanted = bytes(encode(version, 9, &whole).unwrap());
            assert!(written == wanted, "version {version}, {count} topics");
        }
    }
}

#[test]
fn each_piece_has_memory_of_its_own() {
    let mut list = EncodedList::new(4, true);
    for n in 0..20_000 {
        list.put(&coordinator(n)).unwrap();
        if list.piece_bytes() >= PIECE_BYTES {
            list.cut();
        }
    }
    let reply = list.into_response(1, &FindCoordinatorResponse::default(), 1).unwrap();
    let Response::Chunks(chunks) = reply else { panic!("no answer") };
    assert!(chunks.len() > 3, "{}", chunks.len());
    for chunk in chunks {
        let Chunk::Bytes(piece) = chunk else { panic!("bytes") };
        assert!(piece.is_unique() && piece.len() < PIECE_BYTES + 100);
    }
}

#[derive(Debug)]
struct Counted(usize);

impl ItemSource for Counted {
    fn next(&mut self) -> Option<Bytes> {
        self.0 = self.0.checked_sub(1)?;
        let mut piece = BytesMut::new();
        encode_into(&mut piece, &coordinator(5), 4, true).unwrap();
        Some(piece.freeze())
    }
}

#[test]
fn what_comes_later_stands_in_its_place_and_has_the_length_that_was_announced() {
    let each = Counted(1).next().unwrap().len();
    let mut list = EncodedList::new(4, true);
    list.put(&coordinator(1)).unwrap();
    list.put_later(3, DeferredItems::new(3 * each, Box::new(Counted(3))));
    list.put(&coordinator(2)).unwrap();
    let answer = FindCoordinatorResponse::default();
    let written = bytes(list.into_response(1, &answer, 1).unwrap());
    let all = [1, 5, 5, 5, 2].map(coordinator).to_vec();
    assert!(written == bytes(encode(4, 1, &answer.with_coordinators(all)).unwrap()));

    let mut short = DeferredItems::new(3 * each, Box::new(Counted(2)));
    assert!(
        short.next_piece().is_ok() && short.next_piece().is_ok() && short.next_piece().is_err()
    );
    let mut long = DeferredItems::new(each, Box::new(Counted(2)));
    assert!(long.next_piece().is_ok() && long.next_piece().is_err());
}

#[test]
fn no_frame_is_longer_than_its_length_can_say() {
    let mut list = EncodedList::new(4, true);
    list.put_later(1, DeferredItems::new(i32::MAX as usize, Box::new(Counted(1))));
    let refused = list.into_response(1, &FindCoordinatorResponse::default(), 1).unwrap_err();
    assert!(matches!(refused, CloseReason::Unaffordable(_)), "{refused}");
}

#[test]
fn an_item_on_its_own_is_written_alike_and_what_is_long_in_it_is_not_copied() {
    let member = |metadata, assignment| {
        DescribedGroupMember::default()
            .with_member_metadata(vec![1; metadata].into())
            .with_member_assignment(vec![2; assignment].into())
    };
    let big = COPIED_BYTES_MAX + 77;
    for version in 0..=6 {
        let members = vec![member(0, 3), member(big, big), member(5, big)];
        let group = DescribedGroup::default().with_members(members);
        let list = EncodedList::new(version, version >= 5);
        let mut wanted = BytesMut::new();
        encode_into(&mut wanted, &group, version, version >= 5).unwrap();
        let item = list.encode(&group).unwrap();
        assert!(item.pieces.concat() == wanted, "version {version}");
        assert_eq!(item.shared_bytes, 3 * (big - CHUNK_OVERHEAD_BYTES));
        let long = group.members[1].member_metadata.as_ptr();
        assert_eq!(item.pieces.iter().filter(|piece| piece.as_ptr() == long).count(), 1);
    }
}
