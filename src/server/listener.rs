//! Accepts connections, enforces the connection limits and drains on shutdown.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinError, JoinSet};

use crate::broker::advertised::ListenerPeer;
use crate::broker::state::Broker;
use crate::config::endpoint::Endpoint;
use crate::handlers::session::Session;
use crate::server::connection::Connection;
use crate::server::gateway::Gateway;
use crate::server::shared::ServerState;
use crate::server::transport::Transport;

/// How long connections may finish their current request after the broker is asked to stop.
const DRAIN: Duration = Duration::from_millis(800);
/// How many throttled connections are held at once; further ones are closed immediately.
const PUT_OFF_MAX: usize = 1024;

/// How many free ports are tried until one is free on both loopback addresses.
const FREE_PORTS_TRIED: u32 = 16;

/// An open socket and the index of its listener.
#[derive(Debug)]
pub struct BoundListener {
    socket: TcpListener,
    listener: usize,
}

/// Accepts clients until the broker stops, then lets the connected ones finish.
pub async fn serve(broker: Arc<Broker>, sockets: Vec<BoundListener>) {
    let shared = Arc::new(ServerState::new(broker));
    let mut accepting = JoinSet::new();
    for BoundListener { socket, listener } in sockets {
        accepting.spawn(accept(shared.clone(), socket, listener));
    }
    while let Some(ended) = accepting.join_next().await {
        if let Err(Ok(panic)) = ended.map_err(JoinError::try_into_panic) {
            std::panic::resume_unwind(panic);
        }
    }
}

async fn accept(shared: Arc<ServerState>, listener: TcpListener, index: usize) {
    let broker = &shared.broker;
    let mut stopping = broker.stopping();
    let mut stopped = pin!(async move { drop(stopping.wait_for(|stopping| *stopping).await) });
    let mut connections = JoinSet::new();
    let gateway = Gateway::look();
    let put_off_places = Arc::new(Semaphore::new(PUT_OFF_MAX));
    loop {
        tokio::select! {
            () = &mut stopped => break,
            Some(ended) = connections.join_next(), if !connections.is_empty() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "connection task failed");
                }
            }
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => match admit(&shared, stream, peer, index, gateway) {
                    Ok(connection) => drop(connections.spawn(connection.serve())),
                    Err(Refusal::Delayed(stream, wait_ms)) => {
                        if let Ok(place) = put_off_places.clone().try_acquire_owned() {
                            let stopping = broker.stopping();
                            connections.spawn(put_off(stream, wait_ms, stopping, place));
                        }
                    }
                    Err(Refusal::Immediate) => {}
                },
                Err(error) => {
                    // Most likely out of file descriptors: closed clients will help, spinning will
                    // not.
                    shared.cannot_accept(&error);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
        }
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(DRAIN, drained).await;
}

/// How a connection is refused.
enum Refusal {
    /// Its address exceeds the connection rate: it is closed after this time, ms.
    Delayed(TcpStream, i64),
    /// A connection limit is reached, or the client has already disconnected.
    Immediate,
}

/// Decides on a connection that the operating system has accepted. Accepted and refused ones would
/// be counted here.
fn admit(
    shared: &Arc<ServerState>,
    stream: TcpStream,
    peer: SocketAddr,
    listener: usize,
    gateway: Gateway,
) -> Result<Connection, Refusal> {
    let broker = &shared.broker;
    let wait_ms = broker.quotas.connect(peer.ip(), broker.clock.now());
    if wait_ms > 0 {
        return Err(Refusal::Delayed(stream, wait_ms));
    }
    let permit = shared.acquire_permit(peer).ok_or(Refusal::Immediate)?;
    let through_gateway = broker.advertised.is_open(listener) && gateway.is(peer.ip());
    let opened = stream.local_addr().and_then(|at| Ok((at, Transport::plain(stream)?)));
    let (at, transport) = opened.map_err(|error| {
        tracing::debug!(%peer, %error, "client already disconnected");
        Refusal::Immediate
    })?;
    let session = Session::plaintext(ListenerPeer { listener, at, through_gateway }, peer);
    Ok(Connection::new(shared.clone(), transport, session, permit))
}

/// Holds a connection unserved and then closes it, because its address exceeds the connection rate
/// (KIP-612), as Kafka does.
async fn put_off(
    stream: TcpStream,
    wait_ms: i64,
    mut stopping: watch::Receiver<bool>,
    place: OwnedSemaphorePermit,
) {
    tokio::select! {
        () = tokio::time::sleep(Duration::from_millis(wait_ms.max(0) as u64)) => {}
        _ = stopping.wait_for(|stopping| *stopping) => {}
    }
    drop((stream, place));
}

/// Listens on every configured endpoint. Returns the sockets, and one address for each listener.
pub async fn bind(broker: &Broker) -> io::Result<(Vec<BoundListener>, Vec<SocketAddr>)> {
    let (mut sockets, mut addresses) = (Vec::new(), Vec::new());
    for (listener, place) in broker.config.listeners.iter().enumerate() {
        let endpoint = &place.at;
        let opened = match endpoint.is_localhost() {
            true => localhost(endpoint.port).await,
            false => listen(endpoint).await.map(|socket| (socket, None)),
        };
        let (socket, second) = opened.map_err(|error| {
            let hint = match error.kind() {
                io::ErrorKind::AddrInUse => {
                    "stop the process that listens there or choose another address with --listen"
                }
                _ => "choose another address with --listen",
            };
            io::Error::new(error.kind(), format!("cannot listen on {endpoint}: {error}; {hint}"))
        })?;
        addresses.push(socket.local_addr()?);
        let opened = [Some(socket), second].into_iter().flatten();
        sockets.extend(opened.map(|socket| BoundListener { socket, listener }));
    }
    Ok((sockets, addresses))
}

/// Listens on both loopback addresses with the same port: which one a client tries first is up to
/// its resolver, and some try no other. Without IPv6 there is one socket.
async fn localhost(port: u16) -> io::Result<(TcpListener, Option<TcpListener>)> {
    let mut tried = 0;
    loop {
        let four = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        match TcpListener::bind((Ipv6Addr::LOCALHOST, four.local_addr()?.port())).await {
            Ok(six) => return Ok((four, Some(six))),
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => return Ok((four, None)),
            // A port that is free on IPv4 need not be free on IPv6.
            Err(_) if port == 0 && tried < FREE_PORTS_TRIED => tried += 1,
            // Clients of this port would reach two different brokers.
            Err(error) => return Err(error),
        }
    }
}

/// Listens on one endpoint. No host means every IPv6 address, which includes the IPv4 ones, or
/// every IPv4 address where there is no IPv6.
async fn listen(endpoint: &Endpoint) -> io::Result<TcpListener> {
    if !endpoint.host.is_empty() {
        return TcpListener::bind((endpoint.host.as_str(), endpoint.port)).await;
    }
    match TcpListener::bind((Ipv6Addr::UNSPECIFIED, endpoint.port)).await {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, endpoint.port)).await
        }
        bound => bound,
    }
}
