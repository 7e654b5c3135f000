//! Burrow, which reads `__consumer_offsets` and tells who lags.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::broker::Ottla;
use crate::clients::go;
use crate::http::get;
use crate::process::free_ports;

/// Burrow at work; ended when dropped.
struct Burrow {
    child: Child,
    address: String,
    _dir: tempfile::TempDir,
}

impl Drop for Burrow {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Burrow {
    fn start(mut command: std::process::Command, broker: &str) -> Burrow {
        let dir = tempfile::tempdir().unwrap();
        let [port] = free_ports();
        let address = format!("127.0.0.1:{port}");
        let place = dir.path().display();
        let config = format!(
            r#"
            [general]
            pidfile = "{place}/pid"
            [logging]
            filename = "{place}/log"
            [client-profile.test]
            client-id = "burrow"
            kafka-version = "2.8.0"
            [cluster.test]
            class-name = "kafka"
            servers = ["{broker}"]
            client-profile = "test"
            topic-refresh = 1
            offset-refresh = 1
            [consumer.test]
            class-name = "kafka"
            cluster = "test"
            servers = ["{broker}"]
            client-profile = "test"
            start-latest = false
            [httpserver.test]
            address = "{address}"
            [storage.test]
            class-name = "inmemory"
            min-distance = 1
            [evaluator.test]
            class-name = "caching"
            expire-cache = 1
            "#
        );
        std::fs::write(dir.path().join("burrow.toml"), config).unwrap();
        let child = command
            .arg("--config-dir")
            .arg(dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Burrow { child, address, _dir: dir }
    }

    /// Wait until the answer has all of these in it.
    fn says(&self, path: &str, parts: &[&str]) {
        let begun = Instant::now();
        let mut last = None;
        while !last.as_ref().is_some_and(|answer: &String| parts.iter().all(|p| answer.contains(p)))
        {
            assert!(begun.elapsed() < Duration::from_secs(60), "{path}: {last:?}, not {parts:?}");
            std::thread::sleep(Duration::from_millis(100));
            last = get(&self.address, path).ok();
        }
    }
}

#[test]
#[ignore = "needs Burrow and kcat"]
fn burrow_knows_the_group_and_its_lag() {
    let program = go("burrow");
    let ottla = Ottla::start();
    ottla.bash("seq 10 | kcat -b localhost:9092 -t orders -P");
    let read = "kcat -b localhost:9092 -X auto.offset.reset=earliest -G readers orders -e -q";
    assert_eq!(ottla.bash(read).lines().count(), 10);
    let burrow = Burrow::start(program, &ottla.address);
    burrow.says("/v3/kafka/test/consumer", &["\"readers\""]);
    let lag = "/v3/kafka/test/consumer/readers/lag";
    burrow.says(lag, &["\"status\":\"OK\"", "\"offset\":10", "\"totallag\":0"]);
    ottla.bash("seq 3 | kcat -b localhost:9092 -t orders -P");
    burrow.says(lag, &["\"status\":\"OK\"", "\"totallag\":3"]);
    assert_eq!(ottla.bash(read).lines().count(), 3);
    burrow.says(lag, &["\"offset\":13", "\"totallag\":0"]);
}
