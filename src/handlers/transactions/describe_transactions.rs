//! DescribeTransactions (65): the state of transactional ids (KIP-664).

use kafka_protocol::protocol::StrBytes;

use crate::handlers::api::ListHandler;
use crate::handlers::context::Context;
use crate::handlers::errors::transaction_error_code;
use crate::handlers::response_list::ResponseList;
use crate::protocol::messages::describe_transactions_response::{TopicData, TransactionState};
use crate::protocol::messages::{DescribeTransactionsRequest, DescribeTransactionsResponse};
use crate::transactions::questions::{DescribeTransaction, TransactionDescription};
use crate::wire::response::{CloseReason, Response};

/// The handler.
pub struct DescribeTransactions;

impl ListHandler for DescribeTransactions {
    type Request = DescribeTransactionsRequest;

    async fn handle(
        cx: &Context<'_>,
        request: DescribeTransactionsRequest,
    ) -> Result<Response, CloseReason> {
        let mut list = ResponseList::new::<Self::Request>(cx);
        for id in request.transactional_ids {
            let describe = DescribeTransaction { id: id.to_string() };
            let described = match cx.broker.ask_transactions(describe).await {
                Ok(description) => state(description),
                Err(error) => TransactionState::default()
                    .with_error_code(transaction_error_code(&error).code()),
            };
            list.put(&described.with_transactional_id(id)).await?;
        }
        // Followed by tagged fields.
        list.into_response(DescribeTransactionsResponse::default(), 1).await
    }
}

fn state(description: TransactionDescription) -> TransactionState {
    let topics = description.partitions.into_iter().map(|(topic, partitions)| {
        let topic = StrBytes::from_string(topic);
        TopicData::default().with_topic(topic).with_partitions(partitions)
    });
    TransactionState::default()
        .with_transaction_state(StrBytes::from_static_str(description.state.name()))
        .with_transaction_timeout_ms(description.timeout_ms)
        .with_transaction_start_time_ms(description.start_ms)
        .with_producer_id(description.producer.producer_id)
        .with_producer_epoch(description.producer.epoch)
        .with_topics(topics.collect())
}
