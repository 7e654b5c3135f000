//! A pool, and who gets how many of its partitions, then which.

use crate::groups::consumer::assignors::even_shares::even_shares;
use crate::groups::consumer::assignors::pools::Pool;
use crate::groups::visits::visit;
use crate::types::TopicId;

/// The partitions of a pool by subscriber. Subscribers are named by their position in the pool,
/// partitions by theirs: one topic's after another's.
#[derive(Debug)]
pub struct PoolShares {
    subscribers: Vec<usize>,
    topics: Vec<(TopicId, usize)>,
    /// The owner of each partition.
    owners: Vec<Option<usize>>,
    /// How many partitions each subscriber has had.
    kept: Vec<usize>,
    /// How many each gets.
    shares: Vec<usize>,
}

impl PoolShares {
    /// Creates shares of nothing: no partition has an owner.
    pub fn new(pool: Pool) -> PoolShares {
        let partitions = pool.topics.iter().map(|(_, count)| count).sum();
        PoolShares {
            owners: vec![None; partitions],
            kept: vec![0; pool.subscribers.len()],
            shares: vec![0; pool.subscribers.len()],
            subscribers: pool.subscribers,
            topics: pool.topics,
        }
    }

    /// Returns the subscribers, by their position in the group, sorted.
    pub fn subscribers(&self) -> &[usize] {
        &self.subscribers
    }

    /// Returns the topics, each with its number of partitions.
    pub fn topics(&self) -> &[(TopicId, usize)] {
        &self.topics
    }

    /// Returns the subscriber that a member is.
    pub fn position(&self, member: usize) -> Option<usize> {
        self.subscribers.binary_search(&member).ok()
    }

    /// Leaves a partition with the subscriber that has had it, if no other has.
    pub fn keep(&mut self, partition: usize, subscriber: usize) {
        let owner = &mut self.owners[partition];
        if owner.is_none() {
            *owner = Some(subscriber);
            self.kept[subscriber] += 1;
            self.shares[subscriber] += 1;
        }
    }

    /// Adds the shares to the loads of all members.
    pub fn add_to(&self, loads: &mut [usize]) {
        for (member, share) in self.subscribers.iter().zip(&self.shares) {
            loads[*member] += share;
        }
    }

    /// Returns whether a subscriber gets fewer partitions than it has had.
    pub fn gives(&self, subscriber: usize) -> bool {
        self.shares[subscriber] < self.kept[subscriber]
    }

    /// Returns whether a subscriber gets more partitions than it has had.
    pub fn takes(&self, subscriber: usize) -> bool {
        self.shares[subscriber] > self.kept[subscriber]
    }

    /// Moves one partition from the share of a subscriber to another's.
    pub fn shift(&mut self, from: usize, to: usize) {
        self.shares[from] -= 1;
        self.shares[to] += 1;
    }

    /// Adds the partitions without an owner to the shares of the members that have least. Before
    /// any is moved: what can be balanced by these need not be by moves.
    pub fn place(&mut self, loads: &mut [usize]) {
        let free = self.owners.len() - self.kept.iter().sum::<usize>();
        let theirs: Vec<usize> = self.subscribers.iter().map(|&member| loads[member]).collect();
        let added = even_shares(&theirs, free, &[]);
        for (at, added) in added.into_iter().enumerate() {
            self.shares[at] += added;
            loads[self.subscribers[at]] += added;
        }
    }

    /// Makes the loads of the subscribers as even as these partitions can. Returns whether shares
    /// have changed.
    pub fn balance(&mut self, loads: &mut [usize]) -> bool {
        let members = self.subscribers.iter().zip(&self.shares);
        let others: Vec<usize> = members.map(|(&member, share)| loads[member] - share).collect();
        let shares = even_shares(&others, self.owners.len(), &[&self.kept, &self.shares]);
        let is_changed = shares != self.shares;
        self.shares = shares;
        for (at, other) in others.into_iter().enumerate() {
            loads[self.subscribers[at]] = other + self.shares[at];
        }
        is_changed
    }

    /// Returns the member that gets each partition. A subscriber gets as many as its share: what it
    /// has had, as far as that goes, and others.
    pub fn hand_out(mut self) -> Vec<usize> {
        let mut left = self.shares;
        for owner in &mut self.owners {
            visit();
            match *owner {
                Some(at) if left[at] > 0 => left[at] -= 1,
                _ => *owner = None,
            }
        }
        let takers = left.into_iter().enumerate();
        let mut takers = takers.flat_map(|(at, count)| std::iter::repeat_n(at, count));
        let owners = self.owners.into_iter().map(|owner| owner.or_else(|| takers.next()));
        // The shares are of all partitions: each has an owner now.
        owners.map(|owner| self.subscribers[owner.unwrap_or_default()]).collect()
    }
}
