//! How much of a log a start after a crash would have to read.

/// Bytes that a start after a crash would have to read, from which on the log is synced in the
/// background.
const RECOVERY_POINT_BYTES: u64 = 64 * 1024 * 1024;
/// How old the first of them is by then, in ms. The operating system has written most of them by
/// itself, so little is left to wait for.
const RECOVERY_POINT_MS: i64 = 30_000;

/// The bytes of the active segment that a start after a crash has to read.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct UnsyncedBytes {
    pub(crate) bytes: u64,
    /// When the first of them was written, or found; monotonic.
    since_ms: Option<i64>,
}

impl UnsyncedBytes {
    /// Returns bytes that are found or written now.
    pub(crate) fn of(bytes: u64, now_mono_ms: i64) -> UnsyncedBytes {
        let mut unsynced = UnsyncedBytes::default();
        unsynced.add(bytes, now_mono_ms);
        unsynced
    }

    /// Counts bytes that are written now.
    pub(crate) fn add(&mut self, bytes: u64, now_mono_ms: i64) {
        self.bytes += bytes;
        if bytes > 0 {
            self.since_ms.get_or_insert(now_mono_ms);
        }
    }

    /// Counts bytes as synced. When those that were written meanwhile were is not known; the next
    /// ones count.
    pub(crate) fn synced(&mut self, bytes: u64) {
        *self = UnsyncedBytes { bytes: self.bytes.saturating_sub(bytes), since_ms: None };
    }

    /// Returns when they are due to be synced; `None` if they are too few.
    pub(crate) fn due_mono_ms(&self) -> Option<i64> {
        let since_ms = self.since_ms.filter(|_| self.bytes >= RECOVERY_POINT_BYTES)?;
        Some(since_ms.saturating_add(RECOVERY_POINT_MS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_unsynced_bytes_are_due_half_a_minute_after_the_first_of_them() {
        let mut unsynced = UnsyncedBytes::of(0, 5);
        unsynced.add(RECOVERY_POINT_BYTES - 1, 10);
        assert_eq!(unsynced.due_mono_ms(), None);
        unsynced.add(1, 20);
        assert_eq!(unsynced.due_mono_ms(), Some(10 + RECOVERY_POINT_MS));
    }

    #[test]
    fn bytes_that_are_written_during_a_sync_remain_unsynced() {
        let mut unsynced = UnsyncedBytes::of(RECOVERY_POINT_BYTES, 0);
        let in_sync = unsynced.bytes;
        unsynced.add(RECOVERY_POINT_BYTES - 1, 10);
        unsynced.synced(in_sync);
        assert_eq!(unsynced.due_mono_ms(), None);
        unsynced.add(1, 20);
        assert_eq!(unsynced.due_mono_ms(), Some(20 + RECOVERY_POINT_MS));
    }
}
