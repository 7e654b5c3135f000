//! Consumer groups with the clients that people use.

mod family;
mod member;
mod share;
mod static_members;
pub mod tools;
mod world;
