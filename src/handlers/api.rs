//! The handler traits, and the rows of the API table that they produce.

use std::future::Future;
use std::ops::RangeInclusive;
use std::pin::Pin;

use bytes::Bytes;

use crate::handlers::context::Context;
use crate::handlers::request_cost::QuotaClass;
use crate::handlers::throttle::charge;
use crate::protocol::message::{Message, Request, stable_versions};
use crate::wire::response::{CloseReason, Response, check_frame, encode};

/// The future of a response.
pub type ResponseFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Response, CloseReason>> + Send + 'a>>;

/// One row of the table.
#[derive(Debug)]
pub struct Api {
    /// Kafka's API key.
    pub key: i16,
    /// Its name.
    pub name: &'static str,
    /// The versions that are served.
    pub versions: RangeInclusive<i16>,
    /// The lowest version that ApiVersions advertises; lower than what is served only where a
    /// client infers a capability from it.
    pub advertised_from: i16,
    /// True if it is also served before the client has authenticated.
    pub before_authentication: bool,
    /// How its requests are charged to quotas.
    pub quota: QuotaClass,
    /// What its requests may wait for.
    pub waits_for: WaitsFor,
    /// How many times the memory of its decoded form a request takes.
    pub memory_factor: usize,
    /// Decodes, handles and encodes.
    pub run: for<'a> fn(&'a Context<'a>, Bytes) -> ResponseFuture<'a>,
}

/// What a request may wait for while it is handled, beside memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitsFor {
    /// Nothing that takes long.
    Nothing,
    /// The disk.
    Disk,
    /// Records or other clients, for as long as its client chooses.
    Others,
}

impl Api {
    /// Returns a row with what is true of most APIs: every version that does not change any more is
    /// served.
    pub const fn new<R: Request>(
        run: for<'a> fn(&'a Context<'a>, Bytes) -> ResponseFuture<'a>,
    ) -> Api {
        let versions = stable_versions::<R>();
        Api {
            key: R::KEY,
            name: R::API,
            advertised_from: *versions.start(),
            versions,
            before_authentication: false,
            quota: QuotaClass::Request,
            waits_for: WaitsFor::Nothing,
            memory_factor: 1,
            run,
        }
    }
}

/// A request whose response is one message.
pub trait Handler {
    /// How its requests are charged to quotas.
    const QUOTA: QuotaClass = QuotaClass::Request;
    /// What its requests may wait for.
    const WAITS_FOR: WaitsFor = WaitsFor::Nothing;
    /// The request.
    type Request: Request<Response: Send + Sync> + Send;

    /// Rejects a decoded request that contains what no request may contain.
    ///
    /// # Errors
    ///
    /// Returns an error for a request that Kafka cannot read either: the connection is closed.
    fn check(_request: &Self::Request) -> Result<(), CloseReason> {
        Ok(())
    }

    /// Authorizes, resolves names, calls the domain and builds the response.
    fn handle(
        cx: &Context<'_>,
        request: Self::Request,
    ) -> impl Future<Output = <Self::Request as Request>::Response> + Send;
}

/// Returns the row of a handler.
pub const fn api<H: Handler>() -> Api {
    Api { quota: H::QUOTA, waits_for: H::WAITS_FOR, ..Api::new::<H::Request>(run::<H>) }
}

fn run<'a, H: Handler>(cx: &'a Context<'a>, body: Bytes) -> ResponseFuture<'a> {
    Box::pin(async move {
        let request = decode::<H::Request>(cx, body).await?;
        H::check(&request)?;
        let mut response = H::handle(cx, request).await;
        charge(cx, &mut response);
        let bytes = response.size(cx.version)?;
        check_frame(bytes)?;
        cx.hold_response(bytes).await?;
        encode(cx.version, cx.correlation_id, &response)
    })
}

/// A request whose response is a list that may be long. It is built item by item, with a
/// [`ResponseList`](crate::handlers::response_list::ResponseList).
pub trait ListHandler {
    /// How its requests are charged to quotas.
    const QUOTA: QuotaClass = QuotaClass::Request;
    /// The request.
    type Request: Request + Send;

    /// Authorizes, resolves names, calls the domain and encodes the response.
    fn handle(
        cx: &Context<'_>,
        request: Self::Request,
    ) -> impl Future<Output = Result<Response, CloseReason>> + Send;
}

/// Returns the row of a list handler.
pub const fn list_api<H: ListHandler>() -> Api {
    Api { quota: H::QUOTA, ..Api::new::<H::Request>(run_list::<H>) }
}

fn run_list<'a, H: ListHandler>(cx: &'a Context<'a>, body: Bytes) -> ResponseFuture<'a> {
    Box::pin(async move {
        let request = decode::<H::Request>(cx, body).await?;
        H::handle(cx, request).await
    })
}

/// Decodes the body of a request, within the memory that there is for it.
///
/// # Errors
///
/// Returns an error for a body that is malformed or takes too much memory.
pub async fn decode<R: Request>(cx: &Context<'_>, body: Bytes) -> Result<R, CloseReason> {
    cx.memory.decode(cx.broker, cx.version, &body).await
}
