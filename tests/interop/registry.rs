//! Apicurio Registry, which keeps its schemas in topics and nowhere else: what is registered is
//! there after any crash, its own and the broker's.

use std::path::{Path, PathBuf};

use crate::broker::{Broker, Ottla};
use crate::clients::apicurio;
use crate::http::{ask, get};
use crate::process::{Process, until};

/// The API that Confluent's clients use.
const API: &str = "/apis/ccompat/v7";
const JSON: &str = "application/vnd.schemaregistry.v1+json";

/// A running registry, and where it answers.
struct Registry {
    process: Process,
    address: String,
}

impl Registry {
    fn start(ottla: &Ottla) -> Registry {
        let mut process = launch(ottla);
        // It takes free ports and says which.
        let log = log_file(ottla);
        let [address, health] = process.until("the registry listens", || listening(&log));
        process.until("the registry is ready", || get(&health, "/health/ready"));
        Registry { process, address }
    }

    /// Start it again as after a crash. It has nothing of its own.
    fn kill_and_restart(&mut self, ottla: &Ottla) {
        self.process.kill();
        *self = Registry::start(ottla);
    }

    fn get(&self, path: &str) -> Result<String, String> {
        get(&self.address, &format!("{API}{path}"))
    }

    /// The answer to a schema of orders with these fields beside the number.
    fn register(&self, fields: &str) -> Result<(u16, String), String> {
        let body = format!(
            r#"{{"schema": "{{\"type\": \"record\", \"name\": \"Order\", \"fields\":
                [{{\"name\": \"number\", \"type\": \"long\"}}{}]}}"}}"#,
            fields.replace('"', "\\\"")
        )
        .replace('\n', " ");
        let path = format!("{API}/subjects/orders-value/versions");
        ask(&self.address, "POST", &path, Some((JSON, &body))).map_err(|error| error.to_string())
    }

    /// Ask until the answer has this status: a registry that has just started, or has just lost its
    /// broker, may need a moment. The same schema twice is one.
    fn registers(&self, fields: &str, status: u16) {
        until("a schema is answered", || match self.register(fields)? {
            (seen, _) if seen == status => Ok(()),
            other => Err(format!("{other:?}")),
        });
    }

    /// Register one and say what is served for this version from now on.
    fn accept(&self, fields: &str, version: usize) -> String {
        self.registers(fields, 200);
        until("the version is served", || self.version(version))
    }

    fn version(&self, version: usize) -> Result<String, String> {
        self.get(&format!("/subjects/orders-value/versions/{version}"))
    }

    /// These versions are served, and no others.
    fn serves(&self, versions: &[String]) {
        until("all versions are served", || {
            let numbers: Vec<usize> = (1..=versions.len()).collect();
            let listed = self.get("/subjects/orders-value/versions")?.replace(',', ", ");
            let served: Result<Vec<String>, String> =
                numbers.iter().map(|number| self.version(*number)).collect();
            let (served, subjects) = (served?, self.get("/subjects")?);
            let is_all = listed == format!("{numbers:?}")
                && served == versions
                && subjects == r#"["orders-value"]"#;
            is_all.then_some(()).ok_or(format!("{subjects}, versions {listed}: {served:?}"))
        });
    }

    /// A reader that wants a field which no one has written is refused.
    fn refuses_what_does_not_fit(&self) {
        self.registers(r#", {"name": "buyer", "type": "string"}"#, 409);
    }
}

fn log_file(ottla: &Ottla) -> PathBuf {
    ottla.dir().join("registry.log")
}

/// Where a started registry answers, and where it says that it is ready.
fn listening(log: &Path) -> Result<[String; 2], String> {
    let said = std::fs::read_to_string(log).map_err(|error| error.to_string())?;
    let after = |words: &str| {
        let rest = said.split_once(words).ok_or_else(|| format!("nothing of {words:?}"))?.1;
        let end = rest.find(|c: char| c != ':' && c != '.' && !c.is_ascii_digit());
        Ok::<_, String>(rest[..end.unwrap_or(rest.len())].trim_end_matches('.').to_owned())
    };
    Ok([after("Listening on: http://")?, after("Management interface listening on http://")?])
}

fn launch(ottla: &Ottla) -> Process {
    let dir = ottla.dir().display().to_string();
    let options = [
        "apicurio.storage.kind=kafkasql",
        &format!("apicurio.kafkasql.bootstrap.servers={}", ottla.address),
        // It reads its topics to their end this many milliseconds after nothing more comes.
        "apicurio.kafkasql.consumer.poll.timeout=1000",
        &format!("apicurio.storage.snapshot.location={dir}"),
        "quarkus.http.host=127.0.0.1",
        "quarkus.http.port=0",
        "quarkus.management.host=127.0.0.1",
        "quarkus.management.port=0",
        &format!("java.io.tmpdir={dir}"),
    ];
    let command = apicurio(&options);
    let log = log_file(ottla);
    let _ = std::fs::remove_file(&log);
    Process::start(command, &log)
}

#[test]
#[ignore = "needs Apicurio Registry"]
fn apicurio_registry_keeps_its_schemas_through_crashes_of_both() {
    let mut ottla = Ottla::start();
    let mut registry = Registry::start(&ottla);
    let level = Some((JSON, r#"{"compatibility": "BACKWARD"}"#));
    until("the level is set", || {
        match ask(&registry.address, "PUT", &format!("{API}/config"), level) {
            Ok((200, _)) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    let mut versions = vec![registry.accept("", 1)];
    assert!(versions[0].contains(r#"\"number\""#), "{}", versions[0]);
    registry.serves(&versions);

    registry.kill_and_restart(&ottla);
    registry.serves(&versions);
    registry.refuses_what_does_not_fit();
    versions.push(registry.accept(r#", {"name": "item", "type": "string", "default": ""}"#, 2));

    ottla.kill_and_restart();
    registry.serves(&versions);
    registry.refuses_what_does_not_fit();
    versions.push(registry.accept(r#", {"name": "price", "type": "int", "default": 0}"#, 3));

    registry.process.kill();
    ottla.kill_and_restart();
    registry = Registry::start(&ottla);
    registry.serves(&versions);
    registry.refuses_what_does_not_fit();
    versions.push(registry.accept(r#", {"name": "count", "type": "int", "default": 1}"#, 4));
    registry.serves(&versions);
    assert!(!ottla.log("kafkasql-journal-0").is_empty());
    registry.process.stop();
    assert!(ottla.stop());
}
