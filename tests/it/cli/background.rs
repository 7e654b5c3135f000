//! `start`, `status`, `logs`, `stop`: a broker in the background, and what Day 2 does with it.

use crate::cli::Shell;

/// A shell whose broker is begun by its own commands; stopped when dropped.
struct Session(Shell);

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.0.command("ottla stop").output();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_in_the_background_is_started_looked_at_and_stopped() {
    let session = Session(Shell::at("127.0.0.1:1"));
    let shell = &session.0;
    assert_eq!(shell.run("ottla status").code, 3);
    assert!(shell.run("confluent local kafka stop").ill(3).contains("no broker is running"));
    let started = shell.type_("confluent local kafka start --listen 127.0.0.1:0");
    assert!(started.starts_with("Started Ottla (pid "), "{started}");
    let address = started.trim_end().trim_end_matches('.').rsplit(' ').next().unwrap();
    let at = |lines: &str| format!("export OTTLA_BOOTSTRAP_SERVER={address}; {lines}");
    assert!(shell.run("ottla start").ill(1).contains("is already running"));
    let status = shell.type_("ottla status");
    assert!(status.contains("running") && status.contains(address), "{status}");
    shell.type_(&at("echo hello | ottla topic produce orders"));
    assert_eq!(shell.type_(&at("ottla topic consume orders -b -n 1")), "hello\n");
    // Day 2, "Check broker logs".
    let log = shell.type_("confluent local services kafka log");
    assert!(log.contains(&format!("is ready on {address}")), "{log}");
    assert_eq!(shell.type_("ottla logs -n 1").lines().count(), 1);
    // Day 2, "Simulate broker failure".
    let stopped = shell.type_("confluent local kafka stop");
    assert!(stopped.starts_with("Stopped Ottla (pid "), "{stopped}");
    let failed =
        shell.run(&at(r#"echo "test message" | confluent local kafka topic produce orders"#));
    let failed = failed.ill(3);
    assert!(failed.contains("retrying"), "it retries: {failed}");
    assert!(failed.contains("start the broker with `ottla serve`"), "and fails: {failed}");
    assert_eq!(shell.run("ottla status").code, 3);
    // The data is still there.
    let started = shell.type_("ottla start --listen 127.0.0.1:0");
    let address = started.trim_end().trim_end_matches('.').rsplit(' ').next().unwrap();
    let read = format!("ottla topic consume orders -b -n 1 --bootstrap-server {address}");
    assert_eq!(shell.type_(&read), "hello\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_in_the_background_runs_on_when_the_terminal_goes_away() {
    let session = Session(Shell::at("127.0.0.1:1"));
    let shell = &session.0;
    let started = shell.type_("ottla start --listen 127.0.0.1:0");
    let pid = started.split("(pid ").nth(1).and_then(|rest| rest.split(')').next()).unwrap();
    for signal in ["HUP", "USR1", "HUP"] {
        shell.type_(&format!("kill -{signal} {pid}"));
        let status = shell.type_("ottla status");
        assert!(status.contains("running"), "{signal}: {status}");
    }
    shell.type_("ottla stop");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_cannot_start_says_why() {
    let session = Session(Shell::at("127.0.0.1:1"));
    let shell = &session.0;
    let said = shell.run("ottla start --listen 127.0.0.1:0 --set num.partitions=many").ill(1);
    assert!(said.contains("num.partitions") && said.contains("many"), "{said}");
    assert_eq!(shell.run("ottla status").code, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_in_the_foreground_is_found_by_its_data_directory() {
    let session = Session(Shell::at("127.0.0.1:1"));
    let shell = &session.0;
    let mut broker =
        shell.command("exec ottla serve --listen 127.0.0.1:0 --ready-file ready").spawn().unwrap();
    while !shell.home().join("ready").exists() {
        assert!(broker.try_wait().unwrap().is_none(), "it runs");
        tokio::task::yield_now().await;
    }
    assert!(shell.type_("ottla status").contains("running"));
    assert!(shell.type_("ottla stop").starts_with("Stopped Ottla"));
    assert!(tokio::task::block_in_place(|| broker.wait()).unwrap().success());
}
