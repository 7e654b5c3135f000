//! One client's connection: requests in, responses out, in order.
//!
//! **Invariant:** one request is answered before the next is begun, as in Kafka: this keeps
//! responses in order and an idempotent producer's batches in sequence. While further complete
//! frames have been received, responses are collected and sent together; before anything waits, all
//! pending ones are sent.
//!
//! A client that has exceeded its quota gets its response like any other, and its connection is
//! then not read for the throttle time (KIP-219).

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, LazyLock};
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::sync::watch;
use tokio::time::error::Elapsed;

use crate::handlers::data::plain_produce;
use crate::handlers::runner::ChargedResponse;
use crate::handlers::session::Session;
use crate::handlers::throttle;
use crate::server::connection_limits::ConnectionPermit;
use crate::server::frames::{Frames, SlowClient};
use crate::server::log_limit::LogLimit;
use crate::server::outbound::{Outbound, SlowReader};
use crate::server::patience::Patience;
use crate::server::request::{IncomingRequest, RequestOutcome};
use crate::server::request_permit::RequestMemoryPermit;
use crate::server::shared::ServerState;
use crate::server::transport::Transport;
use crate::server::turn::Turn;
use crate::wire::response::{CloseReason, Response};

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
    session: Session,
    permit: ConnectionPermit,
    link: ClientLink,
}

/// The way to the client, and what is pending on it.
#[derive(Debug)]
struct ClientLink {
    transport: Transport,
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

thread_local! {
    /// The responses to plain Produce requests, while they are written.
    static RESPONSES: RefCell<BytesMut> = RefCell::default();
}

impl Connection {
    /// Returns the connection of an accepted client.
    pub fn new(
        shared: Arc<ServerState>,
        transport: Transport,
        session: Session,
        permit: ConnectionPermit,
    ) -> Connection {
        let link = ClientLink { transport, out: Outbound::default(), payer: None };
        Connection { shared, session, permit, link }
    }

    /// Serves the client until it disconnects, is idle for `connections.max.idle.ms`, sends
    /// something invalid or sends too slowly, its permit goes to another client, or the broker
    /// stops.
    pub async fn serve(mut self) {
        let shared = self.shared.clone();
        let config = &shared.broker.config;
        let limit = config.socket_request_max_bytes.max(0) as usize;
        let idle = Duration::from_millis(config.connections_max_idle_ms.max(1) as u64);
        let holding = RequestMemoryPermit::new(shared.memory.clone(), self.session.peer.ip());
        let frames = Frames::new(limit, config.socket_request_min_bytes_per_second, holding);
        let mut stopping = shared.broker.stopping();
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
        let mut turn = Turn::default();
        let mut patience = pin!(Patience::new(idle));
        let mut stopped = pin!(stopped(stopping.clone()));
        loop {
            while let Some(next) = self.answer_next(&mut frames, idle).await? {
                if !next.goes_on || next.mute_ms > 0 || self.link.out.is_much() {
                    self.link.send(&self.shared, &self.session, idle).await?;
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
            self.link.send(&self.shared, &self.session, idle).await?;
            if turn.is_over() {
                tokio::task::yield_now().await;
                turn = Turn::default();
            }
            let before = frames.buffered();
            if !self.fill(&mut frames, &mut turn, stopped.as_mut(), patience.as_mut()).await? {
                return Ok(());
            }
            turn.count(frames.buffered().saturating_sub(before));
            self.permit.note_activity(self.shared.now_ms());
        }
    }

    /// Waits for more from the client. Returns false if it has disconnected or the broker stops.
    async fn fill(
        &mut self,
        frames: &mut Frames,
        turn: &mut Turn,
        mut stopped: Pin<&mut impl Future<Output = ()>>,
        mut patience: Pin<&mut Patience>,
    ) -> io::Result<bool> {
        let mut filling = pin!(frames.fill(&mut self.link.transport));
        patience.as_mut().begin();
        let filled = std::future::poll_fn(|cx| {
            if stopped.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ok(false));
            }
            if let Poll::Ready(filled) = filling.as_mut().poll(cx) {
                return Poll::Ready(filled);
            }
            // Others are served now.
            *turn = Turn::default();
            patience.as_mut().poll(cx).map(|()| {
                let why = "idle for longer than connections.max.idle.ms";
                Err(io::Error::new(io::ErrorKind::TimedOut, why))
            })
        });
        filled.await
    }

    /// Answers the requests that have been received: the next one, or several that are written
    /// together. Returns `None` if no request has been received completely.
    async fn answer_next(
        &mut self,
        frames: &mut Frames,
        idle: Duration,
    ) -> io::Result<Option<AfterResponse>> {
        if self.session.principal().is_some() {
            match self.answer_plain(frames)? {
                Ok(0) => {}
                Ok(bytes) => {
                    frames.skip(bytes);
                    return Ok(Some(AfterResponse { goes_on: true, mute_ms: 0 }));
                }
                Err(reason) => {
                    self.log_close(&reason);
                    return Ok(Some(AfterResponse::CLOSE));
                }
            }
        }
        match frames.take()? {
            Some(frame) => self.answer(frame, frames, idle).await.map(Some),
            None => Ok(None),
        }
    }

    /// Answers the plain Produce requests that come first. Returns how many bytes they take.
    fn answer_plain(&mut self, frames: &Frames) -> io::Result<Result<usize, CloseReason>> {
        RESPONSES.with_borrow_mut(|responses| {
            responses.clear();
            let received = frames.received()?;
            let answered = plain_produce::answer(&self.shared.broker, received, responses);
            if !responses.is_empty() {
                self.link.out.push_bytes(Bytes::copy_from_slice(responses));
            }
            Ok(answered)
        })
    }

    /// Reads nothing for the throttle time. Returns false if the client disconnects meanwhile, or
    /// the broker stops. A throttled connection is still subject to the idle limit.
    async fn mute(
        &mut self,
        throttle_ms: i64,
        frames: &Frames,
        idle: Duration,
        stopping: &mut watch::Receiver<bool>,
    ) -> io::Result<bool> {
        let throttle = Duration::from_millis(throttle_ms as u64);
        tokio::select! {
            () = tokio::time::sleep(throttle.min(idle)) => {}
            () = self.link.transport.half_closed_by_peer() => return Ok(false),
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
        let Session { peer, client_software, .. } = &self.session;
        let software = client_software.as_deref().map(tracing::field::display);
        let cause = error.get_ref();
        let limit = match cause {
            Some(cause) if cause.is::<SlowReader>() => &READS_TOO_LITTLE,
            Some(cause) if cause.is::<SlowClient>() => &SENDS_TOO_SLOWLY,
            _ => {
                tracing::debug!(%peer, software, %error, "connection closed");
                return;
            }
        };
        if let Some(more) = limit.admit(self.shared.now_ms()) {
            tracing::warn!(%peer, software, %error, suppressed = more, "connection closed");
        }
    }

    /// Logs that a request gets no response, at most once per second where clients can provoke it.
    fn log_close(&self, reason: &CloseReason) {
        if !matches!(reason, CloseReason::Unaffordable(_)) {
            tracing::debug!(peer = %self.session.peer, error = %reason, "closing the connection");
            return;
        }
        if let Some(more) = UNAFFORDABLE.admit(self.shared.now_ms()) {
            tracing::warn!(peer = %self.session.peer, error = %reason, suppressed = more,
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
        let Connection { shared, session, link, .. } = self;
        let outcome = match IncomingRequest::read(frame, session, &shared.old_clients) {
            Ok(request) => {
                let waits = request.waits_for_others();
                let answering = request.answer(shared, session);
                tokio::pin!(answering);
                let first =
                    std::future::poll_fn(|cx| Poll::Ready(answering.as_mut().poll(cx))).await;
                match first {
                    Poll::Ready(outcome) => outcome,
                    Poll::Pending => {
                        frames.hold(waits);
                        link.send(shared, session, idle).await?;
                        tokio::select! {
                            biased;
                            outcome = &mut answering => outcome,
                            () = frames.must_give_way() => return Err(evicted()),
                            () = link.transport.closed_by_peer() => {
                                match tokio::time::timeout(LAST_ANSWER, answering).await {
                                    Ok(outcome) => outcome,
                                    Err(_) => return Ok(AfterResponse::CLOSE),
                                }
                            }
                        }
                    }
                }
            }
            Err(reason) => Err(reason),
        };
        match outcome {
            Ok(answer) => Ok(self.take_over(answer)),
            Err(reason) => {
                self.log_close(&reason);
                Ok(AfterResponse::CLOSE)
            }
        }
    }

    /// Queues a response, and takes over what else follows from its request.
    fn take_over(&mut self, answer: RequestOutcome) -> AfterResponse {
        let ChargedResponse { response, mute_ms, payer } = answer.charged;
        if let Response::Chunks(chunks) = response {
            self.link.out.push(chunks, answer.held);
        }
        self.link.payer = payer.or(self.link.payer.take());
        if let Some(session) = answer.next_session {
            self.session = *session;
        }
        AfterResponse { goes_on: true, mute_ms }
    }
}

impl ClientLink {
    /// Sends everything that is pending.
    async fn send(
        &mut self,
        shared: &ServerState,
        session: &Session,
        idle: Duration,
    ) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        let payer = self.payer.take();
        let flushing = in_time(idle, self.out.flush(&mut self.transport));
        let sent = match payer {
            Some(client_id) => {
                let sending = throttle::charge_send(&shared.broker, session, &client_id, flushing);
                Box::pin(sending).await
            }
            None => flushing.await,
        };
        sent.unwrap_or_else(|_| {
            Err(io::Error::new(io::ErrorKind::TimedOut, "the client stopped reading"))
        })
    }
}

/// Runs a future, for at most `limit` if it has to wait. Without a wait no timer is made.
async fn in_time<F: Future>(limit: Duration, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    let first = std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
    match first {
        Poll::Ready(output) => Ok(output),
        Poll::Pending => tokio::time::timeout(limit, future).await,
    }
}

/// Waits until the broker is to stop.
async fn stopped(mut stopping: watch::Receiver<bool>) {
    drop(stopping.wait_for(|stopping| *stopping).await);
}

fn evicted() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, SlowClient::WaitedTooLong)
}
