//! Consume, transform, produce, exactly once: a program copies a topic in transactions while it and
//! the broker are killed in turn.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::broker::Ottla;
use crate::clients::{kcat, limited, node_rdkafka, number, said};
use crate::process::Process;
use crate::transactions::{aiokafka, confluent_kafka, franz, java, kafkajs, sarama};

const PARTITIONS: u64 = 3;
/// Records that are written for each kill: at least 60 transactions.
const ROUND: u64 = 600;

/// A topic, its copy, and the program that copies.
struct Copy<'a> {
    program: &'a dyn Fn() -> Command,
    dir: tempfile::TempDir,
    /// None while the test itself is proved: on a Kafka that runs already only the program is killed.
    ottla: Option<Ottla>,
    address: String,
    /// The group, and what the topics begin with.
    name: String,
    written: u64,
}

impl Copy<'_> {
    fn topic(&self, kind: &str) -> String {
        format!("{}-{kind}", self.name)
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("program.log")
    }

    fn start(&self) -> Process {
        let mut command = (self.program)();
        let (source, target) = (self.topic("source"), self.topic("target"));
        command.args([&self.address, "copy", &source, &target, &self.name]);
        Process::start(command, &self.log())
    }

    /// Returns how often the program has said this.
    fn count(&self, what: &str) -> usize {
        let said = std::fs::read_to_string(self.log()).unwrap_or_default();
        said.lines().filter(|line| line.starts_with(what)).count()
    }

    fn write(&mut self) {
        let (first, count) = (self.written.to_string(), ROUND.to_string());
        let mut command = confluent_kafka();
        command.args([&self.address, "write", &self.topic("source"), &first, &count]);
        said("write", &limited(&command).output().unwrap());
        self.written += ROUND;
    }

    /// Returns the values of a partition of the copy.
    fn copied(&self, partition: u64, isolation: &str) -> Vec<String> {
        let mut command = kcat();
        command.args(["-b", &self.address, "-C", "-e", "-q", "-o", "beginning"]);
        command.args(["-t", &self.topic("target"), "-p", &partition.to_string()]);
        command.args(["-X", &format!("isolation.level={isolation}")]);
        let values = said("kcat", &limited(&command).output().unwrap());
        values.lines().map(str::to_owned).collect()
    }

    /// Returns how many records are still to be copied. Fails if any is there twice, or out of order,
    /// or comes from a transaction that was aborted.
    fn left(&self) -> u64 {
        let left = (0..PARTITIONS).map(|partition| {
            let numbers = (partition..self.written).step_by(PARTITIONS as usize);
            let expected: Vec<_> = numbers.map(|number| format!("copy of {number}")).collect();
            let copied = self.copied(partition, "read_committed");
            let differs = expected.iter().zip(&copied).position(|(one, other)| one != other);
            let at = differs.or((copied.len() > expected.len()).then_some(expected.len()));
            assert_eq!(at, None, "partition {partition} is wrong there: {copied:?}");
            expected.len() - copied.len()
        });
        left.sum::<usize>() as u64
    }
}

/// The program and the broker are killed in turn, in the middle of transactions.
fn is_exactly_once(name: &str, program: &dyn Fn() -> Command) {
    let kills = number("OTTLA_INTEROP_TRANSACTION_KILLS", 6);
    let seed = number("OTTLA_INTEROP_SEED", fastrand::u64(..1 << 32));
    println!("OTTLA_INTEROP_SEED={seed}");
    let mut chance = fastrand::Rng::with_seed(seed);
    // The group waits for a killed member until its session is over.
    let configs = [&format!("num.partitions={PARTITIONS}"), "group.min.session.timeout.ms=1000"];
    let kafka = std::env::var("OTTLA_TEST_KAFKA").ok();
    let ottla = kafka.is_none().then(|| Ottla::start_with(&configs));
    let address = kafka.unwrap_or_else(|| ottla.as_ref().unwrap().address.clone());
    let dir = tempfile::tempdir().unwrap();
    let name = format!("{name}-{seed}");
    let mut copy = Copy { program, dir, ottla, address, name, written: 0 };
    for topic in [copy.topic("source"), copy.topic("target")] {
        // A request for a topic creates it.
        said("kcat", &kcat().args(["-b", &copy.address, "-L", "-t", &topic]).output().unwrap());
    }
    copy.write();
    let mut program = copy.start();
    for kill in 0..kills {
        let commits = copy.count("committed") + chance.usize(1..10);
        program.until("transactions are committed", || match copy.count("committed") {
            count if count >= commits => Ok(()),
            count => Err(format!("{count} of {commits}")),
        });
        std::thread::sleep(Duration::from_micros(chance.u64(..50_000)));
        match &mut copy.ottla {
            Some(ottla) if kill % 2 == 0 => ottla.kill_and_restart(),
            _ => {
                program.kill();
                program = copy.start();
            }
        }
        copy.write();
    }
    program.until("all is copied", || match copy.left() {
        0 => Ok(()),
        left => Err(format!("{left} records are missing")),
    });
    program.kill();
    // Nothing more has come meanwhile.
    assert_eq!(copy.left(), 0);
    let all = (0..PARTITIONS).map(|partition| copy.copied(partition, "read_uncommitted").len());
    println!(
        "{} records, {} more in aborted transactions; {} times committed, {} aborted, {} failed",
        copy.written,
        all.sum::<usize>() as u64 - copy.written,
        copy.count("committed"),
        copy.count("aborted"),
        copy.count("failed"),
    );
    assert!(copy.ottla.is_none_or(|mut ottla| ottla.stop()));
}

#[test]
#[ignore = "needs Java with the clients of earlier releases of Kafka, Python's clients and kcat"]
fn java_copies_exactly_once_with_an_epoch_for_every_transaction() {
    is_exactly_once("java", &|| java("4.4.0"));
}

#[test]
#[ignore = "needs Java with the clients of earlier releases of Kafka, Python's clients and kcat"]
fn java_of_kafka_3_9_copies_exactly_once_in_classic_transactions() {
    is_exactly_once("java-3.9", &|| java("3.9.1"));
}

#[test]
#[ignore = "needs Python's clients and kcat"]
fn confluent_kafka_copies_exactly_once() {
    is_exactly_once("confluent-kafka", &confluent_kafka);
}

#[test]
#[ignore = "needs Python's clients and kcat"]
fn aiokafka_copies_exactly_once() {
    is_exactly_once("aiokafka", &aiokafka);
}

#[test]
#[ignore = "needs Go with its clients, Python's clients and kcat"]
fn franz_copies_exactly_once() {
    is_exactly_once("franz", &franz);
}

#[test]
#[ignore = "needs Go with its clients, Python's clients and kcat"]
fn sarama_copies_exactly_once() {
    is_exactly_once("sarama", &sarama);
}

#[test]
#[ignore = "needs Node with kafkajs, Python's clients and kcat"]
fn kafkajs_copies_exactly_once() {
    is_exactly_once("kafkajs", &kafkajs);
}

#[test]
#[ignore = "needs node-rdkafka, Python's clients and kcat"]
fn node_rdkafka_copies_exactly_once() {
    is_exactly_once("node-rdkafka", &|| node_rdkafka("transactions_rdkafka.js"));
}
