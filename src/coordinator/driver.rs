//! The task of a coordinator: drain the queue, step the machine, write its records, reply.
//!
//! **Invariant:** a machine is never ahead of its log. Each decision is appended and then applied
//! before the next command is looked at, so every decision is made on what is written, and nothing
//! has to be undone if there is no room for a record: the command is answered with
//! COORDINATOR_NOT_AVAILABLE, and the machine is as before. An append is a copy into the page
//! cache; what is slow is the sync, and the commands of one turn (those that arrived during the
//! turn before, for no longer than a few milliseconds) share it. Several decisions could share an
//! append only if none depended on another, and limits are counted over all groups.
//!
//! **Invariant:** a reply is sent after the records of its turn are as durable as the configuration
//! asks for.
//!
//! **Invariant:** if records cannot be written for another reason than a full disk, every further
//! command is answered with COORDINATOR_NOT_AVAILABLE.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::JoinError;

use crate::clock::{Clock, Now};
use crate::coordinator::handle::{Inbox, PendingCommand};
use crate::coordinator::journal::{Journal, JournalError};
use crate::coordinator::misplaced::Relocation;
use crate::machine::{Machine, MachineRecord, Step, TicketId};

/// Maximum number of commands of a turn.
const TURN_COMMANDS: usize = 1024;
/// Maximum number of records of a turn; the last command may exceed it.
const TURN_RECORDS: usize = 4096;
/// How long to execute commands before the replies are sent, ms.
const TURN_MS: i64 = 5;
/// Size of the records of a turn, in bytes; the last command may exceed it.
const TURN_BYTES: usize = 1024 * 1024;

/// Interval at which a log is tried again that needs room on a full disk to be opened.
const RETRY: Duration = Duration::from_secs(1);

struct Driver<M: Machine, F> {
    machine: M,
    journal: Journal<M::Record>,
    waiting: HashMap<TicketId, oneshot::Sender<M::Reply>>,
    next: TicketId,
    monitor: F,
}

/// What has been done in a turn.
struct Turn<P> {
    replies: Vec<(TicketId, P)>,
    records: usize,
    bytes: usize,
}

/// Reads the log, executes the commands that `first` returns, then serves until the broker stops.
/// Calls `monitor` with the machine after each turn.
///
/// # Errors
///
/// Returns an error if the log cannot be read or written: there is no coordinator until the next
/// start.
pub async fn run<M: Machine>(
    machine: M,
    journal: Journal<M::Record>,
    clock: Arc<dyn Clock>,
    inbox: Inbox<M>,
    mut stopping: watch::Receiver<bool>,
    first: impl FnOnce(&M) -> Vec<M::Command>,
    monitor: impl FnMut(&M),
) -> Result<(), JournalError> {
    let loaded = load(machine, journal, &*clock, &mut stopping).await?;
    let Some((machine, journal)) = loaded else { return Ok(()) };
    let Inbox { commands: mut pending, loaded } = inbox;
    let mut driver = Driver { machine, journal, waiting: HashMap::new(), next: 0, monitor };
    driver.begin(clock.now(), first).await?;
    loaded.send_replace(true);
    let mut stopped =
        std::pin::pin!(async move { drop(stopping.wait_for(|stopping| *stopping).await) });
    loop {
        let due = driver.machine.next_due_ms();
        let sleep = due.map(|due| (due - clock.now().mono_ms).max(0) as u64);
        let nap = async {
            match sleep {
                // A sleep takes a millisecond at least.
                Some(0) => {}
                Some(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
                None => std::future::pending().await,
            }
        };
        let first = tokio::select! {
            () = &mut stopped => return Ok(()),
            command = pending.recv() => match command {
                Some(command) => Some(command),
                None => return Ok(()),
            },
            () = nap => None,
        };
        driver.turn(&*clock, first, || pending.try_recv().ok()).await?;
    }
}

/// Applies the whole log. Returns `None` if the broker stops meanwhile.
async fn load<M: Machine>(
    mut machine: M,
    mut journal: Journal<M::Record>,
    clock: &dyn Clock,
    stopping: &mut watch::Receiver<bool>,
) -> Result<Option<(M, Journal<M::Record>)>, JournalError> {
    // Without a log there is nothing to read, and no thread has to be started for it.
    while !journal.is_missing() {
        let now = clock.now();
        let loading = tokio::task::spawn_blocking(move || {
            let outcome = journal
                .read(|record| machine.apply(now, &record))
                .and_then(|relocation| relocate(&mut journal, now, &relocation));
            (machine, journal, outcome)
        });
        let outcome;
        (machine, journal, outcome) = match loading.await.map_err(JoinError::try_into_panic) {
            Ok(loaded) => loaded,
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            // The runtime has shut down.
            Err(Err(_)) => return Ok(None),
        };
        match outcome {
            Ok(()) => break,
            // A log that was not closed cleanly takes some disk space to open.
            Err(error) if error.is_full() => tokio::select! {
                _ = stopping.wait_for(|stopping| *stopping) => return Ok(None),
                () = tokio::time::sleep(RETRY) => {}
            },
            // A failed start stops while the log is being read; its error has been reported.
            Err(_) if *stopping.borrow() => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(Some((machine, journal)))
}

/// Moves the records that are not in the partition where they belong. On a full disk the next start
/// does it.
fn relocate<R: MachineRecord>(
    journal: &mut Journal<R>,
    now: Now,
    relocation: &Relocation<R>,
) -> Result<(), JournalError> {
    let Relocation { moved, removed, obsolete } = relocation;
    if moved.is_empty() && removed.is_empty() {
        return Ok(());
    }
    let (topic, moved, removed) = (R::TOPIC, moved.len(), removed.len());
    match journal.relocate(now, relocation) {
        Err(error) if error.is_full() => {
            tracing::warn!(topic, moved, removed, %error, "could not move misplaced records");
            Ok(())
        }
        Err(error) => Err(error),
        Ok(()) => {
            tracing::info!(topic, moved, removed, obsolete, "moved misplaced records");
            Ok(())
        }
    }
}

impl<M: Machine, F: FnMut(&M)> Driver<M, F> {
    /// Executes the first commands, for which no reply is awaited.
    async fn begin(
        &mut self,
        now: Now,
        first: impl FnOnce(&M) -> Vec<M::Command>,
    ) -> Result<(), JournalError> {
        for command in first(&self.machine) {
            let step = self.machine.step(now, self.next, command);
            self.next += 1;
            self.take(now, None, step, &mut Turn::default())?;
        }
        self.journal.sync().await?;
        (self.monitor)(&self.machine);
        Ok(())
    }

    /// Executes what is due and what clients have sent: `first`, and `more` up to the limits of a
    /// turn.
    async fn turn(
        &mut self,
        clock: &dyn Clock,
        first: Option<PendingCommand<M>>,
        mut more: impl FnMut() -> Option<PendingCommand<M>>,
    ) -> Result<(), JournalError> {
        let now = clock.now();
        let mut turn = Turn::default();
        let due = self.machine.tick(now);
        self.take(now, None, due, &mut turn)?;
        let mut commands = 0;
        let mut next = first.or_else(&mut more);
        while let Some(PendingCommand { command, reply }) = next.take() {
            let ticket = self.next;
            self.next += 1;
            self.waiting.insert(ticket, reply);
            let step = self.machine.step(now, ticket, command);
            self.take(now, Some(ticket), step, &mut turn)?;
            commands += 1;
            let is_enough = commands == TURN_COMMANDS
                || turn.records >= TURN_RECORDS
                || turn.bytes >= TURN_BYTES
                || clock.now().mono_ms - now.mono_ms >= TURN_MS;
            next = if is_enough { None } else { more() };
        }
        self.journal.sync().await?;
        for (ticket, reply) in turn.replies {
            if let Some(waiting) = self.waiting.remove(&ticket) {
                // A client that has disconnected is removed once its session expires.
                let _ = waiting.send(reply);
            }
        }
        // Where a turn is to be counted.
        (self.monitor)(&self.machine);
        Ok(())
    }

    /// Writes the records of a step and applies them. `ticket` is that of the step's command.
    fn take(
        &mut self,
        now: Now,
        ticket: Option<TicketId>,
        step: Step<M::Record, M::Reply>,
        turn: &mut Turn<M::Reply>,
    ) -> Result<(), JournalError> {
        let Step { records, replies, confirmations } = step;
        turn.records += records.len();
        turn.bytes += records.iter().map(MachineRecord::weight).sum::<usize>();
        turn.replies.extend(replies);
        let machine = &mut self.machine;
        match self.journal.append(now, &records, |record| machine.apply(now, record)) {
            Ok(()) => turn.replies.extend(confirmations),
            Err(error) if error.is_full() => {
                let is_own = |(confirmed, _): &(TicketId, M::Reply)| Some(*confirmed) == ticket;
                if let Some((ticket, _)) = confirmations.into_iter().find(is_own) {
                    // The client learns that there is no coordinator for it now.
                    self.waiting.remove(&ticket);
                }
            }
            Err(error) => {
                let Some(refusal) = error.refusal() else { return Err(error) };
                let is_own = |(confirmed, _): &(TicketId, M::Reply)| Some(*confirmed) == ticket;
                if let Some((ticket, reply)) = confirmations.into_iter().find(is_own) {
                    match M::refused(reply, refusal) {
                        Some(reply) => turn.replies.push((ticket, reply)),
                        None => drop(self.waiting.remove(&ticket)),
                    }
                }
            }
        }
        Ok(())
    }
}

impl<P> Default for Turn<P> {
    fn default() -> Turn<P> {
        Turn { replies: Vec::new(), records: 0, bytes: 0 }
    }
}
