//! Kafka Connect in distributed mode: its three compacted topics and its own group protocol. A file
//! is moved line by line while workers come and go and the broker is killed.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::broker::{Broker, Ottla};
use crate::clients::{java, said};
use crate::http::{ask, get};
use crate::process::{Process, free_ports, until};

/// One worker, and where it answers.
struct Worker {
    process: Process,
    config: PathBuf,
    address: String,
}

impl Worker {
    /// Start a worker with a port of its own.
    fn start(ottla: &Ottla, name: &str) -> Worker {
        Worker::start_with(ottla, name, "")
    }

    /// The same, with these properties as well.
    fn start_with(ottla: &Ottla, name: &str, more: &str) -> Worker {
        let [port] = free_ports();
        let config = ottla.dir().join(format!("{name}.properties"));
        std::fs::write(&config, properties(&ottla.address, port) + more).unwrap();
        let process = launch(&config);
        let mut worker = Worker { process, config, address: format!("127.0.0.1:{port}") };
        worker.wait();
        worker
    }

    /// Start it again after it has ended.
    fn start_again(&mut self) {
        self.process = launch(&self.config);
        self.wait();
    }

    /// Wait until it has read its topics and is a member.
    fn wait(&mut self) {
        let address = &self.address;
        self.process.until("a worker answers", || get(address, "/connectors"));
    }

    /// Give a connector its configuration; it is made if it is not there.
    fn configure(&self, connector: &str, config: &str) {
        let path = format!("/connectors/{connector}/config");
        // A worker that is in a rebalance says 409: try again.
        until(&format!("{connector} is configured"), || {
            match ask(&self.address, "PUT", &path, Some(("application/json", config))) {
                Ok((200 | 201, _)) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        });
    }

    /// Wait until each connector and its one task run, and these workers and no others have them.
    /// Gives the worker of each task, in the order of `connectors`.
    fn settled(&self, connectors: &[&str], workers: &[&Worker]) -> Vec<String> {
        until("the tasks are spread", || {
            let mut seen = Vec::new();
            for connector in connectors {
                let path = format!("/connectors/{connector}/status");
                seen.push(get(&self.address, &path)?);
            }
            let all = seen.concat();
            let running = all.matches("\"state\":\"RUNNING\"").count();
            let of = |worker: &&Worker| all.matches(&format!("\"{}\"", worker.address)).count();
            let mut each = workers.iter().map(of);
            let settled = running == 2 * connectors.len()
                && each.clone().sum::<usize>() == running
                && each.all(|count| count > 0);
            if !settled {
                return Err(all);
            }
            Ok(seen.iter().map(|status| task_worker(status)).collect())
        })
    }
}

fn launch(config: &Path) -> Process {
    let mut command = java();
    command
        .args(["-Xmx256m", "-XX:TieredStopAtLevel=1"])
        .arg("org.apache.kafka.connect.cli.ConnectDistributed")
        .arg(config)
        .current_dir(config.parent().unwrap());
    Process::start(command, &config.with_extension("log"))
}

/// A worker as people configure one, only that it does not wait for lost workers to come back, and
/// that a slow machine does not make its tasks end without a commit. Its producers are idempotent, so
/// that what the broker has stored when it is killed is not stored again.
fn properties(broker: &str, port: u16) -> String {
    let mut properties = format!(
        "bootstrap.servers={broker}\n\
         group.id=workers\n\
         listeners=http://127.0.0.1:{port}\n\
         plugin.discovery=service_load\n\
         key.converter=org.apache.kafka.connect.storage.StringConverter\n\
         value.converter=org.apache.kafka.connect.storage.StringConverter\n\
         offset.flush.interval.ms=1000\n\
         offset.flush.timeout.ms=60000\n\
         task.shutdown.graceful.timeout.ms=60000\n\
         scheduled.rebalance.max.delay.ms=0\n\
         producer.enable.idempotence=true\n"
    );
    // Segments are rolled and cleaned all the time.
    for (what, topic) in [("config", "configs"), ("offset", "offsets"), ("status", "status")] {
        properties += &format!(
            "{what}.storage.topic=connect-{topic}\n\
             {what}.storage.replication.factor=1\n\
             {what}.storage.segment.ms=1000\n\
             {what}.storage.min.cleanable.dirty.ratio=0.01\n"
        );
    }
    properties
}

/// `"tasks":[{"id":0,"state":"RUNNING","worker_id":"127.0.0.1:8083"...` gives the address.
fn task_worker(status: &str) -> String {
    let (_, tasks) = status.split_once("\"tasks\":[").expect(status);
    let (_, rest) = tasks.split_once("\"worker_id\":\"").expect(status);
    rest.split_once('"').expect(status).0.to_owned()
}

/// Someone who writes numbered lines to the end of a file, until asked to stop.
struct Writer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u32>,
}

impl Writer {
    fn start(path: PathBuf, first: u32) -> Writer {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut file = OpenOptions::new().append(true).open(path).unwrap();
            let mut next = first;
            while !stopped.load(Ordering::Relaxed) {
                write_lines(&mut file, next, 20);
                next += 20;
                std::thread::sleep(Duration::from_millis(10));
            }
            next
        });
        Writer { stop, thread }
    }

    /// The number of the line that it would have written next.
    fn stop(self) -> u32 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

fn write_lines(file: &mut File, first: u32, count: u32) {
    let lines: String = (first..first + count).map(|number| format!("line {number}\n")).collect();
    file.write_all(lines.as_bytes()).unwrap();
}

/// The numbers of all whole lines, in their order.
fn numbers(text: &str) -> Vec<u32> {
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(|line| line.strip_prefix("line ").unwrap().parse().unwrap()).collect()
}

/// What must hold of lines that came through at least once: none is missing, they are in order, and
/// at most this many times it began again at an earlier one.
fn in_order(what: &str, numbers: &[u32], count: u32, again_at_most: usize) {
    let (mut next, mut again) = (0, Vec::new());
    for number in numbers {
        assert!(*number <= next, "{what}: {number} came before {next}");
        if *number < next {
            again.push((next, *number));
        }
        next = number + 1;
    }
    assert_eq!(next, count, "{what}: the last line");
    assert!(again.len() <= again_at_most, "{what}: began again {again:?}");
    println!("{what}: {} lines for {count}, began again {again:?}", numbers.len());
}

/// The file that is read, the file that is written, and the broker between them.
struct Move {
    ottla: Ottla,
    written: u32,
}

impl Move {
    fn file(&self, name: &str) -> PathBuf {
        self.ottla.dir().join(name)
    }

    /// The lines that have come to the end.
    fn arrived(&self) -> Vec<u32> {
        numbers(&std::fs::read_to_string(self.file("out")).unwrap_or_default())
    }

    /// Write this many more lines.
    fn write(&mut self, count: u32) {
        let mut file = OpenOptions::new().append(true).open(self.file("in")).unwrap();
        write_lines(&mut file, self.written, count);
        self.written += count;
    }

    /// Lines are written and pass before, while and after something happens.
    fn write_while<T>(&mut self, happens: impl FnOnce(&mut Move) -> T) -> T {
        let writer = Writer::start(self.file("in"), self.written);
        let begin = self.written;
        until("lines pass before it happens", || self.passed(begin + 1));
        let done = happens(self);
        let arrived = self.arrived().last().copied().unwrap_or(0);
        until("lines pass after it has happened", || self.passed(arrived + 1));
        self.written = writer.stop();
        until("every line passes", || self.passed(self.written));
        done
    }

    /// Whether this many lines have come to the end.
    fn passed(&self, count: u32) -> Result<(), String> {
        let last = self.arrived().last().map_or(0, |last| last + 1);
        if last >= count { Ok(()) } else { Err(format!("{last} of {count} lines")) }
    }

    /// Every line is in the topic and in the file, in order, some perhaps again.
    fn check(&self, stored_again: usize, arrived_again: usize) {
        let topic = self.ottla.bash("kcat -b localhost:9092 -C -t lines -o beginning -e -q");
        in_order("the topic", &numbers(&topic), self.written, stored_again);
        in_order("the file", &self.arrived(), self.written, arrived_again);
    }
}

#[test]
#[ignore = "needs Java with Kafka's jars and kcat"]
fn connect_moves_a_file_while_workers_come_and_go_and_the_broker_is_killed() {
    let ottla = Ottla::start_with(&["log.cleaner.backoff.ms=500"]);
    let mut files = Move { ottla, written: 0 };
    File::create(files.file("in")).unwrap();
    let connectors = ["in", "out"];
    let mut one = Worker::start(&files.ottla, "one");
    configure(&one, &files);
    one.settled(&connectors, &[&one]);

    let mut two = files.write_while(|files| {
        let two = Worker::start(&files.ottla, "two");
        one.settled(&connectors, &[&one, &two]);
        two
    });
    // No one was killed: every line went once.
    files.check(0, 0);

    files.write_while(|files| files.ottla.kill_and_restart());
    one.settled(&connectors, &[&one, &two]);
    files.check(0, 1);

    // The worker that reads the file.
    let workers = one.settled(&connectors, &[&one, &two]);
    let (left, ended) =
        if workers[0] == one.address { (&mut two, &mut one) } else { (&mut one, &mut two) };
    files.write_while(|_| {
        ended.process.kill();
        left.settled(&connectors, &[left]);
    });
    files.check(1, 2);
    files.write_while(|_| {
        ended.start_again();
        left.settled(&connectors, &[left, ended]);
    });
    files.check(1, 2);

    // Where they were is in the topics, and nowhere else.
    one.process.stop();
    two.process.stop();
    files.ottla.kill_and_restart();
    files.write(1000);
    two.start_again();
    two.settled(&connectors, &[&two]);
    files.write_while(|_| ());
    files.check(1, 2);
    internal_topics_are_compacted(&files.ottla);
    // The cleaner was at work all the time, and has come to where most commits went.
    let cleaned = files.ottla.data_dir().join("cleaner-offset-checkpoint");
    until("Connect's offsets are compacted", || {
        let reported = std::fs::read_to_string(&cleaned).unwrap_or_default();
        let is_it = |line: &&str| line.starts_with("connect-offsets ") && !line.ends_with(" 0");
        reported.lines().find(is_it).map(str::to_owned).ok_or(reported)
    });
    two.process.stop();
    assert!(files.ottla.stop());
}

#[test]
#[ignore = "needs Java with Kafka's jars and kcat"]
fn connect_stores_a_file_exactly_once_while_its_worker_and_the_broker_are_killed() {
    let ottla =
        Ottla::start_with(&["transaction.abort.timed.out.transaction.cleanup.interval.ms=500"]);
    let mut files = Move { ottla, written: 0 };
    File::create(files.file("in")).unwrap();
    let connectors = ["in", "out"];
    let mut worker = Worker::start_with(&files.ottla, "one", EXACTLY_ONCE);
    configure(&worker, &files);
    worker.settled(&connectors, &[&worker]);

    files.write_while(|files| files.ottla.kill_and_restart());
    files.check(0, 1);
    files.write_while(|_| {
        worker.process.kill();
        worker.start_again();
    });
    files.check(0, 2);
    files.write_while(|files| {
        worker.process.kill();
        files.ottla.kill_and_restart();
        worker.start_again();
    });
    files.check(0, 3);
    worker.process.stop();
    assert!(files.ottla.stop());
}

/// What such a worker wants, and a reader that waits for commits. A killed worker is soon missed,
/// and so is a transaction: a worker that starts waits until none is open in its topic of offsets.
const EXACTLY_ONCE: &str = "exactly.once.source.support=enabled\n\
    producer.transaction.timeout.ms=5000\n\
    consumer.isolation.level=read_committed\n\
    consumer.session.timeout.ms=6000\n\
    session.timeout.ms=6000\n\
    heartbeat.interval.ms=2000\n";

fn configure(worker: &Worker, files: &Move) {
    // A batch is larger than what there ever is: the reader leaves the rest of a full batch lying
    // until the file grows again.
    worker.configure(
        "in",
        &format!(
            r#"{{"connector.class": "FileStreamSource", "tasks.max": "1", "topic": "lines",
                "file": "{}", "batch.size": "1000000",
                "topic.creation.default.partitions": "1",
                "topic.creation.default.replication.factor": "1"}}"#,
            files.file("in").display()
        ),
    );
    worker.configure(
        "out",
        &format!(
            r#"{{"connector.class": "FileStreamSink", "tasks.max": "1", "topics": "lines",
                "file": "{}"}}"#,
            files.file("out").display()
        ),
    );
}

/// Connect has made its topics, with the number of partitions and the policy that it wants.
fn internal_topics_are_compacted(ottla: &Ottla) {
    let output = java()
        .arg("org.apache.kafka.tools.TopicCommand")
        .args(["--bootstrap-server", &ottla.address, "--describe"])
        .output()
        .unwrap();
    let described = said("TopicCommand", &output);
    for (topic, partitions) in [("configs", 1), ("offsets", 25), ("status", 5)] {
        let line = described
            .lines()
            .find(|line| line.starts_with(&format!("Topic: connect-{topic}\t")))
            .expect(&described);
        assert!(line.contains(&format!("PartitionCount: {partitions}\t")), "{line}");
        for config in ["cleanup.policy=compact", "segment.ms=1000"] {
            assert!(line.contains(config), "{line}");
        }
    }
}
