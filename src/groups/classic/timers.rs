//! Timeouts of sessions, join phases and sync phases.

use crate::clock::Now;
use crate::groups::Groups;
use crate::groups::group::{Group, GroupState};
use crate::groups::step::Step;

impl Groups {
    /// Does everything of one group that is due.
    pub(crate) fn expire(&mut self, now: Now, id: &str, group: &mut Group, step: &mut Step) {
        let lost_ids = group.pending.expire(now.mono_ms);
        let silent = group.members.silent(now.mono_ms);
        silent.iter().for_each(|member| self.remove(group, member, step));
        if !silent.is_empty() || lost_ids {
            self.after_member_left(now, id, group, !silent.is_empty(), step);
        }
        if group.phase_due_ms.is_some_and(|due| due <= now.mono_ms) {
            match group.phase {
                GroupState::PreparingRebalance => self.end_join_phase(now, id, group, step),
                GroupState::CompletingRebalance | GroupState::Stable => {
                    self.end_sync_phase(now, id, group, step);
                }
                GroupState::Empty => group.phase_due_ms = None,
            }
        }
    }

    fn after_member_left(
        &mut self,
        now: Now,
        id: &str,
        group: &mut Group,
        lost_members: bool,
        step: &mut Step,
    ) {
        // A pending id that expires matters only to a join phase that waits for it.
        if lost_members || group.phase == GroupState::PreparingRebalance {
            self.after_departure(now, id, group, step);
        }
    }

    /// Removes the members that did not sync in time.
    fn end_sync_phase(&mut self, now: Now, id: &str, group: &mut Group, step: &mut Step) {
        group.phase_due_ms = None;
        let unsynced = group.members.iter().filter(|member| member.is_unsynced);
        let missing: Vec<_> = unsynced.map(|member| member.id.clone()).collect();
        missing.iter().for_each(|member| self.remove(group, member, step));
        if !missing.is_empty() {
            self.after_departure(now, id, group, step);
        }
    }
}
