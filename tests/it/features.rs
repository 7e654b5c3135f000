//! Features: what is advertised, what is finalized, and how a level is changed.

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::update_features_request::FeatureUpdateKey;
use kafka_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse, UpdateFeaturesRequest};

use crate::client::{Client, text};
use crate::fixtures::opened;
use crate::harness::Ottla;

/// The ways in which a level may change (`FeatureUpdate.UpgradeType`).
const UPGRADE: i8 = 1;
const SAFE_DOWNGRADE: i8 = 2;

async fn versions(client: &mut Client, version: i16) -> ApiVersionsResponse {
    let request = ApiVersionsRequest::default()
        .with_client_software_name(text("it"))
        .with_client_software_version(text("1"));
    client.call(version, &request).await
}

fn update(name: &str, level: i16, way: i8) -> UpdateFeaturesRequest {
    let key = FeatureUpdateKey::default()
        .with_feature(text(name))
        .with_max_version_level(level)
        .with_upgrade_type(way);
    UpdateFeaturesRequest::default().with_feature_updates(vec![key])
}

/// The finalized levels.
async fn finalized(client: &mut Client) -> Vec<(String, i16)> {
    let answer = versions(client, 4).await;
    let levels = answer.finalized_features.iter();
    levels.map(|one| (one.name.to_string(), one.max_version_level)).collect()
}

/// Returns these levels of `group.version`, `metadata.version` and `transaction.version`, except
/// those that are 0.
fn levels(group: i16, metadata: i16, transaction: i16) -> Vec<(String, i16)> {
    let names = ["group.version", "metadata.version", "transaction.version"];
    let levels = names.map(str::to_owned).into_iter().zip([group, metadata, transaction]);
    levels.filter(|(_, level)| *level > 0).collect()
}

#[tokio::test]
async fn features_are_advertised_and_only_supported_levels_are_accepted() {
    let mut ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let mut epochs = Vec::new();
    for version in 3..=4 {
        let answer = versions(&mut client, version).await;
        let supported: Vec<_> = answer
            .supported_features
            .iter()
            .map(|one| (one.name.to_string(), one.min_version, one.max_version))
            .collect();
        let mut expected = [
            ("group.version".to_owned(), 0, 1),
            ("metadata.version".to_owned(), 7, 33),
            ("transaction.version".to_owned(), 0, 2),
        ]
        .to_vec();
        // Version 3 has no features with a lowest level of 0.
        expected.retain(|(_, least, _)| version == 4 || *least > 0);
        assert_eq!(supported, expected);
        epochs.push(answer.finalized_features_epoch);
    }
    assert!(epochs[0] > 0 && epochs[0] == epochs[1]);
    let answer = client.call(1, &update("metadata.version", 33, UPGRADE)).await;
    assert_eq!((answer.error_code, answer.results.len()), (0, 1));
    let answer = client.call(2, &update("metadata.version", 33, UPGRADE)).await;
    assert_eq!((answer.error_code, answer.results.len()), (0, 0));
    for (name, level, way, wanted) in [
        ("metadata.version", 34, UPGRADE, "Local controller 1 only supports versions 7-33"),
        (
            "metadata.version",
            27,
            SAFE_DOWNGRADE,
            "Unsupported metadata.version downgrade from 33 to 27. ",
        ),
        ("group.version", 2, UPGRADE, "Local controller 1 only supports versions 0-1"),
        ("share.version", 1, UPGRADE, "Local controller 1 does not support this feature."),
    ] {
        let answer = client.call(2, &update(name, level, way)).await;
        assert_eq!(answer.error_code, Code::InvalidUpdateVersion.code());
        let why = answer.error_message.unwrap();
        assert!(why.contains(wanted), "{why}");
    }
    assert_eq!(client.call(2, &update("share.version", 0, SAFE_DOWNGRADE)).await.error_code, 0);
    assert_eq!(finalized(&mut client).await, levels(1, 33, 2));
    client.create("t", 1, &[]).await;
    drop(client);
    ottla.restart().await;
    let answer = versions(&mut ottla.client().await, 4).await;
    assert!(answer.finalized_features_epoch > epochs[0], "it never goes back");
}

#[tokio::test]
async fn a_directory_keeps_its_level_until_a_client_changes_it() {
    let kept = [("kafka-3.9", 0, 21, 0), ("kafka-4.1", 1, 27, 2), ("ottla-0.1", 0, 27, 0)];
    for (fixture, groups, level, transactions) in kept {
        let mut ottla = opened(fixture, |_| ()).await;
        let mut client = ottla.client().await;
        assert_eq!(finalized(&mut client).await, levels(groups, level, transactions), "{fixture}");
        let dry_run = update("metadata.version", 33, UPGRADE).with_validate_only(true);
        assert_eq!(client.call(2, &dry_run).await.error_code, 0);
        assert_eq!(finalized(&mut client).await, levels(groups, level, transactions), "{fixture}");
        let upgrade = update("metadata.version", 33, UPGRADE);
        assert_eq!(client.call(2, &upgrade).await.error_code, 0);
        drop(client);
        ottla.restart().await;
        let mut client = ottla.client().await;
        assert_eq!(finalized(&mut client).await, levels(groups, 33, transactions), "{fixture}");
    }
}

#[tokio::test]
async fn the_protocol_of_consumer_groups_can_be_turned_off_and_on() {
    let mut ottla = Ottla::start().await;
    for (level, way) in [(0, SAFE_DOWNGRADE), (1, UPGRADE)] {
        let mut client = ottla.client().await;
        assert_eq!(client.call(2, &update("group.version", level, way)).await.error_code, 0);
        assert_eq!(finalized(&mut client).await, levels(level, 33, 2));
        assert_eq!(ottla.broker().serves_consumer_groups(), level == 1);
        drop(client);
        ottla.restart().await;
        assert_eq!(finalized(&mut ottla.client().await).await, levels(level, 33, 2));
    }
    let classic = [("group.coordinator.rebalance.protocols", "classic")];
    let ottla = Ottla::with(&classic).await;
    assert_eq!(ottla.broker().group_version(), 1);
    assert!(!ottla.broker().serves_consumer_groups());
}

#[tokio::test]
async fn what_a_newer_kafka_has_finalized_stays_and_is_not_advertised() {
    let mut ottla = opened("kafka-4.4", |_| ()).await;
    for _ in 0..2 {
        let mut client = ottla.client().await;
        assert_eq!(finalized(&mut client).await, levels(1, 33, 2));
        let levels = &ottla.broker().image().features;
        let level = |name| levels.get(name).copied();
        let names = ["group.version", "transaction.version", "share.version", "streams.version"];
        assert_eq!(names.map(level), [Some(1), Some(2), Some(2), Some(1)]);
        drop(client);
        ottla.restart().await;
    }
}
