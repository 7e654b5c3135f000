//! One task: drain the inbox, step the machine, write what it decided, answer.
//!
//! **Invariant:** a reply leaves after the records of its step are written. What came while the
//! last records were written is decided together and written as one batch, but for no longer than
//! a few milliseconds.
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

use tokio::sync::{oneshot, watch};
use tokio::task::JoinError;

use crate::clock::{Clock, Now};
use crate::coordinator::backlog::Backlog;
use crate::coordinator::handle::{CommandReceiver, PendingCommand};
use crate::coordinator::journal::{Journal, JournalError};
use crate::coordinator::usage_monitor::UsageMonitor;
use crate::groups::command::{Command, Reply};
use crate::groups::limits::SLICE;
use crate::groups::records::Record;
use crate::groups::{Groups, Ticket};

/// How many are decided on before their records are written.
const TOGETHER: usize = 1024;
/// How long to decide before the records are written and the answers sent, ms.
const TURN_MS: i64 = 5;
/// How many bytes of records to write at once.
const TURN_BYTES: usize = 1024 * 1024;

/// How long to wait for room on a full disk before looking again.
const RETRY: Duration = Duration::from_secs(1);

struct Driver {
    gauge: UsageMonitor,
    groups: Groups,
    journal: Journal,
    backlog: Backlog,
    /// When the backlog is tried again, monotonic ms.
    retry_ms: i64,
    waiting: HashMap<Ticket, oneshot::Sender<Reply>>,
    next: Ticket,
}

/// Read the log, then serve until the broker stops.
///
/// # Errors
/// The log cannot be read or written: there is no coordinator until the next start.
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
    // Without a log there is nothing to read, and no thread to be started for it.
    while !journal.is_missing() {
        let now = clock.now();
        let loaded = tokio::task::spawn_blocking(move || {
            let outcome = journal.read(|record| groups.apply(now, &record));
            (groups, journal, outcome)
        });
        let loaded = match loaded.await.map_err(JoinError::try_into_panic) {
            Ok(loaded) => loaded,
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            // The runtime has ended.
            Err(Err(_)) => return Ok(()),
        };
        (groups, journal) = (loaded.0, loaded.1);
        match loaded.2 {
            Ok(()) => break,
            // A log that was not stopped cleanly wants some room to be opened.
            Err(error) if error.is_full() => tokio::select! {
                () = &mut stopped => return Ok(()),
                () = tokio::time::sleep(RETRY) => {}
            },
            // A start that failed stops while the log is being read; it has said why.
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
        let first = tokio::select! {
            () = &mut stopped => return Ok(()),
            asked = inbox.recv() => match asked {
                Some(asked) => Some(asked),
                None => return Ok(()),
            },
            () = tokio::time::sleep(Duration::from_millis(sleep.unwrap_or(0))), if sleep.is_some() => None,
        };
        let more = || inbox.try_recv().ok();
        driver.turn(&*clock, first, more).await?;
    }
}

impl Driver {
    /// A topic may have been deleted without our learning of it, by a crash in between; a new one
    /// of the same name must not begin at its offsets.
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

    /// Write records, or let them wait for room. False if they wait.
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
                // The rest at the next turn, which is now.
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

    /// Do what time asks for, and what clients ask for: `first`, and as many `more` as there are
    /// and as may wait for each other.
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
                // Who has gone meanwhile is taken for silent, sooner or later.
                let _ = answer.send(reply);
            }
        }
        self.gauge.note(self.groups.usage());
        Ok(())
    }
}
