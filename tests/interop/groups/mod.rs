//! Consumer groups with the clients that people use.

mod family;
mod member;
mod share;
mod static_members;
mod tools;
mod world;
