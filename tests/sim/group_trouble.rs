//! What happens to the clients of groups, and what administrators do.

use ottla::groups::command::Command;
use ottla::groups::questions::{
    Commit, CommitInTxn, Delete, DeleteOffsets, Describe, EndOfTxn, FetchAllOffsets, FetchOffsets,
    Heartbeat, Leave, LeavingMember, List, MemberIdentity, OffsetToCommit, TopicDeleted,
};
use ottla::log::end_txn::{EndTxn, EndTxnMarker};
use ottla::log::verification::TxnCheck;
use ottla::machine::RecordTxn;

use crate::group_model::State;
use crate::groups::{GROUPS, World};

impl World {
    /// A client does what it should not, or what happens to it.
    pub fn trouble(&mut self, who: usize) -> Result<(), String> {
        let now = self.now;
        let process = &mut self.processes[who];
        match self.rng.u8(0..10) {
            0 => process.die(),
            1 => process.stalled_until = now + self.rng.i64(0..90_000),
            2 | 3 => process.disconnect(),
            4 => {
                let again = process.restarted();
                // A static member's old process may well live on and be fenced.
                if process.instance.is_none() || self.rng.bool() {
                    process.die();
                }
                self.processes.push(again);
            }
            5 if process.state == State::In => {
                let mut identity = process.identity();
                identity.generation += self.rng.i32(-1..2);
                return self.ask(None, Command::Heartbeat(Heartbeat(identity)));
            }
            6 if process.state == State::In => {
                let leave = process.leave();
                return self.ask(Some(who), leave);
            }
            // Its subscription changes; it joins again.
            7 if process.state == State::In => {
                process.protocols.reverse();
                process.state = State::Out;
            }
            8 if process.state == State::Joining => {
                process.disconnect();
                return self.act(who);
            }
            _ => {}
        }
        self.tell(format_args!("trouble for {who}"));
        Ok(())
    }

    pub fn admin(&mut self) -> Result<(), String> {
        let group = GROUPS[self.rng.usize(..GROUPS.len())].to_owned();
        let offset = OffsetToCommit {
            topic: if self.rng.bool() { "t" } else { "u" }.to_owned(),
            partition: self.rng.i32(0..3),
            offset: self.rng.i64(0..100),
            leader_epoch: -1,
            metadata: String::new(),
        };
        let wanted = vec![(offset.topic.clone(), vec![0, 1, 2])];
        let identity =
            MemberIdentity { group: group.clone(), generation: -1, ..MemberIdentity::default() };
        let txn = RecordTxn {
            partition: self.rng.i32(0..2),
            producer_id: self.rng.i64(0..3),
            producer_epoch: 0,
            check: TxnCheck::Unneeded,
        };
        let input = match self.rng.u8(0..16) {
            0 => Command::Delete(Delete { group }),
            1 => Command::TopicDeleted(TopicDeleted { topic: offset.topic }),
            2 => Command::DeleteOffsets(DeleteOffsets { group, wanted }),
            3 => {
                let instance_id = Some(format!("static-{}", self.rng.u8(0..3)));
                let one = LeavingMember { member: String::new(), instance_id };
                Command::Leave(Leave { group, members: vec![one] })
            }
            4 => Command::List(List { after: None }),
            5 => Command::Describe(Describe { group }),
            6 => Command::FetchOffsets(FetchOffsets { group, wanted, requires_stable: false }),
            7 => Command::FetchAllOffsets(FetchAllOffsets {
                group,
                from: (String::new(), i32::MIN),
                requires_stable: false,
            }),
            8 | 9 => {
                let offsets = vec![offset];
                let commit =
                    Commit { identity, retention_ms: None, offsets, tells_unknown_group: true };
                Command::CommitInTxn(CommitInTxn { commit, txn })
            }
            10 | 11 => {
                let committed = self.rng.bool();
                Command::EndOfTxn(ending(txn.partition, txn.producer_id, committed))
            }
            n => Command::Commit(Commit {
                identity,
                retention_ms: (n == 12).then_some(60_000),
                offsets: vec![offset],
                tells_unknown_group: true,
            }),
        };
        self.ask(None, input)
    }
}

/// The end of a producer's transaction in a partition of the coordinator's log.
pub fn ending(partition: i32, producer_id: i64, committed: bool) -> EndOfTxn {
    let marker = EndTxnMarker { committed, coordinator_epoch: 0 };
    let end = EndTxn { producer_id, producer_epoch: 1, marker, bumps_epoch: true };
    EndOfTxn { partition, end }
}
