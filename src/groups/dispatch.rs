//! The machine as its driver sees it: commands and deadlines to the rules, records to the groups.

use crate::clock::Now;
use crate::groups::Groups;
use crate::groups::command::{Command, Reply};
use crate::groups::consumer::records::ConsumerRecord;
use crate::groups::error::GroupError;
use crate::groups::group::Group;
use crate::groups::group_type::GroupType;
use crate::groups::limits::SLICE;
use crate::groups::records::Record;
use crate::groups::step::Step;
use crate::log::producer::ProducerError;
use crate::machine::{Machine, Ticket, TicketId};

impl Machine for Groups {
    type Command = Command;
    type Reply = Reply;
    type Record = Record;

    fn step(&mut self, now: Now, id: TicketId, command: Command) -> Step {
        let mut step = Step::default();
        let group = command.group().map(str::to_owned);
        match command {
            Command::Join(join) => self.join(now, Ticket::of(&join, id), join, &mut step),
            Command::Sync(sync) => self.sync(now, Ticket::of(&sync, id), sync, &mut step),
            Command::Heartbeat(beat) => {
                step.reply(Ticket::of(&beat, id), self.heartbeat(now, &beat.0));
            }
            Command::Leave(leave) => self.leave(now, Ticket::of(&leave, id), leave, &mut step),
            Command::ConsumerHeartbeat(beat) => {
                self.consumer_heartbeat(now, Ticket::of(&beat, id), &beat, &mut step);
            }
            Command::ResolvedRegexes(resolved) => {
                self.resolve_regexes(now, Ticket::of(&resolved, id), resolved, &mut step);
            }
            Command::CheckMember(check) => {
                step.reply(Ticket::of(&check, id), self.check_member(&check));
            }
            Command::DescribeConsumers(describe) => {
                let described = self.describe_consumers(&describe).map(Box::new);
                step.reply(Ticket::of(&describe, id), described);
            }
            Command::Commit(commit) => {
                self.commit(now, Ticket::of(&commit, id), commit, &mut step);
            }
            Command::CommitInTxn(commit) => {
                self.commit_in_txn(now, Ticket::of(&commit, id), commit, &mut step);
            }
            Command::EndOfTxn(end) => Groups::end_of_txn(Ticket::of(&end, id), end, &mut step),
            Command::FetchOffsets(fetch) => {
                let ticket = Ticket::of(&fetch, id);
                step.reply(ticket, self.fetch_offsets(fetch));
            }
            Command::FetchAllOffsets(fetch) => {
                let ticket = Ticket::of(&fetch, id);
                step.reply(ticket, self.fetch_all_offsets(&fetch));
            }
            Command::DeleteOffsets(delete) => {
                self.delete_offsets(Ticket::of(&delete, id), delete, &mut step);
            }
            Command::Describe(describe) => {
                let described = self.describe(&describe.group).map(Box::new);
                step.reply(Ticket::of(&describe, id), described);
            }
            Command::List(list) => {
                step.reply(Ticket::of(&list, id), self.list(list.after.as_deref()));
            }
            Command::Delete(delete) => {
                self.delete(Ticket::of(&delete, id), &delete.group, &mut step);
            }
            Command::TopicDeleted(deleted) => {
                self.topic_deleted(now, Ticket::of(&deleted, id), &deleted.topic, &mut step);
            }
        }
        if let Some(id) = group {
            self.settle(&id);
        }
        step
    }

    fn tick(&mut self, now: Now) -> Step {
        let mut step = Step::default();
        let mut left = SLICE;
        while left > 0
            && let Some((due, id)) = self.due.first().cloned()
            && due <= now.mono_ms
        {
            self.due.remove(&(due, id.clone()));
            let mut part = Step::default();
            self.with_group(&id, |groups, group| {
                group.watched_ms = None;
                groups.expire(now, &id, group, &mut part);
                groups.expire_consumers(now, &id, group, &mut part);
            });
            self.settle(&id);
            left = left.saturating_sub(1 + part.records.len() + part.replies.len());
            step.extend(part);
        }
        if left > 0 && self.retention_due_ms.is_some_and(|due| due <= now.mono_ms) {
            self.expire_offsets(now, &mut step);
        }
        if left > 0 && self.deleted_topics.due_ms().is_some_and(|due| due <= now.mono_ms) {
            self.forget_deleted_topic(now, &mut step);
        }
        step
    }

    fn refused(reply: Reply, error: ProducerError) -> Option<Reply> {
        match reply {
            Reply::CommittedInTxn(_) => {
                Some(Reply::CommittedInTxn(Err(GroupError::Producer(error))))
            }
            Reply::TxnEnded(_) => Some(Reply::TxnEnded(Err(error))),
            _ => None,
        }
    }

    fn next_due_ms(&self) -> Option<i64> {
        let first = self.due.first().map(|(due, _)| *due);
        let others = self.retention_due_ms.into_iter().chain(self.deleted_topics.due_ms());
        first.into_iter().chain(others).min()
    }

    fn apply(&mut self, now: Now, record: &Record) {
        match record {
            Record::Offset { group, topic, partition, value: Some(value) } => {
                self.group_or_new(now, group);
                self.with_group(group, |groups, group| {
                    group.pending_offsets.committed(topic, *partition);
                    groups.keep_offset(group, topic, *partition, value.clone());
                });
            }
            Record::Offset { group: id, topic, partition, value: None } => {
                self.with_group(id, |groups, group| {
                    group.offsets.remove(topic, *partition);
                    for txn in group.pending_offsets.remove(topic, *partition) {
                        groups.open_txns.remove(txn, id);
                    }
                    groups.forget_topic_of(group, topic);
                });
                match self.topics.contains(topic) {
                    true => self.deleted_topics.made_progress(topic, now.mono_ms),
                    false => self.deleted_topics.remove(topic),
                }
                self.forget_if_bare(id);
            }
            Record::TxnOffset { txn, group, topic, partition, value } => {
                self.group_or_new(now, group);
                let txn = (txn.partition, txn.producer_id);
                self.with_group(group, |groups, group| {
                    groups.keep_pending_offset(txn, group, (topic, *partition), value.clone());
                });
            }
            Record::TxnEnd { partition, end } => self.end_txn(*partition, end),
            Record::Group { group: id, value: Some(value) } => {
                self.group_or_new(now, id);
                self.with_group(id, |_, group| {
                    // As in Kafka, the last record decides on the type.
                    group.group_type = GroupType::Classic;
                    group.consumer = None;
                    group.take_over(value.clone(), now.mono_ms);
                });
                self.watch(id);
            }
            Record::Group { group: id, value: None } => {
                self.with_group(id, |_, group| {
                    let (offsets, pending) =
                        (std::mem::take(&mut group.offsets), std::mem::take(&mut group.pending));
                    let pending_offsets = std::mem::take(&mut group.pending_offsets);
                    let (watched_ms, group_type) = (group.watched_ms, group.group_type);
                    let consumer = group.consumer.take();
                    let bare = Group::new(group.id.clone(), now.wall_ms);
                    let kept = Group { offsets, pending_offsets, pending, ..bare };
                    *group = Group { watched_ms, group_type, consumer, ..kept };
                });
                self.forget_if_bare(id);
            }
            Record::Consumer { group, record } => self.apply_to_consumers(now, group, record),
            Record::Unserved { group, group_type, value, .. } if record.is_of_group() => {
                self.note_type(now, group, *group_type, value.is_some());
            }
            Record::Unserved { .. } => {}
        }
        if self.retention_due_ms.is_none() && !self.groups.is_empty() {
            self.retention_due_ms = Some(now.mono_ms + self.rules.retention_check_ms);
        }
    }
}

impl Groups {
    /// Applies a record of a consumer group. As in Kafka, the last record decides on the type.
    fn apply_to_consumers(&mut self, now: Now, id: &str, record: &ConsumerRecord) {
        let session_timeout_ms = self.rules.consumer.session_timeout_ms;
        let is_tombstone = record.is_tombstone();
        if !is_tombstone {
            self.group_or_new(now, id);
        }
        self.with_group(id, |_, group| {
            if !is_tombstone && group.consumer.is_none() {
                group.consumer = Some(Box::default());
                group.group_type = GroupType::Consumer;
            }
            let Some(state) = &mut group.consumer else { return };
            state.apply(now, record, session_timeout_ms);
            if state.is_bare() {
                group.consumer = None;
                group.group_type = GroupType::Classic;
            }
        });
        self.forget_if_bare(id);
        self.watch(id);
    }
}
