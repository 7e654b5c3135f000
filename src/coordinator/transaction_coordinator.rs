//! The handle of the transaction coordinator.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::coordinator::handle::{Handle, Inbox};
use crate::machine::{CoordinatorNotAvailable, Question};
use crate::transactions::Transactions;
use crate::transactions::command::{Command, Reply};
use crate::transactions::questions::{ListTransactionalIds, TransactionListing};

/// The handle of the transaction coordinator.
#[derive(Clone)]
pub struct TransactionCoordinator {
    handle: Handle<Transactions>,
    completions: Arc<Notify>,
}

impl std::fmt::Debug for TransactionCoordinator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TransactionCoordinator").finish_non_exhaustive()
    }
}

/// The queue of commands, for the coordinator's task.
pub type TransactionInbox = Inbox<Transactions>;

impl TransactionCoordinator {
    /// Creates both ends.
    pub fn new() -> (TransactionCoordinator, TransactionInbox) {
        let (handle, pending) = Handle::new();
        (TransactionCoordinator { handle, completions: Arc::default() }, pending)
    }

    /// Returns what is notified when transactions have been completed: their markers are written.
    pub fn completions(&self) -> &Arc<Notify> {
        &self.completions
    }

    /// Sends a question and waits for the answer.
    ///
    /// # Errors
    ///
    /// Returns [`CoordinatorNotAvailable`] if there will be no answer.
    pub async fn ask<Q>(&self, question: Q) -> Result<Q::Answer, CoordinatorNotAvailable>
    where
        Q: Question<Command = Command, Reply = Reply>,
    {
        self.handle.ask(question).await
    }

    /// Returns all transactional ids that `keep` keeps, in order.
    ///
    /// # Errors
    ///
    /// As [`TransactionCoordinator::ask`].
    pub async fn list(
        &self,
        mut keep: impl FnMut(&TransactionListing) -> bool,
    ) -> Result<Vec<TransactionListing>, CoordinatorNotAvailable> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let (mut page, is_more) = self.ask(ListTransactionalIds { after }).await?;
            after = page.last().map(|last| last.id.clone());
            page.retain(&mut keep);
            all.extend(page);
            if !is_more {
                return Ok(all);
            }
        }
    }
}
