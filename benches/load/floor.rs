//! The floor: a bare process that does what no broker can do without, and nothing else.
//!
//! For produce: `recv`, CRC-32C, `write` to the page cache, a small answer. For fetch: `send` and
//! `sendfile`. A thread for each connection, blocking calls, every length known beforehand.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::net::SendFlags;

use crate::case::Op;
use crate::script::PARTITIONS;

/// The hidden argument that makes this binary the floor.
pub const ARGUMENT: &str = "--be-the-floor";

/// As long as the broker's answer to a produce request.
const PRODUCE_ANSWER: usize = 57;
/// As long as what the broker sends before the records of a fetch.
const FETCH_ANSWER: usize = 66;

/// What the floor must know beforehand.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Bytes of a request.
    pub request: usize,
    /// Bytes of batches that a request moves.
    pub payload: usize,
    /// For fetch: bytes of each file that is read round and round.
    pub round: usize,
}

/// A running floor; killed when dropped.
pub struct Floor {
    child: Child,
    /// Where clients reach it.
    pub address: String,
}

impl Floor {
    /// Start it as a process of its own, with its files in `dir`.
    pub fn start(dir: &Path, op: Op, sizes: Sizes) -> Floor {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg(ARGUMENT)
            .arg(if op == Op::Produce { "produce" } else { "fetch" })
            .args([sizes.request, sizes.payload, sizes.round].map(|n| n.to_string()))
            .arg(dir)
            .stdout(Stdio::piped())
            .spawn()
            .expect("this binary can be started again");
        let mut address = String::new();
        let said = child.stdout.take().expect("piped");
        BufReader::new(said).read_line(&mut address).unwrap();
        Floor { child, address: address.trim().to_owned() }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Be the floor, until killed. The arguments are what [`Floor::start`] gives.
pub fn serve(arguments: &[String]) {
    let number = |n: usize| arguments[n].parse::<usize>().expect("a number");
    let sizes = Sizes { request: number(1), payload: number(2), round: number(3) };
    let produces = arguments[0] == "produce";
    let files: Vec<Arc<(File, AtomicU64)>> = (0..PARTITIONS)
        .map(|n| {
            let path = Path::new(&arguments[4]).join(n.to_string());
            let mut options = File::options();
            let file = options.read(true).write(true).create_new(true).open(path).unwrap();
            file.write_all_at(&vec![b'r'; sizes.round], 0).unwrap();
            Arc::new((file, AtomicU64::new(0)))
        })
        .collect();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap());
    for (n, stream) in listener.incoming().enumerate() {
        let (stream, file) = (stream.unwrap(), files[n % PARTITIONS].clone());
        stream.set_nodelay(true).unwrap();
        let work = move || {
            // It ends when the client leaves, which is no fault.
            let _ =
                if produces { store(stream, &file, sizes) } else { send(stream, &file.0, sizes) };
        };
        std::thread::Builder::new().stack_size(128 * 1024).spawn(work).unwrap();
    }
}

fn store(
    mut stream: TcpStream,
    (file, end): &(File, AtomicU64),
    sizes: Sizes,
) -> std::io::Result<()> {
    let mut request = vec![0; sizes.request];
    let mut answer = [0; PRODUCE_ANSWER];
    answer[..4].copy_from_slice(&(PRODUCE_ANSWER as u32 - 4).to_be_bytes());
    loop {
        stream.read_exact(&mut request)?;
        let batch = &request[..sizes.payload];
        std::hint::black_box(crc32c::crc32c(batch));
        file.write_all_at(batch, end.fetch_add(batch.len() as u64, Ordering::Relaxed))?;
        answer[4..8].copy_from_slice(&request[8..12]);
        stream.write_all(&answer)?;
    }
}

fn send(mut stream: TcpStream, file: &File, sizes: Sizes) -> std::io::Result<()> {
    let mut request = vec![0; sizes.request];
    let mut head = [0; FETCH_ANSWER];
    head[..4].copy_from_slice(&((FETCH_ANSWER + sizes.payload - 4) as u32).to_be_bytes());
    let mut position = 0;
    loop {
        stream.read_exact(&mut request)?;
        if position + sizes.payload > sizes.round {
            position = 0;
        }
        head[4..8].copy_from_slice(&request[8..12]);
        let mut sent = 0;
        while sent < head.len() {
            sent += rustix::net::send(&stream, &head[sent..], SendFlags::MORE)?;
        }
        let mut from = position as u64;
        let mut left = sizes.payload;
        while left > 0 {
            match rustix::fs::sendfile(&stream, file, Some(&mut from), left)? {
                0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
                n => left -= n,
            }
        }
        position += sizes.payload;
    }
}
