//! Everything that is tested by seed: schedules that no one would write down by hand.
//!
//! `OTTLA_TEST_SEEDS` says how many seeds each test runs, `OTTLA_SEED` runs one again, and
//! `OTTLA_TEST_FUZZ_ROUNDS` says how many rounds of requests are mutated.

#[path = "../common/admin_requests.rs"]
mod admin_requests;
#[path = "../common/batches.rs"]
mod batches;
#[path = "../it/client.rs"]
#[allow(dead_code, reason = "tests/it uses the rest")]
mod client;
mod compaction;
mod compaction_model;
mod consumer_groups;
mod extreme;
mod fuzz;
#[path = "../common/fuzzed.rs"]
mod fuzzed;
mod group_model;
#[path = "../common/group_requests.rs"]
mod group_requests;
mod group_trouble;
mod groups;
#[path = "../common/hang.rs"]
mod hang;
#[path = "../it/harness.rs"]
#[allow(dead_code, reason = "tests/it uses the rest")]
mod harness;
mod log_crash;
mod log_model;
mod log_under;
mod mutate;
mod on_disk;
#[path = "../it/records.rs"]
#[allow(dead_code, reason = "tests/it uses the rest")]
mod records;
mod recovering;
#[path = "../common/requests.rs"]
mod requests;
#[path = "../common/schemas.rs"]
#[allow(dead_code, reason = "the protocol's tests use the rest")]
mod schemas;
mod seeds;
#[path = "../common/transaction_requests.rs"]
mod transaction_requests;
mod transactions;
mod txn_compaction;
mod txn_log;
