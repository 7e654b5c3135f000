//! Producer ids: each is given out once, also across restarts.

use std::sync::Arc;

use crate::clock::Now;
use crate::log::AppendError;
use crate::metadata::records::Record;
use crate::metadata::store::Store;
use crate::protocol::messages::producer_ids_record::ProducerIdsRecord;
use crate::sync::Mutex;
use crate::types::ProducerId;

/// The size of the blocks in which they are reserved in the metadata log, as in Kafka.
pub const BLOCK: i64 = 1000;

/// The allocation of producer ids, from blocks that are reserved in the metadata log.
#[derive(Debug)]
pub struct ProducerIds {
    metadata: Arc<Store>,
    node_id: i32,
    /// The rest of the reserved block: next and end (exclusive).
    rest: Mutex<(ProducerId, ProducerId)>,
}

impl ProducerIds {
    /// Returns an allocation that has reserved nothing yet.
    pub fn new(metadata: Arc<Store>, node_id: i32) -> ProducerIds {
        ProducerIds { metadata, node_id, rest: Mutex::new((0, 0)) }
    }

    /// Returns a producer id that was never used before.
    ///
    /// # Errors
    /// No block can be reserved, because the metadata log cannot be written.
    pub fn next(&self, now: Now) -> Result<ProducerId, AppendError> {
        let mut rest = self.rest.lock();
        if rest.0 >= rest.1 {
            *rest = self.metadata.change(now, |image| {
                let first = image.next_producer_id;
                let next = first + BLOCK;
                let record = ProducerIdsRecord::default()
                    .with_broker_id(self.node_id)
                    .with_broker_epoch(0)
                    .with_next_producer_id(next);
                Ok::<_, AppendError>((vec![Record::ProducerIds(record)], (first, next)))
            })?;
        }
        let id = rest.0;
        rest.0 += 1;
        Ok(id)
    }
}
