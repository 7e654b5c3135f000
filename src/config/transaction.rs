//! The options of idempotent and transactional producers.
//!
//! Names, types and limits are those of Kafka 4.1 (`TransactionLogConfig`,
//! `TransactionStateManagerConfig`). Where a default differs, `page.rs` says so and why.

use crate::config::check::Check;
use crate::config::entry::{Change, Effect, Entry, Row};
use crate::config::name::name;

/// `producer.id.expiration.ms`.
pub static PRODUCER_ID_EXPIRATION_MS: Entry<i32> = Entry {
    topic: None,
    broker: &[name("producer.id.expiration.ms")],
    default: 86_400_000,
    check: Check::AtLeast(1),
    change: Change::Live,
    effect: Effect::Acts,
    doc: "How long a partition remembers an idempotent producer that sends nothing.",
};

/// All rows, in the order in which they are declared.
pub static ROWS: &[&dyn Row] = &[&PRODUCER_ID_EXPIRATION_MS];
