//! The tables of `kafka-consumer-groups.sh`, with the same columns (`ConsumerGroupCommand`).

use crate::cli::group::lag::LagRow;
use crate::client::group_admin::{GroupDescription, MemberDescription};
use crate::types::TopicPartition;

/// The minimum width of columns with names.
const LEAST: usize = 15;

fn widest<'s>(names: impl Iterator<Item = &'s str>) -> usize {
    names.map(|name| name.chars().count()).max().unwrap_or(0).max(LEAST)
}

/// Formats GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG CONSUMER-ID HOST CLIENT-ID.
pub fn offsets(rows: &[LagRow]) -> Vec<String> {
    let heading = [
        "TOPIC",
        "PARTITION",
        "CURRENT-OFFSET",
        "LOG-END-OFFSET",
        "LAG",
        "CONSUMER-ID",
        "HOST",
        "CLIENT-ID",
    ]
    .map(str::to_owned);
    let fields: Vec<[String; 8]> = rows.iter().map(LagRow::fields).collect();
    let width = |at: usize| widest(fields.iter().map(|f| f[at].as_str()));
    let group = widest(rows.iter().map(|row| row.group.as_str()));
    let (topic, id, host) = (width(0), width(5), width(6));
    let line = |name: &str, f: &[String; 8]| {
        format!(
            "{name:group$} {:topic$} {:<10} {:<15} {:<15} {:<15} {:id$} {:host$} {}",
            f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7]
        )
    };
    let rows = rows.iter().zip(&fields).map(|(row, fields)| line(&row.group, fields));
    std::iter::once(line("GROUP", &heading)).chain(rows).collect()
}

/// Formats GROUP CONSUMER-ID HOST CLIENT-ID #PARTITIONS, and with `is_verbose` the assignments.
pub fn members(group: &GroupDescription, is_verbose: bool) -> Vec<String> {
    let members = &group.members;
    let width = |of: fn(&MemberDescription) -> &str| widest(members.iter().map(of));
    let (g, id) = (widest(std::iter::once(group.group.as_str())), width(|m| &m.id));
    let (host, client) = (width(|m| &m.host), width(|m| &m.client_id));
    let has_statics = members.iter().any(|m| m.instance_id.is_some());
    let statics = width(|m| m.instance_id.as_deref().unwrap_or_default()).max(17);
    let line = |words: [&str; 6], more: [&str; 4]| {
        let [name, member, instance, from, called, count] = words;
        let mut line = format!("{name:g$} {member:id$} ");
        if has_statics {
            line.push_str(&format!("{instance:statics$} "));
        }
        line.push_str(&format!("{from:host$} {called:client$} {count:<15} "));
        if is_verbose {
            let [epoch, current, target_epoch, target] = more;
            line.push_str(&format!("{epoch:<15} {current:<20} {target_epoch:<15} {target:<20}"));
        }
        line
    };
    let heading = line(
        ["GROUP", "CONSUMER-ID", "GROUP-INSTANCE-ID", "HOST", "CLIENT-ID", "#PARTITIONS"],
        ["CURRENT-EPOCH", "CURRENT-ASSIGNMENT", "TARGET-EPOCH", "TARGET-ASSIGNMENT"],
    );
    let of_member = |m: &MemberDescription| {
        let count = m.assignment.len().to_string();
        let instance = m.instance_id.as_deref().unwrap_or("-");
        let assignment = assignment(&m.assignment);
        line(
            [&group.group, &m.id, instance, &m.host, &m.client_id, &count],
            ["-", &assignment, "-", "-"],
        )
    };
    std::iter::once(heading).chain(members.iter().map(of_member)).collect()
}

/// Formats partitions as `t1:0,1,2;t2:0`, or `-`.
fn assignment(places: &[TopicPartition]) -> String {
    let mut topics: Vec<(&str, Vec<String>)> = Vec::new();
    for place in places {
        match topics.last_mut().filter(|(topic, _)| *topic == place.topic) {
            Some((_, partitions)) => partitions.push(place.partition.to_string()),
            None => topics.push((&place.topic, vec![place.partition.to_string()])),
        }
    }
    let topics: Vec<String> =
        topics.iter().map(|(topic, all)| format!("{topic}:{}", all.join(","))).collect();
    if topics.is_empty() { "-".to_owned() } else { topics.join(";") }
}

/// Formats GROUP COORDINATOR (ID) ASSIGNMENT-STRATEGY STATE #MEMBERS.
pub fn state(group: &GroupDescription, coordinator: &str) -> Vec<String> {
    let coordinator = format!("{coordinator}  ({})", group.coordinator);
    let (g, c) = (group.group.len().max(LEAST), coordinator.len().max(25));
    let assignor = if group.assignor.is_empty() { "-" } else { &group.assignor };
    let line = |name: &str, coordinator: &str, assignor: &str, state: &str, members: &str| {
        format!("{name:g$} {coordinator:c$} {assignor:<20} {state:<20} {members}")
    };
    let members = group.members.len().to_string();
    vec![
        line("GROUP", "COORDINATOR (ID)", "ASSIGNMENT-STRATEGY", "STATE", "#MEMBERS"),
        line(&group.group, &coordinator, assignor, &group.state, &members),
    ]
}

/// Returns what must be said about a group besides its table.
pub fn remark(group: &GroupDescription) -> Option<String> {
    let name = &group.group;
    match group.state.as_str() {
        "Empty" => Some(format!("Consumer group '{name}' has no active members.")),
        "Dead" => Some(format!("Consumer group '{name}' does not exist.")),
        "PreparingRebalance" | "CompletingRebalance" | "Assigning" | "Reconciling" => {
            Some(format!("Warning: Consumer group '{name}' is rebalancing."))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member() -> MemberDescription {
        MemberDescription {
            id: "console-consumer-1e62a865-176c-4a86-b9bd-15f4635fb6a6".to_owned(),
            instance_id: None,
            client_id: "console-consumer".to_owned(),
            host: "/127.0.0.1".to_owned(),
            assignment: vec![TopicPartition::new("t1", 0), TopicPartition::new("t1", 1)],
        }
    }

    fn group(members: Vec<MemberDescription>) -> GroupDescription {
        GroupDescription {
            group: "live".to_owned(),
            state: if members.is_empty() { "Empty" } else { "Stable" }.to_owned(),
            assignor: if members.is_empty() { "" } else { "range" }.to_owned(),
            coordinator: 1,
            members,
            is_new: false,
        }
    }

    // As printed by Apache Kafka 4.4.0.
    #[test]
    fn offsets_are_printed_as_kafka_prints_them() {
        let row = |member| LagRow {
            group: "live".to_owned(),
            partition: Some(TopicPartition::new("t1", 0)),
            current: Some(8),
            end: Some(8),
            member,
        };
        assert_eq!(
            offsets(&[row(None)]),
            [
                "GROUP           TOPIC           PARTITION  CURRENT-OFFSET  LOG-END-OFFSET  \
                 LAG             CONSUMER-ID     HOST            CLIENT-ID",
                "live            t1              0          8               8               \
                 0               -               -               -",
            ]
        );
        assert_eq!(
            offsets(&[row(Some(member()))]),
            [
                "GROUP           TOPIC           PARTITION  CURRENT-OFFSET  LOG-END-OFFSET  \
                 LAG             CONSUMER-ID                                           \
                 HOST            CLIENT-ID",
                "live            t1              0          8               8               \
                 0               console-consumer-1e62a865-176c-4a86-b9bd-15f4635fb6a6 \
                 /127.0.0.1      console-consumer",
            ]
        );
    }

    #[test]
    fn members_are_printed_as_kafka_prints_them() {
        assert_eq!(
            members(&group(vec![member()]), true),
            [
                "GROUP           CONSUMER-ID                                           \
                 HOST            CLIENT-ID        #PARTITIONS     CURRENT-EPOCH   \
                 CURRENT-ASSIGNMENT   TARGET-EPOCH    TARGET-ASSIGNMENT   ",
                "live            console-consumer-1e62a865-176c-4a86-b9bd-15f4635fb6a6 \
                 /127.0.0.1      console-consumer 2               -               \
                 t1:0,1               -               -                   ",
            ]
        );
        assert_eq!(
            members(&group(Vec::new()), false),
            ["GROUP           CONSUMER-ID     HOST            CLIENT-ID       #PARTITIONS     "]
        );
    }

    #[test]
    fn a_state_is_printed_as_kafka_prints_it() {
        assert_eq!(
            state(&group(Vec::new()), "127.0.0.1:39392"),
            [
                "GROUP           COORDINATOR (ID)          ASSIGNMENT-STRATEGY  \
                 STATE                #MEMBERS",
                "live            127.0.0.1:39392  (1)      -                    \
                 Empty                0",
            ]
        );
        assert_eq!(
            remark(&group(Vec::new())).unwrap(),
            "Consumer group 'live' has no active members."
        );
    }
}
