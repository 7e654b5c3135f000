//! What only Linux offers. `platform/portable.rs` has the same functions for other systems.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::num::NonZeroU64;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::FileExt;

use rustix::fs::{Advice, FallocateFlags, fadvise, fallocate, sendfile};
use rustix::io::{Errno, ReadWriteFlags, preadv2};
use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};

/// SIGHUP as a bit of a signal mask.
const HANGUP_BIT: u64 = 1;

/// Reads what is in the page cache; fails with `WouldBlock` if the disk would have to be read.
pub fn read_cached_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    match preadv2(file, &mut [IoSliceMut::new(buffer)], position, ReadWriteFlags::NOWAIT) {
        Ok(n) => Ok(n),
        // A file system without RWF_NOWAIT (some network and overlay ones): an ordinary read.
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => file.read_at(buffer, position),
        Err(error) => Err(error.into()),
    }
}

/// Returns true if the page that holds this byte is in the page cache.
///
/// # Errors
/// `Unsupported` if that is not known.
pub fn is_cached(file: &File, position: u64) -> io::Result<bool> {
    match preadv2(file, &mut [IoSliceMut::new(&mut [0])], position, ReadWriteFlags::NOWAIT) {
        Ok(_) => Ok(true),
        Err(Errno::AGAIN) => Ok(false),
        Err(error) => Err(unsupported(error)),
    }
}

/// Sends a range of a file to a socket without copying it. Reads from the disk what is not in the
/// page cache. Returns the number of bytes that the socket has taken.
///
/// # Errors
/// `Unsupported` if the file or the socket cannot do this.
pub fn send_file(
    socket: BorrowedFd<'_>,
    file: &File,
    position: u64,
    len: usize,
) -> io::Result<usize> {
    sendfile(socket, file, Some(&mut { position }), len).map_err(unsupported)
}

fn unsupported(error: Errno) -> io::Error {
    match error {
        Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL => io::ErrorKind::Unsupported.into(),
        error => error.into(),
    }
}

/// Writes to a socket that does not block what more will follow at once: the system may wait for
/// that before it sends a short packet.
pub fn send_before_more(socket: BorrowedFd<'_>, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
    let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
    Ok(sendmsg(socket, slices, &mut SendAncillaryBuffer::default(), flags)?)
}

/// Reads data that will not be needed again soon: what was not cached before is not kept in the
/// page cache.
pub fn read_once_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    match read_cached_at(file, buffer, position) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
        read => return read,
    }
    // If the next piece were read ahead, it would look as if other readers had wanted it. Advice
    // that is ignored costs memory that the system can reclaim at any time.
    let _ = fadvise(file, 0, None, Advice::Random);
    let read = file.read_at(buffer, position)?;
    let _ = fadvise(file, position, NonZeroU64::new(read as u64), Advice::DontNeed);
    Ok(read)
}

/// Reserves space for `bytes` bytes from `position` on without changing the length of the file.
/// Does nothing if the file system cannot reserve.
pub fn reserve(file: &File, position: u64, bytes: u64) -> io::Result<()> {
    match fallocate(file, FallocateFlags::KEEP_SIZE, position, bytes) {
        Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Returns a process's command line; `None` if it is not known.
pub fn command_line(pid: i32) -> Option<String> {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    Some(String::from_utf8_lossy(&line).replace('\0', " "))
}

/// Returns true for a process that has ended but was not yet waited for by its parent.
pub fn is_zombie(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|text| text.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z')))
}

/// Returns true if SIGHUP was ignored when this program started, as under `nohup`. Must be called
/// before a handler is installed.
pub fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & HANGUP_BIT != 0)
}

/// Returns the mounted file systems, in the form of `/proc/self/mountinfo`; `None` if they are not
/// known.
pub fn mounts() -> Option<String> {
    std::fs::read_to_string("/proc/self/mountinfo").ok()
}

/// Returns the routes of IPv4, in the form of `/proc/net/route`; `None` if they are not known. They
/// change when a network is connected.
pub fn routes() -> Option<String> {
    std::fs::read_to_string("/proc/net/route").ok()
}
