//! Whether batches belong to a transaction that its coordinator knows (KIP-890).
//!
//! * A partition in which the transaction is open already is not asked for.
//! * Clients of the newer flow have partitions added to the transaction; those of the classic one
//!   have added them, and it is only verified, unless `transaction.partition.verification.enable`
//!   is false.

use std::sync::Arc;

use kafka_protocol::error::ResponseError as Code;

use crate::broker::transactions::TransactionRequestError;
use crate::handlers::context::Context;
use crate::handlers::errors::{produce_error_code, transaction_error_code};
use crate::log::verification::{TxnCheck, Verification};
use crate::storage::batch::Header;
use crate::topics::error::{ProduceError, Unavailable};
use crate::topics::partition::Partition;
use crate::topics::recovery::{RECOVERY_WAIT, recovered_all};
use crate::transactions::error::TransactionError;
use crate::transactions::partitions::TopicPartitions;
use crate::transactions::questions::{AddPartitions, TransactionalProducer, VerifyPartitions};
use crate::transactions::state::TransactionVersion;

/// How requests of a version take part in transactions.
#[derive(Debug, Clone, Copy)]
pub struct TxnFlow {
    /// True if partitions are added to the transaction.
    pub adds: bool,
    /// The code for a partition that was not added to it.
    pub not_added: Code,
    /// Returns the code that clients know instead of this one.
    pub code_of: fn(Code) -> Code,
}

/// Why a batch is not appended.
pub type Refusal = (Code, String);

/// A batch of a transaction, and the partition to which it is to be appended.
pub struct TransactionalBatch {
    /// The partition.
    pub partition: Arc<Partition>,
    /// The header.
    pub header: Header,
}

/// Asks the coordinator about batches. Returns, for each one, what is known about its transaction.
pub async fn verify(
    cx: &Context<'_>,
    flow: TxnFlow,
    id: &str,
    batches: Vec<TransactionalBatch>,
) -> Vec<Result<TxnCheck, Refusal>> {
    let Some(header) = batches.first().map(|batch| batch.header) else { return Vec::new() };
    let is_other = |batch: &TransactionalBatch| batch.header.producer_id != header.producer_id;
    if batches.iter().any(is_other) {
        let why = "Transactional records contained more than one producer ID";
        let refused = || Err((Code::InvalidProducerIdMapping, why.to_owned()));
        return batches.iter().map(|_| refused()).collect();
    }
    let verifies = cx.broker.settings.now().live().verifies_transactions;
    if !verifies && !flow.adds {
        return vec![Ok(TxnCheck::Unneeded); batches.len()];
    }
    let producer = TransactionalProducer {
        id: id.to_owned(),
        producer_id: header.producer_id,
        epoch: header.producer_epoch,
    };
    let (mut checks, mut wanted) = (Vec::new(), Vec::new());
    for batch in batches {
        let id = batch.partition.id.clone();
        match begin(cx, flow, batch).await {
            Ok(Verification::Ongoing) => checks.push(Ok(TxnCheck::Unverified)),
            Ok(Verification::Needed(guard)) => {
                wanted.push((checks.len(), (id.topic.to_string(), vec![id.partition]), guard));
                checks.push(Ok(TxnCheck::Unverified));
            }
            Err(error) => checks.push(Err((produce_error_code(&error), error.to_string()))),
        }
    }
    if !wanted.is_empty() {
        let partitions = wanted.iter().map(|(_, partition, _)| partition.clone()).collect();
        let answers = ask(cx, flow, producer, partitions).await;
        for ((index, _, guard), answer) in wanted.into_iter().zip(answers) {
            if let Some(check) = checks.get_mut(index) {
                *check = answer.map(|()| TxnCheck::Verified(guard));
            }
        }
    }
    if !verifies {
        // The partitions have been added all the same.
        checks.iter_mut().flatten().for_each(|check| *check = TxnCheck::Unneeded);
    }
    checks
}

/// Begins the verification; on a blocking thread if the log may have to be opened.
async fn begin(
    cx: &Context<'_>,
    flow: TxnFlow,
    batch: TransactionalBatch,
) -> Result<Verification, ProduceError> {
    let (now, adds) = (cx.broker.clock.now(), flow.adds);
    let TransactionalBatch { partition, header } = batch;
    recovered_all([&partition].into_iter(), RECOVERY_WAIT).await;
    if !partition.is_cautious() {
        return partition.begin_verification(now, &header, adds);
    }
    let beginning = move || partition.begin_verification(now, &header, adds);
    let begun = tokio::task::spawn_blocking(beginning).await;
    begun.unwrap_or_else(|broken| Err(Unavailable::Offline(broken.to_string()).into()))
}

/// Adds partitions to the transaction, or asks whether they are in it. Returns the answer for each.
async fn ask(
    cx: &Context<'_>,
    flow: TxnFlow,
    producer: TransactionalProducer,
    partitions: TopicPartitions,
) -> Vec<Result<(), Refusal>> {
    let count = partitions.len();
    let outcome = ask_until_ended(cx, flow, producer, partitions).await;
    let not_in = || (flow.not_added, "Partition was not added to the transaction".to_owned());
    match outcome {
        Ok(all) => {
            all.into_iter().map(|is_in| if is_in { Ok(()) } else { Err(not_in()) }).collect()
        }
        Err(error) => {
            let refusal = (code(&error, flow), error.to_string());
            vec![Err(refusal); count]
        }
    }
}

/// Asks again while the markers of the producer's previous transaction are written, for
/// `add.partitions.to.txn.retry.backoff.max.ms`: as soon as they are, or after
/// `add.partitions.to.txn.retry.backoff.ms`. Returns whether each partition is in the
/// transaction.
async fn ask_until_ended(
    cx: &Context<'_>,
    flow: TxnFlow,
    producer: TransactionalProducer,
    partitions: TopicPartitions,
) -> Result<Vec<bool>, TransactionRequestError> {
    let config = &cx.broker.config.transactions;
    let until_ms = cx.broker.clock.now().mono_ms.saturating_add(config.retry_max_ms);
    loop {
        let mut ended = std::pin::pin!(cx.broker.transactions.completions().notified());
        ended.as_mut().enable();
        let answer = ask_once(cx, flow, producer.clone(), partitions.clone()).await;
        let waits =
            matches!(answer, Err(TransactionRequestError::Refused(TransactionError::Concurrent)));
        if !waits || cx.broker.clock.now().mono_ms >= until_ms {
            return answer;
        }
        // It may be another producer's transaction that has been completed.
        drop(tokio::time::timeout(config.retry_backoff, ended).await);
    }
}

/// Adds the partitions to the transaction, or asks whether they are in it.
async fn ask_once(
    cx: &Context<'_>,
    flow: TxnFlow,
    producer: TransactionalProducer,
    partitions: TopicPartitions,
) -> Result<Vec<bool>, TransactionRequestError> {
    if !flow.adds {
        let verified = cx.broker.ask_transactions(VerifyPartitions { producer, partitions });
        let is_in = |(_, all): (_, Vec<(i32, bool)>)| all.iter().all(|(_, is_in)| *is_in);
        return Ok(verified.await?.into_iter().map(is_in).collect());
    }
    let count = partitions.len();
    let client_version = TransactionVersion::V2;
    cx.broker.ask_transactions(AddPartitions { producer, partitions, client_version }).await?;
    Ok(vec![true; count])
}

/// Returns the code for a refused verification.
fn code(error: &TransactionRequestError, flow: TxnFlow) -> Code {
    match transaction_error_code(error) {
        Code::ProducerFenced => Code::InvalidProducerEpoch,
        code => (flow.code_of)(code),
    }
}
