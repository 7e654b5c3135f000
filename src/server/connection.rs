//! One client: frame in, reply out, in order.
//!
//! **Invariant:** one request is answered before the next is begun, as in Kafka: that keeps
//! answers in order and an idempotent producer's batches in sequence. While whole frames are
//! here already, the replies are collected and leave together; before anything waits, all that
//! is owed is sent.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpStream;

use crate::broker::parts::Broker;
use crate::handlers::cluster::api_versions;
use crate::handlers::context::Context;
use crate::handlers::table;
use crate::server::frames::Frames;
use crate::server::outbound::Outbound;
use crate::wire::reply::{API_VERSIONS, Refusal, Reply};
use crate::wire::{header, shape};

/// Replies are sent once this many pieces are owed, however many requests are waiting.
const OWED_MAX: usize = 64;
/// How long an answer is waited for once the client has sent its last byte. It may have closed
/// its half only and still read, but what can take as long as a rebalance is not kept for it.
const LAST_ANSWER: Duration = Duration::from_secs(2);

/// One client's connection.
#[derive(Debug)]
pub struct Connection {
    broker: Arc<Broker>,
    stream: TcpStream,
    peer: SocketAddr,
    local: SocketAddr,
    listener: usize,
    out: Outbound,
}

impl Connection {
    /// A connection that came in on this listener.
    pub fn new(
        broker: Arc<Broker>,
        stream: TcpStream,
        peer: SocketAddr,
        listener: usize,
    ) -> io::Result<Connection> {
        let local = stream.local_addr()?;
        stream.set_nodelay(true)?;
        Ok(Connection { broker, stream, peer, local, listener, out: Outbound::default() })
    }

    /// Serve the client until it leaves, says nothing for `connections.max.idle.ms`, sends what
    /// nobody understands, or the broker stops.
    pub async fn serve(mut self) {
        let config = &self.broker.config;
        let limit = config.socket_request_max_bytes.max(0) as usize;
        let budget_bytes = config.queued_max_request_bytes.clamp(1, i64::from(u32::MAX)) as usize;
        let idle = Duration::from_millis(config.connections_max_idle_ms.max(1) as u64);
        let frames = Frames::new(limit, self.broker.request_bytes.clone(), budget_bytes);
        let mut stopping = self.broker.stopping.subscribe();
        if let Err(error) = self.run(frames, idle, &mut stopping).await {
            tracing::debug!(peer = %self.peer, %error, "connection closed");
        }
    }

    async fn run(
        &mut self,
        mut frames: Frames,
        idle: Duration,
        stopping: &mut tokio::sync::watch::Receiver<bool>,
    ) -> io::Result<()> {
        loop {
            while let Some(frame) = frames.take()? {
                let more = self.answer(frame, idle).await?;
                if !more || self.out.len() >= OWED_MAX {
                    self.send(idle).await?;
                }
                if !more {
                    return Ok(());
                }
            }
            self.send(idle).await?;
            let filled = tokio::select! {
                filled = tokio::time::timeout(idle, frames.fill(&self.stream)) => filled,
                _ = stopping.wait_for(|stopping| *stopping) => return Ok(()),
            };
            match filled {
                Ok(Ok(true)) => {}
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
        let sending = self.out.flush(&self.stream);
        tokio::time::timeout(idle, sending).await.unwrap_or_else(|_| {
            Err(io::Error::new(io::ErrorKind::TimedOut, "the client stopped reading"))
        })
    }

    /// Answer one request; false if the connection is to be closed after that.
    async fn answer(&mut self, frame: Bytes, idle: Duration) -> io::Result<bool> {
        let outcome = {
            let answering =
                handle(self.broker.clone(), frame, self.peer, self.local, self.listener);
            tokio::pin!(answering);
            let first = std::future::poll_fn(|cx| Poll::Ready(answering.as_mut().poll(cx))).await;
            match first {
                Poll::Ready(outcome) => outcome,
                Poll::Pending => {
                    self.send(idle).await?;
                    tokio::select! {
                        biased;
                        outcome = &mut answering => outcome,
                        () = gone(&self.stream) => {
                            match tokio::time::timeout(LAST_ANSWER, answering).await {
                                Ok(outcome) => outcome,
                                Err(_) => return Ok(false),
                            }
                        }
                    }
                }
            }
        };
        match outcome {
            Ok(Reply::None) => Ok(true),
            Ok(Reply::Chunks(chunks)) => {
                self.out.push(chunks);
                Ok(true)
            }
            Err(refusal) => {
                tracing::debug!(peer = %self.peer, %refusal, "connection will be closed");
                Ok(false)
            }
        }
    }
}

/// Until the client has closed its half of the connection. If it has sent more instead, for ever:
/// its end stands behind what it sent.
async fn gone(stream: &TcpStream) {
    match stream.peek(&mut [0]).await {
        Ok(0) | Err(_) => {}
        Ok(_) => std::future::pending().await,
    }
}

async fn handle(
    broker: Arc<Broker>,
    frame: Bytes,
    peer: SocketAddr,
    local: SocketAddr,
    listener: usize,
) -> Result<Reply, Refusal> {
    let (header, body_from) =
        header::read(&frame).map_err(|error| Refusal::Malformed(error.to_string()))?;
    let (key, version) = (header.api_key, header.api_version);
    let Some(api) = table::find(key, version) else {
        if key == API_VERSIONS {
            return api_versions::unsupported(header.correlation_id);
        }
        return Err(Refusal::Malformed(format!(
            "API key {key} is not served in version {version}"
        )));
    };
    let body = frame.slice(body_from..);
    drop(frame);
    shape::check(key, version, &body, shape::decoded_bytes_max(body.len()))
        .map_err(|error| Refusal::Malformed(error.to_string()))?;
    let cx = Context {
        broker,
        version,
        correlation_id: header.correlation_id,
        client_id: header.client_id,
        peer,
        local,
        listener,
    };
    (api.run)(&cx, body).await
}
