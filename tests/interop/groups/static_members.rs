//! `group.instance.id`: a member that is restarted in time takes its partitions up again, and the
//! others do not notice.

use crate::groups::family::{Commit, Family, Reset};
use crate::groups::world::{PATIENT_MS, World};

const BATCH: usize = 60;

fn restarts_unnoticed(family: Family) {
    let mut world = World::new(family, Commit::Manual);
    world.write(BATCH);
    let start = |world: &mut World, name: &str| {
        world.start_with(name, PATIENT_MS, Reset::Earliest, Some(name))
    };
    let mut members = [start(&mut world, "one"), start(&mut world, "two")];
    world.settle(&[3, 3]);
    world.see_all();
    world.read_in_peace(BATCH);
    // One crashes; the other stops in good order, which for such a member is no leaving.
    for (index, name) in ["one", "two"].into_iter().enumerate() {
        let (gone, stays) = (members[index], members[1 - index]);
        let (owned, changes) = (world.member(gone).owned.clone(), world.member(stays).changes);
        if index == 0 {
            world.kill(gone)
        } else {
            world.leave(gone)
        }
        world.write(BATCH);
        members[index] = start(&mut world, name);
        let again = members[index];
        world.until("its partitions again", |world| world.member(again).owned == owned);
        world.see_all();
        world.read_in_peace(BATCH);
        assert_eq!(world.member(stays).changes, changes, "{family:?}: a rebalance for {name}");
    }
    assert!(world.broker.stop());
}

#[test]
#[ignore = "needs Python's clients and kcat"]
fn confluent_kafka_restarts_a_static_member() {
    restarts_unnoticed(Family::Confluent("range"));
}

#[test]
#[ignore = "needs Java with Kafka's jars and kcat"]
fn java_restarts_a_static_member() {
    restarts_unnoticed(Family::Java("RangeAssignor"));
}
