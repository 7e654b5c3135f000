//! One client's connection: requests in, responses out, in order.
//!
//! **Invariant:** one request is answered before the next is begun, as in Kafka: this keeps
//! responses in order and an idempotent producer's batches in sequence. While further complete
//! frames have been received, responses are collected and sent together; before anything waits, all
//! pending ones are sent.
//!
//! A client that has exceeded its quota gets its response like any other, and its connection is
//! then not read for the throttle time (KIP-219).

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::protocol::StrBytes;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::broker::advertised::ListenerPeer;
use crate::broker::memory_budget::MemoryPermit;
use crate::handlers::api::WaitsFor;
use crate::handlers::cluster::api_versions;
use crate::handlers::context::Context;
use crate::handlers::memory::RequestAllowance;
use crate::handlers::request_cost::RequestCost;
use crate::handlers::runner::{self, ChargedResponse};
use crate::handlers::table;
use crate::handlers::throttle;
use crate::server::connection_limits::ConnectionPermit;
use crate::server::frames::{Frames, SlowClient};
use crate::server::log_limit::LogLimit;
use crate::server::outbound::{Outbound, SlowReader};
use crate::server::request_permit::RequestMemoryPermit;
use crate::server::shared::ServerState;
use crate::wire::response::{API_VERSIONS, CloseReason, Response};
use crate::wire::shape::ShapeError;
use crate::wire::{header, shape};

/// Requests that need more memory than is allowed.
static UNAFFORDABLE: LazyLock<LogLimit> = LazyLock::new(LogLimit::default);
/// Clients that send too slowly while others wait.
static SENDS_TOO_SLOWLY: LazyLock<LogLimit> = LazyLock::new(LogLimit::default);
/// Clients that read too slowly.
static READS_TOO_LITTLE: LazyLock<LogLimit> = LazyLock::new(LogLimit::default);

/// How long a response is waited for after the client has closed its sending half. It may still
/// read, but a wait as long as a rebalance is not worth it.
const LAST_ANSWER: Duration = Duration::from_secs(2);

/// One client's connection.
#[derive(Debug)]
pub struct Connection {
    shared: Arc<ServerState>,
    stream: TcpStream,
    peer: SocketAddr,
    permit: ConnectionPermit,
    listener_peer: ListenerPeer,
    out: Outbound,
    /// The client id that sending is charged to, where request time is limited.
    payer: Option<String>,
}

/// What follows a response.
struct AfterResponse {
    /// False if the connection must be closed.
    goes_on: bool,
    /// How long the connection is not read, in ms.
    mute_ms: i64,
}

impl AfterResponse {
    const CLOSE: AfterResponse = AfterResponse { goes_on: false, mute_ms: 0 };
}

impl Connection {
    /// Returns the connection of an accepted client.
    pub fn new(
        shared: Arc<ServerState>,
        stream: TcpStream,
        peer: SocketAddr,
        permit: ConnectionPermit,
        listener_peer: ListenerPeer,
    ) -> io::Result<Connection> {
        stream.set_nodelay(true)?;
        let out = Outbound::default();
        Ok(Connection { shared, stream, peer, permit, listener_peer, out, payer: None })
    }

    /// Serves the client until it disconnects, is idle for `connections.max.idle.ms`, sends
    /// something invalid or sends too slowly, its permit goes to another client, or the broker
    /// stops.
    pub async fn serve(mut self) {
        let shared = self.shared.clone();
        let config = &shared.broker.config;
        let limit = config.socket_request_max_bytes.max(0) as usize;
        let idle = Duration::from_millis(config.connections_max_idle_ms.max(1) as u64);
        let holding = RequestMemoryPermit::new(shared.memory.clone(), self.peer.ip());
        let frames = Frames::new(limit, config.socket_request_min_bytes_per_second, holding);
        let mut stopping = shared.broker.stopping.subscribe();
        let client = self.permit.client();
        let served = tokio::select! {
            biased;
            served = self.run(frames, idle, &mut stopping) => served,
            () = client.evicted() => return,
        };
        if let Err(error) = served {
            self.closed(&error);
        }
    }

    async fn run(
        &mut self,
        mut frames: Frames,
        idle: Duration,
        stopping: &mut watch::Receiver<bool>,
    ) -> io::Result<()> {
        loop {
            while let Some(frame) = frames.take()? {
                let next = self.answer(frame, &mut frames, idle).await?;
                if !next.goes_on || next.mute_ms > 0 || self.out.is_much() {
                    self.send(idle).await?;
                }
                if !next.goes_on {
                    return Ok(());
                }
                if next.mute_ms > 0 {
                    frames.rest();
                    if !self.mute(next.mute_ms, &frames, idle, stopping).await? {
                        return Ok(());
                    }
                }
            }
            self.send(idle).await?;
            let filled = tokio::select! {
                filled = tokio::time::timeout(idle, frames.fill(&self.stream)) => filled,
                _ = stopping.wait_for(|stopping| *stopping) => return Ok(()),
            };
            match filled {
                Ok(Ok(true)) => self.permit.note_activity(self.shared.now_ms()),
                Ok(Ok(false)) => return Ok(()),
                Ok(Err(error)) => return Err(error),
                Err(_) => {
                    return Err(io::Error::new(
                        io::ErrorKind::TimedOut,
                        "idle for longer than connections.max.idle.ms",
                    ));
                }
            }
        }
    }

    async fn send(&mut self, idle: Duration) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        let payer = self.payer.take();
        let flushing = tokio::time::timeout(idle, self.out.flush(&self.stream));
        let sent = match payer {
            Some(payer) => {
                Box::pin(throttle::charge_send(&self.shared.broker, &payer, flushing)).await
            }
            None => flushing.await,
        };
        sent.unwrap_or_else(|_| {
            Err(io::Error::new(io::ErrorKind::TimedOut, "the client stopped reading"))
        })
    }

    /// Reads nothing for the throttle time. Returns false if the client disconnects meanwhile, or
    /// the broker stops. A throttled connection is still subject to the idle limit.
    async fn mute(
        &self,
        throttle_ms: i64,
        frames: &Frames,
        idle: Duration,
        stopping: &mut watch::Receiver<bool>,
    ) -> io::Result<bool> {
        let throttle = Duration::from_millis(throttle_ms as u64);
        tokio::select! {
            () = tokio::time::sleep(throttle.min(idle)) => {}
            () = half_closed_by_peer(&self.stream) => return Ok(false),
            () = frames.must_give_way() => return Err(evicted()),
            _ = stopping.wait_for(|stopping| *stopping) => return Ok(false),
        }
        if throttle > idle {
            let why = "throttled for longer than connections.max.idle.ms";
            return Err(io::Error::new(io::ErrorKind::TimedOut, why));
        }
        Ok(true)
    }

    /// Logs why the connection is closed, at most once per second where clients can provoke it.
    fn closed(&self, error: &io::Error) {
        let cause = error.get_ref();
        let limit = match cause {
            Some(cause) if cause.is::<SlowReader>() => &READS_TOO_LITTLE,
            Some(cause) if cause.is::<SlowClient>() => &SENDS_TOO_SLOWLY,
            _ => {
                tracing::debug!(peer = %self.peer, %error, "connection closed");
                return;
            }
        };
        if let Some(more) = limit.admit(self.shared.now_ms()) {
            tracing::warn!(peer = %self.peer, %error, suppressed = more, "connection closed");
        }
    }

    /// Logs that a request gets no response, at most once per second where clients can provoke it.
    fn log_close(&self, reason: &CloseReason) {
        if !matches!(reason, CloseReason::Unaffordable(_)) {
            tracing::debug!(peer = %self.peer, error = %reason, "closing the connection");
            return;
        }
        if let Some(more) = UNAFFORDABLE.admit(self.shared.now_ms()) {
            tracing::warn!(peer = %self.peer, error = %reason, suppressed = more,
                "closing the connection");
        }
    }

    /// Answers one request.
    async fn answer(
        &mut self,
        frame: Bytes,
        frames: &mut Frames,
        idle: Duration,
    ) -> io::Result<AfterResponse> {
        let outcome = {
            let waits = waits_at_clients_will(&frame);
            let answering = handle(self.shared.clone(), frame, self.peer, self.listener_peer);
            tokio::pin!(answering);
            let first = std::future::poll_fn(|cx| Poll::Ready(answering.as_mut().poll(cx))).await;
            match first {
                Poll::Ready(outcome) => outcome,
                Poll::Pending => {
                    frames.hold(waits);
                    self.send(idle).await?;
                    tokio::select! {
                        biased;
                        outcome = &mut answering => outcome,
                        () = frames.must_give_way() => return Err(evicted()),
                        () = closed_by_peer(&self.stream) => {
                            match tokio::time::timeout(LAST_ANSWER, answering).await {
                                Ok(outcome) => outcome,
                                Err(_) => return Ok(AfterResponse::CLOSE),
                            }
                        }
                    }
                }
            }
        };
        match outcome {
            Ok((ChargedResponse { response: reply, mute_ms, payer }, held)) => {
                if let Response::Chunks(chunks) = reply {
                    self.out.push(chunks, held);
                }
                self.payer = payer.or(self.payer.take());
                Ok(AfterResponse { goes_on: true, mute_ms })
            }
            Err(reason) => {
                self.log_close(&reason);
                Ok(AfterResponse::CLOSE)
            }
        }
    }
}

/// Returns true for a request that waits for others for as long as its client chooses: for records
/// (Fetch), or for other members of a group (JoinGroup, SyncGroup).
fn waits_at_clients_will(frame: &[u8]) -> bool {
    let [k0, k1, v0, v1, ..] = *frame else { return false };
    let api = table::find(i16::from_be_bytes([k0, k1]), i16::from_be_bytes([v0, v1]));
    api.is_some_and(|api| api.waits_for == WaitsFor::Others)
}

fn evicted() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, SlowClient::WaitedTooLong)
}

/// Waits until the client has closed its half of the connection. Never returns if it has sent more
/// instead, since the close comes after that.
async fn closed_by_peer(stream: &TcpStream) {
    match stream.peek(&mut [0]).await {
        Ok(0) | Err(_) => {}
        Ok(_) => std::future::pending().await,
    }
}

/// Waits until a client that is not being read has left: it has closed its half of the connection,
/// or the connection is broken. If it sent requests before closing, they are still to be answered,
/// so then only a broken connection counts.
async fn half_closed_by_peer(stream: &TcpStream) {
    if matches!(stream.peek(&mut [0]).await, Ok(n) if n > 0) {
        drop(stream.ready(Interest::ERROR).await);
    }
}

async fn handle(
    shared: Arc<ServerState>,
    frame: Bytes,
    peer: SocketAddr,
    listener_peer: ListenerPeer,
) -> Result<(ChargedResponse, Option<MemoryPermit>), CloseReason> {
    let (header, body_from) =
        header::read(&frame).map_err(|error| CloseReason::Malformed(error.to_string()))?;
    let (key, version) = (header.api_key, header.api_version);
    let Some(api) = table::find(key, version) else {
        if key == API_VERSIONS {
            let reply = api_versions::unsupported(header.correlation_id, table::APIS)?;
            return Ok((ChargedResponse { response: reply, mute_ms: 0, payer: None }, None));
        }
        shared.old_clients.refused(peer, &header);
        return Err(CloseReason::Malformed(format!(
            "version {version} of API key {key} is not supported"
        )));
    };
    let body = frame.slice(body_from..);
    drop(frame);
    let shape = shape::check(key, version, &body, shape::decoded_bytes_max(body.len()))
        .map_err(close_reason)?;
    let bytes = shape.decoded_bytes.saturating_mul(api.memory_factor);
    // A request that may wait long takes no turns.
    let takes_turns = api.waits_for == WaitsFor::Nothing;
    let memory = RequestAllowance::for_request(&shared.broker, bytes, takes_turns).await?;
    let cx = Context {
        broker: shared.broker.clone(),
        version,
        correlation_id: header.correlation_id,
        // A copy, so that the frame can be freed once it is decoded.
        client_id: header.client_id.map(|id| StrBytes::from_string(id.to_string())),
        peer,
        listener_peer,
        cost: RequestCost::new(api.quota, body.len()),
        memory,
    };
    let answer = runner::run(&cx, api, body).await?;
    Ok((answer, cx.memory.into_response()))
}

fn close_reason(error: ShapeError) -> CloseReason {
    match error {
        ShapeError::TooLarge { .. } => CloseReason::Unaffordable(error.to_string()),
        _ => CloseReason::Malformed(error.to_string()),
    }
}
