//! The handle of the group coordinator.
//!
//! What can be refused without looking at a group is refused here, on the task of the caller: a
//! large request costs its sender, not all groups. Long lists are sent to the coordinator in
//! slices, so that other requests are served in between.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use crate::clock::Clock;
use crate::coordinator::refusals::Refusals;
use crate::groups::command::{
    Command, DeletedOffsets, FetchedOffsets, GroupError, LeavingMember, Listing, Reply,
    TopicPartitions,
};
use crate::groups::limits::{Limits, SLICE, Usage};

/// Capacity of the queue of commands to the task.
const INBOX: usize = 4096;

/// There is no coordinator: the disk is full, its log has failed, or the broker is stopping.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the group coordinator is not available")]
pub struct CoordinatorNotAvailable;

/// A command in the queue.
pub struct PendingCommand {
    /// The command.
    pub input: Command,
    /// Where to send the reply.
    pub answer: oneshot::Sender<Reply>,
}

/// The handle of the group coordinator.
#[derive(Debug, Clone)]
pub struct Coordinator {
    inbox: mpsc::Sender<PendingCommand>,
    usage: watch::Receiver<Usage>,
    limits: Limits,
    refusals: Arc<Refusals>,
}

/// The receiving end, for the coordinator's task.
pub struct CommandReceiver {
    /// The queue of commands.
    pub asked: mpsc::Receiver<PendingCommand>,
    /// Where the coordinator publishes its usage.
    pub usage: watch::Sender<Usage>,
}

/// The results of one step for a list of partitions, by topic.
type ByTopic<T> = Vec<(String, Vec<T>)>;

impl Coordinator {
    /// Creates both ends.
    pub fn new(limits: Limits, clock: Arc<dyn Clock>) -> (Coordinator, CommandReceiver) {
        let (inbox, asked) = mpsc::channel(INBOX);
        let (usage_in, usage) = watch::channel(Usage::default());
        let refusals = Arc::new(Refusals::new(clock));
        (Coordinator { inbox, usage, limits, refusals }, CommandReceiver { asked, usage: usage_in })
    }

    /// Returns the coordinator's usage: groups, members, offsets, and the memory they take.
    pub fn usage(&self) -> Usage {
        *self.usage.borrow()
    }

    /// Sends a command and waits for the reply, which may take as long as a rebalance.
    ///
    /// # Errors
    ///
    /// Returns [`CoordinatorNotAvailable`] if there will be no reply.
    pub async fn ask(&self, mut input: Command) -> Result<Reply, CoordinatorNotAvailable> {
        let group = input.group().map(str::to_owned).unwrap_or_default();
        let refused = self.limits.check(&input).err();
        let reply = match refused.and_then(|fault| Reply::refusal(&input, fault)) {
            Some(reply) => reply,
            None => {
                input.detach();
                self.send(input).await?
            }
        };
        if let Some(limit) = reply.limit() {
            self.refusals.note(limit, &group);
        }
        Ok(reply)
    }

    async fn send(&self, input: Command) -> Result<Reply, CoordinatorNotAvailable> {
        let (answer, reply) = oneshot::channel();
        self.inbox
            .send(PendingCommand { input, answer })
            .await
            .map_err(|_| CoordinatorNotAvailable)?;
        reply.await.map_err(|_| CoordinatorNotAvailable)
    }

    /// Deletes a group, regardless of the number of its offsets.
    ///
    /// # Errors
    ///
    /// As [`Coordinator::ask`].
    pub async fn delete(&self, group: &str) -> Result<Reply, CoordinatorNotAvailable> {
        loop {
            match self.send(Command::Delete { group: group.to_owned() }).await? {
                Reply::ToBeContinued => {}
                done => return Ok(done),
            }
        }
    }

    /// Removes the committed offsets of a deleted topic.
    ///
    /// # Errors
    ///
    /// As [`Coordinator::ask`].
    pub async fn forget_topic(&self, topic: &str) -> Result<(), CoordinatorNotAvailable> {
        loop {
            match self.send(Command::TopicDeleted { topic: topic.to_owned() }).await? {
                Reply::ToBeContinued => {}
                _ => return Ok(()),
            }
        }
    }

    /// Returns all groups in order of their ids.
    ///
    /// # Errors
    ///
    /// As [`Coordinator::ask`].
    pub async fn list(&self) -> Result<Vec<Listing>, CoordinatorNotAvailable> {
        let mut all: Vec<Listing> = Vec::new();
        loop {
            let after = all.last().map(|last| last.group.clone());
            let Reply::Listed(page, is_more) = self.send(Command::List { after }).await? else {
                return Err(CoordinatorNotAvailable);
            };
            all.extend(page);
            if !is_more {
                return Ok(all);
            }
        }
    }

    /// Returns the committed offsets of some partitions of a group.
    ///
    /// # Errors
    ///
    /// As [`Coordinator::ask`].
    pub async fn fetch_offsets(
        &self,
        group: &str,
        wanted: TopicPartitions,
    ) -> Result<FetchedOffsets, CoordinatorNotAvailable> {
        let mut all = Vec::new();
        for Slice { wanted, continues } in Slices::of(wanted) {
            let input = Command::FetchOffsets { group: group.to_owned(), wanted };
            let Reply::Fetched(offsets) = self.send(input).await? else {
                return Err(CoordinatorNotAvailable);
            };
            append(&mut all, offsets, continues);
        }
        Ok(all)
    }

    /// Returns all committed offsets of a group.
    ///
    /// # Errors
    ///
    /// As [`Coordinator::ask`].
    pub async fn fetch_all_offsets(
        &self,
        group: &str,
    ) -> Result<FetchedOffsets, CoordinatorNotAvailable> {
        let mut all: FetchedOffsets = Vec::new();
        let mut from = (String::new(), i32::MIN);
        loop {
            let input = Command::FetchAllOffsets { group: group.to_owned(), from };
            let Reply::FetchedAll(page, next) = self.send(input).await? else {
                return Err(CoordinatorNotAvailable);
            };
            let last = all.last().map(|(topic, _)| topic);
            let continues = last.is_some() && last == page.first().map(|(topic, _)| topic);
            append(&mut all, page, continues);
            match next {
                Some(next) => from = next,
                None => return Ok(all),
            }
        }
    }

    /// Deletes the offsets of some partitions of a group.
    ///
    /// # Errors
    ///
    /// As [`Coordinator::ask`].
    pub async fn delete_offsets(
        &self,
        group: &str,
        wanted: TopicPartitions,
    ) -> Result<Result<DeletedOffsets, GroupError>, CoordinatorNotAvailable> {
        let mut all = Vec::new();
        for Slice { wanted, continues } in Slices::of(wanted) {
            let later = (!all.is_empty()).then(|| wanted.clone());
            let input = Command::DeleteOffsets { group: group.to_owned(), wanted };
            let Reply::Deleted(outcome) = self.send(input).await? else {
                return Err(CoordinatorNotAvailable);
            };
            match (outcome, later) {
                (Ok(deleted), _) => append(&mut all, deleted, continues),
                // The previous slice deleted the last offset, and the group with it.
                (Err(GroupError::GroupNotFound), Some(wanted)) => {
                    append(&mut all, nothing_there(wanted), continues);
                }
                (Err(fault), _) => return Ok(Err(fault)),
            }
        }
        Ok(Ok(all))
    }

    /// Removes members from a group. Returns the outcome for each.
    ///
    /// # Errors
    ///
    /// As [`Coordinator::ask`].
    pub async fn leave(
        &self,
        group: &str,
        members: Vec<LeavingMember>,
    ) -> Result<Vec<(LeavingMember, Result<(), GroupError>)>, CoordinatorNotAvailable> {
        let mut all = Vec::with_capacity(members.len());
        let mut rest = members.into_iter();
        loop {
            let members: Vec<LeavingMember> = rest.by_ref().take(SLICE).collect();
            if members.is_empty() {
                return Ok(all);
            }
            let input = Command::Leave { group: group.to_owned(), members };
            let Reply::Left(left) = self.send(input).await? else {
                return Err(CoordinatorNotAvailable);
            };
            all.extend(left);
        }
    }
}

/// Returns the outcome of deleting offsets that do not exist.
fn nothing_there(wanted: TopicPartitions) -> DeletedOffsets {
    let all = |partitions: Vec<i32>| partitions.into_iter().map(|p| (p, Ok(()))).collect();
    wanted.into_iter().map(|(topic, partitions)| (topic, all(partitions))).collect()
}

/// Appends the results of a slice to those of the slices before.
fn append<T>(all: &mut ByTopic<T>, slice: ByTopic<T>, continues: bool) {
    let mut slice = slice.into_iter();
    if continues && let (Some((_, partitions)), Some((_, more))) = (all.last_mut(), slice.next()) {
        partitions.extend(more);
    }
    all.extend(slice);
}

/// A slice of a list of partitions.
struct Slice {
    wanted: TopicPartitions,
    /// True if it begins within the last topic of the slice before.
    continues: bool,
}

/// Slices of a list of partitions, each as long as one step may process. The first may be empty.
struct Slices {
    topics: std::vec::IntoIter<(String, Vec<i32>)>,
    /// The rest of a topic.
    open: Option<(String, std::vec::IntoIter<i32>)>,
    is_first: bool,
}

impl Slices {
    fn of(wanted: TopicPartitions) -> Slices {
        Slices { topics: wanted.into_iter(), open: None, is_first: true }
    }
}

impl Iterator for Slices {
    type Item = Slice;

    fn next(&mut self) -> Option<Slice> {
        let is_first = std::mem::replace(&mut self.is_first, false);
        let continues = self.open.is_some();
        let mut wanted: TopicPartitions = Vec::new();
        let mut left = SLICE;
        while left > 0 {
            let next = self.open.take().or_else(|| {
                self.topics.next().map(|(topic, partitions)| (topic, partitions.into_iter()))
            });
            let Some((topic, mut partitions)) = next else { break };
            let part: Vec<i32> = partitions.by_ref().take(left).collect();
            left -= part.len().max(1);
            if partitions.len() > 0 {
                self.open = Some((topic.clone(), partitions));
            }
            wanted.push((topic, part));
        }
        (is_first || !wanted.is_empty()).then_some(Slice { wanted, continues })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cuts a list into slices and joins their results. Returns these and the lengths of the
    /// slices.
    fn put_together(wanted: &TopicPartitions) -> (ByTopic<i32>, Vec<usize>) {
        let (mut all, mut sizes) = (Vec::new(), Vec::new());
        for Slice { wanted, continues } in Slices::of(wanted.clone()) {
            sizes.push(wanted.iter().map(|(_, partitions)| partitions.len().max(1)).sum());
            append(&mut all, wanted, continues);
        }
        (all, sizes)
    }

    #[test]
    fn a_list_in_slices_is_answered_as_it_was_asked() {
        let topic = |name: &str, count: usize| (name.to_owned(), (0..count as i32).collect());
        let lists: [TopicPartitions; 6] = [
            vec![],
            vec![topic("a", 0)],
            vec![topic("a", SLICE), topic("a", 1)],
            vec![topic("a", 3 * SLICE + 1), topic("a", 0), topic("b", SLICE - 2)],
            vec![topic("a", 1); 2 * SLICE],
            vec![topic("", 0); 2 * SLICE + 1],
        ];
        for wanted in lists {
            let (all, sizes) = put_together(&wanted);
            assert!(all == wanted, "{sizes:?}");
            assert!(!sizes.is_empty() && sizes.iter().all(|size| *size <= SLICE));
        }
    }
}
