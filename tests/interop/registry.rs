//! Apicurio Registry, which keeps its schemas in topics and nowhere else: what is registered is
//! there after any crash, its own and the broker's.

use crate::broker::{Broker, Ottla};
use crate::clients::apicurio;
use crate::http::{ask, get};
use crate::process::{Process, free_ports, until};

/// The API that Confluent's clients use.
const API: &str = "/apis/ccompat/v7";
const JSON: &str = "application/vnd.schemaregistry.v1+json";

/// A running registry, and where it answers.
struct Registry {
    process: Process,
    ports: [u16; 2],
    address: String,
}

impl Registry {
    fn start(ottla: &Ottla) -> Registry {
        let ports = free_ports();
        let address = format!("127.0.0.1:{}", ports[0]);
        let mut registry = Registry { process: launch(ottla, ports), ports, address };
        registry.wait();
        registry
    }

    /// Start it again after it was killed. It has nothing of its own.
    fn start_again(&mut self, ottla: &Ottla) {
        self.process = launch(ottla, self.ports);
        self.wait();
    }

    fn wait(&mut self) {
        let health = format!("127.0.0.1:{}", self.ports[1]);
        self.process.until("the registry is ready", || get(&health, "/health/ready"));
    }

    fn get(&self, path: &str) -> String {
        get(&self.address, &format!("{API}{path}")).unwrap()
    }

    /// The answer to a schema of orders with these fields beside the number.
    fn register(&self, fields: &str) -> (u16, String) {
        let body = format!(
            r#"{{"schema": "{{\"type\": \"record\", \"name\": \"Order\", \"fields\":
                [{{\"name\": \"number\", \"type\": \"long\"}}{}]}}"}}"#,
            fields.replace('"', "\\\"")
        )
        .replace('\n', " ");
        let path = format!("{API}/subjects/orders-value/versions");
        ask(&self.address, "POST", &path, Some((JSON, &body))).unwrap()
    }

    /// Register one and say what is served for this version from now on.
    fn accept(&self, fields: &str, version: usize) -> String {
        // A registry that has just lost its broker may need a moment. The same schema twice is one.
        until("a schema is accepted", || match self.register(fields) {
            (200, _) => Ok(()),
            refused => Err(format!("{refused:?}")),
        });
        self.version(version)
    }

    fn version(&self, version: usize) -> String {
        self.get(&format!("/subjects/orders-value/versions/{version}"))
    }

    /// These versions are served, and no others.
    fn serves(&self, versions: &[String]) {
        let numbers: Vec<usize> = (1..=versions.len()).collect();
        let listed = self.get("/subjects/orders-value/versions").replace(',', ", ");
        assert_eq!(listed, format!("{numbers:?}"));
        for (index, version) in versions.iter().enumerate() {
            assert_eq!(self.version(index + 1), *version);
        }
        assert_eq!(self.get("/subjects"), r#"["orders-value"]"#);
    }

    /// A reader that wants a field which nobody has written is refused.
    fn refuses_what_does_not_fit(&self) {
        let (status, why) = self.register(r#", {"name": "buyer", "type": "string"}"#);
        assert_eq!(status, 409, "{why}");
    }
}

fn launch(ottla: &Ottla, [port, health]: [u16; 2]) -> Process {
    let dir = ottla.dir().display().to_string();
    let options = [
        "apicurio.storage.kind=kafkasql",
        &format!("apicurio.kafkasql.bootstrap.servers={}", ottla.address),
        // It reads its topics to their end this many milliseconds after nothing more comes.
        "apicurio.kafkasql.consumer.poll.timeout=1000",
        &format!("apicurio.storage.snapshot.location={dir}"),
        "quarkus.http.host=127.0.0.1",
        &format!("quarkus.http.port={port}"),
        "quarkus.management.host=127.0.0.1",
        &format!("quarkus.management.port={health}"),
        &format!("java.io.tmpdir={dir}"),
    ];
    let command = apicurio(&options);
    Process::start(command, &ottla.dir().join("registry.log"))
}

#[test]
#[ignore = "needs Apicurio Registry"]
fn apicurio_registry_keeps_its_schemas_through_crashes_of_both() {
    let mut ottla = Ottla::start();
    let mut registry = Registry::start(&ottla);
    let level = Some((JSON, r#"{"compatibility": "BACKWARD"}"#));
    let answer = ask(&registry.address, "PUT", &format!("{API}/config"), level).unwrap();
    assert_eq!(answer.0, 200, "{}", answer.1);
    let mut versions = vec![registry.accept("", 1)];
    assert!(versions[0].contains(r#"\"number\""#), "{}", versions[0]);
    registry.serves(&versions);

    registry.process.kill();
    registry.start_again(&ottla);
    registry.serves(&versions);
    registry.refuses_what_does_not_fit();
    versions.push(registry.accept(r#", {"name": "item", "type": "string", "default": ""}"#, 2));

    ottla.kill_and_restart();
    registry.serves(&versions);
    registry.refuses_what_does_not_fit();
    versions.push(registry.accept(r#", {"name": "price", "type": "int", "default": 0}"#, 3));

    registry.process.kill();
    ottla.kill_and_restart();
    registry.start_again(&ottla);
    registry.serves(&versions);
    registry.refuses_what_does_not_fit();
    versions.push(registry.accept(r#", {"name": "count", "type": "int", "default": 1}"#, 4));
    registry.serves(&versions);
    assert!(!ottla.log("kafkasql-journal-0").is_empty());
    registry.process.stop();
    assert!(ottla.stop());
}
