//! What groups cost that no one uses: memory, and time at a start.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kafka_protocol::messages::{
    ApiKey, GroupId, OffsetCommitRequest, OffsetCommitResponse, OffsetFetchRequest,
    OffsetFetchResponse,
};
use kafka_protocol::protocol::StrBytes;

use crate::broker::Broker;
use crate::proc::status_kib;
use crate::{commits, verdict, wire};

const PARTITIONS: i32 = 3;
const STARTS: usize = 10;

fn name(number: usize) -> GroupId {
    GroupId(StrBytes::from_string(format!("group-of-some-service-{number}")))
}

/// Commit three offsets in each of `count` groups, then start again and again.
pub fn idle(count: usize) {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(dir.path(), &[]);
    wire::create_topics(&broker.address, &["orders".to_owned()], PARTITIONS);
    let before = status_kib(broker.pid(), "VmRSS");
    let mut stream = TcpStream::connect(&broker.address).unwrap();
    for number in 0..count {
        let request: OffsetCommitRequest =
            commits::request("orders", 0..PARTITIONS, 1).with_group_id(name(number));
        let frame = wire::frame(ApiKey::OffsetCommit, 8, &request);
        let answer = wire::call(&mut stream, &frame).unwrap();
        let answer: OffsetCommitResponse = wire::decode(ApiKey::OffsetCommit, 8, answer);
        commits::check(&answer);
    }
    drop(stream);
    let mib = |kib: u64| kib as f64 / 1024.0;
    let after = status_kib(broker.pid(), "VmRSS");
    println!(
        "{count} groups, 3 offsets each: RSS {:.1} MiB before, {:.1} MiB after",
        mib(before),
        mib(after)
    );
    drop(broker);
    starts(dir.path(), count);
}

/// Killed and started again: from exec until the last group's offset is answered.
fn starts(dir: &std::path::Path, count: usize) {
    let group = OffsetFetchRequestGroup::default().with_group_id(name(count - 1)).with_topics(None);
    let request = OffsetFetchRequest::default().with_groups(vec![group]);
    let frame = wire::frame(ApiKey::OffsetFetch, 8, &request);
    let (mut times, mut peaks): (Vec<Duration>, Vec<u64>) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let begun = Instant::now();
        let broker = Broker::start(dir, &[]);
        let mut stream = TcpStream::connect(&broker.address).unwrap();
        let answer = wire::call(&mut stream, &frame).unwrap();
        times.push(begun.elapsed());
        let answer: OffsetFetchResponse = wire::decode(ApiKey::OffsetFetch, 8, answer);
        assert_eq!(answer.groups[0].topics[0].partitions.len(), PARTITIONS as usize);
        peaks.push(status_kib(broker.pid(), "VmHWM"));
    }
    times.sort_unstable();
    peaks.sort_unstable();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let (median, max) = (ms(times[STARTS / 2]), ms(times[STARTS - 1]));
    println!(
        "exec to the first OffsetFetch: median {median:.1} ms, max {max:.1} ms, n={STARTS} \
         (target: 200 ms) {}",
        verdict(median <= 200.0)
    );
    let peak = peaks[STARTS / 2] as f64 / 1024.0;
    println!("peak RSS after that: {peak:.1} MiB (target: 30 MiB) {}", verdict(peak <= 30.0));
}
