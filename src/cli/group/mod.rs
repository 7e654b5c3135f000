//! `ottla group`: look at groups, set their offsets, delete them.

pub mod command;
pub mod lag;
pub mod print;
pub mod reset;
pub mod when;
