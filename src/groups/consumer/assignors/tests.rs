use fastrand::Rng;

use super::*;

/// Members with their subscriptions and what they have, and the topics.
struct Sample {
    topics: BTreeMap<TopicId, i32>,
    members: Vec<(String, Option<String>, BTreeSet<TopicId>, Assignment)>,
}

fn topic(number: usize) -> TopicId {
    TopicId::from_u128(number as u128 + 1)
}

impl Sample {
    /// Returns members that are subscribed to the same topics, or each to some.
    fn of(rng: &mut Rng, is_homogeneous: bool) -> Sample {
        let topics: BTreeMap<TopicId, i32> =
            (0..rng.usize(1..8)).map(|number| (topic(number), rng.i32(1..12))).collect();
        let mut sample = Sample { topics, members: Vec::new() };
        for _ in 0..rng.usize(1..9) {
            sample.join(rng, is_homogeneous);
        }
        sample
    }

    fn join(&mut self, rng: &mut Rng, is_homogeneous: bool) {
        let all = self.topics.keys().copied();
        let subscribed = all.filter(|_| is_homogeneous || rng.u8(0..3) > 0).collect();
        let id = format!("m{:03}", rng.u16(0..1000));
        let instance = (rng.u8(0..3) == 0).then(|| format!("i{:03}", rng.u16(0..1000)));
        self.members.retain(|(known, ..)| *known != id);
        self.members.push((id, instance, subscribed, Assignment::default()));
        self.members.sort_by(|a, b| a.0.cmp(&b.0));
    }

    fn assign(&mut self, assignor: Assignor) -> usize {
        let members = self.members.iter().map(|(id, instance, topics, target)| MemberSpec {
            id,
            instance_id: instance.as_deref(),
            topics,
            target,
        });
        let assigned =
            assignor.assign(&GroupSpec { members: members.collect(), topics: &self.topics });
        assert_eq!(assigned.len(), self.members.len());
        let mut moved = 0;
        let mut seen = BTreeSet::new();
        for ((.., topics, target), new) in self.members.iter_mut().zip(assigned) {
            for (topic, partition) in new.iter() {
                assert!(seen.insert((topic, partition)), "{topic} {partition} twice");
                assert!(topics.contains(&topic) && partition < self.topics[&topic]);
                moved += usize::from(!target.contains(topic, partition));
            }
            *target = new;
        }
        for (topic, partitions) in &self.topics {
            let has_subscriber =
                self.members.iter().any(|(_, _, topics, _)| topics.contains(topic));
            for partition in (0..*partitions).filter(|_| has_subscriber) {
                assert!(seen.contains(&(*topic, partition)), "{topic} {partition} is left over");
            }
        }
        moved
    }

    fn loads(&self) -> Vec<usize> {
        self.members.iter().map(|(.., target)| target.len()).collect()
    }

    fn partitions(&self) -> usize {
        self.topics.values().map(|count| *count as usize).sum()
    }

    /// Returns the fewest partitions that have to move for all to have as many, within one.
    fn fewest_moves(&self) -> usize {
        let (total, members) = (self.partitions(), self.members.len());
        let (quota, mut extras) = (total / members, total % members);
        let mut stay = 0;
        for load in self.loads() {
            stay += load.min(quota);
            if load > quota && extras > 0 {
                extras -= 1;
                stay += 1;
            }
        }
        total - stay
    }
}

#[test]
fn everything_is_assigned_once_and_to_subscribers() {
    for seed in 0..2000 {
        let mut rng = Rng::with_seed(seed);
        for assignor in [Assignor::Range, Assignor::Uniform] {
            let is_homogeneous = rng.bool();
            let mut sample = Sample::of(&mut rng, is_homogeneous);
            for _ in 0..8 {
                sample.assign(assignor);
                match rng.u8(0..5) {
                    0 if sample.members.len() > 1 => {
                        let at = rng.usize(0..sample.members.len());
                        sample.members.remove(at);
                    }
                    1 => {
                        let count = sample.topics.len();
                        sample.topics.insert(topic(count + 9), rng.i32(1..5));
                    }
                    2 => {
                        sample.topics.pop_first();
                        if sample.topics.is_empty() {
                            sample.topics.insert(topic(77), 3);
                        }
                    }
                    3 => {
                        let more = rng.i32(0..5);
                        sample.topics.values_mut().for_each(|count| *count += more);
                    }
                    _ => sample.join(&mut rng, false),
                }
                let topics = sample.topics.clone();
                for (_, _, subscribed, _) in &mut sample.members {
                    subscribed.retain(|topic| topics.contains_key(topic));
                }
            }
        }
    }
}

#[test]
fn with_one_subscription_all_have_as_many_and_the_fewest_move() {
    for seed in 0..2000 {
        let mut rng = Rng::with_seed(seed);
        let mut sample = Sample::of(&mut rng, true);
        for _ in 0..6 {
            let fewest = sample.fewest_moves();
            assert_eq!(sample.assign(Assignor::Uniform), fewest, "seed {seed}");
            let loads = sample.loads();
            assert!(loads.iter().max().unwrap() - loads.iter().min().unwrap() <= 1, "{loads:?}");
            assert_eq!(sample.assign(Assignor::Uniform), 0, "nothing has changed");
            match rng.bool() && sample.members.len() > 1 {
                true => drop(sample.members.remove(rng.usize(0..sample.members.len()))),
                false => sample.join(&mut rng, true),
            }
        }
    }
}

#[test]
fn with_different_subscriptions_no_partition_could_better_be_elsewhere() {
    for seed in 0..2000 {
        let mut rng = Rng::with_seed(seed);
        let mut sample = Sample::of(&mut rng, false);
        for _ in 0..6 {
            sample.assign(Assignor::Uniform);
            let loads = sample.loads();
            for ((.., target), load) in sample.members.iter().zip(&loads) {
                for (topic, _) in target.iter() {
                    let others = sample.members.iter().zip(&loads);
                    let mut others =
                        others.filter(|((_, _, topics, _), _)| topics.contains(&topic));
                    assert!(others.all(|(_, other)| other + 1 >= *load), "seed {seed} {loads:?}");
                }
            }
            assert_eq!(sample.assign(Assignor::Uniform), 0, "nothing has changed");
            match rng.bool() && sample.members.len() > 1 {
                true => drop(sample.members.remove(rng.usize(0..sample.members.len()))),
                false => sample.join(&mut rng, false),
            }
        }
    }
}

#[test]
fn ranges_are_consecutive_and_static_members_come_first() {
    let both = BTreeSet::from([topic(0), topic(1)]);
    let one = BTreeSet::from([topic(1)]);
    let topics = BTreeMap::from([(topic(0), 5), (topic(1), 7)]);
    let none = Assignment::default();
    let member = |id, instance_id, topics| MemberSpec { id, instance_id, topics, target: &none };
    let members =
        vec![member("a", None, &both), member("b", Some("z"), &both), member("c", Some("y"), &one)];
    let assigned = Assignor::Range.assign(&GroupSpec { members, topics: &topics });
    let partitions = |index: usize, number: usize| -> Vec<i32> {
        let all = assigned[index].iter().filter(|(id, _)| *id == topic(number));
        all.map(|(_, partition)| partition).collect()
    };
    assert_eq!([partitions(1, 0), partitions(0, 0)], [vec![0, 1, 2], vec![3, 4]]);
    let of_one = [partitions(2, 1), partitions(1, 1), partitions(0, 1)];
    assert_eq!(of_one, [vec![0, 1, 2], vec![3, 4], vec![5, 6]]);
}

#[test]
fn without_members_or_topics_there_is_nothing_to_assign() {
    for assignor in [Assignor::Range, Assignor::Uniform] {
        let group = GroupSpec { members: Vec::new(), topics: &BTreeMap::new() };
        assert!(assignor.assign(&group).is_empty());
        let (topics, none) = (BTreeSet::from([topic(0)]), Assignment::default());
        let member = MemberSpec { id: "m", instance_id: None, topics: &topics, target: &none };
        let group = GroupSpec { members: vec![member], topics: &BTreeMap::new() };
        assert_eq!(assignor.assign(&group), [Assignment::default()]);
    }
}
