//! Compose files: the project's own, and those of other images with only the name changed.

use std::path::Path;
use std::process::Command;

use crate::engine::{IMAGE, KCAT, fed, healthy, lines, port_9092, said, send, well};

/// One compose project in a directory of its own; ended and removed when dropped.
struct Project {
    dir: tempfile::TempDir,
    name: String,
}

impl Project {
    fn new(text: &str) -> Project {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("docker-compose.yml"), text).unwrap();
        let name = dir.path().file_name().unwrap().to_string_lossy().to_lowercase();
        Project { dir, name: format!("ottla{}", name.trim_start_matches('.')) }
    }

    fn compose(&self, words: &[&str]) -> Command {
        let client = std::env::var("OTTLA_CONTAINER_CLIENT").unwrap();
        let has_plugin = Command::new(&client).args(["compose", "version"]).output().unwrap();
        let mut command = Command::new("timeout");
        command.arg("120");
        match has_plugin.status.success() {
            true => command.args([client.as_str(), "compose"]),
            false => command.arg("docker-compose"),
        };
        command.args(["-p", &self.name]).args(words).current_dir(self.dir.path());
        command
    }

    /// The container of a service.
    fn container(&self, service: &str) -> String {
        said(self.compose(&["ps", "-q", service])).trim().to_owned()
    }

    fn network(&self) -> String {
        format!("{}_default", self.name)
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!(
                "{}",
                String::from_utf8_lossy(&self.compose(&["logs"]).output().unwrap().stdout)
            );
        }
        let _ = self.compose(&["down", "-v", "--remove-orphans"]).output();
    }
}

/// Send and read from this machine and from a container beside the broker.
fn both_sides(project: &Project, outside: &str, inside: &str) {
    send(outside, "both", "outside\n");
    let network = project.network();
    let beside = ["run", "-i", "--rm", "--network", &network, KCAT, "-b", inside];
    fed(&[&beside[..], &["-t", "both", "-P"]].concat(), "inside\n");
    assert_eq!(lines(outside, "both"), ["outside", "inside"]);
    let read = ["-t", "both", "-C", "-o", "beginning", "-e", "-q"];
    assert_eq!(well(&[&beside[..], &read].concat()), "outside\ninside");
}

/// The words that a person writes for Apache Kafka's image, with two listeners.
const APACHE: &str = r#"
services:
  broker:
    image: apache/kafka:4.4.0
    hostname: broker
    container_name: broker
    ports:
      - "127.0.0.1:9092:9092"
    environment:
      KAFKA_BROKER_ID: 1
      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: PLAINTEXT:PLAINTEXT,PLAINTEXT_HOST:PLAINTEXT,CONTROLLER:PLAINTEXT
      KAFKA_ADVERTISED_LISTENERS: PLAINTEXT://broker:29092,PLAINTEXT_HOST://localhost:9092
      KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: 1
      KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: 0
      KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: 1
      KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: 1
      KAFKA_PROCESS_ROLES: broker,controller
      KAFKA_NODE_ID: 1
      KAFKA_CONTROLLER_QUORUM_VOTERS: 1@broker:29093
      KAFKA_LISTENERS: PLAINTEXT://broker:29092,CONTROLLER://broker:29093,PLAINTEXT_HOST://0.0.0.0:9092
      KAFKA_INTER_BROKER_LISTENER_NAME: PLAINTEXT
      KAFKA_CONTROLLER_LISTENER_NAMES: CONTROLLER
      KAFKA_LOG_DIRS: /tmp/kraft-combined-logs
      CLUSTER_ID: MkU3OEVBNTcwNTJENDM2Qk
    volumes:
      - data:/tmp/kraft-combined-logs
volumes:
  data:
"#;

const BITNAMIS: &str = r#"
services:
  kafka:
    image: bitnami/kafka:3.9
    ports:
      - "127.0.0.1:9092:9094"
    volumes:
      - data:/bitnami
    environment:
      - KAFKA_CFG_NODE_ID=0
      - KAFKA_CFG_PROCESS_ROLES=controller,broker
      - KAFKA_CFG_LISTENERS=PLAINTEXT://:9092,CONTROLLER://:9093,EXTERNAL://:9094
      - KAFKA_CFG_ADVERTISED_LISTENERS=PLAINTEXT://kafka:9092,EXTERNAL://localhost:9092
      - KAFKA_CFG_LISTENER_SECURITY_PROTOCOL_MAP=CONTROLLER:PLAINTEXT,EXTERNAL:PLAINTEXT,PLAINTEXT:PLAINTEXT
      - KAFKA_CFG_CONTROLLER_QUORUM_VOTERS=0@kafka:9093
      - KAFKA_CFG_CONTROLLER_LISTENER_NAMES=CONTROLLER
      - ALLOW_PLAINTEXT_LISTENER=yes
volumes:
  data:
"#;

fn with_only_the_image_changed(text: &str, theirs: &str) -> Project {
    assert_eq!(text.matches(theirs).count(), 1);
    Project::new(&text.replace(theirs, IMAGE))
}

/// Down and up again: the data is in the volume.
fn comes_back(project: &Project, service: &str) {
    said(project.compose(&["down"]));
    said(project.compose(&["up", "-d"]));
    healthy(&project.container(service));
    assert_eq!(lines("localhost:9092", "both"), ["outside", "inside"]);
}

#[test]
#[ignore = "needs a Docker engine: tests/container/run"]
fn a_file_for_apache_kafkas_image_works_with_only_the_image_changed() {
    let _port = port_9092();
    let project = with_only_the_image_changed(APACHE, "apache/kafka:4.4.0");
    said(project.compose(&["up", "-d"]));
    healthy(&project.container("broker"));
    both_sides(&project, "localhost:9092", "broker:29092");
    let cluster =
        well(&["exec", "broker", "ottla", "doctor", "--data-dir", "/tmp/kraft-combined-logs"]);
    assert!(cluster.contains("MkU3OEVBNTcwNTJENDM2Qk"), "{cluster}");
    comes_back(&project, "broker");
}

#[test]
#[ignore = "needs a Docker engine: tests/container/run"]
fn a_file_for_bitnamis_image_works_with_only_the_image_changed() {
    let _port = port_9092();
    let project = with_only_the_image_changed(BITNAMIS, "bitnami/kafka:3.9");
    said(project.compose(&["up", "-d"]));
    healthy(&project.container("kafka"));
    both_sides(&project, "localhost:9092", "kafka:9092");
    comes_back(&project, "kafka");
}

#[test]
#[ignore = "needs a Docker engine: tests/container/run"]
fn the_projects_own_file_works() {
    let _port = port_9092();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docker-compose.yml");
    let text = std::fs::read_to_string(file).unwrap();
    let text = text.replace("    image: ottla\n    build: .\n", &format!("    image: {IMAGE}\n"));
    let text = text.replace("\"9092:9092\"", "\"127.0.0.1:9092:9092\"");
    let project = Project::new(&text);
    let config = said(project.compose(&[
        "--profile",
        "ui",
        "--profile",
        "registry",
        "--profile",
        "example",
        "config",
    ]));
    for service in ["ui:", "registry:", "producer:", "consumer:"] {
        assert!(config.contains(service), "{service} in {config}");
    }
    said(project.compose(&["up", "-d"]));
    healthy(&project.container("ottla"));
    both_sides(&project, "localhost:9092", "ottla:9092");
    comes_back(&project, "ottla");
}
