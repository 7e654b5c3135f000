//! The coordinator's task: drain the inbox, step the state machine, write its records, reply.
//!
//! **Invariant:** a reply is sent after the records of its step have been written. The commands
//! that arrive while records are being written are executed together, for no longer than a few
//! milliseconds, and their records are written as one batch.
//!
//! If the disk is full, the state machine runs ahead of its log: records wait in the [`Backlog`]
//! and are written before all others once there is space. Until then no commit is accepted, but
//! groups continue to work: a reply about membership promises nothing that a crash may not undo.
//!
//! **Invariant:** if the records cannot be written for another reason, every further command is
//! answered with COORDINATOR_NOT_AVAILABLE.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::JoinError;

use crate::clock::{Clock, Now};
use crate::coordinator::backlog::Backlog;
use crate::coordinator::handle::{CommandReceiver, PendingCommand};
use crate::coordinator::journal::{Journal, JournalError, TOPIC};
use crate::coordinator::misplaced::Relocation;
use crate::coordinator::usage_monitor::UsageMonitor;
use crate::groups::Groups;
use crate::groups::command::{Command, Reply};
use crate::groups::limits::SLICE;
use crate::groups::records::Record;
use crate::groups::ticket::Ticket;

/// Maximum number of commands to execute before their records are written.
const TOGETHER: usize = 1024;
/// How long to execute commands before the records are written and the replies sent, ms.
const TURN_MS: i64 = 5;
/// Size of the records to write at once, in bytes.
const TURN_BYTES: usize = 1024 * 1024;

/// Interval at which a full disk is tried again.
const RETRY: Duration = Duration::from_secs(1);

struct Driver {
    gauge: UsageMonitor,
    groups: Groups,
    journal: Journal,
    backlog: Backlog,
    /// When to try to write the backlog again, monotonic ms.
    retry_ms: i64,
    waiting: HashMap<Ticket, oneshot::Sender<Reply>>,
    next: Ticket,
}

/// Reads the log, then serves until the broker stops.
///
/// # Errors
///
/// Returns an error if the log cannot be read or written: there is no coordinator until the next
/// start.
pub async fn run(
    mut groups: Groups,
    mut journal: Journal,
    clock: Arc<dyn Clock>,
    inbox: CommandReceiver,
    mut stopping: watch::Receiver<bool>,
) -> Result<(), JournalError> {
    let is_stopping = stopping.clone();
    let mut stopped =
        std::pin::pin!(async move { drop(stopping.wait_for(|stopping| *stopping).await) });
    // Without a log there is nothing to read, and no thread has to be started for it.
    while !journal.is_missing() {
        let now = clock.now();
        let loaded = tokio::task::spawn_blocking(move || {
            let outcome = journal.read(|record| groups.apply(now, &record));
            (groups, journal, outcome)
        });
        let loaded = match loaded.await.map_err(JoinError::try_into_panic) {
            Ok(loaded) => loaded,
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            // The runtime has shut down.
            Err(Err(_)) => return Ok(()),
        };
        (groups, journal) = (loaded.0, loaded.1);
        match loaded.2 {
            Ok(relocation) => {
                relocate(&mut journal, clock.now(), &relocation).await?;
                break;
            }
            // A log that was not closed cleanly takes some disk space to open.
            Err(error) if error.is_full() => tokio::select! {
                () = &mut stopped => return Ok(()),
                () = tokio::time::sleep(RETRY) => {}
            },
            // A failed start stops while the log is being read; its error has been reported.
            Err(_) if *is_stopping.borrow() => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    let CommandReceiver { asked: mut inbox, usage } = inbox;
    let mut driver = Driver {
        gauge: UsageMonitor::new(groups.limits(), usage),
        groups,
        journal,
        backlog: Backlog::default(),
        retry_ms: 0,
        waiting: HashMap::new(),
        next: 0,
    };
    driver.forget_lost_topics(clock.now()).await?;
    driver.gauge.loaded(driver.groups.usage());
    loop {
        let retry = (!driver.backlog.is_empty()).then_some(driver.retry_ms);
        let due = driver.groups.next_due_ms().into_iter().chain(retry).min();
        let sleep = due.map(|due| (due - clock.now().mono_ms).max(0) as u64);
        let nap = tokio::time::sleep(Duration::from_millis(sleep.unwrap_or(0)));
        let first = tokio::select! {
            () = &mut stopped => return Ok(()),
            asked = inbox.recv() => match asked {
                Some(asked) => Some(asked),
                None => return Ok(()),
            },
            () = nap, if sleep.is_some() => None,
        };
        let more = || inbox.try_recv().ok();
        driver.turn(&*clock, first, more).await?;
    }
}

/// Moves the records that are not in the partition of their group. On a full disk the next start
/// does it.
async fn relocate(
    journal: &mut Journal,
    now: Now,
    relocation: &Relocation,
) -> Result<(), JournalError> {
    let Relocation { moved, removed, obsolete } = relocation;
    if moved.is_empty() && removed.is_empty() {
        return Ok(());
    }
    let (topic, moved, removed) = (TOPIC, moved.len(), removed.len());
    match journal.relocate(now, relocation).await {
        Err(error) if error.is_full() => {
            tracing::warn!(topic, moved, removed, %error, "could not move misplaced records");
            Ok(())
        }
        Err(error) => Err(error),
        Ok(()) => {
            tracing::info!(topic, moved, removed, obsolete, "moved misplaced records of groups");
            Ok(())
        }
    }
}

impl Driver {
    /// Removes the offsets of deleted topics. A crash may have come between the deletion and the
    /// removal, and a new topic of the same name must not start from old offsets.
    async fn forget_lost_topics(&mut self, now: Now) -> Result<(), JournalError> {
        for topic in self.groups.topics() {
            while !self.journal.topic_exists(&topic) {
                let input = Command::TopicDeleted { topic: topic.clone() };
                let step = self.groups.step(now, self.next, input);
                self.write(now, step.records).await?;
                if !matches!(step.replies[..], [(_, Reply::ToBeContinued)]) {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Writes records, or adds them to the backlog. Returns false if they are in the backlog.
    async fn write(&mut self, now: Now, records: Vec<Record>) -> Result<bool, JournalError> {
        let mut written = Ok(());
        if !self.backlog.is_empty() {
            if now.mono_ms < self.retry_ms {
                self.backlog.extend(records);
                return Ok(false);
            }
            let oldest = self.backlog.oldest(SLICE);
            written = self.journal.write(now, &oldest).await;
            if written.is_ok() {
                self.backlog.forget(oldest.len());
            }
            if written.is_ok() && !self.backlog.is_empty() {
                // The rest is written in the next turn, which follows immediately.
                self.backlog.extend(records);
                return Ok(false);
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

    /// Executes what is due and what clients have sent: `first`, and `more` up to the limits of a
    /// turn.
    async fn turn(
        &mut self,
        clock: &dyn Clock,
        first: Option<PendingCommand>,
        mut more: impl FnMut() -> Option<PendingCommand>,
    ) -> Result<(), JournalError> {
        let now = clock.now();
        let is_full = !self.write(now, Vec::new()).await?;
        let mut all = self.groups.tick(now);
        let mut promises = Vec::new();
        let (mut taken, mut weight) = (0, 0);
        let mut next = first.or_else(&mut more);
        while let Some(PendingCommand { input, answer }) = next.take() {
            let is_promise = input.is_durable();
            if !(is_full && is_promise) {
                let ticket = self.next;
                self.next += 1;
                self.waiting.insert(ticket, answer);
                let step = self.groups.step(now, ticket, input);
                if is_promise && !step.records.is_empty() {
                    promises.push(ticket);
                }
                weight += step.records.iter().map(Record::weight).sum::<usize>();
                all.extend(step);
            }
            taken += 1;
            let is_enough = taken == TOGETHER
                || all.records.len() >= SLICE
                || weight >= TURN_BYTES
                || clock.now().mono_ms - now.mono_ms >= TURN_MS;
            next = if is_enough { None } else { more() };
        }
        if !self.write(now, all.records).await? {
            promises.iter().for_each(|ticket| drop(self.waiting.remove(ticket)));
        }
        for (ticket, reply) in all.replies {
            if let Some(answer) = self.waiting.remove(&ticket) {
                // A client that has disconnected is removed once its session expires.
                let _ = answer.send(reply);
            }
        }
        self.gauge.note(self.groups.usage());
        Ok(())
    }
}
