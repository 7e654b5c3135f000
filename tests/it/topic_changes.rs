//! Topics that are created and deleted at the same moment.

use std::sync::{Arc, Barrier};

use ottla::broker::start;
use ottla::broker::state::Broker;
use ottla::clock::SystemClock;
use ottla::config::settings::Settings;
use ottla::storage::disk::OsDisk;
use ottla::topics::changes::NewTopic;
use ottla::types::TopicId;

/// How many want the name at once: the more, the likelier that one comes in between.
const CREATORS: usize = 6;

fn wanted() -> NewTopic {
    NewTopic { name: "t".to_owned(), partitions: 1, configs: Default::default() }
}

/// Delete the topic on one thread while others would have one of its name.
fn delete_and_create(broker: &Arc<Broker>, old: TopicId) {
    let start = Barrier::new(1 + CREATORS);
    let is_old = || broker.image().topics.get("t").is_none_or(|topic| topic.id == old);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            start.wait();
            broker.topics.delete_one("t").unwrap();
        });
        for _ in 0..CREATORS {
            threads.spawn(|| {
                start.wait();
                while is_old() && broker.topics.create_one(wanted()).is_err() {}
            });
        }
    });
}

#[tokio::test]
async fn a_name_that_is_deleted_and_created_at_once_is_one_whole_topic() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Arc::new(Settings::load(None, [], &[]).unwrap());
    let clock = Arc::new(SystemClock::default());
    let broker =
        start::start(settings, dir.path().to_owned(), Arc::new(OsDisk), clock, None).unwrap();
    broker.topics.create_one(wanted()).unwrap();
    for round in 0..200 {
        let old = broker.topics.named("t").unwrap();
        old.partitions[0].open().unwrap();
        delete_and_create(&broker, old.id);
        let known = broker.image().topics["t"].id;
        let live = broker.topics.named("t").map(|topic| topic.id);
        assert_eq!(live, Some(known), "round {round}: what is live is not what is known");
        assert_ne!(known, old.id, "round {round}");
    }
}
