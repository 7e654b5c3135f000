//! Every command of "Day 2: Data Flow and Message Patterns", as it is printed there, with the
//! binary linked as `confluent`; and the same with `ottla` in its place.

use crate::cli::{Shell, sorted, words};
use crate::harness::Ottla;

/// Where a lab begins: the topic of the day before, with three partitions.
async fn lab() -> (Ottla, Shell) {
    let ottla = Ottla::with(&[("group.initial.rebalance.delay.ms", "0")]).await;
    let shell = Shell::beside(&ottla);
    shell.type_("confluent local kafka topic create user-events --partitions 3");
    (ottla, shell)
}

fn numbered(prefix: &str, numbers: std::ops::RangeInclusive<u32>, suffix: &str) -> Vec<String> {
    let mut lines: Vec<String> = numbers.map(|n| format!("{prefix}{n}{suffix}")).collect();
    lines.sort_unstable();
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn exercise_1_messages_without_keys_and_with_keys() {
    let (_ottla, shell) = lab().await;
    // Terminal 1 comes first, and sees what comes after it.
    let mut terminal_1 = shell
        .command(
            "confluent local kafka topic consume user-events --from-beginning --max-messages 25",
        )
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    shell.type_(
        r#"for i in {1..10}; do
             echo "Message $i without key" | confluent local kafka topic produce user-events
           done"#,
    );
    shell.type_(
        r#"for user in user1 user2 user3; do
             for i in {1..5}; do
               echo "$user:Action $i" | confluent local kafka topic produce user-events \
                 --property "parse.key=true" \
                 --property "key.separator=:"
             done
           done"#,
    );
    let mut seen = String::new();
    let mut out = terminal_1.stdout.take().unwrap();
    tokio::task::block_in_place(|| std::io::Read::read_to_string(&mut out, &mut seen)).unwrap();
    assert!(terminal_1.wait().unwrap().success());
    let mut wanted = numbered("Message ", 1..=10, " without key");
    (0..3).for_each(|_| wanted.extend(numbered("Action ", 1..=5, "")));
    wanted.sort_unstable();
    assert_eq!(sorted(&seen), wanted);
    // Same key, same partition, in order.
    let keyed = shell
        .type_("ottla topic consume user-events -b -e --print-key --print-offset | grep user2");
    let lines = words(&keyed);
    assert_eq!(lines.len(), 5);
    assert!(lines.iter().all(|line| line[0] == lines[0][0]), "{keyed}");
    let actions: Vec<&str> = lines.iter().map(|line| line[4]).collect();
    assert_eq!(actions, ["1", "2", "3", "4", "5"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn exercise_2_each_group_receives_all_and_its_members_share() {
    let (_ottla, shell) = lab().await;
    let one_each = "for key in a b c d e f; do echo $key:$key; done | \
                    confluent local kafka topic produce user-events --parse-key";
    shell.type_(one_each);
    for group in ["consumer-group-a", "consumer-group-b"] {
        let seen = shell.type_(&format!(
            "confluent local kafka topic consume user-events --group {group} --from-beginning \
             --max-messages 6"
        ));
        assert_eq!(sorted(&seen), ["a", "b", "c", "d", "e", "f"], "{group}");
    }
    // Two consumers in group A: every record goes to one of them.
    let member = "confluent local kafka topic consume user-events \
                  --group consumer-group-a \
                  --from-beginning";
    let start = || {
        let mut command = shell.command(&format!("exec {member}"));
        command.stdout(std::process::Stdio::piped()).spawn().unwrap()
    };
    let (first, second) = (start(), start());
    let members = || {
        let said = shell.run("ottla group describe consumer-group-a --members -o json");
        // Behind the members stand the offsets, and who owns them.
        let members = said.out.split("\"offsets\"").next().unwrap_or_default();
        said.code == 0
            && members.matches("\"consumer_id\": \"").count() == 2
            && members.contains("\"state\": \"Stable\"")
            && members.matches("\"assignment\": []").count() == 0
    };
    while !members() {
        tokio::task::yield_now().await;
    }
    shell.type_(one_each);
    // Once the lag is gone, all of it has been printed.
    let lag = || {
        let table = shell.type_("ottla group describe consumer-group-a");
        words(&table).iter().skip(1).map(|row| row[5].parse().unwrap_or(99)).sum::<i64>()
    };
    while lag() > 0 {
        tokio::task::yield_now().await;
    }
    let mut seen = Vec::new();
    for child in [first, second] {
        let pid = rustix::process::Pid::from_child(&child);
        // To `timeout`, which hands it on.
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        let output = tokio::task::block_in_place(|| child.wait_with_output()).unwrap();
        assert!(output.status.success(), "Ctrl-C is how a consumer ends");
        seen.push(String::from_utf8(output.stdout).unwrap());
    }
    assert!(seen.iter().all(|part| !part.is_empty()), "the load is shared: {seen:?}");
    assert_eq!(sorted(&seen.concat()), ["a", "b", "c", "d", "e", "f"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn exercise_3_without_automatic_commits_the_group_remembers_nothing() {
    let (_ottla, shell) = lab().await;
    shell.type_("echo one | confluent local kafka topic produce user-events");
    for _ in 0..2 {
        let seen = shell.type_(
            r#"confluent local kafka topic consume user-events \
                 --group manual-commit-group \
                 --from-beginning \
                 --property "enable.auto.commit=false" --max-messages 1"#,
        );
        assert_eq!(seen, "one\n");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exercise_4_lag() {
    let (_ottla, shell) = lab().await;
    shell.type_(
        "seq 1 9 | confluent local kafka topic produce user-events; \
         confluent local kafka topic consume user-events --group consumer-group-a \
           --from-beginning --max-messages 4 > /dev/null",
    );
    let table = shell.type_("confluent local kafka consumer group describe consumer-group-a");
    let rows = words(&table);
    assert_eq!(
        rows[0].join(" "),
        "GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG CONSUMER-ID HOST CLIENT-ID"
    );
    assert!(rows.len() > 1);
    let column =
        |at: usize| -> i64 { rows[1..].iter().map(|row| row[at].parse::<i64>().unwrap()).sum() };
    assert_eq!((column(3), column(4), column(5)), (4, 9, 5));
    assert!(rows[1..].iter().all(|row| row[0] == "consumer-group-a" && row[1] == "user-events"));
    let list = shell.type_("confluent local kafka consumer group list");
    assert_eq!(words(&list)[1][..2], ["consumer-group-a", "Empty"]);
}

/// The whole of "CLI Commands Reference".
async fn commands_reference(name: &str) {
    let ottla = Ottla::with(&[("group.initial.rebalance.delay.ms", "0")]).await;
    let shell = Shell::beside(&ottla);
    let type_ = |lines: &str| shell.type_(&lines.replace("confluent local kafka", name));
    let created = type_(
        "confluent local kafka topic create orders \
           --partitions 6 \
           --replication-factor 1 \
           --config retention.ms=86400000 \
           --config compression.type=snappy",
    );
    assert_eq!(created, "Created topic \"orders\".\n");
    let updated = type_("confluent local kafka topic update orders --config segment.ms=3600000");
    assert_eq!(
        updated,
        "Updated the following configuration values for topic \"orders\":\n\
         NAME        VALUE    READ-ONLY\n\
         segment.ms  3600000  false\n"
    );
    let configs = type_("confluent local kafka topic configuration list orders");
    for (config, value) in
        [("retention.ms", "86400000"), ("compression.type", "snappy"), ("segment.ms", "3600000")]
    {
        let rows = words(&configs);
        let row = rows.iter().find(|row| row[0] == config).unwrap();
        assert_eq!(row[1..3], [value, "false"], "{config} is no default any more");
    }
    type_("echo plain | confluent local kafka topic produce orders");
    type_(
        r#"echo "key:compressed" | confluent local kafka topic produce orders \
             --property "parse.key=true" \
             --property "key.separator=:" \
             --property "compression.type=snappy""#,
    );
    // As it is printed: the line has no headers, and is a record without any.
    type_(
        r#"echo "key:value" | confluent local kafka topic produce orders \
             --property "parse.key=true" \
             --property "key.separator=:" \
             --property "parse.headers=true" \
             --property "headers.separator=|" \
             --property "headers.key.separator=:""#,
    );
    type_(
        r#"printf 'source:web|trace:7\tkey:with headers\n' | confluent local kafka topic produce orders \
             --property "parse.key=true" --property "key.separator=:" \
             --property "parse.headers=true" --property "headers.separator=|""#,
    );
    let read = type_(
        "confluent local kafka topic consume orders \
           --from-beginning \
           --max-messages 10 --exit-at-end --print-key --print-headers",
    );
    assert_eq!(
        sorted(&read),
        [
            "NO_HEADERS\tkey\tcompressed",
            "NO_HEADERS\tkey\tvalue",
            "NO_HEADERS\tnull\tplain",
            "source:web,trace:7\tkey\twith headers",
        ]
    );
    let read = type_(
        r#"confluent local kafka topic consume orders \
             --group my-group \
             --property "auto.offset.reset=earliest" \
             --property "session.timeout.ms=30000" --max-messages 4"#,
    );
    assert_eq!(read.lines().count(), 4);
    let list = type_("confluent local kafka consumer group list");
    assert!(list.contains("my-group"), "{list}");
    let current = || {
        let table = type_("confluent local kafka consumer group describe my-group");
        words(&table)[1..].iter().map(|row| row[3].parse::<i64>().unwrap()).sum::<i64>()
    };
    assert_eq!(current(), 4);
    let reset = type_(
        "confluent local kafka consumer group reset my-group \
           --topic orders \
           --to-earliest",
    );
    assert_eq!(words(&reset)[0], ["GROUP", "TOPIC", "PARTITION", "NEW-OFFSET"]);
    assert_eq!((words(&reset).len(), current()), (7, 0));
    let again = type_("confluent local kafka topic consume orders --group my-group -n 4");
    assert_eq!(again.lines().count(), 4, "it begins again");
    let deleted = type_("confluent local kafka consumer group delete my-group");
    assert_eq!(deleted, "Deleted group \"my-group\".\n");
    let gone = shell.run("ottla group describe my-group").ill(1);
    assert!(gone.contains("group \"my-group\" does not exist"), "{gone}");
    let described = type_("confluent local kafka topic describe orders");
    assert!(described.contains("Partition Count     6\n"), "{described}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_reference_as_it_is_printed() {
    commands_reference("confluent local kafka").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_reference_with_ottla() {
    commands_reference("ottla").await;
}
