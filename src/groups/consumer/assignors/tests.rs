use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::groups::visits;

/// A group with the targets that assignors have given its members.
#[derive(Debug, Clone, Default)]
struct Lab {
    topics: BTreeMap<TopicId, i32>,
    members: BTreeMap<String, LabMember>,
}

#[derive(Debug, Clone, Default)]
struct LabMember {
    instance_id: Option<String>,
    topics: BTreeSet<TopicId>,
    target: Assignment,
}

fn topic(number: usize) -> TopicId {
    TopicId::from_u128(number as u128)
}

fn topics(numbers: impl IntoIterator<Item = usize>) -> BTreeSet<TopicId> {
    numbers.into_iter().map(topic).collect()
}

impl Lab {
    fn new(partitions: &[i32]) -> Lab {
        let topics = partitions.iter().enumerate().map(|(number, count)| (topic(number), *count));
        Lab { topics: topics.collect(), members: BTreeMap::new() }
    }

    fn join(&mut self, id: &str, topics: BTreeSet<TopicId>) {
        self.members.insert(id.to_owned(), LabMember { topics, ..LabMember::default() });
    }

    /// Joins as many members, each with all topics.
    fn with_members(mut self, count: usize) -> Lab {
        let all: BTreeSet<TopicId> = self.topics.keys().copied().collect();
        for number in 0..count {
            self.join(&format!("m{number:04}"), all.clone());
        }
        self
    }

    fn targets(&self, assignor: Assignor) -> Vec<Assignment> {
        let members = self.members.values().map(|member| MemberSpec {
            instance_id: member.instance_id.as_deref(),
            topics: &member.topics,
            target: &member.target,
        });
        assignor.assign(&GroupSpec { members: members.collect(), topics: &self.topics })
    }

    /// Assigns, checks what holds for each assignor, and returns how many partitions have moved:
    /// those that a member had, which still subscribes to their topic, and another gets.
    fn assign(&mut self, assignor: Assignor) -> usize {
        let targets = self.targets(assignor);
        self.check(&targets);
        let kept = self.kept();
        let mut moved = 0;
        for ((member, kept), target) in self.members.values_mut().zip(kept).zip(targets) {
            moved += kept.difference(&target).len();
            member.target = target;
        }
        moved
    }

    /// What each member could keep of its target.
    fn kept(&self) -> Vec<Assignment> {
        let exists = |topic: &TopicId, index: i32| {
            self.topics.get(topic).is_some_and(|count| (0..*count).contains(&index))
        };
        let of_member = |member: &LabMember| {
            let target = member.target.iter();
            target
                .filter(|(topic, index)| member.topics.contains(topic) && exists(topic, *index))
                .collect()
        };
        self.members.values().map(of_member).collect()
    }

    /// Each partition of a topic with a subscriber is assigned once, and to a subscriber.
    fn check(&self, targets: &[Assignment]) {
        assert_eq!(targets.len(), self.members.len());
        let mut assigned = BTreeSet::new();
        for (member, target) in self.members.values().zip(targets) {
            for (topic, partition) in target.iter() {
                assert!(member.topics.contains(&topic), "{topic} is not subscribed to");
                assert!(
                    assigned.insert((topic, partition)),
                    "{topic} {partition} is assigned twice"
                );
            }
        }
        let is_read = |topic: &TopicId| self.members.values().any(|m| m.topics.contains(topic));
        let read = self.topics.iter().filter(|(topic, _)| is_read(topic));
        let all = read.flat_map(|(topic, count)| (0..*count).map(|index| (*topic, index)));
        assert!(assigned.into_iter().eq(all));
    }

    fn loads(&self) -> Vec<usize> {
        self.members.values().map(|member| member.target.len()).collect()
    }

    /// Whether some partition could go to a subscriber that has at least two less than its owner.
    fn can_be_better(&self) -> bool {
        self.members.values().any(|owner| {
            let could_take = |taker: &LabMember| {
                taker.target.len() + 2 <= owner.target.len()
                    && owner.target.topics().any(|(topic, _)| taker.topics.contains(&topic))
            };
            self.members.values().any(could_take)
        })
    }

    /// Changes something: a member joins or leaves, a topic is made, deleted or gets partitions,
    /// and, if subscriptions may differ, one of them.
    fn change(&mut self, rng: &mut fastrand::Rng, may_differ: bool) {
        let any: TopicId = topic(rng.usize(0..8));
        match rng.u8(0..8) {
            0..=2 => {
                let id = format!("m{:03}", rng.u32(0..1000));
                let all = topics(0..8);
                let some = all.iter().copied().filter(|_| !may_differ || rng.bool()).collect();
                self.join(&id, some);
                let member = self.members.get_mut(&id).unwrap();
                member.instance_id = rng.bool().then(|| format!("i{:03}", rng.u32(0..1000)));
            }
            3 | 4 if self.members.len() > 1 => {
                let id = rng.choice(self.members.keys()).unwrap().clone();
                self.members.remove(&id);
            }
            5 if may_differ => {
                let Some(member) = rng.choice(self.members.values_mut()) else { return };
                if !member.topics.remove(&any) {
                    member.topics.insert(any);
                }
            }
            6 if rng.bool() => drop(self.topics.remove(&any)),
            _ => *self.topics.entry(any).or_default() += rng.i32(0..7),
        }
    }
}

/// Groups with their histories: `assigned` is called after each assignment with how many partitions
/// have moved, and with the group as it was before.
fn histories(assignor: Assignor, may_differ: bool, mut assigned: impl FnMut(&Lab, usize, &Lab)) {
    for seed in 0..300 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut lab = Lab::new(&[3, 1, 7]);
        for _ in 0..40 {
            (0..rng.usize(1..6)).for_each(|_| lab.change(&mut rng, may_differ));
            let before = lab.clone();
            let moved = lab.assign(assignor);
            assigned(&lab, moved, &before);
        }
    }
}

#[test]
fn an_assignor_has_its_name() {
    assert_eq!(Assignor::ALL.map(Assignor::name), ["uniform", "range"]);
    for assignor in Assignor::ALL {
        assert_eq!(Assignor::from_name(assignor.name()), Some(assignor));
    }
    assert_eq!(Assignor::from_name("Uniform"), None);
}

#[test]
fn groups_without_members_topics_or_partitions_are_assigned_nothing() {
    for assignor in Assignor::ALL {
        assert!(Lab::new(&[3]).targets(assignor).is_empty());
        assert_eq!(Lab::new(&[]).with_members(2).targets(assignor), vec![Assignment::default(); 2]);
        assert_eq!(Lab::new(&[0]).with_members(1).targets(assignor), [Assignment::default()]);
        let mut lab = Lab::new(&[2]).with_members(1);
        lab.join("of-nothing", BTreeSet::new());
        lab.join("of-what-is-not", topics([7]));
        lab.assign(assignor);
        assert_eq!(lab.loads(), [2, 0, 0]);
    }
}

#[test]
fn uniform_is_balanced_within_one_and_moves_no_more_than_that_demands() {
    histories(Assignor::Uniform, false, |lab, moved, before| {
        let loads = lab.loads();
        let (Some(least), Some(most)) = (loads.iter().min(), loads.iter().max()) else { return };
        assert!(most - least <= 1, "{loads:?}");

        // `total % members` may have one more; those that have more already lose least by it.
        let (total, members) = (loads.iter().sum::<usize>(), loads.len());
        let kept: Vec<usize> = before.kept().iter().map(Assignment::len).collect();
        let over = kept.iter().filter(|kept| **kept > total / members).count();
        let surplus = kept.iter().map(|kept| kept.saturating_sub(total / members));
        assert_eq!(moved, surplus.sum::<usize>() - over.min(total % members));
    });
}

#[test]
fn only_the_partitions_of_a_member_that_leaves_move() {
    for seed in 0..100 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut lab = Lab::new(&[9, 4, 30, 1]).with_members(rng.usize(2..30));
        lab.assign(Assignor::Uniform);
        let id = rng.choice(lab.members.keys()).unwrap().clone();
        lab.members.remove(&id);
        assert_eq!(lab.assign(Assignor::Uniform), 0);
    }
}

#[test]
fn a_member_that_joins_gets_its_share_and_nothing_else_moves() {
    for seed in 0..100 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut lab = Lab::new(&[9, 4, 30, 1]).with_members(rng.usize(1..50));
        lab.assign(Assignor::Uniform);
        let id = format!("m{:04}-new", rng.u32(0..50));
        lab.join(&id, topics(0..4));
        let moved = lab.assign(Assignor::Uniform);
        assert_eq!(moved, lab.members[&id].target.len());
        assert_eq!(moved, 44 / lab.members.len());
    }
}

#[test]
fn what_has_been_balanced_once_stays() {
    for assignor in Assignor::ALL {
        for may_differ in [false, true] {
            histories(assignor, may_differ, |lab, _, _| {
                let targets = lab.targets(assignor);
                assert!(lab.members.values().map(|member| &member.target).eq(&targets));
            });
        }
    }
}

#[test]
fn a_partition_that_two_members_have_stays_with_the_first() {
    let mut lab = Lab::new(&[4]).with_members(2);
    for member in lab.members.values_mut() {
        member.target = [(topic(0), 1), (topic(0), 2)].into_iter().collect();
    }
    let partitions = |target: &Assignment| target.partitions(&topic(0)).to_vec();
    let targets = lab.targets(Assignor::Uniform);
    assert_eq!(targets.iter().map(partitions).collect::<Vec<_>>(), [[1, 2], [0, 3]]);
}

#[test]
fn with_different_subscriptions_no_single_move_makes_uniform_better() {
    histories(Assignor::Uniform, true, |lab, _, _| assert!(!lab.can_be_better(), "{lab:?}"));
}

#[test]
fn with_different_subscriptions_a_member_that_leaves_moves_little() {
    // Two versions of a program: the second reads one topic more.
    let mut lab = Lab::new(&[12, 12]).with_members(4);
    lab.join("old", topics([0]));
    lab.assign(Assignor::Uniform);
    assert_eq!(lab.loads(), [5, 5, 5, 5, 4]);
    lab.members.remove("old");
    assert_eq!(lab.assign(Assignor::Uniform), 0);
    assert_eq!(lab.loads(), [6; 4]);
    // The only reader of a topic has no choice; the others take all else.
    lab.topics.insert(topic(9), 20);
    lab.join("other", topics([1, 9]));
    assert_eq!(lab.assign(Assignor::Uniform), 0);
    assert_eq!(lab.loads(), [6, 6, 6, 6, 20]);
}

#[test]
fn with_different_subscriptions_no_two_members_could_exchange_back_what_has_moved() {
    histories(Assignor::Uniform, true, |lab, _, before| {
        let had = before.kept();
        let members = || lab.members.values().zip(&had);
        for (giver, had_by_giver) in members() {
            let new = giver.target.difference(had_by_giver);
            for (taker, _) in members().filter(|(taker, _)| !std::ptr::eq(*taker, giver)) {
                let gave = had_by_giver.intersection(&taker.target);
                let could_pass_on = new.topics().any(|(topic, _)| taker.topics.contains(&topic));
                assert!(gave.is_empty() || !could_pass_on, "{before:?}\n{lab:?}");
            }
        }
    });
}

/// The range of a subscriber by Kafka's documentation, with the subscribers one after another.
fn ranges(lab: &Lab) -> BTreeMap<&str, Assignment> {
    let mut order: Vec<(&str, &LabMember)> =
        lab.members.iter().map(|(id, member)| (id.as_str(), member)).collect();
    order.sort_by_key(|(id, member)| match &member.instance_id {
        Some(instance_id) => (0, instance_id.clone(), id.to_owned()),
        None => (1, String::new(), id.to_owned()),
    });
    let mut all: BTreeMap<&str, Vec<(TopicId, i32)>> = BTreeMap::new();
    for (topic, &count) in &lab.topics {
        let readers = order.iter().filter(|(_, member)| member.topics.contains(topic));
        let number = readers.clone().count() as i32;
        for partition in 0..count {
            // The reader whose range is the first that ends after this partition.
            let end = |at: i32| (at + 1) * (count / number) + (at + 1).min(count % number);
            let Some(at) = (0..number).find(|at| partition < end(*at)) else { continue };
            let (id, _) = readers.clone().nth(at as usize).unwrap();
            all.entry(id).or_default().push((*topic, partition));
        }
    }
    all.into_iter().map(|(id, list)| (id, list.into_iter().collect())).collect()
}

#[test]
fn range_is_what_its_formula_says() {
    for may_differ in [false, true] {
        histories(Assignor::Range, may_differ, |lab, _, _| {
            let expected = ranges(lab);
            for (id, member) in &lab.members {
                let expected = expected.get(id.as_str()).cloned().unwrap_or_default();
                assert_eq!(member.target, expected, "{id} of {lab:?}");
            }
        });
    }
}

#[test]
fn range_gives_partitions_of_the_same_number_to_the_same_member() {
    let mut lab = Lab::new(&[7, 3, 7]).with_members(3);
    lab.assign(Assignor::Range);
    for member in lab.members.values() {
        assert_eq!(member.target.partitions(&topic(0)), member.target.partitions(&topic(2)));
    }
}

#[test]
fn range_has_static_members_first_whatever_their_member_ids() {
    let mut lab = Lab::new(&[5]).with_members(4);
    for (id, instance_id) in [("m0003", "a"), ("m0001", "b")] {
        lab.members.get_mut(id).unwrap().instance_id = Some(instance_id.to_owned());
    }
    lab.assign(Assignor::Range);
    let of = |lab: &Lab, id: &str| lab.members[id].target.partitions(&topic(0)).to_vec();
    assert_eq!(of(&lab, "m0003"), [0, 1]);
    assert_eq!(of(&lab, "m0001"), [2]);
    assert_eq!((of(&lab, "m0000"), of(&lab, "m0002")), (vec![3], vec![4]));
    // The static member restarts and has another member id.
    let restarted = lab.members.remove("m0001").unwrap();
    lab.members.insert("m0009".to_owned(), restarted);
    assert_eq!(lab.assign(Assignor::Range), 0);
}

/// How many items an assignment of the group looks at, per subscription and partition.
fn visited(lab: &mut Lab, assignor: Assignor) -> usize {
    visits::taken();
    let targets = lab.targets(assignor);
    let visited = visits::taken() as usize;
    lab.check(&targets);
    for (member, target) in lab.members.values_mut().zip(targets) {
        member.target = target;
    }
    let subscriptions: usize = lab.members.values().map(|member| member.topics.len()).sum();
    let partitions: usize = lab.topics.values().map(|count| *count as usize).sum();
    visited.div_ceil(subscriptions + partitions)
}

#[test]
fn the_cost_of_equal_subscriptions_is_linear() {
    for assignor in Assignor::ALL {
        // A thousand members and a hundred thousand partitions, of many topics and of few.
        for (count, partitions) in [(1000, 100), (10, 10_000), (1, 100_000)] {
            let mut lab = Lab::new(&vec![partitions; count]).with_members(1000);
            for round in 0..3 {
                let visited = visited(&mut lab, assignor);
                assert!(visited <= 4, "{visited} for {count} topics, round {round}");
                lab.members.pop_first();
            }
        }
    }
}

#[test]
fn the_cost_of_different_subscriptions_is_bounded() {
    let mut rng = fastrand::Rng::with_seed(41);
    let mut lab = Lab::new(&[10; 200]);
    for number in 0..500 {
        let some = topics((0..200).filter(|_| rng.bool()));
        lab.join(&format!("m{number:03}"), some);
    }
    for round in 0..3 {
        let visited = visited(&mut lab, Assignor::Uniform);
        assert!(visited <= 10, "{visited} in round {round}");
        lab.members.pop_first();
    }
}

#[test]
fn a_group_made_to_be_balanced_slowly_is_assigned_in_bounded_rounds() {
    // Each member shares one topic with the next, and the first has all partitions.
    let mut lab = Lab::new(&[100; 300]);
    for number in 0..300 {
        lab.join(&format!("m{number:03}"), topics([number, number + 1]));
    }
    lab.topics.insert(topic(0), 50_000);
    let visited = visited(&mut lab, Assignor::Uniform);
    assert!(visited <= 10, "{visited}");
}
