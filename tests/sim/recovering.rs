//! Brokers that crash, lose power or stop, often while they recover from the last time, with
//! clients that do not wait for the recovery. What was acknowledged is there, in order, and once.

use std::sync::Arc;

use fastrand::Rng;
use kafka_protocol::error::ResponseError as Code;
use ottla::storage::sim_disk::SimDisk;

use crate::client::{Client, fetching, production};
use crate::harness::Ottla;
use crate::records::{plain, read};
use crate::seeds::seeds;

const PARTITIONS: usize = 4;
const SEEDS: u64 = 20;

struct Trial {
    rng: Rng,
    disk: SimDisk,
    ottla: Ottla,
    fsync: bool,
    /// The values of each partition that were acknowledged.
    acknowledged: [Vec<String>; PARTITIONS],
    written: usize,
    /// How often a client was asked to try again.
    refusals: usize,
}

impl Trial {
    async fn start(seed: u64) -> Trial {
        let mut rng = Rng::with_seed(seed);
        let (disk, fsync) = (SimDisk::new(rng.u64(..)), rng.bool());
        let configs = [("durability", if fsync { "fsync" } else { "os" })];
        let ottla = Ottla::on(Arc::new(disk.clone()), &configs).await;
        disk.settle();
        ottla.client().await.create("t", PARTITIONS as i32, &[]).await;
        disk.settle();
        let acknowledged = Default::default();
        Trial { rng, disk, ottla, fsync, acknowledged, written: 0, refusals: 0 }
    }

    /// Appends to some partitions, until each batch is acknowledged.
    async fn produce(&mut self, client: &mut Client) {
        for _ in 0..self.rng.usize(0..12) {
            let index = self.rng.usize(..PARTITIONS);
            let value = format!("value {}", self.written);
            self.written += 1;
            loop {
                let request = production("t", index as i32, plain(&[&value]));
                let answer = client.call(9, &request).await;
                let answer = &answer.responses[0].partition_responses[0];
                if answer.error_code == 0 {
                    let end = self.acknowledged[index].len() as i64;
                    assert_eq!(answer.base_offset, end, "a log lost or repeated records");
                    self.acknowledged[index].push(value);
                    break;
                }
                assert_eq!(answer.error_code, Code::NotLeaderOrFollower.code());
                self.refusals += 1;
            }
        }
    }

    /// Ends the broker in some way, and starts the next one; does not wait for its recovery.
    async fn restart(&mut self) {
        match self.rng.u8(..4) {
            0 => self.ottla.stop().await,
            1 if self.fsync => {
                self.ottla.kill().await;
                self.disk = self.disk.crash();
            }
            _ => {
                self.ottla.kill().await;
                self.disk = self.disk.kill();
            }
        }
        self.ottla.start_recovering_on(Arc::new(self.disk.clone())).await;
    }

    /// Reads every partition from its beginning, and compares it with what was acknowledged.
    async fn check(&mut self, client: &mut Client) {
        for (index, values) in self.acknowledged.iter().enumerate() {
            let mut found = Vec::new();
            while found.len() < values.len() {
                let request = fetching("t", index as i32, found.len() as i64);
                let answer = client.call(12, &request.with_max_wait_ms(1000)).await;
                let error = answer.responses[0].partitions[0].error_code;
                if error == Code::NotLeaderOrFollower.code() {
                    self.refusals += 1;
                    continue;
                }
                assert_eq!(error, 0);
                let records = read(&answer).into_iter().map(|(_, value)| value);
                let records: Vec<_> = records.collect();
                assert!(!records.is_empty(), "{} of {} records", found.len(), values.len());
                found.extend(records);
            }
            assert_eq!(&found, values, "partition {index}");
        }
    }
}

#[tokio::test]
async fn what_was_acknowledged_outlives_crashes_and_stops_during_recovery() {
    for seed in seeds(SEEDS) {
        let mut trial = Trial::start(seed).await;
        for _ in 0..trial.rng.usize(2..8) {
            let mut client = trial.ottla.client().await;
            trial.produce(&mut client).await;
            if trial.rng.bool() {
                trial.check(&mut client).await;
            }
            drop(client);
            // In some rounds the next crash comes at once.
            for _ in 0..trial.rng.usize(1..4) {
                trial.restart().await;
            }
        }
        let mut client = trial.ottla.client().await;
        trial.check(&mut client).await;
    }
}
