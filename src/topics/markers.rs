//! Markers: the ends of transactions, which the transaction coordinator has written to partitions.

use std::sync::Arc;

use crate::clock::Now;
use crate::config::choices::Durability;
use crate::log::AppendError;
use crate::log::end_txn::EndTxn;
use crate::log::producer::ProducerError;
use crate::topics::error::{ProduceError, Unavailable};
use crate::topics::partition::Partition;
use crate::topics::recovery::{RECOVERY_WAIT, recovered_all};
use crate::topics::service::Topics;
use crate::types::{Offset, TopicPartition};

/// Why a marker was not written.
#[derive(Debug, thiserror::Error)]
pub enum MarkerError {
    /// There is no such partition, or its topic was deleted meanwhile: the transaction can end
    /// without it.
    #[error("there is no partition {0}")]
    UnknownPartition(TopicPartition),
    /// The producer or the coordinator is out of date: another attempt fails as well.
    #[error(transparent)]
    Fenced(#[from] ProducerError),
    /// The log cannot be written; another attempt may succeed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Topics {
    /// Writes the end of a producer's transaction to a partition. Returns once the marker is as
    /// durable as `durability` requires.
    ///
    /// The marker is written whether or not the partition has records of the transaction. One that
    /// is written twice changes nothing for readers.
    ///
    /// # Errors
    /// The partition does not exist, has a newer epoch, or cannot be written.
    pub async fn end_txn(&self, id: &TopicPartition, end: EndTxn) -> Result<(), MarkerError> {
        let topic = self.named(&id.topic);
        let partition = topic.as_ref().and_then(|topic| topic.partition(id.partition));
        let partition = partition.ok_or_else(|| MarkerError::UnknownPartition(id.clone()))?;
        let written = self.write_marker(partition, end).await;
        written.map_err(|error| match error {
            ProduceError::Append(AppendError::Producer(error)) => MarkerError::Fenced(error),
            ProduceError::Unavailable(Unavailable::Deleted) => {
                MarkerError::UnknownPartition(id.clone())
            }
            ProduceError::Unavailable(error) => MarkerError::Unavailable(error),
            ProduceError::Append(error) => MarkerError::Unavailable(error.into()),
            ProduceError::Admit(error) => {
                MarkerError::Unavailable(Unavailable::Offline(error.to_string()))
            }
        })
    }

    async fn write_marker(
        &self,
        partition: &Arc<Partition>,
        end: EndTxn,
    ) -> Result<(), ProduceError> {
        let end_offset = append(partition, self.context.clock.now(), end).await?;
        if self.context.durability == Durability::Fsync {
            partition.durable(end_offset).await?;
        }
        Ok(())
    }
}

/// Appends the marker, on a blocking thread if the disk has stalled before. Returns where it ends.
async fn append(partition: &Arc<Partition>, now: Now, end: EndTxn) -> Result<Offset, ProduceError> {
    recovered_all([partition].into_iter(), RECOVERY_WAIT).await;
    if !partition.is_cautious() {
        return Ok(partition.append_marker(now, &end)?.end_offset);
    }
    let partition = partition.clone();
    let appending = tokio::task::spawn_blocking(move || partition.append_marker(now, &end));
    let appended = appending.await.map_err(|error| Unavailable::Offline(error.to_string()))?;
    Ok(appended?.end_offset)
}
