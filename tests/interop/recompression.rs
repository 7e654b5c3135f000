//! What is stored where a topic has a codec of its own: by Ottla and by Apache Kafka the same.

use std::collections::BTreeMap;
use std::path::Path;

use crate::broker::{Broker, Ottla};
use crate::clients::{java, said};
use crate::kafka::Kafka;

/// By topic, the codec and the bytes of each batch.
type Stored = BTreeMap<String, Vec<(String, f64)>>;

#[test]
#[ignore = "needs Apache Kafka and kcat"]
fn batches_are_recompressed_as_kafka_does_it() {
    let kafka = Kafka::start();
    let theirs = stored(&kafka);
    drop(kafka);
    let mut ottla = Ottla::start();
    let ours = stored(&ottla);
    assert!(ottla.stop());
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
    for (topic, theirs) in &theirs {
        for (i, ((codec, bytes), (their_codec, their_bytes))) in
            ours[topic].iter().zip(theirs).enumerate()
        {
            println!("{topic} {i}: {codec} {bytes}, Kafka {their_codec} {their_bytes}");
            assert_eq!(codec, their_codec, "{topic}: batch {i}");
            let ratio = bytes / their_bytes;
            assert!((0.85..1.15).contains(&ratio), "{topic}: batch {i} is {ratio} times as large");
        }
        assert_eq!(ours[topic].len(), theirs.len(), "{topic}");
    }
}

/// Have the same program write to a broker, and look at what it has stored.
fn stored(broker: &impl Broker) -> Stored {
    let mut program = java();
    let output = program.arg("ottla.Recompression").arg(broker.address()).output();
    print!("{}", said("Recompression", &output.unwrap()));
    dumped(&broker.dir().join("data"))
}

fn dumped(data: &Path) -> Stored {
    let dirs = std::fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path());
    let logs = dirs.map(|dir| dir.join("00000000000000000000.log")).filter(|log| log.exists());
    let is_internal = |log: &Path| log.display().to_string().contains("/__");
    let logs: Vec<_> = logs.filter(|log| !is_internal(log)).collect();
    let names: Vec<String> = logs.iter().map(|log| log.display().to_string()).collect();
    let mut dump = java();
    dump.args(["org.apache.kafka.tools.DumpLogSegments", "--files", &names.join(",")]);
    let mut stored = Stored::new();
    let mut topic = String::new();
    for line in said("the dump tool", &dump.output().unwrap()).lines() {
        if let Some(log) = line.strip_prefix("Dumping ") {
            let dir = Path::new(log).parent().unwrap().file_name().unwrap();
            topic = dir.to_str().unwrap().to_owned();
        }
        let after = |word: &str| line.split_once(word).map(|(_, rest)| rest.split(' ').next());
        if let (Some(Some(codec)), Some(Some(size))) = (after("compresscodec: "), after(" size: "))
        {
            assert!(line.contains("isvalid: true"), "{line}");
            let batch = (codec.to_owned(), size.parse().unwrap());
            stored.entry(topic.clone()).or_default().push(batch);
        }
    }
    assert!(stored.len() > 10, "{stored:?}");
    stored
}
