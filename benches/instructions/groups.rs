//! A group of one member from its first JoinGroup to a commit, in the coordinator's state machine.

use bytes::Bytes;
use ottla::clock::Now;
use ottla::groups::Groups;
use ottla::groups::command::{Command, Reply};
use ottla::groups::questions::{
    Commit, Heartbeat, JoinError, MemberIdentity, OffsetToCommit, Sync,
};
use ottla::groups::step::Step;
use ottla::machine::Machine;

use crate::{Work, joining, log};

const NOW: Now = log::STILL;
/// The share of each member; what it is does not matter here.
const SHARE: &[u8] = b"share";

struct World {
    groups: Groups,
    tickets: u64,
}

/// Each call lets a new group join, sync, send a heartbeat and commit ten offsets.
pub fn cycle() -> Work {
    let mut world = World { groups: joining::groups(0), tickets: 0 };
    Box::new(move |n| world.cycle(&format!("group-{n:06}")))
}

impl World {
    /// Sends a command and does what a driver does with the step. Returns its reply.
    fn send(&mut self, command: Command) -> Reply {
        self.tickets += 1;
        let step = self.groups.step(NOW, self.tickets, command);
        let mut replies = self.take(step);
        while self.groups.next_due_ms().is_some_and(|due| due <= NOW.mono_ms) {
            let step = self.groups.tick(NOW);
            replies.extend(self.take(step));
        }
        let found = replies.into_iter().find(|(ticket, _)| *ticket == self.tickets);
        found.expect("a reply").1
    }

    fn take(&mut self, step: Step) -> Vec<(u64, Reply)> {
        step.records.iter().for_each(|record| self.groups.apply(NOW, record));
        step.replies.into_iter().chain(step.confirmations).collect()
    }

    fn cycle(&mut self, group: &str) {
        let mut identity = MemberIdentity {
            group: group.to_owned(),
            member: String::new(),
            instance_id: None,
            generation: -1,
        };
        let Reply::Joined(Err(JoinError::MemberIdRequired(id))) =
            self.send(joining::join(identity.clone()))
        else {
            panic!("a new member is given an id first")
        };
        identity.member = id;
        let Reply::Joined(Ok(joined)) = self.send(joining::join(identity.clone())) else {
            panic!("a member with an id joins")
        };
        identity.generation = joined.generation;
        let share = (identity.member.clone(), Bytes::from_static(SHARE));
        let sync = Sync {
            identity: identity.clone(),
            protocol_type: None,
            protocol: None,
            assignments: vec![share],
        };
        assert!(matches!(self.send(Command::Sync(sync)), Reply::Synced(Ok(_))));
        let beat = Command::Heartbeat(Heartbeat(identity.clone()));
        assert!(matches!(self.send(beat), Reply::Heartbeat(Ok(()))));
        let commit = Commit {
            identity,
            retention_ms: None,
            offsets: (0..10).map(offset).collect(),
            tells_unknown_group: true,
        };
        self.send(Command::Commit(commit));
    }
}

fn offset(partition: i32) -> OffsetToCommit {
    OffsetToCommit {
        topic: "topic".to_owned(),
        partition,
        offset: 1000,
        leader_epoch: -1,
        metadata: String::new(),
    }
}
