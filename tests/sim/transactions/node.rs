//! A broker on a simulated disk, and one connection to it.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use ottla::clock::SimClock;
use ottla::protocol::message::Request;
use ottla::storage::sim_disk::SimDisk;

use crate::client::Client;
use crate::harness::Ottla;

/// The broker, its disk, its clock.
pub struct Node {
    ottla: Ottla,
    disk: SimDisk,
    client: Client,
    pub clock: Arc<SimClock>,
    /// True if what is answered survives a loss of power.
    fsync: bool,
    pub crashes: u32,
    pub power_losses: u32,
}

/// The machine has stopped: whether the request took effect is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crashed;

impl Node {
    pub async fn start(rng: &mut Rng) -> Node {
        let disk = SimDisk::new(rng.u64(..));
        let clock = Arc::new(SimClock::at(1_700_000_000_000));
        let fsync = rng.u8(0..3) == 0;
        let configs = [("durability", if fsync { "fsync" } else { "os" })];
        let ottla = Ottla::simulated(Arc::new(disk.clone()), clock.clone(), &configs).await;
        disk.settle();
        let client = ottla.client().await;
        Node { ottla, disk, client, clock, fsync, crashes: 0, power_losses: 0 }
    }

    /// Lets the machine stop after this many changes of the disk.
    pub fn crash_after(&self, changes: u64) {
        self.disk.fail_after(changes);
    }

    pub fn has_stopped(&self) -> bool {
        self.disk.has_stopped()
    }

    /// The process ends, in some cases with the power, and another one takes over.
    pub async fn restart(&mut self, rng: &mut Rng) {
        self.ottla.kill().await;
        self.crashes += 1;
        self.disk = match self.fsync && rng.bool() {
            true => {
                self.power_losses += 1;
                self.disk.crash()
            }
            false => self.disk.kill(),
        };
        self.ottla.start_again_on(Arc::new(self.disk.clone())).await;
        self.client = self.ottla.client().await;
    }

    /// Asks, and waits for the answer or the end of the machine.
    pub async fn ask<R: Request>(
        &mut self,
        version: i16,
        request: &R,
    ) -> Result<R::Response, Crashed> {
        let disk = self.disk.clone();
        let stopped = async move {
            while !disk.has_stopped() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            // The answer may be on its way.
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        tokio::select! {
            answer = self.client.try_ask(version, request) => answer.ok_or(Crashed),
            () = stopped => Err(Crashed),
        }
    }
}
