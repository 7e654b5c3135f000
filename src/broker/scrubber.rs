//! Background scrubbing: bit rot is found before the record is needed.
//!
//! A pass reads every log file of every partition and of the metadata log, at
//! `log.scrub.bytes.per.second`, and checks the CRC of each batch. Damage is logged as an error,
//! once; nothing is changed, and a fetch returns the batch as it is, as in Kafka. Between passes
//! the task sleeps for `log.scrub.interval.ms`.

use std::collections::BTreeSet;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Weak;
use std::time::Duration;

use crate::broker::state::Broker;
use crate::broker::tasks::join_or_resume_panic;
use crate::log::scrub::{CorruptFile, Corruption, of_view, scrub};
use crate::metadata::store;
use crate::types::TopicPartition;

/// The first pass begins this long after the start at the latest, ms: a machine that is restarted
/// every few days must be scrubbed, too.
const FIRST_MS: i64 = 24 * 3600 * 1000;
/// How long the thread sleeps before it checks whether it must stop, ms.
const NAP_MS: u64 = 100;

/// Known damage, by file and position: nothing is logged twice.
type KnownDamage = BTreeSet<(PathBuf, u64)>;

/// Scrubs at intervals until the broker stops.
pub async fn run(broker: Weak<Broker>) {
    let Some((mut stopping, mut settings, began)) = broker.upgrade().map(|broker| {
        let now = broker.clock.now().mono_ms;
        (broker.stopping(), broker.settings.changes(), now)
    }) else {
        return;
    };
    let mut stopped = pin!(async move { drop(stopping.wait_for(|stopping| *stopping).await) });
    let mut known = KnownDamage::new();
    let (mut last, mut is_first) = (began, true);
    loop {
        let Some(up) = broker.upgrade() else { return };
        let (now, config) = (up.clock.now().mono_ms, up.settings.now().live().scrub);
        drop(up);
        let pause = if is_first { config.interval_ms.min(FIRST_MS) } else { config.interval_ms };
        let rest = last.saturating_add(pause).saturating_sub(now).max(0) as u64;
        tokio::select! {
            () = &mut stopped => return,
            changed = settings.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(Duration::from_millis(rest)),
                if config.bytes_per_second > 0 =>
            {
                let Some(up) = broker.upgrade() else { return };
                let clock = up.clock.clone();
                // A pass ends soon after the broker is asked to stop.
                let passing = tokio::task::spawn_blocking(move || pass(&up, known));
                let Some(found) = join_or_resume_panic(passing).await else { return };
                known = found;
                (last, is_first) = (clock.now().mono_ms, false);
            }
        }
    }
}

/// Runs one pass. Returns the damage found.
fn pass(broker: &Broker, known: KnownDamage) -> KnownDamage {
    let mut pass = ScrubPass { known, found: KnownDamage::new(), bytes: 0 };
    match pass.run(broker) {
        Ok(()) => {
            tracing::info!(
                bytes = pass.bytes,
                damaged_batches = pass.found.len(),
                "scrubbed the log files"
            );
            pass.found
        }
        Err(_) => pass.known.into_iter().chain(pass.found).collect(),
    }
}

struct ScrubPass {
    /// The damage that earlier passes found.
    known: KnownDamage,
    found: KnownDamage,
    bytes: u64,
}

impl ScrubPass {
    fn run(&mut self, broker: &Broker) -> io::Result<()> {
        let mut throttle = ScrubThrottle::new(broker);
        let metadata = TopicPartition::new(store::TOPIC, 0);
        let stretches = of_view(&broker.metadata.view());
        let mut corrupt_files = Vec::new();
        let mut throttler = |bytes| throttle.passed(broker, bytes);
        // The metadata log is never compacted and loses no segment.
        scrub(broker.disk.as_ref(), &stretches, &mut throttler, &|_| true, &mut |f| {
            corrupt_files.push(f)
        })?;
        self.take(&metadata, corrupt_files);
        for partition in broker.topics.partitions() {
            let mut corrupt_files = Vec::new();
            let mut throttler = |bytes| throttle.passed(broker, bytes);
            match partition.scrub(&mut throttler, &mut |file| corrupt_files.push(file)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
                Err(error) if !partition.is_closing() => {
                    tracing::warn!(topic = partition.id.topic, partition = partition.id.partition,
                        %error, "could not scrub the log");
                }
                _ => {}
            }
            self.take(&partition.id, corrupt_files);
        }
        self.bytes = throttle.bytes;
        Ok(())
    }

    fn take(&mut self, id: &TopicPartition, corrupt_files: Vec<CorruptFile>) {
        for CorruptFile { file, fault } in corrupt_files {
            let position = match &fault {
                Corruption::Damaged(damage) => damage.position,
                Corruption::Unreadable(_) => 0,
            };
            let place = (file, position);
            if !self.known.contains(&place) {
                log_damage(id, &place.0, &fault);
            }
            self.found.insert(place);
        }
    }
}

fn log_damage(id: &TopicPartition, file: &Path, fault: &Corruption) {
    let (topic, partition, file) = (&id.topic, id.partition, file.display());
    match fault {
        Corruption::Damaged(damage) => tracing::error!(
            topic,
            partition,
            %file,
            position = damage.position,
            bytes = damage.bytes,
            offset = damage.offset,
            next_sound_offset = damage.next_offset,
            "log file is damaged: the batch at this position has a wrong CRC or header"
        ),
        Corruption::Unreadable(error) => {
            tracing::error!(topic, partition, %file, %error, "could not read the log file");
        }
    }
}

/// Keeps a pass within its rate.
struct ScrubThrottle {
    /// How much has been read so far.
    bytes: u64,
    /// The rate in effect, bytes per second.
    rate: u64,
    /// When that rate took effect (monotonic), and how much had been read by then.
    since: (i64, u64),
}

impl ScrubThrottle {
    fn new(broker: &Broker) -> ScrubThrottle {
        ScrubThrottle { bytes: 0, rate: 0, since: (broker.clock.now().mono_ms, 0) }
    }

    fn passed(&mut self, broker: &Broker, bytes: u64) -> ControlFlow<()> {
        self.bytes += bytes;
        loop {
            if broker.is_stopping() {
                return ControlFlow::Break(());
            }
            let (now, rate) =
                (broker.clock.now().mono_ms, broker.settings.now().live().scrub.bytes_per_second);
            if rate != self.rate {
                (self.rate, self.since) = (rate, (now, self.bytes));
            }
            // With a rate of 0, a running pass pauses until the rate is raised again.
            let due = match rate {
                0 => u64::MAX,
                _ => (self.bytes - self.since.1).saturating_mul(1000) / rate,
            };
            match due.saturating_sub((now - self.since.0).max(0) as u64) {
                0 => return ControlFlow::Continue(()),
                rest => std::thread::sleep(Duration::from_millis(rest.min(NAP_MS))),
            }
        }
    }
}
