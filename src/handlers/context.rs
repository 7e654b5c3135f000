//! What every handler receives: the broker, the client's session, and the request's header, its
//! cost and its memory.

use std::sync::{Arc, OnceLock};

use kafka_protocol::protocol::StrBytes;

use crate::broker::state::Broker;
use crate::handlers::memory::RequestAllowance;
use crate::handlers::request_cost::RequestCost;
use crate::handlers::session::Session;
use crate::quotas::limits::ClientEntity;
use crate::wire::response::CloseReason;

/// The context of one request.
#[derive(Debug)]
pub struct Context<'a> {
    /// The broker.
    pub broker: &'a Arc<Broker>,
    /// The client's session.
    pub session: &'a Session,
    /// The session from the next request on, if this one changes it.
    pub next_session: OnceLock<Box<Session>>,
    /// The version of the request.
    pub version: i16,
    /// The correlation id that the response has to carry.
    pub correlation_id: i32,
    /// The client id.
    pub client_id: Option<StrBytes>,
    /// The cost of the request so far.
    pub cost: RequestCost,
    /// The memory that is reserved for the request and its response.
    pub memory: RequestAllowance,
}

impl Context<'_> {
    /// Returns the host and port that are advertised to this client.
    pub fn advertised(&self) -> (StrBytes, i32) {
        let to = self.broker.advertised.address_for(self.session.listener);
        (StrBytes::from_string(to.host), i32::from(to.port))
    }

    /// Reserves memory for a response of `bytes` bytes, including what is reserved for it already.
    ///
    /// # Errors
    ///
    /// Returns an error if no memory is available.
    pub async fn hold_response(&self, bytes: usize) -> Result<(), CloseReason> {
        self.memory.hold_response(self.broker, bytes).await
    }

    /// Returns the client as quotas identify it.
    pub fn client_entity(&self) -> ClientEntity<'_> {
        let client_id = self.client_id.as_deref().unwrap_or_default();
        ClientEntity { user: self.session.user(), client_id }
    }

    /// Returns the broker id.
    pub fn node_id(&self) -> i32 {
        self.broker.config.node_id
    }
}
