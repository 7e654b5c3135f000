//! Waiting for what a broker does behind its answers.

use std::path::Path;
use std::time::Duration;

use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::{
    DeleteTopicsRequest, DescribeConfigsRequest, IncrementalAlterConfigsRequest,
};

use super::client::{Client, creation, text, topic_name};

const LIMIT: usize = 10_000;
const PAUSE: Duration = Duration::from_millis(2);

/// Kafka answers a change of configs once its controller knows it; the broker follows later. It
/// takes changes in their order: once it tells of a second one it has begun with the first, and
/// once it tells of a third it has done with it.
pub struct Barrier {
    topic: String,
    passed: i64,
}

impl Barrier {
    pub fn new(prefix: &str) -> Barrier {
        Barrier { topic: format!("{prefix}barrier"), passed: 0 }
    }

    /// Wait until all earlier changes act.
    pub async fn pass(&mut self, client: &mut Client) {
        if self.passed == 0 {
            let answer = client.call(7, &creation(&self.topic, 1, &[])).await;
            assert_eq!(answer.topics[0].error_code, 0);
        }
        for _ in 0..2 {
            self.passed += 1;
            let value = self.passed.to_string();
            let change = AlterableConfig::default()
                .with_name(text("flush.messages"))
                .with_value(Some(text(&value)));
            let resource = AlterConfigsResource::default()
                .with_resource_type(2)
                .with_resource_name(text(&self.topic))
                .with_configs(vec![change]);
            let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
            assert_eq!(client.call(1, &request).await.responses[0].error_code, 0);
            self.seen(client, &value).await;
        }
    }

    async fn seen(&self, client: &mut Client, value: &str) {
        let resource = DescribeConfigsResource::default()
            .with_resource_type(2)
            .with_resource_name(text(&self.topic))
            .with_configuration_keys(Some(vec![text("flush.messages")]));
        let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
        for _ in 0..LIMIT {
            let answer = client.call(4, &request).await;
            let reported =
                answer.results[0].configs.first().and_then(|config| config.value.clone());
            if reported.as_deref() == Some(value) {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("a change of configs does not come");
    }

    pub async fn end(&self, client: &mut Client) {
        let state = DeleteTopicState::default().with_name(Some(topic_name(&self.topic)));
        let request =
            DeleteTopicsRequest::default().with_topics(vec![state]).with_timeout_ms(30_000);
        client.call(6, &request).await;
    }
}

/// Wait until a partition is compacted up to this offset: brokers note it in a file.
pub async fn compacted(data_dir: &Path, topic: &str, partition: i32, to: i64) {
    let beginning = format!("{topic} {partition} ");
    for _ in 0..LIMIT {
        let noted = std::fs::read_to_string(data_dir.join("cleaner-offset-checkpoint"));
        let noted = noted.unwrap_or_default();
        let offset = noted.lines().find_map(|line| line.strip_prefix(&beginning));
        if offset.is_some_and(|offset| offset.parse::<i64>().is_ok_and(|offset| offset >= to)) {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
    let noted = std::fs::read_to_string(data_dir.join("cleaner-offset-checkpoint"));
    let files = std::fs::read_dir(data_dir.join(format!("{topic}-{partition}"))).unwrap();
    let files: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
    let dir = data_dir.display();
    panic!("{topic}-{partition} is not compacted up to {to} in {dir}: {files:?}\n{noted:?}");
}
