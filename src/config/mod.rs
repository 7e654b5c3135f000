//! THE TABLE of configuration, its layers and what they resolve to.

pub mod endpoint;
pub mod resolve;
