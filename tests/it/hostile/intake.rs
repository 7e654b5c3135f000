//! Clients that take memory and places for requests: they send slowly, or nothing at all.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{
    ApiVersionsRequest, DescribeConfigsRequest, FetchRequest, ProduceRequest,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::client::{Client, framed, production, text, topic_name};
use crate::hostile::broker::LimitedBroker;
use crate::hostile::run;
use crate::hostile::steady::SteadyClient;
use crate::records::plain;

/// How long a request of a well-behaved client may take, however loaded the machine is. Where
/// others were in its way it took half a minute and more.
const PROMPT: Duration = Duration::from_secs(10);

/// Lets this process have as many descriptors as the system does: thousands of connections end
/// here, too.
fn raise_limit_of_files() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
}

async fn connect_from(last: u8, broker: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)), 0))?;
    socket.connect(broker).await
}

/// The beginning of a Produce that announces this many bytes.
fn announcing(bytes: usize, sent: usize) -> Vec<u8> {
    let mut frame = i32::try_from(bytes).unwrap().to_be_bytes().to_vec();
    frame.extend(&framed(9, 1, &production("t", 0, plain(&["a"])))[4..]);
    frame.resize(4 + sent, 0);
    frame
}

/// Sends this, and then one byte a second until it is closed or aborted.
async fn drip(mut stream: TcpStream, beginning: Vec<u8>) {
    if stream.write_all(&beginning).await.is_err() {
        return;
    }
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if stream.write_all(&[0]).await.is_err() {
            return;
        }
    }
}

/// Produces a record of this many bytes.
async fn produce(client: &mut Client, bytes: usize) {
    let value = "x".repeat(bytes);
    let answer = tokio::time::timeout(PROMPT, client.produce("t", 0, plain(&[&value]))).await;
    let answer = answer.unwrap_or_else(|_| panic!("a produce of {bytes} bytes is not answered"));
    assert_eq!(answer.error_code, 0);
}

/// A large request, which is refused for the size of its batch, but read and answered.
fn largest(bytes: usize) -> Vec<u8> {
    framed(9, 1, &production("t", 0, plain(&[&"x".repeat(bytes - 1000)])))
}

/// Opens a connection and sends a large request as fast as it is read. Where the machine stands
/// still for a second, its client seems slow and gives way to the other one: it comes again, as
/// clients do.
async fn send_largest(broker: &LimitedBroker, frame: Vec<u8>) {
    loop {
        let mut client = broker.client().await;
        let is_sent = client.stream.write_all(&frame).await.is_ok();
        if is_sent && matches!(client.stream.peek(&mut [0]).await, Ok(1..)) {
            let answer = client.receive::<ProduceRequest>(9, 1).await;
            let code = answer.responses[0].partition_responses[0].error_code;
            return assert_eq!(code, 10, "MESSAGE_TOO_LARGE");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_frame_that_comes_at_80_kb_a_second_keeps_no_other_client_from_producing() {
    let outcome = run(&[], async |broker| {
        let mut client = broker.client().await;
        client.create("t", 1, &[]).await;
        let mut slow = broker.client().await.stream;
        // It has its share from the beginning: at this pace it would take minutes to get it.
        slow.write_all(&announcing(90_000_000, 20_000_000)).await.unwrap();
        let slow = tokio::spawn(async move {
            loop {
                slow.write_all(&[0; 8000]).await.unwrap();
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        for _ in 0..40 {
            produce(&mut client, 50_000).await;
            produce(&mut client, 900_000).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(!slow.is_finished(), "there is memory for all of them");
        slow.abort();
    })
    .await;
    assert_eq!(outcome.lines_with("connection closed"), [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_frames_that_come_at_a_byte_a_second_keep_no_other_client_from_producing() {
    raise_limit_of_files();
    let outcome = run(&[], async |broker| {
        let mut client = broker.client().await;
        client.create("t", 1, &[]).await;
        let mut slow = JoinSet::new();
        for _ in 0..2000 {
            slow.spawn(drip(broker.client().await.stream, announcing(1_000_000, 500)));
        }
        for _ in 0..20 {
            produce(&mut client, 900_000).await;
            produce(&mut broker.client().await, 50_000).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(slow.len(), 2000);
    })
    .await;
    assert!(outcome.growth_bytes() < 100 << 20, "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_of_all_sizes_that_stop_halfway_give_way_to_those_that_come() {
    raise_limit_of_files();
    let outcome = run(&[], async |broker| {
        let mut client = broker.client().await;
        client.create("t", 1, &[]).await;
        let mut slow = JoinSet::new();
        for n in 0..600 {
            let (size, sent) = match n % 6 {
                0 => (5_000_000, 400_000),
                1 => (90_000_000, 2_000_000),
                2 => (1_000_000, 500_000),
                _ => (1_000_000, 20_000),
            };
            let stream = connect_from(1 + n as u8 % 3, broker.address()).await.unwrap();
            slow.spawn(drip(stream, announcing(size, sent)));
        }
        let mut other = Client::over(connect_from(9, broker.address()).await.unwrap());
        for _ in 0..10 {
            produce(&mut other, 900_000).await;
            produce(&mut client, 50_000).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    let lines = outcome.lines_with("while others wait for memory");
    assert!(!lines.is_empty(), "{:?}", outcome.log);
    assert!(lines.len() < 200, "at most one a second: {}", lines.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_frames_pass_two_at_a_time() {
    let outcome = run(&[("socket.request.min.bytes.per.second", "1")], async |broker| {
        broker.client().await.create("t", 1, &[]).await;
        // Made before either is sent: what takes this thread's time would make a sender slow.
        let frames = [104_857_600, 104_857_600, 20_000_000].map(largest);
        let [one, other, third] = frames;
        tokio::join!(send_largest(broker, one), send_largest(broker, other));
        send_largest(broker, third).await;
    })
    .await;
    let closed = outcome.lines_with("connection closed");
    let gave_way = |line: &&str| line.contains("while others wait for memory");
    assert!(closed.iter().all(gave_way), "{closed:?}");
}

#[tokio::test]
async fn a_request_that_does_not_arrive_in_its_time_is_closed() {
    let outcome = run(&[("socket.request.min.bytes.per.second", "2097152")], async |broker| {
        for sent in [2, 100, 20_000] {
            let mut slow = broker.client().await.stream;
            slow.write_all(&announcing(40_000, sent)[..sent]).await.unwrap();
            let closed = tokio::time::timeout(Duration::from_secs(60), slow.read(&mut [0])).await;
            assert!(matches!(closed.unwrap(), Ok(0) | Err(_)), "{sent}");
        }
    })
    .await;
    let lines = outcome.lines_with("socket.request.min.bytes.per.second");
    assert!(!lines.is_empty() && lines.iter().all(|line| line.contains("WARN")), "{lines:?}");
}

/// Connections that were opened from this address until one was refused, or `most`.
async fn idle_from(last: u8, most: usize, broker: SocketAddr) -> Vec<TcpStream> {
    let mut idle = Vec::new();
    for _ in 0..most {
        match connect_from(last, broker).await {
            Ok(stream) => idle.push(stream),
            Err(_) => break,
        }
    }
    idle
}

/// True if a client from this address is answered.
async fn is_served(last: u8, broker: SocketAddr) -> bool {
    let Ok(stream) = connect_from(last, broker).await else { return false };
    let mut client = Client::over(stream);
    let frame = framed(3, 1, &ApiVersionsRequest::default());
    if client.stream.write_all(&frame).await.is_err() {
        return false;
    }
    tokio::time::timeout(PROMPT, client.frame()).await.expect("an answer or an end").is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_idle_connections_from_one_address_lock_no_other_client_out() {
    raise_limit_of_files();
    let configs = [("max.connections", "2000")];
    let broker = LimitedBroker::start(&configs);
    let steady = SteadyClient::start_from(Ipv4Addr::new(127, 0, 0, 2).into(), broker.address());
    steady.rounds(3).await;
    let idle = idle_from(1, 2200, broker.address()).await;
    assert!(!is_served(1, broker.address()).await, "it has all that there are");
    for address in 3..20 {
        for _ in 0..3 {
            assert!(is_served(address, broker.address()).await, "127.0.0.{address}");
        }
    }
    steady.rounds(3).await;
    drop(idle);
    steady.stop();
    let log = broker.stop();
    let lines = |text: &str| log.iter().filter(|line| line.contains(text)).count();
    assert!(lines("closed the least recently used connection") >= 1, "{log:?}");
    // There were two hundred of them, within a few seconds.
    assert!((1..60).contains(&lines("connection limit reached")), "{log:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_descriptors_left_still_serves_new_addresses_and_says_so_once_a_second() {
    raise_limit_of_files();
    let broker = LimitedBroker::start_with_files(400, &[]);
    let idle = idle_from(1, 600, broker.address()).await;
    assert!(!is_served(1, broker.address()).await);
    for address in 2..12 {
        assert!(is_served(address, broker.address()).await, "127.0.0.{address}");
    }
    drop(idle);
    let log = broker.stop();
    let lines = |text: &str| log.iter().filter(|line| line.contains(text)).count();
    assert!(lines("open files") >= 1, "{log:?}");
    assert!(lines("WARN") < 60, "{log:?}");
}

#[tokio::test]
async fn one_address_has_no_more_than_its_limit() {
    let broker = LimitedBroker::start(&[("max.connections.per.ip", "5")]);
    let here = idle_from(1, 5, broker.address()).await;
    assert!(!is_served(1, broker.address()).await);
    assert!(is_served(2, broker.address()).await);
    drop(here);
    let log = broker.stop();
    assert!(log.iter().any(|line| line.contains("max.connections.per.ip")), "{log:?}");
}

#[tokio::test]
async fn large_fetches_that_would_wait_for_minutes_give_way_to_those_that_come() {
    let outcome = run(&[], async |broker| {
        let mut client = broker.client().await;
        client.create("awaited", 1, &[]).await;
        let wanted = FetchPartition::default().with_partition_max_bytes(1 << 20);
        let topic = FetchTopic::default()
            .with_topic(topic_name("awaited"))
            .with_partitions(vec![wanted; 25_000]);
        let request = FetchRequest::default()
            .with_max_wait_ms(300_000)
            .with_min_bytes(1)
            .with_max_bytes(50 << 20)
            .with_session_epoch(-1)
            .with_topics(vec![topic]);
        let mut waiting = Vec::new();
        for _ in 0..60 {
            let mut client = broker.client().await;
            client.send(12, &request).await;
            waiting.push(client);
        }
        // A request that is as large as theirs is served while they wait.
        let asked = DescribeConfigsRequest::default().with_resources(vec![
            DescribeConfigsResource::default()
                .with_resource_type(2)
                .with_resource_name(text("awaited"))
                .with_configuration_keys(Some(vec![text("retention.ms")]));
            20_000
        ]);
        let answer = tokio::time::timeout(PROMPT, client.call(1, &asked)).await;
        assert_eq!(answer.expect("the request is not answered").results.len(), 20_000);
        // All of them are woken, and their answers wait for clients that do not read.
        let value = "x".repeat(900_000);
        for _ in 0..5 {
            let answer =
                tokio::time::timeout(PROMPT, client.produce("awaited", 0, plain(&[&value])));
            answer.await.expect("a produce of 900 KB is not answered");
        }
        drop(waiting);
    })
    .await;
    assert!(outcome.growth_bytes() < 200 << 20, "{outcome:?}");
}
