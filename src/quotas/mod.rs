//! Client quotas: which quota applies to a client, its usage, and the throttle time of a client
//! that exceeds it. All but `enforcer.rs`, which owns the lock, is pure and runs in simulated time.

pub mod alter;
pub mod bucket;
pub mod enforcer;
pub mod filter;
pub mod limits;
pub mod meters;
pub mod rate;
