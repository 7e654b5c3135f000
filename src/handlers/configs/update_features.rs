//! UpdateFeatures (57): changes the levels of features (KIP-584, KIP-1022).
//!
//! * All features are changed or none; the error is that of the whole request.
//!
//! v0 a flag for downgrades · v1 upgrade types, and validation only · v2 no results per feature

use std::collections::{HashMap, HashSet};

use kafka_protocol::protocol::StrBytes;

use crate::handlers::api::Handler;
use crate::handlers::api_error::ApiError;
use crate::handlers::context::Context;
use crate::metadata::features::{Direction, FEATURES, FeatureUpdate, decide};
use crate::protocol::messages::update_features_request::FeatureUpdateKey;
use crate::protocol::messages::update_features_response::UpdatableFeatureResult;
use crate::protocol::messages::{UpdateFeaturesRequest, UpdateFeaturesResponse};

/// The handler.
pub struct UpdateFeatures;

impl Handler for UpdateFeatures {
    type Request = UpdateFeaturesRequest;

    async fn handle(cx: &Context<'_>, request: UpdateFeaturesRequest) -> UpdateFeaturesResponse {
        // If a feature is named more than once, the last one counts, as in Kafka.
        let last: HashMap<_, _> =
            request.feature_updates.iter().map(|key| (&key.feature, key)).collect();
        let mut seen = HashSet::new();
        let updates = request.feature_updates.iter().filter(|key| seen.insert(&key.feature));
        let updates: Vec<FeatureUpdate> = updates
            .filter_map(|key| last.get(&key.feature))
            .map(|key| update(cx.version, key))
            .collect();
        match change(cx, &updates, request.validate_only) {
            Ok(()) => {
                let results = updates.into_iter().filter(|_| cx.version < 2).map(|update| {
                    UpdatableFeatureResult::default()
                        .with_feature(StrBytes::from_string(update.name))
                        .with_error_message(None)
                });
                UpdateFeaturesResponse::default()
                    .with_error_message(None)
                    .with_results(results.collect())
            }
            Err(fault) => UpdateFeaturesResponse::default()
                .with_error_code(fault.code.code())
                .with_error_message(Some(StrBytes::from_string(fault.message))),
        }
    }
}

fn update(version: i16, key: &FeatureUpdateKey) -> FeatureUpdate {
    let direction = match (version, key.upgrade_type) {
        (0, _) if key.allow_downgrade => Direction::SafeDowngrade,
        (0, _) | (_, 1) => Direction::Upgrade,
        (_, 2) => Direction::SafeDowngrade,
        (_, 3) => Direction::UnsafeDowngrade,
        _ => Direction::Unknown,
    };
    FeatureUpdate { name: key.feature.to_string(), level: key.max_version_level, direction }
}

fn change(
    cx: &Context<'_>,
    updates: &[FeatureUpdate],
    validate_only: bool,
) -> Result<(), ApiError> {
    cx.broker.metadata.change(cx.broker.clock.now(), |image| {
        let records = decide(FEATURES, cx.node_id(), image, updates)?;
        Ok((if validate_only { Vec::new() } else { records }, ()))
    })
}
