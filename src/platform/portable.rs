//! The functions of `platform/linux.rs` for other systems, from the standard library and POSIX.
//!
//! On Linux it is chosen by `--cfg ottla_portable`, so that it can be tested there.

use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::FileExt;
use std::process::{Command, Stdio};

use rustix::io::writev;

/// Fails with `WouldBlock`: what is in the page cache is not known.
pub fn read_cached_at(_file: &File, _buffer: &mut [u8], _position: u64) -> io::Result<usize> {
    Err(io::ErrorKind::WouldBlock.into())
}

/// Fails with `Unsupported`: what is in the page cache is not known.
pub fn is_cached(_file: &File, _position: u64) -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Fails with `Unsupported`: systems do this in different ways.
pub fn send_file(
    _socket: BorrowedFd<'_>,
    _file: &File,
    _position: u64,
    _len: usize,
) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Writes to a socket that does not block.
pub fn send_before_more(socket: BorrowedFd<'_>, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
    Ok(writev(socket, slices)?)
}

/// Reads data. It stays in the page cache.
pub fn read_once_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    file.read_at(buffer, position)
}

/// Does nothing: space cannot be reserved without changing the length of the file.
pub fn reserve(_file: &File, _position: u64, _bytes: u64) -> io::Result<()> {
    Ok(())
}

/// Returns a process's command line; `None` if it is not known.
pub fn command_line(pid: i32) -> Option<String> {
    ps("args", pid)
}

/// Returns true for a process that has ended but was not yet waited for by its parent.
pub fn is_zombie(pid: i32) -> bool {
    ps("stat", pid).is_some_and(|state| state.starts_with('Z'))
}

/// Returns true if SIGHUP was ignored when this program started, as under `nohup`. Must be called
/// before a handler is installed.
pub fn is_hangup_ignored() -> bool {
    // A child process ignores the same signals.
    let mut child = Command::new("sh");
    child.args(["-c", "kill -HUP $$"]).stdin(Stdio::null());
    child.stdout(Stdio::null()).stderr(Stdio::null());
    child.status().is_ok_and(|status| status.success())
}

/// Returns `None`: mounted file systems are examined only in containers, which have Linux.
pub fn mounts() -> Option<String> {
    None
}

/// Returns `None`: routes are examined only in containers, which have Linux.
pub fn routes() -> Option<String> {
    None
}

/// Returns what `ps` prints about a process, `None` if it prints nothing.
fn ps(column: &str, pid: i32) -> Option<String> {
    let mut ps = Command::new("ps");
    ps.args(["-o", &format!("{column}="), "-p", &pid.to_string()]).stderr(Stdio::null());
    let text = String::from_utf8_lossy(&ps.output().ok()?.stdout).trim().to_owned();
    Some(text).filter(|text| !text.is_empty())
}
