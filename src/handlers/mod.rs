//! What each request means: THE TABLE.

pub mod answer_list;
pub mod api;
pub mod charge;
pub mod cluster;
pub mod configs;
pub mod context;
pub mod data;
pub mod duplicates;
pub mod errors;
pub mod groups;
pub mod memory;
pub mod page;
pub mod security;
pub mod table;
pub mod topics;
