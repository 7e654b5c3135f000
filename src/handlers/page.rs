//! Generates `docs/compatibility.md` from the API table.
//!
//! The page is committed; a test fails if it is stale and, with `OTTLA_TEST_BLESS` set, writes it
//! instead. The APIs of Apache Kafka, as `schemas/` has them, are beside it, so that gaps become
//! visible.

use std::fmt::Write;
use std::ops::RangeInclusive;

use crate::handlers::api::Api;
use crate::handlers::table::APIS;
use crate::protocol::messages;

/// A group of APIs under one heading.
struct ApiSection {
    title: &'static str,
    /// What a client notices as long as none of them is served.
    without: &'static str,
    keys: &'static [i16],
}

/// Every API that Apache Kafka advertises to clients, each once.
static SECTIONS: &[ApiSection] = &[
    ApiSection { title: "Records", without: "", keys: &[0, 1, 2, 21, 22, 23] },
    ApiSection {
        title: "The broker and its topics",
        without: "",
        keys: &[3, 18, 19, 20, 34, 35, 37, 43, 45, 46, 60, 75],
    },
    ApiSection {
        title: "Consumer groups and committed offsets",
        without: "Groups use the classic protocol; `group.protocol=consumer` (KIP-848) is refused.",
        keys: &[8, 9, 10, 11, 12, 13, 14, 15, 16, 42, 47, 68, 69],
    },
    ApiSection {
        title: "Transactions",
        without: "Offsets cannot be committed in a transaction: `sendOffsetsToTransaction` fails.",
        keys: &[24, 25, 26, 27, 28, 61, 65, 66],
    },
    ApiSection {
        title: "Configs, quotas and features",
        without: "",
        keys: &[32, 33, 44, 48, 49, 57, 74],
    },
    ApiSection {
        title: "Security",
        without: "Listeners are plain text, and every client may do everything.",
        keys: &[17, 29, 30, 31, 36, 38, 39, 40, 41, 50, 51],
    },
    ApiSection {
        title: "Share groups",
        without: "",
        keys: &[76, 77, 78, 79, 83, 84, 85, 86, 87, 90, 91, 92],
    },
    ApiSection {
        title: "Streams groups",
        without: "Kafka Streams uses classic groups; `group.protocol=streams` is refused.",
        keys: &[88, 89, 93],
    },
    ApiSection {
        title: "Controllers and telemetry",
        without: "Kafka advertises the two telemetry APIs only if a plugin for it is configured.",
        keys: &[55, 64, 71, 72, 80, 81, 94],
    },
];

const NOTES: &[(i16, &str)] = &[
    (
        0,
        "As in Kafka, 0 to 2 are advertised only because librdkafka up to 2.11 compresses only \
         if it sees them; a request of those versions closes the connection.",
    ),
    (19, "Kafka 4 has dropped 0 and 1; kafka-go up to 0.4.47 sends 0."),
    (20, "Kafka 4 has dropped 0; kafka-go up to 0.4.47 sends it."),
    (29, NO_AUTHORIZER),
    (30, NO_AUTHORIZER),
    (31, NO_AUTHORIZER),
    (66, "A pattern of ids that takes more than 2 MiB of memory is refused as invalid."),
];

const NO_AUTHORIZER: &str =
    "There is no authorizer: always SECURITY_DISABLED, as in Kafka without one.";

const INTRODUCTION: &str = "\
# Compatibility

*Generated from the API table (`src/handlers/table.rs`); do not edit.*

The reference is Apache Kafka 4.4, one broker that is its own controller. What is served is meant
to be indistinguishable from it, and what is not served is not advertised.

## Known differences

- **One node.** Every partition has one replica, on this broker. A replication factor above 1 is
  refused (INVALID_REPLICATION_FACTOR), and so is `acks=all` with `min.insync.replicas` above 1
  (NOT_ENOUGH_REPLICAS). No leader epoch begins here: a new partition is in epoch 0, one that comes
  from Kafka in the last that it had there.
- **Topics are usable at once.** The Metadata response that creates a topic has its leader; Kafka
  answers with an error first, and the client retries. A deleted name is free at once.
- **`compression.type`** recompresses batches as Kafka does, and at Kafka's levels they become about
  as large. The records stay the same to the last byte.
- **A full disk** is answered with KAFKA_STORAGE_ERROR until there is space; Kafka's broker stops.
- **Colliding topic names** (`a.b`, `a_b`) in one request: the second is refused; Kafka accepts
  both.
- **The broker's own configs** change while it runs where `docs/configuration.md` says *live*;
  Kafka also changes `listeners` and `listener.security.protocol.map`. Ottla's own options are
  described beside Kafka's, and `log.dir` and `log.dirs`, and `broker.id` and `node.id`, are each
  one option. `log.cleaner.threads` and `max.connections` are at least 1 (Kafka: 0), and
  `offsets.topic.segment.bytes` a megabyte. A name that the broker does not know is refused
  (INVALID_CONFIG); Kafka stores it for a plugin that might. A host of
  `max.connections.per.ip.overrides` must be an address.
- **Configs of client metrics, and of share and streams groups,** are stored, checked and
  described, but have no effect: telemetry and such groups are not served.
- **Loggers** are named after Ottla's modules (`ottla.log`, `ottla.server`). There is no level above
  ERROR, so FATAL turns a logger off. Their levels are lost at a restart, as in Kafka.
- **Batches.** A batch that Kafka refuses is refused. Three that Kafka accepts are refused as well
  (INVALID_RECORD, or INVALID_TIMESTAMP for the last), and no known client sends them: offsets
  inside a batch that do not count up from 0, a negative length other than -1, and the append-time
  bit set by the client. A batch that cannot be decompressed is answered with CORRUPT_MESSAGE
  (Kafka: UNKNOWN_SERVER_ERROR).
- **Features:** `metadata.version` 7 to 33 (3.3-IV3 to 4.4-IV2), `transaction.version` 0 to 2 and
  `group.version` 0 to 1, as in Kafka. Of `share.version`, `streams.version`, `kraft.version` and
  `eligible.leader.replicas.version` no level above 0 is supported yet. If the data directory comes
  from a Kafka that had them, their levels stay in its metadata log, but they are neither advertised
  nor accepted.
- **Transactional ids have limits** that Kafka does not have, `transactional.id.max.count` and
  `transaction.coordinator.max.bytes`: beyond them POLICY_VIOLATION is answered. A partition that
  knows a newer epoch than the marker of a transaction is taken to have ended it; in Kafka the
  transactional id can do nothing until the coordinator is loaded again.
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
    let missing = messages::APIS.len() - APIS.len();
    let _ = writeln!(
        page,
        "## What is served\n\nOf the {} APIs of Kafka 4.4, {} are served and {missing} are not.\n",
        messages::APIS.len(),
        APIS.len()
    );
    page.push_str("| Key | API | Versions served | Advertised | Kafka 4.4 | Remarks |\n");
    page.push_str("|--|--|--|--|--|--|\n");
    for api in APIS {
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} | {} | {} |",
            api.key,
            api.name,
            text_of(&api.versions),
            text_of(&advertised(api)),
            of_kafka(api.key).as_ref().map_or(String::new(), text_of),
            NOTES.iter().find(|(key, _)| *key == api.key).map_or("", |(_, note)| note),
        );
    }
    page.push_str("\n## What is not served\n");
    for section in SECTIONS {
        unserved(&mut page, section);
    }
    page
}

fn unserved(page: &mut String, section: &ApiSection) {
    let mut missing = section.keys.iter().filter(|key| !is_served(**key)).peekable();
    if missing.peek().is_none() {
        return;
    }
    let _ = writeln!(page, "\n### {}\n", section.title);
    if !section.without.is_empty() {
        let _ = writeln!(page, "{}\n", section.without);
    }
    page.push_str("| Key | API | Kafka 4.4 |\n|--|--|--|\n");
    for key in missing {
        let name = messages::api(*key).map_or("", |api| api.name);
        let versions = of_kafka(*key).as_ref().map_or(String::new(), text_of);
        let _ = writeln!(page, "| {key} | {name} | {versions} |");
    }
}

/// Returns the versions that Kafka has and that do not change any more.
fn of_kafka(key: i16) -> Option<RangeInclusive<i16>> {
    messages::api(key).map(|api| api.kafka_since..=api.latest_stable)
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
    fn every_api_of_kafka_is_in_one_section() {
        let mut keys: Vec<i16> =
            SECTIONS.iter().flat_map(|section| section.keys).copied().collect();
        for section in SECTIONS {
            assert!(section.keys.is_sorted(), "{}", section.title);
        }
        keys.sort_unstable();
        assert_eq!(keys, messages::APIS.iter().map(|api| api.key).collect::<Vec<_>>());
    }

    #[test]
    fn a_range_that_is_not_kafkas_has_a_remark() {
        for api in APIS {
            let has_note = NOTES.iter().any(|(key, _)| *key == api.key);
            let differs =
                of_kafka(api.key) != Some(advertised(api)) || api.versions != advertised(api);
            assert!(has_note || !differs, "{}: say why its versions are not Kafka's", api.name);
        }
        for (key, _) in NOTES {
            assert!(is_served(*key), "API {key} has a remark but is not served");
        }
    }
}
