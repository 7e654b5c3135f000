//! Ottla and Apache Kafka side by side, asked the same.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::broker::{Broker, Ottla};
use crate::clients::java;
use crate::differential::client::{Client, production};
use crate::differential::settle::Barrier;
use crate::kafka::{CLUSTER_ID, Kafka};
use crate::tools::words;

/// What both are started with: what runs in the background does not let the tests wait.
const CONFIGS: &[&str] = &[
    "num.partitions=6",
    "log.retention.check.interval.ms=300",
    "log.cleaner.backoff.ms=300",
    "offsets.topic.num.partitions=1",
    "offsets.topic.replication.factor=1",
    "transaction.state.log.num.partitions=1",
    "transaction.state.log.replication.factor=1",
    "transaction.state.log.min.isr=1",
    "group.initial.rebalance.delay.ms=0",
];

/// One of the two, with the tools in a JVM of their own.
pub struct Side {
    pub broker: Arc<dyn Broker>,
    tools: Tools,
    reported: Vec<ToolOutput>,
    barrier: Barrier,
}

/// What was asked, and what was printed.
struct ToolOutput {
    asked: String,
    printed: Vec<String>,
}

/// Both. Whatever is done to one is done to the other, too.
pub struct Pair {
    pub ottla: Side,
    pub kafka: Side,
}

/// The pair of this process: a Kafka takes a while to start. None if Java or kcat is missing.
pub fn pair() -> MutexGuard<'static, Pair> {
    static PAIR: OnceLock<Mutex<Pair>> = OnceLock::new();
    let pair = PAIR.get_or_init(|| Mutex::new(Pair::start()));
    // A test that failed has printed its own story; it left both sides as they are.
    pair.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Pair {
    fn start() -> Pair {
        let kafka = Kafka::start_with(CONFIGS);
        let cluster_id = format!("cluster.id={CLUSTER_ID}");
        let ottla = Ottla::start_with(&[CONFIGS, &[&cluster_id]].concat());
        watch(&[kafka.pid(), ottla.pid()], &[kafka.dir(), ottla.dir()]);
        Pair { ottla: Side::new(Arc::new(ottla)), kafka: Side::new(Arc::new(kafka)) }
    }

    /// Do the same with both at once; what the tools print must be the same.
    pub fn tell_the_same(&mut self, tell: impl Fn(&mut Side) + Sync) {
        // A test that failed before may have left something.
        self.ottla.reported.clear();
        self.kafka.reported.clear();
        std::thread::scope(|scope| {
            let ottla = scope.spawn(|| tell(&mut self.ottla));
            tell(&mut self.kafka);
            ottla.join().unwrap();
        });
        let reported = std::mem::take(&mut self.ottla.reported);
        let expected = std::mem::take(&mut self.kafka.reported);
        let asked =
            |all: &[ToolOutput]| all.iter().map(|one| one.asked.clone()).collect::<Vec<_>>();
        let (ours, theirs) = (asked(&reported), asked(&expected));
        let lacking = |of: &[String], in_: &[String]| -> Vec<String> {
            of.iter().filter(|one| !in_.contains(one)).cloned().collect()
        };
        let alone = (lacking(&ours, &theirs), lacking(&theirs, &ours));
        assert_eq!(ours, theirs, "Ottla alone, Kafka alone: {alone:#?}");
        let mut differences = Vec::new();
        for (reported, expected) in reported.iter().zip(&expected) {
            println!("{}\n  {}", expected.asked, expected.printed.join("\n  "));
            if reported.printed != expected.printed {
                differences.push(difference(reported, expected));
            }
        }
        let (count, all) = (differences.len(), reported.len());
        assert_eq!(count, 0, "{count} of {all} differ\n{}", differences.join("\n"));
    }
}

fn changes(args: &str) -> bool {
    ["--create", "--alter", "--delete"].iter().any(|change| args.contains(change))
}

/// The lines that only one of the two has.
fn difference(reported: &ToolOutput, expected: &ToolOutput) -> String {
    let lacking = |of: &ToolOutput, in_: &ToolOutput| -> String {
        let lacks = |line: &&String| !in_.printed.contains(line);
        of.printed.iter().filter(lacks).map(|line| format!("    {line}\n")).collect()
    };
    let (ottla, kafka) = (lacking(reported, expected), lacking(expected, reported));
    format!("{}\n  Ottla alone:\n{ottla}  Kafka alone:\n{kafka}", reported.asked)
}

impl Side {
    fn new(broker: Arc<dyn Broker>) -> Side {
        let tools = Tools::start(&*broker);
        Side { broker, tools, reported: Vec::new(), barrier: Barrier::new("side-") }
    }

    /// Ask each of these of one tool, in order.
    pub fn ask(&mut self, tool: &str, all: &[&str]) {
        self.ask_with(tool, all, str::to_owned);
    }

    /// The same, comparing what this makes of each line; nothing is not compared.
    pub fn ask_with(&mut self, tool: &str, all: &[&str], seen: impl Fn(&str) -> String) {
        for args in all {
            let printed = self.printed(tool, args).iter().map(|line| seen(line)).collect();
            self.tell(args, without_empty(printed));
            if changes(args) {
                self.settle();
            }
        }
    }

    /// Writes these batches to a partition, one request each.
    pub fn produce(&self, topic: &str, partition: i32, batches: impl IntoIterator<Item = Vec<u8>>) {
        with_client(self.broker.address(), async |client| {
            for batch in batches {
                let answer = client.call(9, &production(topic, partition, batch)).await;
                assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
            }
        });
    }

    /// Wait until what was changed acts. Both do it: both have the topic that is needed for it.
    fn settle(&mut self) {
        with_client(self.broker.address(), async |client| self.barrier.pass(client).await);
    }

    /// The same, where the lines may come in any order.
    pub fn ask_unordered(&mut self, tool: &str, all: &[&str], seen: impl Fn(&str) -> String) {
        for args in all {
            let printed = self.printed(tool, args);
            let mut printed: Vec<String> = printed.iter().map(|line| seen(line)).collect();
            printed.sort();
            self.tell(args, printed);
            if changes(args) {
                self.settle();
            }
        }
    }

    /// What a tool prints about the broker, as it is compared.
    pub fn printed(&mut self, tool: &str, args: &str) -> Vec<String> {
        let printed = self.run_raw(tool, args);
        self.cleaned(&printed)
    }

    /// What a tool prints about the broker.
    pub fn run_raw(&mut self, tool: &str, args: &str) -> Vec<String> {
        let to = self.broker.address().to_owned();
        self.tools.run(&format!("{tool} --bootstrap-server {to} {args}"))
    }

    /// What a tool prints that talks to no broker, as it is compared.
    pub fn run(&mut self, line: &str) -> Vec<String> {
        let printed = self.tools.run(line);
        self.cleaned(&printed)
    }

    fn cleaned(&self, printed: &[String]) -> Vec<String> {
        printed.iter().filter_map(|line| words::clean(line, &*self.broker)).collect()
    }

    /// Wait until this holds.
    pub fn until(&mut self, what: &str, holds: impl Fn(&mut Side) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            assert!(begun.elapsed() < Duration::from_secs(60), "waited for {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Have this compared with the other side.
    pub fn tell(&mut self, asked: &str, printed: Vec<String>) {
        self.reported.push(ToolOutput { asked: asked.to_owned(), printed });
    }
}

/// Asks a broker directly.
pub fn with_client(address: &str, ask: impl AsyncFnOnce(&mut Client)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut client = Client::connect(address.parse().unwrap()).await;
        ask(&mut client).await;
    });
}

pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

fn without_empty(mut lines: Vec<String>) -> Vec<String> {
    lines.retain(|line| !line.is_empty());
    lines
}

/// End these processes and remove these directories when this one ends, however it does: what is
/// static is not dropped.
#[allow(clippy::zombie_processes, reason = "it outlives this process, whose end it waits for")]
fn watch(pids: &[u32], dirs: &[&std::path::Path]) {
    static WATCHING: OnceLock<Child> = OnceLock::new();
    let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
    let child = Command::new("sh")
        .args(["-c", &format!("read -r _; kill -9 {}; rm -rf \"$@\"", pids.join(" ")), "watch"])
        .args(dirs)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    WATCHING.set(child).unwrap();
}

/// The tools, in one JVM.
pub struct Tools {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Tools {
    pub fn start(broker: &dyn Broker) -> Tools {
        let mut child = java()
            .arg("ottla.Tools")
            .current_dir(broker.dir())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Tools { child, stdin, lines }
    }

    /// What a tool prints, and how it ends.
    pub fn run(&mut self, line: &str) -> Vec<String> {
        writeln!(self.stdin, "{line}").expect("the tools have ended");
        let mut printed = Vec::new();
        loop {
            let Some(line) = self.lines.next() else { panic!("ended: {line}\n{printed:#?}") };
            let line = line.unwrap();
            let is_last = line.starts_with("== exit ");
            // A tool that catches everything has caught its own end.
            if !line.contains("(ended)") {
                printed.push(line);
            }
            if is_last {
                return printed;
            }
        }
    }
}

impl Drop for Tools {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
