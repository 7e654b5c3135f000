//! What every handler is given: who asks, from where, in which version; and the broker.

use std::net::SocketAddr;
use std::sync::Arc;

use kafka_protocol::protocol::StrBytes;

use crate::broker::advertised::ListenerPeer;
use crate::broker::state::Broker;
use crate::handlers::memory::RequestAllowance;
use crate::handlers::request_cost::RequestCost;
use crate::quotas::limits::ClientEntity;
use crate::wire::response::CloseReason;

/// Who everybody is without authentication (Kafka: `KafkaPrincipal.ANONYMOUS`).
pub const ANONYMOUS: &str = "ANONYMOUS";

/// One request's circumstances.
#[derive(Debug)]
pub struct Context {
    /// The broker.
    pub broker: Arc<Broker>,
    /// The version of the request.
    pub version: i16,
    /// What the answer must carry.
    pub correlation_id: i32,
    /// What the client calls itself.
    pub client_id: Option<StrBytes>,
    /// Where the client connected from.
    pub peer: SocketAddr,
    /// How the client came in.
    pub listener_peer: ListenerPeer,
    /// What it has cost until now.
    pub cost: RequestCost,
    /// Memory that is held for the request and for its answer.
    pub memory: RequestAllowance,
}

impl Context {
    /// Host and port that this client is told.
    pub fn advertised(&self) -> (StrBytes, i32) {
        let to = self.broker.advertised.address_for(self.listener_peer);
        (StrBytes::from_string(to.host), i32::from(to.port))
    }

    /// Holds memory for an answer of as many bytes, what is held for it already included.
    ///
    /// # Errors
    /// There is none.
    pub async fn hold_response(&self, bytes: usize) -> Result<(), CloseReason> {
        self.memory.hold_response(&self.broker, bytes).await
    }

    /// Who asks, as quotas know it.
    pub fn client_entity(&self) -> ClientEntity<'_> {
        ClientEntity { user: ANONYMOUS, client_id: self.client_id.as_deref().unwrap_or_default() }
    }

    /// The broker's id.
    pub fn node_id(&self) -> i32 {
        self.broker.config.node_id
    }
}
