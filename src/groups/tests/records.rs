//! Keys and values as Kafka writes them, in all versions, and invalid bytes.

use fastrand::Rng;

use super::{Lab, join};
use crate::groups::error::GroupError;
use crate::groups::records::{GroupValue, MemberValue, OffsetAndMetadata, Record};
use crate::machine::{Machine, MachineRecord};

fn offset(value: Option<OffsetAndMetadata>) -> Record {
    Record::Offset { group: "g".to_owned(), topic: "t".to_owned(), partition: 5, value }
}

fn group(value: Option<GroupValue>) -> Record {
    Record::Group { group: "g".to_owned(), value }
}

fn committed() -> OffsetAndMetadata {
    OffsetAndMetadata {
        offset: 42,
        leader_epoch: 3,
        metadata: "note".to_owned(),
        commit_ms: 1_700_000_000_000,
        expire_ms: None,
    }
}

fn value() -> GroupValue {
    let member = |id: &str, instance: Option<&str>| MemberValue {
        id: id.to_owned(),
        instance_id: instance.map(str::to_owned),
        client_id: "client".to_owned(),
        client_host: "/127.0.0.1".to_owned(),
        rebalance_timeout_ms: 60_000,
        session_timeout_ms: 10_000,
        subscription: b"subscription".to_vec().into(),
        assignment: b"assignment".to_vec().into(),
    };
    GroupValue {
        protocol_type: "consumer".to_owned(),
        generation: 7,
        protocol: Some("range".to_owned()),
        leader: Some("one".to_owned()),
        state_ms: 1_700_000_000_000,
        members: vec![member("one", None), member("two", Some("i"))],
    }
}

fn empty_group() -> GroupValue {
    GroupValue { protocol: None, leader: None, members: Vec::new(), ..value() }
}

fn round_trip(record: &Record) {
    let (key, value) = record.encode();
    assert_eq!(Record::decode(&key, value.as_deref()), Ok(Some(record.clone())));
}

/// Bytes that are written by hand, to be compared with what the schemas make.
#[derive(Default)]
struct FieldWriter(Vec<u8>);

impl FieldWriter {
    fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn i16(&mut self, value: i16) {
        self.raw(&value.to_be_bytes());
    }

    fn i32(&mut self, value: i32) {
        self.raw(&value.to_be_bytes());
    }

    fn i64(&mut self, value: i64) {
        self.raw(&value.to_be_bytes());
    }

    /// All of these are short.
    fn varint(&mut self, value: u8) {
        assert!(value < 0x80);
        self.0.push(value);
    }

    fn string(&mut self, text: &str) {
        self.nullable_string(Some(text));
    }

    fn nullable_string(&mut self, text: Option<&str>) {
        self.varint(text.map_or(0, |text| text.len() as u8 + 1));
        self.raw(text.unwrap_or_default().as_bytes());
    }

    fn old_string(&mut self, text: &str) {
        self.old_nullable_string(Some(text));
    }

    fn old_nullable_string(&mut self, text: Option<&str>) {
        self.i16(text.map_or(-1, |text| text.len() as i16));
        self.raw(text.unwrap_or_default().as_bytes());
    }

    fn old_bytes(&mut self, bytes: &[u8]) {
        self.i32(bytes.len() as i32);
        self.raw(bytes);
    }

    fn no_tags(&mut self) {
        self.varint(0);
    }

    fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

#[test]
fn what_is_written_is_read_again() {
    let forgetting = OffsetAndMetadata { leader_epoch: -1, expire_ms: Some(5), ..committed() };
    for record in [
        offset(Some(committed())),
        offset(Some(forgetting)),
        offset(None),
        group(Some(value())),
        group(Some(empty_group())),
        group(None),
    ] {
        round_trip(&record);
    }
}

#[test]
fn keys_and_values_are_kafkas_to_the_byte() {
    let (key, value) = offset(Some(committed())).encode();
    assert_eq!(key, b"\0\x01\0\x01g\0\x01t\0\0\0\x05");
    let expected = b"\0\x03\0\0\0\0\0\0\0\x2a\0\0\0\x03\0\x04note\0\0\x01\x8b\xcf\xe5\x68\0";
    assert_eq!(value.as_deref(), Some(&expected[..]));
    let (key, value) = group(Some(empty_group())).encode();
    assert_eq!(key, b"\0\x02\0\x01g");
    let expected =
        b"\0\x03\0\x08consumer\0\0\0\x07\xff\xff\xff\xff\0\0\x01\x8b\xcf\xe5\x68\0\0\0\0\0";
    assert_eq!(value.as_deref(), Some(&expected[..]));
}

#[test]
fn an_offset_is_read_in_every_version() {
    let key = offset(None).encode().0;
    for version in 0..=4 {
        let mut w = FieldWriter::default();
        w.i16(version);
        w.i64(42);
        if version >= 3 {
            w.i32(3);
        }
        if version >= 4 {
            w.string("note")
        } else {
            w.old_string("note")
        }
        w.i64(1_700_000_000_000);
        if version == 1 {
            w.i64(77);
        }
        if version >= 4 {
            w.no_tags();
        }
        let expected = OffsetAndMetadata {
            leader_epoch: if version >= 3 { 3 } else { -1 },
            expire_ms: (version == 1).then_some(77),
            ..committed()
        };
        let read = Record::decode(&key, Some(&w.into_bytes()));
        assert_eq!(read, Ok(Some(offset(Some(expected)))), "version {version}");
    }
}

#[test]
fn the_oldest_key_of_an_offset_is_read() {
    let mut key = offset(None).encode().0;
    key[1] = 0;
    assert_eq!(Record::decode(&key, None), Ok(Some(offset(None))));
}

#[test]
fn a_version_1_that_is_never_to_be_forgotten_has_no_time() {
    let mut value =
        offset(Some(OffsetAndMetadata { expire_ms: Some(0), ..committed() })).encode().1.unwrap();
    let at = value.len() - 8;
    value[at..].copy_from_slice(&(-1_i64).to_be_bytes());
    let read = Record::decode(&offset(None).encode().0, Some(&value));
    assert_eq!(read, Ok(Some(offset(Some(OffsetAndMetadata { leader_epoch: -1, ..committed() })))));
}

/// Encodes the group in a version that this broker does not write.
fn group_in(version: i16) -> Vec<u8> {
    let flexible = version >= 4;
    let (whole, mut w) = (value(), FieldWriter::default());
    let text = |w: &mut FieldWriter, s: &str| if flexible { w.string(s) } else { w.old_string(s) };
    let nullable = |w: &mut FieldWriter, s: Option<&str>| match flexible {
        true => w.nullable_string(s),
        false => w.old_nullable_string(s),
    };
    w.i16(version);
    text(&mut w, &whole.protocol_type);
    w.i32(whole.generation);
    nullable(&mut w, whole.protocol.as_deref());
    nullable(&mut w, whole.leader.as_deref());
    if version >= 2 {
        w.i64(whole.state_ms);
    }
    if flexible {
        w.varint(3)
    } else {
        w.i32(2)
    }
    for member in &whole.members {
        text(&mut w, &member.id);
        if version >= 3 {
            nullable(&mut w, member.instance_id.as_deref());
        }
        text(&mut w, &member.client_id);
        text(&mut w, &member.client_host);
        if version >= 1 {
            w.i32(member.rebalance_timeout_ms);
        }
        w.i32(member.session_timeout_ms);
        for bytes in [&member.subscription, &member.assignment] {
            if flexible {
                w.varint(bytes.len() as u8 + 1);
                w.raw(bytes);
            } else {
                w.old_bytes(bytes);
            }
        }
        if flexible {
            w.no_tags();
        }
    }
    if flexible {
        w.no_tags();
    }
    w.into_bytes()
}

#[test]
fn a_group_is_read_in_every_version() {
    for version in 0..=4 {
        let mut expected = value();
        if version < 2 {
            expected.state_ms = -1;
        }
        for member in &mut expected.members {
            if version < 3 {
                member.instance_id = None;
            }
            if version < 1 {
                member.rebalance_timeout_ms = member.session_timeout_ms;
            }
        }
        let read = Record::decode(&group(None).encode().0, Some(&group_in(version)));
        assert_eq!(read, Ok(Some(group(Some(expected)))), "version {version}");
    }
}

#[test]
fn what_this_coordinator_does_not_keep_is_passed_over_and_unknown_versions_are_damage() {
    for kind in [24_i16, 100] {
        assert_eq!(Record::decode(&kind.to_be_bytes(), Some(b"anything")), Ok(None));
    }
    for version in [-1_i16, 5, 100] {
        let value = version.to_be_bytes();
        assert!(Record::decode(&offset(None).encode().0, Some(&value)).is_err());
        assert!(Record::decode(&group(None).encode().0, Some(&value)).is_err());
    }
}

#[test]
fn damaged_bytes_are_an_error_or_another_record_never_a_panic() {
    let whole: Vec<(Vec<u8>, Vec<u8>)> = (0..=4)
        .map(|version| (group(None).encode().0, group_in(version)))
        .chain([(offset(None).encode().0, offset(Some(committed())).encode().1.unwrap())])
        .collect();
    let mut damaged = 0;
    for (key, value) in &whole {
        for end in 0..value.len() {
            // A flexible version may end in tagged fields that are not needed.
            damaged += usize::from(Record::decode(key, Some(&value[..end])).is_err());
        }
    }
    assert!(damaged > 300, "{damaged}");
    for seed in 0..20_000 {
        let mut rng = Rng::with_seed(seed);
        let (mut key, mut value) = whole[rng.usize(..whole.len())].clone();
        for _ in 0..rng.usize(1..6) {
            let bytes = if rng.u8(0..4) == 0 { &mut key } else { &mut value };
            let at = rng.usize(..bytes.len());
            bytes[at] = if rng.bool() { rng.u8(..) } else { [0, 0x7f, 0x80, 0xff][rng.usize(..4)] };
        }
        if let Ok(Some(record)) = Record::decode(&key, Some(&value)) {
            round_trip_if_possible(&record);
        }
    }
}

/// Checks that a record that was read is the same after it has been written and read again.
fn round_trip_if_possible(record: &Record) {
    match record {
        // Version 1 has no leader epoch.
        Record::Offset { value: Some(OffsetAndMetadata { expire_ms: Some(_), .. }), .. } => {}
        other => round_trip(other),
    }
}

/// A record of `g` with a key of this type.
fn unserved(record_type: i16, value: Option<&'static [u8]>) -> Option<Record> {
    let mut key = FieldWriter::default();
    key.i16(record_type);
    key.old_string("g");
    Record::decode(&key.into_bytes(), value).expect("a record")
}

#[test]
fn records_of_groups_that_are_not_served_are_kept_byte_for_byte() {
    for record_type in (9..=15).chain(17..=23) {
        for value in [None, Some(&b"anything"[..])] {
            let record = unserved(record_type, value).expect("of a known type");
            assert_eq!(record.placement(), "g");
            assert_eq!(record.encode().1.as_deref(), value);
            round_trip(&record);
            round_trip(&record.tombstone());
        }
    }
    assert_eq!(unserved(24, Some(b"anything")), None);
}

#[test]
fn a_group_has_the_type_of_its_record_until_its_tombstone() {
    for record_type in [11, 17] {
        let mut lab = Lab::new();
        let now = lab.time();
        let apply = |lab: &mut Lab, record_type, value| {
            let record = unserved(record_type, value).expect("of a known type");
            lab.groups.apply(now, &record);
            lab.groups.assert_sound();
        };
        apply(&mut lab, record_type + 2, Some(b"a member"));
        assert!(lab.groups.is_empty(), "the group's record decides");
        apply(&mut lab, record_type, Some(b"epoch"));
        assert_eq!(lab.described("g"), Err(GroupError::NotClassic));
        let ticket = lab.join(&join(""));
        assert_eq!(lab.refused(ticket), GroupError::InconsistentProtocol);
        lab.groups.apply(now, &group(None));
        assert_eq!(lab.described("g"), Err(GroupError::NotClassic), "it was a classic one before");
        apply(&mut lab, record_type, None);
        assert!(lab.groups.is_empty());
        lab.new_id(&join(""));
    }
}

#[test]
fn offsets_of_groups_that_are_not_served_do_not_expire() {
    let mut lab = Lab::new();
    let now = lab.time();
    lab.groups.apply(now, &unserved(11, Some(b"epoch")).expect("a record"));
    lab.groups.apply(now, &offset(Some(OffsetAndMetadata { commit_ms: 0, ..committed() })));
    lab.pass(10 * 3_600_000);
    assert!(lab.offset("g", "t", 5).is_some());
}

#[test]
fn a_classic_group_that_took_the_id_of_another_type_is_a_classic_one() {
    for record_type in [11, 17] {
        let mut lab = Lab::new();
        let now = lab.time();
        let of_type = |of: i16, value| unserved(of, value).expect("of a known type");
        lab.groups.apply(now, &of_type(record_type, Some(b"epoch")));
        lab.groups.apply(now, &group(Some(value())));
        lab.groups.assert_sound();
        assert_eq!(lab.described("g").map(|group| group.members.len()), Ok(2));
        // Its own record counts, and so does the tombstone of its own type only.
        lab.groups.apply(now, &group(None));
        assert!(lab.groups.is_empty());
        lab.groups.apply(now, &of_type(record_type, Some(b"epoch")));
        lab.groups.apply(now, &of_type(if record_type == 11 { 17 } else { 11 }, None));
        assert_eq!(lab.described("g"), Err(GroupError::NotClassic));
    }
}
