//! Creation and deletion of many topics in batches, on blocking threads: each batch is one write to
//! the metadata log, and other requests are served between batches.

use std::sync::Arc;

use crate::log::AppendError;
use crate::topics::change_error::{CreateError, GrowError};
use crate::topics::changes::NewTopic;
use crate::topics::service::Topics;
use crate::types::TopicId;

/// The maximum number of topics in a batch.
const TOPICS: usize = 200;
/// A batch with this many partitions takes no further topic. A single topic is never split.
const PARTITIONS: i64 = 1000;

impl Topics {
    /// Creates topics, as [`Topics::create`] does, in batches. A stopping broker creates no
    /// further batch.
    pub async fn create_in_batches(
        self: &Arc<Self>,
        wanted: Vec<NewTopic>,
    ) -> Vec<Result<TopicId, CreateError>> {
        let mut outcomes = Vec::with_capacity(wanted.len());
        let mut left = wanted.into_iter().peekable();
        while left.peek().is_some() {
            let (mut piece, mut partitions) = (Vec::new(), 0);
            while piece.len() < TOPICS && partitions < PARTITIONS {
                let Some(topic) = left.next() else { break };
                partitions += i64::from(topic.partitions);
                piece.push(topic);
            }
            let (service, topics) = (self.clone(), piece.len());
            let done = self.blocking(move || service.create(&piece)).await;
            let failed = |why: &str| Err(AppendError::Offline(why.to_owned()).into());
            outcomes.extend(done.unwrap_or_else(|why| (0..topics).map(|_| failed(&why)).collect()));
        }
        outcomes
    }

    /// Deletes topics, as [`Topics::delete`] does, in batches.
    pub async fn delete_in_batches(
        self: &Arc<Self>,
        names: &[String],
    ) -> Vec<Result<bool, AppendError>> {
        let mut outcomes = Vec::with_capacity(names.len());
        for piece in names.chunks(TOPICS) {
            let (service, piece) = (self.clone(), piece.to_vec());
            let topics = piece.len();
            let done = self.blocking(move || service.delete(&piece)).await;
            let failed = |why: &str| Err(AppendError::Offline(why.to_owned()));
            outcomes.extend(done.unwrap_or_else(|why| (0..topics).map(|_| failed(&why)).collect()));
        }
        outcomes
    }

    /// Increases a topic's number of partitions, as [`Topics::add_partitions`] does, on a blocking
    /// thread.
    ///
    /// # Errors
    /// Those of [`Topics::add_partitions`].
    pub async fn grow(self: &Arc<Self>, name: &str, count: i32) -> Result<(), GrowError> {
        let (service, name) = (self.clone(), name.to_owned());
        let done = self.blocking(move || service.add_partitions(&name, count)).await;
        done.unwrap_or_else(|why| Err(AppendError::Offline(why).into()))
    }

    /// Runs one batch. An error says why it did not run to its end.
    async fn blocking<T: Send + 'static>(
        &self,
        piece: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, String> {
        if *self.context.stopping.borrow() {
            return Err("the broker is stopping".to_owned());
        }
        tokio::task::spawn_blocking(piece).await.map_err(|error| error.to_string())
    }
}
