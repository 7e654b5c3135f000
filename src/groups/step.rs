//! Output of one step of the group coordinator.

use crate::groups::command::Reply;
use crate::groups::records::Record;

/// The result of one step.
pub type Step = crate::machine::Step<Record, Reply>;
