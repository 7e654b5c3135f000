//! A group, the records that it reads, and what was seen of both.

use std::collections::{BTreeMap, HashMap};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use crate::broker::{Broker, Ottla};
use crate::groups::family::{Commit, Family, Options, Reset, produce};
use crate::groups::member::{Event, Member};

/// How many partitions the topic has.
pub const PARTITIONS: usize = 6;
/// How long a member may be silent that no one kills. A test that waits for it to be found
/// missing runs into its limit.
pub const PATIENT_MS: u32 = 300_000;
/// The least that Kafka allows.
pub const IMPATIENT_MS: u32 = 6_000;
const LIMIT: Duration = Duration::from_secs(90);

/// One group of one family on one topic.
pub struct World<B = Ottla> {
    pub broker: B,
    family: Family,
    commit: Commit,
    pub group: String,
    topic: String,
    members: Vec<Member>,
    sender: Sender<(usize, Event)>,
    events: Receiver<(usize, Event)>,
    /// Who got a record, by its value.
    seen: HashMap<String, Vec<(usize, i32)>>,
    /// How many records were written.
    pub written: usize,
    committed: HashMap<i32, i64>,
    /// What a member had committed when it was killed is not read again.
    floor: HashMap<i32, i64>,
}

impl World {
    /// A group on an Ottla of its own.
    pub fn new(family: Family, commit: Commit) -> World {
        let partitions = format!("num.partitions={PARTITIONS}");
        World::on(Ottla::start_with(&[&partitions]), family, commit)
    }
}

impl<B: Broker> World<B> {
    /// A group on this broker, which gives new topics six partitions.
    pub fn on(broker: B, family: Family, commit: Commit) -> World<B> {
        let (sender, events) = mpsc::channel();
        World {
            broker,
            family,
            commit,
            group: "shared".to_owned(),
            topic: "records".to_owned(),
            members: Vec::new(),
            sender,
            events,
            seen: HashMap::new(),
            written: 0,
            committed: HashMap::new(),
            floor: HashMap::new(),
        }
    }

    /// Write this many more records.
    pub fn write(&mut self, count: usize) {
        produce(&self.broker, &self.topic, self.written, count);
        self.written += count;
    }

    /// Start a member that begins at the earliest offset; gives its number.
    pub fn start(&mut self, name: &str, session_ms: u32) -> usize {
        self.start_with(name, session_ms, Reset::Earliest, None)
    }

    pub fn start_with(
        &mut self,
        name: &str,
        session_ms: u32,
        reset: Reset,
        instance: Option<&str>,
    ) -> usize {
        let options = Options {
            name,
            group: &self.group,
            topic: &self.topic,
            reset,
            commit: self.commit,
            session_ms,
            instance,
        };
        let command = self.family.member(self.broker.address(), &options);
        let number = self.members.len();
        self.members.push(Member::start(command, name, number, &self.sender));
        number
    }

    pub fn member(&self, number: usize) -> &Member {
        &self.members[number]
    }

    /// Wait until the partitions are shared so, each with exactly one owner.
    pub fn settle(&mut self, shares: &[usize]) {
        self.until(&format!("a share of {shares:?}"), |world| world.is_shared(shares));
    }

    fn is_shared(&self, shares: &[usize]) -> bool {
        let mut sizes: Vec<usize> = self.members.iter().map(|m| m.owned.len()).collect();
        sizes.retain(|size| *size > 0);
        sizes.sort_unstable();
        sizes == shares && self.owners().len() == PARTITIONS
    }

    /// Who owns which partition.
    pub fn owners(&self) -> BTreeMap<i32, usize> {
        let members = self.members.iter().enumerate();
        members.flat_map(|(number, m)| m.owned.iter().map(move |p| (*p, number))).collect()
    }

    /// Wait until all that was written is seen.
    pub fn see_all(&mut self) {
        self.see_from(0);
    }

    fn see_from(&mut self, first: usize) {
        let all = first..self.written;
        self.until("all records", |world| all.clone().all(|n| world.times_seen(n) > 0));
    }

    /// How often a record was seen.
    pub fn times_seen(&self, number: usize) -> usize {
        self.seen.get(&format!("r{number}")).map_or(0, Vec::len)
    }

    /// True if every record that was seen is committed by a member.
    pub fn all_is_committed(&self) -> bool {
        let committed: i64 = self.committed.values().sum();
        usize::try_from(committed) == Ok(self.seen.len())
    }

    /// Waits until members that commit by themselves have committed what they have read: a commit
    /// that comes into a rebalance is refused, and those records are rightly read again.
    pub fn wait_for_commits(&mut self) {
        if self.commit == Commit::Manual {
            self.until("all commits", World::all_is_committed);
        }
    }

    /// While nothing changes, each record is seen once, by the owner of its partition.
    pub fn read_in_peace(&mut self, count: usize) {
        let (owners, first) = (self.owners(), self.written);
        self.write(count);
        self.see_from(first);
        assert_eq!(self.owners(), owners, "a rebalance for no reason\n{}", self.state());
        for number in first..self.written {
            let seen = &self.seen[&format!("r{number}")];
            assert_eq!(seen.len(), 1, "r{number} was seen {} times\n{}", seen.len(), self.state());
            let (member, partition) = seen[0];
            assert_eq!(owners[&partition], member, "r{number} went to another\n{}", self.state());
        }
    }

    /// Kill a member hard. From now on nothing is read again that it has committed.
    pub fn kill(&mut self, number: usize) {
        self.members[number].kill();
        self.until("the last words of the killed", |world| world.members[number].pipes == 0);
        self.members[number].owned.clear();
        self.floor = self.committed.clone();
    }

    /// Let a member leave the group, and wait for its end.
    pub fn leave(&mut self, number: usize) {
        self.members[number].ask_to_leave(self.family == Family::Kcat);
        self.until("the last words of who leaves", |world| world.members[number].pipes == 0);
        self.members[number].finish();
    }

    /// Take in what the members say until this holds.
    pub fn until(&mut self, what: &str, holds: impl Fn(&World<B>) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            assert!(begun.elapsed() < LIMIT, "waited for {what}\n{}", self.state());
            self.listen(Duration::from_millis(100));
        }
    }

    /// Take in one event, if one comes in time.
    pub fn listen(&mut self, limit: Duration) {
        let Ok((number, event)) = self.events.recv_timeout(limit) else { return };
        let member = &mut self.members[number];
        match event {
            Event::Owns(partitions) => {
                member.owned = partitions;
                member.changes += 1;
            }
            Event::Got { partition, offset, value } => {
                let floor = self.floor.get(&partition).copied().unwrap_or(0);
                assert!(offset >= floor, "{partition}: {offset} was committed: {floor}");
                self.seen.entry(value).or_default().push((number, partition));
            }
            Event::Committed { partition, offset } => {
                self.committed.insert(partition, offset);
            }
            Event::Failed(error) => member.failed = Some(error),
            Event::Said(line) => member.said.push(line),
            Event::Ended => member.pipes -= 1,
        }
    }

    /// For the one who has to find out what went wrong.
    fn state(&self) -> String {
        let missing: Vec<usize> = (0..self.written).filter(|n| self.times_seen(*n) == 0).collect();
        let mut text = format!("{:?}, not seen: {missing:?}\n", self.family);
        for member in &self.members {
            let last = member.said.iter().rev().take(20).rev().cloned().collect::<Vec<_>>();
            text += &format!(
                "{} owns {:?}, failed {:?}, said:\n{}\n",
                member.name,
                member.owned,
                member.failed,
                last.join("\n")
            );
        }
        text
    }
}
