//! Spring for Apache Kafka: what its transaction manager commits is there once.

use crate::broker::Ottla;
use crate::clients::{limited, said, spring};

#[test]
#[ignore = "needs Java with Spring"]
fn spring_commits_sends_and_offsets_together_and_rolls_them_back() {
    let mut ottla = Ottla::start();
    let mut command = spring();
    command.args(["ottla.Invoices", &ottla.address]);
    print!("{}", said("Spring", &limited(&command).output().unwrap()));
    assert!(ottla.stop());
}
