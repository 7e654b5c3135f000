//! A disk in memory that tears, forgets and fails, by seed. For tests.
//!
//! A process sees everything that it wrote (the page cache). A power loss leaves what was synced,
//! and of the rest whatever the seed decides: [`SimDisk::crash`]. Killing the process leaves the
//! page cache intact: [`SimDisk::kill`].
//!
//! **Invariant:** the same seed and sequence of calls give the same outcome. Calls draw from the
//! disk's own generator, so a test that needs repeatable runs uses the disk from one thread.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, MutexGuard};

use fastrand::Rng;
use rustix::io::Errno;

use crate::storage::disk::{DirEntry, Disk, File, OpenMode};
use crate::storage::sim_state::{Contents, NameChange, NodeId, Tree};
use crate::storage::sim_world::{Counts, DiskOp, InjectedError, Planned, World};
use crate::sync::Mutex;

/// A simulated disk. Clones are handles to the same disk.
#[derive(Clone)]
pub struct SimDisk {
    world: Arc<Mutex<World>>,
}

/// One open file of a [`SimDisk`].
struct SimFile {
    world: Arc<Mutex<World>>,
    node: NodeId,
    path: PathBuf,
    writable: bool,
}

impl SimDisk {
    /// Returns an empty disk with a root directory.
    pub fn new(seed: u64) -> SimDisk {
        SimDisk::of(Tree::default(), Rng::with_seed(seed))
    }

    fn of(tree: Tree, rng: Rng) -> SimDisk {
        let world = World::new(tree, rng);
        SimDisk { world: Arc::new(Mutex::new(world)) }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }

    /// Returns the disk as it is after a power loss.
    ///
    /// Synced contents and synced names survive. Of a file's other changes all may survive, or
    /// none, or those up to some byte, or some sectors of 512 bytes and not others (the missing
    /// ones hold their previous contents, or zeros). Each unsynced creation, rename or removal of a
    /// name survives or not independently of the others; a rename is never half done. Planned
    /// failures are not carried over. Open files still belong to the old disk.
    pub fn crash(&self) -> SimDisk {
        let mut world = self.world();
        let mut rng = world.rng.fork();
        SimDisk::of(world.tree.after_power_loss(&mut rng), rng)
    }

    /// Returns the disk as the next process finds it after this one was killed.
    ///
    /// Every operation that returned has taken effect, and is as durable as it was before: a power
    /// loss may follow. The operation in which the machine stopped (see [`SimDisk::fail_after`])
    /// may have taken effect in part. Planned failures are not carried over.
    pub fn kill(&self) -> SimDisk {
        let mut world = self.world();
        let rng = world.rng.fork();
        SimDisk::of(world.tree.clone(), rng)
    }

    /// Makes everything durable, as the starting point of a test.
    pub fn settle(&self) {
        self.world().tree.settle();
    }

    /// Returns the number of operations so far.
    pub fn counts(&self) -> Counts {
        self.world().counts
    }

    /// Lets `changes` more changes succeed (see [`Counts::changes`]); the machine stops in the next
    /// one: a write is cut at any byte, any other change takes effect or not, and every operation
    /// after it fails.
    pub fn fail_after(&self, changes: u64) {
        self.world().left = Some(changes);
    }

    /// Returns true once the machine has stopped.
    pub fn has_stopped(&self) -> bool {
        self.world().stopped
    }

    /// Returns true if a failure is planned or space is limited: an error may come from the disk.
    pub fn has_faults(&self) -> bool {
        let world = self.world();
        !world.planned.is_empty() || world.one_in.is_some() || world.room.is_some()
    }

    /// Returns true once a sync of a file has failed, so that writes may be lost for good.
    pub fn has_lost_pages(&self) -> bool {
        self.world().pages_lost
    }

    /// Plans the failure of the next write to (or truncation of) a file whose path contains `of`;
    /// any part of the bytes may have been written.
    pub fn fail_next_write(&self, of: &str, fault: InjectedError) {
        self.plan(DiskOp::Write, of, fault, false);
    }

    /// Plans an EIO for the next sync of a file or directory whose path contains `of`.
    ///
    /// Some of what it should have made durable never will be, regardless of later syncs, although
    /// readers still see it until a power loss.
    pub fn fail_next_sync(&self, of: &str) {
        self.plan(DiskOp::Sync, of, InjectedError::Io, false);
    }

    /// Plans a panic of the calling thread in the next sync of a path that contains `of`.
    pub fn panic_in_next_sync(&self, of: &str) {
        self.plan(DiskOp::Sync, of, InjectedError::Panic, false);
    }

    /// Makes reads of files whose path contains `of` fail with EIO, until [`SimDisk::heal`].
    pub fn fail_reads(&self, of: &str) {
        self.plan(DiskOp::Read, of, InjectedError::Io, true);
    }

    /// Plans a failure of the next creation, rename or removal of a path that contains `of`; it has
    /// no effect.
    pub fn fail_next_name(&self, of: &str, fault: InjectedError) {
        self.plan(DiskOp::Name, of, fault, false);
    }

    /// Makes renames to a path that contains `of` fail with ENOSPC, without effect, until
    /// [`SimDisk::heal`]: the directory would need another block for the longer name.
    pub fn fail_renames(&self, of: &str) {
        self.plan(DiskOp::Rename, of, InjectedError::NoSpace, true);
    }

    /// Ends every [`SimDisk::fail_renames`], and nothing else.
    pub fn allow_renames(&self) {
        self.world().planned.retain(|planned| planned.kind != DiskOp::Rename);
    }

    /// Makes one change in `one_in` fail from now on, by seed, with EIO or ENOSPC.
    pub fn fail_now_and_then(&self, one_in: u32) {
        self.world().one_in = Some(one_in.max(1));
    }

    /// Lets files grow by `bytes` in total before ENOSPC; `None` lifts the limit. Truncation and
    /// removal free space again.
    pub fn set_room(&self, bytes: Option<u64>) {
        self.world().room = bytes;
    }

    /// Cancels every planned failure; a machine that has stopped stays so.
    pub fn heal(&self) {
        let mut world = self.world();
        world.planned.clear();
        world.one_in = None;
        world.room = None;
        world.left = None;
    }

    /// Flips a bit of a file's contents, whether they are in memory, on the medium, or both.
    pub fn flip_bit(&self, path: &Path, position: u64, bit: u8) {
        let mut world = self.world();
        let node = world.node(path).expect("the file to be damaged");
        let at = usize::try_from(position).unwrap_or(usize::MAX);
        world.tree.file_mut(node).expect("a file").flip(at, bit);
    }

    /// Returns every file's path and contents as a process sees them, in order, for comparing two
    /// runs.
    pub fn everything(&self) -> Vec<(PathBuf, Vec<u8>)> {
        self.world().tree.everything()
    }

    fn plan(&self, kind: DiskOp, of: &str, fault: InjectedError, lasting: bool) {
        self.world().planned.push(Planned { kind, of: of.to_owned(), fault, lasting });
    }
}

fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock()
}

impl Disk for SimDisk {
    fn open(&self, path: &Path, how: OpenMode) -> io::Result<Arc<dyn File>> {
        let mut world = self.world();
        world.running()?;
        let node = match world.node(path) {
            Ok(node) if world.tree.is_dir(node) => return Err(Errno::ISDIR.into()),
            Ok(node) => node,
            Err(error) if error.kind() == io::ErrorKind::NotFound && how == OpenMode::Create => {
                let at = world.place(path)?;
                let node = world.tree.add_file();
                world.change_name(path, NameChange::Made { at, node })?;
                node
            }
            Err(error) => return Err(error),
        };
        let writable = how != OpenMode::Read;
        Ok(Arc::new(SimFile { world: self.world.clone(), node, path: path.to_owned(), writable }))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let world = self.world();
        world.running()?;
        let node = world.node(dir)?;
        if !world.tree.is_dir(node) {
            return Err(Errno::NOTDIR.into());
        }
        let children = world.tree.children(node);
        Ok(children
            .map(|(name, node)| DirEntry { name, is_dir: world.tree.is_dir(node) })
            .collect())
    }

    fn exists(&self, path: &Path) -> bool {
        self.world().node(path).is_ok()
    }

    fn len(&self, path: &Path) -> io::Result<u64> {
        let world = self.world();
        world.running()?;
        let node = world.node(path)?;
        Ok(world.tree.file(node).map_or(0, |file| file.seen.len() as u64))
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.running()?;
        let mut at = Tree::ROOT;
        for name in World::steps(dir)? {
            if !world.tree.is_dir(at) {
                return Err(Errno::NOTDIR.into());
            }
            at = match world.tree.child(at, &name) {
                Some(node) => node,
                None => {
                    let node = world.tree.add_dir();
                    world.change_name(dir, NameChange::Made { at: (at, name), node })?;
                    node
                }
            };
        }
        if world.tree.is_dir(at) { Ok(()) } else { Err(Errno::EXIST.into()) }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.running()?;
        let node = world.node(from)?;
        let (from_place, to_place) = (world.place(from)?, world.place(to)?);
        if to.starts_with(from) && to != from {
            return Err(Errno::INVAL.into());
        }
        if let Some(error) = world.planned(DiskOp::Rename, to) {
            return Err(error);
        }
        let mut freed = 0;
        if let Some(old) = world.tree.child(to_place.0, &to_place.1).filter(|old| *old != node) {
            match (world.tree.is_dir(node), world.tree.is_dir(old)) {
                (false, true) => return Err(Errno::ISDIR.into()),
                (true, false) => return Err(Errno::NOTDIR.into()),
                (true, true) if world.tree.children(old).next().is_some() => {
                    return Err(Errno::NOTEMPTY.into());
                }
                _ => freed = world.tree.file(old).map_or(0, Contents::footprint),
            }
        }
        let change = NameChange::Moved { from: from_place, to: to_place, node };
        world.change_name(to, change)?;
        world.free(freed);
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.running()?;
        let node = world.node(path)?;
        let freed = world.tree.file(node).ok_or(Errno::ISDIR)?.footprint();
        let at = world.place(path)?;
        world.change_name(path, NameChange::Gone { at, node })?;
        world.free(freed);
        Ok(())
    }

    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        let entries = self.list(dir)?;
        for entry in entries {
            let path = dir.join(&entry.name);
            if entry.is_dir { self.remove_dir(&path)? } else { self.remove_file(&path)? }
        }
        let mut world = self.world();
        let node = world.node(dir)?;
        let at = world.place(dir)?;
        world.change_name(dir, NameChange::Gone { at, node })
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.running()?;
        let node = world.node(dir)?;
        if !world.tree.is_dir(node) {
            return Err(Errno::NOTDIR.into());
        }
        match world.change(DiskOp::Sync, dir)? {
            None => world.tree.sync_names(node),
            Some(trouble) => {
                if trouble.stop && world.rng.bool() {
                    world.tree.sync_names(node);
                }
                return Err(trouble.error);
            }
        }
        Ok(())
    }
}

impl File for SimFile {
    /// Sometimes returns fewer bytes than are available, as the contract allows.
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let mut world = lock(&self.world);
        world.running()?;
        world.counts.reads += 1;
        if let Some(error) = world.planned(DiskOp::Read, &self.path) {
            return Err(error);
        }
        let short = world.rng.u8(0..16) == 0;
        let part = if short { world.rng.usize(0..=buffer.len()).max(1) } else { buffer.len() };
        let seen = &world.tree.file(self.node).ok_or(Errno::ISDIR)?.seen;
        let from = usize::try_from(position).unwrap_or(usize::MAX).min(seen.len());
        let n = part.min(buffer.len()).min(seen.len() - from);
        buffer[..n].copy_from_slice(&seen[from..from + n]);
        Ok(n)
    }

    /// Sometimes the pages are not cached.
    fn read_hot_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        if lock(&self.world).rng.u8(0..8) == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.read_at(buffer, position)
    }

    fn write_at(&self, head: &[u8], rest: &[u8], position: u64) -> io::Result<()> {
        let mut world = lock(&self.world);
        world.running()?;
        if !self.writable {
            return Err(Errno::BADF.into());
        }
        let mut bytes = [head, rest].concat();
        let mut result = Ok(());
        if let Some(trouble) = world.change(DiskOp::Write, &self.path)? {
            bytes.truncate(world.cut(bytes.len()));
            result = Err(trouble.error);
        }
        let fitting = world.fitting(self.node, position, bytes.len());
        if fitting < bytes.len() {
            bytes.truncate(fitting);
            result = Err(Errno::NOSPC.into());
        }
        if !bytes.is_empty() {
            world.change_contents(self.node, |file| file.write(position, bytes))?;
        }
        result
    }

    fn len(&self) -> io::Result<u64> {
        let world = lock(&self.world);
        world.running()?;
        Ok(world.tree.file(self.node).ok_or(Errno::ISDIR)?.seen.len() as u64)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        let mut world = lock(&self.world);
        world.running()?;
        if !self.writable {
            return Err(Errno::INVAL.into());
        }
        let trouble = world.change(DiskOp::Write, &self.path)?;
        let done = match &trouble {
            None => true,
            Some(trouble) => trouble.stop && world.rng.bool(),
        };
        if done {
            world.change_contents(self.node, |file| file.set_len(len))?;
        }
        trouble.map_or(Ok(()), |trouble| Err(trouble.error))
    }

    fn reserve(&self, position: u64, bytes: u64) -> io::Result<()> {
        let mut world = lock(&self.world);
        world.running()?;
        world.reserve(self.node, position + bytes)
    }

    fn sync(&self) -> io::Result<()> {
        let mut world = lock(&self.world);
        world.running()?;
        world.sync_file(self.node, &self.path)
    }
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimDisk")
    }
}

impl fmt::Debug for SimFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimFile({})", self.path.display())
    }
}

#[cfg(test)]
mod tests;
