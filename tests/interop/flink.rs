//! Flink's exactly-once sink: a job is killed, or the broker, or both, while a transaction is open.
//! The job goes on from its last checkpoint.

use crate::broker::{Broker, Ottla};
use crate::clients::flink;
use crate::process::Process;

/// What a job passes on from one topic to another.
struct Numbers {
    ottla: Ottla,
    written: u32,
    /// How the job names its transactions.
    naming: &'static str,
}

impl Numbers {
    fn passed_with(naming: &'static str) -> Numbers {
        let ottla = Ottla::start();
        ottla.bash("kcat -b localhost:9092 -L -t in && kcat -b localhost:9092 -L -t out");
        Numbers { ottla, written: 0, naming }
    }

    fn write(&mut self, count: u32) {
        let (first, end) = (self.written, self.written + count);
        let last = end - 1;
        self.ottla.bash(&format!("seq {first} {last} | kcat -b localhost:9092 -P -t in"));
        self.written = end;
    }

    /// What is committed, in order.
    fn passed(&self) -> Vec<u32> {
        let read = "kcat -b localhost:9092 -C -t out -o beginning -e -q";
        self.ottla.bash(read).lines().map(|number| number.parse().unwrap()).collect()
    }

    /// Start the job, from its last checkpoint if it has one.
    fn start_job(&self) -> Process {
        let mut command = flink();
        command
            .arg(format!("-Djava.io.tmpdir={}", self.ottla.dir().display()))
            .args(["ottla.Passing", &self.ottla.address])
            .arg(self.ottla.dir().join("checkpoints"))
            .arg(self.naming);
        Process::start(command, &self.ottla.dir().join("job.log"))
    }

    /// Write until the job has a transaction open.
    fn are_on_their_way_in(&mut self, job: &mut Process) {
        job.until("a transaction is open", || {
            self.write(1000);
            let is_open = self.ottla.has_open_transactions("out", 0..1);
            if is_open { Ok(()) } else { Err(format!("none with {}", self.written)) }
        });
    }

    /// Wait until everything is committed. Each number is there once.
    fn have_passed_in(&self, job: &mut Process) {
        job.until("all is committed", || {
            let mut passed = self.passed();
            passed.sort_unstable();
            assert!(passed.is_sorted_by(|one, next| one < next), "one came twice: {passed:?}");
            match passed.len() {
                count if count == self.written as usize => Ok(()),
                count => Err(format!("{count} of {}", self.written)),
            }
        });
    }
}

/// Kill the job, the broker, and both.
fn passes_exactly_once(naming: &'static str) {
    let mut numbers = Numbers::passed_with(naming);
    let mut job = numbers.start_job();
    numbers.are_on_their_way_in(&mut job);
    numbers.have_passed_in(&mut job);

    numbers.are_on_their_way_in(&mut job);
    job.kill();
    let mut job = numbers.start_job();
    numbers.have_passed_in(&mut job);

    numbers.are_on_their_way_in(&mut job);
    numbers.ottla.kill_and_restart();
    numbers.are_on_their_way_in(&mut job);
    numbers.have_passed_in(&mut job);

    numbers.are_on_their_way_in(&mut job);
    job.kill();
    numbers.ottla.kill_and_restart();
    numbers.write(1000);
    let mut job = numbers.start_job();
    numbers.have_passed_in(&mut job);
    job.kill();
    assert!(numbers.ottla.stop());
}

#[test]
#[ignore = "needs Java with Flink and kcat"]
fn flink_writes_exactly_once_in_transactions_with_names_of_their_own() {
    passes_exactly_once("INCREMENTING");
}

#[test]
#[ignore = "needs Java with Flink and kcat"]
fn flink_writes_exactly_once_in_transactions_with_names_used_again() {
    passes_exactly_once("POOLING");
}
