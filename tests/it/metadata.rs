//! Metadata: all topics, none, some; by name and by id; created on the way or not.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{MetadataRequest, MetadataResponse};

use crate::client::{Client, topic_name};
use crate::harness::Ottla;

fn asking(topics: Option<&[&str]>) -> MetadataRequest {
    let topic = |s: &&str| MetadataRequestTopic::default().with_name(Some(topic_name(s)));
    let topics = topics.map(|topics| topics.iter().map(topic).collect());
    MetadataRequest::default().with_topics(topics).with_allow_auto_topic_creation(true)
}

fn names(answer: &MetadataResponse) -> Vec<(String, i16)> {
    let one = |t: &kafka_protocol::messages::metadata_response::MetadataResponseTopic| {
        (t.name.as_ref().map(|name| name.to_string()).unwrap_or_default(), t.error_code)
    };
    answer.topics.iter().map(one).collect()
}

#[tokio::test]
async fn null_is_all_topics_and_empty_is_none_but_in_version_0() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    client.create("a", 1, &[]).await;
    client.create("b", 3, &[]).await;
    let all = vec![("a".to_owned(), 0), ("b".to_owned(), 0)];
    for version in 1..=13 {
        assert_eq!(names(&client.call(version, &asking(None)).await), all, "v{version}");
        assert_eq!(names(&client.call(version, &asking(Some(&[]))).await), [], "v{version}");
    }
    let of_old = asking(Some(&[]));
    assert_eq!(names(&client.call(0, &of_old).await), all);
}

#[tokio::test]
async fn the_broker_stands_at_the_address_where_it_was_reached() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let answer = client.call(12, &asking(None)).await;
    let broker = &answer.brokers[0];
    assert_eq!(broker.host.as_str(), "127.0.0.1");
    assert_eq!(broker.port, i32::from(ottla.address().port()));
    assert_eq!(answer.controller_id, broker.node_id);
    assert_eq!(answer.cluster_id.as_ref().map(|id| id.len()), Some(22));
}

/// What a client that knows the broker as `localhost` tries first depends on its resolver, and some
/// try nothing else.
#[tokio::test]
async fn a_broker_on_localhost_answers_at_both_addresses_and_is_advertised_by_that_name() {
    let ottla = Ottla::with(&[("listeners", "localhost:0")]).await;
    let port = ottla.address().port();
    let mut addresses = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))];
    // A machine may have no IPv6 at all.
    if std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
        addresses.push(SocketAddr::from((Ipv6Addr::LOCALHOST, port)));
    }
    for address in addresses {
        let answer = Client::connect(address).await.call(12, &asking(None)).await;
        let broker = &answer.brokers[0];
        assert_eq!(
            (broker.host.as_str(), broker.port),
            ("localhost", i32::from(port)),
            "{address}"
        );
    }
}

#[tokio::test]
async fn an_advertised_address_is_sent_instead() {
    let ottla = Ottla::with(&[("advertised.listeners", "broker.test:19092")]).await;
    let mut client = ottla.client().await;
    let answer = client.call(12, &asking(None)).await;
    assert_eq!((answer.brokers[0].host.as_str(), answer.brokers[0].port), ("broker.test", 19092));
}

#[tokio::test]
async fn a_topic_that_is_asked_for_is_created_and_has_a_leader_at_once() {
    let ottla = Ottla::with(&[("num.partitions", "3")]).await;
    let mut client = ottla.client().await;
    let answer = client.call(12, &asking(Some(&["fresh"]))).await;
    let topic = &answer.topics[0];
    assert_eq!((topic.error_code, topic.partitions.len()), (0, 3));
    assert!(!topic.topic_id.is_nil());
    for partition in &topic.partitions {
        assert_eq!((partition.error_code, partition.leader_id), (0, answer.brokers[0].node_id));
        assert_eq!(partition.replica_nodes, partition.isr_nodes);
    }
    assert_eq!(client.produce("fresh", 2, crate::records::plain(&["a"])).await.error_code, 0);
}

#[tokio::test]
async fn nothing_is_created_where_the_client_or_the_broker_forbids_it() {
    let unknown = Code::UnknownTopicOrPartition.code();
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let shy = asking(Some(&["fresh"])).with_allow_auto_topic_creation(false);
    assert_eq!(names(&client.call(12, &shy).await), [("fresh".to_owned(), unknown)]);
    let ottla = Ottla::with(&[("auto.create.topics.enable", "false")]).await;
    let mut client = ottla.client().await;
    let asked = client.call(12, &asking(Some(&["fresh"]))).await;
    assert_eq!(names(&asked), [("fresh".to_owned(), unknown)]);
    assert_eq!(names(&client.call(12, &asking(None)).await), []);
}

#[tokio::test]
async fn a_bad_name_is_an_invalid_topic() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let long = "x".repeat(250);
    for name in ["", ".", "..", "a b", "ä", &long] {
        let answer = client.call(12, &asking(Some(&[name]))).await;
        assert_eq!(answer.topics[0].error_code, Code::InvalidTopicException.code(), "{name:?}");
    }
}

#[tokio::test]
async fn a_topic_is_found_by_its_id() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    let id = client.create("a", 1, &[]).await;
    let by = |id| {
        let topic = MetadataRequestTopic::default().with_name(None).with_topic_id(id);
        MetadataRequest::default().with_topics(Some(vec![topic]))
    };
    assert_eq!(names(&client.call(12, &by(id)).await), [("a".to_owned(), 0)]);
    let other = uuid::Uuid::from_u128(3);
    let answer = client.call(12, &by(other)).await;
    assert_eq!(answer.topics[0].error_code, Code::UnknownTopicId.code());
    assert_eq!(answer.topics[0].topic_id, other);
}
