//! Starts the transaction coordinator, and asks it on behalf of requests.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::broker::coordinators::{find, internal_topic, prepare};
use crate::broker::health::TRANSACTION_COORDINATOR;
use crate::broker::marker_writer::{MarkerWriter, write_marker};
use crate::broker::state::Broker;
use crate::config::choices::Durability;
use crate::coordinator::driver::run;
use crate::coordinator::journal::Journal;
use crate::coordinator::transaction_coordinator::TransactionInbox;
use crate::log::AppendError;
use crate::log::end_txn::EndTxn;
use crate::machine::{CoordinatorNotAvailable, Question};
use crate::metadata::features;
use crate::topics::changes::NewTopic;
use crate::topics::markers::MarkerError;
use crate::topics::names::TRANSACTION_STATE;
use crate::transactions::command::{Command, Reply};
use crate::transactions::error::TransactionError;
use crate::transactions::questions::{EndTransaction, InitProducer, ProducerIdAndEpoch};
use crate::transactions::state::TransactionVersion;
use crate::transactions::{TransactionCoordinatorConfig, Transactions};
use crate::types::TopicPartition;

/// Why the coordinator does not do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum TransactionRequestError {
    /// It refuses.
    #[error(transparent)]
    Refused(#[from] TransactionError),
    /// There is no coordinator.
    #[error(transparent)]
    NotAvailable(#[from] CoordinatorNotAvailable),
    /// There is no new producer id, because the metadata log cannot be written.
    #[error(transparent)]
    ProducerIds(#[from] AppendError),
}

/// Starts the coordinator's task, and the one that writes markers. Requests wait until the log has
/// been read.
pub fn begin(broker: &Broker, pending: TransactionInbox) {
    let config = &broker.config.transactions;
    let of = |value: i64| usize::try_from(value).unwrap_or(usize::MAX);
    let rules = TransactionCoordinatorConfig {
        timeout_max_ms: config.max_timeout_ms,
        timeout_check_ms: config.timeout_check_interval_ms,
        expiration_ms: config.id_expiration_ms,
        expiration_check_ms: config.expiration_check_interval_ms,
        ids_max: of(config.id_max_count.into()),
        bytes_max: of(config.coordinator_max_bytes),
    };
    let metadata = broker.metadata.clone();
    let finalized = move || {
        let level = features::level_of(&metadata.image(), features::TRANSACTION_VERSION);
        TransactionVersion::of_level(level)
    };
    let (topics, wanted) = (broker.topics.clone(), state_topic(broker));
    let find = Box::new(move |create| find(&topics, &wanted, create));
    let syncs = broker.config.durability == Durability::Fsync;
    let running = run(
        Transactions::new(rules, Box::new(finalized)),
        Journal::new(find, syncs),
        broker.clock.clone(),
        pending,
        broker.stopping(),
        |_| Vec::new(),
        monitor(broker.transactions.completions().clone()),
    );
    let health = broker.health.clone();
    broker.tasks.spawn("transaction coordinator", async move {
        if let Err(error) = running.await {
            health.mark_offline(TRANSACTION_COORDINATOR, error.to_string());
        }
    });
    let (topics, groups) = (broker.topics.clone(), broker.coordinator.clone());
    let writer = MarkerWriter::new(topics, broker.transactions.clone(), groups, syncs);
    broker.tasks.spawn("transaction markers", writer.run());
}

/// Returns a monitor that logs how much has been loaded, if anything, and wakes those who wait for
/// transactions to be completed.
fn monitor(completions: Arc<Notify>) -> impl FnMut(&Transactions) {
    let (mut has_loaded, mut completed) = (false, 0);
    move |transactions| {
        if std::mem::replace(&mut completed, transactions.completed()) != transactions.completed() {
            completions.notify_waiters();
        }
        let (ids, bytes) = transactions.usage();
        if !std::mem::replace(&mut has_loaded, true) && ids > 0 {
            tracing::info!(ids, bytes, "loaded transactional ids");
        }
    }
}

/// Returns the topic of transactional ids as Kafka creates it, but with one partition by default:
/// one node, one coordinator.
fn state_topic(broker: &Broker) -> NewTopic {
    let config = &broker.config.transactions;
    let segment_bytes = config.topic_segment_bytes.to_string();
    let configs = [
        ("cleanup.policy", "compact"),
        ("compression.type", "uncompressed"),
        ("min.insync.replicas", "1"),
        ("segment.bytes", &segment_bytes),
        ("unclean.leader.election.enable", "false"),
    ];
    internal_topic(broker, TRANSACTION_STATE, config.topic_num_partitions, configs)
}

impl Broker {
    /// Creates the topic of transactional ids, if it does not exist, when a client looks for a
    /// transaction coordinator, as Kafka does.
    pub fn prepare_transaction_topic(&self) {
        prepare(&self.topics, &state_topic(self));
    }

    /// Sends a question to the transaction coordinator and waits for the answer.
    ///
    /// # Errors
    ///
    /// There is no coordinator, or it refuses.
    pub async fn ask_transactions<Q, A>(&self, question: Q) -> Result<A, TransactionRequestError>
    where
        Q: Question<Command = Command, Reply = Reply, Answer = Result<A, TransactionError>>,
    {
        Ok(self.transactions.ask(question).await??)
    }

    /// Writes the end of a producer's transaction to a partition.
    ///
    /// # Errors
    ///
    /// As [`Topics::end_txn`](crate::topics::service::Topics::end_txn).
    pub async fn write_marker(&self, id: &TopicPartition, end: EndTxn) -> Result<(), MarkerError> {
        write_marker(&self.topics, &self.coordinator, id, end).await
    }

    /// Gives a transactional id its producer.
    ///
    /// # Errors
    ///
    /// As [`Broker::ask_transactions`]; or there is no new producer id.
    pub async fn init_producer(
        &self,
        init: InitProducer,
    ) -> Result<ProducerIdAndEpoch, TransactionRequestError> {
        match self.ask_transactions(init.clone()).await {
            Err(TransactionRequestError::Refused(TransactionError::ProducerIdNeeded)) => {
                let fresh_id = Some(self.producer_ids.next(self.clock.now())?);
                self.ask_transactions(InitProducer { fresh_id, ..init }).await
            }
            answer => answer,
        }
    }

    /// Ends a transaction. Returns the producer of the next one.
    ///
    /// # Errors
    ///
    /// As [`Broker::ask_transactions`]; or there is no new producer id.
    pub async fn end_transaction(
        &self,
        end: EndTransaction,
    ) -> Result<ProducerIdAndEpoch, TransactionRequestError> {
        match self.ask_transactions(end.clone()).await {
            Err(TransactionRequestError::Refused(TransactionError::ProducerIdNeeded)) => {
                let fresh_id = Some(self.producer_ids.next(self.clock.now())?);
                self.ask_transactions(EndTransaction { fresh_id, ..end }).await
            }
            answer => answer,
        }
    }
}
