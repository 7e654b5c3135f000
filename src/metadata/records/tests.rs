//! Bytes written by Apache Kafka 4.1's and 4.4's own `MetadataRecordSerde`, and malformed ones.

use kafka_protocol::protocol::StrBytes;

use super::*;
use crate::metadata::quotas::{ClientQuota, QuotaEntity};
use crate::protocol::messages::register_broker_record::{BrokerEndpoint, BrokerFeature};

fn bytes(hex: &str) -> Bytes {
    let digit = |c: u8| (c as char).to_digit(16).unwrap() as u8;
    hex.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn level(number: i16) -> MetadataVersion {
    MetadataVersion::of(number).unwrap()
}

fn id(first: u8) -> Uuid {
    Uuid::from_bytes(std::array::from_fn(|i| first + i as u8))
}

/// Returns Kafka's bytes at the version that Kafka writes, and the records in them.
fn written() -> Vec<(&'static str, Record)> {
    let mut all = topics();
    all.extend(partitions());
    all.extend(brokers());
    all.extend(quotas());
    all
}

fn topics() -> Vec<(&'static str, Record)> {
    let config = |resource_type, resource: &str, value: Option<&str>| {
        config_record(resource_type, resource, "retention.ms", value.map(str::to_owned))
    };
    let begin = |name: Option<&'static str>| {
        let name = name.map(StrBytes::from_static_str);
        Record::BeginTransaction(BeginTransactionRecord::default().with_name(name))
    };
    let why = StrBytes::from_static_str("why");
    let abort = AbortTransactionRecord::default().with_reason(Some(why));
    let producer_ids = ProducerIdsRecord::default()
        .with_broker_id(1)
        .with_broker_epoch(42)
        .with_next_producer_id(1000);
    let credential = UserScramCredentialRecord::default()
        .with_name(text("u"))
        .with_mechanism(1)
        .with_salt(bytes("0102"))
        .with_stored_key(bytes("03"))
        .with_server_key(bytes("04"))
        .with_iterations(4096);
    vec![
        ("010200076f7264657273000102030405060708090a0b0c0d0e0f00", topic_record("orders", id(0))),
        ("010900000102030405060708090a0b0c0d0e0f00", remove_topic_record(id(0))),
        (
            "01040002076f72646572730d726574656e74696f6e2e6d73053130303000",
            config(2, "orders", Some("1000")),
        ),
        ("01040004010d726574656e74696f6e2e6d730000", config(4, "", None)),
        (
            "010c00116d657461646174612e76657273696f6e001b00",
            feature_level_record("metadata.version", 27),
        ),
        ("010f0000000001000000000000002a00000000000003e800", Record::ProducerIds(producer_ids)),
        ("01140000", Record::NoOp(NoOpRecord::default())),
        ("01170001000a0a626f6f747374726170", begin(Some("bootstrap"))),
        ("01170000", begin(None)),
        ("01180000", Record::EndTransaction(EndTransactionRecord::default())),
        ("01190001000404776879", Record::AbortTransaction(abort)),
        ("010b00027501030102020302040000100000", Record::UserScramCredential(credential)),
    ]
}

fn quotas() -> Vec<(&'static str, Record)> {
    let quota = |entity: &[(&str, Option<&str>)], key: &str, value| {
        let owned = |(kind, name): &(&str, Option<&str>)| ((*kind).into(), name.map(str::to_owned));
        let entity = QuotaEntity(entity.iter().map(owned).collect());
        Record::ClientQuota(ClientQuota { entity, key: key.into(), value }.record())
    };
    vec![
        (
            "010e00030a636c69656e742d69640461707000057573657200001370726f64756365725f627974655f7261\
             7465408f4400000000000000",
            quota(
                &[("client-id", Some("app")), ("user", None)],
                "producer_byte_rate",
                Some(1000.5),
            ),
        ),
        (
            "010e00020369700931302e302e302e310019636f6e6e656374696f6e5f6372656174696f6e5f7261746500\
             000000000000000100",
            quota(&[("ip", Some("10.0.0.1"))], "connection_creation_rate", None),
        ),
    ]
}

fn partition() -> PartitionRecord {
    let Record::Partition(record) = partition_record(id(0), 3, 1, id(0x10)) else {
        panic!("not a partition");
    };
    record
}

fn partitions() -> Vec<(&'static str, Record)> {
    let moving = PartitionRecord {
        replicas: vec![1, 2],
        removing_replicas: vec![5],
        adding_replicas: vec![6, 7],
        leader_epoch: 5,
        partition_epoch: 7,
        directories: vec![id(0x10), id(0x20)],
        eligible_leader_replicas: Some(vec![2]),
        last_known_elr: Some(vec![3]),
        ..partition()
    };
    let unchanged =
        PartitionChangeRecord { partition_id: 3, topic_id: id(0), ..Default::default() };
    let new_leader = PartitionChangeRecord {
        isr: Some(vec![1, 2]),
        leader: 2,
        directories: Some(vec![id(0x10), id(0x20)]),
        ..unchanged.clone()
    };
    let everything = PartitionChangeRecord {
        isr: Some(vec![1]),
        leader: -1,
        replicas: Some(vec![1, 2]),
        removing_replicas: Some(vec![]),
        adding_replicas: Some(vec![9]),
        leader_recovery_state: 1,
        eligible_leader_replicas: Some(vec![]),
        last_known_elr: Some(vec![4]),
        directories: Some(vec![id(0x10), id(0x20)]),
        ..unchanged
    };
    vec![
        (
            "01030200000003000102030405060708090a0b0c0d0e0f020000000102000000010101000000010000\
             00000000000002101112131415161718191a1b1c1d1e1f00",
            Record::Partition(partition()),
        ),
        (
            "01030200000003000102030405060708090a0b0c0d0e0f030000000100000002020000000102000000\
             0503000000060000000700000001000000050000000703101112131415161718191a1b1c1d1e1f2021\
             22232425262728292a2b2c2d2e2f020105020000000202050200000003",
            Record::Partition(moving),
        ),
        (
            "01050200000003000102030405060708090a0b0c0d0e0f030009030000000100000002010400000002\
             082103101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f",
            Record::PartitionChange(new_leader),
        ),
        (
            "01050200000003000102030405060708090a0b0c0d0e0f09000502000000010104ffffffff02090300\
             0000010000000203010104050200000009050101060101070502000000040821031011121314151617\
             18191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f",
            Record::PartitionChange(everything),
        ),
    ]
}

fn broker() -> RegisterBrokerRecord {
    RegisterBrokerRecord {
        broker_id: 1,
        is_migrating_zk_broker: false,
        incarnation_id: id(0),
        broker_epoch: 42,
        end_points: vec![BrokerEndpoint {
            name: StrBytes::from_static_str("PLAINTEXT"),
            host: StrBytes::from_static_str("localhost"),
            port: 65000,
            security_protocol: 0,
        }],
        features: vec![BrokerFeature {
            name: StrBytes::from_static_str("metadata.version"),
            min_supported_version: 7,
            max_supported_version: 27,
        }],
        rack: None,
        fenced: true,
        in_controlled_shutdown: false,
        log_dirs: vec![id(0x10)],
        cordoned_log_dirs: None,
    }
}

fn brokers() -> Vec<(&'static str, Record)> {
    let unfenced = BrokerRegistrationChangeRecord {
        broker_id: 1,
        broker_epoch: 42,
        fenced: -1,
        ..Default::default()
    };
    let everything = BrokerRegistrationChangeRecord {
        fenced: 1,
        in_controlled_shutdown: 1,
        log_dirs: vec![id(0x10), id(0x20)],
        ..unfenced.clone()
    };
    vec![
        (
            "0100030000000100000102030405060708090a0b0c0d0e0f000000000000002a020a504c41494e5445\
             58540a6c6f63616c686f7374fde800000002116d657461646174612e76657273696f6e0007001b0000\
             010001001102101112131415161718191a1b1c1d1e1f",
            Record::RegisterBroker(broker()),
        ),
        ("01110000000001000000000000002a010001ff", Record::BrokerRegistrationChange(unfenced)),
        (
            "01110200000001000000000000002a0300010101010102210310111213141516171819\
             1a1b1c1d1e1f202122232425262728292a2b2c2d2e2f",
            Record::BrokerRegistrationChange(everything),
        ),
    ]
}

#[test]
fn what_kafka_writes_is_read_and_written_alike() {
    for (hex, record) in written() {
        assert_eq!(Record::decode(&bytes(hex)).as_ref(), Ok(&record), "{hex}");
        assert_eq!(record.encode(level(27)), Ok(bytes(hex)), "{record:?}");
    }
}

#[test]
fn older_versions_are_read() {
    let old_partition =
        PartitionRecord { leader_recovery_state: 1, directories: vec![], ..partition() };
    let unchanged =
        PartitionChangeRecord { partition_id: 3, topic_id: id(0), ..Default::default() };
    let old_broker = |in_controlled_shutdown, is_migrating_zk_broker| RegisterBrokerRecord {
        rack: Some(StrBytes::from_static_str("r1")),
        fenced: false,
        in_controlled_shutdown,
        is_migrating_zk_broker,
        log_dirs: vec![],
        ..broker()
    };
    for (hex, record) in [
        (
            "01030000000003000102030405060708090a0b0c0d0e0f020000000102000000010101000000010000\
             00000000000001000101",
            Record::Partition(old_partition),
        ),
        (
            "01030100000003000102030405060708090a0b0c0d0e0f020000000102000000010101000000010000\
             00000000000002101112131415161718191a1b1c1d1e1f00",
            Record::Partition(partition()),
        ),
        ("01050000000003000102030405060708090a0b0c0d0e0f00", Record::PartitionChange(unchanged)),
        (
            "01000000000001000102030405060708090a0b0c0d0e0f000000000000002a020a504c41494e544558\
             540a6c6f63616c686f7374fde800000002116d657461646174612e76657273696f6e0007001b000372\
             310000",
            Record::RegisterBroker(old_broker(false, false)),
        ),
        (
            "01000100000001000102030405060708090a0b0c0d0e0f000000000000002a020a504c41494e544558\
             540a6c6f63616c686f7374fde800000002116d657461646174612e76657273696f6e0007001b000372\
             31000100",
            Record::RegisterBroker(old_broker(true, false)),
        ),
        (
            "0100020000000101000102030405060708090a0b0c0d0e0f000000000000002a020a504c41494e5445\
             58540a6c6f63616c686f7374fde800000002116d657461646174612e76657273696f6e0007001b0003\
             7231000000",
            Record::RegisterBroker(old_broker(false, true)),
        ),
    ] {
        assert_eq!(Record::decode(&bytes(hex)), Ok(record), "{hex}");
    }
}

#[test]
fn cordoned_log_directories_are_read_and_written() {
    // RegisterBrokerRecord 4 with tag 1 null; BrokerRegistrationChangeRecord 3 with tag 3 empty.
    let registered = "0100040000000100000102030405060708090a0b0c0d0e0f000000000000002a0101000000\
                      01010100";
    let Ok(Record::RegisterBroker(record)) = Record::decode(&bytes(registered)) else {
        panic!("{:?}", Record::decode(&bytes(registered)));
    };
    assert_eq!((record.broker_id, record.broker_epoch, record.log_dirs.len()), (1, 42, 0));
    let changed = "01110300000001000000000000002a01030101";
    let wanted = BrokerRegistrationChangeRecord::default()
        .with_broker_id(1)
        .with_broker_epoch(42)
        .with_cordoned_log_dirs(Some(Vec::new()));
    let wanted = Record::BrokerRegistrationChange(wanted);
    assert_eq!(Record::decode(&bytes(changed)).as_ref(), Ok(&wanted));
    assert_eq!(wanted.encode(level(33)), Ok(bytes(changed)));
}

#[test]
fn a_record_cut_short_or_running_on_is_an_error() {
    for (hex, _) in written() {
        let whole = bytes(hex);
        for end in 0..whole.len() {
            assert!(Record::decode(&whole.slice(..end)).is_err(), "{hex} cut to {end}");
        }
        let longer = [&whole[..], &[0]].concat();
        let error = Record::decode(&longer.into()).unwrap_err().to_string();
        assert!(error.contains("1 bytes after its end"), "{error}");
    }
}

#[test]
fn no_change_of_a_byte_makes_it_panic() {
    for (hex, _) in written() {
        let whole = bytes(hex);
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut changed = whole.to_vec();
                changed[at] = value;
                let _ = Record::decode(&changed.into());
            }
        }
    }
}

#[test]
fn what_a_later_kafka_wrote_is_refused_by_name() {
    let error = Record::decode(&bytes("011e00")).unwrap_err();
    assert_eq!(error.to_string(), "a metadata record of the unknown type 30");
    let error = Record::decode(&bytes("010201")).unwrap_err();
    assert_eq!(error.to_string(), "TopicRecord version 1, but only versions up to 0 are supported");
    assert_eq!(Record::decode(&bytes("020200")), Err(RecordError::FrameVersion(2)));
}

#[test]
fn every_type_of_kafka_4_4_is_known_and_no_other() {
    let is_unknown = |kind: &u32| {
        let decoded = Record::decode(&frame(*kind, 0).freeze());
        matches!(decoded, Err(RecordError::Kind(_)))
    };
    let unknown: Vec<u32> = (0..34).filter(is_unknown).collect();
    assert_eq!(unknown, [6, 13, 16, 30, 31, 32, 33]);
}

#[test]
fn records_are_written_in_the_versions_of_the_directorys_level() {
    let version_at = |record: &Record, number| {
        let encoded = record.encode(level(number)).unwrap();
        let decoded = Record::decode(&encoded).unwrap();
        (encoded[2], decoded == *record)
    };
    let created = partition_record(id(0), 3, 1, id(0x10));
    let versions = [7, 17, 23, 33].map(|number| version_at(&created, number));
    assert_eq!(versions, [(0, false), (1, true), (2, true), (2, true)], "0 names no directory");
    let registered = Record::RegisterBroker(broker());
    assert_eq!([29, 33].map(|number| version_at(&registered, number)), [(3, true), (4, true)]);
}
