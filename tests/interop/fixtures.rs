//! The fixtures of `docs/ci/`, copied as a project would copy them and run by the runners that
//! they are for: each starts the program, uses it, and leaves nothing.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::clients::{self, beside, fetched, needs};

/// How the tests of one fixture are run.
struct Fixture {
    /// Its directory beside this file.
    from: &'static str,
    /// The directory in which a copy of it works.
    place: PathBuf,
    /// What its runner says when the tests have run and passed.
    passed: &'static str,
    /// The command, in a copy whose temporary files belong below the second directory.
    command: fn(&Path, &Path) -> Command,
}

/// One run of a fixture.
struct Run {
    copy: TempDir,
    temporary: TempDir,
}

impl Run {
    fn of(fixture: &Fixture) -> Run {
        let copy = tempfile::Builder::new().prefix("fixture-").tempdir_in(&fixture.place).unwrap();
        copy_all(&beside("fixtures").join(fixture.from), copy.path());
        Run { copy, temporary: tempfile::tempdir().unwrap() }
    }

    fn output(&self, fixture: &Fixture, environment: &[(&str, &str)]) -> Output {
        let mut command = (fixture.command)(self.copy.path(), self.temporary.path());
        command.env("OTTLA_BIN", env!("CARGO_BIN_EXE_ottla"));
        command.env("TMPDIR", self.temporary.path());
        command.envs(environment.iter().copied());
        clients::limited(&command).current_dir(self.copy.path()).output().unwrap()
    }

    /// What brokers and fixtures have left. An ephemeral broker that runs has a directory here.
    fn left(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.temporary.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let of_runners = ["pytest-of-", "jest", "hsperfdata", "go-build", "node-compile-cache"];
        names.filter(|name| !of_runners.iter().any(|runner| name.starts_with(runner))).collect()
    }
}

fn copy_all(from: &Path, to: &Path) {
    for (path, _) in clients::files(from) {
        let copy = to.join(path.strip_prefix(from).unwrap());
        std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
        std::fs::copy(path, copy).unwrap();
    }
}

fn text(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}\n{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

/// Run it twice at the same time, and once with a broker that refuses to start.
fn try_out(fixture: &Fixture) {
    std::thread::scope(|scope| {
        let run = || {
            let run = Run::of(fixture);
            let output = run.output(fixture, &[]);
            let said = text(&output);
            assert!(output.status.success(), "{}: {}\n{said}", fixture.from, output.status);
            assert!(said.contains(fixture.passed), "{}:\n{said}", fixture.from);
            assert!(run.left().is_empty(), "{}: {:?}\n{said}", fixture.from, run.left());
        };
        scope.spawn(run);
        scope.spawn(run);
    });
    let run = Run::of(fixture);
    let output = run.output(fixture, &[("OTTLA_NUM_PARTITIONS", "several")]);
    let said = text(&output);
    assert!(!output.status.success(), "{}:\n{said}", fixture.from);
    assert!(said.contains("environment OTTLA_NUM_PARTITIONS"), "{}:\n{said}", fixture.from);
    assert!(run.left().is_empty(), "{}: {:?}\n{said}", fixture.from, run.left());
}

#[test]
#[ignore = "needs kcat"]
fn any_command_runs_beside_a_broker() {
    clients::kcat();
    try_out(&Fixture {
        from: "shell",
        place: std::env::temp_dir(),
        passed: "alice ordered a book",
        command: |copy, _| {
            // By a shell: a file that was just written cannot be run itself while a process that
            // another test is starting has it open still.
            let mut command = Command::new("sh");
            command.arg(copy.join("with-ottla"));
            let line = "echo 'alice:ordered a book' | kcat -b $BOOTSTRAP_SERVERS -P -t orders -K: \
                        && kcat -b $BOOTSTRAP_SERVERS -C -t orders -e -q -f '%k %s\\n'";
            command.args(["sh", "-c", line]);
            command
        },
    });
}

#[test]
fn what_a_command_says_with_its_exit_code_comes_through() {
    let mut command = Command::new(beside("fixtures/shell/with-ottla"));
    command.env("OTTLA_BIN", env!("CARGO_BIN_EXE_ottla")).args(["sh", "-c", "exit 7"]);
    assert_eq!(clients::limited(&command).status().unwrap().code(), Some(7));
}

#[test]
#[ignore = "needs pytest"]
fn pytest_has_a_broker() {
    let there = fetched("python/bin/pytest").exists();
    needs("Python with pytest", there);
    try_out(&Fixture {
        from: "pytest",
        place: std::env::temp_dir(),
        passed: "2 passed",
        command: |_, _| {
            let mut command = Command::new(fetched("python/bin/python"));
            command.args(["-m", "pytest", "-p", "no:cacheprovider"]);
            command.env("PYTHONPYCACHEPREFIX", fetched("pycache"));
            command
        },
    });
}

fn place_beside_node_modules() -> PathBuf {
    let made = fetched("fixtures-node");
    let there = made.join("made-from").exists() && Command::new("node").arg("-v").output().is_ok();
    needs("Node with Jest and Vitest", there);
    made
}

fn runner_of_node(name: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(fetched("fixtures-node/node_modules").join(name));
    command.env("KAFKAJS_NO_PARTITIONER_WARNING", "1").env("NO_COLOR", "1").env("CI", "1");
    command
}

#[test]
#[ignore = "needs Vitest"]
fn vitest_has_a_broker() {
    // Packages are found in the directories above, so the copy is put beside them.
    let place = place_beside_node_modules();
    try_out(&Fixture {
        from: "node",
        place,
        passed: "1 passed",
        command: |_, _| {
            let mut command = runner_of_node("vitest/vitest.mjs");
            command.args(["run", "--no-cache", "vitest"]);
            command
        },
    });
}

#[test]
#[ignore = "needs Jest"]
fn jest_has_a_broker() {
    let place = place_beside_node_modules();
    try_out(&Fixture {
        from: "node",
        place,
        passed: "1 passed",
        command: |copy, _| {
            let mut command = runner_of_node("jest/bin/jest.js");
            command.args(["--no-cache", "--rootDir"]).arg(copy).arg("jest");
            command
        },
    });
}

#[test]
#[ignore = "needs JUnit"]
fn junit_has_a_broker() {
    let there = fetched("junit/made-from").exists()
        && fetched("kafka/lib").exists()
        && Command::new("javac").arg("-version").output().is_ok();
    needs("JUnit", there);
    try_out(&Fixture {
        from: "junit",
        place: std::env::temp_dir(),
        passed: "1 tests successful",
        command: |copy, temporary| {
            let jars =
                format!("{}/*:{}/*", fetched("kafka/lib").display(), fetched("junit").display());
            let compile = Command::new("javac")
                .args(["-cp", &jars, "-d", "classes", "Ottla.java", "OrdersTest.java"])
                .current_dir(copy)
                .output()
                .unwrap();
            clients::said("javac", &compile);
            let classes = copy.join("classes").display().to_string();
            let mut command = Command::new("java");
            command.arg(format!("-Djava.io.tmpdir={}", temporary.display()));
            command.args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"]);
            command.arg(format!("{classes}:{jars}"));
            command.args(["org.junit.platform.console.ConsoleLauncher", "execute"]);
            command.args(["--scan-classpath", &classes, "--disable-banner"]);
            command
        },
    });
}

#[test]
#[ignore = "needs Go"]
fn go_test_has_a_broker() {
    needs("Go", fetched("go/made-from").exists());
    try_out(&Fixture {
        from: "go",
        place: std::env::temp_dir(),
        passed: "--- PASS: TestWhatIsOrderedIsDelivered",
        command: |copy, _| {
            for list in ["go.mod", "go.sum"] {
                std::fs::copy(beside("go").join(list), copy.join(list)).unwrap();
            }
            let mut command = Command::new(fetched("go/go"));
            command.args(["test", "-count=1", "-v", "."]);
            command.env("GOPROXY", "off").env("GOTOOLCHAIN", "local");
            command
        },
    });
}
