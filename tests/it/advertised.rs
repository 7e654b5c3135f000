//! Where clients are sent: by listeners with names, by Kafka's variables, by word of mouth.

use std::process::Output;

use kafka_protocol::messages::{FindCoordinatorRequest, MetadataRequest};

use crate::client::{Client, text as string};
use crate::daemon::{Daemon, ottla, text};

/// The address that a client that connects there is sent.
async fn advertised_to(address: &str) -> String {
    let mut client = Client::connect(address.parse().unwrap()).await;
    let answer = client.call(9, &MetadataRequest::default().with_topics(Some(Vec::new()))).await;
    let metadata = format!("{}:{}", &*answer.brokers[0].host, answer.brokers[0].port);
    let request = FindCoordinatorRequest::default().with_key(string("g"));
    let answer = client.call(3, &request).await;
    assert_eq!(format!("{}:{}", &*answer.host, answer.port), metadata);
    metadata
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[tokio::test]
async fn each_listener_has_its_own_place_and_it_changes_while_the_broker_runs() {
    let dir = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(
        ottla(&["--data-dir", text(dir.path())])
            .env("KAFKA_LISTENERS", "NET://127.0.0.1:0,HOST://127.0.0.1:0,CONTROLLER://127.0.0.1:1")
            .env("KAFKA_CONTROLLER_LISTENER_NAMES", "CONTROLLER")
            .env("KAFKA_ADVERTISED_LISTENERS", "NET://kafka:29092")
            .env(
                "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP",
                "CONTROLLER:PLAINTEXT,NET:PLAINTEXT,HOST:PLAINTEXT",
            )
            .env("KAFKA_PROCESS_ROLES", "broker,controller"),
    );
    let addresses = daemon.addresses();
    let [net, host] = addresses.as_slice() else { panic!("{addresses:?}") };
    assert_eq!(advertised_to(net).await, "kafka:29092");
    assert_eq!(advertised_to(host).await, *host);
    let advertise = |args: &[&str]| {
        let all = [&["advertise", "--data-dir", text(dir.path())], args].concat();
        ottla(&all).output().unwrap()
    };
    let output = advertise(&["localhost:32768", "--listener", "host"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(said(&output), "clients of HOST are sent to localhost:32768\n");
    assert_eq!(advertised_to(host).await, "localhost:32768");
    assert_eq!(advertised_to(net).await, "kafka:29092");
    for (args, why) in [
        (
            vec!["localhost:32768", "--listener", "X"],
            "unknown listener X; the listeners are NET, HOST",
        ),
        (vec!["0.0.0.0:1"], "0.0.0.0:1: expected HOST:PORT"),
        (vec!["localhost"], "localhost: expected HOST:PORT"),
    ] {
        let output = advertise(&args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(said(&output).contains(why), "{}", said(&output));
    }
    let output = advertise(&["example.test:1"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(advertised_to(net).await, "example.test:1", "the first is meant");
}

#[tokio::test]
async fn ready_is_who_answers_a_client() {
    let dir = tempfile::tempdir().unwrap();
    let ready = || ottla(&["ready", "--data-dir", text(dir.path())]).output().unwrap();
    let output = ready();
    assert_eq!(output.status.code(), Some(3));
    assert!(said(&output).contains("no broker is running on"), "{}", said(&output));
    let lines = ["--ready-text", "Kafka Server started", "--ready-text", "and more"];
    let args = ["--listen", "127.0.0.1:0", "--data-dir", text(dir.path())];
    let mut daemon = Daemon::start(&mut ottla(&[&args[..], &lines].concat()));
    assert_eq!(daemon.line(), "Kafka Server started\n");
    assert_eq!(daemon.line(), "and more\n");
    let output = ready();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(said(&output), format!("Ottla is ready on {}.\n", daemon.addresses()[0]));
    daemon.signal("-KILL");
    daemon.exit_code();
    assert_eq!(ready().status.code(), Some(3), "the socket of a dead broker is not there");
    let mut daemon = Daemon::start(&mut ottla(&args));
    assert!(ready().status.success());
    daemon.signal("-TERM");
    assert_eq!(daemon.exit_code(), Some(0));
    assert!(!dir.path().join("control.sock").exists());
}

#[tokio::test]
async fn an_environment_of_another_image_is_enough() {
    let dir = tempfile::tempdir().unwrap();
    let run = |cluster_id: &str| {
        let mut command = ottla(&["--log", "info"]);
        command
            .env("KAFKA_CFG_LISTENERS", "PLAINTEXT://127.0.0.1:0")
            .env("KAFKA_LOG_DIRS", dir.path())
            .env("KAFKA_NODE_ID", "3")
            .env("KAFKA_CFG_NUM_PARTITIONS", "5")
            .env("KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR", "1")
            .env("KAFKA_CONTROLLER_QUORUM_VOTERS", "3@kafka:9093")
            .env("KAFKA_HEAP_OPTS", "-Xmx1G")
            .env("KAFKA_NO_SUCH_THING", "x")
            .env("CLUSTER_ID", cluster_id);
        Daemon::start(&mut command)
    };
    let cluster_id = async |daemon: &Daemon| {
        let mut client = Client::connect(daemon.addresses()[0].parse().unwrap()).await;
        let answer = client.call(9, &MetadataRequest::default().with_topics(None)).await;
        assert_eq!(answer.brokers[0].node_id.0, 3);
        answer.cluster_id.unwrap().to_string()
    };
    let mut first = run("4L6g3nShT-eMCtK--X86sw");
    assert_eq!(cluster_id(&first).await, "4L6g3nShT-eMCtK--X86sw");
    first.signal("-TERM");
    first.exit_code();
    let lines = first.stderr();
    assert!(lines.contains("no effect on a single node variables=KAFKA_HEAP_OPTS"), "{lines}");
    assert!(lines.contains("only reported name=\"controller.quorum.voters\""), "{lines}");
    assert!(lines.contains("ignoring unknown KAFKA_* variables variables=KAFKA_NO_SUCH_THING"));
    // The directory's id wins, as with those images, which format only what is not formatted yet.
    let second = run("another");
    assert_eq!(cluster_id(&second).await, "4L6g3nShT-eMCtK--X86sw");
}
