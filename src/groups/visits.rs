//! Counts the items that a step looks at, so that tests can bound them. Costs nothing outside of
//! tests.

#[cfg(test)]
thread_local! {
    static VISITS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Counts one item of a collection that is looked at.
#[inline]
pub fn visit() {
    #[cfg(test)]
    VISITS.with(|visits| visits.set(visits.get() + 1));
}

/// Returns how many items this thread has looked at since the last call.
#[cfg(test)]
pub fn taken() -> u64 {
    VISITS.with(std::cell::Cell::take)
}
