//! The messages, one module each, made from `schemas/`.
#![allow(missing_docs, clippy::all)]

include!(concat!(env!("OUT_DIR"), "/messages.rs"));
