//! Settings that promise an effect have it, or are refused as Apache Kafka refuses them.

use crate::administration::{SET, alter};
use crate::broker_configs::{BROKER, DELETE, INVALID_CONFIG, INVALID_REQUEST, do_set, found, set};
use crate::client::creation;
use crate::daemon::{complains, ottla, text};
use crate::harness::Ottla;

#[tokio::test]
async fn a_topic_cannot_be_kept_in_a_remote_store_that_there_is_not() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[("remote.storage.enable", "false")]).await;
    let why = "Tiered Storage functionality is disabled in the broker. Topic cannot be configured \
               with remote log storage.";
    for value in ["true", "TRUE"] {
        let altered = alter(&mut client, "t", &[("remote.storage.enable", SET, value)]).await;
        assert_eq!(altered, (INVALID_CONFIG, why.to_owned()));
    }
    let request = creation("u", 1, &[("remote.storage.enable", "true")]);
    let created = client.call(7, &request).await.topics.remove(0);
    assert_eq!(created.error_code, INVALID_CONFIG);
    assert_eq!(created.error_message.as_deref(), Some(why));
    // What says how a remote store is used is taken, as Kafka takes it.
    for name in ["remote.log.copy.disable", "remote.log.delete.on.disable"] {
        assert_eq!(alter(&mut client, "t", &[(name, SET, "true")]).await.0, 0);
    }
}

#[tokio::test]
async fn a_running_broker_refuses_what_kafka_refuses() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    for of in ["1", ""] {
        for (name, value, why) in [
            ("log.retention.ms", "0", "log.retention.ms"),
            ("num.io.threads", "3", "at least half the current value 8"),
            ("num.io.threads", "17", "not be greater than double the current value 8"),
            ("num.network.threads", "7", "double the current value 3"),
            ("num.recovery.threads.per.data.dir", "5", "double the current value 2"),
            ("background.threads", "4", "half the current value 10"),
            ("log.cleaner.threads", "0", "log.cleaner.threads"),
            ("log.cleaner.threads", "3", "double the current value 1"),
            ("log.local.retention.ms", "-1", "log.retention.ms value is set as 604800000."),
            ("log.local.retention.ms", "604800001", "must not be more than log.retention.ms"),
        ] {
            let (code, message) = set(&mut client, BROKER, of, name, value).await;
            assert_eq!(code, INVALID_REQUEST, "{name}={value}");
            assert!(message.contains(why), "{name}={value}: {message}");
            assert_eq!(found(&mut client, BROKER, "1", name).await.config_source, 5, "{name}");
        }
        for (name, value) in [("num.io.threads", "4"), ("log.retention.ms", "-1")] {
            do_set(&mut client, BROKER, of, name, value).await;
            crate::broker_configs::alter(&mut client, BROKER, of, &[(name, DELETE, "")]).await;
        }
    }
    // From 4 on, 2 is the half; and back to 8 is more than the double of it.
    for value in ["4", "2"] {
        do_set(&mut client, BROKER, "1", "num.io.threads", value).await;
    }
    let back = [("num.io.threads", DELETE, "")];
    let back = crate::broker_configs::alter(&mut client, BROKER, "1", &back).await;
    assert_eq!(back.0, INVALID_REQUEST, "{}", back.1);
}

#[test]
fn a_start_refuses_what_kafka_refuses() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    for (pair, why) in [
        ("log.retention.ms=0", "-1 (for ever), or at least 1"),
        ("log.retention.hours=0", "-1 (for ever), or at least 1"),
        ("log.cleaner.threads=0", "from 1 to"),
        ("group.consumer.session.timeout.ms=60001", "group.consumer.max.session.timeout.ms"),
        ("group.consumer.assignors=uniform,sticky", "uniform, range"),
        ("group.consumer.migration.policy=sideways", "bidirectional"),
        ("group.coordinator.rebalance.protocols=consumer", "a list with classic in it"),
        ("group.share.record.lock.duration.ms=14999", "group.share.min.record.lock.duration.ms"),
        ("group.streams.num.standby.replicas=3", "group.streams.max.standby.replicas"),
    ] {
        let (name, _) = pair.split_once('=').unwrap();
        complains(&mut ottla(&["--data-dir", text(&data), "--set", pair]), &[name, "--set", why]);
    }
    assert!(!data.exists(), "nothing is touched");
}
