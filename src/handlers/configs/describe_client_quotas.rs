//! DescribeClientQuotas (48): the quotas of the entities that match a filter (KIP-546).

use std::collections::BTreeMap;

use kafka_protocol::protocol::StrBytes;

use crate::handlers::api::Handler;
use crate::handlers::context::Context;
use crate::handlers::errors::filter_error_code;
use crate::metadata::quotas::{QuotaEntity, Table};
use crate::protocol::messages::describe_client_quotas_response::{
    EntityData, EntryData, ValueData,
};
use crate::protocol::messages::{DescribeClientQuotasRequest, DescribeClientQuotasResponse};
use crate::quotas::filter::{Filter, FilterError};

/// The handler.
pub struct DescribeClientQuotas;

impl Handler for DescribeClientQuotas {
    type Request = DescribeClientQuotasRequest;

    async fn handle(
        cx: &Context<'_>,
        request: DescribeClientQuotasRequest,
    ) -> DescribeClientQuotasResponse {
        // On success Kafka sends an empty error message, not null.
        let response = DescribeClientQuotasResponse::default();
        match find(&cx.broker.image().quotas, &request) {
            Ok(entries) => response.with_entries(Some(entries)),
            Err(error) => response
                .with_error_code(filter_error_code(&error).code())
                .with_error_message(Some(StrBytes::from_string(error.to_string())))
                .with_entries(None),
        }
    }
}

fn find(
    table: &Table,
    request: &DescribeClientQuotasRequest,
) -> Result<Vec<EntryData>, FilterError> {
    let mut filter = Filter::default();
    for component in &request.components {
        let text = component.r#match.as_deref();
        filter.add(&component.entity_type, (component.match_type, text))?;
    }
    Ok(filter.find(table, request.strict)?.into_iter().map(entry).collect())
}

/// The order of the values: that of the hashes of their keys, as in Kafka.
const ORDER: [&str; 5] = [
    "connection_creation_rate",
    "request_percentage",
    "producer_byte_rate",
    "consumer_byte_rate",
    "controller_mutation_rate",
];

fn entry((QuotaEntity(parts), quotas): (&QuotaEntity, &BTreeMap<String, f64>)) -> EntryData {
    let text = |text: &String| StrBytes::from_string(text.clone());
    let parts = parts.iter().map(|(kind, name)| {
        EntityData::default().with_entity_type(text(kind)).with_entity_name(name.as_ref().map(text))
    });
    let mut quotas: Vec<_> = quotas.iter().collect();
    quotas.sort_by_key(|(key, _)| ORDER.iter().position(|known| known == key));
    let values = quotas
        .into_iter()
        .map(|(key, value)| ValueData::default().with_key(text(key)).with_value(*value));
    EntryData::default().with_entity(parts.collect()).with_values(values.collect())
}
