//! EndTxn (26): commits or aborts a transaction (KIP-98). It is decided with the answer; the
//! markers follow.
//!
//! v2 PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH · v5 a new epoch for the next transaction
//! (KIP-890)

use crate::handlers::api::Handler;
use crate::handlers::context::Context;
use crate::handlers::transactions::{FENCED_SINCE, code_of, producer};
use crate::protocol::messages::{EndTxnRequest, EndTxnResponse};
use crate::transactions::questions::EndTransaction;
use crate::transactions::state::{TransactionResult, TransactionVersion};

/// The first version in which every transaction has its own epoch.
const BUMPS_SINCE: i16 = 5;

/// The handler.
pub struct EndTxn;

impl Handler for EndTxn {
    type Request = EndTxnRequest;

    async fn handle(cx: &Context<'_>, request: EndTxnRequest) -> EndTxnResponse {
        let bumps = cx.version >= BUMPS_SINCE;
        let end = EndTransaction {
            producer: producer(
                &request.transactional_id,
                request.producer_id,
                request.producer_epoch,
            ),
            result: match request.committed {
                true => TransactionResult::Commit,
                false => TransactionResult::Abort,
            },
            client_version: if bumps { TransactionVersion::V2 } else { TransactionVersion::V0 },
            fresh_id: None,
        };
        let none = EndTxnResponse::default().with_producer_id(-1).with_producer_epoch(-1);
        match cx.broker.end_transaction(end).await {
            Ok(next) if bumps => {
                none.with_producer_id(next.producer_id).with_producer_epoch(next.epoch)
            }
            Ok(_) => none,
            Err(error) => none.with_error_code(code_of(&error, cx.version, FENCED_SINCE).code()),
        }
    }
}
