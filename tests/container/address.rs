//! Where clients are sent, seen from both sides of a container's network.

use crate::engine::{
    IMAGE, KCAT, docker, fed, lines, network, port_9092, published, send, started, well,
};

/// What another container of the network reads from the topic.
fn lines_inside(network: &str, bootstrap: &str, topic: &str) -> Vec<String> {
    let reading = ["-b", bootstrap, "-t", topic, "-C", "-o", "beginning", "-e", "-q"];
    let all = [&["run", "--rm", "--network", network, KCAT], &reading[..]].concat();
    well(&all).lines().map(str::to_owned).collect()
}

#[test]
#[ignore = "needs a Docker engine: tests/container/run"]
fn with_no_setting_this_machine_and_other_containers_are_served() {
    let _port = port_9092();
    let net = network();
    let at = ["--network", &net.name, "--network-alias", "ottla", "-p", "127.0.0.1:9092:9092"];
    let _broker = started(&[&at[..], &[IMAGE]].concat());
    send("localhost:9092", "t", "from this machine\n");
    let inside = ["run", "-i", "--rm", "--network", &net.name, KCAT];
    fed(&[&inside[..], &["-b", "ottla:9092", "-t", "t", "-P"]].concat(), "from a container\n");
    let both = ["from this machine", "from a container"];
    assert_eq!(lines("localhost:9092", "t"), both);
    assert_eq!(lines_inside(&net.name, "ottla:9092", "t"), both);
}

#[test]
#[ignore = "needs a Docker engine: tests/container/run"]
fn each_network_of_a_container_on_several_is_served() {
    let _port = port_9092();
    let (one, two) = (network(), network());
    let at = ["--network", &one.name, "--network-alias", "ottla", "-p", "127.0.0.1:9092:9092"];
    let broker = started(&[&at[..], &[IMAGE]].concat());
    well(&["network", "connect", "--alias", "ottla", &two.name, &broker.name]);
    send("localhost:9092", "t", "a\n");
    for net in [&one, &two] {
        assert_eq!(lines_inside(&net.name, "ottla:9092", "t"), ["a"]);
    }
}

#[test]
#[ignore = "needs a Docker engine: tests/container/run"]
fn a_port_that_is_published_as_another_can_be_set() {
    // A port that is free now may be taken a moment later; then another is tried.
    for _ in 0..5 {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let publish = format!("127.0.0.1:{free}:9092");
        let port = format!("OTTLA_PUBLISHED_PORT={free}");
        if docker(&["run", "--rm", "-p", &publish, IMAGE, "--version"]).status.success() {
            let _broker = started(&["-p", &publish, "-e", &port, IMAGE]);
            let bootstrap = format!("localhost:{free}");
            send(&bootstrap, "t", "a\n");
            assert_eq!(lines(&bootstrap, "t"), ["a"]);
            return;
        }
    }
    panic!("no port was free");
}

#[test]
#[ignore = "needs a Docker engine: tests/container/run"]
fn a_port_that_is_known_after_the_start_can_be_advertised() {
    let broker = started(&["-p", "127.0.0.1::9092", IMAGE]);
    let bootstrap = format!("localhost:{}", published(&broker.name, 9092));
    let reported = well(&["exec", &broker.name, "ottla", "advertise", &bootstrap]);
    assert_eq!(reported, format!("clients of PLAINTEXT are sent to {bootstrap}"));
    send(&bootstrap, "t", "a\n");
    assert_eq!(lines(&bootstrap, "t"), ["a"]);
}
