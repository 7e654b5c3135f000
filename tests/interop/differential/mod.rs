//! The same random operations, done to Ottla and to Apache Kafka, give the same records and the
//! same errors.
//!
//! What the two may do differently, and why it is not compared:
//!
//! * **Words.** Error codes are compared, their messages are not.
//! * **How much one fetch gives.** A fetch ends at the end of a segment, and where a segment ends
//!   also depends on a clock and on how well a codec has packed. One answer may hold more records
//!   than the other, but the ones that both hold are the same, and neither is empty alone. What a
//!   partition holds from its start to its end is compared as well, and is the same.
//! * **The broker's time.** Where records carry it, only that they do is compared.
//! * **The log's start in the answer to a refused batch.** Kafka tells it with some errors and -1
//!   with others; no client looks.
//! * **Offsets by time where records have been deleted.** Kafka may answer with the largest timestamp
//!   of a record that is gone, or that there is no later record though there is one in the next
//!   segment. Ottla answers with what is there.
//! * **More than one for `min.insync.replicas`.** Kafka is content with as many as a partition
//!   has; Ottla refuses acks=all, as it says in docs/compatibility.md.
//! * **A codec that there is not, and offsets in a batch that do not count up.** Kafka says
//!   UNKNOWN_SERVER_ERROR, as for anything that it has not thought of; Ottla says CORRUPT_MESSAGE
//!   and INVALID_RECORD.
//! * **A client that sets the bit of LogAppendTime.** Kafka takes it as long as the time is within
//!   bounds and clears the bit; Ottla says INVALID_TIMESTAMP, as Kafka does beyond them.
//! * **Names of headers that are no UTF-8.** Where Kafka packs a batch again it puts U+FFFD in their
//!   place; Ottla keeps them. The tests send none.
//! * **Null for records.** Kafka never answers it; the tests send none.
//! * **What compaction has not removed yet.** The last value of each key is compared.

pub mod batch;
#[path = "../../it/client.rs"]
#[allow(dead_code)]
pub mod client;
mod plan;
pub mod settle;
mod world;

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use self::client::Client;
use self::plan::{Operation, plan};
use self::world::{Answer, World};
use crate::tools::side::{Pair, Side, pair};

const STEPS: usize = 10_000;
/// How long the two may take for one operation.
const LIMIT: Duration = Duration::from_secs(40);
/// How often a plan that fails is tried with fewer steps.
const TRIALS: usize = 40;

/// Two answers that differ, and the step that they answer.
struct Difference {
    step: usize,
    ottla: String,
    kafka: String,
}

impl Difference {
    /// True if it is the same one by its error codes: with steps left out there may be others.
    fn is_like(&self, other: &Difference) -> bool {
        let codes = |text: &str| -> Vec<String> {
            let reported = text.split("code ").skip(1);
            reported
                .map(|rest| rest.chars().take_while(|c| *c != ',' && *c != '"').collect())
                .collect()
        };
        codes(&self.ottla) == codes(&other.ottla) && codes(&self.kafka) == codes(&other.kafka)
    }
}

#[test]
#[ignore = "needs Apache Kafka and kcat"]
fn the_same_operations_have_the_same_outcome() {
    let pair = pair();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let steps = number("OTTLA_TEST_STEPS").unwrap_or(STEPS as u64) as usize;
    for seed in seeds(3) {
        println!("seed {seed}");
        let now = now_ms();
        let plan = plan(seed, steps, now);
        if let Some(difference) = runtime.block_on(compare(&pair, &plan, now)) {
            let (plan, difference) = runtime.block_on(shrink(&pair, plan, now, difference));
            panic!("{}", story(seed, &plan, &difference));
        }
    }
}

/// `default` seeds, or as many as `OTTLA_TEST_SEEDS` says; only `OTTLA_SEED` if that is set.
fn seeds(default: u64) -> std::ops::Range<u64> {
    match (number("OTTLA_SEED"), number("OTTLA_TEST_SEEDS")) {
        (Some(seed), _) => seed..seed + 1,
        (None, count) => 0..count.unwrap_or(default),
    }
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

/// Do the plan to both until their answers differ.
async fn compare(pair: &Pair, plan: &[Operation], now: i64) -> Option<Difference> {
    // Names are not used again: a deleted topic may still be on its way.
    let prefix = format!("d{}-", now_ms());
    let (mut ottla, mut kafka) = (
        world(&pair.ottla, &prefix, false, now).await,
        world(&pair.kafka, &prefix, true, now).await,
    );
    let mut difference = None;
    for (step, operation) in plan.iter().enumerate() {
        let both = async { tokio::join!(ottla.run(operation), kafka.run(operation)) };
        let Ok((ours, theirs)) = tokio::time::timeout(LIMIT, both).await else {
            panic!("no answer to step {step}, t{} {}", operation.topic, operation.deed.as_text());
        };
        if !are_alike(&ours, &theirs) {
            let (ottla, kafka) = apart(ours, theirs);
            difference = Some(Difference { step, ottla, kafka });
            break;
        }
    }
    let (ours, theirs) = tokio::join!(ottla.end(), kafka.end());
    if difference.is_none() && ours != theirs {
        difference = Some(Difference { step: plan.len(), ottla: ours, kafka: theirs });
    }
    difference
}

async fn world(side: &Side, prefix: &str, barrier: bool, now: i64) -> World {
    let address: SocketAddr = side.broker.address().parse().unwrap();
    let client = Client::connect(address).await;
    World::new(client, prefix, &side.broker.dir().join("data"), barrier, now)
}

/// Two answers from the first record on in which they differ.
fn apart(mut ours: Answer, mut theirs: Answer) -> (String, String) {
    if let (Some(ours), Some(theirs)) = (&mut ours.records, &mut theirs.records) {
        let same = ours.iter().zip(theirs.iter()).take_while(|(a, b)| a == b).count();
        ours.drain(..same);
        theirs.drain(..same);
    }
    (format!("{ours:?}"), format!("{theirs:?}"))
}

/// The same words, and of the records as many as both have.
fn are_alike(ours: &Answer, theirs: &Answer) -> bool {
    let records = match (&ours.records, &theirs.records) {
        (Some(ours), Some(theirs)) => {
            let both = ours.len().min(theirs.len());
            ours[..both] == theirs[..both] && ours.is_empty() == theirs.is_empty()
        }
        _ => true,
    };
    records && ours.reported == theirs.reported
}

/// The same difference with fewer steps: those of one topic, then without pieces of it.
async fn shrink(
    pair: &Pair,
    plan: Vec<Operation>,
    now: i64,
    difference: Difference,
) -> (Vec<Operation>, Difference) {
    let (mut best, mut found) = (plan, difference);
    best.truncate(found.step + 1);
    let mut trials = TRIALS;
    if let Some(topic) = best.get(found.step).map(|last| last.topic) {
        let fewer: Vec<Operation> = best.iter().filter(|one| one.topic == topic).cloned().collect();
        if let Some(again) = compare(pair, &fewer, now).await
            && again.is_like(&found)
        {
            (best, found) = (fewer, again);
        }
    }
    let mut piece = best.len() / 2;
    while piece > 0 && trials > 0 {
        let mut from = 0;
        while from + piece < best.len() && trials > 0 {
            trials -= 1;
            let mut fewer = best.clone();
            fewer.drain(from..from + piece);
            match compare(pair, &fewer, now).await {
                Some(again) if again.is_like(&found) => {
                    fewer.truncate(again.step + 1);
                    (best, found) = (fewer, again);
                }
                _ => from += piece,
            }
        }
        piece /= 2;
    }
    (best, found)
}

fn story(seed: u64, plan: &[Operation], difference: &Difference) -> String {
    let mut story = format!("a difference; run it again with OTTLA_SEED={seed}\n");
    let last = plan.len().min(difference.step + 1);
    for (step, operation) in plan.iter().enumerate().take(last).skip(last.saturating_sub(40)) {
        story += &format!(
            "{step} t{} {:?}: {}\n",
            operation.topic,
            operation.kind,
            operation.deed.as_text()
        );
    }
    let short = |text: &str| text.chars().take(3000).collect::<String>();
    story += &format!("Ottla: {}\nKafka: {}\n", short(&difference.ottla), short(&difference.kafka));
    story
}
