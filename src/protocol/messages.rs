//! The messages, one module each, made from `schemas/`.
#![allow(missing_docs, clippy::all)]

use crate::protocol::message::ApiFacts;

include!(concat!(env!("OUT_DIR"), "/messages.rs"));

/// Returns the facts of an API that a listener for clients has.
pub fn api(key: i16) -> Option<&'static ApiFacts> {
    APIS.binary_search_by_key(&key, |api| api.key).ok().and_then(|at| APIS.get(at))
}
