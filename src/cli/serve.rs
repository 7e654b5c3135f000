//! `ottla serve`: the daemon.

use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::reload::Handle;

use crate::broker::loggers::FilterSink;
use crate::broker::state::Broker;
use crate::broker::tasks::TaskPanic;
use crate::cli::signals::Signals;
use crate::cli::volume;
use crate::clock::SystemClock;
use crate::config::file;
use crate::config::settings::{Flag, IgnoredEnv, Settings};
use crate::server::boot::{Boot, Running, StopError};
use crate::server::control::Control;
use crate::storage::disk::{OsDisk, replace};
use crate::storage::fd_cache::{BoundedDisk, files_within};

/// The exit code of a broker that ended because of its own bug, so that a supervisor restarts it.
/// It is EX_SOFTWARE of sysexits.h.
pub const FAULT: u8 = 70;

/// The flags of `ottla serve`.
#[derive(Debug, Clone, Default, Args)]
pub struct Serve {
    /// TOML file with broker configs under Kafka's names.
    #[arg(long, value_name = "FILE", env = "OTTLA_CONFIG")]
    config: Option<PathBuf>,
    /// Address to listen on; port 0 picks a free port; repeatable [default: localhost:9092]
    #[arg(long, value_name = "HOST:PORT")]
    listen: Vec<String>,
    /// Address to advertise to clients [default: the one at which each reached the broker]
    #[arg(long, value_name = "HOST:PORT")]
    advertise: Option<String>,
    /// Data directory [default: ottla in the user's XDG data directory]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Keep all data in a temporary directory that is removed at exit.
    #[arg(long, conflicts_with = "data_dir")]
    ephemeral: bool,
    /// Set a config by Kafka's name; repeatable.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Write the bound address to this file once clients can connect.
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Also print this line once clients can connect, for scripts that wait for another broker's
    /// log line; repeatable.
    #[arg(long, value_name = "LINE")]
    ready_text: Vec<String>,
    /// Keep running when the terminal is closed (SIGHUP), as under nohup.
    #[arg(long)]
    ignore_hangup: bool,
    /// Format of log lines.
    #[arg(long, value_name = "FORMAT", env = "OTTLA_LOG_FORMAT", default_value = "text")]
    log_format: LogFormat,
    /// Log filter, in the syntax of RUST_LOG.
    #[arg(long, value_name = "FILTER", env = "OTTLA_LOG", default_value = "info")]
    log: String,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum LogFormat {
    /// Plain text.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Runs the broker until a signal. Errors are printed in one line.
pub fn run(serve: Serve) -> ExitCode {
    match run_until_signal(serve) {
        Ok(None) => ExitCode::SUCCESS,
        // It has been logged.
        Ok(Some(_)) => ExitCode::from(FAULT),
        Err(message) => {
            eprintln!("ottla: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the broker. Returns the panic that ended it, if it was not a signal.
fn run_until_signal(serve: Serve) -> Result<Option<TaskPanic>, String> {
    let clock = SystemClock::default();
    let log_filter = start_logging(&serve)?;
    let settings = Arc::new(settings(&serve)?);
    say_what_is_ignored(&settings);
    let temporary = match serve.ephemeral {
        true => Some(
            tempfile::tempdir().map_err(|e| format!("cannot create a temporary directory: {e}"))?,
        ),
        false => None,
    };
    let data_dir = match &temporary {
        Some(dir) => dir.path().to_owned(),
        None => data_dir(&settings)?,
    };
    let descriptors = take_descriptors()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("cannot start the runtime: {e}"))?;
    let disk = Arc::new(BoundedDisk::new(Arc::new(OsDisk), files_within(descriptors)));
    let boot = Boot { settings, data_dir, disk, clock: Arc::new(clock) };
    let outcome = runtime.block_on(async {
        let booted = boot.start(|broker| {
            say_if_descriptors_are_few(broker, descriptors);
            broker.loggers.connect(&serve.log, log_filter);
        });
        let running = booted.await.map_err(|e| e.to_string())?;
        match announce(&serve, &running) {
            Ok(signals) => serve_clients(running, signals).await,
            Err(message) => {
                // It has failed already: what could not be closed is recovered by the next start.
                let _ = running.stop().await;
                Err(message)
            }
        }
    });
    runtime.shutdown_background();
    outcome
}

fn say_what_is_ignored(settings: &Settings) {
    let IgnoredEnv { meaningless, unknown } = settings.ignored_env();
    if !meaningless.is_empty() {
        let variables = meaningless.join(", ");
        tracing::info!(%variables, "ignoring variables that have no effect on a single node");
    }
    if !unknown.is_empty() {
        let variables = unknown.join(", ");
        tracing::warn!(%variables, "ignoring unknown KAFKA_* variables");
    }
}

/// Installs the signal handlers, opens the control socket and reports that clients can connect.
fn announce(serve: &Serve, running: &Running) -> Result<Signals, String> {
    let Running { broker, addresses, .. } = running;
    let signals =
        Signals::listen(serve.ignore_hangup).map_err(|e| format!("cannot handle signals: {e}"))?;
    match Control::open(&broker.data_dir) {
        Ok(control) => {
            let control = control.serve(broker.clone(), addresses.clone());
            broker.tasks.spawn("control socket", control);
        }
        Err(error) => {
            tracing::warn!(
                %error,
                "cannot open the control socket: `ottla advertise` and `ottla ready` do not work"
            );
        }
    }
    let bound: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    if let Some(path) = &serve.ready_file {
        let text = format!("{}\n", bound.join("\n"));
        replace(&OsDisk, path, text.as_bytes())
            .map_err(|e| format!("cannot write {}: {e}", path.display()))?;
    }
    panic_for_tests(broker);
    say_ready(broker, &bound);
    serve.ready_text.iter().for_each(|line| println!("{line}"));
    Ok(signals)
}

/// Serves until a signal or a panic. Returns the panic that ended the broker, if one did.
async fn serve_clients(
    running: Running,
    mut signals: Signals,
) -> Result<Option<TaskPanic>, String> {
    running.until(signals.stop()).await;
    let aborted = tokio::spawn(async move {
        signals.stop_at_once().await;
        std::process::exit(1);
    });
    let stopped = running.stop().await;
    aborted.abort();
    match stopped {
        Ok(()) => Ok(None),
        Err(StopError::Panic(panic)) => Ok(Some(panic)),
        Err(StopError::Close(error)) => Err(format!("the broker did not stop cleanly: {error}")),
    }
}

/// Makes a task panic once the file exists that the environment names, so that tests can see the
/// consequences. Not in release builds.
fn panic_for_tests(broker: &Broker) {
    #[cfg(debug_assertions)]
    if let Some(path) = std::env::var_os("OTTLA_TEST_PANIC_FILE").map(PathBuf::from) {
        broker.tasks.spawn("test", async move {
            while !crate::storage::disk::Disk::exists(&OsDisk, &path) {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
            panic!("as the test asks");
        });
    }
    #[cfg(not(debug_assertions))]
    let _ = broker;
}

fn say_ready(broker: &Broker, bound: &[String]) {
    let ms = broker.clock.now().mono_ms;
    let topics = broker.topics.all();
    let partitions: usize = topics.iter().map(|topic| topic.partitions.len()).sum();
    println!(
        "ottla {} is ready on {} with {} topics and {partitions} partitions in {} ({ms} ms)",
        env!("CARGO_PKG_VERSION"),
        bound.join(", "),
        topics.len(),
        broker.data_dir.display(),
    );
}

/// Sets up logging. Returns the sink for new filters.
fn start_logging(serve: &Serve) -> Result<FilterSink, String> {
    let filter = EnvFilter::try_new(&serve.log)
        .map_err(|error| format!("invalid log filter {:?}: {error}", serve.log))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A closed terminal takes no lines, which is no reason to panic.
    let lines = lines.log_internal_errors(false);
    let (started, sink) = match serve.log_format {
        LogFormat::Text => {
            let lines = lines.with_ansi(std::io::stderr().is_terminal()).with_filter_reloading();
            let sink = sink(lines.reload_handle());
            (lines.try_init(), sink)
        }
        LogFormat::Json => {
            let lines = lines.json().with_filter_reloading();
            let sink = sink(lines.reload_handle());
            (lines.try_init(), sink)
        }
    };
    started.map_err(|error| error.to_string())?;
    Ok(sink)
}

fn sink<S: 'static>(filter: Handle<EnvFilter, S>) -> FilterSink {
    Box::new(move |text| {
        let wanted = EnvFilter::try_new(text).map_err(|error| error.to_string())?;
        filter.reload(wanted).map_err(|error| error.to_string())
    })
}

/// Returns the data directory of these settings.
fn data_dir(settings: &Settings) -> Result<PathBuf, String> {
    match settings.broker().log_dir.or_else(volume::of_another_image) {
        Some(dir) => Ok(dir),
        None => default_data_dir(),
    }
}

/// Returns the data directory of a broker that is started without flags in this environment.
///
/// # Errors
/// The environment, or the file that it names, is invalid.
pub fn data_dir_of_environment() -> Result<PathBuf, String> {
    let config = std::env::var_os("OTTLA_CONFIG").map(PathBuf::from);
    data_dir(&settings(&Serve { config, ..Serve::default() })?)
}

fn settings(serve: &Serve) -> Result<Settings, String> {
    let file = match &serve.config {
        Some(path) => {
            let origin = path.display().to_string();
            let text = std::fs::read_to_string(path)
                .map_err(|error| format!("cannot read {origin}: {error}"))?;
            Some(file::layer(&origin, &text).map_err(|error| error.to_string())?)
        }
        None => None,
    };
    let mut flags = Vec::new();
    let mut flag = |name: &str, value: String, origin: &str| {
        flags.push(Flag { name: name.to_owned(), value, origin: origin.to_owned() });
    };
    for pair in &serve.set {
        let Some((name, value)) = pair.split_once('=') else {
            return Err(format!("--set {pair}: expected NAME=VALUE"));
        };
        flag(name.trim(), value.to_owned(), "--set");
    }
    if !serve.listen.is_empty() {
        flag("listeners", serve.listen.join(","), "--listen");
    }
    if let Some(address) = &serve.advertise {
        flag("advertised.listeners", address.clone(), "--advertise");
    }
    if let Some(dir) = &serve.data_dir {
        flag("log.dirs", dir.display().to_string(), "--data-dir");
    }
    Settings::load(file, std::env::vars(), &flags).map_err(|error| error.to_string())
}

impl Serve {
    /// Returns the same flags for another process, except the ready file and whether to ignore
    /// SIGHUP, which are up to the starting process.
    pub fn to_args(&self) -> Vec<OsString> {
        let mut args: Vec<OsString> = Vec::new();
        let mut flag = |name: &str, value: &OsStr| args.extend([name.into(), value.into()]);
        if let Some(path) = &self.config {
            flag("--config", path.as_os_str());
        }
        self.listen.iter().for_each(|address| flag("--listen", OsStr::new(address)));
        if let Some(address) = &self.advertise {
            flag("--advertise", OsStr::new(address));
        }
        if let Some(dir) = &self.data_dir {
            flag("--data-dir", dir.as_os_str());
        }
        self.set.iter().for_each(|pair| flag("--set", OsStr::new(pair)));
        self.ready_text.iter().for_each(|line| flag("--ready-text", OsStr::new(line)));
        let format = match self.log_format {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        };
        flag("--log-format", OsStr::new(format));
        flag("--log", OsStr::new(&self.log));
        if self.ephemeral {
            args.push("--ephemeral".into());
        }
        args
    }
}

/// Returns `ottla` in the user's XDG data directory.
///
/// # Errors
/// The user's directories are not known.
pub fn default_data_dir() -> Result<PathBuf, String> {
    let absolute =
        |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(Path::new(".local/share"))))
        .map(|dir| dir.join("ottla"))
        .ok_or_else(|| "neither XDG_DATA_HOME nor HOME is set; use --data-dir".to_owned())
}

/// The minimum of file descriptors: sockets, the runtime and a few files need them.
const DESCRIPTORS_LEAST: u64 = 64;

/// Raises the limit of file descriptors as far as the system allows. Returns the limit.
///
/// # Errors
/// Too few to work with; the message says what to do about it.
fn take_descriptors() -> Result<u64, String> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let most = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(error) => {
            tracing::warn!(%error, "cannot raise the limit of open files");
            limit.current
        }
    }
    .unwrap_or(u64::MAX);
    if most < DESCRIPTORS_LEAST {
        return Err(format!(
            "the limit of open files is {most}, and at least {DESCRIPTORS_LEAST} are needed: \
             raise the limit ({RAISE})"
        ));
    }
    Ok(most)
}

/// How to raise the limit of open files.
const RAISE: &str =
    "`ulimit -Hn` in a shell, LimitNOFILE= for systemd, --ulimit nofile= for Docker";

/// Warns if partitions must share file descriptors: it works, but writing to many of them at once
/// waits for syncs.
fn say_if_descriptors_are_few(broker: &Broker, descriptors: u64) {
    let topics = broker.topics.all();
    let partitions: usize = topics.iter().map(|topic| topic.partitions.len()).sum();
    let files = files_within(descriptors);
    if partitions > files {
        tracing::warn!(
            partitions,
            files,
            "more partitions than files that can be open, so files are opened and closed all the \
             time: raise the limit of {descriptors} open files ({RAISE})"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory, Parser};

    #[derive(Debug, Parser)]
    struct Alone {
        #[command(flatten)]
        serve: Serve,
    }

    #[test]
    fn every_flag_is_handed_on_to_a_broker_in_the_background() {
        let line = "x --config f --listen a:1 --listen b:2 --advertise c:3 --data-dir d \
                    --set n=v --log-format json --log debug --ready-text t --ready-file r";
        let given = Alone::parse_from(line.split_whitespace()).serve.to_args();
        let ephemeral = Alone::parse_from(["x", "--ephemeral"]).serve.to_args();
        for arg in Alone::command().get_arguments() {
            let Some(name) = arg.get_long() else { continue };
            let flag = OsString::from(format!("--{name}"));
            let is_handed_on = given.contains(&flag) || ephemeral.contains(&flag);
            let is_the_starters = ["ready-file", "ignore-hangup"].contains(&name);
            assert!(is_handed_on != is_the_starters, "--{name}");
        }
        let again = Alone::parse_from(std::iter::once(OsString::from("x")).chain(given.clone()));
        assert_eq!(again.serve.to_args(), given);
    }
}
