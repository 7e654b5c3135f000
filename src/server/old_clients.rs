//! Clients that assume an older broker: their requests are refused, and the log says what to
//! configure.
//!
//! A client that does not send ApiVersions (KIP-35), or falls back when it gets no response, uses
//! the versions of the broker named in its configuration: Produce 1 for 0.9.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::handlers::table::APIS;
use crate::wire::header::RequestHeader;

/// The size of the set, in words of 64 bits: as many lines are logged at most as it has bits.
const WORDS: usize = 16;

/// The clients that were logged, as a set of hashes: of clients whose hashes collide only one is
/// logged, and no more than 1024 in all.
#[derive(Debug, Default)]
pub struct OldClients {
    named: [AtomicU64; WORDS],
}

impl OldClients {
    /// Logs, once for each client id and API, that a version is refused because it is too old, and
    /// what to configure. Other unsupported versions are ignored.
    pub fn refused(&self, peer: SocketAddr, header: &RequestHeader) {
        let Some(api) = APIS.iter().find(|api| api.key == header.api_key) else { return };
        let client_id = header.client_id.as_deref().unwrap_or_default();
        if header.api_version >= *api.versions.start() || !self.is_first(api.key, client_id) {
            return;
        }
        let (version, served_from, set) =
            (header.api_version, api.versions.start(), hint(client_id));
        tracing::warn!(%peer, client_id, api = api.name, version, served_from, set,
            "request refused: the client assumes a broker before Kafka 0.11");
    }

    fn is_first(&self, key: i16, client_id: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        (key, client_id).hash(&mut hasher);
        let hash = hasher.finish();
        let (word, bit) = ((hash >> 6) as usize % WORDS, 1 << (hash % 64));
        self.named[word].fetch_or(bit, Ordering::Relaxed) & bit == 0
    }
}

/// Returns what to configure, by the default client ids of client libraries.
fn hint(client_id: &str) -> &'static str {
    let is_of = |names: &[&str]| names.iter().any(|name| client_id.starts_with(name));
    if is_of(&["rdkafka"]) {
        "api.version.request=true, and no broker.version.fallback below 0.11.0"
    } else if is_of(&["kafka-python", "aiokafka"]) {
        "no api_version, or one of (0, 11) or later"
    } else if is_of(&["sarama"]) {
        "Config.Version to V0_11_0_0 or later"
    } else {
        "librdkafka: api.version.request=true, and no broker.version.fallback below 0.11.0; \
         kafka-python and aiokafka: no api_version below (0, 11); Sarama: Config.Version to \
         V0_11_0_0 or later"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_named_once_for_each_api() {
        let clients = OldClients::default();
        assert!(clients.is_first(0, "a") && clients.is_first(1, "a") && clients.is_first(0, "b"));
        assert!(!clients.is_first(0, "a") && !clients.is_first(1, "a"));
        let named = (0..100_000).filter(|n| clients.is_first(0, &n.to_string())).count();
        assert!(named <= 64 * WORDS);
    }

    #[test]
    fn what_to_set_depends_on_the_client() {
        assert!(hint("rdkafka").starts_with("api.version.request=true"));
        assert!(hint("kafka-python-2.0.2").contains("api_version"));
        assert!(hint("aiokafka-0.12.0").contains("api_version"));
        assert!(hint("sarama").contains("Config.Version"));
        for library in ["librdkafka", "kafka-python", "Sarama"] {
            assert!(hint("orders-service").contains(library));
        }
    }
}
