//! The coordinator's commands and replies: one of each for every question.

use crate::machine::{Question, question};
use crate::transactions::error::TransactionError;
use crate::transactions::questions::{
    AddPartitions, DescribeTransaction, EndTransaction, InitProducer, ListTransactionalIds,
    NextMarkers, ProducerIdAndEpoch, TransactionDescription, TransactionListing,
    TransactionMarkers, VerifiedPartitions, VerifyPartitions,
};

/// A command to the coordinator.
#[derive(Debug, Clone)]
pub enum Command {
    /// InitProducerId.
    InitProducer(InitProducer),
    /// AddPartitionsToTxn.
    AddPartitions(AddPartitions),
    /// AddPartitionsToTxn, only to verify.
    VerifyPartitions(VerifyPartitions),
    /// EndTxn.
    EndTransaction(EndTransaction),
    /// The request for markers to write.
    NextMarkers(NextMarkers),
    /// DescribeTransactions, for one id.
    DescribeTransaction(DescribeTransaction),
    /// ListTransactions.
    ListTransactionalIds(ListTransactionalIds),
}

/// A reply of the coordinator.
#[derive(Debug, Clone)]
pub enum Reply {
    /// To an InitProducerId.
    Initialized(Result<ProducerIdAndEpoch, TransactionError>),
    /// To an AddPartitionsToTxn.
    Added(Result<(), TransactionError>),
    /// To an AddPartitionsToTxn that only verifies.
    Verified(Result<VerifiedPartitions, TransactionError>),
    /// To an EndTxn: the producer of the next transaction.
    Ended(Result<ProducerIdAndEpoch, TransactionError>),
    /// To the request for markers.
    Markers(Vec<TransactionMarkers>),
    /// To a DescribeTransactions.
    Described(Result<TransactionDescription, TransactionError>),
    /// To a ListTransactions: ids, and whether there are more.
    Listed((Vec<TransactionListing>, bool)),
}

question!(InitProducer, Initialized, Result<ProducerIdAndEpoch, TransactionError>);
question!(AddPartitions, Added, Result<(), TransactionError>);
question!(VerifyPartitions, Verified, Result<VerifiedPartitions, TransactionError>);
question!(EndTransaction, Ended, Result<ProducerIdAndEpoch, TransactionError>);
question!(NextMarkers, Markers, Vec<TransactionMarkers>);
question!(DescribeTransaction, Described, Result<TransactionDescription, TransactionError>);
question!(ListTransactionalIds, Listed, (Vec<TransactionListing>, bool));
