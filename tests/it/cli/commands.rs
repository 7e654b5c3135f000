//! Ottla's own commands, where Day 2 does not go.

use crate::cli::{Shell, words};
use crate::harness::Ottla;

async fn world() -> (Ottla, Shell) {
    let ottla = Ottla::with(&[("group.initial.rebalance.delay.ms", "0")]).await;
    let shell = Shell::beside(&ottla);
    (ottla, shell)
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_has_a_sentence_and_a_number() {
    let (_ottla, shell) = world().await;
    let unreachable = shell.run("ottla topic list --bootstrap-server localhost:1").ill(3);
    assert_eq!(
        unreachable,
        "ottla: cannot connect to localhost:1 (connection refused); start the broker with `ottla serve`\n"
    );
    let gone = shell.run("ottla topic describe nope").ill(1);
    assert!(gone.contains("topic \"nope\" does not exist"), "{gone}");
    assert_eq!(shell.run("ottla topic frobnicate").code, 2);
    assert_eq!(shell.run("ottla topic list -X nonsense").code, 2);
    let tls = shell.run("ottla topic list -X security.protocol=SSL").ill(2);
    assert!(tls.contains("only PLAINTEXT"), "{tls}");
    let warned = shell.run("ottla topic list -X metrics.num.samples=3");
    assert_eq!(warned.err, "warning: the property metrics.num.samples has no effect here\n");
    shell.type_("ottla topic create t");
    let twice = shell.run("ottla topic create t").ill(1);
    assert!(twice.contains("already exists"), "{twice}");
    let config = shell.run("ottla topic create u --config nosuch=1").ill(1);
    assert!(config.contains("nosuch"), "{config}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_answers_may_be_no_broker() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            use tokio::io::AsyncWriteExt;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let said = Shell::at(&address.to_string()).run("ottla topic list").ill(1);
    assert!(said.contains(&format!("{address} is not a Kafka broker")), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_get_json() {
    let (_ottla, shell) = world().await;
    shell.type_("ottla topic create t --partitions 2 --config retention.ms=5000");
    shell.type_("echo 'k:v' | ottla topic produce t --parse-key -H source=test --partition 1");
    let list = json(&shell.type_("ottla topic list -o json"));
    assert_eq!(list[0]["partition_count"], 2);
    let topic = json(&shell.type_("ottla topic describe t --output json"));
    assert_eq!(topic["configs"]["retention.ms"], "5000");
    assert_eq!(topic["partitions"][1]["end_offset"], 1);
    let record = json(&shell.type_("ottla topic consume t -b -e -o json"));
    assert_eq!((&record["key"], &record["value"]), (&"k".into(), &"v".into()));
    assert_eq!(record["headers"][0]["name"], "source");
    shell.type_("ottla topic consume t -b -n 1 --group g");
    let group = json(&shell.type_("ottla group describe g -o json"));
    assert_eq!((&group["state"], &group["offsets"][1]["lag"]), (&"Empty".into(), &0.into()));
    let configs = json(&shell.type_("ottla config describe topic t --set-only -o json"));
    assert!(configs.as_array().unwrap().iter().any(|c| c["name"] == "retention.ms"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_begins_where_its_options_say() {
    let (_ottla, shell) = world().await;
    shell.type_("ottla topic create t; seq 1 9 | ottla topic produce t");
    assert_eq!(shell.type_("ottla topic consume t --offset 7 -e"), "8\n9\n");
    assert_eq!(shell.type_("ottla topic consume t --offset -3 -e"), "7\n8\n9\n");
    assert_eq!(shell.type_("ottla topic consume t -b -n 2"), "1\n2\n");
    assert_eq!(shell.type_("ottla topic consume t --timeout-ms 300"), "");

    let many = "seq 1 100000 | ottla topic produce many -X compression.type=zstd; \
                ottla topic consume many -b -e | md5sum; seq 1 100000 | md5sum";
    let sums = shell.type_(many);
    assert_eq!(words(&sums)[0], words(&sums)[1]);
    let cut = shell.run("set -o pipefail; ottla topic consume many -b | head -n 1");
    assert_eq!((cut.code, cut.out.as_str(), cut.err.as_str()), (0, "1\n", ""), "no word of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_codec_goes_there_and_back() {
    let (_ottla, shell) = world().await;
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let lines = format!(
            "seq 1 1000 | ottla topic produce {codec} -X compression.type={codec} -X acks=1; \
             ottla topic consume {codec} -b -e | tail -n 1"
        );
        assert_eq!(shell.type_(&lines), "1000\n", "{codec}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_can_be_tried_first_and_waits_for_no_confirmation() {
    let (_ottla, shell) = world().await;
    shell.type_("ottla topic create t; seq 1 9 | ottla topic produce t");
    shell.type_("ottla topic consume t --group g -b -n 9");
    let plan = shell.type_("ottla group reset g --to-earliest --dry-run");
    assert_eq!(words(&plan)[1], ["g", "t", "0", "0"]);
    assert_eq!(words(&shell.type_("ottla group describe g"))[1][3], "9");
    shell.type_("ottla group reset g --shift-by -4");
    assert_eq!(shell.type_("ottla topic consume t --group g -n 4"), "6\n7\n8\n9\n");
    assert_eq!(shell.run("ottla group reset g").code, 2, "where to?");
    let nothing = shell.run("ottla group reset new --to-latest").ill(1);
    assert!(nothing.contains("--topic"), "{nothing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_dumped_and_the_doctor_reads_them() {
    let (mut ottla, shell) = world().await;
    shell.type_("ottla topic create t; printf 'k:v\\n' | ottla topic produce t --parse-key");
    shell.type_("ottla topic consume t --group g -b -n 1");
    let dir = ottla.data_dir().display().to_string();
    let well = shell.run(&format!("ottla doctor --data-dir {dir}"));
    assert_eq!(well.code, 0, "{well:?}");
    assert!(well.out.contains("a Kafka broker responds") && well.out.contains("which responds"));
    tokio::task::yield_now().await;
    ottla.stop().await;
    let log = format!("{dir}/t-0/00000000000000000000.log");
    let dumped = shell.type_(&format!("ottla dump {log}"));
    assert!(dumped.contains("isvalid: true") && dumped.contains(" key: k payload: v"), "{dumped}");
    let all = "find $DIR -type f ! -name .lock -print0 | xargs -0 ottla dump";
    let all = shell.type_(&format!("DIR={dir}; {all}"));
    for part in
        ["cluster.id=", "topic_id: ", "payload: Topic(", "payload: Offset {", "producerId: "]
    {
        assert!(all.contains(part), "{part} is in none of the files");
    }
    std::fs::OpenOptions::new()
        .append(true)
        .open(&log)
        .and_then(|mut file| std::io::Write::write_all(&mut file, b"torn"))
        .unwrap();
    assert!(shell.run(&format!("ottla dump {log}")).ill(1).contains("not a complete batch"));
    let ill = shell.run(&format!("ottla doctor --data-dir {dir}"));
    assert_eq!(ill.code, 1);
    assert!(ill.out.contains("is free") && ill.out.contains("not a complete batch"), "{ill:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bench_measures_and_leaves_nothing_behind() {
    let (_ottla, shell) = world().await;
    let reported = json(&shell.type_("ottla bench --records 5000 --partitions 2 -o json"));
    assert_eq!(reported["produce"]["records"], 5000);
    assert_eq!(reported["consume"]["bytes"], 500_000);
    assert!(reported["produce"]["latency_ms"]["p99"].as_f64().unwrap() > 0.0);
    let table = shell.type_("ottla bench --records 100");
    assert!(table.contains("p99.9") && table.lines().last().unwrap().starts_with("consume "));
    assert_eq!(shell.type_("ottla topic list -o json"), "[]\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn help_and_completions_need_no_broker() {
    let shell = Shell::at("localhost:1");
    let help = shell.type_("ottla --help");
    assert!(help.contains("Examples:") && help.contains("Exit codes:"), "{help}");
    assert!(shell.type_("ottla topic consume --help").contains("--from-beginning"));
    for name in ["bash", "zsh", "fish"] {
        assert!(shell.type_(&format!("ottla completions {name}")).contains("consume"), "{name}");
    }
}
