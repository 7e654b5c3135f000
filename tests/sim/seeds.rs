//! Which seeds a test runs, and which one it was that failed.

use std::ops::Range;

/// The seeds of one test. If the test panics on the way, the seed is printed.
pub struct Seeds {
    left: Range<u64>,
    now: Option<u64>,
}

/// `default` seeds, or as many as `OTTLA_TEST_SEEDS` says; only `OTTLA_SEED` if that is set.
pub fn seeds(default: u64) -> Seeds {
    first_seeds(number("OTTLA_TEST_SEEDS").unwrap_or(default))
}

/// The first `count` seeds; only `OTTLA_SEED` if that is set.
pub fn first_seeds(count: u64) -> Seeds {
    let left = match number("OTTLA_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..count,
    };
    Seeds { left, now: None }
}

/// A number in the environment.
pub fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

impl Iterator for Seeds {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.now = self.left.next();
        self.now
    }
}

impl Drop for Seeds {
    fn drop(&mut self) {
        if let (true, Some(seed)) = (std::thread::panicking(), self.now) {
            eprintln!("failed with seed {seed}: run it again with OTTLA_SEED={seed}");
        }
    }
}

#[test]
fn every_seed_is_run_once() {
    if number("OTTLA_SEED").is_none() && number("OTTLA_TEST_SEEDS").is_none() {
        assert_eq!(seeds(3).collect::<Vec<_>>(), [0, 1, 2]);
    }
}
