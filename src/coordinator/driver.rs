//! One task: drain the inbox, step the machine, write what it decided, answer.
//!
//! **Invariant:** a reply leaves after the records of its step are written. Everything that came
//! while the last records were written is decided together and written as one batch.
//!
//! **Invariant:** if the records cannot be written the machine has run ahead of its log; nothing
//! is answered any more but that there is no coordinator.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use crate::clock::{Clock, Now};
use crate::coordinator::journal::{Journal, JournalError};
use crate::groups::input::{Input, Reply};
use crate::groups::{Groups, Step, Ticket};

/// How many requests may wait for the task.
const INBOX: usize = 4096;
/// How many are decided on before their records are written.
const TOGETHER: usize = 1024;

/// There is no coordinator: its log has failed, or the broker stops.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the group coordinator is not available")]
pub struct NoCoordinator;

struct Asked {
    input: Input,
    answer: oneshot::Sender<Reply>,
}

/// The way to the coordinator.
#[derive(Debug, Clone)]
pub struct Coordinator(mpsc::Sender<Asked>);

/// The other end, for [`run`].
pub struct Inbox(mpsc::Receiver<Asked>);

impl Coordinator {
    /// Both ends.
    pub fn new() -> (Coordinator, Inbox) {
        let (sender, receiver) = mpsc::channel(INBOX);
        (Coordinator(sender), Inbox(receiver))
    }

    /// Ask, and wait for the answer, which may take as long as a rebalance.
    pub async fn ask(&self, input: Input) -> Result<Reply, NoCoordinator> {
        let (answer, reply) = oneshot::channel();
        self.0.send(Asked { input, answer }).await.map_err(|_| NoCoordinator)?;
        reply.await.map_err(|_| NoCoordinator)
    }
}

struct Driver {
    groups: Groups,
    journal: Journal,
    waiting: HashMap<Ticket, oneshot::Sender<Reply>>,
    next: Ticket,
}

/// Read the log, then serve until the broker stops.
pub async fn run(
    mut groups: Groups,
    mut journal: Journal,
    clock: Arc<dyn Clock>,
    mut inbox: Inbox,
    mut stopping: watch::Receiver<bool>,
) {
    // Without a log there is nothing to read, and no thread to be started for it.
    if !journal.is_missing() {
        let now = clock.now();
        let loaded = tokio::task::spawn_blocking(move || {
            let outcome = journal.read(|record| groups.apply(now, &record));
            (groups, journal, outcome)
        });
        let Ok(loaded) = loaded.await else { return };
        (groups, journal) = (loaded.0, loaded.1);
        if let Err(error) = loaded.2 {
            tracing::error!(%error, "the groups cannot be read: there is no coordinator");
            return;
        }
    }
    let mut driver = Driver { groups, journal, waiting: HashMap::new(), next: 0 };
    if let Err(error) = driver.forget_lost_topics(clock.now()).await {
        tracing::error!(%error, "there is no group coordinator until the next start");
        return;
    }
    let mut stopped =
        std::pin::pin!(async move { drop(stopping.wait_for(|stopping| *stopping).await) });
    loop {
        let due = driver.groups.next_due_ms();
        let sleep = due.map(|due| (due - clock.now().mono_ms).max(0) as u64);
        let first = tokio::select! {
            () = &mut stopped => return,
            asked = inbox.0.recv() => match asked {
                Some(asked) => Some(asked),
                None => return,
            },
            () = tokio::time::sleep(Duration::from_millis(sleep.unwrap_or(0))), if sleep.is_some() => None,
        };
        let more = std::iter::from_fn(|| inbox.0.try_recv().ok()).take(TOGETHER);
        let asked: Vec<Asked> = first.into_iter().chain(more).collect();
        if let Err(error) = driver.turn(clock.now(), asked).await {
            tracing::error!(%error, "there is no group coordinator until the next start");
            return;
        }
    }
}

impl Driver {
    /// A topic may have been deleted without our learning of it, by a crash in between; a new one
    /// of the same name must not begin at its offsets.
    async fn forget_lost_topics(&mut self, now: Now) -> Result<(), JournalError> {
        for topic in self.groups.topics() {
            if !self.journal.topic_exists(&topic) {
                let step = self.groups.step(now, self.next, Input::TopicDeleted { topic });
                self.journal.write(now, &step.records).await?;
            }
        }
        Ok(())
    }

    async fn turn(&mut self, now: Now, asked: Vec<Asked>) -> Result<(), JournalError> {
        let mut all = self.groups.tick(now);
        for Asked { input, answer } in asked {
            let ticket = self.next;
            self.next += 1;
            self.waiting.insert(ticket, answer);
            let Step { records, replies } = self.groups.step(now, ticket, input);
            all.records.extend(records);
            all.replies.extend(replies);
        }
        self.journal.write(now, &all.records).await?;
        for (ticket, reply) in all.replies {
            if let Some(answer) = self.waiting.remove(&ticket) {
                // Who has gone meanwhile is taken for silent, sooner or later.
                let _ = answer.send(reply);
            }
        }
        Ok(())
    }
}
