//! A test that hangs fails: whatever a test holds for as long as it runs (a broker above all) holds a
//! [`Watched`] as well. Plain `cargo test` has no limit of its own.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long a test may hold what is watched. Nothing is measured with it: it is many times as long as
/// the slowest test takes on a busy machine.
const HANGS: Duration = Duration::from_secs(600);

/// What is held now: since when, and by which test. `None`: nothing was ever watched.
static HELD: Mutex<Option<BTreeMap<u64, (Instant, String)>>> = Mutex::new(None);

/// Held as long as a test may not hang.
#[derive(Debug)]
pub struct Watched(u64);

impl Watched {
    /// Begins to watch the test that calls it: the name of its thread is the test's.
    pub fn begin() -> Watched {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let key = NEXT.fetch_add(1, Ordering::Relaxed);
        let test = std::thread::current().name().unwrap_or("a thread without a name").to_owned();
        let mut held = HELD.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let all = held.get_or_insert_with(|| {
            std::thread::spawn(watch);
            BTreeMap::new()
        });
        all.insert(key, (Instant::now(), test));
        Watched(key)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let mut held = HELD.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        held.as_mut().and_then(|all| all.remove(&self.0));
    }
}

/// Ends the process, with the names of the tests that hang, as soon as one does.
fn watch() {
    loop {
        std::thread::sleep(Duration::from_secs(1));
        let hanging = hanging(HANGS);
        if !hanging.is_empty() {
            // Past the capture of output, which would be lost with the process.
            let _ = std::io::Write::write_all(
                &mut std::io::stderr(),
                format!("after {} s these tests hang: {hanging:?}\n", HANGS.as_secs()).as_bytes(),
            );
            std::process::exit(101);
        }
    }
}

/// The tests that have held something for longer than this.
fn hanging(limit: Duration) -> Vec<String> {
    let held = HELD.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let late = held.iter().flatten().filter(|(_, (since, _))| since.elapsed() > limit);
    late.map(|(_, (_, test))| test.clone()).collect()
}

/// Waits for what must come. A minute is not a measure: what takes that long does not come any more.
///
/// # Panics
/// If it has not come after a minute.
pub async fn within_a_minute<T>(what: &str, wait: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(60);
    match tokio::time::timeout(limit, wait).await {
        Ok(done) => done,
        Err(_) => panic!("{what}: not after {limit:?}"),
    }
}

#[test]
fn a_test_that_holds_something_for_too_long_is_named_until_it_lets_go() {
    let ours = |name: &String| name.ends_with("is_named_until_it_lets_go");
    let watched = Watched::begin();
    assert!(hanging(Duration::ZERO).iter().any(ours));
    assert!(!hanging(HANGS).iter().any(ours));
    drop(watched);
    assert!(!hanging(Duration::ZERO).iter().any(ours));
}
