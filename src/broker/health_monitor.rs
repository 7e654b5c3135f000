//! Reports offline components to `ottla ready` and the container's health check, and repeatedly in
//! the log.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::broker::health::{GROUP_COORDINATOR, METADATA_LOG, TRANSACTION_COORDINATOR};
use crate::broker::state::Broker;
use crate::topics::names::{CONSUMER_OFFSETS, TRANSACTION_STATE};

/// How often offline components are logged.
const REPEAT: Duration = Duration::from_secs(60);

impl Broker {
    /// Returns the offline components, with the cause.
    pub fn offline(&self) -> BTreeMap<&'static str, String> {
        let mut offline = self.health.offline.borrow().clone();
        let coordinators =
            [(GROUP_COORDINATOR, CONSUMER_OFFSETS), (TRANSACTION_COORDINATOR, TRANSACTION_STATE)];
        for (coordinator, topic) in coordinators {
            // It may not have written since its log failed.
            let log = self.topics.named(topic).and_then(|topic| topic.partition(0).cloned());
            if log.is_some_and(|log| log.is_offline()) {
                offline.entry(coordinator).or_insert_with(|| format!("{topic} is offline"));
            }
        }
        if let Some(why) = self.metadata.offline() {
            offline.insert(METADATA_LOG, why);
        }
        offline
    }
}

/// Logs the offline components, at once and every minute, until the broker stops.
pub async fn run(broker: Weak<Broker>) {
    let subscribe = |broker: Arc<Broker>| {
        let metadata = broker.metadata.changes();
        (broker.health.offline.subscribe(), metadata, broker.stopping())
    };
    let Some((mut parts, mut metadata, mut stopping)) = broker.upgrade().map(subscribe) else {
        return;
    };
    loop {
        let Some(offline) = broker.upgrade().map(|broker| broker.offline()) else { return };
        for (part, why) in &offline {
            tracing::error!(part, why, "offline until the next start");
        }
        tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => return,
            changed = parts.changed() => if changed.is_err() { return },
            changed = metadata.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(REPEAT), if !offline.is_empty() => {}
        }
    }
}
