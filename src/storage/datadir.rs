//! The data directory as a whole: its lock, its identity, and whether the last run ended cleanly.
//!
//! **Invariant:** a directory that is not recognized is refused and left unchanged.

use std::collections::BTreeMap;
use std::fs::File as StdFile;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use crate::storage::checkpoint::{id_of, id_text};
use crate::storage::disk::{Disk, read_all, replace};
use crate::types::{DirectoryId, TopicId};

const META_PROPERTIES: &str = "meta.properties";
const CLEAN_SHUTDOWN: &str = ".kafka_cleanshutdown";

/// Why a data directory cannot be used. The message is the one line that the user sees.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another broker holds the lock.
    #[error(
        "the data directory {dir} is in use by another broker (pid {pid}); \
         stop it or choose another directory with --data-dir"
    )]
    Held {
        /// The directory.
        dir: String,
        /// The pid of the other broker.
        pid: String,
    },
    /// It is neither empty nor a usable Kafka data directory.
    #[error("the data directory {dir} is not usable: {why}; nothing was changed")]
    Foreign {
        /// The directory.
        dir: String,
        /// The reason.
        why: String,
    },
    /// Permission denied.
    #[error(
        "the data directory {dir} cannot be used: {error}; user {user} must own it or be let in: \
         `chown -R {user} {dir}`, or choose another with --data-dir"
    )]
    Denied {
        /// The directory.
        dir: String,
        /// The user id of this process.
        user: u32,
        /// The error from the disk.
        error: io::Error,
    },
    /// Any other error.
    #[error("the data directory {dir} cannot be used: {error}")]
    Disk {
        /// The directory.
        dir: String,
        /// The error from the disk.
        error: io::Error,
    },
}

/// An exclusive lock on a data directory, released on drop or when the process ends.
#[derive(Debug)]
pub struct DataDirLock(StdFile);

impl Drop for DataDirLock {
    fn drop(&mut self) {
        // A child process that is being started at this moment has inherited the open file until
        // its exec, and would hold the lock that long.
        let _ = rustix::fs::flock(&self.0, rustix::fs::FlockOperation::Unlock);
    }
}

/// Creates the directory and its missing parents, with names that survive a power loss.
fn create(dir: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = dir.ancestors().take_while(|path| !path.exists()).collect();
    std::fs::create_dir_all(dir)?;
    for parent in missing.iter().filter_map(|path| path.parent()) {
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        StdFile::open(parent)?.sync_all()?;
    }
    Ok(())
}

/// Locks the directory and writes our pid into the lock file.
pub fn lock(dir: &Path) -> Result<DataDirLock, DataDirError> {
    let failed = |error: io::Error| {
        let dir = dir.display().to_string();
        match error.kind() {
            io::ErrorKind::PermissionDenied => {
                DataDirError::Denied { dir, user: rustix::process::geteuid().as_raw(), error }
            }
            _ => DataDirError::Disk { dir, error },
        }
    };
    create(dir).map_err(failed)?;
    let path = dir.join(".lock");
    let mut options = std::fs::OpenOptions::new();
    let mut file =
        options.read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
    let operation = rustix::fs::FlockOperation::NonBlockingLockExclusive;
    if rustix::fs::flock(&file, operation).is_err() {
        let mut pid = String::new();
        file.read_to_string(&mut pid).map_err(failed)?;
        let pid = if pid.trim().is_empty() { "unknown".to_owned() } else { pid.trim().to_owned() };
        return Err(DataDirError::Held { dir: dir.display().to_string(), pid });
    }
    file.set_len(0).map_err(failed)?;
    file.rewind().map_err(failed)?;
    writeln!(file, "{}", std::process::id()).map_err(failed)?;
    Ok(DataDirLock(file))
}

/// Returns true if a broker has locked this directory.
pub fn is_locked(dir: &Path) -> bool {
    let shared = rustix::fs::FlockOperation::NonBlockingLockShared;
    StdFile::open(dir.join(".lock")).is_ok_and(|file| rustix::fs::flock(&file, shared).is_err())
}

/// The contents of `meta.properties`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetaProperties {
    /// The cluster's id, 22 characters.
    pub cluster_id: String,
    /// The broker's id.
    pub node_id: i32,
    /// The directory's own id (KIP-858).
    pub directory_id: DirectoryId,
}

/// The identity that a directory must have.
#[derive(Debug, Clone, Copy)]
pub struct ExpectedIdentity<'a> {
    /// The broker's id.
    pub node_id: i32,
    /// The cluster's id, if a particular one is required.
    pub cluster_id: Option<&'a str>,
    /// The cluster's id for a directory that has none yet.
    pub first_cluster_id: Option<&'a str>,
}

/// Reads the directory's identity, or writes one into an empty directory.
pub fn identify(
    disk: &dyn Disk,
    dir: &Path,
    wanted: ExpectedIdentity<'_>,
) -> Result<MetaProperties, DataDirError> {
    let ExpectedIdentity { node_id, cluster_id, first_cluster_id } = wanted;
    let failed = |error| DataDirError::Disk { dir: dir.display().to_string(), error };
    let foreign = |why: String| DataDirError::Foreign { dir: dir.display().to_string(), why };
    let path = dir.join(META_PROPERTIES);
    if disk.exists(&path) {
        let text = String::from_utf8_lossy(&read_all(disk, &path).map_err(failed)?).into_owned();
        let identity = parse(&text).map_err(|why| foreign(format!("{META_PROPERTIES}: {why}")))?;
        if identity.node_id != node_id {
            return Err(foreign(format!(
                "it belongs to node.id {}, not {node_id}",
                identity.node_id
            )));
        }
        return match cluster_id {
            Some(wanted) if wanted != identity.cluster_id => Err(foreign(format!(
                "it belongs to cluster.id {}, not {wanted}",
                identity.cluster_id
            ))),
            _ => Ok(identity),
        };
    }
    let mut names = disk.list(dir).map_err(failed)?.into_iter().map(|e| e.name);
    if let Some(name) = names.find(|name| name != ".lock" && name != "lost+found") {
        return Err(foreign(format!("it holds {name} but no {META_PROPERTIES}")));
    }
    let cluster_id = cluster_id.or(first_cluster_id).map(str::to_owned);
    let cluster_id = cluster_id.unwrap_or_else(|| id_text(new_id()));
    let identity = MetaProperties { cluster_id, node_id, directory_id: new_id() };
    let text = format!(
        "#\nversion=1\ncluster.id={}\nnode.id={}\ndirectory.id={}\n",
        identity.cluster_id,
        identity.node_id,
        id_text(identity.directory_id)
    );
    replace(disk, &path, text.as_bytes()).map_err(failed)?;
    Ok(identity)
}

/// Returns a random id like Kafka's: never a reserved one, never one whose text begins with `-`.
pub fn new_id() -> TopicId {
    loop {
        let id = TopicId::new_v4();
        if !id_text(id).starts_with('-') {
            return id;
        }
    }
}

/// Parses a `meta.properties` file.
///
/// # Errors
/// What is missing or malformed.
pub fn parse(text: &str) -> Result<MetaProperties, String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let values: BTreeMap<&str, &str> = lines.filter_map(|line| line.split_once('=')).collect();
    let get = |name: &str| values.get(name).copied().ok_or(format!("it has no {name}"));
    match get("version")? {
        "1" => {}
        other => return Err(format!("version {other} is unknown")),
    }
    Ok(MetaProperties {
        cluster_id: get("cluster.id")?.to_owned(),
        node_id: get("node.id")?.parse().map_err(|_| "node.id is not a number".to_owned())?,
        directory_id: match values.get("directory.id") {
            Some(text) => id_of(text).ok_or("directory.id is not an id")?,
            None => TopicId::nil(),
        },
    })
}

/// Returns true if the last run ended cleanly. Removes the marker file; only the next clean
/// shutdown writes it again.
pub fn take_clean_shutdown_file(disk: &dyn Disk, dir: &Path) -> io::Result<bool> {
    let path = dir.join(CLEAN_SHUTDOWN);
    let was_clean = disk.exists(&path);
    if was_clean {
        disk.remove_file(&path)?;
        disk.sync_dir(dir)?;
    }
    Ok(was_clean)
}

/// Writes the marker of a clean shutdown.
pub fn write_clean_shutdown_file(disk: &dyn Disk, dir: &Path) -> io::Result<()> {
    replace(disk, &dir.join(CLEAN_SHUTDOWN), b"{\"version\":0,\"brokerEpoch\":-1}")
}

/// Returns the partition directories that a deletion has renamed but not removed yet.
pub fn leftovers(disk: &dyn Disk, dir: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = disk.list(dir)?.into_iter();
    let left = entries.filter(|e| e.is_dir && e.name.ends_with("-delete"));
    Ok(left.map(|e| dir.join(e.name)).collect())
}
