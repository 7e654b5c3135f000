//! The lag of a group in each partition.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::client::cluster::Cluster;
use crate::client::error::ClientError;
use crate::client::group_admin::{GroupDescription, MemberDescription};
use crate::client::group_offsets;
use crate::client::offsets::{self, LATEST};
use crate::types::{Offset, TopicPartition};

/// A partition and a group's position in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LagRow {
    /// The group.
    pub group: String,
    /// The partition; `None` for a member without partitions.
    pub partition: Option<TopicPartition>,
    /// The committed offset.
    pub current: Option<Offset>,
    /// The end offset; `None` if the partition no longer exists.
    pub end: Option<Offset>,
    /// The member that the partition is assigned to.
    pub member: Option<MemberDescription>,
}

impl LagRow {
    /// Returns the number of records not yet consumed.
    pub fn lag(&self) -> Option<Offset> {
        Some(self.end? - self.current?)
    }

    /// Returns the columns of Kafka's table without the group; missing values are `-`.
    pub fn fields(&self) -> [String; 8] {
        let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
        let number = |value: Option<Offset>| or_dash(value.map(|n| n.to_string()));
        let place = self.partition.as_ref();
        let member = self.member.as_ref();
        [
            or_dash(place.map(|p| p.topic.clone())),
            or_dash(place.map(|p| p.partition.to_string())),
            number(self.current),
            number(self.end),
            number(self.lag()),
            or_dash(member.map(|m| m.id.clone())),
            or_dash(member.map(|m| m.host.clone())),
            or_dash(member.map(|m| m.client_id.clone())),
        ]
    }

    /// Returns the same as JSON.
    pub fn as_json(&self) -> Value {
        json!({
            "group": self.group,
            "topic": self.partition.as_ref().map(|p| &p.topic),
            "partition": self.partition.as_ref().map(|p| p.partition),
            "current_offset": self.current,
            "log_end_offset": self.end,
            "lag": self.lag(),
            "consumer_id": self.member.as_ref().map(|m| &m.id),
            "host": self.member.as_ref().map(|m| &m.host),
            "client_id": self.member.as_ref().map(|m| &m.client_id),
        })
    }
}

/// Returns the rows of a group: assigned partitions, partitions with committed offsets but no
/// consumer, and members without partitions.
///
/// # Errors
/// The coordinator or a leader does not answer.
pub async fn rows(
    cluster: &mut Cluster,
    group: &GroupDescription,
) -> Result<Vec<LagRow>, ClientError> {
    let committed = group_offsets::committed(cluster, &group.group).await?;
    let mut readers: BTreeMap<TopicPartition, &MemberDescription> = BTreeMap::new();
    for member in &group.members {
        readers.extend(member.assignment.iter().map(|place| (place.clone(), member)));
    }
    let places: BTreeSet<TopicPartition> =
        committed.keys().cloned().chain(readers.keys().cloned()).collect();
    let ends = ends(cluster, &places).await?;
    let row = |place: &TopicPartition| LagRow {
        group: group.group.clone(),
        current: committed.get(place).copied(),
        end: ends.get(place).copied(),
        member: readers.get(place).map(|member| (*member).clone()),
        partition: Some(place.clone()),
    };
    let mut rows: Vec<LagRow> = places.iter().map(row).collect();
    let idle = group.members.iter().filter(|member| member.assignment.is_empty());
    rows.extend(idle.map(|member| LagRow {
        group: group.group.clone(),
        partition: None,
        current: None,
        end: None,
        member: Some(member.clone()),
    }));
    Ok(rows)
}

/// Returns the end offsets of these partitions, without those that no longer exist.
async fn ends(
    cluster: &mut Cluster,
    places: &BTreeSet<TopicPartition>,
) -> Result<BTreeMap<TopicPartition, Offset>, ClientError> {
    let topics: BTreeSet<&str> = places.iter().map(|place| place.topic.as_str()).collect();
    let mut there = Vec::new();
    for topic in topics {
        let Ok(found) = cluster.topic(topic, false).await else { continue };
        let of_topic = places.iter().filter(|place| place.topic == topic);
        there.extend(of_topic.filter(|p| found.partitions.contains_key(&p.partition)).cloned());
    }
    offsets::all_at(cluster, &there, LATEST).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_a_dash() {
        let row = LagRow {
            group: "g".to_owned(),
            partition: Some(TopicPartition::new("t", 3)),
            current: None,
            end: Some(9),
            member: None,
        };
        assert_eq!(row.lag(), None);
        assert_eq!(row.fields().join(" "), "t 3 - 9 - - - -");
        let row = LagRow { current: Some(4), ..row };
        assert_eq!(row.fields().join(" "), "t 3 4 9 5 - - -");
    }
}
