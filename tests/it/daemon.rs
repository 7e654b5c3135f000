//! The program itself: its flags and its one-line complaints. Its signals are in `signals.rs`.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use kafka_protocol::messages::MetadataRequest;
use tempfile::TempDir;

use crate::broker_configs::{DELETE, LOGGER, SET, alter};
use crate::client::{Client, fetching, framed};
use crate::hang::Watched;
use crate::records::{plain, read};

/// The program without anything from the environment that it would heed.
pub fn ottla(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ottla"));
    command.env_clear().args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Returns one of the measures of a process's memory, in KiB.
pub fn status_kib(pid: u32, measure: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(measure)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// A daemon that has said that it is ready; killed when dropped.
pub struct Daemon {
    child: Child,
    out: BufReader<ChildStdout>,
    /// What it has said when it was ready.
    pub ready: String,
    _watched: Watched,
}

impl Daemon {
    pub fn start(command: &mut Command) -> Daemon {
        let mut child = command.spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut ready = String::new();
        out.read_line(&mut ready).unwrap();
        if ready.is_empty() {
            let mut why = String::new();
            child.stderr.as_mut().unwrap().read_to_string(&mut why).unwrap();
            panic!("it does not start: {why}");
        }
        Daemon { child, out, ready, _watched: Watched::begin() }
    }

    /// On this directory and a free port, with everything else at its default.
    pub fn in_dir(dir: &TempDir) -> Daemon {
        let args = ["--listen", "127.0.0.1:0", "--data-dir", text(dir.path())];
        Daemon::start(&mut ottla(&args))
    }

    pub fn addresses(&self) -> Vec<String> {
        let (_, rest) = self.ready.split_once("ready on ").unwrap();
        let (addresses, _) = rest.split_once(" with ").unwrap();
        addresses.split(", ").map(str::to_owned).collect()
    }

    pub fn address(&self) -> String {
        self.addresses().remove(0)
    }

    pub async fn client(&self) -> Client {
        Client::connect(self.address().parse().unwrap()).await
    }

    /// The next line on stdout.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line
    }

    /// All that it said on stderr. It must have ended.
    pub fn stderr(&mut self) -> String {
        let mut said = String::new();
        self.child.stderr.as_mut().unwrap().read_to_string(&mut said).unwrap();
        said
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Waits until it has ended.
    ///
    /// # Panics
    /// If it has not after a minute.
    pub fn exit_code(&mut self) -> Option<i32> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "it doesn't end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// It ends with an error, having said one line on stderr that has all of `parts` in it.
pub fn complains(command: &mut Command, parts: &[&str]) {
    let Output { status, stderr, stdout } = command.output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(stdout.is_empty());
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in {said:?}");
    }
}

#[test]
fn a_config_that_is_wrong_is_named_with_where_it_came_from_and_what_is_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let file = dir.path().join("ottla.toml");
    std::fs::write(&file, "\"num.partitions\" = 0\n").unwrap();
    let at = ["--listen", "127.0.0.1:0", "--data-dir", text(&data)];
    let with = |more: &[&str]| ottla(&[&at, more].concat());
    complains(&mut with(&["--set", "num.partitions=many"]), &["num.partitions", "many", "--set"]);
    complains(&mut with(&["--set", "num.partition=1"]), &["num.partition", "num.partitions"]);
    complains(
        &mut with(&["--config", text(&file)]),
        &["num.partitions", "0", text(&file), "from 1 to"],
    );
    complains(with(&[]).env("OTTLA_NUM_PARTITIONS", "x"), &["OTTLA_NUM_PARTITIONS", "x"]);
    complains(with(&[]).env("OTTLA_NO_SUCH_THING", "1"), &["OTTLA_NO_SUCH_THING"]);
    complains(&mut with(&["--set", "nonsense"]), &["NAME=VALUE"]);
    complains(&mut with(&["--config", "/no/such/file"]), &["/no/such/file"]);
    assert!(!data.exists(), "nothing is touched");
}

#[tokio::test]
async fn flags_win_over_the_environment_and_that_over_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ottla.toml");
    std::fs::write(
        &file,
        "\"num.partitions\" = 2\n\"default.replication.factor\" = 1\n\"node.id\" = 5\n",
    )
    .unwrap();
    let ask = async |more: &[&str], partitions: Option<&str>| {
        let data = tempfile::tempdir().unwrap();
        let at = ["--listen", "127.0.0.1:0", "--data-dir", text(data.path())];
        let mut command = ottla(&[&at, &["--config", text(&file)][..], more].concat());
        if let Some(partitions) = partitions {
            command.env("OTTLA_NUM_PARTITIONS", partitions);
        }
        let daemon = Daemon::start(&mut command);
        let topic = kafka_protocol::messages::metadata_request::MetadataRequestTopic::default()
            .with_name(Some(crate::client::topic_name("t")));
        let request = MetadataRequest::default()
            .with_topics(Some(vec![topic]))
            .with_allow_auto_topic_creation(true);
        let answer = daemon.client().await.call(9, &request).await;
        (answer.brokers[0].node_id.0, answer.topics[0].partitions.len())
    };
    assert_eq!(ask(&[], None).await, (5, 2));
    assert_eq!(ask(&[], Some("3")).await, (5, 3));
    assert_eq!(ask(&["--set", "num.partitions=4"], Some("3")).await, (5, 4));
}

#[tokio::test]
async fn it_says_when_it_is_ready_and_where() {
    let dir = tempfile::tempdir().unwrap();
    let (data, ready) = (dir.path().join("data"), dir.path().join("ready"));
    let args = ["--listen", "127.0.0.1:0", "--data-dir", text(&data), "--ready-file", text(&ready)];
    let daemon = Daemon::start(&mut ottla(&args));
    let version = env!("CARGO_PKG_VERSION");
    assert!(daemon.ready.starts_with(&format!("ottla {version} is ready on 127.0.0.1:")));
    assert!(daemon.ready.contains("0 topics and 0 partitions"), "{}", daemon.ready);
    assert!(daemon.ready.contains(text(&data)));
    assert!(daemon.ready.trim_end().ends_with(" ms)"));
    assert_eq!(std::fs::read_to_string(&ready).unwrap().trim(), daemon.address());
    let answer = daemon.client().await.call(12, &MetadataRequest::default()).await;
    assert_eq!(
        format!("{}:{}", &*answer.brokers[0].host, answer.brokers[0].port),
        daemon.address()
    );
}

#[test]
fn it_takes_paths_that_are_bare_names() {
    let dir = tempfile::tempdir().unwrap();
    let args =
        ["serve", "--listen", "127.0.0.1:0", "--data-dir", "data", "--ready-file", "is-ready"];
    let daemon = Daemon::start(ottla(&args).current_dir(dir.path()));
    let ready = std::fs::read_to_string(dir.path().join("is-ready")).unwrap();
    assert_eq!(ready.trim(), daemon.address());
}

#[test]
fn the_default_directory_is_the_users() {
    let home = tempfile::tempdir().unwrap();
    let args = ["--listen", "127.0.0.1:0"];
    let daemon = Daemon::start(ottla(&args).env("HOME", home.path()));
    assert!(daemon.ready.contains(text(&home.path().join(".local/share/ottla"))));
    let xdg = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(ottla(&args).env("XDG_DATA_HOME", xdg.path()));
    assert!(daemon.ready.contains(text(&xdg.path().join("ottla"))));
    complains(&mut ottla(&args), &["HOME", "--data-dir"]);
}

#[test]
fn a_second_broker_on_the_same_directory_learns_who_holds_it() {
    let dir = tempfile::tempdir().unwrap();
    let daemon = Daemon::in_dir(&dir);
    let args = ["--listen", "127.0.0.1:0", "--data-dir", text(dir.path())];
    let pid = daemon.child.id().to_string();
    complains(&mut ottla(&args), &[text(dir.path()), &pid]);
}

#[test]
fn a_port_in_use_is_one_clear_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let dir = tempfile::tempdir().unwrap();
    let args = ["--listen", &address, "--data-dir", text(dir.path())];
    complains(&mut ottla(&args), &[&address, "--listen"]);
}

/// The program with at most `files` open files.
fn limited(files: u32, args: &[&str]) -> Command {
    let mut command = Command::new("/bin/sh");
    let script = format!("ulimit -n {files} && exec \"$0\" \"$@\"");
    command.env_clear().args(["-c", &script, env!("CARGO_BIN_EXE_ottla")]).args(args);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[tokio::test]
async fn a_limit_of_open_files_that_is_too_low_is_reported_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let args = ["--listen", "127.0.0.1:0", "--data-dir", text(&data)];
    complains(
        &mut limited(63, &args),
        &["limit of open files is 63", "64", "ulimit", "LimitNOFILE"],
    );
    assert!(!data.exists(), "nothing is touched");
    let mut daemon = Daemon::start(&mut limited(64, &args));
    let mut client = daemon.client().await;
    client.create("t", 100, &[]).await;
    for partition in 0..100 {
        let answer = client.produce("t", partition, plain(&["a"])).await;
        assert_eq!(answer.error_code, 0);
    }
    for partition in 0..100 {
        assert_eq!(read(&client.fetch("t", partition, 0).await), [(0, "a".to_owned())]);
    }
    drop(client);
    daemon.signal("-TERM");
    assert_eq!(daemon.exit_code(), Some(0));
    let mut daemon = Daemon::start(&mut limited(64, &args));
    daemon.signal("-TERM");
    assert_eq!(daemon.exit_code(), Some(0));
    let said = daemon.stderr();
    assert!(said.contains("partitions=100") && said.contains("ulimit"), "{said}");
}

#[test]
fn a_directory_of_something_else_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("meta.properties");
    std::fs::write(&path, "version=7\n").unwrap();
    let args = ["--listen", "127.0.0.1:0", "--data-dir", text(dir.path())];
    complains(&mut ottla(&args), &["meta.properties"]);
    assert_eq!(std::fs::read_to_string(path).unwrap(), "version=7\n");
}

#[tokio::test]
async fn a_start_that_cannot_listen_is_one_line_and_leaves_the_directory_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let mut daemon = Daemon::in_dir(&dir);
    let mut client = daemon.client().await;
    client.create("t", 1, &[]).await;
    client.call(7, &crate::groups::committing("g", "t", 0, 5)).await;
    daemon.signal("-TERM");
    assert_eq!(daemon.exit_code(), Some(0));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let no_file = dir.path().join("no/such/directory/ready");
    for (more, part) in [
        (["--listen", &taken], &*taken),
        (["--listen", "192.0.2.1:9092"], "192.0.2.1:9092"),
        (["--listen", "no-such-host.invalid:9092"], "no-such-host.invalid"),
        (["--ready-file", text(&no_file)], "ready"),
    ] {
        // The log of the groups is being read by then, or is not: more than once may tell.
        for _ in 0..5 {
            let at = ["--data-dir", text(dir.path()), "--set", "listeners=127.0.0.1:0"];
            let mut command = ottla(&[&at[..], &more].concat());
            let Output { status, stderr, .. } = command.output().unwrap();
            let said = String::from_utf8(stderr).unwrap();
            let lines: Vec<&str> = said.lines().filter(|line| !line.contains(" INFO ")).collect();
            assert_eq!((status.code(), lines.len()), (Some(1), 1), "{said}");
            let said = lines[0];
            assert!(said.starts_with("ottla: cannot ") && said.contains(part), "{said}");
            assert!(dir.path().join(".kafka_cleanshutdown").exists(), "{part}");
        }
    }
}

#[tokio::test]
async fn a_client_that_takes_the_broker_for_an_old_one_is_logged_once_with_what_to_set() {
    let dir = tempfile::tempdir().unwrap();
    let mut daemon = Daemon::in_dir(&dir);
    for (key, version) in [(0_i16, 1_i16), (0, 1), (0, 99), (1, 2)] {
        let mut client = daemon.client().await;
        let mut frame = framed(1, 1, &MetadataRequest::default());
        frame[4..6].copy_from_slice(&key.to_be_bytes());
        frame[6..8].copy_from_slice(&version.to_be_bytes());
        client.send_bytes(&frame).await;
        assert!(client.is_closed().await);
    }
    daemon.signal("-TERM");
    assert_eq!(daemon.exit_code(), Some(0));
    let said = daemon.stderr();
    let lines: Vec<&str> = said.lines().filter(|line| line.contains("before Kafka 0.11")).collect();
    let of = |api: &str| lines.iter().filter(|line| line.contains(api)).count();
    assert_eq!((lines.len(), of("\"Produce\""), of("\"Fetch\"")), (2, 1, 1), "{said}");
    for part in ["WARN", "api.version.request", "api_version", "V0_11_0_0"] {
        assert!(lines[0].contains(part), "{part}: {said}");
    }
}

#[tokio::test]
async fn it_listens_on_every_address_and_advertises_one() {
    let dir = tempfile::tempdir().unwrap();
    let args = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--listen",
        "127.0.0.2:0",
        "--advertise",
        "lab.example:9999",
        "--data-dir",
        text(dir.path()),
    ];
    let daemon = Daemon::start(&mut ottla(&args));
    assert_eq!(daemon.addresses().len(), 2, "{}", daemon.ready);
    for address in daemon.addresses() {
        let mut client = Client::connect(address.parse().unwrap()).await;
        let answer = client.call(12, &MetadataRequest::default()).await;
        assert_eq!((&*answer.brokers[0].host, answer.brokers[0].port), ("lab.example", 9999));
    }
}

#[tokio::test]
async fn each_client_is_sent_the_address_at_which_it_reached_the_broker() {
    let dir = tempfile::tempdir().unwrap();
    let listen = ["--listen", "127.0.0.1:0", "--listen", "127.0.0.3:0"];
    let at = ["--data-dir", text(dir.path())];
    let daemon = Daemon::start(&mut ottla(&[&listen[..], &at].concat()));
    for address in daemon.addresses() {
        let mut client = Client::connect(address.parse().unwrap()).await;
        let answer = client.call(12, &MetadataRequest::default()).await;
        let reported = format!("{}:{}", &*answer.brokers[0].host, answer.brokers[0].port);
        assert_eq!(reported, address);
    }
}

#[test]
fn log_lines_are_json_if_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let args = [
        "--listen",
        "127.0.0.1:0",
        "--data-dir",
        text(dir.path()),
        "--log-format",
        "json",
        "--set",
        "background.threads=7",
    ];
    let mut daemon = Daemon::start(&mut ottla(&args));
    daemon.signal("-TERM");
    assert_eq!(daemon.exit_code(), Some(0));
    let said = daemon.stderr();
    // A config that does not act yet is not passed over in silence.
    let line = said.lines().find(|line| line.contains("background.threads")).expect(&said);
    assert!(line.starts_with('{') && line.ends_with('}'), "{line}");
}

#[tokio::test]
async fn clients_that_do_not_read_take_no_memory() {
    let dir = tempfile::tempdir().unwrap();
    let daemon = Daemon::in_dir(&dir);
    let mut client = daemon.client().await;
    client.create("t", 1, &[]).await;
    client.produce("t", 0, plain(&[&"x".repeat(1_000_000)])).await;
    let peak = |field: &str| {
        let status = format!("/proc/{}/status", daemon.child.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find(|line| line.starts_with(field)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let before = peak("VmRSS:");
    let frame = framed(12, 1, &fetching("t", 0, 0));
    let mut deaf = Vec::new();
    for _ in 0..50 {
        let mut one = daemon.client().await;
        for _ in 0..50 {
            one.send_bytes(&frame).await;
        }
        deaf.push(one);
    }
    for _ in 0..20 {
        client.fetch("t", 0, 0).await;
    }
    // They asked for 2.5 GB; what is held is a piece for each.
    let grown = peak("VmHWM:").saturating_sub(before);
    assert!(grown < 32 * 1024, "the broker grew by {grown} KiB");
}

/// Ask for an API that there is not, until the broker has closed the connection over it.
async fn ask_for(daemon: &Daemon, key: i16) {
    let mut client = daemon.client().await;
    let mut frame = framed(1, 1, &MetadataRequest::default());
    frame[4..6].copy_from_slice(&key.to_be_bytes());
    client.send_bytes(&frame).await;
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_logger_writes_more_while_its_level_says_so_and_the_flags_filter_stays() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["--listen", "127.0.0.1:0", "--data-dir", text(dir.path()), "--log", "warn"];
    let mut daemon = Daemon::start(&mut ottla(&args));
    let mut client = daemon.client().await;
    for (key, change) in [(1001, Some(("ottla.server", SET, "DEBUG"))), (1002, None)] {
        ask_for(&daemon, key).await;
        let change = change.unwrap_or(("ottla.server", DELETE, ""));
        assert_eq!(alter(&mut client, LOGGER, "1", &[change]).await.0, 0);
    }
    ask_for(&daemon, 1003).await;
    drop(client);
    daemon.signal("-TERM");
    assert_eq!(daemon.exit_code(), Some(0));
    let lines = daemon.stderr();
    let reported = |key: &str| lines.contains(&format!("API key {key} ("));
    assert_eq!(["1001", "1002", "1003"].map(reported), [false, true, false], "{lines}");
}
