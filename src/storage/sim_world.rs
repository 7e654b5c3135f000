//! The machine around a simulated disk: decides what happens to each operation.
//!
//! **Invariant:** every decision is made by the one generator, in the order of the calls.

use std::io;
use std::path::{Component, Path};

use fastrand::Rng;
use rustix::io::Errno;

use crate::storage::sim_state::{Contents, NameChange, NameInDir, NodeId, Tree};

/// How a simulated operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InjectedError {
    /// EIO: the device failed.
    Io,
    /// ENOSPC: no space is left.
    NoSpace,
    /// The calling thread panics, as it would because of a bug in Ottla.
    Panic,
}

impl InjectedError {
    fn error(self) -> io::Error {
        match self {
            InjectedError::Io => Errno::IO.into(),
            InjectedError::NoSpace => Errno::NOSPC.into(),
            InjectedError::Panic => panic!("the simulated disk injected a panic"),
        }
    }
}

/// Number of operations on a disk, failed ones included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Reads of files. Opening files, listing and reading lengths are not counted.
    pub reads: u64,
    /// Writes and truncations.
    pub writes: u64,
    /// Syncs of files and of directories.
    pub syncs: u64,
    /// Creations, renames and removals of names.
    pub names: u64,
}

impl Counts {
    /// Returns the number of operations other than reads: those that `SimDisk::fail_after` counts.
    pub fn changes(&self) -> u64 {
        self.writes + self.syncs + self.names
    }
}

/// The type of an operation, for planned failures and for counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DiskOp {
    /// Read of a file's contents.
    Read,
    /// Write to a file, or change of its length.
    Write,
    /// Sync of a file or a directory.
    Sync,
    /// Creation, rename, removal.
    Name,
    /// Rename only.
    Rename,
}

/// A planned failure and the operation that it will hit.
#[derive(Debug, Clone)]
pub(crate) struct Planned {
    /// The type of the operation.
    pub kind: DiskOp,
    /// A part of the path.
    pub of: String,
    /// The error to return.
    pub fault: InjectedError,
    /// False if it happens only once.
    pub lasting: bool,
}

/// A disk and its planned failures.
#[derive(Debug)]
pub(crate) struct World {
    /// Makes every decision.
    pub rng: Rng,
    /// The contents of the disk.
    pub tree: Tree,
    /// Operations so far.
    pub counts: Counts,
    /// Number of changes that still succeed before the machine stops.
    pub left: Option<u64>,
    /// True once the machine has stopped.
    pub stopped: bool,
    /// Failures that have not happened yet.
    pub planned: Vec<Planned>,
    /// If set, one change in this many fails.
    pub one_in: Option<u32>,
    /// True once a failed sync has lost pages.
    pub pages_lost: bool,
    /// Bytes by which files may still grow.
    pub room: Option<u64>,
}

/// How a change fails: its error, and whether the machine stops in the middle of it.
pub(crate) struct PlannedFailure {
    /// The error to return.
    pub error: io::Error,
    /// True if the machine stops here.
    pub stop: bool,
}

impl World {
    /// Returns a healthy disk.
    pub fn new(tree: Tree, rng: Rng) -> World {
        World {
            rng,
            tree,
            counts: Counts::default(),
            left: None,
            stopped: false,
            planned: Vec::new(),
            one_in: None,
            pages_lost: false,
            room: None,
        }
    }

    /// Returns an error if the machine has stopped.
    pub fn running(&self) -> io::Result<()> {
        if self.stopped { Err(io::Error::other("the machine has stopped")) } else { Ok(()) }
    }

    /// Takes the planned failure that matches this operation, if there is one.
    pub fn planned(&mut self, kind: DiskOp, path: &Path) -> Option<io::Error> {
        let path = path.to_string_lossy();
        let at = self.planned.iter().position(|p| p.kind == kind && path.contains(&p.of))?;
        let fault = self.planned[at].fault;
        if !self.planned[at].lasting {
            self.planned.remove(at);
        }
        Some(fault.error())
    }

    /// Counts a change and decides whether it fails. Returns `Err` if the machine had stopped
    /// before.
    pub fn change(&mut self, kind: DiskOp, path: &Path) -> io::Result<Option<PlannedFailure>> {
        self.running()?;
        match kind {
            DiskOp::Sync => self.counts.syncs += 1,
            DiskOp::Name | DiskOp::Rename => self.counts.names += 1,
            DiskOp::Write | DiskOp::Read => self.counts.writes += 1,
        }
        match self.left {
            Some(0) => {
                self.stopped = true;
                let error = io::Error::other("the machine stopped");
                return Ok(Some(PlannedFailure { error, stop: true }));
            }
            Some(left) => self.left = Some(left - 1),
            None => {}
        }
        let by_chance = self.one_in.is_some_and(|n| self.rng.u32(0..n) == 0);
        let fault = if self.rng.bool() { InjectedError::Io } else { InjectedError::NoSpace };
        let error = self.planned(kind, path).or_else(|| by_chance.then(|| fault.error()));
        Ok(error.map(|error| PlannedFailure { error, stop: false }))
    }

    /// Changes a name, or fails.
    pub fn change_name(&mut self, path: &Path, change: NameChange) -> io::Result<()> {
        let trouble = self.change(DiskOp::Name, path)?;
        let done = match &trouble {
            None => true,
            Some(trouble) => trouble.stop && self.rng.bool(),
        };
        if done {
            self.tree.apply(change);
        }
        trouble.map_or(Ok(()), |trouble| Err(trouble.error))
    }

    /// Returns how many of `len` bytes are written before the failure.
    pub fn cut(&mut self, len: usize) -> usize {
        match self.rng.u8(0..4) {
            0 => 0,
            1 => len,
            _ => self.rng.usize(0..=len),
        }
    }

    /// Returns how many of `len` bytes at `position` there is space for.
    pub fn fitting(&self, node: NodeId, position: u64, len: usize) -> usize {
        let Some(room) = self.room else { return len };
        let held = self.tree.file(node).map_or(0, Contents::footprint);
        let end = held.max(position).saturating_add(room);
        len.min(usize::try_from(end.saturating_sub(position)).unwrap_or(usize::MAX))
    }

    /// Changes a file's contents, and updates the space that is left.
    pub fn change_contents(
        &mut self,
        node: NodeId,
        what: impl FnOnce(&mut Contents),
    ) -> io::Result<()> {
        let file = self.tree.file_mut(node).ok_or(Errno::ISDIR)?;
        let before = file.footprint();
        what(file);
        let after = file.footprint();
        self.room = self.room.map(|room| (room + before).saturating_sub(after));
        Ok(())
    }

    /// Reserves space for a file up to `end`.
    pub fn reserve(&mut self, node: NodeId, end: u64) -> io::Result<()> {
        let held = self.tree.file(node).ok_or(Errno::ISDIR)?.footprint();
        if self.room.is_some_and(|room| end > held + room) {
            return Err(Errno::NOSPC.into());
        }
        self.change_contents(node, |file| file.reserve(end))
    }

    /// Adds to the space that is left.
    pub fn free(&mut self, bytes: u64) {
        self.room = self.room.map(|room| room + bytes);
    }

    /// Makes a file durable, or fails.
    pub fn sync_file(&mut self, node: NodeId, path: &Path) -> io::Result<()> {
        let trouble = self.change(DiskOp::Sync, path)?;
        let file = self.tree.file_mut(node).ok_or(Errno::ISDIR)?;
        match trouble {
            None => file.sync(),
            Some(trouble) if trouble.stop => {
                if self.rng.bool() {
                    file.sync();
                }
                return Err(trouble.error);
            }
            Some(trouble) => {
                file.lose_some(&mut self.rng);
                self.pages_lost = true;
                return Err(trouble.error);
            }
        }
        Ok(())
    }

    /// Returns the components of `path`. `..` is not supported.
    pub fn steps(path: &Path) -> io::Result<Vec<String>> {
        let mut steps = Vec::new();
        for component in path.components() {
            match component {
                Component::Normal(name) => {
                    steps.push(name.to_str().ok_or(Errno::INVAL)?.to_owned());
                }
                Component::RootDir | Component::CurDir => {}
                Component::ParentDir | Component::Prefix(_) => return Err(Errno::INVAL.into()),
            }
        }
        Ok(steps)
    }

    /// Returns the node at this path.
    pub fn node(&self, path: &Path) -> io::Result<NodeId> {
        let mut node = Tree::ROOT;
        for step in World::steps(path)? {
            node = self.tree.child(node, &step).ok_or(Errno::NOENT)?;
        }
        Ok(node)
    }

    /// Returns the directory that holds (or would hold) `path`, and the name in it.
    pub fn place(&self, path: &Path) -> io::Result<NameInDir> {
        let mut steps = World::steps(path)?;
        let name = steps.pop().ok_or(Errno::INVAL)?;
        let mut dir = Tree::ROOT;
        for step in steps {
            dir = self.tree.child(dir, &step).ok_or(Errno::NOENT)?;
        }
        if self.tree.is_dir(dir) { Ok((dir, name)) } else { Err(Errno::NOTDIR.into()) }
    }
}
