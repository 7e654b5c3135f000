//! What is in the image.

use crate::engine::{IMAGE, begun, fed, started, until, well};

#[test]
#[ignore = "needs a Docker engine: tests/container/run"]
fn it_is_small_and_runs_without_root_and_without_libraries() {
    let size: u64 = well(&["image", "inspect", "-f", "{{.Size}}", IMAGE]).parse().unwrap();
    assert!(size <= 15_000_000, "the image has {size} bytes");
    assert_eq!(well(&["image", "inspect", "-f", "{{.Config.User}}", IMAGE]), "1000:0");
    assert!(well(&["run", "--rm", IMAGE, "--version"]).starts_with("ottla "));
}

#[test]
#[ignore = "needs a Docker engine: tests/container/run"]
fn kafkas_tools_are_there_by_their_names() {
    let broker = started(&[IMAGE]);
    let exec = |words: &[&str]| well(&[&["exec", &broker.name], words].concat());
    let create = "kafka-topics --bootstrap-server localhost:9092 --topic user-events --create \
                  --partitions 3 --replication-factor 1 --if-not-exists";
    let create: Vec<&str> = create.split_whitespace().collect();
    assert_eq!(exec(&create), "Created topic user-events.");
    exec(&create);
    let at = ["--bootstrap-server", "localhost:9092"];
    assert_eq!(exec(&[&["kafka-topics.sh", "--list"], &at[..]].concat()), "user-events");
    let produce = ["exec", "-i", &broker.name, "kafka-console-producer", "--topic", "user-events"];
    fed(&[&produce[..], &at].concat(), "one\ntwo\n");
    let consume = ["kafka-console-consumer", "--topic", "user-events", "--from-beginning"];
    let read = exec(&[&consume[..], &["--max-messages", "2"], &at].concat());
    assert_eq!(read.lines().collect::<std::collections::BTreeSet<_>>(), ["one", "two"].into());
    let offsets = exec(&[&["kafka-get-offsets", "--topic", "user-events"], &at[..]].concat());
    assert_eq!(offsets.lines().count(), 3);
    assert_eq!(exec(&["confluent", "local", "kafka", "topic", "list"]).lines().count(), 2);
}

#[test]
#[ignore = "needs a Docker engine: tests/container/run"]
fn a_broker_that_does_not_answer_is_not_healthy() {
    let broker = begun(&["--health-interval", "200ms", "--health-retries", "1", IMAGE]);
    let is = |wanted: &'static str| {
        let name = broker.name.clone();
        move || {
            let state = well(&["inspect", "-f", "{{.State.Health.Status}}", &name]);
            (state == wanted).then_some(())
        }
    };
    until("it is healthy", is("healthy"));
    // Stopped as a process, not ended: it holds its port and says nothing.
    well(&["kill", "-s", "STOP", &broker.name]);
    until("it is unhealthy", is("unhealthy"));
    well(&["kill", "-s", "CONT", &broker.name]);
    until("it is healthy again", is("healthy"));
}
