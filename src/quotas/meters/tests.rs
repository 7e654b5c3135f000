//! The meters in simulated time.

use super::*;
use crate::metadata::quotas::{QuotaEntity, Table};
use crate::quotas::limits::{CLIENT_ID, IP, USER};

fn windows(samples: i64) -> Windows {
    Windows { samples, window_ms: 1000 }
}

fn meters(quotas: &[(&str, Option<&str>, QuotaType, f64)]) -> Meters {
    let mut meters = Meters::new(Sampling { clients: windows(11), mutations: windows(11) });
    meters.set_limits(limits(quotas));
    meters
}

fn limits(quotas: &[(&str, Option<&str>, QuotaType, f64)]) -> QuotaLimits {
    let mut table = Table::new();
    for (of, name, kind, bound) in quotas {
        let entity = QuotaEntity([((*of).to_owned(), name.map(str::to_owned))].into());
        table.entry(entity).or_default().insert(kind.key().to_owned(), *bound);
    }
    QuotaLimits::of(&table)
}

fn who(client_id: &str) -> ClientEntity<'_> {
    ClientEntity { user: "ANONYMOUS", client_id }
}

#[test]
fn a_client_that_waits_for_its_throttle_time_is_held_to_its_rate() {
    let mut meters = meters(&[(CLIENT_ID, Some("a"), QuotaType::Produce, 100_000.0)]);
    let (mut now_ms, mut sent) = (0, 0.0);
    while now_ms < 120_000 {
        sent += 16_384.0;
        // It sends a hundred times as fast as its quota allows.
        now_ms += 1 + meters.record(QuotaType::Produce, who("a"), 16_384.0, now_ms);
    }
    // The usage of several seconds may be sent at once at the beginning.
    let rate = sent / (now_ms as f64 / 1000.0);
    assert!((99_000.0..112_000.0).contains(&rate), "{rate} bytes a second");
    assert_eq!(meters.record(QuotaType::Produce, who("b"), 1e12, now_ms), 0, "others are free");
}

#[test]
fn a_users_clients_share_its_quota_and_client_ids_have_one_each() {
    let mut shared = meters(&[(USER, Some("ANONYMOUS"), QuotaType::Fetch, 100.0)]);
    assert_eq!(shared.record(QuotaType::Fetch, who("a"), 900.0, 0), 0);
    assert!(shared.record(QuotaType::Fetch, who("b"), 900.0, 0) > 0);
    let mut apart = meters(&[(CLIENT_ID, None, QuotaType::Fetch, 100.0)]);
    assert_eq!(apart.record(QuotaType::Fetch, who("a"), 900.0, 0), 0);
    assert_eq!(apart.record(QuotaType::Fetch, who("b"), 900.0, 0), 0);
    assert!(apart.record(QuotaType::Fetch, who("a"), 900.0, 0) > 0);
    assert_eq!(apart.most_at_once(QuotaType::Fetch, who("a")), Some(1000.0));
}

#[test]
fn a_new_quota_holds_for_what_was_used_already() {
    let mut meters = meters(&[(CLIENT_ID, Some("a"), QuotaType::Produce, 1000.0)]);
    assert_eq!(meters.record(QuotaType::Produce, who("a"), 9000.0, 0), 0);
    meters.set_limits(limits(&[(CLIENT_ID, Some("a"), QuotaType::Produce, 100.0)]));
    assert!(meters.record(QuotaType::Produce, who("a"), 1.0, 1) > 0);
    meters.set_limits(QuotaLimits::default());
    assert!(meters.is_empty());
    assert_eq!(meters.record(QuotaType::Produce, who("a"), 1e9, 2), 0);
}

#[test]
fn waits_for_processing_time_or_a_connection_are_short() {
    let mut meters = meters(&[
        (CLIENT_ID, Some("a"), QuotaType::Request, 1.0),
        (IP, Some("10.0.0.1"), QuotaType::Connection, 2.0),
    ]);
    assert_eq!(meters.record(QuotaType::Request, who("a"), 10_000.0, 0), 1000);
    let address = "10.0.0.1".parse().unwrap();
    let taken = (0..100).filter(|_| meters.connect(address, 0) == 0).count();
    assert_eq!(taken, 20, "ten seconds' worth at once");
    let put_off = meters.connect(address, 0);
    assert!((1..=1000).contains(&put_off), "{put_off} ms");
    assert_eq!(meters.connect("10.0.0.2".parse().unwrap(), 500), 0);
}

#[test]
fn mutations_are_refused_or_late_once_the_bucket_is_empty() {
    let quota = [(CLIENT_ID, Some("a"), QuotaType::Mutation, 2.0)];
    let mut strict = meters(&quota);
    assert_eq!(
        strict.mutate(who("a"), 30.0, true, 0),
        MutationOutcome::Granted,
        "a burst of 22 and more"
    );
    assert_eq!(strict.mutate(who("a"), 1.0, true, 0), MutationOutcome::Refused(4000));
    assert_eq!(strict.mutate(who("a"), 1.0, true, 3999), MutationOutcome::Refused(1));
    assert_eq!(strict.mutate(who("a"), 1.0, true, 4000), MutationOutcome::Granted);
    let mut late = meters(&quota);
    assert_eq!(late.mutate(who("a"), 30.0, false, 0), MutationOutcome::Late(4000));
    assert_eq!(late.mutate(who("a"), 2.0, false, 0), MutationOutcome::Late(5000));
}

#[test]
fn meters_are_bounded_and_forgotten_when_unused() {
    let mut meters = meters(&[(CLIENT_ID, None, QuotaType::Produce, 1000.0)]);
    for n in 0..METERS_MAX as i64 + 5000 {
        meters.record(QuotaType::Produce, who(&format!("client-{n}")), 20_000.0, n);
        assert!(meters.len() <= METERS_MAX);
    }
    let newest = format!("client-{}", METERS_MAX + 4999);
    assert!(meters.record(QuotaType::Produce, who(&newest), 1.0, 15_000) > 0, "it is remembered");
    meters.record(QuotaType::Produce, who("late"), 1.0, 15_000 + IDLE_MS);
    assert_eq!(meters.len(), 1);
}

#[test]
fn meters_that_came_at_the_same_moment_are_bounded_too() {
    let mut meters = meters(&[(CLIENT_ID, None, QuotaType::Produce, 1000.0)]);
    for n in 0..METERS_MAX + 5000 {
        meters.record(QuotaType::Produce, who(&n.to_string()), 1.0, 0);
        assert!((1..=METERS_MAX).contains(&meters.len()));
    }
    assert!(meters.len() > METERS_MAX / 2);
}

#[test]
fn a_client_id_without_end_costs_no_memory_without_end() {
    let (a, b) = (format!("{}a", "x".repeat(32_000)), format!("{}b", "x".repeat(32_000)));
    assert!(bounded(&a).len() < 300);
    assert_ne!(bounded(&a), bounded(&b));
    assert_eq!(&*bounded("short"), "short");
}
