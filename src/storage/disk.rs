//! The operating system's disk, behind two small traits.
//!
//! **Invariant:** this is the only file that opens, renames or removes files of the data directory.
//! Everything above receives a `dyn Disk`, so that the simulator can tear, forget and fail
//! (`storage/sim_disk.rs`).

use std::fmt::Debug;
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use crate::platform;

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry {
    /// The name, without its directory. Names that are not UTF-8 are not Ottla's and are left out.
    pub name: String,
    /// True for a directory.
    pub is_dir: bool,
}

/// The access with which a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// Read only; the file must exist.
    Read,
    /// Read and write; the file must exist.
    Write,
    /// Read and write; the file is created if it is missing.
    Create,
}

/// The size of a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileSystemSpace {
    /// Capacity, in bytes.
    pub total: u64,
    /// Bytes available to this process.
    pub usable: u64,
}

/// Returns true if there was no space: ENOSPC, or EDQUOT for a user's quota. Existing data is
/// unharmed, and the same operation may succeed later; that can be said of no other error.
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// The directory tree.
///
/// A new, renamed or removed name survives a loss of power only after [`Disk::sync_dir`] on its
/// directory.
pub trait Disk: Send + Sync + Debug {
    /// Opens a file.
    fn open(&self, path: &Path, how: OpenMode) -> io::Result<Arc<dyn File>>;
    /// Returns the entries of the directory, in no particular order.
    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>>;
    /// Returns true if something of that name exists.
    fn exists(&self, path: &Path) -> bool;
    /// Returns the length of a file in bytes, without opening it.
    fn len(&self, path: &Path) -> io::Result<u64>;
    /// Returns the size of the file system that holds the path; `None` if it is unknown.
    fn file_system_space(&self, _path: &Path) -> Option<FileSystemSpace> {
        None
    }
    /// Creates a directory and its parents; succeeds if it exists.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;
    /// Renames a file or a directory; an existing file is replaced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes a directory and its contents.
    fn remove_dir(&self, dir: &Path) -> io::Result<()>;
    /// Makes the directory's names durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// The result of handing a range of a file to a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandOver {
    /// The socket took this many bytes, at least one; none at the end of the file.
    Taken(usize),
    /// The disk would have to be read.
    Cold,
    /// The file or the system cannot do this: the range has to be read and written.
    Unsupported,
}

/// One open file. Positions are bytes; there is no cursor, so readers need no lock.
pub trait File: Send + Sync + Debug {
    /// Reads at most `buffer.len()` bytes; 0 only at the end of the file.
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize>;
    /// Reads what is already in memory; fails with `WouldBlock` if the disk would have to be read,
    /// or if that is not known.
    fn read_hot_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        self.read_at(buffer, position)
    }
    /// Hands what is already in memory to a socket that does not block, without copying it: a short
    /// range, at most some hundred KB. What the socket has taken may still be read from the file
    /// when it is sent, so the range must never be overwritten. Fails with `WouldBlock` if the
    /// socket takes nothing now.
    fn hand_over(
        &self,
        _socket: BorrowedFd<'_>,
        _position: u64,
        _len: usize,
    ) -> io::Result<HandOver> {
        Ok(HandOver::Unsupported)
    }
    /// Reads data that will not be needed again soon: what was not cached before is not kept in the
    /// page cache. The file must have been opened for such reads alone.
    fn read_once_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        self.read_at(buffer, position)
    }
    /// Writes all of `head` and then all of `rest`. On an error the file may hold any part of them.
    fn write_at(&self, head: &[u8], rest: &[u8], position: u64) -> io::Result<()>;
    /// Returns the length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Returns true if the file is empty.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    /// Cuts the file, or extends it with zeros, to `len` bytes.
    fn truncate(&self, len: u64) -> io::Result<()>;
    /// Reserves space for `bytes` bytes from `position` on without changing the length. Truncating
    /// the file releases it. Does nothing if the file system cannot reserve.
    fn reserve(&self, _position: u64, _bytes: u64) -> io::Result<()> {
        Ok(())
    }
    /// Makes the contents durable. An error is final: the kernel may have dropped the pages, so a
    /// second call that succeeds proves nothing.
    fn sync(&self) -> io::Result<()>;
}

/// Fills `buffer` from `position`, or fails with `UnexpectedEof`.
pub fn read_exact_at(file: &dyn File, buffer: &mut [u8], position: u64) -> io::Result<()> {
    let mut done = 0;
    while done < buffer.len() {
        match file.read_at(&mut buffer[done..], position + done as u64)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => done += n,
        }
    }
    Ok(())
}

/// Reads the whole of a small file.
pub fn read_all(disk: &dyn Disk, path: &Path) -> io::Result<Vec<u8>> {
    let file = disk.open(path, OpenMode::Read)?;
    let mut bytes = vec![0; file.len()? as usize];
    read_exact_at(file.as_ref(), &mut bytes, 0)?;
    Ok(bytes)
}

/// Replaces a small file as a whole: `.tmp`, sync, rename, sync of the directory.
///
/// After a crash a reader finds either the old contents or the new.
pub fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    put(disk, path, bytes, true)?;
    match path.parent() {
        // A bare name is in the current directory; an empty path names none.
        Some(dir) if dir.as_os_str().is_empty() => disk.sync_dir(Path::new(".")),
        Some(dir) => disk.sync_dir(dir),
        None => Ok(()),
    }
}

/// Replaces a small file as a whole, as [`replace`] does, but without a sync: `.tmp`, rename.
///
/// A killed process leaves either the old contents or the new. A power loss may leave anything
/// until the file and its directory have been synced.
pub fn replace_for_now(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    put(disk, path, bytes, false)
}

fn put(disk: &dyn Disk, path: &Path, bytes: &[u8], sync: bool) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    let temporary = Path::new(&name);
    if let Err(error) = fill(disk, temporary, bytes, sync) {
        // A partial file is of no use, and it takes up space that may be scarce.
        let _ = disk.remove_file(temporary);
        return Err(error);
    }
    disk.rename(temporary, path).inspect_err(|_| {
        // As above; the next one may have another name.
        let _ = disk.remove_file(temporary);
    })
}

fn fill(disk: &dyn Disk, path: &Path, bytes: &[u8], sync: bool) -> io::Result<()> {
    let file = disk.open(path, OpenMode::Create)?;
    file.truncate(0)?;
    file.write_at(bytes, &[], 0)?;
    if sync { file.sync() } else { Ok(()) }
}

/// The operating system.
#[derive(Debug, Default)]
pub struct OsDisk;

#[derive(Debug)]
struct OsFile(std::fs::File);

impl Disk for OsDisk {
    fn open(&self, path: &Path, how: OpenMode) -> io::Result<Arc<dyn File>> {
        let mut options = std::fs::OpenOptions::new();
        options.read(true).write(how != OpenMode::Read).create(how == OpenMode::Create);
        Ok(Arc::new(OsFile(options.open(path)?)))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            let is_dir = entry.file_type()?.is_dir();
            if let Ok(name) = entry.file_name().into_string() {
                entries.push(DirEntry { name, is_dir });
            }
        }
        Ok(entries)
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn len(&self, path: &Path) -> io::Result<u64> {
        Ok(std::fs::metadata(path)?.len())
    }

    fn file_system_space(&self, path: &Path) -> Option<FileSystemSpace> {
        let all = rustix::fs::statvfs(path).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(all.f_frsize);
        Some(FileSystemSpace { total: bytes(all.f_blocks), usable: bytes(all.f_bavail) })
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        std::fs::create_dir_all(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        std::fs::remove_dir_all(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        std::fs::File::open(dir)?.sync_all()
    }
}

impl File for OsFile {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        loop {
            match self.0.read_at(buffer, position) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    fn read_hot_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        platform::read_cached_at(&self.0, buffer, position)
    }

    fn hand_over(&self, socket: BorrowedFd<'_>, position: u64, len: usize) -> io::Result<HandOver> {
        // What lies between two cached ends was read with them, if the range is as short as it
        // should be.
        for end in [position, position + len.saturating_sub(1) as u64] {
            match platform::is_cached(&self.0, end) {
                Ok(true) => {}
                Ok(false) => return Ok(HandOver::Cold),
                Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                    return Ok(HandOver::Unsupported);
                }
                Err(error) => return Err(error),
            }
        }
        match platform::send_file(socket, &self.0, position, len) {
            Ok(taken) => Ok(HandOver::Taken(taken)),
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(HandOver::Unsupported),
            Err(error) => Err(error),
        }
    }

    fn read_once_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        platform::read_once_at(&self.0, buffer, position)
    }

    fn write_at(&self, head: &[u8], rest: &[u8], position: u64) -> io::Result<()> {
        let mut done = 0;
        let total = head.len() + rest.len();
        while done < total {
            let in_rest = done.saturating_sub(head.len());
            let head = &head[done.min(head.len())..];
            let buffers = [io::IoSlice::new(head), io::IoSlice::new(&rest[in_rest..])];
            match rustix::io::pwritev(&self.0, &buffers, position + done as u64) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => done += n,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn reserve(&self, position: u64, bytes: u64) -> io::Result<()> {
        platform::reserve(&self.0, position, bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_in_two_pieces_lands_as_one() {
        let dir = tempfile::tempdir().unwrap();
        let file = OsDisk.open(&dir.path().join("f"), OpenMode::Create).unwrap();
        file.write_at(b"0123456789abcdef", b"the rest", 0).unwrap();
        file.write_at(b"", b"!", 24).unwrap();
        assert_eq!(read_all(&OsDisk, &dir.path().join("f")).unwrap(), b"0123456789abcdefthe rest!");
    }

    #[test]
    fn a_replaced_file_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("checkpoint");
        replace(&OsDisk, &path, b"a long first version").unwrap();
        replace(&OsDisk, &path, b"short").unwrap();
        assert_eq!(read_all(&OsDisk, &path).unwrap(), b"short");
        assert_eq!(OsDisk.list(dir.path()).unwrap().len(), 1);
    }
}
