//! A rate over sliding windows, like Kafka's `Rate` over `SampledStat`.
//!
//! **Invariant:** there are at most `samples` + 1 samples: one more than are counted, so that a
//! window that began before the period but has events in it still counts.

/// How a rate is sampled: `quota.window.num` and `quota.window.size.seconds`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// Number of windows, the current one included; at least 1.
    pub samples: i64,
    /// Length of a window, ms; at least 1.
    pub window_ms: i64,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    start_ms: i64,
    last_event_ms: i64,
    value: f64,
}

impl Sample {
    fn at(now_ms: i64) -> Sample {
        Sample { start_ms: now_ms, last_event_ms: now_ms, value: 0.0 }
    }
}

/// Recent usage, per second.
#[derive(Debug)]
pub struct Rate {
    samples: Vec<Sample>,
    current: usize,
}

impl Rate {
    /// Creates a rate of zero. Times are on the monotonic clock, in ms.
    pub fn new(now_ms: i64) -> Rate {
        Rate { samples: vec![Sample::at(now_ms)], current: 0 }
    }

    /// Records a value; a negative one takes back.
    pub fn record(&mut self, windows: Windows, value: f64, now_ms: i64) {
        let is_complete = self
            .samples
            .get(self.current)
            .is_none_or(|sample| now_ms - sample.start_ms >= windows.window_ms);
        if is_complete {
            self.advance(windows, now_ms);
        }
        if let Some(sample) = self.samples.get_mut(self.current) {
            sample.value += value;
            sample.last_event_ms = now_ms;
        }
    }

    fn advance(&mut self, windows: Windows, now_ms: i64) {
        self.current = (self.current + 1) % (windows.samples as usize + 1);
        match self.samples.get_mut(self.current) {
            Some(sample) => *sample = Sample::at(now_ms),
            None => {
                self.current = self.samples.len();
                self.samples.push(Sample::at(now_ms));
            }
        }
    }

    /// Returns how long nothing may be used for the rate to come down to `bound` per second, ms; 0
    /// if it is not above it. If O is the observed rate and T the bound over a window of W, then a
    /// delay of X satisfies O · W / (W + X) = T.
    pub fn throttle_ms(&mut self, windows: Windows, bound: f64, now_ms: i64) -> i64 {
        let (sum, window_ms) = self.measure(windows, now_ms);
        let rate = sum / (window_ms / 1000.0);
        if rate <= bound { 0 } else { ((rate - bound) / bound * window_ms).round() as i64 }
    }

    /// Returns the usage, and the time over which it was measured, ms.
    fn measure(&mut self, windows: Windows, now_ms: i64) -> (f64, f64) {
        let expire_age = windows.samples.saturating_mul(windows.window_ms);
        for sample in &mut self.samples {
            if now_ms - sample.last_event_ms >= expire_age {
                *sample = Sample::at(now_ms);
            }
        }
        let sum = self.samples.iter().map(|sample| sample.value).sum();
        let oldest = self.samples.iter().map(|sample| sample.start_ms).min().unwrap_or(now_ms);
        let elapsed = now_ms - oldest;
        // Missing windows count as windows without usage: a client may use at its start what it has
        // not used before.
        let missing = (windows.samples - 1 - elapsed / windows.window_ms).max(0);
        let missing_ms = missing.saturating_mul(windows.window_ms);
        (sum, elapsed.saturating_add(missing_ms).max(1) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Observation = (i64, f64, i64);

    const WINDOWS: Windows = Windows { samples: 11, window_ms: 1000 };

    #[test]
    fn a_burst_is_spread_over_the_windows_before_it() {
        let mut rate = Rate::new(5000);
        rate.record(WINDOWS, 10_000.0, 5000);
        assert_eq!(rate.throttle_ms(WINDOWS, 1000.0, 5000), 0, "1000 a second, over 10 seconds");
        rate.record(WINDOWS, 5000.0, 5000);
        assert_eq!(rate.throttle_ms(WINDOWS, 1000.0, 5000), 5000);
        assert_eq!(rate.throttle_ms(WINDOWS, 1000.0, 16_000), 0, "it is forgotten");
    }

    /// Compares with Kafka 4.4.0's own `Rate` with a bound of 1000: ms since the last
    /// value, the value, and the throttle time after it.
    #[test]
    fn throttle_times_are_kafkas() {
        let seconds = |samples, seconds: i64| Windows { samples, window_ms: seconds * 1000 };
        #[rustfmt::skip]
        let expected: [(Windows, &[Observation]); 3] = [
            (seconds(11, 1), &[
                (164, 685.0, 0), (280, 1454.0, 0), (149, 450.0, 0), (1200, 912.0, 0),
                (5911, 95.0, 0), (861, 1138.0, 0), (279, 242.0, 0), (783, 1051.0, 0),
                (104, 1239.0, 0), (876, 211.0, 0), (873, 1079.0, 0), (135, 492.0, 0),
                (606, 46.0, 0), (125, 880.0, 0), (747, 133.0, 0), (412, 1489.0, 0),
                (252, 612.0, 0), (894, 1370.0, 0), (352, 408.0, 186), (126, 1157.0, 1217),
                (225, 1096.0, 2088), (872, 1305.0, 3521), (805, 1329.0, 5045), (754, 652.0, 5943),
            ]),
            (seconds(2, 1), &[
                (820, 714.0, 0), (7980, 1421.0, 421), (698, 176.0, 0), (8787, 1186.0, 186),
                (356, 808.0, 638), (425, 1598.0, 1811), (418, 987.0, 3380), (226, 981.0, 4135),
                (7359, 1145.0, 145), (48, 566.0, 663), (172, 1395.0, 1886), (815, 1530.0, 3601),
                (663, 992.0, 3930), (157, 1554.0, 5327), (485, 1207.0, 3978), (23, 5.0, 3960),
                (639, 857.0, 4178), (677, 481.0, 3982), (1869, 767.0, 0), (476, 505.0, 0),
                (476, 801.0, 121), (190, 748.0, 1679), (390, 381.0, 1670), (792, 1287.0, 2165),
            ]),
            (seconds(3, 2), &[
                (319, 910.0, 0), (1652, 412.0, 0), (692, 1242.0, 0), (289, 764.0, 0),
                (775, 1395.0, 0), (84, 577.0, 0), (337, 820.0, 291), (809, 859.0, 2341),
                (792, 885.0, 2434), (719, 119.0, 1834), (547, 1081.0, 2368), (435, 465.0, 2398),
                (858, 695.0, 3257), (228, 236.0, 3265), (7352, 682.0, 0), (782, 398.0, 0),
                (617, 1511.0, 0), (331, 325.0, 0), (742, 309.0, 0), (358, 568.0, 0),
            ]),
        ];
        for (windows, steps) in expected {
            let mut now_ms = 5000;
            let mut rate = Rate::new(now_ms + steps[0].0);
            for (index, (passed, used, throttle_ms)) in steps.iter().enumerate() {
                now_ms += passed;
                rate.record(windows, *used, now_ms);
                let found = rate.throttle_ms(windows, 1000.0, now_ms);
                assert_eq!(found, *throttle_ms, "{windows:?}, step {index}");
            }
        }
    }

    #[test]
    fn what_is_taken_back_was_never_used() {
        let mut rate = Rate::new(0);
        rate.record(WINDOWS, 50_000.0, 0);
        rate.record(WINDOWS, -50_000.0, 0);
        assert_eq!(rate.throttle_ms(WINDOWS, 1.0, 0), 0);
    }

    #[test]
    fn windows_of_any_length_are_counted_with() {
        let longest = i64::from(i32::MAX);
        let windows = Windows { samples: longest, window_ms: longest * 1000 };
        let mut rate = Rate::new(0);
        rate.record(windows, 1.0, 0);
        assert_eq!(rate.throttle_ms(windows, 1.0, 0), 0);
        let windows = Windows { samples: 1, window_ms: 1000 };
        assert!(rate.throttle_ms(windows, 1.0, 0) > 0);
    }

    #[test]
    fn memory_is_bounded_by_the_number_of_windows() {
        let mut rate = Rate::new(0);
        for second in 0..1000 {
            rate.record(WINDOWS, 1000.0, second * 1000);
        }
        assert_eq!(rate.samples.len(), 12);
    }
}
