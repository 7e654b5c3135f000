//! "Lab 2: Kafka Insights and Deliverables": deliverable 2 with kafka-python, deliverable 3 with
//! kcat. Deliverable 1 is `tunnel.rs`.

use crate::broker::Ottla;
use crate::clients::{python, python_2_2, said};
use crate::labs::student::Student;

#[test]
#[ignore = "needs kafka-python, the newest and 2.2"]
fn the_programs_of_lab_2_do_what_the_text_says() {
    let newest = python("lab_2.py");
    let older = python_2_2("lab_2.py");
    for mut program in [newest, older] {
        let mut ottla = Ottla::on_localhost(&["num.partitions=1"]);
        said("lab 2", &program.arg(&ottla.address).output().unwrap());
        assert!(ottla.stop());
    }
}

/// The readings of the text's example.
const READINGS: [&str; 5] = [
    r#"{"city": "Pittsburgh", "timestamp": "2026-01-22 15:09:20", "temperature_f": 64}"#,
    r#"{"city": "New York", "timestamp": "2026-01-22 15:09:20", "temperature_f": 72}"#,
    r#"{"city": "Los Angeles", "timestamp": "2026-01-22 15:09:20", "temperature_f": 78}"#,
    r#"{"city": "Chicago", "timestamp": "2026-01-22 15:09:20", "temperature_f": 58}"#,
    r#"{"city": "Mumbai", "timestamp": "2026-01-22 15:09:20", "temperature_f": 84}"#,
];

/// A broker with the topics of the text, and the readings in a file and in the topic.
fn lab() -> (Ottla, Student) {
    let ottla = Ottla::on_localhost(&[]);
    let student = Student::beside(&ottla);
    std::fs::write(student.home().join("messages.json"), READINGS.join("\n") + "\n").unwrap();
    student.type_("kcat -b localhost:9092 -t lab02-bbasavar -P -l messages.json");
    student.type_("ottla topic create movielog1 --partitions 2");
    (ottla, student)
}

#[test]
#[ignore = "needs kcat"]
fn topics_are_listed_as_the_text_shows_them() {
    let (ottla, student) = lab();
    let all = format!(
        "Metadata for all topics (from broker 1: {0}/1):\n 1 brokers:\n  broker 1 at {0} (controller)\n \
         2 topics:\n  topic \"lab02-bbasavar\" with 1 partitions:\n    partition 0, leader 1, \
         replicas: 1, isrs: 1\n  topic \"movielog1\" with 2 partitions:\n    partition 0, leader 1, \
         replicas: 1, isrs: 1\n    partition 1, leader 1, replicas: 1, isrs: 1\n",
        ottla.address
    );
    assert_eq!(student.type_("kcat -b localhost:9092 -L"), all);
    let one = format!(
        "Metadata for lab02-bbasavar (from broker 1: {0}/1):\n 1 brokers:\n  broker 1 at {0} \
         (controller)\n 1 topics:\n  topic \"lab02-bbasavar\" with 1 partitions:\n    partition 0, \
         leader 1, replicas: 1, isrs: 1\n",
        ottla.address
    );
    assert_eq!(student.type_("kcat -b localhost:9092 -t lab02-bbasavar -L"), one);
    let logs = student.type_("kcat -b localhost:9092 -L | grep movielog");
    assert_eq!(logs, "  topic \"movielog1\" with 2 partitions:\n");
}

#[test]
#[ignore = "needs kcat"]
fn messages_are_shown_in_the_formats_of_the_text() {
    let (_ottla, student) = lab();
    let five = "kcat -b localhost:9092 -t lab02-bbasavar -C -o earliest -c 5";
    assert_eq!(student.type_(five), READINGS.join("\n") + "\n");
    let offsets: Vec<String> =
        READINGS.iter().enumerate().map(|(at, reading)| format!("{at}: {reading}\n")).collect();
    assert_eq!(student.type_(&format!(r#"{five} -f "%o: %s\n""#)), offsets.concat());
    let keys: Vec<String> = READINGS.iter().map(|reading| format!(":{reading}\n")).collect();
    assert_eq!(student.type_(&format!("{five} -K:")), keys.concat());
    let json = student.type_(&format!("{five} -J"));
    for (at, (line, reading)) in json.lines().zip(READINGS).enumerate() {
        let begin = format!(
            "{{\"topic\":\"lab02-bbasavar\",\"partition\":0,\"offset\":{at},\"tstype\":\"create\","
        );
        let payload = reading.replace('"', "\\\"");
        let end = format!("\"broker\":1,\"key\":null,\"payload\":\"{payload}\"}}");
        assert!(line.starts_with(&begin) && line.ends_with(&end), "{line}");
    }
    assert_eq!(json.lines().count(), 5);
}

#[test]
#[ignore = "needs kcat"]
fn one_partition_is_read_alone() {
    let (_ottla, student) = lab();
    student.type_(
        "for p in 0 1; do seq 1 9 | sed s/^/$p-/ | kcat -b localhost:9092 -t movielog1 -P -p $p; \
         done",
    );
    let read = student.type_("kcat -b localhost:9092 -t movielog1 -C -o earliest -c 5 -p 0");
    assert_eq!(read, "0-1\n0-2\n0-3\n0-4\n0-5\n");
}

/// kcat 1.7.1 does not know the word `latest`, nor `earliest`, and takes both for offset 0: so it
/// does with any broker. What the text says of `latest` it does with `end`.
#[test]
#[ignore = "needs kcat"]
fn who_begins_at_the_end_sees_what_comes() {
    let (_ottla, student) = lab();
    let follow = "kcat -b localhost:9092 -t lab02-bbasavar -C -o";
    assert_eq!(student.type_(&format!("{follow} latest -c 5")), READINGS.join("\n") + "\n");
    let terminal = student.terminal(&format!("{follow} end -c 10"));
    terminal.until("% Reached end of topic lab02-bbasavar [0] at offset 5");
    for _ in 0..10 {
        student.type_(
            r#"echo '{"city": "Seattle", "temperature_f": 65}' | kcat -b localhost:9092 -t lab02-bbasavar -P"#,
        );
    }
    // After ten it ends by itself.
    let (code, screen) = terminal.end();
    assert_eq!(code, 0);
    assert_eq!(screen.matches(r#"{"city": "Seattle", "temperature_f": 65}"#).count(), 10);
    assert!(!screen.contains("Pittsburgh"), "{screen}");
}

#[test]
#[ignore = "needs kcat"]
fn a_consumer_of_json_goes_on_until_ctrl_c() {
    let (_ottla, student) = lab();
    let terminal = student.terminal("kcat -b localhost:9092 -t lab02-bbasavar -C -J");
    terminal.until(r#""offset":4,"#);
    student.type_(r#"echo "message" | kcat -b localhost:9092 -t lab02-bbasavar -P"#);
    terminal.until(r#""payload":"message"}"#);
    assert_eq!(terminal.ctrl_c().0, 0);
}
