//! Kafka's tools for groups print the same about Ottla as about Apache Kafka.

use crate::broker::Broker;
use crate::groups::family::{Commit, Family, produce};
use crate::groups::world::{PATIENT_MS, World};
use crate::tools::side::{Side, pair};
use crate::tools::topics::TOPICS;
use crate::tools::words::{without_times, without_uuids};

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
    "--describe --group unknown",
    "--describe --group unknown --members",
    "--describe --group unknown --state",
    "--describe --all-groups",
    "--describe --all-groups --members --verbose",
    "--describe --all-groups --state",
    // A group in use is not touched.
    "--reset-offsets --group shared --topic records --to-earliest --execute",
    "--delete --group shared",
    "--delete-offsets --group shared --topic records",
    "--delete-offsets --group shared --topic other",
    // No one is asked.
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
    "--delete-offsets --group unknown --topic records",
    "--describe --group idle",
    "--delete --group unknown",
    "--delete --group new",
    "--delete --group idle --group unknown",
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

/// All that the tools say about a broker through the life of some groups. Groups come in any order.
fn tell(side: &mut Side) {
    let broker = side.broker.clone();
    produce(&*broker, "other", 0, 20);
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
    side.ask_unordered(GROUPS, ASKED, str::to_owned);
    members.into_iter().for_each(|member| world.leave(member));
    side.ask_unordered(GROUPS, ASKED_AFTERWARDS, str::to_owned);
    for formatter in ["OffsetsMessageFormatter", "GroupMetadataMessageFormatter"] {
        let args = format!(
            "--topic __consumer_offsets --from-beginning --formatter {FORMATTERS}.{formatter} \
             --timeout-ms 3000"
        );
        let printed = side.run_raw(CONSOLE, &args).join("\n");
        side.tell(formatter, records_of_the_offsets_topic(&printed));
    }
    side.ask(TOPICS, &["--delete --topic records", "--delete --topic other"]);
}

/// What a formatter prints of the groups that no one races in. Two things differ: Kafka also writes an
/// empty group when the first member of a group comes, which no client ever sees; and it writes commits
/// in version 4, which adds the topic's id and fewer readers know.
fn records_of_the_offsets_topic(printed: &str) -> Vec<String> {
    let is_told = |record: &str| {
        ["idle", "new"].iter().any(|group| record.contains(&format!("\"group\":\"{group}\"")))
            && !record.contains("\"generation\":0,")
    };
    let records = printed.split("{\"key\":").filter(|record| is_told(record));
    let clean = |record: &str| {
        let record = without_uuids(&without_times(record));
        let record = record.replace("\"version\":4,", "\"version\":3,");
        let (before, id) = record.split_once(",\"topicId\":").unwrap_or((&record, ""));
        format!("{before}{}", id.trim_start_matches(|c| c != '}'))
    };
    let mut lines: Vec<String> = records.map(clean).collect();
    assert!(!lines.is_empty(), "no records: {printed}");
    lines.sort();
    lines
}

#[test]
#[ignore = "needs Python's clients, Apache Kafka and kcat"]
fn kafkas_tools_say_the_same_about_ottla_as_about_kafka() {
    let mut pair = pair();
    pair.tell_the_same(tell);
}
