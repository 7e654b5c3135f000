//! The task that writes the markers of transactions to their partitions.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::coordinator::group_coordinator::GroupCoordinator;
use crate::coordinator::placement::partition_of;
use crate::coordinator::transaction_coordinator::TransactionCoordinator;
use crate::groups::questions::EndOfTxn;
use crate::log::end_txn::{EndTxn, EndTxnMarker};
use crate::topics::error::Unavailable;
use crate::topics::markers::MarkerError;
use crate::topics::names::{CONSUMER_OFFSETS, TRANSACTION_STATE};
use crate::topics::service::Topics;
use crate::transactions::questions::{MarkersWritten, NextMarkers, TransactionMarkers};
use crate::transactions::state::TransactionResult;
use crate::types::TopicPartition;

/// One marker: the index of its transaction, the partition, and what to write.
type Marker = (usize, TopicPartition, EndTxn);

/// Writes markers for the transaction coordinator.
#[derive(Debug)]
pub struct MarkerWriter {
    topics: Arc<Topics>,
    coordinator: TransactionCoordinator,
    groups: GroupCoordinator,
    /// True if a marker waits for a sync: then many of them share it.
    syncs: bool,
}

impl MarkerWriter {
    /// Creates the task's state.
    pub fn new(
        topics: Arc<Topics>,
        coordinator: TransactionCoordinator,
        groups: GroupCoordinator,
        syncs: bool,
    ) -> MarkerWriter {
        MarkerWriter { topics, coordinator, groups, syncs }
    }

    /// Writes markers until the coordinator ends.
    pub async fn run(self) {
        let mut written = Vec::new();
        while let Ok(next) = self.coordinator.ask(NextMarkers { written }).await {
            written = self.write(next).await;
        }
    }

    async fn write(&self, next: Vec<TransactionMarkers>) -> Vec<MarkersWritten> {
        let markers: Vec<Marker> = next
            .iter()
            .enumerate()
            .flat_map(|(index, markers)| self.each(index, markers))
            .collect();
        let of = |markers: TransactionMarkers| MarkersWritten {
            producer: markers.producer,
            failed: Vec::new(),
        };
        let mut written: Vec<MarkersWritten> = next.into_iter().map(of).collect();
        for (index, id) in self.write_each(markers).await {
            if let Some(written) = written.get_mut(index) {
                written.failed.push((id.topic.to_string(), vec![id.partition]));
            }
        }
        written
    }

    /// Returns the markers of a transaction. They have the leader epoch of the coordinator's
    /// partition, as in Kafka.
    fn each(&self, index: usize, markers: &TransactionMarkers) -> Vec<Marker> {
        let topic = self.topics.named(TRANSACTION_STATE);
        let partition = topic.as_ref().and_then(|topic| {
            topic.partitions.get(partition_of(&markers.producer.id, topic.partitions.len()))
        });
        let marker = EndTxnMarker {
            committed: markers.result == TransactionResult::Commit,
            coordinator_epoch: partition.map_or(0, |partition| partition.leader_epoch()),
        };
        let end = EndTxn {
            producer_id: markers.producer.producer_id,
            producer_epoch: markers.producer.epoch,
            marker,
            bumps_epoch: markers.client_version.bumps_epochs(),
        };
        let all = markers.partitions.iter().flat_map(|(topic, indexes)| {
            let id = move |partition: &i32| TopicPartition::new(topic.as_str(), *partition);
            indexes.iter().map(id)
        });
        all.map(|id| (index, id, end)).collect()
    }

    /// Writes markers. Returns those that could not be written for now.
    async fn write_each(&self, markers: Vec<Marker>) -> Vec<(usize, TopicPartition)> {
        let mut failed = Vec::new();
        if !self.syncs {
            for marker in markers {
                failed.extend(write_one(&self.topics, &self.groups, marker).await);
            }
            return failed;
        }
        let mut writing = JoinSet::new();
        for marker in markers {
            let (topics, groups) = (self.topics.clone(), self.groups.clone());
            writing.spawn(async move { write_one(&topics, &groups, marker).await });
        }
        failed.extend(writing.join_all().await.into_iter().flatten());
        failed
    }
}

/// Writes the end of a producer's transaction to a partition. Those of the offsets topic are
/// written by the group coordinator, which takes them over.
///
/// # Errors
///
/// As [`Topics::end_txn`].
pub async fn write_marker(
    topics: &Topics,
    groups: &GroupCoordinator,
    id: &TopicPartition,
    end: EndTxn,
) -> Result<(), MarkerError> {
    let offsets = topics.named(CONSUMER_OFFSETS).filter(|topic| topic.name == id.topic);
    let is_there = offsets.is_some_and(|topic| topic.partition(id.partition).is_some());
    if !is_there {
        return topics.end_txn(id, end).await;
    }
    match groups.ask(EndOfTxn { partition: id.partition, end }).await {
        Ok(outcome) => Ok(outcome?),
        Err(error) => Err(MarkerError::Unavailable(Unavailable::Offline(error.to_string()))),
    }
}

/// Writes one marker. Returns it if it could not be written for now.
async fn write_one(
    topics: &Topics,
    groups: &GroupCoordinator,
    (index, id, end): Marker,
) -> Option<(usize, TopicPartition)> {
    match write_marker(topics, groups, &id, end).await {
        // Without its partition, the transaction ends in the others.
        Ok(()) | Err(MarkerError::UnknownPartition(_)) => None,
        // The partition knows a later epoch: the transaction has ended there. Kafka would leave
        // the transactional id as it is until the next start.
        Err(MarkerError::Fenced(error)) => {
            let EndTxn { producer_id, producer_epoch, .. } = end;
            tracing::warn!(
                partition = %id, producer_id, producer_epoch, %error, "skipped a marker"
            );
            None
        }
        Err(MarkerError::Unavailable(error)) => {
            tracing::debug!(partition = %id, %error, "could not write a marker; trying again");
            Some((index, id))
        }
    }
}
