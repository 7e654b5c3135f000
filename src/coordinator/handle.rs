//! The handle of a coordinator: questions are sent to its task.

use tokio::sync::{mpsc, oneshot};

use crate::machine::{Machine, Question};

/// Capacity of the queue of commands to the task.
const INBOX: usize = 4096;

/// There is no coordinator: the disk is full, its log has failed, or the broker is stopping.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the coordinator is not available")]
pub struct CoordinatorNotAvailable;

/// A command in the queue.
pub struct PendingCommand<M: Machine> {
    /// The command.
    pub command: M::Command,
    /// Where to send the reply.
    pub reply: oneshot::Sender<M::Reply>,
}

/// The queue of commands to a coordinator.
pub struct Handle<M: Machine> {
    inbox: mpsc::Sender<PendingCommand<M>>,
}

impl<M: Machine> Clone for Handle<M> {
    fn clone(&self) -> Handle<M> {
        Handle { inbox: self.inbox.clone() }
    }
}

impl<M: Machine> Handle<M> {
    /// Creates a handle, and the receiving end for the coordinator's task.
    pub fn new() -> (Handle<M>, mpsc::Receiver<PendingCommand<M>>) {
        let (inbox, pending) = mpsc::channel(INBOX);
        (Handle { inbox }, pending)
    }

    /// Sends a question and waits for the answer, which may take as long as a rebalance.
    ///
    /// # Errors
    ///
    /// Returns [`CoordinatorNotAvailable`] if there will be no answer.
    pub async fn ask<Q>(&self, question: Q) -> Result<Q::Answer, CoordinatorNotAvailable>
    where
        Q: Question<Command = M::Command, Reply = M::Reply>,
    {
        let (reply, replied) = oneshot::channel();
        let command = PendingCommand { command: question.into_command(), reply };
        self.inbox.send(command).await.map_err(|_| CoordinatorNotAvailable)?;
        let reply = replied.await.map_err(|_| CoordinatorNotAvailable)?;
        Q::answer(reply).ok_or(CoordinatorNotAvailable)
    }
}
