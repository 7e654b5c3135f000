//! AddOffsetsToTxn (25): adds the committed offsets of a group to a transaction (KIP-98), in the
//! classic flow: it is the partition that has them.
//!
//! v2 PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH

use crate::handlers::api::Handler;
use crate::handlers::context::Context;
use crate::handlers::errors::NONE;
use crate::handlers::transactions::{FENCED_SINCE, code_of, producer};
use crate::protocol::messages::{AddOffsetsToTxnRequest, AddOffsetsToTxnResponse};
use crate::topics::names::CONSUMER_OFFSETS;
use crate::transactions::questions::AddPartitions;
use crate::transactions::state::TransactionVersion;

/// The handler.
pub struct AddOffsetsToTxn;

impl Handler for AddOffsetsToTxn {
    type Request = AddOffsetsToTxnRequest;

    async fn handle(cx: &Context<'_>, request: AddOffsetsToTxnRequest) -> AddOffsetsToTxnResponse {
        cx.broker.prepare_offsets_topic();
        let partition = cx.broker.offsets_partition(&request.group_id);
        let add = AddPartitions {
            producer: producer(
                &request.transactional_id,
                request.producer_id,
                request.producer_epoch,
            ),
            partitions: vec![(CONSUMER_OFFSETS.to_owned(), vec![partition])],
            client_version: TransactionVersion::V0,
        };
        let code = match cx.broker.ask_transactions(add).await {
            Ok(()) => NONE,
            Err(error) => code_of(&error, cx.version, FENCED_SINCE).code(),
        };
        AddOffsetsToTxnResponse::default().with_error_code(code)
    }
}
