//! "Tutorial 2: Your First Kafka Producer and Consumer", with confluent-kafka.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::broker::Ottla;
use crate::clients::{python, said};
use crate::labs::student::Student;

#[test]
fn the_topic_is_created_as_in_the_text() {
    let ottla = Ottla::on_localhost(&[]);
    let student = Student::beside(&ottla);
    let typed = "docker exec -it kafka-broker kafka-topics \
  --bootstrap-server localhost:9092 \
  --topic user-events \
  --create \
  --partitions 3 \
  --replication-factor 1 \
  --if-not-exists";
    assert_eq!(student.type_(typed), "Created topic user-events.\n");
    assert_eq!(student.type_(typed), "", "the second time it exists");
    let described = student.type_(
        "docker exec -it kafka-broker kafka-topics --bootstrap-server localhost:9092 \
         --topic user-events --describe",
    );
    assert!(described.contains("\tPartitionCount: 3\tReplicationFactor: 1\t"), "{described}");
}

/// "Expected Output": the consumer first, in its terminal, and the producer in another one.
#[test]
#[ignore = "needs Python's clients"]
fn consumer_and_producer_show_what_the_text_expects() {
    let ottla = Ottla::on_localhost(&[]);
    let student = Student::beside(&ottla);
    student.type_(
        "kafka-topics --bootstrap-server localhost:9092 --create --topic user-events \
                   --partitions 3",
    );
    let program = |what: &str| {
        let command = python("tutorial_2.py");
        let words = [command.get_program()].into_iter().chain(command.get_args());
        let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
        format!("PYTHONPYCACHEPREFIX=pycache {} localhost:9092 {what}", words.join(" "))
    };
    let consumer = student.terminal(&program("show"));
    consumer.until("Press Ctrl+C to stop\n--------------------------------------------------\n");
    let produced = student.type_(&program("send"));
    consumer.until("  👋 User user_001 logged out\n");
    let (code, screen) = consumer.ctrl_c();
    assert_eq!(code, 0, "{screen}");
    check_producer(&ottla, &produced);
    check_consumer(&screen);
    let described = student.type_("ottla group describe tutorial-consumer-group -o json");
    assert!(described.contains("\"lag\": 0") && !described.contains("\"lag\": 1"), "{described}");
}

fn check_producer(ottla: &Ottla, produced: &str) {
    let begin = format!(
        "Producer initialized with brokers: {}\nSending 3 messages to topic 'user-events'\n\
         --------------------------------------------------\nQueued message 1\n",
        ottla.address
    );
    assert!(produced.starts_with(&begin), "{produced}");
    let end = "All messages delivered successfully\nProducer example completed!\n";
    assert!(produced.ends_with(end), "{produced}");
    for line in ["Queued message 2", "Queued message 3", "Flushing remaining messages..."] {
        assert!(produced.lines().any(|found| found == line), "{line}: {produced}");
    }
    let places: BTreeSet<&str> =
        produced.lines().filter_map(|l| l.strip_prefix("Message delivered to ")).collect();
    assert_eq!(places.len(), 3, "three places: {produced}");
    // A new topic's partitions begin with offset 0.
    assert!(places.iter().any(|place| place.ends_with(" at offset 0")), "{produced}");
}

fn check_consumer(screen: &str) {
    let mut begin = screen.lines();
    for line in [
        "Consumer initialized for group: tutorial-consumer-group",
        "Subscribed to topics: ['user-events']",
        "Starting consumer loop...",
    ] {
        assert_eq!(begin.next(), Some(line));
    }
    for end in [
        "Received signal 2, shutting down...",
        "Closing consumer...",
        "Consumer closed successfully",
    ] {
        assert!(screen.contains(&format!("{end}\n")), "{end}: {screen}");
    }
    let messages: Vec<Vec<&str>> =
        screen.split("Received message:\n").skip(1).map(|block| block.lines().collect()).collect();
    let of = |user: &str| -> Vec<(&str, &str)> {
        let key = format!("  Key: b'{user}'");
        let its = messages.iter().filter(|message| message[3] == key);
        its.map(|message| (message[1], message[6])).collect()
    };
    assert_eq!(messages.len(), 3, "{screen}");
    for message in &messages {
        assert_eq!(message[0], "  Topic: user-events");
        assert!(message[2].starts_with("  Offset: "), "{message:?}");
        assert!(message[4].starts_with("  Timestamp: (1, "), "the producer's time: {message:?}");
        assert!(message[5].starts_with("  Data: {'user_id': 'user_00"), "{message:?}");
    }
    let (first, second) = (of("user_001"), of("user_002"));
    assert_eq!(first[0].1, "  📝 User user_001 logged in");
    assert_eq!(first[1].1, "  👋 User user_001 logged out");
    assert_eq!(first[0].0, first[1].0, "one key, one partition, in order");
    assert_eq!(second[0].1, "  💰 User user_002 made purchase: $29.99");
}

#[test]
#[ignore = "needs Python's clients"]
fn the_patterns_of_the_text_deliver_what_they_say() {
    let mut program = python("tutorial_2_patterns.py");
    let mut ottla = Ottla::on_localhost(&["num.partitions=1"]);
    said("the patterns", &program.arg(&ottla.address).output().unwrap());
    assert!(ottla.stop());
}

#[test]
#[ignore = "needs Python's clients"]
fn the_programs_of_tutorial_2_produce_consume_and_resume() {
    let program = || python("tutorial_2.py");
    let mut ottla = Ottla::on_localhost(&["num.partitions=3"]);
    let produce = |ottla: &Ottla| {
        let output = program().args([&ottla.address, "produce", "30"]).output();
        said("producing", &output.unwrap());
    };
    produce(&ottla);
    let first = consume(&ottla, 30);
    produce(&ottla);
    ottla.kill_and_restart();
    let second = consume(&ottla, 30);
    // Each program run numbers its events from 0; the offsets go on.
    assert!(first.is_disjoint(&second));
    let events = |found: &BTreeSet<(String, u32)>| -> Vec<u32> {
        let mut events: Vec<u32> = found.iter().map(|(_, event)| *event).collect();
        events.sort_unstable();
        events
    };
    assert_eq!(events(&first), (0..30).collect::<Vec<_>>());
    assert_eq!(events(&second), (0..30).collect::<Vec<_>>());
    assert!(ottla.stop());
}

/// Run the consumer until it has printed this many messages, then press Ctrl-C. Gives partition
/// with offset, and the event's number.
fn consume(ottla: &Ottla, count: usize) -> BTreeSet<(String, u32)> {
    let mut child = python("tutorial_2.py")
        .args([&ottla.address, "consume"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut found = BTreeSet::new();
    for line in lines.by_ref().take(count) {
        let words: Vec<&str> = line.split(' ').collect();
        let place = format!("{} {}", words[0], words[1]);
        assert!(found.insert((place, words[3].parse().unwrap())), "{line} came twice");
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(lines.next(), None, "more than was written");
    assert!(child.wait().unwrap().success());
    assert_eq!(found.len(), count);
    found
}
