//! Every API and version that is served, asked of Ottla and of Apache Kafka: the same answers.
//!
//! The requests are made from `schemas/`: the usual one, every one that
//! differs from it in one thing (another value, null, an empty list, a thing named twice), and, in
//! a second test, as many at random as `OTTLA_TEST_ANSWERS_SECONDS` allows, by default the same ones
//! each time; `OTTLA_SEED=$RANDOM` looks for new ones. Answers are compared to the last byte, but for
//! what `masks.rs` names.

mod answer;
mod masks;
mod pool;
mod requests;
mod side;
mod value;

use std::time::{Duration, Instant};

use fastrand::Rng;
use ottla::config::table::broker_option;
use ottla::handlers::api::Api;
use ottla::handlers::table::APIS;
use uuid::Uuid;

use self::side::{Both, both};
use self::value::Value;
use crate::clients::number;
use crate::schemas::{self, Schema};

/// How long requests at random are made, in seconds, unless `OTTLA_TEST_ANSWERS_SECONDS` says.
const SECONDS: u64 = 60;
/// The seed and the number of requests at random without `OTTLA_SEED`: a run finds the same each
/// time, on a fast machine as well. With `OTTLA_SEED` only the time is limited.
const SEED: u64 = 44;
const REQUESTS: usize = 2000;
/// The APIs that are compared. `OTTLA_TEST_API=name,name` compares these, and `all` every one.
const COMPARED: &[i16] = &[
    0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 19, 20, 21, 22, 23, 29, 30, 31, 32, 33, 34,
    35, 37, 42, 43, 44, 45, 46, 47, 48, 49, 55, 57, 60, 74, 75,
];
/// How many differences are shown.
const SHOWN: u64 = 40;

/// A request that is answered differently, in text.
struct Difference {
    request: String,
    ottla: String,
    kafka: String,
}

#[test]
#[ignore = "needs Apache Kafka and kcat"]
fn requests_that_differ_from_the_usual_in_one_thing_have_kafkas_answers() {
    let mut both = both();
    let mut differences = Vec::new();
    let mut asked = 0;
    for api in compared() {
        let request = schemas::request(api.key);
        // What only Ottla serves has nothing to be compared with.
        for version in api.versions.clone().filter(|v| *v >= least(api.key)) {
            let world = both.world(api.key);
            let usual = requests::usual(&world, request, version);
            let changed = requests::single_changes(&world, request, version);
            for value in std::iter::once(usual).chain(changed) {
                if kafka_fails(request, &value) || is_for_a_plugin(request, &value) {
                    continue;
                }
                asked += 1;
                differences.extend(difference(&mut both, request, version, &value));
            }
        }
        println!("{}: {asked} requests, {} differences", api.name, differences.len());
    }
    assert!(differences.is_empty(), "{}", story(&differences));
}

#[test]
#[ignore = "needs Apache Kafka and kcat"]
fn requests_at_random_have_kafkas_answers() {
    let mut both = both();
    let seed = number("OTTLA_SEED", SEED);
    let most = if std::env::var_os("OTTLA_SEED").is_some() { usize::MAX } else { REQUESTS };
    let seconds = number("OTTLA_TEST_ANSWERS_SECONDS", SECONDS);
    let mut rng = Rng::with_seed(seed);
    let begun = Instant::now();
    let mut asked = 0;
    let mut differences = Vec::new();
    let compared = compared();
    while asked < most && begun.elapsed() < Duration::from_secs(seconds) {
        let api = compared[rng.usize(..compared.len())];
        let request = schemas::request(api.key);
        both.world(api.key);
        for _ in 0..20 {
            let version = rng.i16(api.versions.clone()).max(least(api.key));
            let world = both.again(api.key);
            let value = requests::random(&world, request, version, &mut rng);
            if kafka_fails(request, &value) || is_for_a_plugin(request, &value) {
                continue;
            }
            asked += 1;
            differences.extend(difference(&mut both, request, version, &value));
        }
    }
    println!("OTTLA_SEED={seed}: {asked} requests");
    assert!(
        differences.is_empty(),
        "{asked} requests, {}\nThe same requests in the same order:\n  \
         OTTLA_SEED={seed} OTTLA_TEST_ANSWERS_SECONDS={seconds} \
         cargo test --test interop answers::requests_at_random -- --ignored",
        story(&differences)
    );
}

/// The APIs that are compared now.
fn compared() -> Vec<&'static Api> {
    let only = std::env::var("OTTLA_TEST_API").ok();
    let is_meant = |api: &&Api| match &only {
        Some(only) => only.split(',').any(|only| only == api.name || only == "all"),
        None => COMPARED.contains(&api.key),
    };
    APIS.iter().filter(is_meant).collect()
}

/// The oldest version that Apache Kafka serves, where that is not Ottla's.
fn least(key: i16) -> i16 {
    match key {
        19 => 2,
        20 => 1,
        _ => 0,
    }
}

/// What Kafka fails at by accident (docs/compatibility.md): a resource that AlterConfigs names twice
/// ends in its log; a null pointer is what becomes of a Fetch in which anything stands beside the nil
/// id, and of an operation that IncrementalAlterConfigs does not have, but for brokers.
fn kafka_fails(request: &Schema, value: &Value) -> bool {
    match request.key() {
        1 => {
            let topics = list(value, "topics");
            let is_nil = |topic: &&Value| topic.get("topic_id") == Some(&Value::Id(Uuid::nil()));
            let partitions = |topic: &Value| list(topic, "partitions").len();
            topics.iter().filter(is_nil).any(|topic| partitions(topic) > 0)
                && topics.iter().map(partitions).sum::<usize>() > 1
        }
        33 => {
            // Types that there are not are all one to Kafka.
            let kind = |one: &Value| match one.get("resource_type") {
                Some(Value::Number(kind)) if [2, 4, 8, 16, 32].contains(kind) => *kind,
                _ => 0,
            };
            let named = |one: &Value| (kind(one), one.get("resource_name").cloned());
            let named: Vec<_> = list(value, "resources").iter().map(named).collect();
            (1..named.len()).any(|place| named[..place].contains(&named[place]))
        }
        44 => list(value, "resources").iter().any(|resource| {
            let is_there = |config: &Value| {
                matches!(config.get("config_operation"), Some(Value::Number(0..=3)))
            };
            !matches!(resource.get("resource_type"), Some(Value::Number(4 | 8)))
                && !list(resource, "configs").iter().all(is_there)
        }),
        _ => false,
    }
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    match value.get(name) {
        Some(Value::List(Some(all))) => all,
        _ => &[],
    }
}

/// Configs of a broker that Kafka keeps for a plugin, and Ottla does not know (docs/compatibility.md).
fn is_for_a_plugin(request: &Schema, value: &Value) -> bool {
    let is_unknown = |config: &Value| match config.get("name") {
        Some(Value::Text(Some(name))) => broker_option(name).is_none(),
        _ => true,
    };
    matches!(request.key(), 33 | 44)
        && list(value, "resources").iter().any(|resource| {
            resource.get("resource_type") == Some(&Value::Number(4))
                && list(resource, "configs").iter().any(is_unknown)
        })
}

fn difference(
    both: &mut Both,
    request: &'static Schema,
    version: i16,
    value: &Value,
) -> Option<Difference> {
    let (mut ottla, mut kafka) = both.ask(request, version, value);
    if has_several_features(request, value) {
        // Kafka tells what is wrong with one of them, in the order of a hash map.
        for text in [&mut ottla, &mut kafka] {
            *text = text.lines().filter(|line| !line.contains("feature had an error")).collect();
        }
    }
    (ottla != kafka).then(|| Difference {
        request: format!("{} v{version} {}", request.api(), value.as_text()),
        ottla,
        kafka,
    })
}

fn has_several_features(request: &Schema, value: &Value) -> bool {
    request.key() == 57
        && list(value, "feature_updates")
            .windows(2)
            .any(|two| two[0].get("feature") != two[1].get("feature"))
}

/// Each kind of difference once: the lines in which the two differ, with the few before them.
fn story(differences: &[Difference]) -> String {
    let mut kinds: Vec<(String, usize, String)> = Vec::new();
    for Difference { request, ottla, kafka } in differences {
        let (before, apart) = apart(ottla, kafka);
        let of = request.split([' ']).next().unwrap_or_default();
        let kind = format!("{of}\n{apart}");
        match kinds.iter_mut().find(|(known, ..)| *known == kind) {
            Some((_, times, _)) => *times += 1,
            None => kinds.push((kind, 1, format!("{request}\n{before}{apart}"))),
        }
    }
    let mut story = format!("{} differences of {} kinds\n", differences.len(), kinds.len());
    for (_, times, text) in kinds.iter().take(number("OTTLA_TEST_SHOWN", SHOWN) as usize) {
        story += &format!("\n{times} times, {text}");
    }
    story
}

fn apart(ottla: &str, kafka: &str) -> (String, String) {
    let (ours, theirs): (Vec<&str>, Vec<&str>) = (ottla.lines().collect(), kafka.lines().collect());
    let same = ours.iter().zip(&theirs).take_while(|(a, b)| a == b).count();
    let tail = ours[same..].iter().rev().zip(theirs[same..].iter().rev());
    let same_at_end = tail.take_while(|(a, b)| a == b).count();
    let before = ours[same.saturating_sub(6)..same].iter().map(|line| format!("    {line}\n"));
    let mut lines = String::new();
    for (mark, all) in [("Ottla", &ours), ("Kafka", &theirs)] {
        for line in all[same..all.len() - same_at_end].iter().take(14) {
            lines += &format!("  {mark} {line}\n");
        }
    }
    (before.collect(), lines)
}
