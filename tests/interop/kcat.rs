//! kcat: as the labs use it, and in crashes. What else is typed in the labs is in `labs`.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use ottla::storage::batch::{Codec, batches};

use crate::broker::Ottla;
use crate::clients::kcat;

#[test]
#[ignore = "needs kcat"]
fn messages_are_produced_and_consumed_as_in_lab_1() {
    let mut ottla = Ottla::start();
    ottla.bash(r#"echo "my first message" | kcat -b localhost:9092 -t messages -P"#);
    ottla.bash(
        r#"echo -e "message 1\nmessage 2\nmessage 3" | kcat -b localhost:9092 -t messages -P"#,
    );
    let all = ottla.bash("kcat -b localhost:9092 -t messages -C -o beginning -e");
    assert_eq!(all, "my first message\nmessage 1\nmessage 2\nmessage 3\n");
    ottla.bash(r#"echo "key1:value for key1" | kcat -b localhost:9092 -t keyed -P -K:"#);
    ottla.bash(r#"echo "key2:value for key2" | kcat -b localhost:9092 -t keyed -P -K:"#);
    let keyed = ottla.bash(
        r"kcat -b localhost:9092 -t keyed -C -o beginning -e -f 'Partition: %p | Offset: %o | Key: %k | Value: %s\n'",
    );
    assert_eq!(
        keyed,
        "Partition: 0 | Offset: 0 | Key: key1 | Value: value for key1\n\
         Partition: 0 | Offset: 1 | Key: key2 | Value: value for key2\n"
    );
    assert!(ottla.stop());
}

#[test]
#[ignore = "needs kcat"]
fn a_stream_is_batched_and_compressed_as_in_lab_1_scenario_b() {
    let ottla = Ottla::start();
    ottla.bash(
        r#"( for i in {1..100}; do
  echo "message-batch-$i"
done | kcat -b localhost:9092 -t perf-demo -P \
  -X linger.ms=100 \
  -X batch.size=1048576 \
  -X compression.codec=lz4)"#,
    );
    let log = ottla.log("perf-demo-0");
    assert!(batches(&log).all(|batch| batch.header.codec() == Some(Codec::Lz4)));
    assert_eq!(batches(&log).map(|batch| batch.header.records_count).sum::<i32>(), 100);
}

#[test]
#[ignore = "needs kcat"]
fn a_file_comes_out_as_it_went_in_also_after_a_crash() {
    let megabytes = std::env::var("OTTLA_INTEROP_FILE_MB").ok().and_then(|n| n.parse().ok());
    let mut ottla = Ottla::start();
    let lines = megabytes.unwrap_or(5) * 1_000_000 / 50;
    ottla.bash(&format!(
        "awk 'BEGIN {{ srand(7); for (i = 0; i < {lines}; i++) printf \"%09d the line number %d says %d\\n\", \
         rand() * 1e9, i, rand() * 1e6 }}' > lines"
    ));
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        ottla.bash(&format!("kcat -b localhost:9092 -t f-{codec} -P -z {codec} -l lines"));
    }
    for _ in 0..2 {
        for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
            ottla.bash(&format!(
                "kcat -b localhost:9092 -t f-{codec} -C -o beginning -e -q | cmp - lines"
            ));
        }
        ottla.kill_and_restart();
    }
}

#[test]
#[ignore = "needs kcat"]
fn an_idempotent_producer_goes_on_after_a_crash() {
    let mut ottla = Ottla::start();
    let produce = "seq 1 1000 | kcat -b localhost:9092 -t idem -P -X enable.idempotence=true";
    ottla.bash(produce);
    ottla.kill_and_restart();
    ottla.bash(produce);
    let all = ottla.bash("kcat -b localhost:9092 -t idem -C -o beginning -e -q | sort | uniq -c");
    assert_eq!(all.lines().count(), 1000);
    assert!(all.lines().all(|line| line.trim_start().starts_with("2 ")));
}

#[test]
#[ignore = "needs kcat"]
fn a_consumer_that_stays_sees_what_comes_after_it() {
    let mut ottla = Ottla::start();
    ottla.bash(r#"echo "before" | kcat -b localhost:9092 -t messages -P"#);
    // kcat begins at the beginning unless asked otherwise.
    for (offset, before) in [(&["-o", "end"][..], &[][..]), (&[], &["before", "first", "second"])] {
        // It says where the partition ends when it has got there: from then on it waits.
        let args = [&["-t", "messages", "-C"], offset].concat();
        let mut consumer = Consumer::start(&ottla, &args);
        consumer.wait_until_at_end();
        for message in before {
            assert_eq!(consumer.next_line(), *message);
        }
        for message in ["first", "second"] {
            ottla.bash(&format!("echo {message} | kcat -b localhost:9092 -t messages -P"));
            assert_eq!(consumer.next_line(), message);
        }
        assert!(consumer.kill().is_empty());
    }
    assert!(ottla.stop());
}

/// The broker is well all the time, crashes while the group is away, or crashes when the new
/// orders are there.
#[test]
#[ignore = "needs kcat"]
fn a_group_remembers_where_it_was_as_in_lab_1_step_3() {
    for crash in ["never", "before the new orders", "after the new orders"] {
        let mut ottla = Ottla::start();
        let orders = |from: usize, to: usize| {
            format!(
                r#"for i in {{{from}..{to}}}; do
  echo "order-$i" | kcat -b localhost:9092 -t orders -P
done"#
            )
        };
        ottla.bash(&orders(1, 10));
        // Without a committed offset kcat 1.7.1 begins at the end, with any broker.
        let args = ["-X", "auto.offset.reset=earliest", "-G", "my-group", "orders"];
        let consumer = Consumer::start(&ottla, &args);
        for number in 1..=10 {
            assert_eq!(next(&consumer.stdout), format!("order-{number}"));
        }
        assert!(consumer.interrupt().is_empty());
        if crash == "before the new orders" {
            ottla.kill_and_restart();
        }
        ottla.bash(&orders(11, 15));
        if crash == "after the new orders" {
            ottla.kill_and_restart();
        }
        let resumed = ottla.bash("kcat -b localhost:9092 -G my-group orders -e");
        assert_eq!(resumed, "order-11\norder-12\norder-13\norder-14\norder-15\n", "{crash}");
        let nothing = ottla.bash("kcat -b localhost:9092 -G my-group orders -e");
        assert_eq!(nothing, "", "{crash}");
        assert!(ottla.stop());
    }
}

/// kcat reading, until it is killed or interrupted.
struct Consumer {
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

impl Consumer {
    fn start(ottla: &Ottla, args: &[&str]) -> Consumer {
        let mut child = kcat()
            .args(["-b", &ottla.address, "-u"])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        Consumer { child, stdout: lines(stdout), stderr: lines(stderr) }
    }

    fn wait_until_at_end(&mut self) {
        while !next(&self.stderr).contains("Reached end of topic") {}
    }

    fn next_line(&mut self) -> String {
        next(&self.stdout)
    }

    /// Kill it, and give what it has printed that was not asked for.
    fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.stdout.iter().collect()
    }

    /// Ctrl-C; gives what it has printed that was not asked for.
    fn interrupt(mut self) -> Vec<String> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        assert!(self.child.wait().unwrap().success());
        self.stdout.iter().collect()
    }
}

/// The lines of a pipe as they come.
fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    receiver
}

fn next(lines: &Receiver<String>) -> String {
    lines.recv_timeout(Duration::from_secs(60)).expect("kcat says nothing more")
}

impl Drop for Consumer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// librdkafka 2.0.2 turns each of its features on by the versions that the broker serves.
/// MsgVer1 and ThrottleTime need a Fetch that Kafka 4 does not serve any more.
#[test]
#[ignore = "needs kcat"]
fn librdkafka_sees_the_features_it_should() {
    let ottla = Ottla::start();
    let said = ottla.bash("kcat -b localhost:9092 -d feature,broker -L 2>&1");
    let features = said
        .lines()
        .filter_map(|line| line.split_once("Updated enabled protocol features to "))
        .map(|(_, features)| features)
        .next_back()
        .unwrap_or_else(|| panic!("no features: {said}"));
    let features: Vec<&str> = features.split(',').collect();
    for feature in [
        "ApiVersion",
        "BrokerBalancedConsumer",
        "BrokerGroupCoordinator",
        "IdempotentProducer",
        "LZ4",
        "MsgVer2",
        "OffsetTime",
        "Sasl",
        "ZSTD",
    ] {
        assert!(features.contains(&feature), "{feature} is not among {features:?}");
    }
}
