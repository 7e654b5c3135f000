//! The machine as its driver sees it: commands and deadlines to the rules, records to the ids.

use crate::clock::Now;
use crate::machine::{Machine, Ticket, TicketId};
use crate::transactions::command::{Command, Reply};
use crate::transactions::records::Record;
use crate::transactions::{Step, Transactions};

impl Machine for Transactions {
    type Command = Command;
    type Reply = Reply;
    type Record = Record;

    fn step(&mut self, now: Now, id: TicketId, command: Command) -> Step {
        let mut step = Step::default();
        match command {
            Command::InitProducer(init) => {
                self.init_producer(now, Ticket::of(&init, id), &init, &mut step);
            }
            Command::AddPartitions(add) => {
                self.add_partitions(now, Ticket::of(&add, id), add, &mut step);
            }
            Command::VerifyPartitions(verify) => {
                step.reply(Ticket::of(&verify, id), self.verify_partitions(verify));
            }
            Command::EndTransaction(end) => {
                self.end_transaction(now, Ticket::of(&end, id), &end, &mut step);
            }
            Command::NextMarkers(next) => {
                self.next_markers(now, Ticket::of(&next, id), next, &mut step);
            }
            Command::DescribeTransaction(describe) => {
                step.reply(Ticket::of(&describe, id), self.describe(&describe.id));
            }
            Command::ListTransactionalIds(list) => {
                step.reply(Ticket::of(&list, id), self.list(&list));
            }
        }
        step
    }

    fn tick(&mut self, now: Now) -> Step {
        let mut step = Step::default();
        self.check_timeouts(now, &mut step);
        self.check_expiration(now, &mut step);
        self.advance_markers(now, &mut step);
        step
    }

    fn apply(&mut self, now: Now, record: &Record) {
        self.put(now, &record.id, record.value.as_deref());
    }

    fn next_due_ms(&self) -> Option<i64> {
        let checks = self.timeout_check_due_ms.into_iter().chain(self.expiration_check_due_ms);
        checks.chain(self.markers.next_due_ms()).min()
    }
}
