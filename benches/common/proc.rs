//! What the kernel counts of a process, from /proc.

use std::collections::BTreeMap;
use std::fs;

/// Ticks of /proc/PID/stat in a second: USER_HZ, which Linux fixes at 100 for user space.
pub const TICKS_PER_SECOND: f64 = 100.0;

/// Processor time that a process has taken, all its threads together.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cpu {
    /// In user space, ticks.
    pub user: u64,
    /// In the kernel on its behalf, ticks.
    pub system: u64,
}

impl Cpu {
    /// What `pid` has taken so far.
    pub fn of(pid: u32) -> Cpu {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a living process");
        // The name stands in parentheses and may hold anything; fields 14 and 15 are wanted.
        let after = stat.rsplit_once(')').expect("a stat line").1;
        let field = |n: usize| after.split_whitespace().nth(n - 3).unwrap().parse().unwrap();
        Cpu { user: field(14), system: field(15) }
    }

    /// What was taken since `earlier`.
    pub fn since(self, earlier: Cpu) -> Cpu {
        Cpu { user: self.user - earlier.user, system: self.system - earlier.system }
    }

    /// Both together, in seconds.
    pub fn seconds(self) -> f64 {
        (self.user + self.system) as f64 / TICKS_PER_SECOND
    }
}

/// A figure of /proc/PID/status in KiB, such as `VmHWM` (peak RSS) or `VmRSS`.
pub fn status_kib(pid: u32, name: &str) -> u64 {
    status(&format!("/proc/{pid}/status"), name)
}

fn status(path: &str, name: &str) -> u64 {
    let text = fs::read_to_string(path).expect("a living process");
    let line = text.lines().find(|line| line.split(':').next() == Some(name));
    line.and_then(|line| line.split_whitespace().nth(1)).and_then(|n| n.parse().ok()).unwrap()
}

/// How many descriptors `pid` has open.
pub fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).expect("a living process").count()
}

/// Context switches of each thread of `pid` so far.
pub fn switches(pid: u32) -> BTreeMap<String, u64> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("a living process");
    threads
        .map(|thread| {
            let path = thread.unwrap().path().join("status").display().to_string();
            let count = status(&path, "voluntary_ctxt_switches")
                + status(&path, "nonvoluntary_ctxt_switches");
            (path, count)
        })
        .collect()
}

/// Context switches from one look to the next. A thread that has ended in between had one at
/// least.
pub fn switched(before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>) -> u64 {
    let more = after.iter().map(|(thread, n)| n - before.get(thread).copied().unwrap_or(0));
    let ended = before.keys().filter(|thread| !after.contains_key(*thread)).count();
    more.sum::<u64>() + ended as u64
}
