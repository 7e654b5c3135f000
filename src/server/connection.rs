//! One client: frame in, reply out, in order.
//!
//! **Invariant:** one request is answered before the next is begun, as in Kafka: that keeps
//! answers in order and an idempotent producer's batches in sequence. While whole frames are
//! here already, the replies are collected and leave together; before anything waits, all that
//! is owed is sent.
//!
//! A client that has used more than its quota is answered like any other, and then not read for
//! its throttle time (KIP-219).

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::ApiKey;
use kafka_protocol::protocol::StrBytes;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::broker::advertised::ListenerPeer;
use crate::broker::memory_budget::MemoryPermit;
use crate::handlers::cluster::api_versions;
use crate::handlers::context::Context;
use crate::handlers::memory::RequestAllowance;
use crate::handlers::request_cost::RequestCost;
use crate::handlers::table;
use crate::handlers::throttle::{self, ChargedResponse};
use crate::server::connection_limits::ConnectionPermit;
use crate::server::frames::{Frames, SlowClient};
use crate::server::log_limit::LogLimit;
use crate::server::outbound::{Outbound, SlowReader};
use crate::server::request_permit::RequestMemoryPermit;
use crate::server::shared::ServerState;
use crate::wire::response::{API_VERSIONS, CloseReason, Response};
use crate::wire::shape::ShapeError;
use crate::wire::{header, shape};

/// Requests that take more memory than they may.
static UNAFFORDABLE: LazyLock<LogLimit> = LazyLock::new(LogLimit::default);
/// Clients that send too slowly for the others.
static SENDS_TOO_SLOWLY: LazyLock<LogLimit> = LazyLock::new(LogLimit::default);
/// Clients that do not read.
static READS_TOO_LITTLE: LazyLock<LogLimit> = LazyLock::new(LogLimit::default);

/// How long an answer is waited for once the client has sent its last byte. It may have closed
/// its half only and still read, but what can take as long as a rebalance is not kept for it.
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
    /// The client id that the next sending is charged to, where processing time is limited.
    payer: Option<String>,
}

/// What follows an answer.
struct AfterResponse {
    /// False if the connection is to be closed.
    goes_on: bool,
    /// For how long the client is not read, in ms.
    mute_ms: i64,
}

impl AfterResponse {
    const CLOSE: AfterResponse = AfterResponse { goes_on: false, mute_ms: 0 };
}

impl Connection {
    /// A connection that came in so.
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

    /// Serve the client until it leaves, says nothing for `connections.max.idle.ms`, sends what
    /// nobody understands or too slowly, its permit is given to somebody else, or the broker stops.
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
                Err(_) => return Err(io::Error::new(io::ErrorKind::TimedOut, "idle too long")),
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

    /// Read nothing for so long; false if the client leaves meanwhile, or the broker stops. A
    /// connection may be as silent for this reason as for any other.
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
            let why = "throttled for longer than a connection may be idle";
            return Err(io::Error::new(io::ErrorKind::TimedOut, why));
        }
        Ok(true)
    }

    /// Say why the connection is closed: once a second if clients can have it said at will.
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
            tracing::warn!(peer = %self.peer, %error, more, "connection closed");
        }
    }

    /// Say that a request gets no answer. What a client can have said as often as it likes is said
    /// once a second.
    fn log_close(&self, reason: &CloseReason) {
        if !matches!(reason, CloseReason::Unaffordable(_)) {
            tracing::debug!(peer = %self.peer, %reason, "connection will be closed");
            return;
        }
        if let Some(more) = UNAFFORDABLE.admit(self.shared.now_ms()) {
            tracing::warn!(peer = %self.peer, %reason, more, "connection will be closed");
        }
    }

    /// Answer one request.
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

/// True for a request that waits for what others do, as long as its client wants: for records
/// (Fetch), for the other members of a group (JoinGroup, SyncGroup).
fn waits_at_clients_will(frame: &[u8]) -> bool {
    frame.first_chunk::<2>().is_some_and(|key| {
        [ApiKey::Fetch, ApiKey::JoinGroup, ApiKey::SyncGroup]
            .iter()
            .any(|api| *api as i16 == i16::from_be_bytes(*key))
    })
}

fn evicted() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, SlowClient::WaitedTooLong)
}

/// Until the client has closed its half of the connection. If it has sent more instead, for ever:
/// its end stands behind what it sent.
async fn closed_by_peer(stream: &TcpStream) {
    match stream.peek(&mut [0]).await {
        Ok(0) | Err(_) => {}
        Ok(_) => std::future::pending().await,
    }
}

/// Until a client that is not read has left: it has closed its side of the connection, or the
/// connection is broken. What it has sent before it closed is still to be answered, so then only
/// a broken one counts.
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
            "API key {key} is not served in version {version}"
        )));
    };
    let body = frame.slice(body_from..);
    drop(frame);
    let shape = shape::check(key, version, &body, shape::decoded_bytes_max(body.len()))
        .map_err(close_reason)?;
    let memory = RequestAllowance::for_request(&shared.broker, key, shape.decoded_bytes).await?;
    let cx = Context {
        broker: shared.broker.clone(),
        version,
        correlation_id: header.correlation_id,
        // A copy, so that the frame is free once it is decoded.
        client_id: header.client_id.map(|id| StrBytes::from_string(id.to_string())),
        peer,
        listener_peer,
        cost: RequestCost::default(),
        memory,
    };
    let answer = throttle::answer(&cx, api, body).await?;
    Ok((answer, cx.memory.into_response()))
}

fn close_reason(error: ShapeError) -> CloseReason {
    match error {
        ShapeError::TooLarge { .. } => CloseReason::Unaffordable(error.to_string()),
        _ => CloseReason::Malformed(error.to_string()),
    }
}
