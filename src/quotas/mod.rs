//! Client quotas: who has which, what was used of it, and how long who used too much must wait.
//! All but `enforcer.rs`, which has the lock, is pure and runs in simulated time.

pub mod alter;
pub mod bucket;
pub mod enforcer;
pub mod filter;
pub mod limits;
pub mod meters;
pub mod rate;
