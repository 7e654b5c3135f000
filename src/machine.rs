//! What a coordinator's state machine is: commands in, records and replies out.
//!
//! A machine does no I/O and has no clock. It decides ([`Machine::step`]), its driver writes the
//! records of the decision, and only then the machine takes them over ([`Machine::apply`]). What
//! outlives the process is changed by `apply` alone, so a machine is always what its log makes it,
//! also on a full disk: there a decision is not carried out. A machine may keep other state that is
//! lost with the process (who waits for a reply, deadlines) and change that whenever it likes.

use std::fmt;
use std::marker::PhantomData;

use crate::clock::Now;
use crate::log::end_txn::EndTxn;
use crate::log::producer::ProducerError;
use crate::log::verification::TxnCheck;
use crate::types::ProducerId;

/// Why there is no coordinator.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub enum CoordinatorNotAvailable {
    /// It is still reading its log.
    #[error("the coordinator is loading its log")]
    Loading,
    /// The disk is full, its log has failed, or the broker is stopping.
    #[error("the coordinator is not available")]
    Gone,
}

/// Identifies a command whose reply is outstanding. Chosen by the driver.
pub type TicketId = u64;

/// A state machine that a driver runs.
pub trait Machine: Send + 'static {
    /// What it is asked.
    type Command: Send;
    /// What it answers.
    type Reply: Send;
    /// What it writes to its log.
    type Record: MachineRecord;

    /// Decides on a command. The reply may come in a later step.
    fn step(
        &mut self,
        now: Now,
        ticket: TicketId,
        command: Self::Command,
    ) -> Step<Self::Record, Self::Reply>;

    /// Does what is due, or a part of it: then [`Machine::next_due_ms`] is still in the past.
    fn tick(&mut self, now: Now) -> Step<Self::Record, Self::Reply>;

    /// Applies a record that has been written: by the step before, or by an earlier process.
    fn apply(&mut self, now: Now, record: &Self::Record);

    /// Returns when [`Machine::tick`] next has something to do, monotonic ms.
    fn next_due_ms(&self) -> Option<i64>;

    /// Returns the reply to send instead of `reply` because the log does not take the records of a
    /// transaction, or its end. Without one the command is not answered.
    fn refused(reply: Self::Reply, error: ProducerError) -> Option<Self::Reply> {
        let _ = (reply, error);
        None
    }
}

/// The transaction that a record is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordTxn {
    /// The partition of the topic in which its records and its marker are.
    pub partition: i32,
    /// The producer's id.
    pub producer_id: ProducerId,
    /// Its epoch.
    pub producer_epoch: i16,
    /// What is known about the transaction.
    pub check: TxnCheck,
}

/// A record of a machine's log, which is a compacted topic.
pub trait MachineRecord: Clone + Send + Sync + Sized + 'static {
    /// The topic.
    const TOPIC: &'static str;
    /// Why bytes are not a record.
    type DecodeError: fmt::Display;

    /// Returns the record with this key and value (`None` for a tombstone), or `None` if it is of a
    /// type that the machine does not know.
    ///
    /// # Errors
    ///
    /// Returns an error if the bytes are malformed.
    fn decode(key: &[u8], value: Option<&[u8]>) -> Result<Option<Self>, Self::DecodeError>;

    /// Returns the key, and the value or `None` for a tombstone.
    fn encode(&self) -> (Vec<u8>, Option<Vec<u8>>);

    /// Returns the key.
    fn key(&self) -> Vec<u8>;

    /// Returns the id whose records are all in one partition.
    fn placement(&self) -> &str;

    /// Returns true for a tombstone.
    fn is_tombstone(&self) -> bool;

    /// Returns the tombstone of its key.
    fn tombstone(&self) -> Self;

    /// Returns about how many bytes of variable size its value has.
    fn weight(&self) -> usize;

    /// Returns the transaction that it is part of.
    fn transaction(&self) -> Option<RecordTxn> {
        None
    }

    /// Returns the marker that it is, and the partition to which that is written.
    fn marker(&self) -> Option<(i32, EndTxn)> {
        None
    }

    /// Makes a record part of a transaction.
    fn in_transaction(self, txn: RecordTxn) -> Self {
        let _ = txn;
        self
    }

    /// Returns the record for a marker in this partition of the topic, if the machine has any.
    fn of_marker(partition: i32, end: EndTxn) -> Option<Self> {
        let _ = (partition, end);
        None
    }
}

/// A command together with the type of its answer: a wrong pairing does not compile.
pub trait Question: Sized {
    /// The machine's commands.
    type Command;
    /// The machine's replies.
    type Reply;
    /// The answer.
    type Answer;

    /// Returns the command.
    fn into_command(self) -> Self::Command;

    /// Returns the reply with this answer.
    fn reply(answer: Self::Answer) -> Self::Reply;

    /// Returns the answer in a reply, or `None` if it is the reply to another question.
    fn answer(reply: Self::Reply) -> Option<Self::Answer>;
}

/// Pairs a question of a machine with its reply and the type of its answer. The machine's `Command`
/// has a variant of the question's name.
macro_rules! question {
    ($question:ident, $reply:ident, $answer:ty) => {
        impl Question for $question {
            type Command = Command;
            type Reply = Reply;
            type Answer = $answer;

            fn into_command(self) -> Command {
                Command::$question(self)
            }

            fn reply(answer: $answer) -> Reply {
                Reply::$reply(answer)
            }

            fn answer(reply: Reply) -> Option<$answer> {
                match reply {
                    Reply::$reply(answer) => Some(answer),
                    _ => None,
                }
            }
        }
    };
}

pub(crate) use question;

/// The claim on the answer to a question.
pub struct Ticket<Q> {
    /// The command.
    pub id: TicketId,
    question: PhantomData<fn() -> Q>,
}

impl<Q> Ticket<Q> {
    /// Returns the ticket of this question.
    pub fn of(_: &Q, id: TicketId) -> Ticket<Q> {
        Ticket { id, question: PhantomData }
    }
}

impl<Q> Clone for Ticket<Q> {
    fn clone(&self) -> Ticket<Q> {
        *self
    }
}

impl<Q> Copy for Ticket<Q> {}

impl<Q> fmt::Debug for Ticket<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.fmt(f)
    }
}

/// What a machine has decided.
#[derive(Debug)]
pub struct Step<R, P> {
    /// The records to write and then apply, in this order.
    pub records: Vec<R>,
    /// Replies that promise nothing that is not in the log yet. They are sent in any case.
    pub replies: Vec<(TicketId, P)>,
    /// Replies to send once all records are written and applied. If they cannot be written, there
    /// is no reply to the step's own command; other tickets stay valid.
    pub confirmations: Vec<(TicketId, P)>,
}

impl<R, P> Default for Step<R, P> {
    fn default() -> Step<R, P> {
        Step { records: Vec::new(), replies: Vec::new(), confirmations: Vec::new() }
    }
}

impl<R, P> Step<R, P> {
    /// Answers a question, whatever becomes of the records.
    pub fn reply<Q: Question<Reply = P>>(&mut self, ticket: Ticket<Q>, answer: Q::Answer) {
        self.replies.push((ticket.id, Q::reply(answer)));
    }

    /// Answers a question if the records can be written.
    pub fn confirm<Q: Question<Reply = P>>(&mut self, ticket: Ticket<Q>, answer: Q::Answer) {
        self.confirmations.push((ticket.id, Q::reply(answer)));
    }

    /// Appends what another part of the same step has decided.
    pub fn extend(&mut self, later: Step<R, P>) {
        self.records.extend(later.records);
        self.replies.extend(later.replies);
        self.confirmations.extend(later.confirmations);
    }
}
