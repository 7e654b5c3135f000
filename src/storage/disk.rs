//! The operating system's disk, behind two small traits.
//!
//! **Invariant:** this is the only file that opens, renames or removes files of the data
//! directory. Everything above is handed a `dyn Disk`, so that the simulator can tear, forget
//! and fail (`storage/sim_disk.rs`).

use std::fmt::Debug;
use std::io;
use std::num::NonZeroU64;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// What a directory holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry {
    /// The name, without its directory. Names that are not UTF-8 are not ours and are left out.
    pub name: String,
    /// True for a directory.
    pub is_dir: bool,
}

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// Only to read; it must exist.
    Read,
    /// To read and write; it must exist.
    Write,
    /// To read and write; made if it is missing.
    Create,
}

/// The size of a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileSystemSpace {
    /// All of it, bytes.
    pub total: u64,
    /// What is left for us, bytes.
    pub usable: u64,
}

/// True if there was no room: ENOSPC, or EDQUOT for one user's share. What was there is unharmed,
/// and the same may succeed later; of no other error can that be said.
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// The directory tree.
///
/// A new, renamed or removed name survives a loss of power only after [`Disk::sync_dir`] on its
/// directory.
pub trait Disk: Send + Sync + Debug {
    /// Open a file.
    fn open(&self, path: &Path, how: OpenMode) -> io::Result<Arc<dyn File>>;
    /// What the directory holds, in no order.
    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>>;
    /// True if something of that name is there.
    fn exists(&self, path: &Path) -> bool;
    /// Length of a file in bytes, without opening it.
    fn len(&self, path: &Path) -> io::Result<u64>;
    /// How large the file system is that holds the path; `None` if nobody can tell.
    fn file_system_space(&self, _path: &Path) -> Option<FileSystemSpace> {
        None
    }
    /// Make a directory and its parents; no error if it is there.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;
    /// Rename a file or a directory; an existing file is replaced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Remove a file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Remove a directory and what is in it.
    fn remove_dir(&self, dir: &Path) -> io::Result<()>;
    /// Make the directory's names durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// One open file. Positions are bytes; there is no cursor, so readers need no lock.
pub trait File: Send + Sync + Debug {
    /// Read at most `buffer.len()` bytes; 0 only at the end of the file.
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize>;
    /// Read what is in memory already; `WouldBlock` where the disk would have to be asked.
    fn read_hot_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        self.read_at(buffer, position)
    }
    /// Read what will not be wanted again soon: what was not in memory before does not stay there.
    /// The file must have been opened for such reads alone.
    fn read_once_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        self.read_at(buffer, position)
    }
    /// Write all of `head` and then all of `rest`. On an error the file may hold any part of it.
    fn write_at(&self, head: &[u8], rest: &[u8], position: u64) -> io::Result<()>;
    /// Length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// True if it holds nothing.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    /// Cut or extend (with zeros) to `len` bytes.
    fn truncate(&self, len: u64) -> io::Result<()>;
    /// Keep room for what will be written from `position` on, `bytes` of it, without a change of
    /// the length. Cutting the file gives it up. Nothing is kept where the file system cannot.
    fn reserve(&self, _position: u64, _bytes: u64) -> io::Result<()> {
        Ok(())
    }
    /// Make the contents durable. An error is final: the kernel may have dropped the pages, so a
    /// second call that succeeds proves nothing.
    fn sync(&self) -> io::Result<()>;
    /// The descriptor, if the operating system has one for it.
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

/// Fill `buffer` from `position`, or fail with `UnexpectedEof`.
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

/// The whole of a small file.
pub fn read_all(disk: &dyn Disk, path: &Path) -> io::Result<Vec<u8>> {
    let file = disk.open(path, OpenMode::Read)?;
    let mut bytes = vec![0; file.len()? as usize];
    read_exact_at(file.as_ref(), &mut bytes, 0)?;
    Ok(bytes)
}

/// Replace a small file as a whole: `.tmp`, sync, rename, sync the directory.
///
/// A reader after a crash finds the old contents or the new, nothing between.
pub fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    put(disk, path, bytes, true)?;
    match path.parent() {
        // The directory of a bare name is the current one; an empty path is none.
        Some(dir) if dir.as_os_str().is_empty() => disk.sync_dir(Path::new(".")),
        Some(dir) => disk.sync_dir(dir),
        None => Ok(()),
    }
}

/// Replace a small file as a whole, as [`replace`] does, but without a sync: `.tmp`, rename.
///
/// A process that is killed leaves the old contents or the new. What a loss of power leaves may
/// be anything, until the file and its directory are synced.
pub fn replace_for_now(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    put(disk, path, bytes, false)
}

fn put(disk: &dyn Disk, path: &Path, bytes: &[u8], sync: bool) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    let temporary = Path::new(&name);
    if let Err(error) = fill(disk, temporary, bytes, sync) {
        // Half a file is of no use, and where there was no room for the rest it takes some.
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
        use rustix::io::{Errno, ReadWriteFlags};
        let mut buffers = [io::IoSliceMut::new(buffer)];
        match rustix::io::preadv2(&self.0, &mut buffers, position, ReadWriteFlags::NOWAIT) {
            Ok(n) => Ok(n),
            // A file system without RWF_NOWAIT (some network and overlay ones): read plainly.
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => self.read_at(buffer, position),
            Err(error) => Err(error.into()),
        }
    }

    fn read_once_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        use rustix::fs::{Advice, fadvise};
        match self.read_hot_at(buffer, position) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            read => return read,
        }
        // Read ahead, the next piece would look as if others had wanted it. Advice that is not
        // taken costs memory that the system can have back at any time.
        let _ = fadvise(&self.0, 0, None, Advice::Random);
        let read = self.read_at(buffer, position)?;
        let _ = fadvise(&self.0, position, NonZeroU64::new(read as u64), Advice::DontNeed);
        Ok(read)
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
        use rustix::fs::FallocateFlags;
        use rustix::io::Errno;
        match rustix::fs::fallocate(&self.0, FallocateFlags::KEEP_SIZE, position, bytes) {
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.0.as_fd())
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
