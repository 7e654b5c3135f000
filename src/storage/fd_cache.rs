//! A disk with a bounded number of open files: cold files are closed, and a file is reopened when
//! it is next used.
//!
//! Callers of the traits notice nothing. A file is closed only while no call on it is in progress.
//! A file that is renamed, alone or with its directory, is found again under its new name; one that
//! is unlinked keeps its descriptor until it is dropped, so that its readers can finish.
//!
//! **Invariant:** a file with unsynced writes is synced before it is closed, and if that sync
//! fails, so does every later one. The kernel reports a failed write-back to descriptors that are
//! open, and to the first one opened afterwards; but if the inode is evicted from memory in
//! between, the error is forgotten and a sync of a new descriptor would succeed.
//!
//! Lock order: `write_rename_lock`, then a file's `held`, then `names` or `ring`.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard, RwLockReadGuard, RwLockWriteGuard};

use rustix::io::Errno;

use crate::storage::disk::{DirEntry, Disk, File, FileSystemSpace, HandOver, OpenMode};
use crate::sync::{Mutex, RwLock};

/// Number of files with unsynced writes that are passed over in search of one without.
const SPARED: usize = 512;
/// Number of files in use that are tried before the limit is exceeded temporarily.
const TRIES: usize = 64;

/// Another disk, with a limit on the number of open files.
#[derive(Debug)]
pub struct BoundedDisk {
    cache: Arc<FdCache>,
}

#[derive(Debug)]
struct FdCache {
    inner: Arc<dyn Disk>,
    max_open: usize,
    open: AtomicUsize,
    next_id: AtomicU64,
    /// Held shared while a file is opened by name, and exclusively while names change.
    rename_lock: RwLock<()>,
    names: Mutex<FilesByPath>,
    ring: Mutex<Ring>,
}

/// The files in use by callers, open or not; several may have the same name.
type FilesByPath = BTreeMap<(Arc<Path>, u64), Arc<CachedFile>>;

/// The open files, with the hand of a clock (second-chance eviction).
#[derive(Debug, Default)]
struct Ring {
    files: Vec<Arc<CachedFile>>,
    hand: usize,
}

/// A file: open, or known by its name only.
#[derive(Debug)]
struct CachedFile {
    id: u64,
    how: OpenMode,
    path: Mutex<Arc<Path>>,
    held: RwLock<Option<Arc<dyn File>>>,
    /// Used again since the hand last passed, after the use that opened it: many files are opened
    /// for a single read.
    used: AtomicBool,
    /// Written to since the last sync.
    dirty: AtomicBool,
    /// Completely synced when it was last closed or synced.
    synced: AtomicBool,
    /// A sync has failed: writes may be lost.
    lost: AtomicBool,
    /// It has been unlinked.
    unlinked: AtomicBool,
    /// The last handle has been dropped.
    dropped: AtomicBool,
}

/// A caller's handle of a file.
#[derive(Debug)]
struct BoundedFile {
    cache: Arc<FdCache>,
    state: Arc<CachedFile>,
}

impl BoundedDisk {
    /// Keeps at most `most` files of `inner` open, at least one. The limit is exceeded temporarily
    /// when more are in use at once or are read after they were unlinked.
    pub fn new(under: Arc<dyn Disk>, most: usize) -> BoundedDisk {
        BoundedDisk {
            cache: Arc::new(FdCache {
                inner: under,
                max_open: most.max(1),
                open: AtomicUsize::new(0),
                next_id: AtomicU64::new(0),
                rename_lock: RwLock::new(()),
                names: Mutex::default(),
                ring: Mutex::default(),
            }),
        }
    }

    /// Returns the number of open files.
    pub fn open_files(&self) -> usize {
        self.cache.open.load(Ordering::Acquire)
    }
}

impl Ring {
    /// Removes and returns a file that was not used recently, preferably without unsynced writes.
    fn take_cold(&mut self) -> Option<Arc<CachedFile>> {
        let mut spared = 0;
        for _ in 0..3 * self.files.len() {
            self.hand = (self.hand + 1) % self.files.len().max(1);
            let file = self.files.get(self.hand)?;
            if file.dropped.load(Ordering::Acquire) {
                self.files.swap_remove(self.hand);
            } else if file.unlinked.load(Ordering::Acquire)
                || file.used.swap(false, Ordering::AcqRel)
                || file.held.try_write().is_none()
            {
                // It was used recently, or is in use right now.
            } else if file.dirty.load(Ordering::Acquire) && spared < SPARED.min(self.files.len()) {
                spared += 1;
            } else {
                return Some(self.files.swap_remove(self.hand));
            }
        }
        None
    }
}

impl CachedFile {
    fn held(&self) -> RwLockReadGuard<'_, Option<Arc<dyn File>>> {
        self.held.read()
    }

    fn held_mut(&self) -> RwLockWriteGuard<'_, Option<Arc<dyn File>>> {
        self.held.write()
    }

    fn path(&self) -> MutexGuard<'_, Arc<Path>> {
        self.path.lock()
    }

    /// Closes the descriptor. Returns false if the file is not open, in use, or unlinked: then it
    /// could not be opened again.
    fn evict(&self) -> bool {
        let Some(mut held) = self.held.try_write() else { return false };
        if self.unlinked.load(Ordering::Acquire) {
            return false;
        }
        let Some(file) = held.take() else { return false };
        if self.dirty.swap(false, Ordering::AcqRel) {
            let synced = file.sync();
            self.synced.store(synced.is_ok(), Ordering::Release);
            if let Err(error) = synced {
                tracing::error!(path = %self.path().display(), %error,
                    "could not sync the file before closing its descriptor");
                self.lost.store(true, Ordering::Release);
            }
        }
        true
    }
}

impl FdCache {
    fn names(&self) -> MutexGuard<'_, FilesByPath> {
        self.names.lock()
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock()
    }

    fn read_rename_lock(&self) -> RwLockReadGuard<'_, ()> {
        self.rename_lock.read()
    }

    fn write_rename_lock(&self) -> RwLockWriteGuard<'_, ()> {
        self.rename_lock.write()
    }

    /// Counts one more open file, and closes cold ones until the number is within the limit.
    fn make_room(&self) {
        self.open.fetch_add(1, Ordering::AcqRel);
        for _ in 0..TRIES {
            if self.open.load(Ordering::Acquire) <= self.max_open || !self.evict_one() {
                return;
            }
        }
    }

    /// Tries to close one file; returns false if there is none left to try.
    fn evict_one(&self) -> bool {
        let Some(file) = self.ring().take_cold() else { return false };
        if file.evict() {
            self.open.fetch_sub(1, Ordering::AcqRel);
        } else if !file.dropped.load(Ordering::Acquire) {
            self.ring().files.push(file);
        }
        true
    }

    /// Runs an operation that needs a descriptor. If none is free because connections hold them
    /// all, closes files to make room.
    fn retry_when_out_of_descriptors<T>(
        &self,
        ask: impl Fn(&dyn Disk) -> io::Result<T>,
    ) -> io::Result<T> {
        for _ in 0..TRIES {
            match ask(self.inner.as_ref()) {
                Err(error) if is_out_of_descriptors(&error) && self.evict_one() => {}
                outcome => return outcome,
            }
        }
        ask(self.inner.as_ref())
    }

    fn insert(&self, state: &Arc<CachedFile>) {
        let mut ring = self.ring();
        if ring.files.len() > 2 * self.max_open {
            ring.files.retain(|file| !file.dropped.load(Ordering::Acquire));
        }
        ring.files.push(state.clone());
    }

    fn files_at(&self, path: &Path) -> Vec<Arc<CachedFile>> {
        let from = (Arc::from(path), 0);
        let names = self.names();
        let at = names.range(from..).take_while(|((name, _), _)| name.starts_with(path));
        at.map(|(_, state)| state.clone()).collect()
    }

    /// Opens the files at and below a path that is about to be unlinked: their users must not lose
    /// them.
    fn keep_open(&self, path: &Path, _moving: &RwLockWriteGuard<'_, ()>) {
        for state in self.files_at(path) {
            state.unlinked.store(true, Ordering::Release);
            let mut held = state.held_mut();
            if held.is_some() || state.dropped.load(Ordering::Acquire) {
                continue;
            }
            let path = path_of(&state);
            match self.retry_when_out_of_descriptors(|disk| disk.open(&path, state.how)) {
                Ok(file) => {
                    *held = Some(file);
                    self.open.fetch_add(1, Ordering::AcqRel);
                    self.insert(&state);
                }
                // It is unlinked all the same; its readers get an error.
                Err(error) => tracing::debug!(path = %path.display(), %error,
                    "could not keep an unlinked file open"),
            }
        }
    }

    fn renamed(&self, from: &Path, to: &Path, _moving: &RwLockWriteGuard<'_, ()>) {
        for state in self.files_at(from) {
            if state.unlinked.load(Ordering::Acquire) {
                continue;
            }
            let old = path_of(&state);
            let new: Arc<Path> = match old.strip_prefix(from) {
                Ok(rest) if !rest.as_os_str().is_empty() => Arc::from(to.join(rest)),
                _ => Arc::from(to),
            };
            let mut names = self.names();
            names.remove(&(old, state.id));
            names.insert((new.clone(), state.id), state.clone());
            *state.path() = new;
        }
    }
}

fn path_of(state: &CachedFile) -> Arc<Path> {
    state.path().clone()
}

fn is_out_of_descriptors(error: &io::Error) -> bool {
    [Errno::MFILE, Errno::NFILE].iter().any(|e| error.raw_os_error() == Some(e.raw_os_error()))
}

impl BoundedFile {
    /// Runs `use_it` with the file open; it stays open until that returns.
    fn with<T>(&self, use_it: impl FnOnce(&dyn File) -> io::Result<T>) -> io::Result<T> {
        let state = &self.state;
        if let Some(file) = &*state.held() {
            if !state.used.load(Ordering::Relaxed) {
                state.used.store(true, Ordering::Release);
            }
            return use_it(file.as_ref());
        }
        self.cache.make_room();
        let still = self.cache.read_rename_lock();
        let mut held = state.held_mut();
        if held.is_some() {
            self.cache.open.fetch_sub(1, Ordering::AcqRel);
        } else {
            let path = path_of(state);
            // Another file may have this name by now.
            let opened = match state.unlinked.load(Ordering::Acquire) {
                true => Err(io::ErrorKind::NotFound.into()),
                false => {
                    self.cache.retry_when_out_of_descriptors(|disk| disk.open(&path, state.how))
                }
            };
            *held = Some(opened.inspect_err(|_| {
                self.cache.open.fetch_sub(1, Ordering::AcqRel);
            })?);
            self.cache.insert(state);
        }
        drop(still);
        match &*held {
            Some(file) => use_it(file.as_ref()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn changed<T>(&self, outcome: io::Result<T>) -> io::Result<T> {
        self.state.synced.store(false, Ordering::Release);
        self.state.dirty.store(true, Ordering::Release);
        outcome
    }
}

impl File for BoundedFile {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        self.with(|file| file.read_at(buffer, position))
    }

    fn read_hot_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        self.with(|file| file.read_hot_at(buffer, position))
    }

    fn hand_over(&self, socket: BorrowedFd<'_>, position: u64, len: usize) -> io::Result<HandOver> {
        self.with(|file| file.hand_over(socket, position, len))
    }

    fn read_once_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        self.with(|file| file.read_once_at(buffer, position))
    }

    fn write_at(&self, head: &[u8], rest: &[u8], position: u64) -> io::Result<()> {
        self.with(|file| self.changed(file.write_at(head, rest, position)))
    }

    fn len(&self) -> io::Result<u64> {
        self.with(|file| file.len())
    }

    fn reserve(&self, position: u64, bytes: u64) -> io::Result<()> {
        self.with(|file| self.changed(file.reserve(position, bytes)))
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.with(|file| self.changed(file.truncate(len)))
    }

    fn sync(&self) -> io::Result<()> {
        let state = &self.state;
        if !state.lost.load(Ordering::Acquire)
            && state.synced.load(Ordering::Acquire)
            && state.held().is_none()
        {
            return Ok(());
        }
        let outcome = self.with(|file| {
            if state.lost.load(Ordering::Acquire) {
                return Err(io::Error::other("an earlier sync of the file has failed"));
            }
            // Writes from now on may not be covered, and set the flag again.
            state.dirty.store(false, Ordering::Release);
            file.sync().inspect_err(|_| state.lost.store(true, Ordering::Release))
        });
        if outcome.is_ok() && !state.dirty.load(Ordering::Acquire) {
            state.synced.store(true, Ordering::Release);
        }
        outcome
    }
}

impl Drop for BoundedFile {
    fn drop(&mut self) {
        let state = &self.state;
        // Names may change meanwhile; the state's own path is the one under which it is listed.
        let still = self.cache.read_rename_lock();
        self.cache.names().remove(&(path_of(state), state.id));
        drop(still);
        state.dropped.store(true, Ordering::Release);
        if state.held_mut().take().is_some() {
            self.cache.open.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Disk for BoundedDisk {
    fn open(&self, path: &Path, how: OpenMode) -> io::Result<Arc<dyn File>> {
        let cache = &self.cache;
        cache.make_room();
        let still = cache.read_rename_lock();
        let file =
            cache.retry_when_out_of_descriptors(|disk| disk.open(path, how)).inspect_err(|_| {
                cache.open.fetch_sub(1, Ordering::AcqRel);
            })?;
        let path: Arc<Path> = Arc::from(path);
        let state = Arc::new(CachedFile {
            id: cache.next_id.fetch_add(1, Ordering::Relaxed),
            // A file that is reopened must exist: an unlinked name is not created again.
            how: if how == OpenMode::Read { OpenMode::Read } else { OpenMode::Write },
            path: Mutex::new(path.clone()),
            held: RwLock::new(Some(file)),
            used: AtomicBool::new(false),
            dirty: AtomicBool::new(false),
            synced: AtomicBool::new(false),
            lost: AtomicBool::new(false),
            unlinked: AtomicBool::new(false),
            dropped: AtomicBool::new(false),
        });
        cache.names().insert((path, state.id), state.clone());
        cache.insert(&state);
        drop(still);
        Ok(Arc::new(BoundedFile { cache: cache.clone(), state }))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        self.cache.retry_when_out_of_descriptors(|disk| disk.list(dir))
    }

    fn exists(&self, path: &Path) -> bool {
        self.cache.inner.exists(path)
    }

    fn len(&self, path: &Path) -> io::Result<u64> {
        self.cache.inner.len(path)
    }

    fn file_system_space(&self, path: &Path) -> Option<FileSystemSpace> {
        self.cache.inner.file_system_space(path)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.cache.inner.create_dir(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let moving = self.cache.write_rename_lock();
        self.cache.keep_open(to, &moving);
        self.cache.inner.rename(from, to)?;
        self.cache.renamed(from, to, &moving);
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.cache.keep_open(path, &self.cache.write_rename_lock());
        self.cache.inner.remove_file(path)
    }

    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        self.cache.keep_open(dir, &self.cache.write_rename_lock());
        self.cache.retry_when_out_of_descriptors(|disk| disk.remove_dir(dir))
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.cache.retry_when_out_of_descriptors(|disk| disk.sync_dir(dir))
    }
}

/// Returns the number of files of the data directory that may be open in a process limited to
/// `limit` descriptors: the rest is for connections and for files opened briefly.
pub fn files_within(limit: u64) -> usize {
    usize::try_from(limit / 4 * 3).unwrap_or(usize::MAX).saturating_sub(16).max(1)
}

#[cfg(test)]
mod tests;
