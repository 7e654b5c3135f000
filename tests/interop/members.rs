//! What a group must do whatever its client: one scenario for every family of clients.
//!
//! A family brings a program that creates a topic, produces numbered records, and is a member of
//! a group. A member says what it owns (`assigned TOPIC:PARTITION …`) and what it gets
//! (`seen TOPIC PARTITION OFFSET VALUE`), and leaves the group when its input ends.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::broker::Ottla;
use crate::clients::{limited, said};

/// Partitions of the scenario's topic, and records of each of its phases.
const PARTITIONS: usize = 6;
const PHASE: usize = 60;

/// What a member has said.
#[derive(Default)]
struct MemberOutput {
    owned: BTreeSet<String>,
    seen: Vec<(String, u64)>,
    assignments: usize,
}

/// A member of a group: a process of its own; killed when dropped.
pub struct Member {
    child: Child,
    input: Option<ChildStdin>,
    said: Arc<Mutex<MemberOutput>>,
}

impl Member {
    /// Start it; `command` is the family's program with the member's arguments.
    pub fn start(mut command: Command) -> Member {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let said = Arc::<Mutex<MemberOutput>>::default();
        let (input, output) = (child.stdin.take(), child.stdout.take().unwrap());
        let hears = said.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                hear(&mut hears.lock().unwrap(), &line);
            }
        });
        Member { child, input, said }
    }

    /// What it owns now, as `topic:partition`.
    pub fn owned(&self) -> BTreeSet<String> {
        self.said.lock().unwrap().owned.clone()
    }

    /// How often it got a new assignment.
    fn assignments(&self) -> usize {
        self.said.lock().unwrap().assignments
    }

    /// Everything it got so far: where (`topic:partition`) and which record.
    pub fn seen(&self) -> Vec<(String, u64)> {
        self.said.lock().unwrap().seen.clone()
    }

    /// Leave the group as the client does, and end; everything it got.
    pub fn leave(mut self) -> Vec<(String, u64)> {
        drop(self.input.take());
        let mut status = None;
        until("the member leaves", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        assert!(status.unwrap().success(), "a member that was asked to leave: {status:?}");
        self.seen()
    }

    /// End it at once (kill -9); everything it got.
    fn kill(mut self) -> Vec<(String, u64)> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.seen()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn hear(said: &mut MemberOutput, line: &str) {
    let mut words = line.split(' ');
    match words.next() {
        Some("assigned") => {
            said.owned = words.map(str::to_owned).collect();
            said.assignments += 1;
        }
        Some("seen") => {
            let words: Vec<_> = words.collect();
            let number = words[3].parse().unwrap_or_else(|_| panic!("{line}: no number"));
            said.seen.push((format!("{}:{}", words[0], words[1]), number));
        }
        _ => println!("{line}"),
    }
}

/// Wait until this is so.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// How often each number was seen by these members.
pub fn counts<'a>(members: impl IntoIterator<Item = &'a Member>) -> BTreeMap<u64, usize> {
    let mut counts = BTreeMap::new();
    for (_, number) in members.into_iter().flat_map(Member::seen) {
        *counts.entry(number).or_default() += 1;
    }
    counts
}

/// A family's program: makes the command of one run of it, with these arguments.
pub type Program<'a> = &'a dyn Fn(&[&str]) -> Command;

/// Run the program to its end.
pub fn run(program: Program, args: &[&str]) -> String {
    said(&args.join(" "), &limited(&program(args)).output().unwrap())
}

/// One run of the scenario.
struct Scenario<'a> {
    program: Program<'a>,
    ottla: Ottla,
    commit: &'a str,
    strategy: &'a str,
    /// The next record's number.
    next: u64,
    /// What members that are gone have seen.
    gone: BTreeSet<u64>,
}

/// Two members share a topic, a third joins, the broker crashes, one member is killed, one leaves,
/// everybody restarts. Every record is seen, and while nothing is rebalanced, once.
pub fn share_a_topic(program: Program, commit: &str, strategy: &str) {
    let ottla = Ottla::start();
    run(program, &[&ottla.address, "create", "shared", &PARTITIONS.to_string()]);
    let mut it = Scenario { program, ottla, commit, strategy, next: 0, gone: BTreeSet::new() };
    let mut members = vec![it.join("earliest"), it.join("earliest")];
    it.settled(&members, "two members");
    it.once(&members, "two members");

    members.push(it.join("earliest"));
    it.produce();
    it.settled(&members, "a third member");
    it.once(&members, "a third member");

    it.ottla.kill_and_restart();
    it.produce();
    it.all_seen(&members, "the broker is back");
    it.settled(&members, "the broker is back");
    it.once(&members, "the broker is back");

    let killed = members.remove(0).kill();
    it.gone.extend(killed.into_iter().map(|(_, number)| number));
    it.produce();
    it.settled(&members, "one was killed");
    it.once(&members, "one was killed");

    let left = members.remove(0).leave();
    it.gone.extend(left.into_iter().map(|(_, number)| number));
    it.settled(&members, "one has left");
    it.once(&members, "one has left");

    let left = members.remove(0).leave();
    it.gone.extend(left.into_iter().map(|(_, number)| number));
    it.everybody_restarts();
    assert!(it.ottla.stop());
}

/// A new group that is to begin with the latest records gets none that were there before.
pub fn begin_at_the_end(program: Program, strategy: &str) {
    let ottla = Ottla::start();
    let at = ottla.address.as_str();
    let partitions = PARTITIONS.to_string();
    let produce = |first: u64| {
        let (first, count) = (first.to_string(), PHASE.to_string());
        run(program, &[at, "produce", "shared", &partitions, &first, &count]);
    };
    run(program, &[at, "create", "shared", &partitions]);
    produce(0);
    let args = [at, "member", "late", "shared", "auto", "latest", strategy];
    let member = Member::start(program(&args));
    until("the member owns all", || member.owned().len() == PARTITIONS);
    // It is not announced when it has found the end of each partition: produce until it reads.
    let mut next = PHASE as u64;
    until("the member reads", || {
        produce(next);
        next += PHASE as u64;
        !member.seen().is_empty()
    });
    let old = member.leave().into_iter().find(|(_, number)| *number < PHASE as u64);
    assert_eq!(old, None, "an old record");
}

impl Scenario<'_> {
    fn join(&self, from: &str) -> Member {
        Member::start((self.program)(&[
            &self.ottla.address,
            "member",
            "sharers",
            "shared",
            self.commit,
            from,
            self.strategy,
        ]))
    }

    /// Produce a phase; the numbers of its records.
    fn produce(&mut self) -> std::ops::Range<u64> {
        let (first, partitions) = (self.next, PARTITIONS.to_string());
        self.next += PHASE as u64;
        let (from, count) = (first.to_string(), PHASE.to_string());
        run(self.program, &[&self.ottla.address, "produce", "shared", &partitions, &from, &count]);
        first..self.next
    }

    /// Wait until every partition has exactly one owner, and every member has one at least.
    fn settled(&self, members: &[Member], when: &str) {
        until(&format!("{when}: every partition has one owner"), || {
            let owned: Vec<_> = members.iter().map(Member::owned).collect();
            let all: BTreeSet<_> = owned.iter().flatten().collect();
            let owners = owned.iter().map(BTreeSet::len).sum::<usize>();
            all.len() == PARTITIONS && owners == PARTITIONS && owned.iter().all(|o| !o.is_empty())
        });
    }

    /// Wait until every record so far was seen by someone, now or before.
    fn all_seen(&self, members: &[Member], when: &str) {
        until(&format!("{when}: every record is seen"), || {
            let counts = counts(members);
            (0..self.next).all(|n| self.gone.contains(&n) || counts.contains_key(&n))
        });
    }

    /// Produce phases until no member gets a new assignment during one. A cooperative assignor
    /// has a round that moves nothing, which one member may hear of later than another; a
    /// group that never comes to rest rebalances out of nothing.
    fn phase_at_rest(&mut self, members: &[Member], when: &str) -> std::ops::Range<u64> {
        let reported = || members.iter().map(Member::assignments).collect::<Vec<_>>();
        for _ in 0..3 {
            // The records before these are out of the way first.
            self.all_seen(members, when);
            let before = reported();
            let phase = self.produce();
            self.all_seen(members, when);
            if reported() == before {
                return phase;
            }
        }
        panic!("{when}: rebalances out of nothing, {:?}", reported());
    }

    /// While the members are settled, each new record is seen once, by the owner of its partition.
    fn once(&mut self, members: &[Member], when: &str) {
        let phase = self.phase_at_rest(members, when);
        for member in members {
            let owned = member.owned();
            for (partition, number) in member.seen() {
                let foreign = phase.contains(&number) && !owned.contains(&partition);
                assert!(!foreign, "{when}: {number} came from {partition}, owned: {owned:?}");
            }
        }
        let counts = counts(members);
        for number in phase {
            assert_eq!(counts[&number], 1, "{when}: record {number}");
        }
    }

    /// All members are gone, and the broker crashes: new ones go on where the old ones were.
    fn everybody_restarts(&mut self) {
        self.ottla.kill_and_restart();
        let fresh = self.produce();
        // "earliest" would show every old record, were the offsets lost.
        let members = [self.join("earliest"), self.join("earliest")];
        self.settled(&members, "after the restart");
        self.all_seen(&members, "after the restart");
        self.once(&members, "after the restart");
        let counts = counts(&members);
        let first = counts.keys().next().copied();
        assert_eq!(first, Some(fresh.start), "the offsets were committed before");
        // Two members that join one after the other may rebalance, no more than that.
        assert_eq!(counts.len() as u64, self.next - fresh.start);
        members.into_iter().for_each(|member| drop(member.leave()));
    }
}
