//! What the broker runs by that may change while it runs, topics' defaults aside.
//!
//! An option belongs here, and not into `BrokerConfig`, if its row says [`Change::Live`]: then
//! whoever needs it asks for it each time.
//!
//! [`Change::Live`]: crate::config::entry::Change::Live

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::config::cleaner::CleanerConfig;
use crate::config::layers::Layers;
use crate::config::scrub::ScrubConfig;
use crate::config::topic_limits::TopicLimits;
use crate::config::{connections, formats};

/// The options of the broker that may change while it runs.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveConfig {
    /// `max.connections`: open connections over all listeners.
    pub max_connections: i32,
    /// `max.connections.per.ip`: open connections from one address.
    pub max_connections_per_ip: i32,
    /// True if somebody has set it: then it holds for this machine's own addresses, too.
    pub is_per_ip_set: bool,
    /// `max.connections.per.ip.overrides`: the same for some addresses.
    pub max_connections_per_ip_overrides: BTreeMap<IpAddr, i32>,
    /// What compaction may take.
    pub cleaner: CleanerConfig,
    /// What the search for damage may take.
    pub scrub: ScrubConfig,
    /// How many topics there may be.
    pub topics: TopicLimits,
}

impl Default for LiveConfig {
    /// Nothing is set.
    fn default() -> LiveConfig {
        LiveConfig::resolve(&Layers::default())
    }
}

impl LiveConfig {
    /// What the layers say.
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
        }
    }

    /// How many connections there may be from this address.
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
