//! Output of one step of the group coordinator.

use crate::groups::command::Reply;
use crate::groups::records::Record;
use crate::groups::ticket::Ticket;

/// The result of one step.
#[derive(Debug, Default)]
pub struct Step {
    /// The records to write, in this order.
    pub records: Vec<Record>,
    /// The replies to send once the records are written.
    pub replies: Vec<(Ticket, Reply)>,
}

impl Step {
    /// Appends the reply to a command.
    pub fn reply(&mut self, ticket: Ticket, reply: Reply) {
        self.replies.push((ticket, reply));
    }

    /// Appends the result of a later step.
    pub fn extend(&mut self, later: Step) {
        self.records.extend(later.records);
        self.replies.extend(later.replies);
    }
}
