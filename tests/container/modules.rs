//! The Kafka modules of Testcontainers: those of Python, Java and Node as they are, and for Go and
//! Rust what the modules do.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::engine::{WITH_SHELL, begun, docker, lines, published, said, send, until, well};

/// A file of ours beside this one.
fn ours(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/container").join(name)
}

/// What `tests/container/run` has fetched.
fn fetched(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("container").join(name)
}

/// Run a program that starts containers itself, with the image as its argument. Testcontainers
/// would begin a container that cleans up after it, and where it runs inside of a container itself
/// another one that looks for the gateway; their images cannot be had everywhere.
fn program(words: &[&str]) -> String {
    let mut command = Command::new("timeout");
    command.arg("300").args(words).arg(WITH_SHELL);
    command.env("TESTCONTAINERS_RYUK_DISABLED", "true");
    command.env("TESTCONTAINERS_HOST_OVERRIDE", "localhost");
    said(command)
}

#[test]
#[ignore = "needs a Docker engine: tests/container/run"]
fn the_module_for_python_as_it_is() {
    let python = fetched("python/bin/python");
    let module = ours("python/module.py");
    let output = program(&[python.to_str().unwrap(), module.to_str().unwrap()]);
    assert_eq!(output, "zookeeper ok\nkraft ok\n");
}

#[test]
#[ignore = "needs a Docker engine: tests/container/run"]
fn the_module_for_java_as_it_is() {
    let (classes, jars) = (fetched("java/classes"), fetched("java/lib/*"));
    let path = format!("{}:{}", classes.display(), jars.display());
    assert_eq!(program(&["java", "-cp", &path, "ottla.Module"]), "apache ok\nconfluent ok\n");
}

#[test]
#[ignore = "needs a Docker engine: tests/container/run"]
fn the_module_for_node_as_it_is() {
    let module = fetched("node/module.js");
    assert_eq!(program(&["node", module.to_str().unwrap()]), "ok\n");
}

/// What the modules set.
const ENVIRONMENT: &[&str] = &[
    "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP=BROKER:PLAINTEXT,PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "KAFKA_INTER_BROKER_LISTENER_NAME=BROKER",
    "KAFKA_BROKER_ID=1",
    "KAFKA_NODE_ID=1",
    "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR=1",
    "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS=1",
    "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR=1",
    "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR=1",
    "KAFKA_LOG_FLUSH_INTERVAL_MESSAGES=9223372036854775807",
    "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS=0",
    "KAFKA_PROCESS_ROLES=broker,controller",
    "KAFKA_CONTROLLER_LISTENER_NAMES=CONTROLLER",
    "KAFKA_CONTROLLER_QUORUM_VOTERS=1@localhost:9094",
];

/// Begin a container that waits for a script, put the script there once the port is known, and
/// wait for the line; then a client must be served.
fn as_a_module_does(
    port: u16,
    environment: &[&str],
    words: &[&str],
    at: &str,
    script: impl Fn(&str, &str) -> String,
    line: &str,
) {
    let exposed = format!("127.0.0.1::{port}");
    let mut all = vec!["-p", exposed.as_str()];
    all.extend(ENVIRONMENT.iter().chain(environment).flat_map(|pair| ["-e", pair]));
    let container = begun(&[&all[..], words].concat());
    let bootstrap = format!("localhost:{}", published(&container.name, port));
    let hostname = well(&["inspect", "-f", "{{.Config.Hostname}}", &container.name]);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), script(&bootstrap, &hostname)).unwrap();
    well(&["cp", file.path().to_str().unwrap(), &format!("{}:{at}", container.name)]);
    until(line, || {
        let log = docker(&["logs", &container.name]);
        String::from_utf8_lossy(&log.stdout).contains(line).then_some(())
    });
    send(&bootstrap, "t", "a\n");
    assert_eq!(lines(&bootstrap, "t"), ["a"]);
}

#[test]
#[ignore = "needs a Docker engine: tests/container/run"]
fn what_the_module_for_go_does() {
    let at = "/usr/sbin/testcontainers_start.sh";
    let wait = format!("while [ ! -f {at} ]; do sleep 0.1; done; bash {at}");
    as_a_module_does(
        9093,
        &[
            "KAFKA_LISTENERS=PLAINTEXT://0.0.0.0:9093,BROKER://0.0.0.0:9092,CONTROLLER://0.0.0.0:9094",
        ],
        &["--entrypoint", "sh", WITH_SHELL, "-c", &wait],
        at,
        |bootstrap, hostname| {
            format!(
                "source /etc/confluent/docker/bash-config\n\
                 export KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://{bootstrap},BROKER://{hostname}:9092\n\
                 sed -i '/KAFKA_ZOOKEEPER_CONNECT/d' /etc/confluent/docker/configure\n\
                 echo 'kafka-storage format -t \"$(kafka-storage random-uuid)\" -c x' \
                 >> /etc/confluent/docker/configure\n\
                 echo '' > /etc/confluent/docker/ensure\n\
                 /etc/confluent/docker/configure\n\
                 /etc/confluent/docker/launch\n"
            )
        },
        "Transitioning from RECOVERY to RUNNING",
    );
}

#[test]
#[ignore = "needs a Docker engine: tests/container/run"]
fn what_the_module_for_rust_does() {
    let at = "/opt/kafka/testcontainers_start.sh";
    let wait = format!("while [ ! -f {at} ]; do sleep 0.1; done; chmod 755 {at} && {at}");
    as_a_module_does(
        9092,
        &[
            "KAFKA_LISTENERS=PLAINTEXT://0.0.0.0:9092,BROKER://0.0.0.0:9093,CONTROLLER://0.0.0.0:9094",
            "KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://localhost:9092,BROKER://localhost:9092",
            "CLUSTER_ID=5L6g3nShT-eMCtK--X86sw",
        ],
        &["--entrypoint", "bash", WITH_SHELL, "-c", &wait],
        at,
        |bootstrap, _| {
            format!(
                "#!/usr/bin/env bash\n\
                 export KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://{bootstrap},BROKER://localhost:9093\n\
                 /etc/kafka/docker/run\n"
            )
        },
        "Kafka Server started",
    );
}
