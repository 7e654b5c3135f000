//! Topics that the environment asks for, and where it sends clients: variables of wurstmeister's
//! images.

use kafka_protocol::messages::MetadataRequest;

use crate::client::Client;
use crate::daemon::{Daemon, complains, ottla, text};

/// Name, number of partitions, and those that the broker advertises.
async fn topics_and_address(daemon: &Daemon) -> (Vec<(String, usize)>, String) {
    let mut client = Client::connect(daemon.addresses()[0].parse().unwrap()).await;
    let answer = client.call(12, &MetadataRequest::default().with_topics(None)).await;
    let topics = answer.topics.iter();
    let mut topics: Vec<(String, usize)> = topics
        .map(|topic| (topic.name.as_ref().unwrap().to_string(), topic.partitions.len()))
        .collect();
    topics.sort();
    (topics, format!("{}:{}", &*answer.brokers[0].host, answer.brokers[0].port))
}

#[tokio::test]
async fn topics_are_there_before_the_broker_is_ready_and_existing_ones_stay_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["--listen", "127.0.0.1:0", "--data-dir", text(dir.path())];
    let topics = "KAFKA_CREATE_TOPICS";
    let mut daemon = Daemon::start(ottla(&args).env(topics, "orders:3:1,customers:1:3:compact"));
    let all = [("customers".to_owned(), 1), ("orders".to_owned(), 3)];
    assert_eq!(topics_and_address(&daemon).await.0, all);
    daemon.signal("-TERM");
    assert_eq!(daemon.exit_code(), Some(0));
    let said = daemon.stderr();
    let of = |topic: &str| format!("topic=\"{topic}\"");
    let line = said.lines().find(|line| line.contains("replication_factor=3")).expect(&said);
    assert!(line.contains("WARN") && line.contains(&of("customers")), "{line}");

    let mut command = ottla(&args);
    command.env(topics, "orders:5:1\nmore:2:1").env("KAFKA_CREATE_TOPICS_SEPARATOR", "$'\\n'");
    let mut daemon = Daemon::start(&mut command);
    let all = [&all[..1], &[("more".to_owned(), 2)], &all[1..]].concat();
    assert_eq!(topics_and_address(&daemon).await.0, all);
    daemon.signal("-TERM");
    assert_eq!(daemon.exit_code(), Some(0));
    let said = daemon.stderr();
    let stays = |line: &&str| line.contains("already exists") && line.contains(&of("orders"));
    assert!(said.lines().any(|line| stays(&line)), "{said}");
}

#[test]
fn topics_that_cannot_be_created_end_the_start_with_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["--listen", "127.0.0.1:0", "--log", "error", "--data-dir", text(dir.path())];
    for (wrong, why) in [
        ("orders", "name:partitions:replicas"),
        ("orders:many:1", "orders:many:1"),
        ("orders:1:1:burn", "cleanup.policy"),
        ("orders:10001:1", "at most 10000 partitions"),
        ("a/b:1:1", "'a/b' contains one or more characters"),
        ("__cluster_metadata:1:1", "prohibited"),
    ] {
        complains(ottla(&args).env("KAFKA_CREATE_TOPICS", wrong), &["KAFKA_CREATE_TOPICS", why]);
    }
}

#[tokio::test]
async fn clients_are_sent_to_the_advertised_host_name() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["--listen", "127.0.0.1:0", "--data-dir", text(dir.path())];
    let host = ("KAFKA_ADVERTISED_HOST_NAME", "lab.example");
    let zookeeper = ("KAFKA_ZOOKEEPER_CONNECT", "zookeeper:2181");
    for (port, wanted) in [(None, "lab.example:9092"), (Some("32181"), "lab.example:32181")] {
        let mut command = ottla(&args);
        command.envs([host, zookeeper]);
        command.envs(port.map(|port| ("KAFKA_ADVERTISED_PORT", port)));
        let mut daemon = Daemon::start(&mut command);
        assert_eq!(topics_and_address(&daemon).await.1, wanted);
        daemon.signal("-TERM");
        assert_eq!(daemon.exit_code(), Some(0));
        let said = daemon.stderr();
        let line = said.lines().find(|line| line.contains("KAFKA_ZOOKEEPER_CONNECT"));
        assert!(line.is_some_and(|line| line.contains("ignoring")), "{said}");
    }
    let wrong = ottla(&args).env(host.0, host.1).env("KAFKA_ADVERTISED_PORT", "many").output();
    assert_eq!(wrong.unwrap().status.code(), Some(1));
}
