//! InitProducerId (22): assigns an id to an idempotent producer (KIP-98).
//!
//! * A transactional id needs a transaction coordinator, which does not exist yet.

use std::ops::RangeInclusive;

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::{InitProducerIdRequest, InitProducerIdResponse, ProducerId};

use crate::handlers::api::Handler;
use crate::handlers::context::Context;
use crate::handlers::errors::append_error_code;
use crate::types::NO_PRODUCER_ID;

/// The handler.
pub struct InitProducerId;

impl Handler for InitProducerId {
    const KEY: i16 = 22;
    const NAME: &'static str = "InitProducerId";
    const VERSIONS: RangeInclusive<i16> = 0..=5;
    type Request = InitProducerIdRequest;
    type Response = InitProducerIdResponse;

    async fn handle(cx: &Context<'_>, request: InitProducerIdRequest) -> InitProducerIdResponse {
        let failed = |code: Code| {
            InitProducerIdResponse::default()
                .with_error_code(code.code())
                .with_producer_id(ProducerId(NO_PRODUCER_ID))
                .with_producer_epoch(-1)
        };
        match &request.transactional_id {
            Some(id) if id.is_empty() => failed(Code::InvalidRequest),
            // An id requires an epoch, and an epoch an id.
            _ if (request.producer_id.0 == -1) != (request.producer_epoch == -1) => {
                failed(Code::InvalidRequest)
            }
            // There are no transactions yet; a retriable code would keep clients waiting.
            Some(_) => failed(Code::UnsupportedVersion),
            None => match cx.broker.producer_ids.next(cx.broker.clock.now()) {
                Ok(id) => InitProducerIdResponse::default()
                    .with_producer_id(ProducerId(id))
                    .with_producer_epoch(0),
                Err(error) => failed(append_error_code(&error)),
            },
        }
    }
}
