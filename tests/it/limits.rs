//! Clients that want too much, say too little, or never finish.

use std::time::Duration;

use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::{
    ApiVersionsRequest, FetchRequest, GroupId, JoinGroupRequest, MetadataRequest,
};

use crate::client::{Client, fetching, framed, production, text};
use crate::hang::within_a_minute;
use crate::harness::Ottla;
use crate::records::{plain, read};

/// A request whose frame (without its length) has this many bytes.
fn of_size(bytes: usize) -> Vec<u8> {
    let sized = |n: usize| {
        let version = text(&"x".repeat(n));
        let request = ApiVersionsRequest::default()
            .with_client_software_name(text("it"))
            .with_client_software_version(version);
        framed(3, 1, &request)
    };
    let frame = (0..bytes).map(sized).find(|frame| frame.len() == 4 + bytes);
    frame.expect("a request of this size")
}

#[tokio::test]
async fn a_frame_may_be_as_large_as_the_limit_and_no_larger() {
    let ottla = Ottla::with(&[("socket.request.max.bytes", "1000")]).await;
    let mut client = ottla.client().await;
    client.send_bytes(&of_size(1000)).await;
    assert_eq!(client.receive::<ApiVersionsRequest>(3, 1).await.error_code, 0);
    client.send_bytes(&of_size(1001)).await;
    assert!(client.is_closed().await);
    for length in [-1, i32::MIN, i32::MAX] {
        let mut client = ottla.client().await;
        client.send_bytes(&length.to_be_bytes()).await;
        assert!(client.is_closed().await, "{length}");
    }
}

#[tokio::test]
async fn a_request_may_come_byte_by_byte() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    for byte in of_size(60) {
        client.send_bytes(&[byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.receive::<ApiVersionsRequest>(3, 1).await.error_code, 0);
}

#[tokio::test]
async fn connections_over_the_limit_are_closed_and_leave_room_when_they_go() {
    let ottla = Ottla::with(&[("max.connections", "2")]).await;
    let mut first = ottla.client().await;
    let mut second = ottla.client().await;
    for client in [&mut first, &mut second] {
        client.call(3, &ApiVersionsRequest::default()).await;
    }
    assert!(ottla.client().await.is_closed().await);
    drop(second);
    loop {
        let mut next = ottla.client().await;
        let frame = framed(3, 1, &ApiVersionsRequest::default());
        // The broker may close it before or after it is written to.
        let _ = tokio::io::AsyncWriteExt::write_all(&mut next.stream, &frame).await;
        if next.frame().await.is_some() {
            break;
        }
    }
    first.call(3, &ApiVersionsRequest::default()).await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_waiting_one_is_not() {
    let ottla = Ottla::with(&[("connections.max.idle.ms", "200")]).await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let waiting = client.send(12, &fetching("t", 0, 0).with_max_wait_ms(i32::MAX)).await;
    let mut idle = ottla.client().await;
    assert!(idle.is_closed().await);
    ottla.client().await.produce("t", 0, plain(&["a"])).await;
    assert_eq!(read(&client.receive::<FetchRequest>(12, waiting).await).len(), 1);
}

#[tokio::test]
async fn half_a_large_request_does_not_keep_others_from_memory() {
    let ottla = Ottla::with(&[("queued.max.request.bytes", "1048576")]).await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let frame = framed(9, 1, &production("t", 0, plain(&[&"x".repeat(900_000)])));
    let mut stalled = Vec::new();
    for _ in 0..3 {
        let mut one = ottla.client().await;
        one.send_bytes(&frame[..frame.len() / 2]).await;
        stalled.push(one);
    }
    client.send_bytes(&frame).await;
    let answer = client.receive::<kafka_protocol::messages::ProduceRequest>(9, 1).await;
    assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
}

#[tokio::test]
async fn a_request_that_comes_drop_by_drop_does_not_keep_others_from_memory() {
    let ottla = Ottla::with(&[("queued.max.request.bytes", "1048576")]).await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let frame = framed(9, 1, &production("t", 0, plain(&[&"x".repeat(900_000)])));
    let mut slow = ottla.client().await;
    slow.send_bytes(&frame[..100_000]).await;
    let dripping = tokio::spawn(async move {
        for byte in &frame[100_000..] {
            use tokio::io::AsyncWriteExt;
            if slow.stream.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let answer = client.produce("t", 0, plain(&[&"y".repeat(900_000)])).await;
    assert_eq!(answer.error_code, 0);
    // It was closed: at its pace it would need hours.
    dripping.await.unwrap();
}

#[tokio::test]
async fn connections_that_were_busy_and_are_idle_hold_no_memory() {
    let ottla = Ottla::with(&[("queued.max.request.bytes", "1048576")]).await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    let mut idle = Vec::new();
    for _ in 0..20 {
        let mut one = ottla.client().await;
        for _ in 0..3 {
            one.produce("t", 0, plain(&[&"x".repeat(300_000)])).await;
        }
        idle.push(one);
    }
    for _ in 0..3 {
        let large = plain(&[&"y".repeat(900_000)]);
        assert_eq!(client.produce("t", 0, large).await.error_code, 0);
    }
    for one in &mut idle {
        assert_eq!(one.produce("t", 0, plain(&["z"])).await.error_code, 0, "it was not closed");
    }
}

#[tokio::test]
async fn a_client_that_stops_reading_holds_up_no_other_client() {
    let ottla = Ottla::with(&[("connections.max.idle.ms", "500")]).await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    client.produce("t", 0, plain(&[&"x".repeat(900_000)])).await;
    let mut deaf = ottla.client().await;
    let frame = framed(12, 1, &fetching("t", 0, 0));
    for _ in 0..200 {
        deaf.send_bytes(&frame).await;
    }
    for _ in 0..20 {
        assert_eq!(read(&client.fetch("t", 0, 0).await).len(), 1);
    }
    // It is closed once it has taken nothing for as long as an idle one may be.
    within_a_minute("it is closed", no_longer_takes(&deaf)).await;
}

/// Waits until the broker has closed the connection of a client that reads nothing.
async fn no_longer_takes(deaf: &Client) {
    loop {
        match deaf.stream.try_write(&[0]) {
            Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => break,
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_before_it_waits_is_closed_too() {
    let ottla = Ottla::with(&[("connections.max.idle.ms", "300")]).await;
    let mut client = ottla.client().await;
    client.create("t", 1, &[]).await;
    client.produce("t", 0, plain(&[&"x".repeat(900_000)])).await;
    let mut deaf = ottla.client().await;
    // More than a socket holds is owed when the last request begins to wait.
    let mut frames = framed(12, 1, &fetching("t", 0, 0)).repeat(20);
    frames.extend(framed(12, 2, &fetching("t", 0, 1).with_max_wait_ms(i32::MAX)));
    deaf.send_bytes(&frames).await;
    within_a_minute("it is closed", no_longer_takes(&deaf)).await;
}

#[tokio::test]
async fn what_is_owed_is_sent_when_a_client_ends_its_side() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let ids = [
        client.send(3, &ApiVersionsRequest::default()).await,
        client.send(3, &ApiVersionsRequest::default()).await,
    ];
    tokio::io::AsyncWriteExt::shutdown(&mut client.stream).await.unwrap();
    for id in ids {
        client.receive::<ApiVersionsRequest>(3, id).await;
    }
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn five_hundred_clients_are_served_at_once() {
    let ottla = Ottla::start().await;
    let mut clients = Vec::new();
    for _ in 0..500 {
        clients.push(Client::connect(ottla.address()).await);
    }
    let mut ids = Vec::new();
    for client in &mut clients {
        ids.push(client.send(12, &MetadataRequest::default()).await);
    }
    for (client, id) in clients.iter_mut().zip(ids) {
        assert_eq!(client.receive::<MetadataRequest>(12, id).await.brokers.len(), 1);
    }
}

#[tokio::test]
async fn a_join_that_waits_for_others_is_not_kept_for_a_client_that_has_ended_its_side() {
    let ottla = Ottla::with(&[("group.initial.rebalance.delay.ms", "600000")]).await;
    let mut client = ottla.client().await;
    let protocol = JoinGroupRequestProtocol::default().with_name(text("range"));
    let join = JoinGroupRequest::default()
        .with_group_id(GroupId(text("g")))
        .with_session_timeout_ms(600_000)
        .with_rebalance_timeout_ms(600_000)
        .with_protocol_type(text("consumer"))
        .with_protocols(vec![protocol]);
    client.send(3, &join).await;
    tokio::io::AsyncWriteExt::shutdown(&mut client.stream).await.unwrap();
    assert!(client.is_closed().await);
}
