//! Supervision of the broker's essential tasks: if one panics, the broker has failed and stops
//! instead of running without it.

use std::any::Any;
use std::future::Future;
use std::panic::resume_unwind;

use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A task panicked: a bug in Ottla.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bug in Ottla: task \"{task}\" panicked: {why}")]
pub struct TaskPanic {
    /// The name of the task.
    pub task: &'static str,
    /// The panic message.
    pub why: String,
}

/// Records whether a task of the broker panicked.
#[derive(Debug, Clone)]
pub struct Tasks {
    failed: watch::Sender<Option<TaskPanic>>,
}

impl Default for Tasks {
    fn default() -> Tasks {
        Tasks { failed: watch::Sender::new(None) }
    }
}

impl Tasks {
    /// Spawns a task and watches it. The returned handle finishes when the task does, for whatever
    /// reason. Must be called within the runtime.
    pub fn spawn(
        &self,
        task: &'static str,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> JoinHandle<()> {
        let failed = self.failed.clone();
        let working = tokio::spawn(work);
        tokio::spawn(async move {
            let Err(error) = working.await else { return };
            // A task that was cancelled with its runtime did not fail.
            let Ok(panic) = error.try_into_panic() else { return };
            let failure = TaskPanic { task, why: message(panic.as_ref()) };
            tracing::error!(task, error = failure.why, "task panicked; shutting down");
            // The first failure counts; others may follow from it.
            failed.send_if_modified(|known| {
                let is_first = known.is_none();
                if is_first {
                    *known = Some(failure);
                }
                is_first
            });
        })
    }

    /// Waits until a task panics.
    pub async fn failed(&self) -> TaskPanic {
        let mut changes = self.failed.subscribe();
        let failure = changes.wait_for(Option::is_some).await.map(|failure| failure.clone());
        match failure.ok().flatten() {
            Some(failure) => failure,
            // The sender is in `self`.
            None => std::future::pending().await,
        }
    }

    /// Returns the first task that panicked, if any.
    pub fn failure(&self) -> Option<TaskPanic> {
        self.failed.borrow().clone()
    }
}

/// Waits for blocking work and resumes its panic here, since the caller's task is the one that is
/// watched. Returns `None` if the runtime ended first.
pub async fn join_or_resume_panic<T>(work: JoinHandle<T>) -> Option<T> {
    match work.await {
        Ok(done) => Some(done),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_) => None,
        },
    }
}

/// Returns the message of a panic.
pub fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "?".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_panic_of_a_task_is_reported() {
        let tasks = Tasks::default();
        tasks.spawn("first", async {}).await.unwrap();
        assert_eq!(tasks.failure(), None);
        let thread = || tokio::task::spawn_blocking(|| panic!("on a thread, {}", 1));
        tasks
            .spawn(
                "second",
                async move { join_or_resume_panic(thread()).await.unwrap_or_default() },
            )
            .await
            .unwrap();
        tasks.spawn("third", async { panic!("later") }).await.unwrap();
        let failure = tasks.failed().await;
        assert_eq!(failure, TaskPanic { task: "second", why: "on a thread, 1".to_owned() });
        assert_eq!(tasks.failure(), Some(failure));
    }
}
