//! Two producers with one transactional id: the older is refused with what it is refused with by
//! Kafka, whatever it does next.

use std::process::Command;

use crate::broker::{Broker, Ottla};
use crate::clients::{limited, said};
use crate::kafka::Kafka;
use crate::transactions::{confluent_kafka, franz, java};

fn outcomes(broker: &dyn Broker, mut program: Command) -> String {
    program.args([broker.address(), "fence", "fenced"]);
    said("fence", &limited(&program).output().unwrap())
}

#[test]
#[ignore = "needs Java with Kafka's jars and the clients of earlier releases, Go and Python's clients"]
fn the_older_of_two_producers_with_one_id_is_refused_as_kafka_refuses_it() {
    let (mut ottla, kafka) = (Ottla::start(), Kafka::start());
    let programs: [(&str, &dyn Fn() -> Command); 4] = [
        ("Java", &|| java("4.4.0")),
        ("Java 3.9", &|| java("3.9.1")),
        ("confluent-kafka", &confluent_kafka),
        ("franz-go", &franz),
    ];
    for (client, program) in programs {
        let wanted = outcomes(&kafka, program());
        // Each of four calls has an outcome.
        assert_eq!(wanted.lines().count(), 4, "{client}: {wanted}");
        assert_eq!(outcomes(&ottla, program()), wanted, "{client}");
        println!("{client}:\n{wanted}");
    }
    assert!(ottla.stop());
}
