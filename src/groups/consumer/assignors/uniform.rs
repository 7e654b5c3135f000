//! The uniform assignor: even shares, and few partitions move.
//!
//! Kafka has one procedure for members with the same subscription and another for members with
//! different ones (`UniformHomogeneousAssignmentBuilder`, `UniformHeterogeneousAssignmentBuilder`).
//! Here the first is the second with one pool. First it is decided how many partitions of each pool
//! a member gets, then which: a partition moves once at most, and none is exchanged for another of
//! its pool.

use std::collections::BTreeMap;

use crate::groups::consumer::assignment::Assignment;
use crate::groups::consumer::assignors::GroupSpec;
use crate::groups::consumer::assignors::pool_shares::PoolShares;
use crate::groups::consumer::assignors::pools::pools;
use crate::groups::consumer::assignors::take_back::take_back;
use crate::groups::visits::visit;
use crate::types::TopicId;

/// Maximum number of rounds to balance the pools against each other (Kafka: `MAX_ITERATION_COUNT`).
const ROUNDS_MAX: usize = 16;

/// Assigns the partitions evenly.
///
/// If all members subscribe to the same topics, the numbers of partitions of any two differ by one
/// at most, and no assignment for which this holds moves less. If not, no partition could be moved
/// to another subscriber that has at least two less than its owner, unless [`ROUNDS_MAX`] rounds
/// were not enough for that.
///
/// Takes `s log s + p` steps for `s` subscriptions and `p` partitions, and at most `s log p` per
/// round and [`ROUNDS_MAX`] times `s` to take back moves. Here `s` is mostly far less than members
/// times topics: topics with the same subscribers count once.
pub fn assign(group: &GroupSpec) -> Vec<Assignment> {
    let order: Vec<usize> = (0..group.members.len()).collect();
    let mut pools = pools(group, &order);
    // A member can choose least where there are few subscribers.
    pools.sort_by_key(|pool| pool.subscribers.len());

    let mut pools: Vec<PoolShares> = pools.into_iter().map(PoolShares::new).collect();
    let places = places(&pools);
    keep(group, &mut pools, &places);
    decide_shares(group, &mut pools);

    let owners: Vec<Vec<usize>> = pools.into_iter().map(PoolShares::hand_out).collect();
    let mut targets = vec![Assignment::default(); group.members.len()];
    for (topic, place) in places {
        let owners = &owners[place.pool][place.start..place.start + place.count];
        for (partition, member) in owners.iter().enumerate() {
            targets[*member].push(topic, partition as i32);
        }
    }
    targets
}

/// Where the partitions of a topic are.
struct Place {
    pool: usize,
    /// The position of partition 0 in the pool.
    start: usize,
    count: usize,
}

/// Returns the place of each topic.
fn places(pools: &[PoolShares]) -> BTreeMap<TopicId, Place> {
    let mut places = BTreeMap::new();
    for (at, pool) in pools.iter().enumerate() {
        let mut start = 0;
        for &(topic, count) in pool.topics() {
            places.insert(topic, Place { pool: at, start, count });
            start += count;
        }
    }
    places
}

/// Leaves each partition with the member that has it, if it exists and the member still subscribes
/// to the topic; with the first of two that have it.
fn keep(group: &GroupSpec, pools: &mut [PoolShares], places: &BTreeMap<TopicId, Place>) {
    for (member, spec) in group.members.iter().enumerate() {
        for (topic, partitions) in spec.target.topics() {
            visit();
            let Some(place) = places.get(&topic) else { continue };
            let pool = &mut pools[place.pool];
            let Some(subscriber) = pool.position(member) else { continue };
            for &partition in partitions {
                visit();
                let partition = usize::try_from(partition).unwrap_or(usize::MAX);
                if partition < place.count {
                    pool.keep(place.start + partition, subscriber);
                }
            }
        }
    }
}

/// Decides how many partitions of each pool each subscriber gets.
///
/// With every change after the first placing, the sum of the squares of the loads falls, or it
/// stays and more partitions stay where they are. So there is an end; to reach it soon, there is a
/// limit.
fn decide_shares(group: &GroupSpec, pools: &mut [PoolShares]) {
    let mut loads = vec![0; group.members.len()];
    pools.iter().for_each(|pool| pool.add_to(&mut loads));
    pools.iter_mut().for_each(|pool| pool.place(&mut loads));

    let subscriptions: usize = pools.iter().map(|pool| pool.subscribers().len()).sum();
    let mut budget = ROUNDS_MAX * subscriptions;
    for _ in 0..ROUNDS_MAX {
        let mut is_changed = false;
        for pool in pools.iter_mut() {
            is_changed |= pool.balance(&mut loads);
        }
        if !is_changed && !take_back(pools, &mut loads, &mut budget) {
            break;
        }
    }
}
