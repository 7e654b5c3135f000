//! InitProducerId (22): gives an idempotent or a transactional producer its id and epoch (KIP-98).
//!
//! v3 the current id and epoch (KIP-360) · v4 PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH

use kafka_protocol::error::ResponseError as Code;

use crate::handlers::api::Handler;
use crate::handlers::context::Context;
use crate::handlers::errors::append_error_code;
use crate::handlers::transactions::code_of;
use crate::protocol::messages::{InitProducerIdRequest, InitProducerIdResponse};
use crate::transactions::questions::{InitProducer, ProducerIdAndEpoch};
use crate::types::NO_PRODUCER_ID;

/// The first version that has PRODUCER_FENCED.
const FENCED_SINCE: i16 = 4;

/// The handler.
pub struct InitProducerId;

impl Handler for InitProducerId {
    type Request = InitProducerIdRequest;

    async fn handle(cx: &Context<'_>, request: InitProducerIdRequest) -> InitProducerIdResponse {
        match init(cx, request).await {
            Ok(ProducerIdAndEpoch { producer_id, epoch }) => InitProducerIdResponse::default()
                .with_producer_id(producer_id)
                .with_producer_epoch(epoch),
            Err(code) => InitProducerIdResponse::default()
                .with_error_code(code.code())
                .with_producer_id(NO_PRODUCER_ID)
                .with_producer_epoch(-1),
        }
    }
}

async fn init(
    cx: &Context<'_>,
    request: InitProducerIdRequest,
) -> Result<ProducerIdAndEpoch, Code> {
    let InitProducerIdRequest { producer_id, producer_epoch: epoch, .. } = request;
    // An id requires an epoch, and an epoch an id.
    if (producer_id == NO_PRODUCER_ID) != (epoch == -1) {
        return Err(Code::InvalidRequest);
    }
    let Some(id) = request.transactional_id else {
        let fresh = cx.broker.producer_ids.next(cx.broker.clock.now());
        let producer_id = fresh.map_err(|error| append_error_code(&error))?;
        return Ok(ProducerIdAndEpoch { producer_id, epoch: 0 });
    };
    let init = InitProducer {
        id: id.to_string(),
        timeout_ms: request.transaction_timeout_ms,
        current: (epoch != -1).then_some(ProducerIdAndEpoch { producer_id, epoch }),
        fresh_id: None,
    };
    let initialized = cx.broker.init_producer(init).await;
    initialized.map_err(|error| code_of(&error, cx.version, FENCED_SINCE))
}
