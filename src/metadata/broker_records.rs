//! The metadata log's records about brokers.

use uuid::Uuid;

use crate::fields::{DecodeError, Reader, Tags, Writer};

/// A broker registered. Kafka: `RegisterBrokerRecord`, versions 0 to 4. The addition of version 4,
/// the cordoned log directories (KIP-1066), is skipped: Ottla places all partitions in one
/// directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterBrokerRecord {
    /// The broker's id.
    pub broker_id: i32,
    /// True for a ZooKeeper-based broker in migration (from version 2).
    pub is_migrating_zk_broker: bool,
    /// The id of this run of the broker's process.
    pub incarnation_id: Uuid,
    /// The epoch assigned by the controller: the offset of this record in Kafka.
    pub broker_epoch: i64,
    /// Its listeners.
    pub end_points: Vec<BrokerEndpoint>,
    /// The features that it supports.
    pub features: Vec<BrokerFeature>,
    /// Its rack.
    pub rack: Option<String>,
    /// True while it is fenced and may not lead.
    pub fenced: bool,
    /// True while it is shutting down (from version 1).
    pub in_controlled_shutdown: bool,
    /// The ids of its log directories (KIP-858; from version 3).
    pub log_dirs: Vec<Uuid>,
}

/// One listener of a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerEndpoint {
    /// The listener's name.
    pub name: String,
    /// The advertised host.
    pub host: String,
    /// The advertised port.
    pub port: u16,
    /// 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL (Kafka: `SecurityProtocol`).
    pub security_protocol: i16,
}

/// One feature of a broker, and the levels of it that the broker supports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerFeature {
    /// The feature's name.
    pub name: String,
    /// The lowest level.
    pub min_supported_version: i16,
    /// The highest level.
    pub max_supported_version: i16,
}

impl RegisterBrokerRecord {
    /// Kafka writes 3 from metadata.version 3.7-IV2 on.
    pub const WRITTEN: u32 = 3;

    /// Appends the message, without its frame.
    pub fn write(&self, w: &mut Writer) {
        w.i32(self.broker_id);
        w.bool(self.is_migrating_zk_broker);
        w.uuid(self.incarnation_id);
        w.i64(self.broker_epoch);
        w.list(&self.end_points, |w, end_point| end_point.write(w));
        w.list(&self.features, |w, feature| feature.write(w));
        w.nullable_string(self.rack.as_deref());
        w.bool(self.fenced);
        w.bool(self.in_controlled_shutdown);
        let mut tags = Tags::default();
        if !self.log_dirs.is_empty() {
            tags.add(0, |w| w.uuids(&self.log_dirs));
        }
        w.tags(tags);
    }

    /// Reads the message in that version.
    ///
    /// # Errors
    /// The bytes are truncated or malformed.
    pub fn read(r: &mut Reader<'_>, version: u32) -> Result<RegisterBrokerRecord, DecodeError> {
        let mut record = RegisterBrokerRecord {
            broker_id: r.i32()?,
            is_migrating_zk_broker: version >= 2 && r.bool()?,
            incarnation_id: r.uuid()?,
            broker_epoch: r.i64()?,
            end_points: r.array(BrokerEndpoint::LEAST_BYTES, BrokerEndpoint::read)?,
            features: r.array(BrokerFeature::LEAST_BYTES, BrokerFeature::read)?,
            rack: r.nullable_string()?,
            fenced: r.bool()?,
            in_controlled_shutdown: version >= 1 && r.bool()?,
            log_dirs: Vec::new(),
        };
        r.tags(|tag, field| {
            if tag == 0 && version >= 3 {
                record.log_dirs = field.array(16, Reader::uuid)?;
                return Ok(true);
            }
            Ok(false)
        })?;
        Ok(record)
    }
}

impl BrokerEndpoint {
    /// Two empty strings, two numbers, no tags.
    const LEAST_BYTES: usize = 7;

    fn write(&self, w: &mut Writer) {
        w.string(&self.name);
        w.string(&self.host);
        w.u16(self.port);
        w.i16(self.security_protocol);
        w.no_tags();
    }

    fn read(r: &mut Reader<'_>) -> Result<BrokerEndpoint, DecodeError> {
        let end_point = BrokerEndpoint {
            name: r.string()?,
            host: r.string()?,
            port: r.u16()?,
            security_protocol: r.i16()?,
        };
        r.no_tags()?;
        Ok(end_point)
    }
}

impl BrokerFeature {
    /// An empty string, two numbers, no tags.
    const LEAST_BYTES: usize = 6;

    fn write(&self, w: &mut Writer) {
        w.string(&self.name);
        w.i16(self.min_supported_version);
        w.i16(self.max_supported_version);
        w.no_tags();
    }

    fn read(r: &mut Reader<'_>) -> Result<BrokerFeature, DecodeError> {
        let feature = BrokerFeature {
            name: r.string()?,
            min_supported_version: r.i16()?,
            max_supported_version: r.i16()?,
        };
        r.no_tags()?;
        Ok(feature)
    }
}

/// A broker's registration changed. Kafka: `BrokerRegistrationChangeRecord`, versions 0 to 3. The
/// addition of version 3, the cordoned log directories (KIP-1066), is skipped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BrokerRegistrationChangeRecord {
    /// The broker's id.
    pub broker_id: i32,
    /// Its epoch; with another epoch the change does not apply to this registration.
    pub broker_epoch: i64,
    /// 1 if it is fenced now, -1 if it no longer is, 0 for no change.
    pub fenced: i8,
    /// 1 if it is shutting down now, 0 for no change (from version 1).
    pub in_controlled_shutdown: i8,
    /// The ids of its log directories now; empty for no change (from version 2).
    pub log_dirs: Vec<Uuid>,
}

impl BrokerRegistrationChangeRecord {
    /// Returns the lowest version that can represent it, which Kafka's controller writes as well.
    pub fn version(&self) -> u32 {
        match (self.log_dirs.is_empty(), self.in_controlled_shutdown) {
            (false, _) => 2,
            (true, 0) => 0,
            (true, _) => 1,
        }
    }

    /// Appends the message, without its frame.
    pub fn write(&self, w: &mut Writer) {
        w.i32(self.broker_id);
        w.i64(self.broker_epoch);
        let mut tags = Tags::default();
        if self.fenced != 0 {
            tags.add(0, |w| w.i8(self.fenced));
        }
        if self.in_controlled_shutdown != 0 {
            tags.add(1, |w| w.i8(self.in_controlled_shutdown));
        }
        if !self.log_dirs.is_empty() {
            tags.add(2, |w| w.uuids(&self.log_dirs));
        }
        w.tags(tags);
    }

    /// Reads the message in that version.
    ///
    /// # Errors
    /// The bytes are truncated or malformed.
    pub fn read(
        r: &mut Reader<'_>,
        version: u32,
    ) -> Result<BrokerRegistrationChangeRecord, DecodeError> {
        let mut record = BrokerRegistrationChangeRecord {
            broker_id: r.i32()?,
            broker_epoch: r.i64()?,
            ..BrokerRegistrationChangeRecord::default()
        };
        r.tags(|tag, field| {
            match tag {
                0 => record.fenced = field.i8()?,
                1 if version >= 1 => record.in_controlled_shutdown = field.i8()?,
                2 if version >= 2 => record.log_dirs = field.array(16, Reader::uuid)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(record)
    }
}
