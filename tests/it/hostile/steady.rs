//! A well-behaved client: it produces, fetches what it has produced, commits and heartbeats, all
//! the time, and expects every answer to be right.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    GroupId, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, SyncGroupRequest,
};
use kafka_protocol::protocol::Request;
use tokio::net::TcpSocket;

use crate::client::{Client, creation, fetching, production, text};
use crate::groups::committing;
use crate::records::{expected, plain, read};

/// How long one answer may take before the test fails. Generous, as tests share a machine: the
/// longest wait is what [`Served`] tells.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// The pause between two rounds of requests.
const PAUSE: Duration = Duration::from_millis(10);

const TOPIC: &str = "steady";
const GROUP: &str = "steady";

/// A well-behaved client on a thread and a connection of its own.
pub struct SteadyClient {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Served>>,
}

#[derive(Default)]
struct Shared {
    is_stopping: AtomicBool,
    rounds: AtomicU64,
}

/// What a steady client was given.
#[derive(Debug, Clone, Copy, Default)]
pub struct Served {
    /// Requests that were answered, all of them without an error.
    pub requests: u64,
    /// The longest time for which one answer was waited.
    pub longest_wait: Duration,
}

impl SteadyClient {
    /// Starts it from the address that hostile clients commonly come from, 127.0.0.1.
    pub fn start(broker: SocketAddr) -> SteadyClient {
        SteadyClient::start_from(Ipv4Addr::LOCALHOST.into(), broker)
    }

    /// Starts it from another address of this machine, 127.0.0.2 say: for limits per address.
    pub fn start_from(address: IpAddr, broker: SocketAddr) -> SteadyClient {
        let shared = Arc::new(Shared::default());
        let theirs = shared.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(live(address, broker, &theirs))
        });
        SteadyClient { shared, thread: Some(thread) }
    }

    /// Waits until it has been served for this many more rounds, of four requests each.
    ///
    /// # Panics
    /// If it was not: with what it did not get.
    pub async fn rounds(&self, more: u64) {
        let until = self.shared.rounds.load(Ordering::Acquire) + more;
        while self.shared.rounds.load(Ordering::Acquire) < until {
            let thread = self.thread.as_ref().expect("it has not been stopped");
            assert!(!thread.is_finished(), "the steady client has failed: see above");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Lets it end its round, and gives what it got.
    ///
    /// # Panics
    /// If one request was not answered, or with an error: with which one.
    pub fn stop(mut self) -> Served {
        self.shared.is_stopping.store(true, Ordering::Release);
        let thread = self.thread.take().expect("it is stopped once");
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Drop for SteadyClient {
    fn drop(&mut self) {
        self.shared.is_stopping.store(true, Ordering::Release);
    }
}

struct Life {
    client: Client,
    served: Served,
}

impl Life {
    /// Asks, and waits for the answer.
    async fn ask<R: Request>(&mut self, version: i16, request: &R) -> R::Response {
        let begun = Instant::now();
        let answering = tokio::time::timeout(ANSWER_TIMEOUT, self.client.call(version, request));
        let Ok(answer) = answering.await else {
            panic!("the steady client's request of API key {} was not answered", R::KEY)
        };
        self.served.requests += 1;
        self.served.longest_wait = self.served.longest_wait.max(begun.elapsed());
        answer
    }

    /// Becomes the only member of a group.
    async fn join(&mut self) -> JoinGroupResponse {
        let protocol = JoinGroupRequestProtocol::default()
            .with_name(text("range"))
            .with_metadata(Bytes::from_static(b"\0\0\0\0\0\x01\0\x01t\xff\xff\xff\xff"));
        let mut joining = JoinGroupRequest::default()
            .with_group_id(GroupId(text(GROUP)))
            .with_session_timeout_ms(60_000)
            .with_rebalance_timeout_ms(60_000)
            .with_protocol_type(text("consumer"))
            .with_protocols(vec![protocol]);
        joining.member_id = self.ask(4, &joining).await.member_id;
        let joined = self.ask(4, &joining).await;
        assert_eq!(joined.error_code, 0, "JoinGroup");
        let assignment = SyncGroupRequestAssignment::default()
            .with_member_id(joined.member_id.clone())
            .with_assignment(Bytes::from_static(b"all of it"));
        let syncing = SyncGroupRequest::default()
            .with_group_id(GroupId(text(GROUP)))
            .with_generation_id(joined.generation_id)
            .with_member_id(joined.member_id.clone())
            .with_assignments(vec![assignment]);
        assert_eq!(self.ask(3, &syncing).await.error_code, 0, "SyncGroup");
        joined
    }

    /// Produces one record, fetches it, commits its offset and heartbeats.
    async fn round(&mut self, offset: i64, beat: &HeartbeatRequest) {
        let value = offset.to_string();
        let produced = self.ask(9, &production(TOPIC, 0, plain(&[&value]))).await;
        let produced = &produced.responses[0].partition_responses[0];
        assert_eq!((produced.error_code, produced.base_offset), (0, offset), "Produce");
        let fetched = self.ask(12, &fetching(TOPIC, 0, offset)).await;
        assert_eq!(read(&fetched), expected(offset, &[&value]), "Fetch");
        let mut commit = committing(GROUP, TOPIC, 0, offset);
        commit.generation_id_or_member_epoch = beat.generation_id;
        commit.member_id = beat.member_id.clone();
        let committed = self.ask(7, &commit).await;
        assert_eq!(committed.topics[0].partitions[0].error_code, 0, "OffsetCommit");
        assert_eq!(self.ask(3, beat).await.error_code, 0, "Heartbeat");
    }
}

async fn live(address: IpAddr, broker: SocketAddr, shared: &Shared) -> Served {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(address, 0)).unwrap();
    let client = Client::over(socket.connect(broker).await.unwrap());
    let mut life = Life { client, served: Served::default() };
    let created = life.ask(7, &creation(TOPIC, 1, &[])).await;
    assert_eq!(created.topics[0].error_code, 0, "CreateTopics");
    let joined = life.join().await;
    let beat = HeartbeatRequest::default()
        .with_group_id(GroupId(text(GROUP)))
        .with_generation_id(joined.generation_id)
        .with_member_id(joined.member_id);
    let mut offset = 0;
    while !shared.is_stopping.load(Ordering::Acquire) {
        life.round(offset, &beat).await;
        offset += 1;
        shared.rounds.fetch_add(1, Ordering::Release);
        tokio::time::sleep(PAUSE).await;
    }
    life.served
}
