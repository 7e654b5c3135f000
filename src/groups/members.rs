//! The members of a group, found by id, by instance id, and by the time at which their session
//! expires. No lookup costs more in a large group than in a small one.
//!
//! **Invariant:** the indexes agree with the members. Pending requests and deadlines are therefore
//! changed through [`Members::change`], and the other fields by the functions named after them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;

use crate::groups::protocols::{Protocols, member_bytes, protocols_bytes};
use crate::groups::questions::{Join, Sync};
use crate::groups::records::MemberValue;
use crate::groups::visits::visit;
use crate::machine::Ticket;

/// One member.
#[derive(Debug, Clone)]
pub struct Member {
    /// The id that the coordinator assigned to it.
    pub id: Arc<str>,
    /// `group.instance.id` of a static member (KIP-345).
    pub instance_id: Option<String>,
    /// The client id.
    pub client_id: String,
    /// The address from which it connected.
    pub client_host: String,
    /// The session timeout, ms.
    pub session_timeout_ms: i32,
    /// The rebalance timeout, ms: how long it may take to rejoin.
    pub rebalance_timeout_ms: i32,
    /// The protocols that it supports.
    pub protocols: Protocols,
    /// The last assignment from the leader.
    pub assignment: Bytes,
    /// The JoinGroup that waits for the other members.
    pub joining: Option<Ticket<Join>>,
    /// The SyncGroup that waits for the leader.
    pub syncing: Option<Ticket<Sync>>,
    /// True if it has not synced in this generation.
    pub is_unsynced: bool,
    /// When the session expires unless the member sends a request before; monotonic ms.
    pub session_due_ms: i64,
    /// True until its first join has been answered.
    pub is_new: bool,
}

impl Member {
    /// Returns its metadata for a protocol.
    pub fn metadata(&self, protocol: Option<&str>) -> Bytes {
        let mut all = self.protocols.iter().inspect(|_| visit());
        let found = all.find(|(name, _)| Some(name.as_str()) == protocol);
        found.map(|(_, metadata)| metadata.clone()).unwrap_or_default()
    }

    /// Returns true if the session cannot expire at the moment: the coordinator owes it a response.
    pub fn is_waiting(&self) -> bool {
        self.joining.is_some() || self.syncing.is_some()
    }

    /// Returns when the session expires, monotonic ms. It does not expire while the member waits
    /// for a response, except that the join of a new member does not wait for ever.
    pub fn due_ms(&self) -> Option<i64> {
        let counts = !self.is_waiting() || (self.is_new && self.joining.is_some());
        counts.then_some(self.session_due_ms)
    }

    /// Restarts the session.
    pub fn heard_of(&mut self, now_mono_ms: i64) {
        self.session_due_ms = now_mono_ms + i64::from(self.session_timeout_ms);
    }

    /// Returns the approximate memory that it takes, in bytes.
    pub fn bytes(&self) -> usize {
        let instance = self.instance_id.as_ref().map_or(0, |id| 2 * id.len());
        let texts = self.id.len() + instance + self.client_id.len() + self.client_host.len();
        member_bytes(texts + protocols_bytes(&self.protocols) + self.assignment.len())
    }

    /// Returns what the group's record has of it.
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

    fn matches_record(&self, record: &MemberValue, protocol: &str) -> bool {
        *self.id == record.id
            && self.instance_id == record.instance_id
            && self.client_id == record.client_id
            && self.client_host == record.client_host
            && self.session_timeout_ms == record.session_timeout_ms
            && self.rebalance_timeout_ms == record.rebalance_timeout_ms
            && is_same(&self.metadata(Some(protocol)), &record.subscription)
    }

    /// Creates a member that is known from the log alone.
    pub fn from_record(record: MemberValue, protocol: &str, now_mono_ms: i64) -> Member {
        Member {
            id: record.id.into(),
            instance_id: record.instance_id,
            client_id: record.client_id,
            client_host: record.client_host,
            session_timeout_ms: record.session_timeout_ms,
            rebalance_timeout_ms: record.rebalance_timeout_ms,
            protocols: vec![(protocol.to_owned(), record.subscription)],
            assignment: record.assignment,
            joining: None,
            syncing: None,
            is_unsynced: false,
            session_due_ms: now_mono_ms + i64::from(record.session_timeout_ms),
            is_new: false,
        }
    }

    /// Returns the member with the data of the log. At a start this is called once for each
    /// generation, and the member's data may differ between them.
    pub fn updated_from_record(
        self,
        record: MemberValue,
        protocol: &str,
        now_mono_ms: i64,
    ) -> Member {
        let is_same_timeout = self.session_timeout_ms == record.session_timeout_ms;
        let is_same_metadata = self.metadata(Some(protocol)) == record.subscription;
        let fresh = Member::from_record(record, protocol, now_mono_ms);
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
    /// By order of arrival.
    all: BTreeMap<u64, Member>,
    arrivals: u64,
    by_id: BTreeMap<Arc<str>, u64>,
    by_instance: BTreeMap<String, u64>,
    /// The number of members that support each protocol.
    known_by: BTreeMap<String, usize>,
    /// The expiry of each member's session.
    timers: BTreeSet<(i64, u64)>,
    joining: usize,
    bytes: usize,
}

impl Members {
    /// Returns the number of members.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Returns whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Returns the number of members that wait for the end of the join phase.
    pub fn joining(&self) -> usize {
        self.joining
    }

    /// Returns the approximate memory that they take, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Iterates over the members in the order in which they joined.
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

    /// Returns whether all members support this protocol.
    pub fn all_know(&self, protocol: &str) -> bool {
        visit();
        self.known_by.get(protocol).copied().unwrap_or(0) == self.len()
    }

    /// Returns the protocol with the most votes, each member voting for its first that all support;
    /// in a tie, the one that received its first vote first.
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

    /// Returns when the next session expires, monotonic ms.
    pub fn next_due_ms(&self) -> Option<i64> {
        visit();
        self.timers.first().map(|(due, _)| *due)
    }

    /// Returns the members whose session has expired, in the order in which they joined.
    pub fn silent(&self, now_mono_ms: i64) -> Vec<Arc<str>> {
        let due = self.timers.range(..=(now_mono_ms, u64::MAX)).inspect(|_| visit());
        let mut arrivals: Vec<u64> = due.map(|(_, arrival)| *arrival).collect();
        arrivals.sort_unstable();
        arrivals.iter().filter_map(|at| self.all.get(at)).map(|m| m.id.clone()).collect()
    }

    /// Returns whether the records describe exactly these members, in this order; their assignments
    /// may differ.
    pub fn match_records(&self, records: &[MemberValue], protocol: &str) -> bool {
        self.len() == records.len()
            && self.iter().zip(records).all(|(m, record)| m.matches_record(record, protocol))
    }

    /// Adds a member at the end, replacing one with the same id.
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

    /// Removes a member.
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

    /// Changes a member's pending requests, deadline and timeouts.
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

    /// Changes the pending requests and deadlines of all members, in the order in which they
    /// joined.
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

    /// Replaces the protocols of a member.
    pub fn set_protocols(&mut self, id: &str, protocols: Protocols) {
        let Some(at) = self.by_id.get(id) else { return };
        let Some(member) = self.all.get_mut(at) else { return };
        self.bytes += protocols_bytes(&protocols);
        self.bytes -= protocols_bytes(&member.protocols);
        let before = std::mem::replace(&mut member.protocols, protocols.clone());
        self.unlearn(&before);
        self.learn(&protocols);
    }

    /// Sets the assignment of each member to the result of `assigned`.
    pub fn set_assignments(&mut self, mut assigned: impl FnMut(&Member) -> Bytes) {
        for member in self.all.values_mut() {
            visit();
            let assignment = assigned(member);
            self.bytes += assignment.len();
            self.bytes -= member.assignment.len();
            member.assignment = assignment;
        }
    }

    /// Changes the id of a member.
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

    /// Asserts that the indexes agree with the members.
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

/// Compares two buffers, without reading them if they are the same memory.
fn is_same(a: &Bytes, b: &Bytes) -> bool {
    (a.as_ptr() == b.as_ptr() && a.len() == b.len()) || a == b
}

/// Returns the names of the protocols, without duplicates.
fn names(protocols: &Protocols) -> BTreeSet<&str> {
    protocols.iter().map(|(name, _)| name.as_str()).collect()
}
