//! One member of a group as a process of its own, and what it says.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Sender;

/// What a member has said.
#[derive(Debug)]
pub enum Event {
    /// The partitions that it has from now on.
    Owns(BTreeSet<i32>),
    Got {
        partition: i32,
        offset: i64,
        value: String,
    },
    /// Its commit was answered.
    Committed {
        partition: i32,
        offset: i64,
    },
    Failed(String),
    /// Anything else.
    Said(String),
    /// One of its two pipes has ended.
    Ended,
}

/// A running member; killed when dropped.
pub struct Member {
    child: Child,
    /// Pipes that have not ended yet.
    pub pipes: usize,
    pub name: String,
    pub owned: BTreeSet<i32>,
    /// How often it said what it owns.
    pub changes: usize,
    pub failed: Option<String>,
    pub said: Vec<String>,
}

impl Member {
    /// Start it; its events come with this number.
    pub fn start(
        mut command: Command,
        name: &str,
        number: usize,
        events: &Sender<(usize, Event)>,
    ) -> Member {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        listen(child.stdout.take().unwrap(), number, events.clone());
        listen(child.stderr.take().unwrap(), number, events.clone());
        Member {
            child,
            pipes: 2,
            name: name.to_owned(),
            owned: BTreeSet::new(),
            changes: 0,
            failed: None,
            said: Vec::new(),
        }
    }

    /// End it as a crash does.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.owned.clear();
    }

    /// Ask it to leave. Programs of ours are asked by the end of their input, kcat by Ctrl-C.
    pub fn ask_to_leave(&mut self, by_interrupt: bool) {
        if by_interrupt {
            let pid = rustix::process::Pid::from_child(&self.child);
            rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        }
        drop(self.child.stdin.take());
    }

    /// Its end; it must be a good one.
    pub fn finish(&mut self) {
        let status = self.child.wait().unwrap();
        self.owned.clear();
        assert!(status.success(), "{}: {status}\n{}", self.name, self.said.join("\n"));
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen(pipe: impl Read + Send + 'static, number: usize, events: Sender<(usize, Event)>) {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let _ = events.send((number, event(&line)));
        }
        let _ = events.send((number, Event::Ended));
    });
}

fn event(line: &str) -> Event {
    parse(line).or_else(|| parse_kcat(line)).unwrap_or_else(|| Event::Said(line.to_owned()))
}

fn parse(line: &str) -> Option<Event> {
    let mut words = line.split(' ');
    match words.next()? {
        "owns" => {
            let listed = words.next()?.split(',').filter(|text| !text.is_empty());
            Some(Event::Owns(listed.map(|p| p.parse().unwrap()).collect()))
        }
        "got" => Some(Event::Got {
            partition: words.next()?.parse().ok()?,
            offset: words.next()?.parse().ok()?,
            value: words.next()?.to_owned(),
        }),
        "committed" => Some(Event::Committed {
            partition: words.next()?.parse().ok()?,
            offset: words.next()?.parse().ok()?,
        }),
        "failed" => Some(Event::Failed(words.collect())),
        _ => None,
    }
}

/// `% Group G rebalanced (memberid M): assigned: T [0], T [1]`, or `revoked: ...`. kcat says
/// them both, whole.
fn parse_kcat(line: &str) -> Option<Event> {
    if line.starts_with("% ERROR") {
        return Some(Event::Failed(line.to_owned()));
    }
    let (_, change) = line.strip_prefix("% Group ")?.split_once("): ")?;
    let Some(assigned) = change.strip_prefix("assigned: ") else {
        return change.starts_with("revoked: ").then(|| Event::Owns(BTreeSet::new()));
    };
    let number = |text: &str| text.split_once('[')?.1.split_once(']')?.0.parse().ok();
    Some(Event::Owns(assigned.split(", ").filter_map(number).collect()))
}
