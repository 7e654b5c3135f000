//! Hostile clients against the real program under a memory limit of 256 MB, with a well-behaved
//! client beside them whose every request must be answered.
//!
//! A test is one call of [`run`]:
//!
//! ```ignore
//! #[tokio::test]
//! async fn a_request_that_names_one_group_ten_thousand_times_is_survived() {
//!     let outcome = run(&[("group.max.size", "3")], async |broker| {
//!         let mut client = broker.client().await;
//!         client.send(5, &request).await;
//!         // What the hostile client gets is the test's to assert.
//!     })
//!     .await;
//!     assert!(outcome.growth_bytes() < 100 << 20);
//! }
//! ```
//!
//! [`run`] fails the test if
//!
//! - the broker's resident memory was ever above [`MEMORY_LIMIT_BYTES`] (it is killed then, as a
//!   container's limit would kill it), or it ended for another reason;
//! - one request of the [`steady`] client was not answered without an error, or took longer than
//!   [`steady::ANSWER_TIMEOUT`];
//! - the hostile part took longer than [`HOSTILE_TIMEOUT`];
//! - the broker doesn't stop cleanly on SIGTERM afterwards.
//!
//! It gives an [`Outcome`] with the figures and the broker's log lines. Where more is wanted (a
//! restart on the same directory, a signal in the middle, a steady client that comes from another
//! address), use [`broker::LimitedBroker`] and [`steady::SteadyClient`] themselves.
//!
//! The limit is on VmHWM, the highest resident set size that the kernel has recorded: it is exact
//! however rarely it is read, needs neither root nor cgroups, and counts what is in memory and
//! not what is only reserved (stacks of threads, arenas of the allocator). The broker logs its
//! errors to stderr; they are printed when a test fails.
//!
//! `OTTLA_TEST_BINARY` names another build of the program to run instead.

use std::time::Duration;

use crate::hostile::broker::LimitedBroker;
use crate::hostile::steady::{Served, SteadyClient};

mod answers;
pub mod broker;
mod groups;
mod intake;
pub mod steady;
mod topics;

/// What the broker's resident memory may be at most, in bytes.
pub const MEMORY_LIMIT_BYTES: u64 = 256 << 20;
/// How long the hostile part of a test may take.
pub const HOSTILE_TIMEOUT: Duration = Duration::from_secs(180);

/// What a hostile client did to the broker and to the steady client.
#[derive(Debug)]
pub struct Outcome {
    /// Resident memory before the hostile part began, in bytes.
    pub rss_before: u64,
    /// The highest resident memory, in bytes.
    pub rss_peak: u64,
    /// Resident memory when the hostile part had ended, in bytes.
    pub rss_after: u64,
    /// What the steady client got.
    pub served: Served,
    /// The broker's log lines, the oldest first.
    pub log: Vec<String>,
}

impl Outcome {
    /// How far the resident memory rose above what it was at the beginning, in bytes.
    pub fn growth_bytes(&self) -> u64 {
        self.rss_peak.saturating_sub(self.rss_before)
    }

    /// The log lines that contain this text.
    pub fn lines_with(&self, text: &str) -> Vec<&str> {
        self.log.iter().map(String::as_str).filter(|line| line.contains(text)).collect()
    }
}

/// Runs a hostile client against a fresh broker with these configs, a steady client beside it.
///
/// # Panics
/// As the module's page says.
pub async fn run(configs: &[(&str, &str)], hostile: impl AsyncFnOnce(&LimitedBroker)) -> Outcome {
    let broker = LimitedBroker::start(configs);
    let steady = SteadyClient::start(broker.address());
    steady.rounds(3).await;
    let rss_before = broker.rss();
    let ended = tokio::time::timeout(HOSTILE_TIMEOUT, hostile(&broker)).await;
    broker.assert_alive();
    ended.expect("the hostile client is still at it");
    let rss_after = broker.rss();
    // It is served after the attack as well as during it.
    steady.rounds(3).await;
    let served = steady.stop();
    let rss_peak = broker.rss_peak();
    let log = broker.stop();
    let outcome = Outcome { rss_before, rss_peak, rss_after, served, log };
    println!(
        "rss {} -> {} MB at most, {} MB after; {} requests served, at most {:?} for one",
        outcome.rss_before >> 20,
        outcome.rss_peak >> 20,
        outcome.rss_after >> 20,
        outcome.served.requests,
        outcome.served.longest_wait
    );
    outcome
}

#[tokio::test]
async fn a_client_that_does_no_harm_is_served_and_so_is_the_steady_one() {
    let outcome = run(&[], async |broker| {
        let mut client = broker.client().await;
        client.create("harmless", 1, &[]).await;
    })
    .await;
    assert!(outcome.served.requests >= 24, "{outcome:?}");
    assert!(outcome.rss_peak >= outcome.rss_before, "{outcome:?}");
}

#[test]
#[should_panic(expected = "above the limit")]
fn a_broker_above_its_limit_is_killed_and_the_test_fails() {
    let broker = LimitedBroker::start_with_limit(1 << 20, &[]);
    broker.assert_alive();
}
