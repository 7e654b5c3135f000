//! Charges requests to the quotas of their clients, and writes the resulting throttle times into
//! responses (KIP-124, KIP-219).
//!
//! A request is charged when it has been handled and before its response is encoded, as in Kafka.
//! A response is never delayed: it tells the client how long to pause, and for that time
//! `server/connection.rs` does not read from the client. If no quota is set, this costs one relaxed
//! load.

use std::future::Future;

use crate::broker::state::Broker;
use crate::handlers::context::Context;
use crate::handlers::request_cost::{QuotaClass, RequestCost};
use crate::handlers::session::Session;
use crate::protocol::message::Response as Answer;
use crate::quotas::limits::{ClientEntity, QuotaType};
use crate::quotas::meters::MutationOutcome;
use crate::wire::response::{self, CloseReason, Response};

/// Charges a request that has been handled, and encodes its response.
///
/// # Errors
///
/// Returns an error if the response cannot be encoded in the version of the request.
pub fn respond(cx: &Context<'_>, mut response: impl Answer) -> Result<Response, CloseReason> {
    charge(cx, &mut response);
    response::encode(cx.version, cx.correlation_id, &response)
}

/// Charges a request that has been handled, and writes the throttle time into its response.
pub fn charge(cx: &Context<'_>, response: &mut impl Answer) {
    if cx.broker.quotas.is_any() {
        charge_bytes(cx);
        // Fetch has charged its time itself.
        if cx.cost.class != QuotaClass::Fetch {
            charge_time(cx);
        }
    }
    let throttle_ms = cx.cost.throttle_ms();
    if throttle_ms > 0 {
        response.set_throttle_time_ms(throttle_ms as i32);
    }
}

/// Charges the bytes of a request that produces.
fn charge_bytes(cx: &Context<'_>) {
    if cx.cost.class == QuotaClass::Produce {
        let (bytes, now) = (cx.cost.bytes as f64, cx.broker.clock.now());
        let throttle_ms =
            cx.broker.quotas.record(QuotaType::Produce, cx.client_entity(), bytes, now);
        cx.cost.throttle_at_least(throttle_ms);
    }
}

/// Charges the time that the request has taken so far.
pub fn charge_time(cx: &Context<'_>) {
    if is_timed(cx) {
        let percent = cx.cost.take_percent_of_second(&*cx.broker.clock);
        let now = cx.broker.clock.now();
        cx.cost.throttle_at_least(cx.broker.quotas.record(
            QuotaType::Request,
            cx.client_entity(),
            percent,
            now,
        ));
    }
}

/// Charges what a request has cost since it was handled, which alone throttles no client: encoding
/// the response. A produce request without a response is charged for its bytes, and not for its
/// time.
pub fn charge_rest(cx: &Context<'_>, response: &Response) {
    if matches!(response, Response::None) {
        charge_bytes(cx);
    } else if is_timed(cx) {
        let clock = &*cx.broker.clock;
        let percent = cx.cost.take_percent_of_second(clock);
        cx.broker.quotas.note(QuotaType::Request, cx.client_entity(), percent, clock.now());
    }
}

/// Sends something and charges the time that it takes, which alone throttles no client.
pub async fn charge_send<F: Future>(
    broker: &Broker,
    session: &Session,
    client_id: &str,
    sending: F,
) -> F::Output {
    let (cost, clock) = (RequestCost::new(QuotaClass::Request, 0), &*broker.clock);
    let sent = cost.time(clock, sending).await;
    let payer = ClientEntity { user: session.user(), client_id };
    broker.quotas.note(QuotaType::Request, payer, cost.take_percent_of_second(clock), clock.now());
    sent
}

/// Returns true if the time of a request is charged.
pub fn is_timed(cx: &Context<'_>) -> bool {
    cx.broker.quotas.has(QuotaType::Request) && cx.cost.class != QuotaClass::Exempt
}

/// Returns true if the client may create or delete `partitions` partitions (KIP-599). A client that
/// does not know the error code may, and is only throttled.
pub fn may_mutate(cx: &Context<'_>, partitions: usize) -> bool {
    let is_strict = match cx.cost.class {
        QuotaClass::Mutation { strict_since } => cx.version >= strict_since,
        _ => false,
    };
    let (quotas, now) = (&cx.broker.quotas, cx.broker.clock.now());
    match quotas.mutate(cx.client_entity(), partitions, is_strict, now) {
        MutationOutcome::Granted => true,
        MutationOutcome::Late(throttle_ms) => {
            cx.cost.throttle_at_least(throttle_ms);
            true
        }
        MutationOutcome::Refused(throttle_ms) => {
            cx.cost.throttle_at_least(throttle_ms);
            false
        }
    }
}

/// The error message for a client that may not.
pub const QUOTA_EXCEEDED: &str = "The throttling quota has been exceeded.";
