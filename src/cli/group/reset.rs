//! The plan of an offset reset and its execution (`kafka-consumer-groups --reset-offsets`).

use std::collections::BTreeMap;

use crate::cli::failure::Failure;
use crate::cli::group::when;
use crate::client::cluster::Cluster;
use crate::client::group_admin;
use crate::client::group_offsets::{self, CommitIdentity};
use crate::client::offsets::{self, EARLIEST, LATEST};
use crate::types::{Offset, TopicPartition};

/// What the offsets are reset to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The log start offset.
    Earliest,
    /// The end offset.
    Latest,
    /// The committed offset, unchanged.
    Current,
    /// This offset, or the nearest that exists.
    Offset(Offset),
    /// This many records forward, or back if negative.
    Shift(Offset),
    /// The first record at or after this time, ms since 1970.
    Time(i64),
    /// These offsets.
    Given(BTreeMap<TopicPartition, Offset>),
}

/// Which partitions are reset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All that the group has committed offsets for.
    Committed,
    /// These topics, each with its partitions if not all.
    Topics(Vec<(String, Option<Vec<i32>>)>),
}

/// Parses `t` or `t:0,1`.
///
/// # Errors
/// The part after the colon is not a list of numbers.
pub fn scope_of(text: &str) -> Result<(String, Option<Vec<i32>>), Failure> {
    let Some((topic, list)) = text.split_once(':') else { return Ok((text.to_owned(), None)) };
    let partitions: Result<Vec<i32>, _> = list.split(',').map(|p| p.trim().parse()).collect();
    match partitions {
        Ok(partitions) => Ok((topic.to_owned(), Some(partitions))),
        Err(_) => Err(Failure::usage(format!("{text:?}: expected TOPIC or TOPIC:0,1,2"))),
    }
}

/// Parses a point in time.
///
/// # Errors
/// It is not one.
pub fn time_of(text: &str) -> Result<Target, Failure> {
    when::datetime(text).map(Target::Time).ok_or_else(|| {
        Failure::usage(format!(
            "{text:?}: invalid time; expected a value such as 2026-01-31T08:00:00.000"
        ))
    })
}

/// Parses lines of `topic,partition,offset`.
///
/// # Errors
/// A line has another form.
pub fn given(text: &str) -> Result<Target, Failure> {
    let mut all = BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut parts = line.rsplitn(3, ',');
        let entry = (|| {
            let offset = parts.next()?.trim().parse().ok()?;
            let partition = parts.next()?.trim().parse().ok()?;
            Some((TopicPartition::new(parts.next()?.trim_matches('"'), partition), offset))
        })();
        let (place, offset) = entry
            .ok_or_else(|| Failure::usage(format!("{line:?}: expected TOPIC,PARTITION,OFFSET")))?;
        all.insert(place, offset);
    }
    Ok(Target::Given(all))
}

/// Returns the state of a group whose offsets are to be reset; `None` if it does not exist yet.
///
/// # Errors
/// The coordinator does not answer.
pub async fn state_of(cluster: &mut Cluster, group: &str) -> Result<Option<String>, Failure> {
    match group_admin::describe(cluster, group).await {
        Ok(described) => Ok(Some(described.state)),
        Err(error) if error.code() == Some(group_admin::GROUP_ID_NOT_FOUND) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Returns true if the offsets of a group in this state may be reset.
pub fn is_inactive(state: Option<&str>) -> bool {
    matches!(state, None | Some("Empty" | "Dead"))
}

/// Returns the new offset of each partition.
///
/// # Errors
/// A topic does not exist, or a broker does not answer.
pub async fn plan(
    cluster: &mut Cluster,
    group: &str,
    scope: &Scope,
    target: &Target,
) -> Result<BTreeMap<TopicPartition, Offset>, Failure> {
    let committed = group_offsets::committed(cluster, group).await?;
    let places = match (scope, target) {
        (_, Target::Given(all)) => all.keys().cloned().collect(),
        (Scope::Committed, _) => committed.keys().cloned().collect(),
        (Scope::Topics(topics), _) => named(cluster, topics).await?,
    };
    let starts = offsets::all_at(cluster, &places, EARLIEST).await?;
    let ends = offsets::all_at(cluster, &places, LATEST).await?;
    let at_time = match target {
        Target::Time(ms) => offsets::all_at(cluster, &places, *ms).await?,
        _ => BTreeMap::new(),
    };
    let mut planned = BTreeMap::new();
    for place in places {
        let of = |all: &BTreeMap<TopicPartition, Offset>| all.get(&place).copied();
        let (start, end) = (of(&starts).unwrap_or(0), of(&ends).unwrap_or(0));
        let wanted = match target {
            Target::Earliest => start,
            Target::Latest => end,
            Target::Current => of(&committed).unwrap_or(end),
            Target::Offset(offset) => *offset,
            Target::Shift(by) => match of(&committed) {
                Some(current) => current.saturating_add(*by),
                None => {
                    return Err(Failure::new(format!(
                        "Cannot shift offset for partition {place} since there is no current \
                         committed offset"
                    )));
                }
            },
            Target::Time(_) => of(&at_time).filter(|offset| *offset >= 0).unwrap_or(end),
            Target::Given(all) => of(all).unwrap_or(end),
        };
        planned.insert(place, within(wanted, start, end));
    }
    Ok(planned)
}

/// Returns the nearest existing offset.
fn within(wanted: Offset, start: Offset, end: Offset) -> Offset {
    wanted.clamp(start, end.max(start))
}

async fn named(
    cluster: &mut Cluster,
    topics: &[(String, Option<Vec<i32>>)],
) -> Result<Vec<TopicPartition>, Failure> {
    let mut places = Vec::new();
    for (topic, partitions) in topics {
        let found = cluster.topic(topic, false).await?;
        match partitions {
            Some(partitions) => {
                places.extend(partitions.iter().map(|p| TopicPartition::new(topic, *p)));
            }
            None => {
                places.extend(found.partitions.keys().map(|p| TopicPartition::new(topic, *p)));
            }
        }
    }
    Ok(places)
}

/// Commits the plan.
///
/// # Errors
/// The coordinator refuses, for instance because a member has joined meanwhile.
pub async fn execute(
    cluster: &mut Cluster,
    group: &str,
    planned: &BTreeMap<TopicPartition, Offset>,
) -> Result<(), Failure> {
    let no_member = CommitIdentity { generation: -1, ..CommitIdentity::default() };
    let node = cluster.coordinator(group).await?;
    let connection = cluster.node(node).await?;
    Ok(group_offsets::commit(connection, group, &no_member, planned).await?)
}

/// Formats a plan as Kafka's tool prints it.
pub fn table(group: &str, planned: &BTreeMap<TopicPartition, Offset>) -> Vec<String> {
    let topics = planned.keys().map(|place| place.topic.len()).max().unwrap_or_default();
    let (groups, topics) = (group.len().max(15), topics.max(15));
    let line = |g: &str, topic: &str, partition: &str, offset: &str| {
        format!("{g:<groups$} {topic:<topics$} {partition:<10} {offset}")
    };
    let rows = planned.iter().map(|(place, offset)| {
        line(group, &place.topic, &place.partition.to_string(), &offset.to_string())
    });
    std::iter::once(line("GROUP", "TOPIC", "PARTITION", "NEW-OFFSET")).chain(rows).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_that_is_not_there_becomes_the_nearest() {
        assert_eq!((within(7, 3, 9), within(1, 3, 9), within(99, 3, 9)), (7, 3, 9));
    }

    #[test]
    fn topics_may_name_their_partitions() {
        assert_eq!(scope_of("t").unwrap(), ("t".to_owned(), None));
        assert_eq!(scope_of("t:0,2").unwrap(), ("t".to_owned(), Some(vec![0, 2])));
        assert!(scope_of("t:x").is_err());
    }

    #[test]
    fn a_plan_can_be_read_from_a_file() {
        let Target::Given(all) = given("t1,0,5\n\"t1\",1,7\n").unwrap() else { panic!() };
        assert_eq!(all[&TopicPartition::new("t1", 1)], 7);
        assert!(given("t1,x,5").is_err());
    }

    #[test]
    fn a_plan_is_printed_as_kafka_prints_it() {
        let planned = BTreeMap::from([(TopicPartition::new("t1", 0), 8)]);
        assert_eq!(
            table("g1", &planned),
            [
                "GROUP           TOPIC           PARTITION  NEW-OFFSET",
                "g1              t1              0          8",
            ]
        );
        assert_eq!(
            table("a-group-with-a-long-name", &planned)[0],
            "GROUP                    TOPIC           PARTITION  NEW-OFFSET"
        );
    }
}
