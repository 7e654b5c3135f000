//! Asking for a protection that there is not stops the start: a broker that is open to every client
//! would be the worst answer.

use std::sync::Arc;

use ottla::broker::start;
use ottla::clock::{Clock, SystemClock};
use ottla::config::settings::Settings;
use ottla::metadata::records::config_record;
use ottla::storage::disk::OsDisk;

use crate::broker_configs::{BROKER, INVALID_REQUEST, set};
use crate::daemon::{Daemon, complains, ottla, text};
use crate::harness::{Ottla, lock};

/// Options that ask for something, and what their value is.
const DEMANDS: &[(&str, &str)] = &[
    ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
    ("super.users", "User:admin"),
    ("allow.everyone.if.no.acl.found", "false"),
    ("ssl.client.auth", "required"),
    ("ssl.keystore.location", "/etc/kafka/keystore.jks"),
    ("sasl.enabled.mechanisms", "SCRAM-SHA-512"),
    ("security.inter.broker.protocol", "SASL_SSL"),
    ("listener.name.client.plain.sasl.jaas.config", "secret"),
    ("connections.max.reauth.ms", "3600000"),
    ("delegation.token.secret.key", "secret"),
    ("listeners", "SSL://127.0.0.1:0"),
    ("remote.log.storage.system.enable", "true"),
];

#[test]
fn what_asks_for_a_protection_ends_a_start_by_environment_file_and_flag_alike() {
    let dir = tempfile::tempdir().unwrap();
    let (data, file) = (dir.path().join("data"), dir.path().join("ottla.toml"));
    let at = ["--data-dir", text(&data)];
    for (name, value) in DEMANDS {
        let lacks = "does not have: unset it";
        let pair = format!("{name}={value}");
        complains(&mut ottla(&[&at[..], &["--set", &pair]].concat()), &[name, "--set", lacks]);
        std::fs::write(&file, format!("\"{name}\" = \"{value}\"\n")).unwrap();
        let config = ["--config", text(&file)];
        complains(&mut ottla(&[&at[..], &config].concat()), &[name, text(&file), lacks]);
        let rest = name.replace('.', "_").to_ascii_uppercase();
        for prefix in ["KAFKA_", "KAFKA_CFG_", "OTTLA_"] {
            let variable = format!("{prefix}{rest}");
            complains(ottla(&at).env(&variable, value), &[&variable, lacks]);
        }
    }
    for (variable, value) in [
        ("KAFKA_CLIENT_USERS", "alice,bob"),
        ("KAFKA_INTER_BROKER_PASSWORD", "secret"),
        ("KAFKA_TLS_CLIENT_AUTH", "required"),
        ("KAFKA_OPTS", "-Djava.security.auth.login.config=/etc/kafka/jaas.conf"),
        ("KAFKA_SSL_KEYSTORE_FILENAME", "kafka.jks"),
        ("ALLOW_PLAINTEXT_LISTENER", "no"),
    ] {
        complains(ottla(&at).env(variable, value), &[variable, "does not have: unset it"]);
    }
    // A listener by another name, whose protocol the environment says.
    let mut command = ottla(&at);
    command.env("KAFKA_LISTENERS", "CLIENT://127.0.0.1:0");
    command.env("KAFKA_LISTENER_SECURITY_PROTOCOL_MAP", "CLIENT:SASL_PLAINTEXT");
    complains(&mut command, &["KAFKA_LISTENERS", "authentication (SASL)"]);
    assert!(!data.exists(), "nothing is touched");
}

#[test]
fn settings_that_ask_for_nothing_start_as_ever() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = ottla(&["--listen", "127.0.0.1:0", "--data-dir", text(dir.path())]);
    for (variable, value) in [
        ("KAFKA_ALLOW_EVERYONE_IF_NO_ACL_FOUND", "true"),
        ("KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM", ""),
        ("KAFKA_SASL_ENABLED_MECHANISMS", "GSSAPI"),
        ("KAFKA_SECURITY_INTER_BROKER_PROTOCOL", "PLAINTEXT"),
        ("KAFKA_CFG_SUPER_USERS", ""),
        ("KAFKA_OPTS", "-Dfile.encoding=UTF-8"),
        ("ALLOW_PLAINTEXT_LISTENER", "yes"),
        (
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP",
            "CONTROLLER:SASL_SSL,PLAINTEXT:PLAINTEXT,CLIENT:SSL",
        ),
        ("KAFKA_CONTROLLER_LISTENER_NAMES", "CONTROLLER"),
        ("KAFKA_REMOTE_LOG_STORAGE_SYSTEM_ENABLE", "false"),
    ] {
        command.env(variable, value);
    }
    let mut daemon = Daemon::start(&mut command);
    daemon.signal("-TERM");
    assert_eq!(daemon.exit_code(), Some(0));
    let said = daemon.stderr();
    assert!(!said.contains("ignoring unknown"), "{said}");
}

#[tokio::test]
async fn clients_cannot_ask_for_a_protection_while_the_broker_runs() {
    let ottla = Ottla::start().await;
    let mut client = ottla.client().await;
    for of in ["", "1"] {
        for (name, value) in DEMANDS {
            let (code, why) = set(&mut client, BROKER, of, name, value).await;
            assert_eq!(code, INVALID_REQUEST, "{name}: {why}");
        }
        let name = "listener.name.client.ssl.keystore.location";
        let (_, why) = set(&mut client, BROKER, of, name, "/k").await;
        assert!(why.contains("asks for encryption (TLS), which this version does not"), "{why}");
    }
}

#[tokio::test]
async fn a_directory_in_which_clients_have_asked_for_a_protection_is_not_opened_and_left_as_it_is()
{
    for of in ["", "1"] {
        let dir = tempfile::tempdir().unwrap();
        let start = async || {
            let settings = Arc::new(Settings::load(None, [], &[]).unwrap());
            let hold = lock(dir.path()).await;
            let clock = Arc::new(SystemClock::default());
            let dir = dir.path().to_owned();
            start::start(settings, dir, Arc::new(OsDisk), clock, Some(hold))
        };
        let broker = start().await.unwrap();
        let name = "listener.name.client.ssl.client.auth";
        let record = config_record(BROKER, of, name, Some("required".to_owned()));
        let now = SystemClock::default().now();
        broker
            .metadata
            .change(now, |_| Ok::<_, ottla::log::AppendError>((vec![record], ())))
            .unwrap();
        broker.begin_stop();
        ottla::broker::stop::stop(&broker).unwrap();
        drop(broker);
        for _ in 0..2 {
            let refused = start().await.map(drop).unwrap_err().to_string();
            assert!(
                refused.starts_with("listener.name.client.ssl.client.auth = \"required\" (set by")
                    && refused.contains("asks for encryption (TLS)")
                    && !refused.contains('\n'),
                "{refused}"
            );
            assert!(dir.path().join(".kafka_cleanshutdown").exists(), "as it was before");
        }
    }
}
