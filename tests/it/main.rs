//! What a client can see, one module a behaviour; and `tidy`, what a test can see of the house.

#[path = "../common/admin_requests.rs"]
mod admin_requests;
#[path = "../common/batches.rs"]
#[allow(dead_code, reason = "the simulations use the rest")]
mod batches;
#[path = "../common/group_requests.rs"]
mod group_requests;
#[path = "../common/hang.rs"]
mod hang;
#[path = "../common/requests.rs"]
#[allow(dead_code, reason = "the simulations use the rest")]
mod requests;
#[path = "../common/schemas.rs"]
#[allow(dead_code, reason = "the simulations use the rest")]
mod schemas;
#[path = "../common/transaction_requests.rs"]
mod transaction_requests;

mod acls;
mod administration;
mod cli;
mod client;
mod compaction;
mod groups;
mod hanging_transactions;
mod harness;
#[allow(dead_code, reason = "what a test of hostile clients may ask for")]
mod hostile;
mod records;

mod advertised;
mod answers;
mod backup;
mod broker_configs;
mod cordoned;
mod daemon;
mod damage;
mod duplicates;
mod embedded;
mod failing_disk;
mod faults;
mod features;
mod fetch;
mod first_topics;
mod fixtures;
mod full_disk;
mod group_configs;
mod group_rules;
mod idempotence;
mod kafka_configs;
mod leader_epochs;
mod limits;
mod list_offsets;
#[cfg(feature = "jemalloc")]
mod memory;
mod metadata;
mod named_twice;
mod order_of_checks;
mod pipelined;
mod platform;
mod produce;
mod produce_rules;
mod project;
mod promises;
mod protection;
mod protocol;
mod quotas;
mod recovering;
mod recovery;
mod release;
mod scale;
mod sessions;
mod signals;
mod style;
mod tidy;
mod topic_changes;
mod topic_ids;
mod topic_names;
mod topics;
mod transaction_coordinator;
mod transaction_log;
mod transaction_removal;
mod transactions;
mod txn_offsets;
mod unserved_groups;
mod versions;
mod walls;
