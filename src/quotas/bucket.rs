//! A token bucket like Kafka's `TokenBucket` (KIP-599): it fills at the quota's rate up to a burst,
//! and taking tokens may leave it in debt.

use crate::quotas::rate::Windows;

/// The tokens of one client.
#[derive(Debug)]
pub struct Bucket {
    /// None until the bucket is first used: it starts full, whatever the quota is then.
    tokens: Option<f64>,
    filled_ms: i64,
}

impl Bucket {
    /// Creates a full bucket. Times are on the monotonic clock, in ms.
    pub fn new(now_ms: i64) -> Bucket {
        Bucket { tokens: None, filled_ms: now_ms }
    }

    fn fill(&mut self, windows: Windows, quota: f64, now_ms: i64) -> f64 {
        let burst = windows.samples as f64 * (windows.window_ms as f64 / 1000.0) * quota;
        let passed = (now_ms - self.filled_ms).max(0) as f64 / 1000.0;
        let tokens = self.tokens.map_or(burst, |tokens| burst.min(tokens + quota * passed));
        self.tokens = Some(tokens);
        self.filled_ms = self.filled_ms.max(now_ms);
        tokens
    }

    /// Returns the time until the bucket is out of debt, ms; 0 if it is not in debt.
    pub fn throttle_ms(&mut self, windows: Windows, quota: f64, now_ms: i64) -> i64 {
        let tokens = self.fill(windows, quota, now_ms);
        if tokens < 0.0 { (-tokens / quota * 1000.0).round() as i64 } else { 0 }
    }

    /// Takes `tokens` tokens, whether the bucket has them or not.
    pub fn take(&mut self, windows: Windows, quota: f64, tokens: f64, now_ms: i64) {
        self.tokens = Some(self.fill(windows, quota, now_ms) - tokens);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares with Kafka 4.4.0's own `TokenBucket` with a quota of 5 and two windows of
    /// a second: ms since the last request, the tokens requested, and the throttle time. A request
    /// that is throttled takes no tokens.
    #[test]
    fn throttle_times_are_kafkas() {
        let windows = Windows { samples: 2, window_ms: 1000 };
        #[rustfmt::skip]
        let expected = [
            (1627, 14.0, 0), (2382, 5.0, 0), (290, 6.0, 0), (1301, 16.0, 0), (1875, 20.0, 352),
            (610, 3.0, 0), (449, 18.0, 0), (2649, 13.0, 844), (1116, 18.0, 0), (2744, 17.0, 584),
            (2585, 16.0, 0), (1400, 13.0, 0), (1919, 4.0, 481), (2015, 5.0, 0), (2400, 12.0, 0),
            (2622, 0.0, 0),
        ];
        let mut now_ms = 0;
        let mut bucket = Bucket::new(now_ms);
        for (index, (passed, wanted, throttle_ms)) in expected.into_iter().enumerate() {
            now_ms += passed;
            let found = bucket.throttle_ms(windows, 5.0, now_ms);
            assert_eq!(found, throttle_ms, "step {index}");
            if found == 0 {
                bucket.take(windows, 5.0, wanted, now_ms);
            }
        }
    }

    #[test]
    fn a_debt_is_paid_at_the_rate_of_the_quota() {
        let windows = Windows { samples: 100, window_ms: 1000 };
        let mut bucket = Bucket::new(7);
        bucket.take(windows, 5.0, 560.0, 7);
        assert_eq!(bucket.throttle_ms(windows, 5.0, 7), 12_000);
        assert_eq!(bucket.throttle_ms(windows, 5.0, 12_006), 1);
        assert_eq!(bucket.throttle_ms(windows, 5.0, 12_007), 0);
    }
}
