//! Where the foreign clients are, and what is said when one is missing.
//!
//! `tests/interop/setup` puts what it fetches below `target/interop`. The tests fetch nothing.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, OnceLock};
use std::time::SystemTime;

/// Fails the test if what it needs is not there. Such a test is ignored unless it is asked for, so
/// that none passes without its client.
pub fn needs(what: &str, there: bool) {
    assert!(there, "{what} is missing; tests/interop/setup installs it");
}

/// A number from the environment, so that the long runs can be asked for.
pub fn number(name: &str, otherwise: u64) -> u64 {
    let Ok(text) = std::env::var(name) else { return otherwise };
    text.parse().unwrap_or_else(|_| panic!("{name}: {text} is not a number"))
}

/// What a client said, if it ended well; the test fails otherwise.
pub fn said(what: &str, output: &Output) -> String {
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}: {}\n{out}\n{err}", output.status);
    out
}

/// The same command, ended after two minutes: a client that hangs fails its test.
pub fn limited(command: &Command) -> Command {
    let mut limited = Command::new("timeout");
    limited.arg("120").arg(command.get_program()).args(command.get_args());
    limited.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    limited
}

/// A directory beside this file.
pub fn beside(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop").join(name)
}

/// What `tests/interop/setup` has made.
pub fn fetched(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("interop").join(name)
}

/// kcat.
pub fn kcat() -> Command {
    needs("kcat", Command::new("kcat").arg("-V").output().is_ok());
    // A shell starts what runs in its background deaf to Ctrl-C; children inherit it.
    let mut command = Command::new("env");
    command.args(["--default-signal=INT", "kcat"]);
    command
}

/// The Python with the newest clients, running this script.
pub fn python(script: &str) -> Command {
    python_in("python", "Python with confluent-kafka, kafka-python and aiokafka", script)
}

/// The Python with kafka-python 2.2, running this script.
pub fn python_2_2(script: &str) -> Command {
    python_in("python-2.2", "Python with kafka-python 2.2", script)
}

fn python_in(dir: &str, what: &str, script: &str) -> Command {
    let made = fetched(dir);
    needs(what, made.join("made-from").exists());
    let mut command = Command::new(made.join("bin/python"));
    // Python's own caches belong in the target directory, too.
    command.env("PYTHONPYCACHEPREFIX", fetched("pycache"));
    command.arg("-u").arg(beside("python").join(script));
    command
}

/// Node with kafkajs, running this script.
pub fn node(script: &str) -> Command {
    let modules = fetched("node/node_modules");
    let there =
        fetched("node/made-from").exists() && Command::new("node").arg("-v").output().is_ok();
    needs("Node with kafkajs", there);
    let mut command = Command::new("node");
    // The scripts stay where they are, and so does what was fetched.
    command.env("NODE_PATH", modules).env("KAFKAJS_NO_PARTITIONER_WARNING", "1");
    command.arg(beside("node").join(script));
    command
}

/// Node with node-rdkafka, running this script.
pub fn node_rdkafka(script: &str) -> Command {
    let made = fetched("node-rdkafka");
    needs("Node with node-rdkafka", made.join("made-from").exists());
    // Its Node came with it, what the scripts share is made for kafkajs.
    let script = node(script);
    let modules = [made.join("node_modules"), fetched("node/node_modules")];
    let mut command = Command::new(made.join("node"));
    command.env("NODE_PATH", std::env::join_paths(modules).unwrap()).args(script.get_args());
    command
}

/// Java with Kafka's jars, ready for the name of a class.
pub fn java() -> Command {
    let mut command = java_in("java", "kafka");
    // Two cores, many tests: a small heap and the plain collector are quickest.
    command.args(["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=4"]);
    command
}

/// Java with Spring for Apache Kafka, ready for the name of a class.
pub fn spring() -> Command {
    framework("spring")
}

/// Java with Flink, ready for the name of a class.
pub fn flink() -> Command {
    framework("flink")
}

/// A framework with the client that it wants itself. It is started once or twice in a test.
fn framework(name: &str) -> Command {
    let mut command = java_in(name, name);
    command.args(["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
    command
}

/// Java with what was made from the sources of a directory.
fn java_in(sources: &str, made: &str) -> Command {
    compile(sources, made);
    let (classes, jars) = (fetched(made).join("classes"), fetched(made).join("lib"));
    let mut command = Command::new("java");
    command.arg("-cp").arg(format!("{}:{}/*", classes.display(), jars.display()));
    command
}

/// Every release of Kafka's Java clients that was fetched, and a Java that runs a source with it.
pub fn java_of_each_release() -> Vec<(String, Command)> {
    let libraries: Vec<PathBuf> = ["lz4-java", "slf4j", "snappy-java", "zstd-jni"]
        .iter()
        .flat_map(|name| jars("kafka/lib", name))
        .collect();
    let mut clients = jars("kafka-clients", "kafka-clients-");
    needs("the earlier releases of Kafka's clients", !clients.is_empty());
    clients.extend(jars("kafka/lib", "kafka-clients-"));
    let one = |jar: PathBuf| {
        let name = jar.file_stem().unwrap().to_str().unwrap().to_owned();
        let path = std::env::join_paths(libraries.iter().chain([&jar])).unwrap();
        let mut command = Command::new("java");
        command.args(["-Xmx256m", "-XX:+UseSerialGC", "-cp"]).arg(path);
        (name, command)
    };
    clients.into_iter().map(one).collect()
}

/// The jars of a directory whose names begin so, in order.
fn jars(dir: &str, name: &str) -> Vec<PathBuf> {
    let is_one = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(name);
    let mut jars: Vec<PathBuf> = files(&fetched(dir)).into_iter().map(|(path, _)| path).collect();
    jars.retain(is_one);
    jars.sort();
    jars
}

/// Apicurio Registry with these options (`name=value`), on the Java that it came with.
pub fn apicurio(options: &[&str]) -> Command {
    let there = fetched("apicurio/made-from").exists() && fetched("apicurio/java").exists();
    needs("Apicurio Registry", there);
    let mut command = Command::new(fetched("apicurio/java"));
    command.args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
    command.args(options.iter().map(|option| format!("-D{option}")));
    command.arg("-jar").arg(fetched("apicurio/quarkus-run.jar"));
    command
}

/// Compile the Java sources of a directory again if one is newer than its class. Needs no network.
fn compile(sources: &str, made: &str) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _compiles = ONE_AT_A_TIME.lock();
    let (sources, made) = (beside(sources), fetched(made));
    let there = made.join("lib").exists() && Command::new("java").arg("-version").output().is_ok();
    needs(&format!("Java with the jars of {}", made.display()), there);
    let newest = |dir: &Path| files(dir).into_iter().map(|(_, time)| time).max();
    let changed = newest(&sources).unwrap();
    if newest(&made.join("classes")).is_some_and(|classes| classes > changed) {
        return;
    }
    let output = Command::new("mvn")
        .args(["-o", "-q", "-B", "compile"])
        .arg(format!("-Doutput={}", made.display()))
        .current_dir(sources)
        .output()
        .expect("mvn is needed to compile the changed sources");
    said("mvn", &output);
}

/// A program of the Go clients.
pub fn go(program: &str) -> Command {
    static BUILT: OnceLock<()> = OnceLock::new();
    needs("Go with its clients", fetched("go/made-from").exists());
    BUILT.get_or_init(build);
    Command::new(fetched("go/bin").join(program))
}

/// Build the Go programs again if a source is newer than the last build. Needs no network.
fn build() {
    let sources = files(&beside("go")).into_iter().map(|(_, time)| time).max().unwrap();
    let built = fetched("go/bin/built").metadata().and_then(|file| file.modified());
    if built.is_ok_and(|built| built > sources) {
        return;
    }
    let output = Command::new(beside("go/build"))
        .arg(fetched("go"))
        .env("GOPROXY", "off")
        .output()
        .expect("bash is needed to build the changed sources");
    said("go/build", &output);
}

/// Every file below a directory, and when it was written.
pub fn files(dir: &Path) -> Vec<(PathBuf, SystemTime)> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if let Ok(metadata) = path.metadata() {
            // A running broker may have removed it meanwhile.
            found.push((path, metadata.modified().unwrap()));
        }
    }
    found
}
