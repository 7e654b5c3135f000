//! `ottla topic`: creates, lists, describes, updates and deletes topics, and produces to and
//! consumes from them.

pub mod admin;
pub mod consume;
pub mod consumer;
pub mod lines;
pub mod produce;
pub mod show;
pub mod stdin;
