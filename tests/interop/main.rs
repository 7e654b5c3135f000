//! Real foreign clients against the broker as its own process.
//!
//! A test whose client is not installed says so and passes, unless `OTTLA_INTEROP=require`.

mod broker;
mod clients;
mod dump_log;
mod java;
mod kcat;
mod kill_loop;
mod python;
