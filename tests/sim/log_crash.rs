//! A log on a disk that loses power, is killed, fails and is damaged, at any moment.
//!
//! After each reopening: what is there is a prefix of what was appended; everything that had to
//! survive is in it; nothing is invented; the log makes of its files exactly the whole batches
//! that lie in them; producers, offsets and timestamps are answered as a linear scan would.

use std::path::{Path, PathBuf};

use fastrand::Rng;
use ottla::storage::batch::BatchView;
use ottla::storage::disk::{Disk, read_all};
use ottla::storage::sim_disk::SimDisk;
use ottla::storage::sim_world::InjectedError;

use crate::batches::{Batch, Producer, batch};
use crate::log_model::{Answer, Model, Stored};
use crate::log_under::{Offline, Refused, Start, UnderTest, small_config};
use crate::on_disk::{damage, names, whole_prefix};
use crate::seeds::{first_seeds, seeds};

/// One partition's life over many starts.
pub struct Life {
    rng: Rng,
    disk: SimDisk,
    dir: PathBuf,
    model: Model,
    start: Start,
    now: i64,
    /// A sync failed and the power has not been lost since: what the disk says of durability is
    /// not to be believed.
    doubtful: bool,
    /// What happened, in a few words a line: to compare runs and to read after a failure.
    pub story: String,
}

impl Life {
    pub fn begin(seed: u64) -> Life {
        let mut rng = Rng::with_seed(seed);
        let disk = SimDisk::new(rng.u64(..));
        let dir = PathBuf::from("/data/t-0");
        disk.create_dir(Path::new("/data")).expect("a new directory");
        disk.settle();
        let mut start = Start::new(small_config(&mut rng));
        // Descriptors that come and go must make no difference.
        start.files_open = rng.bool().then(|| rng.usize(1..6));
        Life {
            start,
            rng,
            disk,
            dir,
            model: Model::default(),
            now: 1_700_000_000_000,
            doubtful: false,
            story: String::new(),
        }
    }

    /// Start, work, stop somehow; `times` times.
    pub fn live(&mut self, times: usize) -> Result<(), String> {
        for _ in 0..times {
            let Some(mut log) = self.open()? else { continue };
            self.check(&mut log)?;
            self.work(log)?;
        }
        Ok(())
    }

    fn tell(&mut self, what: impl std::fmt::Display) {
        self.story.push_str(&format!("{what}\n"));
    }

    /// Open the log; now and then the machine stops in the middle of it, and this gives `None`.
    fn open(&mut self) -> Result<Option<UnderTest>, String> {
        let expected = whole_prefix(&self.disk, &self.dir);
        match self.rng.u8(0..12) {
            0 | 1 => self.disk.fail_after(self.rng.u64(0..12)),
            2 => self.disk.fail_reads(""),
            3 => self.disk.set_room(Some(0)),
            _ => {}
        }
        match UnderTest::open(&self.disk, &self.dir, &self.start, self.now) {
            Ok(log) => {
                self.disk.heal();
                let found = log.everything(self.rng.u64(1..20_000))?;
                if found != expected {
                    let (n, m) = (found.len(), expected.len());
                    return Err(format!("opened with {n} bytes where {m} lie in whole batches"));
                }
                self.tell(format_args!("opened {} batches", self.model.stored.len()));
                Ok(Some(log))
            }
            Err(error) if self.disk.has_stopped() => {
                self.tell(format_args!("stopped while opening: {error}"));
                // Opening takes nothing away that is whole, however far it came.
                self.end(None).map(|()| None)
            }
            // A disk that fails must not be taken for a damaged log: the next try finds it all.
            Err(error) if self.disk.has_faults() => {
                self.tell(format_args!("failed to open: {error}"));
                self.disk.heal();
                self.open()
            }
            Err(error) => Err(format!("does not open: {error}")),
        }
    }

    /// Everything that can be asked equals what the model says.
    fn check(&mut self, log: &mut UnderTest) -> Result<(), String> {
        let (start, end) = log.bounds();
        if (start, end) != (0, self.model.end()) {
            return Err(format!("holds {start}..{end}, not 0..{}", self.model.end()));
        }
        let mut offsets: Vec<i64> = (0..=end).collect();
        let mut times = self.model.interesting_times();
        if offsets.len() + times.len() > 400 {
            self.rng.shuffle(&mut offsets);
            self.rng.shuffle(&mut times);
            offsets.truncate(200);
            times.truncate(200);
        }
        for offset in offsets {
            let (found, expected) = (log.batch_of(offset), self.model.batch_of(offset));
            if found != Ok(expected) {
                return Err(format!("offset {offset}: {found:?}, a scan says {expected:?}"));
            }
        }
        for time in times {
            let (found, expected) = (log.at_time(time), self.model.at_time(time));
            if found != Ok(expected) {
                return Err(format!("time {time}: {found:?}, a scan says {expected:?}"));
            }
        }
        Ok(())
    }

    /// Do things until something fails or enough is done; then stop and come back.
    fn work(&mut self, mut log: UnderTest) -> Result<(), String> {
        self.plan_trouble();
        let steps = self.rng.usize(0..40);
        for _ in 0..steps {
            self.now += self.rng.i64(0..300);
            let went_on = match self.rng.u8(0..20) {
                0 | 1 => self.flush(&mut log)?,
                2 => self.checkpoint(&mut log),
                3 => self.check_if_healthy(&mut log)?,
                _ => self.append(&mut log)?,
            };
            if !went_on {
                break;
            }
        }
        self.end(Some(log))
    }

    fn plan_trouble(&mut self) {
        match self.rng.u8(0..12) {
            0..4 => self.disk.fail_after(self.rng.u64(0..120)),
            4 => self.disk.fail_next_write(".log", InjectedError::Io),
            5 => self.disk.fail_next_write("", InjectedError::NoSpace),
            6 => self.disk.fail_now_and_then(40),
            7 => self.disk.set_room(Some(self.rng.u64(0..30_000))),
            8 => self.disk.fail_next_sync(""),
            _ => {}
        }
    }

    fn flush(&mut self, log: &mut UnderTest) -> Result<bool, String> {
        match log.flush() {
            Ok(end) => {
                if !self.doubtful {
                    self.model.synced_to(end);
                }
                self.tell(format_args!("flushed to {end}"));
                Ok(true)
            }
            Err(Offline(why)) => {
                self.tell(format_args!("flush failed: {why}"));
                self.is_offline(log)
            }
        }
    }

    fn checkpoint(&mut self, log: &mut UnderTest) -> bool {
        self.start.recovery_point = log.recovery_point();
        let point = self.start.recovery_point;
        self.tell(format_args!("recovery point {point}"));
        true
    }

    /// Lookups are right while the log is at work, too.
    fn check_if_healthy(&mut self, log: &mut UnderTest) -> Result<bool, String> {
        if self.disk.has_stopped() {
            return Ok(true);
        }
        let checked = self.check(log);
        // A read may want a descriptor, and the file that gives it is synced: the machine may stop
        // in the middle of that.
        if self.disk.has_stopped() { Ok(false) } else { checked.map(|()| true) }
    }

    fn append(&mut self, log: &mut UnderTest) -> Result<bool, String> {
        let batch = self.next_batch();
        let expected = self.model.answer(&batch);
        let sure = log.is_sure_of(&self.model, &batch);
        match log.append(self.now, &batch) {
            Ok(answer) if answer == expected => {}
            // A snapshot keeps only the newest batch of each producer, as Kafka's does.
            Ok(Answer::OutOfOrder) if !sure && matches!(expected, Answer::Duplicate(_)) => {}
            Ok(answer) => return Err(format!("answers {answer:?} where {expected:?} is right")),
            Err(refused) => {
                let (Refused::Offline(why) | Refused::Full(why)) = &refused;
                self.tell(format_args!("append failed: {why}"));
                if let Answer::Placed(offset) = expected {
                    self.model.unsure.push(Stored::new(offset, log.leader_epoch(), batch));
                }
                return match refused {
                    Refused::Offline(_) => self.is_offline(log),
                    Refused::Full(_) => self.is_as_it_was(log),
                };
            }
        }
        self.tell(format_args!("append: {expected:?}"));
        if let Answer::Placed(offset) = expected {
            self.model.store(Stored::new(offset, log.leader_epoch(), batch));
        }
        Ok(true)
    }

    /// A log whose disk failed takes nothing more. Always gives false: it is time to stop.
    fn is_offline(&mut self, log: &mut UnderTest) -> Result<bool, String> {
        self.disk.heal();
        let batch = batch(&mut self.rng, self.now, 10, None);
        match log.append(self.now, &batch) {
            Err(Refused::Offline(_)) => Ok(false),
            Err(refused) => Err(format!("is offline and yet says {refused:?}")),
            Ok(answer) => Err(format!("is offline and yet answers {answer:?}")),
        }
    }

    /// A log without room is read as before, and goes on. Now and then there is room again.
    fn is_as_it_was(&mut self, log: &mut UnderTest) -> Result<bool, String> {
        let read = log.everything(self.rng.u64(1..20_000))?;
        if read.len() != self.model.stored.iter().map(|s| s.bytes.len()).sum::<usize>() {
            return Err("has changed though there was no room for a batch".to_owned());
        }
        match self.rng.u8(0..6) {
            0 => self.disk.heal(),
            1 => self.disk.set_room(Some(self.rng.u64(0..5_000))),
            _ => {}
        }
        Ok(true)
    }

    /// What some producer sends next: mostly what it should.
    fn next_batch(&mut self) -> Batch {
        let about = match self.rng.u8(0..10) {
            0..7 => self.rng.usize(0..200),
            7..9 => self.rng.usize(0..3000),
            _ => self.rng.usize(0..9000),
        };
        if self.rng.bool() {
            return batch(&mut self.rng, self.now, about, None);
        }
        let id = self.rng.i64(1..4);
        let known = self.model.producers.get(&id).cloned().unwrap_or_default();
        if self.rng.u8(0..5) == 0 && !known.window.is_empty() {
            return self.sent_before(id);
        }
        let (epoch, sequence) = match self.rng.u8(0..20) {
            0 => (known.epoch + 1, 0),
            1 => (known.epoch, known.next().wrapping_add(1).max(0)),
            2 => (known.epoch - 1, known.next()),
            3 => (known.epoch + 1, 5),
            _ if known.window.is_empty() && self.rng.bool() => (known.epoch, i32::MAX - 3),
            _ => (known.epoch, known.next()),
        };
        let producer = Producer { id, epoch: epoch.max(0), sequence };
        batch(&mut self.rng, self.now, about, Some(producer))
    }

    /// One of a producer's last batches again, or one from before that.
    fn sent_before(&mut self, id: i64) -> Batch {
        let of_it = |s: &&Stored| s.batch.producer.is_some_and(|p| p.id == id);
        let all: Vec<&Stored> = self.model.stored.iter().rev().filter(of_it).take(7).collect();
        all[self.rng.usize(..all.len())].batch.clone()
    }

    /// The process ends, one way or another, and the next one finds what it left.
    fn end(&mut self, log: Option<UnderTest>) -> Result<(), String> {
        let mut clean = false;
        match log {
            Some(mut log) if !self.disk.has_stopped() && self.rng.u8(0..3) == 0 => {
                clean = log.close().is_ok();
                if clean && !self.doubtful {
                    self.model.synced_to(self.model.end());
                }
                self.start.recovery_point = log.recovery_point();
            }
            _ => {}
        }
        let power = self.rng.bool();
        let durable_end = self.model.durable_end();
        let least = if power { self.model.durable } else { self.model.stored.len() };
        self.doubtful |= self.disk.has_lost_pages();
        self.disk = if power { self.disk.crash() } else { self.disk.kill() };
        let (ending, doubtful) = (if power { "crash" } else { "kill" }, self.doubtful);
        self.tell(format_args!("{ending} clean={clean} doubtful={doubtful} least={least}"));
        self.model.found(&whole_prefix(&self.disk, &self.dir), least)?;
        if power {
            // A log that saw a sync fail and went on must look at everything since: no sync after
            // that, and no clean stop, is to be believed.
            if self.doubtful {
                clean = false;
                self.start.recovery_point = self.start.recovery_point.min(durable_end);
            }
            self.doubtful = false;
            self.model.synced_to(self.model.end());
        }
        self.start.clean = clean;
        if self.rng.u8(0..3) == 0 {
            let done = damage(&mut self.rng, &self.disk, &self.dir, !clean);
            self.tell(format_args!("damaged:{done}"));
        }
        Ok(())
    }
}

impl Life {
    /// A log to which batches were appended, each durable before the next.
    fn appended_and_flushed(&mut self) -> UnderTest {
        let mut log = UnderTest::open(&self.disk, &self.dir, &self.start, self.now).expect("opens");
        for _ in 0..self.rng.usize(20..60) {
            self.now += 10;
            let batch = batch(&mut self.rng, self.now, 100, None);
            log.append(self.now, &batch).expect("appends");
            log.flush().unwrap_or_else(|Offline(why)| panic!("{why}"));
        }
        log
    }
}

/// Run one life, and if it goes wrong tell its story.
pub fn live(seed: u64) -> Life {
    let mut life = Life::begin(seed);
    if let Err(error) = life.live(6) {
        panic!("seed {seed}: the log {error}\n{}{}", life.story, files(&life.disk));
    }
    life
}

/// Every file's name and length.
fn files(disk: &SimDisk) -> String {
    let lines = disk.everything().into_iter();
    lines.map(|(path, bytes)| format!("{} {}\n", path.display(), bytes.len())).collect()
}

#[test]
fn what_had_to_survive_survives_and_nothing_is_invented() {
    for seed in seeds(100) {
        live(seed);
    }
}

#[test]
fn one_seed_tells_one_story() {
    for seed in 0..20 {
        let (one, two) = (live(seed), live(seed));
        assert_eq!(one.story, two.story);
        assert!(one.disk.everything() == two.disk.everything());
    }
}

#[test]
fn a_clean_stop_makes_the_indexes_durable() {
    for seed in first_seeds(50) {
        let mut life = Life::begin(seed);
        let mut log = life.appended_and_flushed();
        log.close().expect("closes");
        let indexes = |disk: &SimDisk| {
            let names = names(disk, &life.dir).into_iter().filter(|name| name.ends_with("index"));
            names.map(|name| (read_all(disk, &life.dir.join(&name)), name)).map(readable).collect()
        };
        let before: Vec<(String, Vec<u8>)> = indexes(&life.disk);
        assert_eq!(indexes(&life.disk.crash()), before, "seed {seed}");
    }
}

/// Retention by time believes these indexes.
#[test]
fn the_time_indexes_of_filled_segments_are_right_after_a_power_loss() {
    for seed in first_seeds(300) {
        let mut life = Life::begin(seed);
        let log = life.appended_and_flushed();
        life.start.recovery_point = log.recovery_point();
        drop(log);
        life.disk = life.disk.crash();
        let log = UnderTest::open(&life.disk, &life.dir, &life.start, life.now).expect("opens");
        let names = names(&life.disk, &life.dir);
        let segments: Vec<&str> = names.iter().filter_map(|n| n.strip_suffix(".log")).collect();
        let (_, filled) = segments.split_last().expect("an active segment");
        for segment in filled {
            let read = |suffix| read_all(&life.disk, &life.dir.join(format!("{segment}.{suffix}")));
            let latest = latest_of_batches(&read("log").expect("a log"));
            let index = read("timeindex").expect("a time index");
            let last = index.last_chunk::<12>().map(|entry| &entry[..8]);
            assert_eq!(last, Some(&latest.to_be_bytes()[..]), "seed {seed}, segment {segment}");
        }
        drop(log);
    }
}

fn readable((bytes, name): (std::io::Result<Vec<u8>>, String)) -> (String, Vec<u8>) {
    (name, bytes.expect("readable"))
}

/// The largest timestamp of the batches.
fn latest_of_batches(mut bytes: &[u8]) -> i64 {
    let mut latest = -1;
    while let Some(batch) = BatchView::first(bytes) {
        latest = latest.max(batch.header.max_timestamp);
        bytes = &bytes[batch.bytes.len()..];
    }
    latest
}
