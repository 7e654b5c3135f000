//! The options of transactions that nothing reads.

use crate::config::check::Check;
use crate::config::entry::{Change, Effect, Entry, Row};
use crate::config::name::name;

/// `transaction.state.log.replication.factor`.
pub static TRANSACTION_STATE_LOG_REPLICATION_FACTOR: Entry<i16> = Entry {
    topic: None,
    broker: &[name("transaction.state.log.replication.factor")],
    default: 1,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Unused("there is one broker, and one replica"),
    doc: "The replication factor of the transaction topic.",
};

/// `transaction.state.log.min.isr`.
pub static TRANSACTION_STATE_LOG_MIN_ISR: Entry<i32> = Entry {
    topic: None,
    broker: &[name("transaction.state.log.min.isr")],
    default: 1,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Unused("there is one broker, and one replica"),
    doc: "How many in-sync replicas of the transaction topic must have a record before it is \
        committed.",
};

/// All rows, in the order in which they are declared.
pub static ROWS: &[&dyn Row] =
    &[&TRANSACTION_STATE_LOG_REPLICATION_FACTOR, &TRANSACTION_STATE_LOG_MIN_ISR];
