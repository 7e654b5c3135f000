//! ConsumerGroupDescribe (69): consumer groups with their members (KIP-848).
//!
//! v1 the type of a member

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::protocol::StrBytes;

use crate::groups::consumer::questions::{
    ConsumerGroupDescription, DescribeConsumers, DescribedConsumer, DescribedTopic,
};
use crate::handlers::api::ListHandler;
use crate::handlers::context::Context;
use crate::handlers::errors::{NONE, group_error_code};
use crate::handlers::groups::{NOT_SERVED, long_listing, no_coordinator, text};
use crate::handlers::response_list::ResponseList;
use crate::handlers::security::operations;
use crate::protocol::messages::consumer_group_describe_response::{
    Assignment, DescribedGroup, Member, TopicPartitions,
};
use crate::protocol::messages::{ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse};
use crate::wire::response::{CloseReason, Response};

/// The type of a member that uses the classic protocol.
const CLASSIC: i8 = 0;
/// The type of a member that uses the consumer protocol.
const CONSUMER: i8 = 1;

/// The handler.
pub struct ConsumerGroupDescribe;

impl ListHandler for ConsumerGroupDescribe {
    type Request = ConsumerGroupDescribeRequest;

    async fn handle(
        cx: &Context<'_>,
        request: ConsumerGroupDescribeRequest,
    ) -> Result<Response, CloseReason> {
        let mut list = ResponseList::new::<Self::Request>(cx);
        for id in request.group_ids {
            let turn = long_listing(cx).await?;
            let mut described = describe(cx, &id).await.with_group_id(id);
            if request.include_authorized_operations && described.error_code == NONE {
                described.authorized_operations = operations::WITH_GROUP;
            }
            let encoded = list.encode(&described)?;
            drop((described, turn));
            list.put_encoded(1, encoded.pieces, encoded.shared_bytes).await?;
        }
        // Followed by tagged fields.
        list.into_response(ConsumerGroupDescribeResponse::default(), 1).await
    }
}

async fn describe(cx: &Context<'_>, id: &str) -> DescribedGroup {
    let failed = |code: Code, message: String| {
        DescribedGroup::default()
            .with_error_code(code.code())
            .with_error_message(Some(text(message)))
    };
    if !cx.broker.serves_consumer_groups() {
        return failed(Code::UnsupportedVersion, NOT_SERVED.to_owned());
    }
    match cx.broker.coordinator.ask(DescribeConsumers { group: id.to_owned() }).await {
        Ok(Ok(description)) => whole(*description),
        Ok(Err(refusal)) => failed(group_error_code(refusal.error), refusal.message),
        Err(error) => failed(no_coordinator(error), error.to_string()),
    }
}

fn whole(description: ConsumerGroupDescription) -> DescribedGroup {
    DescribedGroup::default()
        .with_group_state(StrBytes::from_static_str(description.state))
        .with_group_epoch(description.epoch)
        .with_assignment_epoch(description.assignment_epoch)
        .with_assignor_name(text(description.assignor))
        .with_members(description.members.into_iter().map(member).collect())
}

fn member(member: DescribedConsumer) -> Member {
    let metadata = member.metadata;
    let member_type = if metadata.classic.is_some() { CLASSIC } else { CONSUMER };
    Member::default()
        .with_member_id(text(member.id))
        .with_instance_id(metadata.instance_id.map(text))
        .with_rack_id(metadata.rack_id.map(text))
        .with_member_epoch(member.epoch)
        .with_client_id(text(metadata.client_id))
        .with_client_host(text(metadata.client_host))
        .with_subscribed_topic_names(metadata.topic_names.into_iter().map(text).collect())
        .with_subscribed_topic_regex(Some(text(metadata.topic_regex.unwrap_or_default())))
        .with_assignment(assignment(member.assigned))
        .with_target_assignment(assignment(member.target))
        .with_member_type(member_type)
}

fn assignment(topics: Vec<DescribedTopic>) -> Assignment {
    let topic = |topic: DescribedTopic| {
        TopicPartitions::default()
            .with_topic_id(topic.id)
            .with_topic_name(text(topic.name))
            .with_partitions(topic.partitions)
    };
    Assignment::default().with_topic_partitions(topics.into_iter().map(topic).collect())
}
