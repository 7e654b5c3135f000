//! "Lab 2: Kafka Insights and Deliverables", deliverable 1: the broker is reached through ssh. The
//! server is a real sshd on this machine with keys of its own, which lets in the user who runs the test.

use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use crate::broker::Ottla;
use crate::clients::{kcat, needs, said};
use crate::labs::student::Student;
use crate::process::{Process, free_ports, until};

const SSHD: &str = "/usr/sbin/sshd";

fn needs_tools() {
    let answers = |program: &str| Command::new(program).arg("-V").output().is_ok();
    needs("sshd", Path::new(SSHD).exists());
    needs("ssh", answers("ssh"));
    needs("lsof", answers("lsof"));
    kcat();
}

/// The directory that sshd wants if root runs it, and that only its service makes. Removed when
/// dropped, if it was not there before.
struct Place {
    is_ours: bool,
}

impl Place {
    const DIR: &str = "/run/sshd";

    fn prepare() -> Place {
        let is_ours = rustix::process::geteuid().is_root() && !Path::new(Place::DIR).exists();
        if is_ours {
            std::fs::create_dir(Place::DIR).unwrap();
        }
        Place { is_ours }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_ours {
            let _ = std::fs::remove_dir(Place::DIR);
        }
    }
}

/// The key pair of a host or of a person.
fn key(path: &Path) {
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path);
    said("ssh-keygen", &keygen.output().unwrap());
}

/// Start sshd, and write what ssh must know of it, as `remote-server`, into `ssh_config`.
fn remote_server(home: &Path) -> Process {
    let [port] = free_ports();
    key(&home.join("host_key"));
    key(&home.join("my_key"));
    let home_path = home.display();
    let server = format!(
        "ListenAddress 127.0.0.1\nPort {port}\nHostKey {home_path}/host_key\n\
         AuthorizedKeysFile {home_path}/my_key.pub\nPidFile none\nUsePAM no\nStrictModes no\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\n\
         PermitRootLogin prohibit-password\n"
    );
    let client = format!(
        "Host remote-server\nHostName 127.0.0.1\nPort {port}\nIdentityFile {home_path}/my_key\n\
         IdentitiesOnly yes\nUserKnownHostsFile {home_path}/known_hosts\n\
         StrictHostKeyChecking accept-new\nExitOnForwardFailure yes\nLogLevel ERROR\n"
    );
    std::fs::write(home.join("sshd_config"), server).unwrap();
    std::fs::write(home.join("ssh_config"), client).unwrap();
    let mut command = Command::new(SSHD);
    command.args(["-D", "-e", "-f"]).arg(home.join("sshd_config"));
    let mut sshd = Process::start(command, &home.join("sshd.log"));
    sshd.until("sshd listens", || {
        TcpStream::connect(("127.0.0.1", port)).map(drop).map_err(|error| error.to_string())
    });
    sshd
}

/// The ssh that `-f` has put into the background; ended when dropped.
struct Tunnel(rustix::process::Pid);

impl Drop for Tunnel {
    fn drop(&mut self) {
        let _ = rustix::process::kill_process(self.0, rustix::process::Signal::TERM);
    }
}

/// Who listens there, by its process id.
fn listening(student: &Student, port: u16) -> Option<Tunnel> {
    let (_, pids) = student.try_(&format!("lsof -t -i :{port} -sTCP:LISTEN"));
    let pid = pids.lines().next()?.parse().ok()?;
    Some(Tunnel(rustix::process::Pid::from_raw(pid)?))
}

#[test]
#[ignore = "needs sshd, ssh, lsof and kcat"]
fn a_broker_is_reached_through_an_ssh_tunnel() {
    needs_tools();
    let _place = Place::prepare();
    let [here] = free_ports();
    // As Kafka's on such a server does, it tells clients the address that is theirs.
    let ottla = Ottla::on_localhost(&[&format!("advertised.listeners=localhost:{here}")]);
    let remote_port = ottla.address.rsplit_once(':').unwrap().1.to_owned();
    let student = Student::at(&format!("localhost:{here}"));
    let _sshd = remote_server(student.home());
    // A person has what ssh must know in ~/.ssh/config.
    let typed = student.try_(&format!(
        "ssh() {{ command ssh -F ssh_config \"$@\"; }}; \
         ssh -L {here}:localhost:{remote_port} $(id -un)@remote-server -NTf"
    ));
    assert_eq!(typed, (0, String::new()));
    let tunnel = listening(&student, here).expect("ssh listens");
    // "Should show an ssh process".
    let shown = student.type_(&format!("lsof -i :{here}"));
    let mut rows = shown.lines().skip(1);
    assert!(rows.all(|row| row.starts_with("ssh ")) && shown.contains("(LISTEN)"), "{shown}");
    let listing = student.type_("kcat -b localhost:9092 -L");
    let wanted = format!(
        "Metadata for all topics (from broker 1: localhost:{here}/1):\n 1 brokers:\n  \
         broker 1 at localhost:{here} (controller)\n 0 topics:\n"
    );
    assert_eq!(listing, wanted);
    student.type_("seq 1 5 | kcat -b localhost:9092 -t lab02-bbasavar -P");
    let read = student.type_("kcat -b localhost:9092 -t lab02-bbasavar -C -o earliest -c 5");
    assert_eq!(read, "1\n2\n3\n4\n5\n");
    // All of it went through the tunnel: without it there is nothing.
    drop(tunnel);
    until("the tunnel is closed", || match listening(&student, here) {
        None => Ok(()),
        Some(_) => Err("ssh still listens".to_owned()),
    });
    let (code, _) = student.try_("kcat -b localhost:9092 -L -m 2");
    assert_ne!(code, 0);
}
