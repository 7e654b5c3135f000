//! `ottla dump`: prints the files of a data directory, Ottla's or Apache Kafka's.

pub mod files;
pub mod log;

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::failure::Failure;
use crate::cli::screen;
use crate::storage::disk::{OsDisk, read_all};

/// The flags of `ottla dump`.
#[derive(Debug, Args)]
pub struct Dump {
    /// Segments (.log), indexes (.index, .timeindex, .txnindex), producer snapshots (.snapshot),
    /// metadata snapshots (.checkpoint), checkpoints, partition.metadata, meta.properties.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Show only the batches of segments, not the records.
    #[arg(long)]
    batches_only: bool,
}

/// Runs `ottla dump`.
///
/// # Errors
/// A file cannot be read, is of an unknown kind, or is damaged.
pub fn run(dump: Dump) -> Result<(), Failure> {
    let mut damaged = 0;
    for path in &dump.files {
        let bytes = read_all(&OsDisk, path)
            .map_err(|error| Failure::new(format!("cannot read {}: {error}", path.display())))?;
        screen::line(&format!("Dumping {}", path.display()))?;
        if let Err(why) = one(path, &bytes, &dump)? {
            screen::complain(&format!("{}: {why}", path.display()));
            damaged += 1;
        }
    }
    screen::flush()?;
    if damaged == 0 { Ok(()) } else { Err(Failure::silent(1)) }
}

/// Prints one file. Returns its fault, if it has one.
fn one(path: &Path, bytes: &[u8], dump: &Dump) -> Result<Result<(), String>, Failure> {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let extension = path.extension().map(|e| e.to_string_lossy()).unwrap_or_default();
    let base = name.split('.').next().and_then(|digits| digits.parse().ok()).unwrap_or(0);
    match &*extension {
        "log" | "checkpoint" if name != "leader-epoch-checkpoint" => {
            log::dump(bytes, log::RecordKind::of(path), !dump.batches_only)
        }
        "index" => files::index(bytes, base),
        "timeindex" => files::timeindex(bytes, base),
        "txnindex" => files::txnindex(bytes),
        "snapshot" => files::snapshot(bytes),
        _ if files::is_text(&name) => files::text(bytes),
        _ => Ok(Err("not a known kind of file of a Kafka data directory".to_owned())),
    }
}
