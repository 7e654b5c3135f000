//! An option of consumer groups (KIP-848) that nothing reads.

use crate::config::check::Check;
use crate::config::entry::{Change, Effect, Entry, Row};
use crate::config::name::name;

/// `group.consumer.assignor.offload.enable`.
pub static GROUP_CONSUMER_ASSIGNOR_OFFLOAD_ENABLE: Entry<bool> = Entry {
    topic: None,
    broker: &[name("group.consumer.assignor.offload.enable")],
    default: true,
    check: Check::Any,
    change: Change::ReadOnly,
    effect: Effect::Internal,
    doc: "Internal to Apache Kafka.",
};

/// All rows.
pub static ROWS: &[&dyn Row] = &[&GROUP_CONSUMER_ASSIGNOR_OFFLOAD_ENABLE];
