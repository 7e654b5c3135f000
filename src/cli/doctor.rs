//! `ottla doctor`: checks a broker and its data directory, and changes nothing.

use std::path::{Path, PathBuf};

mod segments;
mod transactions;

use clap::Args;
use serde_json::{Value, json};

use crate::cli::common::{Broker, Output};
use crate::cli::control;
use crate::cli::failure::Failure;
use crate::cli::screen;
use crate::cli::serve;
use crate::client::cluster::{Cluster, Node};
use crate::client::connection::{Connection, ConnectionConfig};
use crate::client::error::ClientError;
use crate::clock::{Clock, SystemClock};
use crate::server::control::NAME;
use crate::storage::checkpoint;
use crate::storage::datadir;
use crate::storage::disk::{Disk, OsDisk, read_all};

/// The flags of `ottla doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Data directory to check [default: the one that `ottla serve` would use]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Read only the newest segment of each partition.
    #[arg(long)]
    quick: bool,
    /// Read all segments (the default).
    #[arg(long, conflicts_with = "quick")]
    deep: bool,
    /// Output format.
    #[arg(long, short = 'o', value_name = "FORMAT", default_value = "table")]
    output: Output,
    #[command(flatten)]
    broker: Broker,
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
struct CheckResult {
    what: &'static str,
    is_well: bool,
    says: String,
}

fn well(what: &'static str, says: impl Into<String>) -> CheckResult {
    CheckResult { what, is_well: true, says: says.into() }
}

fn ill(what: &'static str, says: impl Into<String>) -> CheckResult {
    CheckResult { what, is_well: false, says: says.into() }
}

/// Runs `ottla doctor`: 1 if something is wrong.
///
/// # Errors
/// Something is wrong, or stdout is closed.
pub async fn run(doctor: Doctor) -> Result<(), Failure> {
    let mut results = network(&doctor).await?;
    let dir = match &doctor.data_dir {
        Some(dir) => dir.clone(),
        None => serve::data_dir_of_environment().map_err(Failure::new)?,
    };
    results.extend(data(&dir, doctor.deep || !doctor.quick));
    if doctor.output == Output::Json {
        let one = |f: &CheckResult| json!({ "what": f.what, "is_well": f.is_well, "says": f.says });
        screen::json(&results.iter().map(one).collect::<Value>())?;
    } else {
        for f in &results {
            let word = screen::judged(f.is_well, if f.is_well { "ok     " } else { "problem" });
            screen::line(&format!("{word}  {:<12} {}", f.what, f.says))?;
        }
    }
    if results.iter().all(|f| f.is_well) { Ok(()) } else { Err(Failure::silent(1)) }
}

/// Checks who answers, and the advertised addresses.
async fn network(doctor: &Doctor) -> Result<Vec<CheckResult>, Failure> {
    let mut properties = doctor.broker.properties()?;
    let connection_config = properties.connection_config("ottla-doctor")?;
    properties.warn_of_rest();
    let at = &doctor.broker.bootstrap_server;
    let mut cluster = match Cluster::connect(at, connection_config.clone()).await {
        Ok(cluster) => cluster,
        Err(ClientError::Unreachable { why, .. }) if why.contains("refused") => {
            return Ok(vec![well("port", format!("{at} is free: nothing is listening there"))]);
        }
        Err(error) => return Ok(vec![ill("port", error.to_string())]),
    };
    let id = cluster.cluster_id.clone().unwrap_or_else(|| "?".to_owned());
    let mut results =
        vec![well("port", format!("a Kafka broker responds at {at} (cluster id {id})"))];
    let nodes: Vec<Node> = cluster.nodes.values().cloned().collect();
    for node in nodes {
        results.push(check_advertised(&node, &connection_config).await);
    }
    let topics = cluster.all_topics().await?;
    let partitions = topics.iter().flat_map(|topic| topic.partitions.values());
    let (mut all, mut headless) = (0, 0);
    for partition in partitions {
        all += 1;
        headless += usize::from(partition.leader < 0);
    }
    let says = format!("{} topics with {all} partitions", topics.len());
    results.push(match headless {
        0 => well("topics", says),
        n => ill("topics", format!("{says}, {n} of them without a leader")),
    });
    Ok(results)
}

/// Checks the advertised address: clients connect to it, not to the bootstrap address.
async fn check_advertised(node: &Node, connection_config: &ConnectionConfig) -> CheckResult {
    let says = format!("clients are sent to broker {} at {}", node.id, node.address());
    match Connection::open(&node.address(), connection_config).await {
        Ok(_) => well("advertised", format!("{says}, which responds")),
        Err(error) => {
            ill("advertised", format!("{says}, but {error}; see --advertise of `ottla serve`"))
        }
    }
}

/// Checks the data directory.
fn data(dir: &Path, is_deep: bool) -> Vec<CheckResult> {
    if !OsDisk.exists(dir) {
        return vec![well(
            "data",
            format!("{} does not exist yet; a start creates it", dir.display()),
        )];
    }
    let mut results = vec![well("data", dir.display().to_string())];
    let mut look = |what, looked: Result<String, String>| {
        results.push(match looked {
            Ok(says) => well(what, says),
            Err(why) => ill(what, why),
        });
    };
    look("identity", identity(dir));
    look("checkpoints", checkpoints(dir));
    results.extend(segments::partitions(dir, is_deep));
    results.extend(transactions::check(dir, SystemClock::default().now().wall_ms));
    if OsDisk.exists(&dir.join(NAME)) {
        results.push(match control::health(Some(dir)) {
            Ok(says) => well("broker", says),
            Err(why) => ill("broker", why),
        });
    }
    results
}

fn identity(dir: &Path) -> Result<String, String> {
    let path = dir.join("meta.properties");
    if !OsDisk.exists(&path) {
        let entries = OsDisk.list(dir).map_err(|e| e.to_string())?;
        return match entries.iter().find(|e| e.name != ".lock" && e.name != "lost+found") {
            Some(entry) => Err(format!("it contains {} but no meta.properties", entry.name)),
            None => Ok("an empty directory; a start creates the ids".to_owned()),
        };
    }
    let bytes = read_all(&OsDisk, &path).map_err(|e| e.to_string())?;
    let identity = datadir::parse(&String::from_utf8_lossy(&bytes))
        .map_err(|why| format!("meta.properties: {why}"))?;
    Ok(format!("cluster id {}, node id {}", identity.cluster_id, identity.node_id))
}

fn checkpoints(dir: &Path) -> Result<String, String> {
    let mut count = 0;
    for name in [checkpoint::RECOVERY_POINT, checkpoint::HIGH_WATERMARK, checkpoint::LOG_START] {
        let path = dir.join(name);
        if OsDisk.exists(&path) {
            checkpoint::read_offsets(&OsDisk, &path).map_err(|e| e.to_string())?;
            count += 1;
        }
    }
    Ok(format!("{count} valid"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::batch_builder::BatchBuilder;
    use crate::storage::disk::replace;

    #[test]
    fn a_directory_is_judged_by_what_is_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        assert!(data(dir.path(), false).iter().all(|f| f.is_well), "empty is well");
        let meta = b"version=1\ncluster.id=abc\nnode.id=1\n";
        replace(&OsDisk, &path("meta.properties"), meta).unwrap();
        OsDisk.create_dir(&path("t-0")).unwrap();
        let mut builder = BatchBuilder::new(0, 0);
        builder.push(None, Some(b"v"), &[], 0);
        let mut bytes = builder.finish();
        let last = bytes.len() - 1;
        let mut next = BatchBuilder::new(1, 0);
        next.push(None, Some(b"w"), &[], 0);
        bytes.extend(next.finish());
        let log = path("t-0").join("00000000000000000000.log");
        replace(&OsDisk, &log, &bytes).unwrap();
        let results = data(dir.path(), true);
        assert!(results.iter().all(|f| f.is_well), "{results:?}");
        bytes[last] ^= 1;
        replace(&OsDisk, &log, &bytes).unwrap();
        let results = data(dir.path(), false);
        let ill: Vec<&CheckResult> = results.iter().filter(|f| !f.is_well).collect();
        assert_eq!(ill.len(), 1);
        assert!(ill[0].says.contains("topic t, partition 0: "), "{ill:?}");
        assert!(ill[0].says.contains("position 0, offset 0: "), "{ill:?}");
        replace(&OsDisk, &path("meta.properties"), b"version=9\n").unwrap();
        assert!(identity(dir.path()).unwrap_err().contains("version 9"));
    }
}
