//! Options of the offsets topic for more than one broker.

use crate::config::check::Check;
use crate::config::entry::{Change, Effect, Entry, Row};
use crate::config::name::name;

/// `offsets.topic.replication.factor`.
pub static OFFSETS_TOPIC_REPLICATION_FACTOR: Entry<i16> = Entry {
    topic: None,
    broker: &[name("offsets.topic.replication.factor")],
    default: 1,
    check: Check::AtLeast(1),
    change: Change::ReadOnly,
    effect: Effect::Unused("there is one broker, and one replica"),
    doc: "The replication factor of the offsets topic.",
};

/// All rows, in the order in which they are declared.
pub static ROWS: &[&dyn Row] = &[&OFFSETS_TOPIC_REPLICATION_FACTOR];
