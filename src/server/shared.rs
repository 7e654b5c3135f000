//! The state that all connections of a broker share: connection limits, request memory, and rate
//! limits for log lines that clients can provoke.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rustix::process::{Resource, getrlimit};

use crate::broker::state::Broker;
use crate::server::connection_limits::{
    ConnectionLimits, ConnectionPermit, LimitReached, MaxConnections,
};
use crate::server::log_limit::LogLimit;
use crate::server::old_clients::OldClients;
use crate::server::request_permit::SharedRequestMemory;
use crate::storage::fd_cache::files_within;

/// File descriptors used neither for connections nor for files of the data directory.
const OTHER_DESCRIPTORS: u64 = 16;

/// The state that all connections share.
#[derive(Debug)]
pub struct ServerState {
    /// The broker.
    pub broker: Arc<Broker>,
    /// The memory of their requests.
    pub memory: Arc<SharedRequestMemory>,
    /// The old clients that were logged.
    pub old_clients: OldClients,
    places: Arc<ConnectionLimits>,
    /// How many connections there are file descriptors for.
    sockets: i32,
    refused: LogLimit,
    closed: LogLimit,
    failed: LogLimit,
}

impl ServerState {
    /// Returns the state of a broker without connections.
    pub fn new(broker: Arc<Broker>) -> ServerState {
        let budget = usize::try_from(broker.config.queued_max_request_bytes).unwrap_or(1);
        let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let sockets = limit.saturating_sub(files_within(limit) as u64 + OTHER_DESCRIPTORS).max(1);
        ServerState {
            memory: Arc::new(SharedRequestMemory::new(budget, broker.clock.clone())),
            old_clients: OldClients::default(),
            places: Arc::default(),
            sockets: i32::try_from(sockets).unwrap_or(i32::MAX),
            refused: LogLimit::default(),
            closed: LogLimit::default(),
            failed: LogLimit::default(),
            broker,
        }
    }

    /// Returns the time for permits and log limits, in ms.
    pub fn now_ms(&self) -> i64 {
        self.broker.clock.mono_ms()
    }

    /// Returns a permit for a client, or `None` if it must be refused.
    pub fn acquire_permit(&self, peer: SocketAddr) -> Option<ConnectionPermit> {
        let now_ms = self.now_ms();
        match self.places.acquire(peer.ip(), self.limits(peer.ip()), now_ms) {
            Ok(place) => {
                if let Some(taking) = place.evicted()
                    && let Some(more) = self.closed.admit(now_ms)
                {
                    let (from, option, most) = (taking.from, taking.limit.option, taking.limit.max);
                    tracing::warn!(peer = %from, new_peer = %peer, suppressed = more,
                        "closed the least recently used connection of the address with the most \
                         connections ({option}={most})");
                }
                Some(place)
            }
            Err(LimitReached { option, max: most }) => {
                if let Some(more) = self.refused.admit(now_ms) {
                    tracing::warn!(%peer, suppressed = more,
                        "connection limit reached ({option}={most})");
                }
                None
            }
        }
    }

    fn limits(&self, address: IpAddr) -> MaxConnections {
        let settings = self.broker.settings.now();
        let live = settings.live();
        let all = match live.max_connections {
            most if most <= self.sockets => (most, "max.connections"),
            _ => (self.sockets, "open files (ulimit -n)"),
        };
        MaxConnections {
            total: all,
            per_address: live.max_connections_from(address.to_canonical()),
        }
    }

    /// Logs that the operating system refuses connections.
    pub fn cannot_accept(&self, error: &io::Error) {
        if let Some(more) = self.failed.admit(self.now_ms()) {
            tracing::warn!(%error, suppressed = more, "could not accept connections");
        }
    }
}
