//! `ottla group`: lists, describes, resets and deletes groups.

pub mod command;
pub mod lag;
pub mod print;
pub mod reset;
pub mod when;
