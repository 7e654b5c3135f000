//! The consumer loop: fetch, print, commit, heartbeat.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior};

use crate::cli::failure::Failure;
use crate::cli::properties::Commit;
use crate::cli::screen::{self, ProgressLine};
use crate::cli::topic::show::Show;
use crate::client::cluster::Cluster;
use crate::client::connection::ConnectionConfig;
use crate::client::error::ClientError;
use crate::client::fetcher::{FetchConfig, FetchedRecords, Fetcher, OffsetReset};
use crate::client::group_member::{Member, MemberConfig};
use crate::client::offsets::{self, EARLIEST, LATEST};
use crate::clock::{Clock, SystemClock};
use crate::types::{Offset, TopicPartition};

/// How often new partitions are looked for outside of a group.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// How long to wait after the broker was lost.
const PAUSE: Duration = Duration::from_millis(200);

/// Where to begin without a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// Where the reset policy says.
    Policy,
    /// At this offset.
    At(Offset),
    /// This many records before the end.
    FromEnd(Offset),
}

/// What to consume, and when to stop.
#[derive(Debug)]
pub struct ConsumeTask {
    /// The bootstrap addresses.
    pub bootstrap: String,
    /// How to connect.
    pub connection_config: ConnectionConfig,
    /// How to fetch.
    pub fetch: FetchConfig,
    /// The topics.
    pub topics: Vec<String>,
    /// The partition, without a group.
    pub partition: Option<i32>,
    /// Where to begin, without a group.
    pub begin: Begin,
    /// The group, if any, with its commit and heartbeat settings.
    pub group: Option<(MemberConfig, Commit, Duration)>,
    /// Stop after this many records.
    pub max_messages: Option<u64>,
    /// Stop when no record has arrived for this long.
    pub timeout: Option<Duration>,
    /// Stop at the end offsets of the start.
    pub until_end: bool,
    /// What to print.
    pub show: Show,
    /// Skip damaged records.
    pub skip_errors: bool,
}

/// How a consumer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// The number of records printed.
    pub records: u64,
    /// True if it was stopped by Ctrl-C.
    pub is_interrupted: bool,
    /// True if no record arrived in time.
    pub is_timed_out: bool,
}

/// A running consumer.
struct Consumer {
    task: ConsumeTask,
    cluster: Cluster,
    fetcher: Fetcher,
    member: Option<Member>,
    /// The offset up to which records have been printed: what may be committed.
    printed: BTreeMap<TopicPartition, Offset>,
    /// The part of that which has been committed.
    committed: BTreeMap<TopicPartition, Offset>,
    /// The end offset of each partition at the start, if the consumer stops there.
    ends: BTreeMap<TopicPartition, Offset>,
    records: u64,
    is_troubled: bool,
    progress: ProgressLine,
    clock: SystemClock,
}

/// Consumes and prints until a condition of `task` says to stop.
///
/// # Errors
/// Nothing answers, there is nothing to consume, or a record cannot be read.
pub async fn run(task: ConsumeTask) -> Result<Ended, Failure> {
    let cluster = Cluster::connect(&task.bootstrap, task.connection_config.clone()).await?;
    let fetcher = Fetcher::new(task.fetch.clone());
    let member =
        task.group.as_ref().map(|(config, ..)| Member::new(config.clone(), task.topics.clone()));
    let total = task.max_messages;
    let mut consumer = Consumer {
        task,
        cluster,
        fetcher,
        member,
        printed: BTreeMap::new(),
        committed: BTreeMap::new(),
        ends: BTreeMap::new(),
        records: 0,
        is_troubled: false,
        progress: ProgressLine::new("records read:", total),
        clock: SystemClock::default(),
    };
    let outcome = consumer.work().await;
    consumer.progress.end();
    // However it ended: printed records are committed, and the other members need not wait for the
    // session to expire.
    let farewell = consumer.leave().await;
    let ended = outcome?;
    farewell?;
    screen::flush()?;
    Ok(ended)
}

impl Consumer {
    async fn work(&mut self) -> Result<Ended, Failure> {
        let (mut is_interrupted, mut is_timed_out) = (false, false);
        let begun = tokio::select! {
            begun = self.begin() => begun,
            _ = tokio::signal::ctrl_c() => {
                return Ok(Ended { records: 0, is_interrupted: true, is_timed_out: false });
            }
        };
        begun?;
        let (commit, heartbeat) = match &self.task.group {
            Some((_, commit, heartbeat)) => (*commit, *heartbeat),
            None => (Commit { is_automatic: false, every: LOOK_AGAIN }, LOOK_AGAIN),
        };
        let (mut heartbeat, mut committing) = (every(heartbeat), every(commit.every));
        let patience = self.task.timeout.unwrap_or(Duration::from_secs(u64::from(u32::MAX)));
        let mut waited = every(patience);
        waited.reset();
        while !self.is_done() {
            tokio::select! {
                biased;
                _ = tokio::signal::ctrl_c() => {
                    is_interrupted = true;
                    break;
                }
                _ = heartbeat.tick() => self.stay().await?,
                _ = committing.tick(), if commit.is_automatic => self.commit().await?,
                fetched = self.fetcher.poll(&mut self.cluster) => {
                    if self.take(fetched).await? {
                        waited.reset();
                    }
                }
                _ = waited.tick() => {
                    is_timed_out = true;
                    break;
                }
            }
        }
        Ok(Ended { records: self.records, is_interrupted, is_timed_out })
    }

    /// Determines what to read, and from where.
    async fn begin(&mut self) -> Result<(), Failure> {
        for topic in self.task.topics.clone() {
            self.cluster.topic(&topic, true).await?;
        }
        if let Some(member) = &mut self.member {
            let given = member.join(&mut self.cluster).await?;
            return self.assigned(&given).await;
        }
        let mut places = Vec::new();
        for topic in &self.task.topics {
            let found = self.cluster.topic(topic, true).await?;
            let wanted = |p: &i32| self.task.partition.is_none_or(|wanted| wanted == *p);
            let of_topic = found.partitions.keys().copied().filter(wanted);
            places.extend(of_topic.map(|p| TopicPartition::new(topic.clone(), p)));
        }
        if places.is_empty() {
            let partition = self.task.partition.unwrap_or_default();
            return Err(Failure::new(format!(
                "topic {} has no partition {partition}",
                self.task.topics.join(", ")
            )));
        }
        let from: BTreeMap<TopicPartition, Option<Offset>> = match self.task.begin {
            Begin::Policy => places.into_iter().map(|p| (p, None)).collect(),
            Begin::At(offset) => places.into_iter().map(|p| (p, Some(offset))).collect(),
            Begin::FromEnd(count) => {
                let ends = offsets::all_at(&mut self.cluster, &places, LATEST).await?;
                let starts = offsets::all_at(&mut self.cluster, &places, EARLIEST).await?;
                let start = |p: &TopicPartition| starts.get(p).copied().unwrap_or_default();
                ends.into_iter()
                    .map(|(p, end)| (p.clone(), Some((end - count).max(start(&p)))))
                    .collect()
            }
        };
        self.assigned(&from).await
    }

    async fn assigned(
        &mut self,
        places: &BTreeMap<TopicPartition, Option<Offset>>,
    ) -> Result<(), Failure> {
        self.fetcher.assign(&mut self.cluster, places).await?;
        // Like Kafka's consumer, this one commits even if there is nothing to read.
        self.printed = self.fetcher.positions.clone();
        self.committed.clear();
        if self.task.until_end {
            let all: Vec<TopicPartition> = places.keys().cloned().collect();
            self.ends = offsets::all_at(&mut self.cluster, &all, LATEST).await?;
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        let has_enough = self.task.max_messages.is_some_and(|most| self.records >= most);
        let position = |place| self.fetcher.positions.get(place).copied().unwrap_or(Offset::MAX);
        let is_at_end = self.task.until_end
            && !self.is_troubled
            && self.ends.iter().all(|(place, end)| position(place) >= *end);
        has_enough || is_at_end
    }

    /// Sends a heartbeat and follows a rebalance; without a group, looks for new partitions.
    async fn stay(&mut self) -> Result<(), Failure> {
        let Some(member) = &mut self.member else { return self.look_again().await };
        if !member.heartbeat(&mut self.cluster).await? {
            return Ok(());
        }
        if self.task.group.as_ref().is_some_and(|(_, commit, _)| commit.is_automatic) {
            self.commit().await?;
        }
        let Some(member) = &mut self.member else { return Ok(()) };
        let given = tokio::select! {
            given = member.join(&mut self.cluster) => given?,
            _ = tokio::signal::ctrl_c() => return Err(Failure::silent(0)),
        };
        self.assigned(&given).await
    }

    /// Reads partitions that were added meanwhile from their beginning.
    async fn look_again(&mut self) -> Result<(), Failure> {
        if self.task.partition.is_some() {
            return Ok(());
        }
        for topic in self.task.topics.clone() {
            self.cluster.forget_topic(&topic);
            // A broker that is unreachable is left to the next fetch.
            let Ok(found) = self.cluster.topic(&topic, false).await else { continue };
            for partition in found.partitions.into_keys() {
                let place = TopicPartition::new(topic.clone(), partition);
                self.fetcher.positions.entry(place).or_insert(0);
            }
        }
        Ok(())
    }

    async fn commit(&mut self) -> Result<(), Failure> {
        let Some(member) = &mut self.member else { return Ok(()) };
        if self.printed == self.committed {
            return Ok(());
        }
        match member.commit(&mut self.cluster, &self.printed).await {
            Ok(()) => self.committed = self.printed.clone(),
            Err(error) if error.may_pass() => self.trouble(&error),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    async fn leave(&mut self) -> Result<(), Failure> {
        let commits = self.task.group.as_ref().is_some_and(|(_, commit, _)| commit.is_automatic);
        if commits {
            self.commit().await?;
        }
        if let Some(member) = &mut self.member {
            // The session expires by itself if this does not arrive.
            let _ = member.leave(&mut self.cluster).await;
        }
        Ok(())
    }

    /// Prints fetched records. Returns true if there were any.
    async fn take(
        &mut self,
        fetched: Result<Vec<FetchedRecords>, ClientError>,
    ) -> Result<bool, Failure> {
        let fetched = match fetched {
            Ok(fetched) => fetched,
            Err(error) if error.may_pass() => {
                self.trouble(&error);
                self.cluster.forget_connections();
                tokio::time::sleep(PAUSE).await;
                return Ok(false);
            }
            Err(error) if self.task.skip_errors => {
                screen::note(&format!("Error processing message, skipping this message: {error}"));
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        };
        self.is_troubled = false;
        let mut out = Vec::new();
        let most = self.task.max_messages.unwrap_or(u64::MAX);
        for FetchedRecords { partition: place, records } in &fetched {
            for record in records {
                if self.records == most {
                    break;
                }
                self.task.show.write(place, record, &mut out);
                self.printed.insert(place.clone(), record.offset + 1);
                self.records += 1;
            }
        }
        // Control records may follow the last record; their offsets count as printed.
        for (place, next) in &self.fetcher.positions {
            if self.records < most
                && let Some(printed) = self.printed.get_mut(place)
            {
                *printed = (*printed).max(*next);
            }
        }
        screen::bytes(&out)?;
        screen::flush()?;
        self.progress.at(self.records, self.clock.now().mono_ms);
        Ok(!fetched.is_empty())
    }

    /// Prints once that the broker is unreachable.
    fn trouble(&mut self, error: &ClientError) {
        if !self.is_troubled {
            screen::note(&format!("{error}; retrying"));
            self.is_troubled = true;
        }
    }
}

fn every(period: Duration) -> Interval {
    let mut interval = tokio::time::interval(period.max(Duration::from_millis(1)));
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval.reset();
    interval
}

/// Parses `--offset`: a number, `earliest`, `latest`, or this many records before the end, as `-5`.
///
/// # Errors
/// It is none of these.
pub fn begin(text: &str) -> Result<(Begin, Option<OffsetReset>), Failure> {
    match text {
        "earliest" | "beginning" => Ok((Begin::Policy, Some(OffsetReset::Earliest))),
        "latest" | "end" => Ok((Begin::Policy, Some(OffsetReset::Latest))),
        _ => match text.parse::<i64>() {
            Ok(offset) if offset >= 0 => Ok((Begin::At(offset), None)),
            Ok(offset) => Ok((Begin::FromEnd(offset.saturating_neg()), None)),
            Err(_) => Err(Failure::usage(format!(
                "The provided offset value '{text}' is incorrect. Valid values are 'earliest', \
                 'latest', or a non-negative long."
            ))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_may_be_said_in_words_and_from_the_end() {
        assert_eq!(begin("earliest").unwrap(), (Begin::Policy, Some(OffsetReset::Earliest)));
        assert_eq!(begin("17").unwrap(), (Begin::At(17), None));
        assert_eq!(begin("-5").unwrap(), (Begin::FromEnd(5), None));
        assert!(begin("soon").is_err());
    }
}
