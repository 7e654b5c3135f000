//! The options that can change while the broker runs, except the defaults of topics.
//!
//! An option belongs here rather than in `BrokerConfig` if its row says [`Change::Live`]; its users
//! read it each time.
//!
//! [`Change::Live`]: crate::config::entry::Change::Live

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::config::cleaner::CleanerConfig;
use crate::config::layers::Layers;
use crate::config::scrub::ScrubConfig;
use crate::config::topic_limits::TopicLimits;
use crate::config::{connections, formats, transaction};

/// The broker's options that can change while it runs.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveConfig {
    /// `max.connections`: maximum number of connections over all listeners.
    pub max_connections: i32,
    /// `max.connections.per.ip`: maximum number of connections from one address.
    pub max_connections_per_ip: i32,
    /// True if it has been set: it then applies to this machine's own addresses as well.
    pub is_per_ip_set: bool,
    /// `max.connections.per.ip.overrides`: the same for single addresses.
    pub max_connections_per_ip_overrides: BTreeMap<IpAddr, i32>,
    /// The options of compaction.
    pub cleaner: CleanerConfig,
    /// The options of the search for damage.
    pub scrub: ScrubConfig,
    /// The limits of topics.
    pub topics: TopicLimits,
    /// `transaction.partition.verification.enable`.
    pub verifies_transactions: bool,
}

impl Default for LiveConfig {
    /// Returns the defaults.
    fn default() -> LiveConfig {
        LiveConfig::resolve(&Layers::default())
    }
}

impl LiveConfig {
    /// Resolves the options.
    pub fn resolve(layers: &Layers) -> LiveConfig {
        let overrides = connections::MAX_CONNECTIONS_PER_IP_OVERRIDES.resolve(layers);
        LiveConfig {
            max_connections: connections::MAX_CONNECTIONS.resolve(layers),
            max_connections_per_ip: connections::MAX_CONNECTIONS_PER_IP.resolve(layers),
            is_per_ip_set: layers.find(connections::MAX_CONNECTIONS_PER_IP.broker).is_some(),
            max_connections_per_ip_overrides: formats::per_address(&overrides).unwrap_or_default(),
            cleaner: CleanerConfig::resolve(layers),
            scrub: ScrubConfig::resolve(layers),
            topics: TopicLimits::resolve(layers),
            verifies_transactions: transaction::TRANSACTION_PARTITION_VERIFICATION_ENABLE
                .resolve(layers),
        }
    }

    /// Returns the maximum number of connections from this address.
    pub fn max_connections_from(&self, address: IpAddr) -> i32 {
        let own = self.max_connections_per_ip_overrides.get(&address);
        match own {
            Some(own) => *own,
            None if address.is_loopback() && !self.is_per_ip_set => i32::MAX,
            None => self.max_connections_per_ip,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_for_one_address_does_not_hold_for_this_machine() {
        let live = LiveConfig::default();
        let of =
            |live: &LiveConfig, address: &str| live.max_connections_from(address.parse().unwrap());
        assert_eq!(
            ["10.0.0.1", "127.0.0.2", "::1"].map(|a| of(&live, a)),
            [5000, i32::MAX, i32::MAX]
        );
        let set = LiveConfig { max_connections_per_ip: 7, is_per_ip_set: true, ..live };
        assert_eq!(["10.0.0.1", "127.0.0.2", "::1"].map(|a| of(&set, a)), [7; 3]);
    }
}
