//! Kafka Streams: what a program has counted, and where it was, is in the broker's topics.

use std::collections::BTreeMap;

use crate::broker::{Broker, Ottla};
use crate::clients::java;
use crate::process::Process;

const PARTITIONS: usize = 3;

type Counts = BTreeMap<String, u32>;

/// The topic of lines, and what must be counted.
struct Lines {
    ottla: Ottla,
    written: u32,
    words: Counts,
    /// The program's `processing.guarantee`.
    guarantee: &'static str,
}

impl Lines {
    fn counted_with(guarantee: &'static str) -> Lines {
        let ottla = Ottla::start_with(&[
            &format!("num.partitions={PARTITIONS}"),
            "log.cleaner.backoff.ms=500",
            "transaction.abort.timed.out.transaction.cleanup.interval.ms=500",
        ]);
        // A request for a topic creates it.
        ottla.bash("kcat -b localhost:9092 -L -t counts");
        Lines { ottla, written: 0, words: Counts::new(), guarantee }
    }

    fn write(&mut self, count: u32) {
        let mut lines = String::new();
        for number in self.written..self.written + count {
            let words = [7, 11, 101].map(|of| format!("w{}", number % of));
            for word in &words {
                *self.words.entry(word.clone()).or_default() += 1;
            }
            lines += &format!("{number}:{}\n", words.join(" "));
        }
        self.written += count;
        std::fs::write(self.ottla.dir().join("lines"), lines).unwrap();
        self.ottla.bash("kcat -b localhost:9092 -P -t lines -K: -l lines");
    }

    /// All counts of each word, in order. kcat reads only what is committed.
    fn counts(&self) -> BTreeMap<String, Vec<u32>> {
        let read = "kcat -b localhost:9092 -C -t counts -o beginning -e -q -f '%k %s\\n'";
        let mut counts: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for pair in self.ottla.bash(read).lines() {
            let (word, count) = pair.split_once(' ').unwrap();
            counts.entry(word.to_owned()).or_default().push(count.parse().unwrap());
        }
        counts
    }

    /// The newest count of each word.
    fn counted(&self) -> Counts {
        let newest = |(word, counts): (String, Vec<u32>)| (word, *counts.last().unwrap());
        self.counts().into_iter().map(newest).collect()
    }

    /// Write until the program has a transaction open.
    fn are_on_their_way_in(&mut self, program: &mut Process) {
        program.until("a transaction is open", || {
            self.write(2000);
            let is_open = self.ottla.has_open_transactions("counts", 0..PARTITIONS);
            if is_open { Ok(()) } else { Err(format!("none with {}", self.written)) }
        });
    }

    /// Wait until everything is counted, and nothing twice.
    fn are_counted_by(&self, program: &mut Process) {
        program.until("the words are counted", || {
            let counted = self.counted();
            let wrong = self.words.iter().find(|(word, count)| counted.get(*word) != Some(*count));
            match wrong {
                None => Ok(()),
                Some((word, count)) => {
                    Err(format!("{word} is {:?}, must be {count}", counted.get(word)))
                }
            }
        });
        assert_eq!(self.counted(), self.words);
    }

    fn start_program(&self) -> Process {
        let dir = self.ottla.dir();
        let mut command = java();
        command
            .args(["-Xmx256m", "-XX:TieredStopAtLevel=1"])
            .arg(format!("-Djava.io.tmpdir={}", dir.display()))
            .args(["ottla.WordCount", &self.ottla.address])
            .arg(dir.join("state"))
            .arg(self.guarantee);
        Process::start(command, &dir.join("program.log"))
    }

    /// Wait until what has been counted is deleted from the topic between, in all partitions.
    fn are_deleted_between_by(&self, program: &mut Process) {
        let topic = "word-count-words-repartition";
        let read = format!("kcat -b localhost:9092 -C -t {topic} -o beginning -e -q");
        program.until("what has been counted is deleted", || {
            match self.ottla.bash(&read).lines().count() {
                0 => Ok(()),
                left => Err(format!("{left} records")),
            }
        });
    }
}

#[test]
#[ignore = "needs Java with Kafka's jars and kcat"]
fn a_streams_program_counts_words_while_it_and_the_broker_are_restarted() {
    let mut lines = Lines::counted_with("at_least_once");
    lines.write(5000);
    let mut program = lines.start_program();
    lines.are_counted_by(&mut program);

    lines.write(5000);
    lines.ottla.kill_and_restart();
    lines.write(5000);
    lines.are_counted_by(&mut program);

    // Without its directory, it knows what the topics know.
    program.stop();
    std::fs::remove_dir_all(lines.ottla.dir().join("state")).unwrap();
    lines.ottla.kill_and_restart();
    lines.write(5000);
    let mut program = lines.start_program();
    lines.are_counted_by(&mut program);
    lines.are_deleted_between_by(&mut program);
    program.stop();
    assert!(lines.ottla.stop());
}

#[test]
#[ignore = "needs Java with Kafka's jars and kcat"]
fn a_streams_program_counts_exactly_once_while_it_and_the_broker_are_killed() {
    let mut lines = Lines::counted_with("exactly_once_v2");
    lines.write(5000);
    let mut program = lines.start_program();
    lines.are_counted_by(&mut program);

    lines.are_on_their_way_in(&mut program);
    lines.ottla.kill_and_restart();
    lines.are_counted_by(&mut program);

    // The next program has another transactional id, since it has nothing of the first: what that
    // has left open must time out.
    lines.are_on_their_way_in(&mut program);
    program.kill();
    std::fs::remove_dir_all(lines.ottla.dir().join("state")).unwrap();
    lines.ottla.kill_and_restart();
    lines.write(1000);
    let mut program = lines.start_program();
    lines.are_counted_by(&mut program);
    for (word, counts) in lines.counts() {
        assert!(counts.iter().copied().eq(1..=lines.words[&word]), "{word}: {counts:?}");
    }
    lines.are_deleted_between_by(&mut program);
    program.stop();
    assert!(lines.ottla.stop());
}
