//! The classic protocol: JoinGroup, SyncGroup, Heartbeat and LeaveGroup, and its timeouts.

mod heartbeat;
mod join;
mod statics;
mod sync;
mod timers;
