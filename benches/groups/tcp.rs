//! Members that settle over TCP, against the broker as its own process.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    ApiKey, GroupId, HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse,
    SyncGroupRequest, SyncGroupResponse,
};
use kafka_protocol::protocol::StrBytes;

use crate::broker::Broker;
use crate::connection::Connection;
use crate::proc::{Cpu, status_kib};

const MEMBER_ID_REQUIRED: i16 = 79;
const REBALANCE_IN_PROGRESS: i16 = 27;
/// The coordinator is loading, is not available, or is not known to be this broker yet.
const NOT_YET: [i16; 3] = [14, 15, 16];
/// The clients' default of `heartbeat.interval.ms`.
const BEAT: Duration = Duration::from_millis(3000);

/// What all members know.
struct Members {
    group: GroupId,
    messages: Cell<u64>,
    /// The generation in which each has its share.
    settled: RefCell<Vec<i32>>,
    is_settled: Cell<bool>,
}

/// What it took until every member had its share.
pub struct Settled {
    pub generation: i32,
    pub messages: u64,
    pub elapsed: Duration,
}

/// Let `count` members that connect together settle in one group, and say what it took.
#[allow(dead_code, reason = "benches/wire lets members settle on another broker")]
pub fn settle(count: usize, initial_delay_ms: i32) {
    let dir = tempfile::tempdir().unwrap();
    let delay = format!("group.initial.rebalance.delay.ms={initial_delay_ms}");
    let broker = Broker::start(dir.path(), &[&delay]);
    let before = Cpu::of(broker.pid());
    let settled = settle_at(&broker.address, "g", count);
    println!(
        "{count} members, delay {initial_delay_ms} ms, over TCP: generation {}, {} messages, \
         {:.2} s, broker's processor {:.2} s, peak RSS {:.1} MiB",
        settled.generation,
        settled.messages,
        settled.elapsed.as_secs_f64(),
        Cpu::of(broker.pid()).since(before).seconds(),
        status_kib(broker.pid(), "VmHWM") as f64 / 1024.0,
    );
}

/// Let `count` members that connect together settle in this group of the broker at `address`.
pub fn settle_at(address: &str, group: &str, count: usize) -> Settled {
    let hall = Rc::new(Members {
        group: GroupId(StrBytes::from_string(group.to_owned())),
        messages: Cell::new(0),
        settled: RefCell::new(vec![-1; count]),
        is_settled: Cell::new(false),
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let begun = Instant::now();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        for who in 0..count {
            let (address, hall) = (address.to_owned(), hall.clone());
            tokio::task::spawn_local(
                async move { Member::new(who, &address, hall).await.live().await },
            );
        }
        while !hall.is_settled.get() {
            assert!(begun.elapsed() < Duration::from_secs(120), "the group does not settle");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let generation = hall.settled.borrow()[0];
    Settled { generation, messages: hall.messages.get(), elapsed: begun.elapsed() }
}

struct Member {
    who: usize,
    connection: Connection,
    hall: Rc<Members>,
    id: StrBytes,
    generation: i32,
}

impl Member {
    async fn new(who: usize, address: &str, hall: Rc<Members>) -> Member {
        let connection = Connection::to(address).await;
        Member { who, connection, hall, id: StrBytes::default(), generation: -1 }
    }

    async fn live(mut self) {
        loop {
            let followers = self.join().await;
            if self.sync(followers).await {
                self.beat().await;
            }
        }
    }

    fn count(&self) {
        self.hall.messages.set(self.hall.messages.get() + 1);
    }

    /// Join; gives the members if it is to assign.
    async fn join(&mut self) -> Vec<StrBytes> {
        let protocol = JoinGroupRequestProtocol::default()
            .with_name(StrBytes::from_static_str("range"))
            .with_metadata(Bytes::from_static(b"\0\0\0\0\0\x01\0\x01t\xff\xff\xff\xff"));
        loop {
            let request = JoinGroupRequest::default()
                .with_group_id(self.hall.group.clone())
                .with_member_id(self.id.clone())
                .with_session_timeout_ms(45_000)
                .with_rebalance_timeout_ms(300_000)
                .with_protocol_type(StrBytes::from_static_str("consumer"))
                .with_protocols(vec![protocol.clone()]);
            self.count();
            let answer: JoinGroupResponse =
                self.connection.call(ApiKey::JoinGroup, 9, &request).await;
            self.id = answer.member_id;
            match answer.error_code {
                0 => {
                    self.generation = answer.generation_id;
                    return answer.members.into_iter().map(|m| m.member_id).collect();
                }
                MEMBER_ID_REQUIRED | REBALANCE_IN_PROGRESS => {}
                code if NOT_YET.contains(&code) => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                code => panic!("JoinGroup: error {code}"),
            }
        }
    }

    /// False if the group is rebalancing again.
    async fn sync(&mut self, followers: Vec<StrBytes>) -> bool {
        let share = |id: StrBytes| {
            let share = Bytes::from_static(b"\0\0\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\x07");
            SyncGroupRequestAssignment::default().with_member_id(id).with_assignment(share)
        };
        let request = SyncGroupRequest::default()
            .with_group_id(self.hall.group.clone())
            .with_generation_id(self.generation)
            .with_member_id(self.id.clone())
            .with_protocol_type(Some(StrBytes::from_static_str("consumer")))
            .with_protocol_name(Some(StrBytes::from_static_str("range")))
            .with_assignments(followers.into_iter().map(share).collect());
        self.count();
        let answer: SyncGroupResponse = self.connection.call(ApiKey::SyncGroup, 5, &request).await;
        match answer.error_code {
            0 => self.has_its_share(),
            REBALANCE_IN_PROGRESS => return false,
            code => panic!("SyncGroup: error {code}"),
        }
        true
    }

    fn has_its_share(&self) {
        let mut settled = self.hall.settled.borrow_mut();
        settled[self.who] = self.generation;
        self.hall.is_settled.set(settled.iter().all(|generation| *generation == self.generation));
    }

    async fn beat(&mut self) {
        loop {
            tokio::time::sleep(BEAT).await;
            let request = HeartbeatRequest::default()
                .with_group_id(self.hall.group.clone())
                .with_generation_id(self.generation)
                .with_member_id(self.id.clone());
            self.count();
            let answer: HeartbeatResponse =
                self.connection.call(ApiKey::Heartbeat, 4, &request).await;
            match answer.error_code {
                0 => {}
                REBALANCE_IN_PROGRESS => return,
                code => panic!("Heartbeat: error {code}"),
            }
        }
    }
}
