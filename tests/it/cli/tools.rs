//! Kafka's tools by their names. The expected lines are those of the tools of Apache Kafka 4.4.0
//! for the same calls.

use crate::cli::{Shell, sorted, words};
use crate::harness::Ottla;

async fn world() -> (Ottla, Shell) {
    let ottla = Ottla::with(&[("group.initial.rebalance.delay.ms", "0")]).await;
    let shell = Shell::beside(&ottla);
    (ottla, shell)
}

#[tokio::test(flavor = "multi_thread")]
async fn tutorial_2_creates_its_topic_twice() {
    let (_ottla, shell) = world().await;
    // `docker exec -it kafka-broker` aside.
    let create = "kafka-topics \
        --bootstrap-server $BROKER \
        --topic user-events \
        --create \
        --partitions 3 \
        --replication-factor 1 \
        --if-not-exists";
    assert_eq!(shell.type_(create), "Created topic user-events.\n");
    assert_eq!(shell.type_(create), "");
    assert_eq!(shell.type_("kafka-topics.sh --bootstrap-server=$BROKER --list"), "user-events\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn kafka_topics() {
    let (_ottla, shell) = world().await;
    let topics = |args: &str| shell.run(&format!("kafka-topics --bootstrap-server $BROKER {args}"));
    assert_eq!(topics("--list").well(), "\n");
    let created = topics("--create --topic t1 --partitions 2 --config retention.ms=1000000");
    assert_eq!(created.well(), "Created topic t1.\n");
    let refused = topics("--create --topic t1");
    let wanted = "Error while executing topic command : Topic 't1' already exists.\n";
    assert_eq!((refused.code, refused.out.as_str()), (1, wanted));
    let described = topics("--describe --topic t1").well();
    let lines: Vec<&str> = described.lines().collect();
    let fields: Vec<&str> = lines[0].split('\t').collect();
    assert_eq!(fields[0], "Topic: t1");
    assert_eq!(fields[2..4], ["PartitionCount: 2", "ReplicationFactor: 1"]);
    assert!(fields[4].contains("retention.ms=1000000"));
    assert_eq!(
        lines[2],
        "\tTopic: t1\tPartition: 1\tLeader: 1\tReplicas: 1\tIsr: 1\tElr: \tLastKnownElr: "
    );
    assert_eq!(topics("--alter --topic t1 --partitions 4").well(), "");
    assert_eq!(topics("--describe --topic t.*").well().lines().count(), 5);
    let missing = topics("--describe --topic nope");
    let wanted = "Error while executing topic command : Topic 'nope' does not exist as expected\n";
    assert_eq!((missing.code, missing.out.as_str()), (1, wanted));
    assert_eq!(topics("--delete --topic nope --if-exists").well(), "");
    assert_eq!(topics("--delete --topic t1").well(), "");
    assert_eq!(topics("--list").well(), "\n");
    assert!(topics("--foo").ill(1).starts_with("foo is not a recognized option\n"));
    assert!(topics("").ill(1).starts_with("Command must include exactly one action: "));
    assert!(topics("--create").ill(1).starts_with("Missing required argument \"[topic]\"\n"));
    assert_eq!(topics("--version").well(), format!("{}\n", ottla::reference::KAFKA));
    // Called by the first argument, where nothing can be linked.
    assert_eq!(shell.type_("ottla kafka-topics --bootstrap-server $BROKER --list"), "\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_consoles() {
    let (_ottla, shell) = world().await;
    shell.type_(
        "kafka-topics --bootstrap-server $BROKER --create --topic t --partitions 2; \
         seq 1 20 | sed 's/.*/k&:v&/' | kafka-console-producer --bootstrap-server $BROKER \
           --topic t --reader-property parse.key=true --reader-property key.separator=: \
           --compression-codec --command-property linger.ms=0; \
         printf 'h1:a,h2:b\\tk:v\\n' | kafka-console-producer --broker-list $BROKER --topic t \
           --reader-property parse.key=true --reader-property key.separator=: \
           --reader-property parse.headers=true",
    );
    let read = shell.run(
        "kafka-console-consumer --bootstrap-server $BROKER --topic t --from-beginning \
           --max-messages 21 --formatter-property print.key=true \
           --formatter-property print.headers=true --formatter-property print.partition=true \
           --formatter-property key.separator=,",
    );
    assert_eq!(read.err, "Processed a total of 21 messages\n");
    let read = read.well();
    assert!(read.contains(",h1:a,h2:b,k,v\n") && read.contains(",NO_HEADERS,k7,v7\n"), "{read}");
    assert!(read.starts_with("Partition:"), "{read}");
    let part = shell.type_(
        "kafka-console-consumer --bootstrap-server $BROKER --topic t --partition 0 --offset 2 \
           --max-messages 3",
    );
    assert_eq!(part.lines().count(), 3);
    let refused = shell.run(
        "echo nokey | kafka-console-producer --bootstrap-server $BROKER --topic t \
           --reader-property parse.key=true",
    );
    assert_eq!(
        refused.ill(1),
        "org.apache.kafka.common.KafkaException: No key separator found on line number 1: 'nokey'\n"
    );
    let unclear = shell.run("kafka-console-consumer --bootstrap-server $BROKER").ill(1);
    let wanted = "Exactly one of the following arguments is required: [topic], [include]\n";
    assert!(unclear.starts_with(wanted), "{unclear}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_consoles_take_deprecated_flags_and_say_so() {
    let (_ottla, shell) = world().await;
    let produce = "kafka-console-producer --bootstrap-server $BROKER --topic t";
    let consume = "kafka-console-consumer --bootstrap-server $BROKER --topic t --from-beginning \
                   --max-messages 1";
    let sent = shell.run(&format!(
        "echo k:v | {produce} --property parse.key=true --property key.separator=: \
           --producer-property linger.ms=0 --max-partition-memory-bytes 1000"
    ));
    assert_eq!(
        sent.well(),
        "Warning: --producer-property is deprecated and will be removed in a future version. Use \
         --command-property instead.\n\
         Warning: --property is deprecated and will be removed in a future version. Use \
         --reader-property instead.\n\
         Warning: --max-partition-memory-bytes is deprecated and will be removed in Apache Kafka \
         5.0. Use --batch-size instead.\n"
    );
    let read =
        shell.run(&format!("{consume} --property print.key=true --property key.separator=,"));
    assert_eq!(
        read.well(),
        "Option --property is deprecated and will be removed in a future version. Use \
         --formatter-property instead.\nk,v\n"
    );
    let both = shell.run(&format!("{produce} --property a=b --reader-property c=d")).ill(1);
    let wanted = "Options --reader-property and --property cannot be specified together.\n";
    assert!(both.starts_with(wanted), "{both}");
    let both = "--consumer-property a=b --command-property c=d";
    let both = shell.run(&format!("{consume} {both}")).ill(1);
    let wanted = "Options --consumer-property and --command-property cannot be specified together.";
    assert!(both.starts_with(wanted), "{both}");
}

#[tokio::test(flavor = "multi_thread")]
async fn kafka_get_offsets() {
    let (_ottla, shell) = world().await;
    shell.type_(
        "ottla topic create t --partitions 2; seq 1 3 | ottla topic produce t --partition 1",
    );
    let offsets =
        |args: &str| shell.run(&format!("kafka-get-offsets --bootstrap-server $BROKER {args}"));
    assert_eq!(offsets("--topic t").well(), "t:0:0\nt:1:3\n");
    assert_eq!(offsets("--topic t --time earliest").well(), "t:0:0\nt:1:0\n");
    assert_eq!(offsets("--topic-partitions t:1-2").well(), "t:1:3\n");
    assert_eq!(
        offsets("--topic nope").ill(1),
        "Error occurred: Could not match any topic-partitions with the specified filters\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn kafka_configs() {
    let (_ottla, shell) = world().await;
    shell.type_("ottla topic create t");
    let configs =
        |args: &str| shell.run(&format!("kafka-configs --bootstrap-server $BROKER {args}"));
    let t = "--entity-type topics --entity-name t";
    assert_eq!(configs(&format!("{t} --describe")).well(), "Dynamic configs for topic t are:\n");
    let set = configs(&format!("{t} --alter --add-config segment.ms=3600000,retention.ms=5"));
    assert_eq!(set.well(), "Completed updating config for topic t.\n");
    let reported = configs("--topic t --describe").well();
    assert!(
        reported.contains(
            "\n  retention.ms=5 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:retention.ms=5"
        ),
        "{reported}"
    );
    assert_eq!(reported.lines().count(), 3);
    let reset = format!("{t} --alter --delete-config segment.ms");
    assert_eq!(configs(&reset).well(), "Completed updating config for topic t.\n");
    assert_eq!(configs(&reset).ill(1), "Invalid config(s): segment.ms\n");
    let wrong = configs(&format!("{t} --alter --add-config foo=1")).ill(1);
    assert!(
        wrong.contains("org.apache.kafka.common.errors.InvalidConfigurationException: Unknown topic config name: foo"),
        "{wrong}"
    );
    assert_eq!(
        configs("--entity-type topics --entity-name nope --describe").well(),
        "The topic 'nope' doesn't exist and doesn't have dynamic config.\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn kafka_consumer_groups() {
    let (_ottla, shell) = world().await;
    shell.type_(
        "ottla topic create t --partitions 2; \
         seq 1 8 | ottla topic produce t --partition 0; \
         kafka-console-consumer --bootstrap-server $BROKER --topic t --from-beginning \
           --max-messages 3 --group g",
    );
    let groups =
        |args: &str| shell.run(&format!("kafka-consumer-groups --bootstrap-server $BROKER {args}"));
    assert_eq!(groups("--list").well(), "g\n");
    assert_eq!(
        groups("--list --state").well(),
        "GROUP                     STATE               \n\
         g                         Empty               \n"
    );
    let described = groups("--describe --group g");
    assert_eq!(described.err, "\nConsumer group 'g' has no active members.\n");
    assert_eq!(
        described.well(),
        "\nGROUP           TOPIC           PARTITION  CURRENT-OFFSET  LOG-END-OFFSET  LAG             CONSUMER-ID     HOST            CLIENT-ID\n\
         g               t               0          3               8               5               -               -               -\n\
         g               t               1          0               0               0               -               -               -\n"
    );
    let state = groups("--describe --group g --state").well();
    assert_eq!(words(&state)[2][3..], ["-", "Empty", "0"]);
    let plan = groups("--reset-offsets --group g --topic t --to-latest");
    assert!(plan.err.starts_with("WARN: No action will be performed"), "{plan:?}");
    let table = "\n\
        GROUP           TOPIC           PARTITION  NEW-OFFSET\n\
        g               t               0          8\n\
        g               t               1          0\n";
    assert_eq!(plan.well(), table);
    let current = || {
        let said = groups("--reset-offsets --group g --all-topics --to-current --dry-run --export");
        said.well()
    };
    assert_eq!(current(), "t,0,3\nt,1,0\n\n", "nothing was changed");
    let execute =
        |to: &str| groups(&format!("--reset-offsets --group g --topic t:0 {to} --execute"));
    for (to, offset) in [
        ("--to-latest", 8),
        ("--shift-by -2", 6),
        ("--to-offset 100000", 8),
        ("--to-datetime 2020-01-01T00:00:00.000", 0),
        ("--to-offset 5", 5),
        ("--by-duration PT1H", 0),
    ] {
        let said = execute(to);
        assert_eq!(words(&said.out)[2], ["g", "t", "0", &offset.to_string()], "{to} {said:?}");
        assert_eq!(current(), format!("t,0,{offset}\nt,1,0\n\n"), "{to}");
    }
    let gone = groups("--delete --group g").well();
    assert_eq!(gone, "Deletion of requested consumer groups ('g') was successful.\n");
    let missing = groups("--describe --group g").well();
    assert_eq!(
        missing,
        "\nError: Executing consumer group command failed due to org.apache.kafka.common.errors.GroupIdNotFoundException: Group g not found.\n"
    );
    let none = groups("--describe").ill(1);
    assert!(
        none.starts_with("Option [describe] takes one of these options: [all-groups], [group]\n")
    );
    assert!(sorted(&none).iter().any(|line| line.starts_with("--shift-by <value>")));
}
