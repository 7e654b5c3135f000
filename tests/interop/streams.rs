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
}

impl Lines {
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

    /// The newest count of each word.
    fn counted(&self) -> Counts {
        let read = "kcat -b localhost:9092 -C -t counts -o beginning -e -q -f '%k %s\\n'";
        let pairs = self.ottla.bash(read);
        pairs
            .lines()
            .map(|pair| {
                let (word, count) = pair.split_once(' ').unwrap();
                (word.to_owned(), count.parse().unwrap())
            })
            .collect()
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
            .arg(dir.join("state"));
        Process::start(command, &dir.join("program.log"))
    }

    /// How many records of the topic between are still there, in all partitions.
    fn left_between(&self) -> usize {
        let topic = "word-count-words-repartition";
        let read = format!("kcat -b localhost:9092 -C -t {topic} -o beginning -e -q");
        self.ottla.bash(&read).lines().count()
    }
}

#[test]
#[ignore = "needs Java with Kafka's jars and kcat"]
fn a_streams_program_counts_words_while_it_and_the_broker_are_restarted() {
    let partitions = format!("num.partitions={PARTITIONS}");
    let ottla = Ottla::start_with(&[&partitions, "log.cleaner.backoff.ms=500"]);
    let mut lines = Lines { ottla, written: 0, words: Counts::new() };
    // A request for a topic creates it.
    lines.ottla.bash("kcat -b localhost:9092 -L -t counts");
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
    program.until("what has been counted is deleted from the topic between", || {
        let left = lines.left_between();
        if left == 0 { Ok(()) } else { Err(format!("{left} records")) }
    });
    program.stop();
    assert!(lines.ottla.stop());
}
