//! A handler, and the row of the table that it makes.

use std::future::Future;
use std::ops::RangeInclusive;
use std::pin::Pin;

use bytes::Bytes;
use kafka_protocol::protocol::{Decodable, Encodable};

use crate::handlers::context::Context;
use crate::wire::response::{CloseReason, Response, check_frame, encode};

/// The future of an answer.
pub type ResponseFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Response, CloseReason>> + Send + 'a>>;

/// One row of the table.
#[derive(Debug)]
pub struct Api {
    /// Kafka's number for the API.
    pub key: i16,
    /// Its name.
    pub name: &'static str,
    /// The versions that are served.
    pub versions: RangeInclusive<i16>,
    /// The lowest version that ApiVersions names; lower than what is served only where a client
    /// judges by it.
    pub advertised_from: i16,
    /// Decode, handle, encode. The body has passed `wire/shape.rs`.
    pub run: for<'a> fn(&'a Context, Bytes) -> ResponseFuture<'a>,
}

/// A request with an answer of one message.
pub trait Handler {
    /// Kafka's number for the API.
    const KEY: i16;
    /// Its name.
    const NAME: &'static str;
    /// The versions that are served.
    const VERSIONS: RangeInclusive<i16>;
    /// The request.
    type Request: Decodable + Send;
    /// The answer.
    type Response: Encodable + Send + Sync;

    /// Checks what a decoded request may not say at all.
    ///
    /// # Errors
    /// Kafka cannot read such a request either: the connection is closed.
    fn check(_request: &Self::Request) -> Result<(), CloseReason> {
        Ok(())
    }

    /// Authorize, resolve names, call the domain, shape the answer.
    fn handle(cx: &Context, request: Self::Request) -> impl Future<Output = Self::Response> + Send;
}

/// The row that a handler makes.
pub const fn api<H: Handler>() -> Api {
    Api {
        key: H::KEY,
        name: H::NAME,
        versions: H::VERSIONS,
        advertised_from: *H::VERSIONS.start(),
        run: run::<H>,
    }
}

fn run<H: Handler>(cx: &Context, body: Bytes) -> ResponseFuture<'_> {
    Box::pin(async move {
        let request = decode::<H::Request>(cx.version, body)?;
        H::check(&request)?;
        let response = H::handle(cx, request).await;
        let bytes = response.compute_size(cx.version);
        let bytes = bytes.map_err(|error| CloseReason::Unencodable(error.to_string()))?;
        check_frame(bytes)?;
        cx.hold_response(bytes).await?;
        encode(H::KEY, cx.version, cx.correlation_id, &response)
    })
}

/// A request whose answer is a list that may be long: it is made item by item, with an
/// [`ResponseList`](crate::handlers::response_list::ResponseList).
pub trait ListHandler {
    /// Kafka's number for the API.
    const KEY: i16;
    /// Its name.
    const NAME: &'static str;
    /// The versions that are served.
    const VERSIONS: RangeInclusive<i16>;
    /// The request.
    type Request: Decodable + Send;

    /// Authorize, resolve names, call the domain, encode the answer.
    fn handle(
        cx: &Context,
        request: Self::Request,
    ) -> impl Future<Output = Result<Response, CloseReason>> + Send;
}

/// The row that a handler of lists makes.
pub const fn list_api<H: ListHandler>() -> Api {
    Api {
        key: H::KEY,
        name: H::NAME,
        versions: H::VERSIONS,
        advertised_from: *H::VERSIONS.start(),
        run: run_list::<H>,
    }
}

fn run_list<H: ListHandler>(cx: &Context, body: Bytes) -> ResponseFuture<'_> {
    Box::pin(async move {
        let request = decode::<H::Request>(cx.version, body)?;
        H::handle(cx, request).await
    })
}

/// Decode a body that has passed `wire/shape.rs`.
pub fn decode<R: Decodable>(version: i16, mut body: Bytes) -> Result<R, CloseReason> {
    R::decode(&mut body, version).map_err(|error| CloseReason::Malformed(error.to_string()))
}
