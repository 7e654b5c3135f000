//! The load: connections that send scripted requests, some at a time, and time the answers.
//!
//! One thread drives all of them, so that the client takes one processor at most and the same of
//! it no matter who answers.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{Semaphore, mpsc};

use crate::script::{ANSWER_HEAD, Script};

const READ_BYTES: usize = 128 * 1024;

/// How much to send.
#[derive(Debug, Clone, Copy)]
pub enum Quota {
    /// This many requests on each connection.
    Each(u64),
    /// This many requests on all connections together, or as many as there is time for.
    All(u64, Duration),
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// Bytes of batches that were moved.
    pub bytes: u64,
    /// From request to answer, µs, ascending.
    pub latencies: Vec<u32>,
    /// How many requests of each connection were answered.
    pub answered: Vec<usize>,
}

impl Outcome {
    /// The requests of the slowest connection, as a part of what each has on average.
    pub fn fairness(&self) -> f64 {
        let fewest = self.answered.iter().min().copied().unwrap_or_default();
        (fewest * self.answered.len()) as f64 / self.latencies.len() as f64
    }
}

/// Open connections, each with its script.
pub struct Client {
    runtime: tokio::runtime::Runtime,
    connections: Vec<Connection>,
}

struct Connection {
    stream: TcpStream,
    script: Script,
    buffer: Vec<u8>,
    number: u64,
}

impl Client {
    /// Connect one for each script.
    pub fn connect(address: &str, scripts: Vec<Script>) -> Client {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        let connections = runtime.block_on(async {
            let mut connections = Vec::with_capacity(scripts.len());
            for script in scripts {
                let stream = TcpStream::connect(address).await.expect("a listening server");
                stream.set_nodelay(true).unwrap();
                let buffer = vec![0; READ_BYTES];
                connections.push(Connection { stream, script, buffer, number: 0 });
            }
            connections
        });
        Client { runtime, connections }
    }

    /// Send, with at most `depth` requests unanswered on each connection.
    pub fn run(&mut self, quota: Quota, depth: usize) -> Outcome {
        let local = tokio::task::LocalSet::new();
        let connections = std::mem::take(&mut self.connections);
        let begun = Instant::now();
        let shared = match quota {
            Quota::Each(_) => None,
            Quota::All(requests, time) => Some((Rc::new(Cell::new(requests)), begun + time)),
        };
        let mut outcome = Outcome::default();
        let finished = local.block_on(&self.runtime, async {
            let tasks: Vec<_> = connections
                .into_iter()
                .map(|connection| {
                    let allowance = match (&shared, quota) {
                        (Some((left, until)), _) => Allowance::Shared(left.clone(), *until),
                        (None, Quota::Each(n) | Quota::All(n, _)) => Allowance::Own(n),
                    };
                    tokio::task::spawn_local(connection.run(allowance, depth))
                })
                .collect();
            let mut finished = Vec::with_capacity(tasks.len());
            for task in tasks {
                finished.push(task.await.expect("no panic").expect("a living server"));
            }
            finished
        });
        outcome.elapsed = begun.elapsed();
        for (connection, latencies) in finished {
            outcome.bytes += (latencies.len() * connection.script.payload) as u64;
            outcome.answered.push(latencies.len());
            outcome.latencies.extend(latencies);
            self.connections.push(connection);
        }
        outcome.latencies.sort_unstable();
        outcome
    }
}

/// What one connection may still send.
enum Allowance {
    Own(u64),
    Shared(Rc<Cell<u64>>, Instant),
}

impl Allowance {
    fn take(&mut self) -> bool {
        match self {
            Allowance::Own(0) => false,
            Allowance::Own(left) => {
                *left -= 1;
                true
            }
            Allowance::Shared(left, until) => {
                let more = left.get() > 0 && Instant::now() < *until;
                left.set(left.get() - u64::from(more));
                more
            }
        }
    }
}

impl Connection {
    async fn run(
        mut self,
        mut allowance: Allowance,
        depth: usize,
    ) -> io::Result<(Connection, Vec<u32>)> {
        let free = Semaphore::new(depth);
        let (sent, mut owed) = mpsc::unbounded_channel::<(u64, Instant)>();
        let (mut from, mut to) = self.stream.split();
        let mut answers = Answers { buffer: &mut self.buffer, start: 0, end: 0 };
        let expected = self.script.clone();
        let (script, number, free) = (&mut self.script, &mut self.number, &free);
        let sending = async move {
            loop {
                free.acquire().await.expect("never closed").forget();
                if !allowance.take() {
                    return io::Result::Ok(());
                }
                let _ = sent.send((*number, Instant::now()));
                let (head, rest) = script.request(*number);
                write_both(&mut to, head, rest).await?;
                *number += 1;
            }
        };
        let receiving = async move {
            let mut latencies = Vec::new();
            while let Some((number, begun)) = owed.recv().await {
                let (head, len) = answers.next(&mut from).await?;
                expected.check(number, &head, len);
                latencies.push(begun.elapsed().as_micros().min(u128::from(u32::MAX)) as u32);
                free.add_permits(1);
            }
            io::Result::Ok(latencies)
        };
        let ((), latencies) = tokio::try_join!(sending, receiving)?;
        Ok((self, latencies))
    }
}

async fn write_both(to: &mut WriteHalf<'_>, head: &[u8], rest: &[u8]) -> io::Result<()> {
    let mut done = 0;
    while done < head.len() + rest.len() {
        let slices = [
            io::IoSlice::new(&head[done.min(head.len())..]),
            io::IoSlice::new(&rest[done.saturating_sub(head.len())..]),
        ];
        to.writable().await?;
        match to.try_write_vectored(&slices) {
            Ok(n) => done += n,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Answers off a socket, of which only the front is looked at.
struct Answers<'b> {
    buffer: &'b mut [u8],
    start: usize,
    end: usize,
}

impl Answers<'_> {
    /// The next answer: its front, and its length.
    async fn next(&mut self, from: &mut ReadHalf<'_>) -> io::Result<([u8; ANSWER_HEAD], usize)> {
        while self.end - self.start < ANSWER_HEAD {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            self.end += read(from, &mut self.buffer[self.end..]).await?;
        }
        let head = *self.buffer[self.start..].first_chunk::<ANSWER_HEAD>().expect("read above");
        let len = 4 + u32::from_be_bytes(*head.first_chunk().expect("longer than that")) as usize;
        let mut left = len;
        while left > self.end - self.start {
            left -= self.end - self.start;
            self.start = 0;
            self.end = read(from, self.buffer).await?;
        }
        self.start += left;
        Ok((head, len))
    }
}

async fn read(from: &mut ReadHalf<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        from.readable().await?;
        match from.try_read(buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            other => return other,
        }
    }
}
