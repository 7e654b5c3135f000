//! Moves that are not needed for balance. Each pool is balanced by itself: a member that has too
//! much gives away one of its partitions, even if it has just got another of another pool.

use std::mem::take;

use crate::groups::consumer::assignors::pool_shares::PoolShares;
use crate::groups::visits::visit;

/// Takes back moves that balance does not need. Returns whether there were any.
///
/// A member that gives up a partition keeps it if another can do with one less: it passes on one
/// that it would get of another pool, and so may the next, until one has it that takes one of
/// the first pool, which it then does without, or that has less than one that takes of it.
///
/// Takes `s` steps for `s` subscriptions, and `budget` for what is searched; a search that uses up
/// the budget is finished, which takes `s` again at most.
pub fn take_back(pools: &mut [PoolShares], loads: &mut [usize], budget: &mut usize) -> bool {
    // Within one pool as few as can be have moved.
    if pools.len() < 2 {
        return false;
    }
    let mut search = Search::new(pools, loads, budget);
    let mut is_changed = false;
    for pool in 0..search.pools.len() {
        let mut fullest = search.fullest_taker(pool);
        for giver in 0..search.pools[pool].subscribers().len() {
            while let Some(taker) = fullest
                && search.pools[pool].gives(giver)
                && search.take_back(pool, giver, taker)
            {
                is_changed = true;
                fullest = search.fullest_taker(pool);
            }
        }
    }
    is_changed
}

/// A breadth-first search through the members, by what they would get and can pass on.
struct Search<'a> {
    pools: &'a mut [PoolShares],
    loads: &'a mut [usize],
    budget: &'a mut usize,
    /// The pools of each member, each with the member's position there.
    memberships: Vec<Vec<(usize, usize)>>,
    /// How each member has been reached; none that has not, nor the first.
    reached_by: Vec<Option<Pass>>,
    /// Whether what a member takes of a pool has been offered to its other subscribers.
    is_offered: Vec<bool>,
}

/// A partition that a member passes on to another.
#[derive(Clone, Copy)]
struct Pass {
    pool: usize,
    from: usize,
    to: usize,
}

impl<'a> Search<'a> {
    fn new(
        pools: &'a mut [PoolShares],
        loads: &'a mut [usize],
        budget: &'a mut usize,
    ) -> Search<'a> {
        let mut memberships = vec![Vec::new(); loads.len()];
        for (at, pool) in pools.iter().enumerate() {
            for (position, &member) in pool.subscribers().iter().enumerate() {
                visit();
                memberships[member].push((at, position));
            }
        }
        let reached_by = vec![None; loads.len()];
        let is_offered = vec![false; pools.len()];
        Search { pools, loads, budget, memberships, reached_by, is_offered }
    }

    /// Counts an item that is looked at against the budget.
    fn look(&mut self) {
        visit();
        *self.budget = self.budget.saturating_sub(1);
    }

    /// Returns the subscriber with the highest load of those that take partitions of a pool.
    fn fullest_taker(&mut self, pool: usize) -> Option<usize> {
        let mut fullest = None;
        for at in 0..self.pools[pool].subscribers().len() {
            self.look();
            if self.pools[pool].takes(at) {
                let load = self.loads[self.pools[pool].subscribers()[at]];
                fullest = fullest.max(Some((load, at)));
            }
        }
        fullest.map(|(_, at)| at)
    }

    /// Takes back the move of one partition from `giver`. Returns whether it could.
    fn take_back(&mut self, pool: usize, giver: usize, fullest: usize) -> bool {
        if *self.budget == 0 {
            return false;
        }
        let start = self.pools[pool].subscribers()[giver];
        let mut queue = vec![start];
        let mut offered = Vec::new();
        let mut next = 0;
        let mut end = None;
        while let Some(&member) = queue.get(next).filter(|_| end.is_none()) {
            next += 1;
            self.look();
            end = self.taker(pool, fullest, member).map(|taker| (member, taker));
            if end.is_none() {
                self.offer(start, member, &mut queue, &mut offered);
            }
        }
        if let Some((last, taker)) = end {
            self.loads[self.pools[pool].subscribers()[taker]] -= 1;
            self.loads[last] += 1;
            self.pools[pool].shift(taker, giver);
            self.pass_on(last);
        }
        queue.into_iter().for_each(|member| self.reached_by[member] = None);
        offered.into_iter().for_each(|pool| self.is_offered[pool] = false);
        end.is_some()
    }

    /// Returns which subscriber takes one partition of the pool less, if the member can have one
    /// more of any.
    fn taker(&self, pool: usize, fullest: usize, member: usize) -> Option<usize> {
        let pool = &self.pools[pool];
        let is_below = || self.loads[member] < self.loads[pool.subscribers()[fullest]];
        let itself = pool.position(member).filter(|&at| pool.takes(at));
        itself.or_else(|| is_below().then_some(fullest))
    }

    /// Queues the members to which a member could pass on what it takes.
    fn offer(
        &mut self,
        start: usize,
        member: usize,
        queue: &mut Vec<usize>,
        offered: &mut Vec<usize>,
    ) {
        let memberships = take(&mut self.memberships[member]);
        for &(pool, from) in &memberships {
            self.look();
            if self.is_offered[pool] || !self.pools[pool].takes(from) {
                continue;
            }
            self.is_offered[pool] = true;
            offered.push(pool);
            for to in 0..self.pools[pool].subscribers().len() {
                self.look();
                let other = self.pools[pool].subscribers()[to];
                if other != start && self.reached_by[other].is_none() {
                    self.reached_by[other] = Some(Pass { pool, from, to });
                    queue.push(other);
                }
            }
        }
        self.memberships[member] = memberships;
    }

    /// Passes on one partition from each member to the next, on the way to the last.
    fn pass_on(&mut self, last: usize) {
        let mut member = last;
        while let Some(Pass { pool, from, to }) = self.reached_by[member] {
            self.pools[pool].shift(from, to);
            member = self.pools[pool].subscribers()[from];
        }
    }
}
