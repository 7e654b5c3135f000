//! What has to be there before a load: topics with leaders, and a group's coordinator.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use kafka_protocol::messages::{
    ApiKey, FindCoordinatorRequest, FindCoordinatorResponse, MetadataRequest, MetadataResponse,
};
use kafka_protocol::protocol::StrBytes;

use crate::wire;

/// The longest that any of it is waited for.
const PATIENCE: Duration = Duration::from_secs(300);

/// Create topics `PREFIX`, or `PREFIX-0` and so on, and say how long it took until the answer and
/// until all partitions had leaders.
pub fn create(address: &str, prefix: &str, count: usize, partitions: i32) {
    let names: Vec<String> = match count {
        1 => vec![prefix.to_owned()],
        _ => (0..count).map(|n| format!("{prefix}-{n}")).collect(),
    };
    let begun = Instant::now();
    wire::create_topics(address, &names, partitions);
    let answered = begun.elapsed();
    while led(address, prefix) < count * partitions as usize {
        assert!(begun.elapsed() < PATIENCE, "partitions remain without leaders");
        std::thread::sleep(Duration::from_millis(5));
    }
    println!(
        "{{\"answered\": {:.6}, \"led\": {:.6}}}",
        answered.as_secs_f64(),
        begun.elapsed().as_secs_f64()
    );
}

/// How many partitions of topics with this prefix have leaders.
fn led(address: &str, prefix: &str) -> usize {
    let mut stream = TcpStream::connect(address).expect("a listening broker");
    let request = MetadataRequest::default().with_topics(None);
    let answer = wire::call(&mut stream, &wire::frame(ApiKey::Metadata, 12, &request)).unwrap();
    let answer: MetadataResponse = wire::decode(ApiKey::Metadata, 12, answer);
    let ours = answer
        .topics
        .iter()
        .filter(|topic| topic.name.as_ref().is_some_and(|name| name.0.starts_with(prefix)));
    let partitions = ours.flat_map(|topic| &topic.partitions);
    partitions.filter(|partition| partition.error_code == 0 && partition.leader_id.0 >= 0).count()
}

/// Wait until the group has a coordinator: Kafka creates `__consumer_offsets` for the first.
pub fn find_coordinator(address: &str, group: &str) {
    let request = FindCoordinatorRequest::default()
        .with_key_type(0)
        .with_coordinator_keys(vec![StrBytes::from_string(group.to_owned())]);
    let frame = wire::frame(ApiKey::FindCoordinator, 4, &request);
    let begun = Instant::now();
    loop {
        let mut stream = TcpStream::connect(address).expect("a listening broker");
        let answer = wire::call(&mut stream, &frame).unwrap();
        let answer: FindCoordinatorResponse = wire::decode(ApiKey::FindCoordinator, 4, answer);
        if answer.coordinators.iter().all(|coordinator| coordinator.error_code == 0) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "the group has no coordinator");
        std::thread::sleep(Duration::from_millis(20));
    }
}
