//! What every handler receives: the client, its listener, the request version, and the broker.

use std::net::SocketAddr;
use std::sync::Arc;

use kafka_protocol::protocol::StrBytes;

use crate::broker::advertised::ListenerPeer;
use crate::broker::state::Broker;
use crate::handlers::memory::RequestAllowance;
use crate::handlers::request_cost::RequestCost;
use crate::quotas::limits::ClientEntity;
use crate::wire::response::CloseReason;

/// The principal of every client without authentication (Kafka: `KafkaPrincipal.ANONYMOUS`).
pub const ANONYMOUS: &str = "ANONYMOUS";

/// The context of one request.
#[derive(Debug)]
pub struct Context {
    /// The broker.
    pub broker: Arc<Broker>,
    /// The version of the request.
    pub version: i16,
    /// The correlation id that the response has to carry.
    pub correlation_id: i32,
    /// The client id.
    pub client_id: Option<StrBytes>,
    /// The address from which the client connected.
    pub peer: SocketAddr,
    /// The listener that the client connected to.
    pub listener_peer: ListenerPeer,
    /// The cost of the request so far.
    pub cost: RequestCost,
    /// The memory that is reserved for the request and its response.
    pub memory: RequestAllowance,
}

impl Context {
    /// Returns the host and port that are advertised to this client.
    pub fn advertised(&self) -> (StrBytes, i32) {
        let to = self.broker.advertised.address_for(self.listener_peer);
        (StrBytes::from_string(to.host), i32::from(to.port))
    }

    /// Reserves memory for a response of `bytes` bytes, including what is reserved for it already.
    ///
    /// # Errors
    ///
    /// Returns an error if no memory is available.
    pub async fn hold_response(&self, bytes: usize) -> Result<(), CloseReason> {
        self.memory.hold_response(&self.broker, bytes).await
    }

    /// Returns the client as quotas identify it.
    pub fn client_entity(&self) -> ClientEntity<'_> {
        ClientEntity { user: ANONYMOUS, client_id: self.client_id.as_deref().unwrap_or_default() }
    }

    /// Returns the broker id.
    pub fn node_id(&self) -> i32 {
        self.broker.config.node_id
    }
}
