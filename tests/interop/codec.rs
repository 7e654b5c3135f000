//! Every message and record of `schemas/`, in every version, beside Kafka's own classes.

#[path = "../it/protocol/random.rs"]
mod random;

use std::io::Write;
use std::process::Stdio;

use fastrand::Rng;
use ottla::protocol::message::Message;

use crate::clients::{beside, java};
use crate::schemas;

/// Appends random messages of a type as lines for `Codec.java`.
fn lines_of<T: Message>(out: &mut Vec<String>) {
    let schema = schemas::message(T::NAME);
    let mut rng = Rng::with_seed(3);
    for version in T::KAFKA_SINCE..=*T::VERSIONS.end() {
        for _ in 0..5 {
            let bytes = random::bytes(&mut rng, schema, version);
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            out.push(format!("{} {version} {digits}", T::NAME));
        }
    }
}

macro_rules! all_lines {
    ($($module:ident $name:ident,)*) => {{
        let mut lines = Vec::new();
        $(lines_of::<ottla::protocol::messages::$module::$name>(&mut lines);)*
        lines
    }};
}

#[test]
#[ignore = "needs Java with Kafka's jars"]
fn kafka_decodes_and_encodes_every_message_and_record_alike() {
    let lines = ottla::for_all_messages!(all_lines);
    let mut java = java();
    java.arg(beside("kafka-codec/Codec.java")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = java.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = lines.join("\n") + "\n";
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let answers = String::from_utf8(output.stdout).unwrap();
    let mut differences = Vec::new();
    for (line, answer) in lines.iter().zip(answers.lines()) {
        if line.rsplit(' ').next() != Some(answer) {
            differences.push(format!("{line}\n   {answer}"));
        }
    }
    assert_eq!(answers.lines().count(), lines.len());
    assert!(differences.is_empty(), "{} differ: {}", differences.len(), differences.join("\n"));
}
