//! Members come and go: each partition has one owner, and no record is missed.

use std::time::Duration;

use crate::groups::family::{Commit, Family, Reset};
use crate::groups::world::{IMPATIENT_MS, PATIENT_MS, World};

const BATCH: usize = 60;

fn share(family: Family, commit: Commit) {
    let mut world = World::new(family, commit);
    world.write(BATCH);
    let first = world.start("first", PATIENT_MS);
    let second = world.start("second", PATIENT_MS);
    world.settle(&[3, 3]);
    world.see_all();
    world.read_in_peace(BATCH);
    let third = world.start("third", IMPATIENT_MS);
    world.settle(&[2, 2, 2]);
    world.read_in_peace(BATCH);
    // kcat ends itself when its last broker is gone; the others know the group as it was.
    if family != Family::Kcat {
        world.broker.kill_and_restart();
        world.read_in_peace(BATCH);
    }
    world.kill(third);
    world.write(BATCH);
    world.settle(&[3, 3]);
    world.see_all();
    // Who leaves has committed what it has read, and is not waited for.
    let kept = world.written;
    world.read_in_peace(BATCH);
    world.wait_for_commits();
    world.leave(second);
    world.settle(&[6]);
    world.read_in_peace(BATCH);
    world.wait_for_commits();
    world.leave(first);
    let kept = kept..world.written;
    world.write(BATCH);
    let again = [world.start("first again", PATIENT_MS), world.start("second again", PATIENT_MS)];
    world.settle(&[3, 3]);
    world.see_all();
    world.read_in_peace(BATCH);
    again.into_iter().for_each(|member| world.leave(member));
    for number in kept {
        assert_eq!(world.times_seen(number), 1, "{family:?}: r{number} was read again");
    }
    assert!(world.broker.stop());
}

/// Where a member begins that finds no offset.
fn resets(family: Family) {
    let mut world = World::new(family, Commit::Auto);
    world.write(BATCH);
    let strict = world.start_with("strict", PATIENT_MS, Reset::None, None);
    world.until("a refusal", |world| {
        let failed = world.member(strict).failed.as_deref();
        failed.is_some_and(|error| error.contains(family.no_offset()))
    });
    world.group = "late".to_owned();
    let late = world.start_with("late", PATIENT_MS, Reset::Latest, None);
    let is_woken = |world: &World| (BATCH..world.written).any(|n| world.times_seen(n) > 0);
    while !is_woken(&world) {
        world.listen(Duration::from_millis(100));
        // It says what it owns before it knows where the ends are.
        if !world.member(late).owned.is_empty() {
            world.write(1);
        }
    }
    world.read_in_peace(BATCH);
    let old = (0..BATCH).filter(|n| world.times_seen(*n) > 0).count();
    assert_eq!(old, 0, "{family:?}: latest has read what was there before");
    world.leave(late);
    assert!(world.broker.stop());
}

/// Run the parts of a family side by side.
fn run(parts: &[&(dyn Fn() + Sync)]) {
    std::thread::scope(|scope| {
        for part in parts {
            scope.spawn(part);
        }
    });
}

#[test]
#[ignore = "needs kcat"]
fn kcat_shares_a_topic() {
    let family = Family::Kcat;
    run(&[&|| share(family, Commit::Auto), &|| resets(family)]);
}

#[test]
#[ignore = "needs Python's clients and kcat"]
fn confluent_kafka_shares_a_topic() {
    let (range, cooperative) =
        (Family::Confluent("range"), Family::Confluent("cooperative-sticky"));
    run(&[&|| share(range, Commit::Auto), &|| share(cooperative, Commit::Manual), &|| {
        resets(range)
    }]);
}

#[test]
#[ignore = "needs Python's clients and kcat"]
fn kafka_python_shares_a_topic() {
    let family = Family::KafkaPython;
    run(&[&|| share(family, Commit::Auto), &|| share(family, Commit::Manual), &|| resets(family)]);
}

#[test]
#[ignore = "needs Python's clients and kcat"]
fn kafka_python_2_2_shares_a_topic() {
    let family = Family::KafkaPython22;
    run(&[&|| share(family, Commit::Auto), &|| share(family, Commit::Manual), &|| resets(family)]);
}

#[test]
#[ignore = "needs Python's clients and kcat"]
fn aiokafka_shares_a_topic() {
    let family = Family::Aiokafka;
    run(&[&|| share(family, Commit::Auto), &|| share(family, Commit::Manual), &|| resets(family)]);
}

#[test]
#[ignore = "needs Java with Kafka's jars and kcat"]
fn java_shares_a_topic_with_eager_assignors() {
    let (range, round_robin) = (Family::Java("RangeAssignor"), Family::Java("RoundRobinAssignor"));
    run(&[&|| share(range, Commit::Auto), &|| share(round_robin, Commit::Manual)]);
}

#[test]
#[ignore = "needs Java with Kafka's jars and kcat"]
fn java_shares_a_topic_with_sticky_assignors() {
    let (sticky, cooperative) =
        (Family::Java("StickyAssignor"), Family::Java("CooperativeStickyAssignor"));
    run(&[&|| share(sticky, Commit::Manual), &|| share(cooperative, Commit::Auto), &|| {
        resets(sticky)
    }]);
}
