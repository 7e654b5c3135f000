//! Kafka's tools for groups print the same about Ottla as about Apache Kafka.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use crate::broker::{Broker, Ottla};
use crate::clients::java;
use crate::groups::family::{Commit, Family, produce};
use crate::groups::world::{PATIENT_MS, World};
use crate::kafka::Kafka;

const GROUPS: &str = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
const CONSOLE: &str = "org.apache.kafka.tools.consumer.ConsoleConsumer";
const FORMATTERS: &str = "org.apache.kafka.tools.consumer";

/// Asked while one group is in use and another is not.
const ASKED: &[&str] = &[
    "--list",
    "--list --state",
    "--list --type",
    "--list --state stable",
    "--list --state empty,dead",
    "--list --type classic",
    "--list --type consumer",
    "--describe --group shared",
    "--describe --group shared --offsets",
    "--describe --group shared --offsets --verbose",
    "--describe --group shared --members",
    "--describe --group shared --members --verbose",
    "--describe --group shared --state",
    "--describe --group shared --state --verbose",
    "--describe --group idle",
    "--describe --group idle --members --verbose",
    "--describe --group idle --state",
    "--describe --group nobody",
    "--describe --group nobody --members",
    "--describe --group nobody --state",
    "--describe --all-groups",
    "--describe --all-groups --members --verbose",
    "--describe --all-groups --state",
    // A group in use is not touched.
    "--reset-offsets --group shared --topic records --to-earliest --execute",
    "--delete --group shared",
    "--delete-offsets --group shared --topic records",
    "--delete-offsets --group shared --topic other",
    // Nobody is asked.
    "--reset-offsets --group idle --topic records --to-earliest",
    "--reset-offsets --group idle --topic records --to-earliest --dry-run",
    "--reset-offsets --group idle --topic records --to-latest --export --dry-run",
    "--reset-offsets --group idle --all-topics --to-earliest --export --execute",
    "--describe --group idle",
    "--reset-offsets --group idle --topic records:0,1 --shift-by 2 --execute",
    "--reset-offsets --group idle --topic records:0 --topic other --shift-by -1 --execute",
    "--reset-offsets --group idle --all-topics --to-current --dry-run",
    "--describe --group idle --offsets",
    "--reset-offsets --group idle --topic records --to-datetime 2020-01-01T00:00:00.000 --execute",
    "--reset-offsets --group idle --topic records --to-datetime 2100-01-01T00:00:00.000 --execute",
    "--reset-offsets --group idle --topic records --by-duration P1D --execute",
    "--reset-offsets --group idle --topic records --to-offset 1 --execute",
    "--reset-offsets --group idle --topic records --to-offset 1000 --execute",
    "--reset-offsets --group idle --all-topics --from-file reset.csv --execute",
    "--reset-offsets --group new --topic records --to-latest --execute",
    "--reset-offsets --group idle --topic nowhere --to-latest --execute",
    "--reset-offsets --all-groups --all-topics --to-latest --dry-run",
    "--describe --group idle",
    "--describe --group new",
    "--delete-offsets --group idle --topic other",
    "--delete-offsets --group idle --topic records:1,2",
    "--delete-offsets --group idle --topic nowhere",
    "--delete-offsets --group nobody --topic records",
    "--describe --group idle",
    "--delete --group nobody",
    "--delete --group new",
    "--delete --group idle --group nobody",
    "--list --state",
];

/// Asked when all members have left.
const ASKED_AFTERWARDS: &[&str] = &[
    "--list --state",
    "--describe --group shared",
    "--describe --all-groups --state",
    "--reset-offsets --group shared --topic records --to-earliest --execute",
    "--delete --all-groups",
    "--list",
];

/// The tools, in one JVM.
pub struct Tools {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Tools {
    pub fn start(broker: &impl Broker) -> Tools {
        let mut child = java("Kafka's tools")
            .unwrap()
            .arg("ottla.Tools")
            .current_dir(broker.dir())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Tools { child, stdin, lines }
    }

    /// What a tool prints, and how it ends.
    pub fn run(&mut self, line: &str) -> Vec<String> {
        writeln!(self.stdin, "{line}").unwrap();
        let mut printed = Vec::new();
        loop {
            let line = self.lines.next().expect("the tools have ended").unwrap();
            let is_last = line.starts_with("== exit ");
            printed.push(line);
            if is_last {
                return printed;
            }
        }
    }
}

impl Drop for Tools {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What was asked, and what was printed.
type Transcript = Vec<(String, Vec<String>)>;

fn ask(tools: &mut Tools, broker: &impl Broker, asked: &[&str], transcript: &mut Transcript) {
    for args in asked {
        let line = format!("{GROUPS} --bootstrap-server {} {args}", broker.address());
        let printed = tools.run(&line);
        transcript.push(((*args).to_owned(), normalised(&printed, broker.address())));
    }
}

/// Ports and ids differ, columns are as wide as their contents, groups come in any order.
fn normalised(printed: &[String], address: &str) -> Vec<String> {
    let is_of_interest = |line: &&String| !line.starts_with("\tat ") && !line.trim().is_empty();
    let clean = |line: &String| {
        let line = without_uuids(&line.replace(address, "BROKER"));
        without_times(&line.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    let mut lines: Vec<String> = printed.iter().filter(is_of_interest).map(clean).collect();
    lines.sort();
    lines
}

/// The UUIDs in member ids.
fn without_uuids(line: &str) -> String {
    let is_uuid = |text: &[u8]| {
        text.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    };
    let found = line.as_bytes().windows(36).position(is_uuid);
    found.map_or_else(
        || line.to_owned(),
        |at| format!("{}UUID{}", &line[..at], without_uuids(&line[at + 36..])),
    )
}

/// Milliseconds since 1970.
fn without_times(line: &str) -> String {
    let is_digit = |text: char| text.is_ascii_digit();
    let Some(at) = line.find(is_digit) else { return line.to_owned() };
    let rest = &line[at..];
    let digits = &rest[..rest.find(|c| !is_digit(c)).unwrap_or(rest.len())];
    let shown = if digits.len() == 13 { "TIME" } else { digits };
    format!("{}{shown}{}", &line[..at], without_times(&rest[digits.len()..]))
}

/// All that the tools say about a broker through the life of some groups.
fn transcript<B: Broker>(broker: B) -> Transcript {
    let mut transcript = Transcript::new();
    let mut tools = Tools::start(&broker);
    produce(&broker, "other", 0, 20);
    let mut world = World::on(broker, Family::Confluent("range"), Commit::Manual);
    world.write(60);
    // It commits at its end only, however long it takes to come there.
    let earliest = "-X auto.offset.reset=earliest -X client.id=passing \
                    -X auto.commit.interval.ms=600000";
    world.broker.bash(&format!("kcat -b localhost:9092 {earliest} -G idle records other -e -q"));
    world.broker.bash("echo '\"records\",0,4\n\"records\",3,2' > reset.csv");
    let members = [world.start("first", PATIENT_MS), world.start("second", PATIENT_MS)];
    world.settle(&[3, 3]);
    world.see_all();
    world.until("all commits", |world| world.all_is_committed());
    ask(&mut tools, &world.broker, ASKED, &mut transcript);
    members.into_iter().for_each(|member| world.leave(member));
    ask(&mut tools, &world.broker, ASKED_AFTERWARDS, &mut transcript);
    for formatter in ["OffsetsMessageFormatter", "GroupMetadataMessageFormatter"] {
        let line = format!(
            "{CONSOLE} --bootstrap-server {} --topic __consumer_offsets --from-beginning \
             --formatter {FORMATTERS}.{formatter} --timeout-ms 3000",
            world.broker.address()
        );
        let printed = tools.run(&line).join("\n");
        transcript.push((formatter.to_owned(), records_of_the_offsets_topic(&printed)));
    }
    transcript
}

/// What a formatter prints of the groups that nobody races in. Two things differ: Kafka 4.1 also
/// writes an empty group when the first member of a group comes, which no client ever sees; and
/// it writes commits in version 4, which says the same as version 3 and fewer readers know.
fn records_of_the_offsets_topic(printed: &str) -> Vec<String> {
    let is_told = |record: &str| {
        ["idle", "new"].iter().any(|group| record.contains(&format!("\"group\":\"{group}\"")))
            && !record.contains("\"generation\":0,")
    };
    let records = printed.split("{\"key\":").filter(|record| is_told(record));
    let clean = |record: &str| {
        without_uuids(&without_times(record)).replace("\"version\":4,", "\"version\":3,")
    };
    let mut lines: Vec<String> = records.map(clean).collect();
    assert!(!lines.is_empty(), "no records: {printed}");
    lines.sort();
    lines
}

#[test]
fn kafkas_tools_say_the_same_about_ottla_as_about_kafka() {
    let test = "tools for groups";
    if !Family::Confluent("range").is_here(test) {
        return;
    }
    let Some(kafka) = Kafka::start(test) else { return };
    let ottla = Ottla::start_with(&["num.partitions=6"]);
    let (seen, expected) = std::thread::scope(|scope| {
        let seen = scope.spawn(|| transcript(ottla));
        let expected = transcript(kafka);
        (seen.join().unwrap(), expected)
    });
    for (asked, printed) in &expected {
        println!("{asked}\n  {}", printed.join("\n  "));
    }
    let mut differences = String::new();
    for ((asked, seen), (_, expected)) in seen.iter().zip(&expected) {
        if seen != expected {
            differences += &format!("{asked}\n  Ottla: {seen:#?}\n  Kafka: {expected:#?}\n");
        }
    }
    assert!(differences.is_empty(), "{differences}");
}
