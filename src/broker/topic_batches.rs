//! Many topics are created and deleted in pieces, on blocking threads: each piece is one write to
//! the metadata log, and between two of them others get their turn.

use std::sync::Arc;

use crate::broker::state::Broker;
use crate::broker::topic_changes::NewTopic;
use crate::broker::topic_errors::{CreateError, GrowError};
use crate::log::AppendError;
use crate::types::TopicId;

/// How many topics a piece has at most.
const TOPICS: usize = 200;
/// From how many partitions on a piece takes no further topic. One topic is always one piece.
const PARTITIONS: i64 = 1000;

impl Broker {
    /// Creates topics, as [`Broker::create_topics`] does, in pieces. A broker that stops creates
    /// no further piece.
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
            let (broker, topics) = (self.clone(), piece.len());
            let done = self.blocking(move || broker.create_topics(&piece)).await;
            let failed = |why: &str| Err(AppendError::Offline(why.to_owned()).into());
            outcomes.extend(done.unwrap_or_else(|why| (0..topics).map(|_| failed(&why)).collect()));
        }
        outcomes
    }

    /// Deletes topics, as [`Broker::delete_topics`] does, in pieces.
    pub async fn delete_in_batches(
        self: &Arc<Self>,
        names: &[String],
    ) -> Vec<Result<bool, AppendError>> {
        let mut outcomes = Vec::with_capacity(names.len());
        for piece in names.chunks(TOPICS) {
            let (broker, piece) = (self.clone(), piece.to_vec());
            let topics = piece.len();
            let done = self.blocking(move || broker.delete_topics(&piece)).await;
            let failed = |why: &str| Err(AppendError::Offline(why.to_owned()));
            outcomes.extend(done.unwrap_or_else(|why| (0..topics).map(|_| failed(&why)).collect()));
        }
        outcomes
    }

    /// Gives a topic more partitions, as [`Broker::add_partitions`] does, on a blocking thread.
    ///
    /// # Errors
    /// As there.
    pub async fn grow(self: &Arc<Self>, name: &str, count: i32) -> Result<(), GrowError> {
        let (broker, name) = (self.clone(), name.to_owned());
        let done = self.blocking(move || broker.add_partitions(&name, count)).await;
        done.unwrap_or_else(|why| Err(AppendError::Offline(why).into()))
    }

    /// Runs one piece; an error says why it was not run, or not to its end.
    async fn blocking<T: Send + 'static>(
        &self,
        piece: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, String> {
        if *self.stopping.borrow() {
            return Err("the broker stops".to_owned());
        }
        tokio::task::spawn_blocking(piece).await.map_err(|error| error.to_string())
    }
}
