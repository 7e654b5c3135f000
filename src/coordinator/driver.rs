//! One task: drain the inbox, step the machine, write what it decided, answer.
//!
//! **Invariant:** a reply leaves after the records of its step are written. Everything that came
//! while the last records were written is decided together and written as one batch.
//!
//! Where the disk is full the machine runs ahead of its log: records wait in the [`Backlog`] and
//! are written before all others once there is room. Meanwhile nobody's commit is accepted, but
//! groups live on: a reply about members promises nothing that a crash may not take back.
//!
//! **Invariant:** if the records cannot be written for another reason, nothing is answered any more
//! but that there is no coordinator.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use crate::clock::{Clock, Now};
use crate::coordinator::backlog::Backlog;
use crate::coordinator::journal::{Journal, JournalError};
use crate::groups::input::{Input, Reply};
use crate::groups::records::Record;
use crate::groups::{Groups, Step, Ticket};

/// How many requests may wait for the task.
const INBOX: usize = 4096;
/// How many are decided on before their records are written.
const TOGETHER: usize = 1024;

/// How long to wait for room on a full disk before looking again.
const RETRY: Duration = Duration::from_secs(1);

/// There is no coordinator: the disk is full, its log has failed, or the broker stops.
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
    backlog: Backlog,
    /// When the backlog is tried again, monotonic ms.
    retry_ms: i64,
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
    let mut stopped =
        std::pin::pin!(async move { drop(stopping.wait_for(|stopping| *stopping).await) });
    // Without a log there is nothing to read, and no thread to be started for it.
    while !journal.is_missing() {
        let now = clock.now();
        let loaded = tokio::task::spawn_blocking(move || {
            let outcome = journal.read(|record| groups.apply(now, &record));
            (groups, journal, outcome)
        });
        let Ok(loaded) = loaded.await else { return };
        (groups, journal) = (loaded.0, loaded.1);
        match loaded.2 {
            Ok(()) => break,
            // A log that was not stopped cleanly wants some room to be opened.
            Err(error) if error.is_full() => tokio::select! {
                () = &mut stopped => return,
                () = tokio::time::sleep(RETRY) => {}
            },
            Err(error) => {
                tracing::error!(%error, "the groups cannot be read: there is no coordinator");
                return;
            }
        }
    }
    let mut driver = Driver {
        groups,
        journal,
        backlog: Backlog::default(),
        retry_ms: 0,
        waiting: HashMap::new(),
        next: 0,
    };
    if let Err(error) = driver.forget_lost_topics(clock.now()).await {
        tracing::error!(%error, "there is no group coordinator until the next start");
        return;
    }
    loop {
        let retry = (!driver.backlog.is_empty()).then_some(driver.retry_ms);
        let due = driver.groups.next_due_ms().into_iter().chain(retry).min();
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
                self.write(now, step.records).await?;
            }
        }
        Ok(())
    }

    /// Write records, or let them wait for room. False if they wait.
    async fn write(&mut self, now: Now, records: Vec<Record>) -> Result<bool, JournalError> {
        let mut written = Ok(());
        if !self.backlog.is_empty() {
            if now.mono_ms < self.retry_ms {
                self.backlog.extend(records);
                return Ok(false);
            }
            written = self.journal.write(now, self.backlog.records()).await;
            if written.is_ok() {
                self.backlog = Backlog::default();
            }
        }
        if written.is_ok() {
            written = self.journal.write(now, &records).await;
        }
        match written {
            Err(error) if error.is_full() => {
                self.backlog.extend(records);
                self.retry_ms = now.mono_ms + RETRY.as_millis() as i64;
                Ok(false)
            }
            written => written.map(|()| true),
        }
    }

    async fn turn(&mut self, now: Now, asked: Vec<Asked>) -> Result<(), JournalError> {
        let is_full = !self.write(now, Vec::new()).await?;
        let mut all = self.groups.tick(now);
        let mut promises = Vec::new();
        for Asked { input, answer } in asked {
            let is_promise = input.is_to_outlive_us();
            if is_full && is_promise {
                continue;
            }
            let ticket = self.next;
            self.next += 1;
            self.waiting.insert(ticket, answer);
            let Step { records, replies } = self.groups.step(now, ticket, input);
            if is_promise && !records.is_empty() {
                promises.push(ticket);
            }
            all.records.extend(records);
            all.replies.extend(replies);
        }
        if !self.write(now, all.records).await? {
            promises.iter().for_each(|ticket| drop(self.waiting.remove(ticket)));
        }
        for (ticket, reply) in all.replies {
            if let Some(answer) = self.waiting.remove(&ticket) {
                // Who has gone meanwhile is taken for silent, sooner or later.
                let _ = answer.send(reply);
            }
        }
        Ok(())
    }
}
