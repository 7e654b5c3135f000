//! Which member a heartbeat is from, and whether it may be (Kafka's
//! `getOrMaybeSubscribeDynamicConsumerMember` and `getOrMaybeSubscribeStaticConsumerMember`).

use std::sync::Arc;

use crate::groups::consumer::group::ConsumerGroup;
use crate::groups::consumer::member::{ConsumerMember, LEFT_STATIC_EPOCH};
use crate::groups::consumer::questions::{ConsumerHeartbeat, Refusal};
use crate::groups::error::GroupError;

/// The member that a heartbeat is from.
#[derive(Debug, Clone, Copy)]
pub enum Identified<'a> {
    /// One that joins.
    New,
    /// One that is in the group.
    Known(&'a ConsumerMember),
    /// A static member that takes the place of this one.
    Replaces(&'a Arc<str>, &'a ConsumerMember),
}

/// Returns the member that a heartbeat is from.
///
/// # Errors
///
/// Returns a refusal if the group has no such member, or only with another epoch or instance id.
pub fn identify<'a>(
    group: &'a ConsumerGroup,
    beat: &ConsumerHeartbeat,
) -> Result<Identified<'a>, Refusal> {
    let known = group.member(&beat.member);
    let Some(instance) = &beat.instance_id else {
        return match (known, beat.epoch) {
            (Some(member), 0) => Ok(Identified::Known(member)),
            (Some(member), _) => check_epoch(member, beat).map(|()| Identified::Known(member)),
            (None, 0) => Ok(Identified::New),
            (None, _) => Err(unknown_member(&beat.group, &beat.member)),
        };
    };
    let holder = group.with_instance(instance);
    let holder = holder.and_then(|id| Some((id, group.member(id)?)));
    match holder {
        None if beat.epoch == 0 => Ok(known.map_or(Identified::New, Identified::Known)),
        None => Err(unknown_instance(&beat.group, instance)),
        Some((id, member)) if beat.epoch == 0 => match member.current.epoch {
            LEFT_STATIC_EPOCH => Ok(Identified::Replaces(id, member)),
            _ => Err(Refusal::new(
                GroupError::UnreleasedInstance,
                format!(
                    "Static member {} with instance id {instance} cannot join the group because \
                     the instance id is owned by {id} member.",
                    beat.member
                ),
            )),
        },
        Some((id, _)) if **id != *beat.member => Err(fenced_instance(&beat.member, instance, id)),
        Some((_, member)) => check_epoch(member, beat).map(|()| Identified::Known(member)),
    }
}

/// Returns the refusal for a member that is not in the group.
pub fn unknown_member(group: &str, member: &str) -> Refusal {
    let message = format!("Member {member} is not a member of group {group}.");
    Refusal::new(GroupError::UnknownMember, message)
}

/// Returns the refusal for an instance id that is not in the group.
pub fn unknown_instance(group: &str, instance: &str) -> Refusal {
    let message = format!("Instance id {instance} is unknown in group {group}.");
    Refusal::new(GroupError::UnknownMember, message)
}

/// Returns the refusal for a member of which the instance id is that of another one.
pub fn fenced_instance(member: &str, instance: &str, holder: &str) -> Refusal {
    let message = format!(
        "Static member {member} with instance id {instance} was fenced by member {holder}."
    );
    Refusal::new(GroupError::FencedInstance, message)
}

/// Checks the epoch of a member that is in the group. The epoch before is accepted from a member
/// that has none but the partitions that it had then: the answer to its last heartbeat was lost.
fn check_epoch(member: &ConsumerMember, beat: &ConsumerHeartbeat) -> Result<(), Refusal> {
    let known = member.current.epoch;
    let fenced = |than: &str| {
        let message = format!(
            "The consumer group member has a {than} member epoch ({}) than the one known by the \
             group coordinator ({known}). The member must abandon all its partitions and rejoin.",
            beat.epoch
        );
        Err(Refusal::new(GroupError::FencedEpoch, message))
    };
    if beat.epoch > known {
        return fenced("greater");
    }
    let assigned = &member.current.assigned;
    let has = |(topic, p)| assigned.get(&topic).is_some_and(|known| known.contains_key(&p));
    let is_retry = beat.epoch == member.current.previous_epoch
        && beat.owned.as_ref().is_some_and(|owned| owned.iter().all(has));
    match beat.epoch == known || is_retry {
        true => Ok(()),
        false => fenced("smaller"),
    }
}
