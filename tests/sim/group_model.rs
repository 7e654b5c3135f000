//! Members of groups as clients are, and what they may believe.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use fastrand::Rng;
use ottla::groups::command::{Command, Reply};
use ottla::groups::error::GroupError;
use ottla::groups::questions::{
    Commit, Heartbeat, Join, JoinError, Joined, JoinedMember, Leave, LeavingMember, MemberIdentity,
    OffsetToCommit, Sync, Synced,
};
use ottla::groups::records::{GroupValue, Record};
use ottla::groups::{Groups, PersistedGroup};
use ottla::machine::{MachineRecord, TicketId};

/// Of the one topic that all groups read.
const PARTITIONS: usize = 7;

/// What a client is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It is to join.
    Out,
    /// Its JoinGroup is on the way.
    Joining,
    /// It is to sync.
    Joined,
    /// Its SyncGroup is on the way.
    Syncing,
    /// It has its assignment.
    In,
    /// The process is no more.
    Gone,
}

/// What a member believes to own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// How often the group had been forgotten before.
    pub era: u32,
    pub generation: i32,
    pub partitions: Vec<usize>,
}

/// A client process.
#[derive(Debug, Clone)]
pub struct Process {
    pub group: String,
    pub instance: Option<String>,
    pub id_first: bool,
    pub may_skip: bool,
    /// It keeps what it has while it joins again (KIP-429).
    pub is_cooperative: bool,
    pub protocols: Vec<&'static str>,
    pub session_ms: i32,
    pub rebalance_ms: i32,
    pub member: String,
    pub generation: i32,
    pub state: State,
    /// The request that is on its way.
    pub owed: Option<TicketId>,
    pub holding: Option<Holding>,
    pub stalled_until: i64,
    pub beat_due: i64,
    to_assign: Vec<JoinedMember>,
}

impl Process {
    pub fn new(rng: &mut Rng, group: &str) -> Process {
        let protocols: [&[&str]; 5] = [
            &["range"],
            &["range", "sticky"],
            &["sticky", "range"],
            &["range", "cooperative-sticky"],
            &["other"],
        ];
        // Most get along with each other.
        let choice = if rng.u8(0..20) == 0 { 4 } else { rng.usize(0..4) };
        Process {
            group: group.to_owned(),
            instance: (rng.u8(0..3) == 0).then(|| format!("static-{}", rng.u8(0..3))),
            id_first: rng.u8(0..3) != 0,
            may_skip: rng.bool(),
            is_cooperative: rng.bool(),
            protocols: protocols[choice].to_vec(),
            session_ms: rng.i32(6..30) * 1000,
            rebalance_ms: rng.i32(1..60) * 1000,
            member: String::new(),
            generation: -1,
            state: State::Out,
            owed: None,
            holding: None,
            stalled_until: 0,
            beat_due: 0,
            to_assign: Vec::new(),
        }
    }

    /// The same program, started again: it has forgotten everything but its configuration.
    pub fn restarted(&self) -> Process {
        Process {
            member: String::new(),
            generation: -1,
            state: State::Out,
            owed: None,
            holding: None,
            stalled_until: 0,
            to_assign: Vec::new(),
            ..self.clone()
        }
    }

    /// Who owns its partitions, whichever process it is.
    pub fn owner(&self) -> &str {
        self.instance.as_deref().unwrap_or(&self.member)
    }

    pub fn identity(&self) -> MemberIdentity {
        MemberIdentity {
            group: self.group.clone(),
            member: self.member.clone(),
            instance_id: self.instance.clone(),
            generation: self.generation,
        }
    }

    /// What it has to say now, if anything.
    pub fn next_input(&mut self, now: i64) -> Option<Command> {
        match self.state {
            State::Out => {
                self.state = State::Joining;
                if !self.is_cooperative {
                    self.holding = None;
                }
                Some(Command::Join(self.join()))
            }
            State::Joined => {
                self.state = State::Syncing;
                Some(Command::Sync(self.sync()))
            }
            State::In if self.beat_due <= now => {
                self.beat_due = now + self.beat_ms();
                Some(Command::Heartbeat(Heartbeat(self.identity())))
            }
            State::In | State::Joining | State::Syncing | State::Gone => None,
        }
    }

    /// Often enough to be taken for alive and to hear of a rebalance in time.
    fn beat_ms(&self) -> i64 {
        i64::from(self.session_ms.min(self.rebalance_ms) / 3)
    }

    pub fn join(&self) -> Join {
        let metadata = |name: &&str| ((*name).to_owned(), Bytes::from_static(SUBSCRIPTION));
        Join {
            identity: self.identity(),
            client_id: "client".to_owned(),
            client_host: "/127.0.0.1".to_owned(),
            session_timeout_ms: self.session_ms,
            rebalance_timeout_ms: self.rebalance_ms,
            protocol_type: "consumer".to_owned(),
            protocols: self.protocols.iter().map(metadata).collect(),
            requires_member_id: self.id_first,
            supports_skip_assignment: self.may_skip,
        }
    }

    fn sync(&self) -> Sync {
        let members = &self.to_assign;
        let share = |at: usize, member: &JoinedMember| {
            let owner = member.instance_id.as_ref().unwrap_or(&member.id);
            let mine: Vec<String> =
                (at..PARTITIONS).step_by(members.len()).map(|p| p.to_string()).collect();
            let text = format!("{}/{owner}/{}", self.generation, mine.join(","));
            (member.id.clone(), Bytes::from(text))
        };
        Sync {
            identity: self.identity(),
            protocol_type: None,
            protocol: None,
            assignments: members.iter().enumerate().map(|(at, m)| share(at, m)).collect(),
        }
    }

    pub fn commit(&self, rng: &mut Rng) -> Command {
        let offset = |partition| OffsetToCommit {
            topic: "t".to_owned(),
            partition,
            offset: rng.i64(0..1000),
            leader_epoch: 0,
            metadata: "x".repeat(rng.usize(0..12)),
        };
        Command::Commit(Commit {
            identity: self.identity(),
            retention_ms: None,
            tells_unknown_group: self.may_skip,
            offsets: (0..2).map(offset).collect(),
        })
    }

    pub fn leave(&self) -> Command {
        let who = LeavingMember { member: self.member.clone(), instance_id: self.instance.clone() };
        Command::Leave(Leave { group: self.group.clone(), members: vec![who] })
    }

    /// The connection is lost: whatever was on its way is to be said again.
    pub fn disconnect(&mut self) {
        self.owed = None;
        match self.state {
            State::Joining => self.state = State::Out,
            State::Syncing => self.state = State::Joined,
            _ => {}
        }
    }

    pub fn die(&mut self) {
        self.state = State::Gone;
        self.owed = None;
        self.holding = None;
    }

    /// Take in an answer; `Err` if it cannot be meant for this process.
    pub fn hears(&mut self, now: i64, era: u32, reply: Reply) -> Result<(), String> {
        self.owed = None;
        match reply {
            Reply::Joined(Ok(joined)) => self.has_joined(now, *joined)?,
            Reply::Joined(Err(JoinError::MemberIdRequired(id))) => {
                if !self.member.is_empty() || !self.id_first || self.instance.is_some() {
                    return Err(format!("{self:?} is to join with the id {id}"));
                }
                (self.member, self.state) = (id, State::Out);
            }
            Reply::Joined(Err(JoinError::Refused(fault, _))) => self.refused(fault),
            Reply::Synced(Ok(synced)) => self.has_synced(now, era, &synced)?,
            Reply::Synced(Err(fault)) | Reply::Heartbeat(Err(fault)) => self.refused(fault),
            Reply::Committed(Err(fault)) => self.refused(fault),
            Reply::Left(_) => self.die(),
            _ => {}
        }
        Ok(())
    }

    fn has_joined(&mut self, now: i64, joined: Joined) -> Result<(), String> {
        if !self.member.is_empty() && joined.member != self.member {
            return Err(format!("{self:?} got the answer of {}", joined.member));
        }
        let leads = joined.leader == joined.member && !joined.skip_assignment;
        if leads && !joined.members.iter().any(|m| m.id == joined.member) {
            return Err(format!("the leader is not among its members: {joined:?}"));
        }
        if !leads && !joined.skip_assignment && !joined.members.is_empty() {
            return Err(format!("one that does not lead gets the members: {joined:?}"));
        }
        self.to_assign = if leads { joined.members } else { Vec::new() };
        (self.member, self.generation) = (joined.member, joined.generation);
        self.state = State::Joined;
        self.beat_due = now + self.beat_ms();
        Ok(())
    }

    fn has_synced(&mut self, now: i64, era: u32, synced: &Synced) -> Result<(), String> {
        let text = std::str::from_utf8(&synced.assignment).map_err(|error| error.to_string())?;
        let mut partitions = Vec::new();
        if !text.is_empty() {
            let parts: Vec<&str> = text.split('/').collect();
            if parts[..2] != [self.generation.to_string().as_str(), self.owner()] {
                return Err(format!("{self:?} was given what is not its own: {text}"));
            }
            let all = parts[2].split(',').filter(|p| !p.is_empty());
            partitions = all.map(|p| p.parse().expect("a number")).collect();
        }
        self.holding = Some(Holding { era, generation: self.generation, partitions });
        self.state = State::In;
        self.beat_due = now + self.beat_ms();
        Ok(())
    }

    /// As the clients do.
    fn refused(&mut self, fault: GroupError) {
        match fault {
            GroupError::RebalanceInProgress | GroupError::IllegalGeneration => {
                self.state = State::Out
            }
            GroupError::UnknownMember | GroupError::GroupNotFound => {
                self.member.clear();
                self.generation = -1;
                self.holding = None;
                self.state = State::Out;
            }
            _ => self.die(),
        }
    }
}

/// A consumer's subscription to the topic `t`.
const SUBSCRIPTION: &[u8] = b"\0\0\0\0\0\x01\0\x01t\xff\xff\xff\xff";

/// What the leaders have said, and how often each group was forgotten.
#[derive(Debug, Default)]
pub struct Ledger {
    said: BTreeMap<(String, i32), BTreeMap<String, Bytes>>,
    eras: BTreeMap<String, u32>,
}

impl Ledger {
    pub fn era(&self, group: &str) -> u32 {
        self.eras.get(group).copied().unwrap_or(0)
    }

    /// A record was written; `sync` is the request that it was written for, if it is one.
    pub fn note(&mut self, record: &Record, sync: Option<&Sync>) -> Result<(), String> {
        let Record::Group { group, value } = record else { return Ok(()) };
        let Some(value) = value else {
            *self.eras.entry(group.clone()).or_default() += 1;
            self.said.retain(|(of, _), _| of != group);
            return Ok(());
        };
        if value.members.is_empty() {
            return Ok(());
        }
        let key = (group.clone(), value.generation);
        let owned = by_owner(value);
        if let Some(said) = self.said.get(&key) {
            // A static member has come back: no one has anything else for it.
            return match *said == owned {
                true => Ok(()),
                false => Err(format!("generation {key:?} was {said:?} and is now {owned:?}")),
            };
        }
        let sync = sync.ok_or_else(|| format!("no one has said what is written: {value:?}"))?;
        for member in &value.members {
            let wanted = sync.assignments.iter().find(|(id, _)| *id == member.id);
            let wanted = wanted.map(|(_, bytes)| bytes.clone()).unwrap_or_default();
            if wanted != member.assignment {
                return Err(format!("the leader gave {wanted:?} to {member:?}"));
            }
        }
        self.said.insert(key, owned);
        Ok(())
    }

    /// Whether this was said to this owner in this generation.
    pub fn confirms(&self, process: &Process, assignment: &Bytes) -> bool {
        let said = self.said.get(&(process.group.clone(), process.generation));
        said.is_some_and(|said| said.get(process.owner()) == Some(assignment))
    }
}

fn by_owner(value: &GroupValue) -> BTreeMap<String, Bytes> {
    let owned = value.members.iter().map(|member| {
        let owner = member.instance_id.as_ref().unwrap_or(&member.id);
        (owner.clone(), member.assignment.clone())
    });
    owned.collect()
}

/// No two members own a partition in one generation.
pub fn nothing_is_owned_twice(processes: &[Process]) -> Result<(), String> {
    let mut owners: BTreeMap<(&str, u32, i32, usize), &str> = BTreeMap::new();
    for process in processes {
        let Some(holding) = &process.holding else { continue };
        for partition in &holding.partitions {
            let key = (process.group.as_str(), holding.era, holding.generation, *partition);
            let owner = owners.entry(key).or_insert_with(|| process.owner());
            // A static member that was restarted has what it had; its old self is fenced.
            if *owner != process.owner() {
                return Err(format!("{owner} and {} both own {key:?}", process.owner()));
            }
        }
    }
    Ok(())
}

/// The last record of each key, in the order of the log, and all markers. Aborted records are left
/// out, and what follows the first record of an open transaction is left as it is.
pub fn compacted(log: &[Record]) -> Vec<Record> {
    let committed: Vec<Option<bool>> = (0..log.len()).map(|at| is_committed(log, at)).collect();
    let end = committed.iter().position(Option::is_none).unwrap_or(log.len());
    let mut seen = BTreeSet::new();
    let mut kept: Vec<Record> = log[end..].iter().rev().cloned().collect();
    for (at, record) in log[..end].iter().enumerate().rev() {
        let is_marker = record.marker().is_some();
        if is_marker || (committed[at] == Some(true) && seen.insert(record.encode().0)) {
            kept.push(record.clone());
        }
    }
    kept.reverse();
    kept
}

/// Whether a record counts; `None` if its transaction is open.
fn is_committed(log: &[Record], at: usize) -> Option<bool> {
    let Some(txn) = log[at].transaction() else { return Some(true) };
    let mut markers = log[at..].iter().filter_map(Record::marker);
    let own = (txn.partition, txn.producer_id);
    let end = markers.find(|(partition, end)| (*partition, end.producer_id) == own);
    end.map(|(_, end)| end.marker.committed)
}

/// Without groups of which nothing is kept.
pub fn kept(groups: &Groups) -> BTreeMap<String, PersistedGroup> {
    let mut all = groups.durable();
    all.retain(|_, durable| {
        durable.value.is_some() || !durable.offsets.is_empty() || !durable.pending.is_empty()
    });
    all
}
