//! One request: from its frame through its row of the API table to its response.

use std::sync::OnceLock;

use bytes::Bytes;

use crate::broker::memory_budget::MemoryPermit;
use crate::handlers::api::{Api, WaitsFor};
use crate::handlers::cluster::api_versions;
use crate::handlers::context::Context;
use crate::handlers::memory::RequestAllowance;
use crate::handlers::request_cost::RequestCost;
use crate::handlers::runner::{self, ChargedResponse};
use crate::handlers::session::Session;
use crate::handlers::table;
use crate::server::old_clients::OldClients;
use crate::server::shared::ServerState;
use crate::wire::header::{self, RequestHeader};
use crate::wire::response::{API_VERSIONS, CloseReason};

/// A request whose header has been read, and that may be answered.
#[derive(Debug)]
pub struct IncomingRequest {
    header: RequestHeader,
    /// Its row; `None` for an unknown version of ApiVersions, which is answered nevertheless.
    api: Option<&'static Api>,
    body: Bytes,
}

/// What follows from a request.
#[derive(Debug)]
pub struct RequestOutcome {
    /// The response to send.
    pub charged: ChargedResponse,
    /// The memory that is reserved for it.
    pub held: Option<MemoryPermit>,
    /// The session from now on, if the request has changed it.
    pub next_session: Option<Box<Session>>,
}

impl IncomingRequest {
    /// Reads the header of a frame and finds the row of its API.
    ///
    /// # Errors
    ///
    /// Returns an error for a request that is malformed, not supported, or not permitted before the
    /// client has authenticated.
    pub fn read(
        frame: Bytes,
        session: &Session,
        old_clients: &OldClients,
    ) -> Result<IncomingRequest, CloseReason> {
        let (header, body_from) =
            header::read(&frame).map_err(|error| CloseReason::Malformed(error.to_string()))?;
        let (key, version) = (header.api_key, header.api_version);
        let api = table::find(key, version);
        if api.is_none() && key != API_VERSIONS {
            old_clients.refused(session.peer, &header);
            return Err(CloseReason::Malformed(format!(
                "version {version} of API key {key} is not supported"
            )));
        }
        if let Some(api) = api
            && !api.before_authentication
            && session.principal().is_none()
        {
            return Err(CloseReason::Unauthenticated(api.name));
        }
        let body = frame.slice(body_from..);
        Ok(IncomingRequest { header, api, body })
    }

    /// Returns true if the request waits for others for as long as its client chooses.
    pub fn waits_for_others(&self) -> bool {
        self.api.is_some_and(|api| api.waits_for == WaitsFor::Others)
    }

    /// Answers the request.
    ///
    /// # Errors
    ///
    /// Returns an error if the connection must be closed instead.
    pub async fn answer(
        self,
        shared: &ServerState,
        session: &Session,
    ) -> Result<RequestOutcome, CloseReason> {
        let IncomingRequest { header, api, body } = self;
        let Some(api) = api else {
            let response = api_versions::unsupported(header.correlation_id, table::APIS)?;
            let charged = ChargedResponse { response, mute_ms: 0, payer: None };
            return Ok(RequestOutcome { charged, held: None, next_session: None });
        };
        let version = header.api_version;
        // A request that may wait long takes no turns.
        let takes_turns = api.waits_for == WaitsFor::Nothing;
        let cx = Context {
            broker: &shared.broker,
            session,
            next_session: OnceLock::new(),
            version,
            correlation_id: header.correlation_id,
            client_id: header.own_client_id(),
            cost: RequestCost::new(api.quota, body.len()),
            memory: RequestAllowance::new(api.memory_factor, takes_turns),
        };
        let charged = runner::run(&cx, api, body).await?;
        Ok(RequestOutcome {
            charged,
            held: cx.memory.into_response(),
            next_session: cx.next_session.into_inner(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::advertised::ListenerPeer;
    use crate::handlers::session::Authentication;

    fn frame(key: i16, version: i16) -> Bytes {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&key.to_be_bytes());
        bytes.extend_from_slice(&version.to_be_bytes());
        // Correlation id, no client id, no tags.
        bytes.extend_from_slice(&[0, 0, 0, 7, 0xff, 0xff, 0]);
        Bytes::from(bytes)
    }

    #[test]
    fn before_authentication_only_what_leads_to_it_is_served() {
        let at = "127.0.0.1:9092".parse().unwrap();
        let listener = ListenerPeer { listener: 0, at, through_gateway: false };
        let complete = Session::plaintext(listener, at);
        let pending = Session { authentication: Authentication::Pending, ..complete.clone() };
        let old_clients = OldClients::default();
        for api in table::APIS {
            let frame = frame(api.key, *api.versions.end());
            assert!(IncomingRequest::read(frame.clone(), &complete, &old_clients).is_ok());
            let outcome = IncomingRequest::read(frame, &pending, &old_clients);
            match api.name {
                "ApiVersions" => assert!(outcome.is_ok()),
                _ => assert!(
                    matches!(outcome, Err(CloseReason::Unauthenticated(name)) if name == api.name)
                ),
            }
        }
    }
}
