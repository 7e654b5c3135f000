//! Apache Kafka itself, from the same jars as its tools: what Ottla is compared with.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::broker::Broker;
use crate::clients::{java, kcat, said};
use crate::process::free_ports;

/// Any id will do; this is 16 bytes in Kafka's Base64.
pub const CLUSTER_ID: &str = "b3R0bGEtaW50ZXJvcC0xMQ";

/// What Ottla does by itself: offsets in one partition, no delay of rebalances.
pub const LIKE_OTTLA: &[&str] = &[
    "num.partitions=6",
    "offsets.topic.num.partitions=1",
    "offsets.topic.replication.factor=1",
    "transaction.state.log.replication.factor=1",
    "transaction.state.log.min.isr=1",
    "group.initial.rebalance.delay.ms=0",
];

/// How a node learns that it is the only voter of its quorum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quorum {
    /// From its directory (KIP-853).
    Dynamic,
    /// From its configuration.
    Static,
}

/// A running Kafka, a node on its own; killed when dropped.
pub struct Kafka {
    child: Child,
    dir: tempfile::TempDir,
    address: String,
}

impl Kafka {
    /// Start in a new directory.
    pub fn start() -> Kafka {
        Kafka::start_in(tempfile::tempdir().unwrap(), LIKE_OTTLA)
    }

    /// Start in a new directory, with these configs (`name=value`).
    pub fn start_with(configs: &[&str]) -> Kafka {
        Kafka::start_in(tempfile::tempdir().unwrap(), configs)
    }

    /// Start with the data directory `data` below this one; it is made if it is not there.
    pub fn start_in(dir: tempfile::TempDir, configs: &[&str]) -> Kafka {
        Kafka::start_as(dir, Quorum::Dynamic, &[], configs)
    }

    /// The same with this kind of quorum; a directory that is made is formatted with these options.
    pub fn start_as(
        dir: tempfile::TempDir,
        quorum: Quorum,
        format_options: &[&str],
        configs: &[&str],
    ) -> Kafka {
        let ports = free_ports();
        let properties = dir.path().join("server.properties");
        let data = dir.path().join("data");
        std::fs::write(&properties, config(ports, quorum, &data, configs)).unwrap();
        if !data.join("meta.properties").exists() {
            let mut format = java();
            format.args(["kafka.tools.StorageTool", "format", "--cluster-id", CLUSTER_ID]);
            format.args((quorum == Quorum::Dynamic).then_some("--standalone"));
            let output = format.args(format_options).arg("--config").arg(&properties).output();
            said("formatting the data directory", &output.unwrap());
        }
        let mut child = java()
            .arg("kafka.Kafka")
            .arg(&properties)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let address = format!("127.0.0.1:{}", ports[0]);
        let begun = Instant::now();
        while !answers(&address) {
            assert!(child.try_wait().unwrap().is_none(), "Kafka did not start");
            assert!(begun.elapsed() < Duration::from_secs(120), "Kafka does not become ready");
        }
        Kafka { child, dir, address }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Stop it in good order; gives the directory.
    pub fn stop(mut self) -> tempfile::TempDir {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap();
        std::mem::replace(&mut self.dir, tempfile::tempdir().unwrap())
    }
}

impl Broker for Kafka {
    fn address(&self) -> &str {
        &self.address
    }

    fn dir(&self) -> &Path {
        self.dir.path()
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// kcat waits for an answer itself.
fn answers(address: &str) -> bool {
    let asked = kcat().args(["-b", address, "-L", "-m", "1"]).output();
    asked.unwrap().status.success()
}

fn config([broker, controller]: [u16; 2], quorum: Quorum, data: &Path, configs: &[&str]) -> String {
    let quorum = match quorum {
        Quorum::Dynamic => format!("bootstrap.servers=127.0.0.1:{controller}"),
        Quorum::Static => format!("voters=1@127.0.0.1:{controller}"),
    };
    let data = data.display();
    let configs = configs.join("\n");
    format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{broker}\n\
         controller.listener.names=CONTROLLER\n\
         controller.quorum.{quorum}\n\
         controller.quorum.append.linger.ms=0\n\
         log.initial.task.delay.ms=100\n\
         log.dirs={data}\n\
         {configs}\n"
    )
}
