//! ListTransactions (66): the transactional ids, by state and producer (KIP-664).
//!
//! v1 by how long the transaction has been open (KIP-994); v2 by a pattern of ids (KIP-1152)

use std::collections::HashSet;

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::protocol::StrBytes;

use crate::handlers::api::Handler;
use crate::handlers::context::Context;
use crate::handlers::patterns::{InvalidPattern, compile};
use crate::protocol::messages::list_transactions_response::TransactionState as Listed;
use crate::protocol::messages::{ListTransactionsRequest, ListTransactionsResponse};
use crate::transactions::questions::TransactionListing;
use crate::transactions::state::TransactionState;

/// States that exist in Kafka, but are never listed.
const NEVER_LISTED: [&str; 2] = ["Dead", "PrepareEpochFence"];

/// The handler.
pub struct ListTransactions;

impl Handler for ListTransactions {
    type Request = ListTransactionsRequest;

    async fn handle(
        cx: &Context<'_>,
        request: ListTransactionsRequest,
    ) -> ListTransactionsResponse {
        let state = |name: &StrBytes| {
            TransactionState::ALL.into_iter().find(|state| state.name() == name.as_str())
        };
        let filters = &request.state_filters;
        let states: Vec<TransactionState> = filters.iter().filter_map(state).collect();
        let is_unknown =
            |name: &&StrBytes| state(name).is_none() && !NEVER_LISTED.contains(&name.as_str());
        let unknown = filters.iter().filter(is_unknown).cloned().collect();
        let producers: HashSet<i64> = request.producer_id_filters.iter().copied().collect();
        let pattern = match request.transactional_id_pattern.filter(|text| !text.is_empty()) {
            Some(text) => match compile(cx, text).await {
                Ok(pattern) => Some(pattern),
                Err(InvalidPattern) => {
                    let code = Code::InvalidRegularExpression.code();
                    return ListTransactionsResponse::default().with_error_code(code);
                }
            },
            None => None,
        };
        let now_ms = cx.broker.clock.now().wall_ms;
        let keep = |listing: &TransactionListing| {
            let open_ms = now_ms.saturating_sub(listing.start_ms);
            (filters.is_empty() || states.contains(&listing.state))
                && (producers.is_empty() || producers.contains(&listing.producer_id))
                && (request.duration_filter < 0 || open_ms > request.duration_filter)
                && pattern.as_ref().is_none_or(|pattern| pattern.matches(&listing.id))
        };
        let response = ListTransactionsResponse::default().with_unknown_state_filters(unknown);
        match cx.broker.transactions.list(keep).await {
            Ok(all) => response.with_transaction_states(all.into_iter().map(listed).collect()),
            Err(_) => response.with_error_code(Code::CoordinatorLoadInProgress.code()),
        }
    }
}

fn listed(listing: TransactionListing) -> Listed {
    Listed::default()
        .with_transactional_id(StrBytes::from_string(listing.id))
        .with_producer_id(listing.producer_id)
        .with_transaction_state(StrBytes::from_static_str(listing.state.name()))
}
