//! The members of a group, found by id, by instance id, and by the time at which they are silent
//! for too long, none of which costs more in a large group than in a small one.
//!
//! **Invariant:** the indexes say what the members say. So who waits and until when is changed by
//! [`Members::change`], and what else a member has by the functions that are named after it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;

use crate::groups::Ticket;
use crate::groups::records::MemberValue;
use crate::groups::visits::visit;

/// A protocol that a member knows, with its metadata for it. In the order of its preference.
pub type Protocols = Vec<(String, Bytes)>;

/// What a member takes beside its texts, metadata and assignment: its fields, and its entries in
/// the indexes.
const MEMBER_BYTES: usize = 1024;
/// What a protocol takes beside its name and metadata.
const PROTOCOL_BYTES: usize = 64;

/// Returns about how many bytes of memory a member takes with so many of texts, metadata and
/// assignment.
pub fn member_bytes(own: usize) -> usize {
    MEMBER_BYTES + own
}

/// Returns about how many bytes of memory protocols take.
pub fn protocols_bytes(protocols: &Protocols) -> usize {
    protocols.iter().map(|(name, metadata)| PROTOCOL_BYTES + name.len() + metadata.len()).sum()
}

/// One member.
#[derive(Debug, Clone)]
pub struct Member {
    /// The id that the coordinator gave it.
    pub id: Arc<str>,
    /// `group.instance.id` of a static member (KIP-345).
    pub instance_id: Option<String>,
    /// What the client calls itself.
    pub client_id: String,
    /// Where it connected from.
    pub client_host: String,
    /// How long it may be silent, ms.
    pub session_timeout_ms: i32,
    /// How long it may take to rejoin, ms.
    pub rebalance_timeout_ms: i32,
    /// What it can be assigned by.
    pub protocols: Protocols,
    /// What the leader gave it last.
    pub assignment: Bytes,
    /// The JoinGroup that waits for everybody.
    pub joining: Option<Ticket>,
    /// The SyncGroup that waits for the leader.
    pub syncing: Option<Ticket>,
    /// True if it has not synced in this generation.
    pub is_unsynced: bool,
    /// When it is taken for dead, unless it waits or is heard of before; monotonic ms.
    pub session_due_ms: i64,
    /// True until its first join is answered.
    pub is_new: bool,
}

impl Member {
    /// Its metadata for a protocol.
    pub fn metadata(&self, protocol: Option<&str>) -> Bytes {
        let mut all = self.protocols.iter().inspect(|_| visit());
        let found = all.find(|(name, _)| Some(name.as_str()) == protocol);
        found.map(|(_, metadata)| metadata.clone()).unwrap_or_default()
    }

    /// True if silence means nothing now: the coordinator owes it an answer.
    pub fn is_waiting(&self) -> bool {
        self.joining.is_some() || self.syncing.is_some()
    }

    /// Returns when it is taken for dead if it says nothing, monotonic ms. One that waits is owed
    /// an answer; but a newcomer's join does not wait for ever.
    pub fn due_ms(&self) -> Option<i64> {
        let counts = !self.is_waiting() || (self.is_new && self.joining.is_some());
        counts.then_some(self.session_due_ms)
    }

    /// Notes that it was heard of now.
    pub fn heard_of(&mut self, now_mono_ms: i64) {
        self.session_due_ms = now_mono_ms + i64::from(self.session_timeout_ms);
    }

    /// Returns about how many bytes of memory it takes.
    pub fn bytes(&self) -> usize {
        let instance = self.instance_id.as_ref().map_or(0, |id| 2 * id.len());
        let texts = self.id.len() + instance + self.client_id.len() + self.client_host.len();
        member_bytes(texts + protocols_bytes(&self.protocols) + self.assignment.len())
    }

    /// What the log is told of it.
    pub fn value(&self, protocol: Option<&str>) -> MemberValue {
        MemberValue {
            id: self.id.to_string(),
            instance_id: self.instance_id.clone(),
            client_id: self.client_id.clone(),
            client_host: self.client_host.clone(),
            rebalance_timeout_ms: self.rebalance_timeout_ms,
            session_timeout_ms: self.session_timeout_ms,
            subscription: self.metadata(protocol),
            assignment: self.assignment.clone(),
        }
    }

    fn matches_record(&self, told: &MemberValue, protocol: &str) -> bool {
        *self.id == told.id
            && self.instance_id == told.instance_id
            && self.client_id == told.client_id
            && self.client_host == told.client_host
            && self.session_timeout_ms == told.session_timeout_ms
            && self.rebalance_timeout_ms == told.rebalance_timeout_ms
            && is_same(&self.metadata(Some(protocol)), &told.subscription)
            && is_same(&self.assignment, &told.assignment)
    }

    /// One of which the log alone is known.
    pub fn from_record(told: MemberValue, protocol: &str, now_mono_ms: i64) -> Member {
        Member {
            id: told.id.into(),
            instance_id: told.instance_id,
            client_id: told.client_id,
            client_host: told.client_host,
            session_timeout_ms: told.session_timeout_ms,
            rebalance_timeout_ms: told.rebalance_timeout_ms,
            protocols: vec![(protocol.to_owned(), told.subscription)],
            assignment: told.assignment,
            joining: None,
            syncing: None,
            is_unsynced: false,
            session_due_ms: now_mono_ms + i64::from(told.session_timeout_ms),
            is_new: false,
        }
    }

    /// What it is by the log. A start comes here once for each generation, and the member may have
    /// said something else in each.
    pub fn updated_from_record(
        self,
        told: MemberValue,
        protocol: &str,
        now_mono_ms: i64,
    ) -> Member {
        let is_same_timeout = self.session_timeout_ms == told.session_timeout_ms;
        let is_same_metadata = self.metadata(Some(protocol)) == told.subscription;
        let fresh = Member::from_record(told, protocol, now_mono_ms);
        Member {
            protocols: if is_same_metadata { self.protocols } else { fresh.protocols },
            session_due_ms: match is_same_timeout {
                true => self.session_due_ms,
                false => fresh.session_due_ms,
            },
            joining: self.joining,
            syncing: self.syncing,
            is_unsynced: self.is_unsynced,
            is_new: self.is_new,
            ..fresh
        }
    }
}

/// All members of a group, in the order in which they joined.
#[derive(Debug, Clone, Default)]
pub struct Members {
    /// By the number of their arrival.
    all: BTreeMap<u64, Member>,
    arrivals: u64,
    by_id: BTreeMap<Arc<str>, u64>,
    by_instance: BTreeMap<String, u64>,
    /// Of each protocol, how many members know it.
    known_by: BTreeMap<String, usize>,
    /// When which member is silent for too long.
    timers: BTreeSet<(i64, u64)>,
    joining: usize,
    bytes: usize,
}

impl Members {
    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Returns how many wait for the end of the join phase.
    pub fn joining(&self) -> usize {
        self.joining
    }

    /// Returns about how many bytes of memory they take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Walks through them in the order in which they joined.
    pub fn iter(&self) -> impl Iterator<Item = &Member> {
        self.all.values().inspect(|_| visit())
    }

    /// Returns the ids in the order in which they joined.
    pub fn ids(&self) -> Vec<Arc<str>> {
        self.iter().map(|member| member.id.clone()).collect()
    }

    /// Returns a member by id.
    pub fn get(&self, id: &str) -> Option<&Member> {
        visit();
        self.all.get(self.by_id.get(id)?)
    }

    /// Returns the member with this instance id.
    pub fn with_instance(&self, instance_id: &str) -> Option<&Member> {
        visit();
        self.all.get(self.by_instance.get(instance_id)?)
    }

    /// Returns whether all of them know this protocol.
    pub fn all_know(&self, protocol: &str) -> bool {
        visit();
        self.known_by.get(protocol).copied().unwrap_or(0) == self.len()
    }

    /// Returns the protocol with the most votes, each member voting for its first that all know;
    /// of several, the one that was voted for first.
    pub fn elected(&self) -> Option<&str> {
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        let mut first_seen: Vec<&str> = Vec::new();
        for member in self.iter() {
            let mut names = member.protocols.iter().map(|(name, _)| name.as_str());
            let Some(choice) = names.find(|name| self.all_know(name)) else { continue };
            let count = votes.entry(choice).or_insert(0);
            if *count == 0 {
                first_seen.push(choice);
            }
            *count += 1;
        }
        let most = votes.values().max()?;
        first_seen.into_iter().find(|name| votes.get(name) == Some(most))
    }

    /// Returns when the first of them is silent for too long, monotonic ms.
    pub fn next_due_ms(&self) -> Option<i64> {
        visit();
        self.timers.first().map(|(due, _)| *due)
    }

    /// Returns who has been silent for too long, in the order in which they joined.
    pub fn silent(&self, now_mono_ms: i64) -> Vec<Arc<str>> {
        let due = self.timers.range(..=(now_mono_ms, u64::MAX)).inspect(|_| visit());
        let mut arrivals: Vec<u64> = due.map(|(_, arrival)| *arrival).collect();
        arrivals.sort_unstable();
        arrivals.iter().filter_map(|at| self.all.get(at)).map(|m| m.id.clone()).collect()
    }

    /// Returns whether these are the members, in this order, with nothing else about them.
    pub fn match_records(&self, told: &[MemberValue], protocol: &str) -> bool {
        self.len() == told.len()
            && self.iter().zip(told).all(|(m, told)| m.matches_record(told, protocol))
    }

    /// Adds one behind the others, in the place of one with its id.
    pub fn push(&mut self, member: Member) {
        self.remove(&member.id);
        let at = self.arrivals;
        self.arrivals += 1;
        self.by_id.insert(member.id.clone(), at);
        if let Some(instance) = &member.instance_id {
            self.by_instance.insert(instance.clone(), at);
        }
        self.timers.extend(member.due_ms().map(|due| (due, at)));
        self.joining += usize::from(member.joining.is_some());
        self.bytes += member.bytes();
        self.learn(&member.protocols);
        self.all.insert(at, member);
    }

    /// Takes one out.
    pub fn remove(&mut self, id: &str) -> Option<Member> {
        visit();
        let at = self.by_id.remove(id)?;
        let member = self.all.remove(&at)?;
        if let Some(instance) = &member.instance_id
            && self.by_instance.get(instance) == Some(&at)
        {
            self.by_instance.remove(instance);
        }
        if let Some(due) = member.due_ms() {
            self.timers.remove(&(due, at));
        }
        self.joining -= usize::from(member.joining.is_some());
        self.bytes -= member.bytes();
        self.unlearn(&member.protocols);
        Some(member)
    }

    /// Changes who waits, until when, and its timeouts.
    pub fn change<T>(&mut self, id: &str, change: impl FnOnce(&mut Member) -> T) -> Option<T> {
        visit();
        let at = *self.by_id.get(id)?;
        let member = self.all.get_mut(&at)?;
        let before = (member.due_ms(), member.joining.is_some());
        let outcome = change(member);
        let after = (member.due_ms(), member.joining.is_some());
        self.note(at, before, after);
        Some(outcome)
    }

    /// Changes who waits and until when, of every one in the order in which they joined.
    pub fn change_each(&mut self, mut change: impl FnMut(&mut Member)) {
        let arrivals: Vec<u64> = self.all.keys().copied().collect();
        for at in arrivals {
            visit();
            let Some(member) = self.all.get_mut(&at) else { continue };
            let before = (member.due_ms(), member.joining.is_some());
            change(member);
            let after = (member.due_ms(), member.joining.is_some());
            self.note(at, before, after);
        }
    }

    fn note(&mut self, at: u64, before: (Option<i64>, bool), after: (Option<i64>, bool)) {
        if before.0 != after.0 {
            if let Some(due) = before.0 {
                self.timers.remove(&(due, at));
            }
            self.timers.extend(after.0.map(|due| (due, at)));
        }
        self.joining = self.joining + usize::from(after.1) - usize::from(before.1);
    }

    /// Gives a member another list of protocols.
    pub fn set_protocols(&mut self, id: &str, protocols: Protocols) {
        let Some(at) = self.by_id.get(id) else { return };
        let Some(member) = self.all.get_mut(at) else { return };
        self.bytes += protocols_bytes(&protocols);
        self.bytes -= protocols_bytes(&member.protocols);
        let before = std::mem::replace(&mut member.protocols, protocols.clone());
        self.unlearn(&before);
        self.learn(&protocols);
    }

    /// Gives each member what `assigned` has for it.
    pub fn set_assignments(&mut self, mut assigned: impl FnMut(&Member) -> Bytes) {
        for member in self.all.values_mut() {
            visit();
            let assignment = assigned(member);
            self.bytes += assignment.len();
            self.bytes -= member.assignment.len();
            member.assignment = assignment;
        }
    }

    /// Calls a member by another id.
    pub fn rename(&mut self, from: &str, to: &str) {
        visit();
        let Some(at) = self.by_id.remove(from) else { return };
        let Some(member) = self.all.get_mut(&at) else { return };
        self.bytes = self.bytes + to.len() - from.len();
        member.id = to.into();
        self.by_id.insert(member.id.clone(), at);
    }

    fn learn(&mut self, protocols: &Protocols) {
        for name in names(protocols) {
            visit();
            match self.known_by.get_mut(name) {
                Some(count) => *count += 1,
                None => drop(self.known_by.insert(name.to_owned(), 1)),
            }
        }
    }

    fn unlearn(&mut self, protocols: &Protocols) {
        for name in names(protocols) {
            visit();
            let Some(count) = self.known_by.get_mut(name) else { continue };
            *count -= 1;
            if *count == 0 {
                self.known_by.remove(name);
            }
        }
    }

    /// Compares the indexes with the members.
    #[cfg(test)]
    pub fn assert_sound(&self) {
        let mut again = Members::default();
        self.all.values().for_each(|member| again.push(member.clone()));
        let numbers: Vec<u64> = self.all.keys().copied().collect();
        let same = |at: &u64| numbers.iter().position(|number| number == at).map(|at| at as u64);
        let by_id: Vec<_> = self.by_id.iter().map(|(id, at)| (id, same(at))).collect();
        let expected: Vec<_> = again.by_id.iter().map(|(id, at)| (id, Some(*at))).collect();
        assert_eq!(by_id, expected);
        let by_instance: Vec<_> = self.by_instance.iter().map(|(id, at)| (id, same(at))).collect();
        let expected: Vec<_> = again.by_instance.iter().map(|(id, at)| (id, Some(*at))).collect();
        assert_eq!(by_instance, expected);
        let timers: BTreeSet<_> = self.timers.iter().map(|(due, at)| (*due, same(at))).collect();
        let expected = again.timers.iter().map(|(due, at)| (*due, Some(*at))).collect();
        assert_eq!(timers, expected);
        assert_eq!(self.known_by, again.known_by);
        assert_eq!((self.joining, self.bytes), (again.joining, again.bytes));
    }
}

/// Compares without a look at the bytes if they are the same place in memory.
fn is_same(a: &Bytes, b: &Bytes) -> bool {
    (a.as_ptr() == b.as_ptr() && a.len() == b.len()) || a == b
}

/// The names of protocols, each once.
fn names(protocols: &Protocols) -> BTreeSet<&str> {
    protocols.iter().map(|(name, _)| name.as_str()).collect()
}
