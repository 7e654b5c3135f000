//! Starts, stops, kills, and little room.

use std::process::Stdio;

use crate::engine::{
    IMAGE, docker, fed, healthy, kcat, lines, port_9092, published, said, send, started, until,
    volume, well, well_sent,
};

/// Send a line from within.
fn put(broker: &str, line: &str) {
    fed(&["exec", "-i", broker, "ottla", "topic", "produce", "t"], &format!("{line}\n"));
}

/// Every line of the topic, from within.
fn kept(broker: &str) -> Vec<String> {
    let read = ["exec", broker, "ottla", "topic", "consume", "t", "-b", "--exit-at-end"];
    well(&read).lines().map(str::to_owned).collect()
}

#[test]
#[ignore = "needs a Docker engine: tests/container/run"]
fn a_restart_a_kill_and_a_new_container_keep_the_data() {
    let volume = volume();
    let mount = format!("{}:/var/lib/ottla", volume.name);
    let broker = started(&["-v", &mount, IMAGE]);
    put(&broker.name, "one");
    well(&["restart", &broker.name]);
    healthy(&broker.name);
    put(&broker.name, "two");
    well(&["kill", &broker.name]);
    well(&["start", &broker.name]);
    healthy(&broker.name);
    assert_eq!(kept(&broker.name), ["one", "two"]);
    well(&["stop", &broker.name]);
    let code = well(&["inspect", "-f", "{{.State.ExitCode}}", &broker.name]);
    assert_eq!(code, "0", "SIGTERM reaches it as the first process");
    drop(broker);
    let next = started(&["-v", &mount, IMAGE]);
    assert_eq!(kept(&next.name), ["one", "two"]);
}

#[test]
#[ignore = "needs a Docker engine: tests/container/run"]
fn a_read_only_root_and_64_mb_are_enough_under_load() {
    let room = ["--read-only", "--memory", "64m", "--memory-swap", "64m"];
    let broker = started(&[&room[..], &["-p", "127.0.0.1::9092", IMAGE]].concat());
    let bootstrap = format!("localhost:{}", published(&broker.name, 9092));
    well(&["exec", &broker.name, "ottla", "advertise", &bootstrap]);
    // 200 MB, three times the memory, from this machine: written, and read again.
    let line = format!("{}\n", "x".repeat(1000));
    let mut child =
        kcat(&["-b", &bootstrap, "-t", "load", "-P"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    for _ in 0..200_000 {
        std::io::Write::write_all(&mut input, line.as_bytes()).unwrap();
    }
    drop(input);
    assert!(child.wait().unwrap().success());
    let reading = ["-b", &bootstrap, "-t", "load", "-C", "-o", "beginning", "-e", "-q"];
    let read = said(kcat(&[&reading[..], &["-f", "%S\n"]].concat()));
    assert_eq!(read.lines().count(), 200_000);
    assert!(read.lines().all(|size| size == "1000"));
    let state = well(&["inspect", "-f", "{{.State.OOMKilled}} {{.RestartCount}}", &broker.name]);
    assert_eq!(state, "false 0");
}

#[test]
#[ignore = "needs a Docker engine: tests/container/run"]
fn any_user_may_run_it_and_a_directory_that_is_not_theirs_is_named() {
    let broker = started(&["--user", "4711:0", "-p", "127.0.0.1::9092", IMAGE]);
    let bootstrap = format!("localhost:{}", published(&broker.name, 9092));
    well(&["exec", &broker.name, "ottla", "advertise", &bootstrap]);
    send(&bootstrap, "t", "a\n");
    assert_eq!(lines(&bootstrap, "t"), ["a"]);
    // A directory of root's.
    let output = docker(&["run", "--rm", IMAGE, "serve", "--data-dir", "/etc/ottla"]);
    assert!(!output.status.success());
    let why = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(why.contains("/etc/ottla") && why.contains("user 1000 must own it"), "{why}");
    assert_eq!(why.lines().count(), 1, "{why}");
}

/// A figure for docs/benchmarks.md, of which nothing is asserted.
#[test]
#[ignore = "needs a Docker engine: tests/container/run"]
fn from_docker_run_to_the_first_message() {
    let _port = port_9092();
    let begun = std::time::Instant::now();
    let broker = crate::engine::begun(&["-p", "127.0.0.1:9092:9092", IMAGE]);
    let run = begun.elapsed();
    // Nothing says when it listens but that it can be reached.
    until("it is reached", || well_sent("localhost:9092", "t", "a\n").then_some(()));
    assert_eq!(lines("localhost:9092", "t"), ["a"]);
    println!("docker run: {run:?}; with the first message consumed: {:?}", begun.elapsed());
    println!("{}", well(&["logs", &broker.name]));
}
