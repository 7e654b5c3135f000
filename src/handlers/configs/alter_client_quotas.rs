//! AlterClientQuotas (49): sets and removes quotas of users, client ids and addresses (KIP-546).
//! They apply by the time the response is sent.
//!
//! * An entity is answered once, however often it is named; valid entities are changed even if
//!   others are invalid.

use kafka_protocol::error::ResponseError as Code;
use kafka_protocol::protocol::StrBytes;

use crate::broker::quota_changes::QuotaError;
use crate::handlers::api::Handler;
use crate::handlers::context::Context;
use crate::handlers::errors::{alter_error_code, quota_error_code};
use crate::metadata::quotas::QuotaEntity;
use crate::protocol::messages::alter_client_quotas_request::EntryData as Wanted;
use crate::protocol::messages::alter_client_quotas_response::{EntityData, EntryData};
use crate::protocol::messages::{AlterClientQuotasRequest, AlterClientQuotasResponse};
use crate::quotas::alter::Alteration;

/// The handler.
pub struct AlterClientQuotas;

impl Handler for AlterClientQuotas {
    type Request = AlterClientQuotasRequest;

    async fn handle(
        cx: &Context<'_>,
        request: AlterClientQuotasRequest,
    ) -> AlterClientQuotasResponse {
        let wanted: Vec<Alteration> = request.entries.iter().map(alteration).collect();
        let entities: Vec<QuotaEntity> =
            wanted.iter().map(|wanted| wanted.entity.clone()).collect();
        let entries = match cx.broker.alter_quotas(wanted, request.validate_only) {
            Ok(outcomes) => outcomes
                .into_iter()
                .map(|(entity, outcome)| match outcome {
                    Ok(()) => answered(entity),
                    Err(error) => failed(entity, alter_error_code(&error), error.to_string()),
                })
                .collect(),
            Err(error) => refuse_all(entities, &error),
        };
        AlterClientQuotasResponse::default().with_entries(entries)
    }
}

/// Converts a request entry. If an entity type occurs twice, the last name counts, as in Kafka.
fn alteration(wanted: &Wanted) -> Alteration {
    let name = |name: &Option<StrBytes>| name.as_ref().map(|name| name.to_string());
    let entity = wanted.entity.iter().map(|e| (e.entity_type.to_string(), name(&e.entity_name)));
    let ops = wanted.ops.iter().map(|op| (op.key.to_string(), (!op.remove).then_some(op.value)));
    Alteration { entity: QuotaEntity(entity.collect()), ops: ops.collect() }
}

fn answered(QuotaEntity(parts): QuotaEntity) -> EntryData {
    let parts = parts.into_iter().map(|(kind, name)| {
        EntityData::default()
            .with_entity_type(StrBytes::from_string(kind))
            .with_entity_name(name.map(StrBytes::from_string))
    });
    EntryData::default().with_error_message(None).with_entity(parts.collect())
}

fn failed(entity: QuotaEntity, code: Code, message: String) -> EntryData {
    let message = Some(StrBytes::from_string(message));
    answered(entity).with_error_code(code.code()).with_error_message(message)
}

fn refuse_all(entities: Vec<QuotaEntity>, error: &QuotaError) -> Vec<EntryData> {
    let (code, message) = (quota_error_code(error), error.to_string());
    entities.into_iter().map(|entity| failed(entity, code, message.clone())).collect()
}
