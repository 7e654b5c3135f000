//! How many partitions of a pool each of its subscribers gets.

use crate::groups::visits::visit;

/// Returns how many of `count` partitions each member gets, so that none could give one away to a
/// member that has two less. `loads` is what the members have beside them; there is at least one.
///
/// If `count` does not divide evenly, some get one more than others. These are chosen so that
/// partitions stay where they are: first those that would have to give one away otherwise, by the
/// first of `holdings`, then by the next; then any, in order.
///
/// Takes `m log p` steps for `m` members and `p` partitions, `m` if the loads are equal.
pub fn even_shares(loads: &[usize], count: usize, holdings: &[&[usize]]) -> Vec<usize> {
    let level = level(loads, count);
    let mut shares: Vec<usize> = loads.iter().map(|load| level.saturating_sub(*load)).collect();
    let mut extra = count - shares.iter().sum::<usize>();
    for holding in holdings.iter().map(|holding| Some(*holding)).chain([None]) {
        for (at, share) in shares.iter_mut().enumerate() {
            if extra == 0 {
                return shares;
            }
            visit();
            let is_at_level = loads[at] + *share == level;
            if is_at_level && holding.is_none_or(|holding| holding[at] > *share) {
                *share += 1;
                extra -= 1;
            }
        }
    }
    shares
}

/// Returns the highest load that all members can be brought to by at most `count` partitions; those
/// above it get none.
fn level(loads: &[usize], count: usize) -> usize {
    let needed = |level: usize| -> usize {
        let missing = |load: &usize| {
            visit();
            level.saturating_sub(*load)
        };
        loads.iter().map(missing).sum()
    };
    let lowest = loads.iter().min().copied().unwrap_or(0);
    // `needed(low) <= count < needed(high)`; with equal loads these are neighbours from the start.
    let mut low = lowest + count / loads.len();
    let mut high = (loads.iter().sum::<usize>() + count) / loads.len() + 1;
    while high - low > 1 {
        let middle = low.midpoint(high);
        if needed(middle) <= count { low = middle } else { high = middle }
    }
    low
}
