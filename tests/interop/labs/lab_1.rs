//! "Lab 1: Producers, Consumers & Fundamentals", with kcat. Steps 1 to 3 are in `kcat.rs`, too, where
//! the broker also crashes in between.

use ottla::storage::batch::batches;

use crate::broker::Ottla;
use crate::labs::student::Student;

#[test]
#[ignore = "needs kcat"]
fn json_goes_through_as_it_is() {
    let ottla = Ottla::on_localhost(&[]);
    let student = Student::beside(&ottla);
    student.type_(
        r#"echo '{"user": "alice", "action": "login"}' | kcat -b localhost:9092 -t events -P
echo '{"user": "bob", "action": "purchase", "amount": 99.99}' | kcat -b localhost:9092 -t events -P"#,
    );
    let (code, reported) = student.try_("kcat -b localhost:9092 -t events -C -o beginning -e");
    let mut lines: Vec<&str> = reported.lines().collect();
    lines.sort_unstable();
    assert_eq!(code, 0);
    assert_eq!(
        lines,
        [
            "% Reached end of topic events [0] at offset 2: exiting",
            r#"{"user": "alice", "action": "login"}"#,
            r#"{"user": "bob", "action": "purchase", "amount": 99.99}"#,
        ]
    );
}

/// kcat 1.7.1 begins at the end where a group has no offset yet, with any broker, although the text
/// promises the ten orders that are there. Those that come while it runs it shows.
#[test]
#[ignore = "needs kcat"]
fn a_group_at_a_terminal_shows_what_comes_and_goes_on_after_ctrl_c() {
    let ottla = Ottla::on_localhost(&[]);
    let student = Student::beside(&ottla);
    let ten = r#"for i in {1..10}; do
      echo "order-$i" | kcat -b localhost:9092 -t orders -P
    done"#;
    student.type_(ten);
    let group = student.terminal("kcat -b localhost:9092 -G my-group orders");
    group.until("assigned: orders [0]");
    group.until("% Reached end of topic orders [0] at offset 10");
    assert!(!group.screen().contains("order-"), "kcat begins at the end");
    student.type_(ten);
    group.until("order-10\n");
    let (code, screen) = group.ctrl_c();
    assert_eq!(code, 0, "{screen}");
    let orders: Vec<&str> = screen.lines().filter(|line| line.starts_with("order-")).collect();
    let wanted: Vec<String> = (1..=10).map(|i| format!("order-{i}")).collect();
    assert_eq!(orders, wanted);
    student.type_(
        r#"for i in {11..15}; do
      echo "order-$i" | kcat -b localhost:9092 -t orders -P
    done"#,
    );
    let resumed = student.type_("kcat -b localhost:9092 -G my-group orders -e");
    assert_eq!(resumed, "order-11\norder-12\norder-13\norder-14\norder-15\n");
}

#[test]
#[ignore = "needs kcat"]
fn messages_one_by_one_are_a_hundred_batches_and_a_stream_is_few() {
    let ottla = Ottla::on_localhost(&[]);
    let student = Student::beside(&ottla);
    let (code, reported) = student.try_(
        r#"echo "Sending messages one-by-one..."
time for i in {1..100}; do
  echo "message-$i" | kcat -b localhost:9092 -t perf-demo -P
done"#,
    );
    assert_eq!(code, 0);
    assert!(reported.starts_with("Sending messages one-by-one...\n"), "{reported}");
    assert!(reported.contains("\nreal\t"), "the time that it took: {reported}");
    assert_eq!(batches(&ottla.log("perf-demo-0")).count(), 100);
    let (code, reported) = student.try_(
        r#"echo "Sending messages in batches..."
time ( for i in {1..100}; do
  echo "message-batch-$i"
done | kcat -b localhost:9092 -t perf-demo -P \
  -X linger.ms=100 \
  -X batch.size=1048576 \
  -X compression.codec=lz4)"#,
    );
    assert_eq!(code, 0);
    assert!(reported.contains("\nreal\t"), "{reported}");
    let log = ottla.log("perf-demo-0");
    // That is why scenario B is faster; usually it is one.
    assert!(batches(&log).skip(100).count() < 20);
    assert_eq!(batches(&log).map(|batch| batch.header.records_count).sum::<i32>(), 200);
}
