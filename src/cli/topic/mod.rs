//! `ottla topic`: make, look at, change, fill and read topics.

pub mod admin;
pub mod consume;
pub mod consumer;
pub mod lines;
pub mod produce;
pub mod show;
pub mod stdin;
