//! The handle of a coordinator: questions are sent to its task.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use crate::machine::{CoordinatorNotAvailable, Machine, Question};

/// Capacity of the queue of commands to the task.
const INBOX: usize = 4096;

/// How long a question waits for the coordinator's log to be read, before the client is asked to
/// try again. A log that is recovered after a crash can take long.
const LOADING_WAIT: Duration = Duration::from_secs(5);

/// A command in the queue.
pub struct PendingCommand<M: Machine> {
    /// The command.
    pub command: M::Command,
    /// Where to send the reply.
    pub reply: oneshot::Sender<M::Reply>,
}

/// The receiving end, for the coordinator's task.
pub struct Inbox<M: Machine> {
    /// The queue of commands.
    pub commands: mpsc::Receiver<PendingCommand<M>>,
    /// Becomes true when the coordinator has read its log; until then no command is sent.
    pub loaded: watch::Sender<bool>,
}

/// The queue of commands to a coordinator.
pub struct Handle<M: Machine> {
    inbox: mpsc::Sender<PendingCommand<M>>,
    loaded: watch::Receiver<bool>,
}

impl<M: Machine> Clone for Handle<M> {
    fn clone(&self) -> Handle<M> {
        Handle { inbox: self.inbox.clone(), loaded: self.loaded.clone() }
    }
}

impl<M: Machine> Handle<M> {
    /// Creates a handle, and the receiving end for the coordinator's task.
    pub fn new() -> (Handle<M>, Inbox<M>) {
        let (inbox, commands) = mpsc::channel(INBOX);
        let (loaded_in, loaded) = watch::channel(false);
        (Handle { inbox, loaded }, Inbox { commands, loaded: loaded_in })
    }

    async fn loaded(&self) -> Result<(), CoordinatorNotAvailable> {
        if *self.loaded.borrow() {
            return Ok(());
        }
        let mut loaded = self.loaded.clone();
        match timeout(LOADING_WAIT, loaded.wait_for(|loaded| *loaded)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(CoordinatorNotAvailable::Gone),
            Err(_) => Err(CoordinatorNotAvailable::Loading),
        }
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
        self.loaded().await?;
        let (reply, replied) = oneshot::channel();
        let command = PendingCommand { command: question.into_command(), reply };
        self.inbox.send(command).await.map_err(|_| CoordinatorNotAvailable::Gone)?;
        let reply = replied.await.map_err(|_| CoordinatorNotAvailable::Gone)?;
        Q::answer(reply).ok_or(CoordinatorNotAvailable::Gone)
    }
}
