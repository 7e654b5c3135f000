//! Generates `docs/compatibility.md` from the API table.
//!
//! The page is committed; a test fails if it is stale and, with `OTTLA_TEST_BLESS` set, writes it
//! instead. The APIs of Apache Kafka are listed here beside it, so that gaps become visible.

use std::fmt::Write;
use std::ops::RangeInclusive;

use crate::handlers::api::Api;
use crate::handlers::table::APIS;

/// One API of Apache Kafka 4.1, as a broker's listener advertises it.
struct KafkaApi(i16, &'static str, RangeInclusive<i16>);

/// A group of APIs under one heading.
struct ApiSection {
    title: &'static str,
    /// What a client notices as long as none of them is served.
    without: &'static str,
    apis: &'static [KafkaApi],
}

/// Every API that Apache Kafka 4.1 advertises to clients, each once.
static KAFKAS: &[ApiSection] = &[
    ApiSection {
        title: "Records",
        without: "",
        apis: &[
            KafkaApi(0, "Produce", 0..=13),
            KafkaApi(1, "Fetch", 4..=18),
            KafkaApi(2, "ListOffsets", 1..=10),
            KafkaApi(21, "DeleteRecords", 0..=2),
            KafkaApi(22, "InitProducerId", 0..=5),
            KafkaApi(23, "OffsetForLeaderEpoch", 2..=4),
        ],
    },
    ApiSection {
        title: "The broker and its topics",
        without: "",
        apis: &[
            KafkaApi(3, "Metadata", 0..=13),
            KafkaApi(18, "ApiVersions", 0..=4),
            KafkaApi(19, "CreateTopics", 2..=7),
            KafkaApi(20, "DeleteTopics", 1..=6),
            KafkaApi(34, "AlterReplicaLogDirs", 1..=2),
            KafkaApi(35, "DescribeLogDirs", 1..=4),
            KafkaApi(37, "CreatePartitions", 0..=3),
            KafkaApi(43, "ElectLeaders", 0..=2),
            KafkaApi(45, "AlterPartitionReassignments", 0..=1),
            KafkaApi(46, "ListPartitionReassignments", 0..=0),
            KafkaApi(60, "DescribeCluster", 0..=2),
            KafkaApi(75, "DescribeTopicPartitions", 0..=0),
        ],
    },
    ApiSection {
        title: "Consumer groups and committed offsets",
        without: "Groups use the classic protocol; `group.protocol=consumer` (KIP-848) is refused.",
        apis: &[
            KafkaApi(8, "OffsetCommit", 2..=9),
            KafkaApi(9, "OffsetFetch", 1..=9),
            KafkaApi(10, "FindCoordinator", 0..=6),
            KafkaApi(11, "JoinGroup", 0..=9),
            KafkaApi(12, "Heartbeat", 0..=4),
            KafkaApi(13, "LeaveGroup", 0..=5),
            KafkaApi(14, "SyncGroup", 0..=5),
            KafkaApi(15, "DescribeGroups", 0..=6),
            KafkaApi(16, "ListGroups", 0..=5),
            KafkaApi(42, "DeleteGroups", 0..=2),
            KafkaApi(47, "OffsetDelete", 0..=0),
            KafkaApi(68, "ConsumerGroupHeartbeat", 0..=1),
            KafkaApi(69, "ConsumerGroupDescribe", 0..=1),
        ],
    },
    ApiSection {
        title: "Transactions",
        without: "A producer with a `transactional.id` is refused when it begins.",
        apis: &[
            KafkaApi(24, "AddPartitionsToTxn", 0..=5),
            KafkaApi(25, "AddOffsetsToTxn", 0..=4),
            KafkaApi(26, "EndTxn", 0..=5),
            KafkaApi(27, "WriteTxnMarkers", 1..=1),
            KafkaApi(28, "TxnOffsetCommit", 0..=5),
            KafkaApi(61, "DescribeProducers", 0..=0),
            KafkaApi(65, "DescribeTransactions", 0..=0),
            KafkaApi(66, "ListTransactions", 0..=2),
        ],
    },
    ApiSection {
        title: "Configs, quotas and features",
        without: "",
        apis: &[
            KafkaApi(32, "DescribeConfigs", 1..=4),
            KafkaApi(33, "AlterConfigs", 0..=2),
            KafkaApi(44, "IncrementalAlterConfigs", 0..=1),
            KafkaApi(48, "DescribeClientQuotas", 0..=1),
            KafkaApi(49, "AlterClientQuotas", 0..=1),
            KafkaApi(57, "UpdateFeatures", 0..=2),
            KafkaApi(74, "ListConfigResources", 0..=1),
        ],
    },
    ApiSection {
        title: "Security",
        without: "Listeners are plain text, and every client may do everything.",
        apis: &[
            KafkaApi(17, "SaslHandshake", 0..=1),
            KafkaApi(29, "DescribeAcls", 1..=3),
            KafkaApi(30, "CreateAcls", 1..=3),
            KafkaApi(31, "DeleteAcls", 1..=3),
            KafkaApi(36, "SaslAuthenticate", 0..=2),
            KafkaApi(38, "CreateDelegationToken", 1..=3),
            KafkaApi(39, "RenewDelegationToken", 1..=2),
            KafkaApi(40, "ExpireDelegationToken", 1..=2),
            KafkaApi(41, "DescribeDelegationToken", 1..=3),
            KafkaApi(50, "DescribeUserScramCredentials", 0..=0),
            KafkaApi(51, "AlterUserScramCredentials", 0..=0),
        ],
    },
    ApiSection {
        title: "Share groups",
        without: "",
        apis: &[
            KafkaApi(76, "ShareGroupHeartbeat", 1..=1),
            KafkaApi(77, "ShareGroupDescribe", 1..=1),
            KafkaApi(78, "ShareFetch", 1..=1),
            KafkaApi(79, "ShareAcknowledge", 1..=1),
            KafkaApi(83, "InitializeShareGroupState", 0..=0),
            KafkaApi(84, "ReadShareGroupState", 0..=0),
            KafkaApi(85, "WriteShareGroupState", 0..=0),
            KafkaApi(86, "DeleteShareGroupState", 0..=0),
            KafkaApi(87, "ReadShareGroupStateSummary", 0..=0),
            KafkaApi(90, "DescribeShareGroupOffsets", 0..=0),
            KafkaApi(91, "AlterShareGroupOffsets", 0..=0),
            KafkaApi(92, "DeleteShareGroupOffsets", 0..=0),
        ],
    },
    ApiSection {
        title: "Controllers and telemetry",
        without: "Kafka advertises the two telemetry APIs only if a plugin for it is configured.",
        apis: &[
            KafkaApi(55, "DescribeQuorum", 0..=2),
            KafkaApi(64, "UnregisterBroker", 0..=0),
            KafkaApi(71, "GetTelemetrySubscriptions", 0..=0),
            KafkaApi(72, "PushTelemetry", 0..=0),
            KafkaApi(80, "AddRaftVoter", 0..=0),
            KafkaApi(81, "RemoveRaftVoter", 0..=0),
        ],
    },
];

/// Remarks on the version ranges.
const NOTES: &[(i16, &str)] = &[
    (
        0,
        "As in Kafka, 0 to 2 are advertised only because librdkafka up to 2.11 compresses only \
         if it sees them; a request of those versions closes the connection.",
    ),
    (19, "Kafka 4 has dropped 0 and 1; kafka-go up to 0.4.47 sends 0."),
    (20, "Kafka 4 has dropped 0; kafka-go up to 0.4.47 sends it."),
    (22, "A transactional id is answered with UNSUPPORTED_VERSION: there are no transactions."),
    (29, NO_AUTHORIZER),
    (30, NO_AUTHORIZER),
    (31, NO_AUTHORIZER),
];

const NO_AUTHORIZER: &str =
    "There is no authorizer: always SECURITY_DISABLED, as in Kafka without one.";

const INTRODUCTION: &str = "\
# Compatibility

*Generated from the API table (`src/handlers/table.rs`); do not edit.*

The reference is Apache Kafka 4.1, one broker that is its own controller. What is served is meant
to be indistinguishable from it, and what is not served is not advertised.

## Known differences

- **One node.** Every partition has one replica, on this broker. A replication factor above 1 is
  refused (INVALID_REPLICATION_FACTOR), and so is `acks=all` with `min.insync.replicas` above 1
  (NOT_ENOUGH_REPLICAS). The leader epoch is always 0.
- **Topics are usable at once.** The Metadata response that creates a topic has its leader; Kafka
  answers with an error first, and the client retries. A deleted name is free at once.
- **`compression.type`** recompresses batches as Kafka does, and at Kafka's levels they become about
  as large. The records stay the same to the last byte.
- **A full disk** is answered with KAFKA_STORAGE_ERROR until there is space; Kafka's broker stops.
- **Colliding topic names** (`a.b`, `a_b`) in one request: the second is refused; Kafka accepts
  both.
- **The broker's own configs** change while it runs where `docs/configuration.md` says *live*. A
  name that the broker does not know is refused (INVALID_CONFIG); Kafka stores it for a plugin that
  might. A host of `max.connections.per.ip.overrides` must be an address.
- **Configs of groups and client metrics** are stored, checked and described, but have no effect
  yet. Telemetry is not served, and groups use the classic protocol.
- **Loggers** are named after Ottla's modules (`ottla.log`, `ottla.server`). There is no level above
  ERROR, so FATAL turns a logger off. Their levels are lost at a restart, as in Kafka.
- **Batches.** A batch that Kafka refuses is refused. Three that Kafka accepts are refused as well
  (INVALID_RECORD, or INVALID_TIMESTAMP for the last), and no known client sends them: offsets
  inside a batch that do not count up from 0, a negative length other than -1, and the append-time
  bit set by the client. A batch that cannot be decompressed is answered with CORRUPT_MESSAGE
  (Kafka: UNKNOWN_SERVER_ERROR).
- **One feature:** `metadata.version`, at the level of Kafka 4.1 (27, 4.1-IV1), the only one that
  is written. `group.version`, `transaction.version`, `share.version`, `kraft.version` and
  `eligible.leader.replicas.version` have no meaning here yet: they are neither advertised nor
  accepted, even if the data directory comes from a Kafka that had them, so clients use the older
  flow of transactions.
- **Groups have limits** that Kafka does not have; `docs/operations.md` lists them. A commit whose
  records do not fit in one batch of Kafka's default size is answered with
  INVALID_COMMIT_OFFSET_SIZE; Kafka 4.4 answers UNKNOWN_SERVER_ERROR.
- **Internal topics cannot be deleted** (INVALID_REQUEST). Kafka deletes them, and the groups in
  them.
- **IP quotas** are set by address; a host name is refused (INVALID_REQUEST). A quota of NaN is
  refused as well; Kafka accepts it.
- **Error messages.** The `error_message` of a refused Produce says what is wrong with the batch,
  where Kafka mostly sends null; a topic name that is too long is quoted in part; messages about
  the values of configs are worded differently.
- **Requests that Kafka fails on.** AlterConfigs that names a resource twice is refused
  (INVALID_REQUEST); Kafka does not answer. An operation that IncrementalAlterConfigs does not have
  is INVALID_REQUEST (Kafka: UNKNOWN_SERVER_ERROR). Null for the records of a Produce is refused;
  Kafka does not answer. A Fetch that names the nil topic id and other partitions is answered by
  partition; Kafka answers UNKNOWN_SERVER_ERROR.
- **A group without members** is removed with its last offset; Kafka keeps it, empty, until it next
  checks for expired offsets.
- **Order of lists.** AlterClientQuotas answers entities in the order of the request, and their
  types by name; of several invalid features UpdateFeatures names the first of the request. Kafka's
  order is that of a hash map.
- **A Fetch waits five minutes at most,** however long it asks for.

A request of an API or a version that is not served closes the connection, as in Kafka; only an
ApiVersions request of an unknown version is answered, in version 0, with UNSUPPORTED_VERSION.

";

/// Returns the text of `docs/compatibility.md`.
pub fn compatibility_page() -> String {
    let mut page = String::from(INTRODUCTION);
    let missing = kafkas().count() - APIS.len();
    let _ = writeln!(
        page,
        "## What is served\n\nOf the {} APIs of Kafka 4.1, {} are served and {missing} are not.\n",
        kafkas().count(),
        APIS.len()
    );
    page.push_str("| Key | API | Versions served | Advertised | Kafka 4.1 | Remarks |\n");
    page.push_str("|--|--|--|--|--|--|\n");
    for api in APIS {
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} | {} | {} |",
            api.key,
            api.name,
            text_of(&api.versions),
            text_of(&advertised(api)),
            kafkas().find(|k| k.0 == api.key).map_or("none".to_owned(), |k| text_of(&k.2)),
            NOTES.iter().find(|(key, _)| *key == api.key).map_or("", |(_, note)| note),
        );
    }
    page.push_str("\n## What is not served\n");
    for section in KAFKAS {
        unserved(&mut page, section);
    }
    page
}

fn unserved(page: &mut String, section: &ApiSection) {
    let mut missing = section.apis.iter().filter(|k| !is_served(k.0)).peekable();
    if missing.peek().is_none() {
        return;
    }
    let _ = writeln!(page, "\n### {}\n", section.title);
    if !section.without.is_empty() {
        let _ = writeln!(page, "{}\n", section.without);
    }
    page.push_str("| Key | API | Kafka 4.1 |\n|--|--|--|\n");
    for KafkaApi(key, name, versions) in missing {
        let _ = writeln!(page, "| {key} | {name} | {} |", text_of(versions));
    }
}

fn kafkas() -> impl Iterator<Item = &'static KafkaApi> {
    KAFKAS.iter().flat_map(|section| section.apis)
}

fn is_served(key: i16) -> bool {
    APIS.iter().any(|api| api.key == key)
}

fn advertised(api: &Api) -> RangeInclusive<i16> {
    api.advertised_from..=*api.versions.end()
}

fn text_of(versions: &RangeInclusive<i16>) -> String {
    match (versions.start(), versions.end()) {
        (from, to) if from == to => from.to_string(),
        (from, to) => format!("{from}–{to}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn the_compatibility_page_is_not_stale() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/compatibility.md");
        let wanted = compatibility_page();
        if std::env::var_os("OTTLA_TEST_BLESS").is_some() {
            std::fs::write(&path, &wanted).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == wanted,
            "{} is stale; run this test with OTTLA_TEST_BLESS=1 to write it",
            path.display()
        );
    }

    #[test]
    fn kafkas_apis_are_named_once_and_ours_are_among_them() {
        let keys: BTreeSet<i16> = kafkas().map(|k| k.0).collect();
        assert_eq!(keys.len(), kafkas().count());
        for section in KAFKAS {
            assert!(section.apis.is_sorted_by_key(|k| k.0), "{}", section.title);
        }
        for api in APIS {
            let kafkas = kafkas().find(|k| k.0 == api.key).expect(api.name);
            assert_eq!(kafkas.1, api.name);
            assert!(kafkas.2.end() >= api.versions.end(), "{}", api.name);
        }
    }

    #[test]
    fn a_range_that_is_not_kafkas_has_a_remark() {
        for api in APIS {
            let kafkas = kafkas().find(|k| k.0 == api.key).expect(api.name);
            let has_note = NOTES.iter().any(|(key, _)| *key == api.key);
            let differs = kafkas.2 != advertised(api) || api.versions != advertised(api);
            assert!(has_note || !differs, "{}: say why its versions are not Kafka's", api.name);
        }
        for (key, _) in NOTES {
            assert!(is_served(*key), "API {key} has a remark but is not served");
        }
    }
}
