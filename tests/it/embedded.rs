//! `ottla::Broker`: brokers inside another program.

use std::future::Future;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use kafka_protocol::messages::{ApiVersionsRequest, MetadataRequest};
use ottla::Broker;
use ottla::embedded::error::StartError;
use ottla::embedded::topics::{NewTopic, TopicError};
use ottla::storage::datadir::{self, DataDirError};

use crate::administration::{describe, found};
use crate::client::{Client, framed};
use crate::records::{expected, plain, read};

const CLEAN: &str = ".kafka_cleanshutdown";

async fn ephemeral() -> Broker {
    Broker::builder().ephemeral().start().await.unwrap()
}

async fn names(broker: &Broker) -> Vec<String> {
    broker.topics().await.unwrap().into_iter().map(|topic| topic.name).collect()
}

/// Wait until no one listens there.
fn until_silent(address: SocketAddr) {
    while TcpStream::connect(address).is_ok() {
        std::thread::yield_now();
    }
}

/// Run a future without a runtime of tokio's.
fn without_runtime<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            std::task::Poll::Ready(output) => return output,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}

#[tokio::test]
async fn two_brokers_in_one_process_do_not_disturb_each_other() {
    let (one, other) = (ephemeral().await, ephemeral().await);
    assert!(one.address() != other.address() && one.data_dir() != other.data_dir());
    for (broker, value) in [(&one, "of one"), (&other, "of the other")] {
        broker.create_topic("orders").await.unwrap();
        let mut client = Client::connect(broker.address()).await;
        assert_eq!(client.produce("orders", 0, plain(&[value])).await.error_code, 0);
    }
    one.create_topic("only.here").await.unwrap();
    let mut client = Client::connect(one.address()).await;
    assert_eq!(read(&client.fetch("orders", 0, 0).await), expected(0, &["of one"]));
    let (address, dir) = (one.address(), one.data_dir().to_owned());
    one.stop().await.unwrap();
    assert!(TcpStream::connect(address).is_err() && !dir.exists());
    assert!(client.is_closed().await);
    let mut client = Client::connect(other.address()).await;
    assert_eq!(read(&client.fetch("orders", 0, 0).await), expected(0, &["of the other"]));
    assert_eq!(client.produce("orders", 0, plain(&["more"])).await.error_code, 0);
    assert_eq!(names(&other).await, ["orders"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_broker_leaves_its_directory_in_order_for_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let start = async || Broker::builder().data_dir(dir.path()).start().await.unwrap();
    let broker = start().await;
    broker.create_topic(NewTopic::new("t").partitions(2)).await.unwrap();
    let id = broker.topics().await.unwrap()[0].id;
    let mut client = Client::connect(broker.address()).await;
    assert_eq!(client.produce("t", 1, plain(&["kept"])).await.error_code, 0);
    broker.stop().await.unwrap();
    assert!(dir.path().join(CLEAN).exists());
    let broker = start().await;
    assert!(!dir.path().join(CLEAN).exists());
    let topics = broker.topics().await.unwrap();
    assert_eq!((topics[0].id, topics[0].partitions, topics.len()), (id, 2, 1));
    let mut client = Client::connect(broker.address()).await;
    assert_eq!(read(&client.fetch("t", 1, 0).await), expected(0, &["kept"]));
    // Dropped, it ends as a killed process does: without a mark, but with what was acknowledged.
    assert_eq!(client.produce("t", 1, plain(&["too"])).await.error_code, 0);
    drop(broker);
    assert!(client.is_closed().await);
    let broker = loop {
        match Broker::builder().data_dir(dir.path()).start().await {
            Err(StartError::DataDir(DataDirError::Held { .. })) => tokio::task::yield_now().await,
            started => break started.unwrap(),
        }
    };
    let mut client = Client::connect(broker.address()).await;
    assert_eq!(read(&client.fetch_recovered("t", 1, 0).await), expected(0, &["kept", "too"]));
}

#[tokio::test]
async fn a_dropped_ephemeral_broker_leaves_nothing() {
    let broker = ephemeral().await;
    broker.create_topic("t").await.unwrap();
    let mut client = Client::connect(broker.address()).await;
    client.produce("t", 0, plain(&["a"])).await;
    let (address, dir) = (broker.address(), broker.data_dir().to_owned());
    assert!(dir.join("t-0").exists());
    drop(broker);
    // The program may end now.
    assert!(!dir.exists());
    assert!(client.is_closed().await);
    until_silent(address);
}

#[test]
fn it_needs_no_runtime_and_may_be_dropped_anywhere() {
    let broker = without_runtime(ephemeral());
    without_runtime(broker.create_topic("t")).unwrap();
    assert_eq!(without_runtime(names(&broker)), ["t"]);
    let dir = broker.data_dir().to_owned();
    without_runtime(broker.stop()).unwrap();
    assert!(!dir.exists());
    // One that outlives the runtime that it was started from.
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let broker = runtime.block_on(ephemeral());
    drop(runtime);
    without_runtime(broker.create_topic("t")).unwrap();
    let (address, dir) = (broker.address(), broker.data_dir().to_owned());
    drop(broker);
    assert!(!dir.exists());
    until_silent(address);
}

/// Time stands still, and the only thread of the test is held up by a client that blocks.
#[tokio::test(start_paused = true)]
async fn it_does_not_care_what_its_callers_runtime_does() {
    let broker = ephemeral().await;
    broker.create_topic("t").await.unwrap();
    let mut stream = TcpStream::connect(broker.address()).unwrap();
    let requests = framed(0, 1, &ApiVersionsRequest::default());
    stream.write_all(&requests).unwrap();
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut answer = vec![0; i32::from_be_bytes(length) as usize];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer[..6], [0, 0, 0, 1, 0, 0]);
    broker.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_said_to_the_builder_holds() {
    let builder = Broker::builder().ephemeral().listen("127.0.0.1:0").listen("127.0.0.1:0");
    let builder = builder.config("num.partitions", 7).config("num.partitions", 5);
    let advertised = builder.config("advertised.listeners", "ottla.invalid:9092");
    let broker = advertised.worker_threads(1).start().await.unwrap();
    let addresses = broker.addresses();
    assert!(addresses.len() == 2 && addresses[0] == broker.address());
    assert_eq!(broker.bootstrap_servers(), addresses[0].to_string());
    let topic = NewTopic::new("t").config("retention.ms", 1000);
    broker.create_topic(topic).await.unwrap();
    assert_eq!(broker.topics().await.unwrap()[0].partitions, 5);
    let mut client = Client::connect(addresses[1]).await;
    let reported = client.call(12, &MetadataRequest::default().with_topics(Some(Vec::new()))).await;
    assert_eq!(
        (reported.brokers[0].host.as_str(), reported.brokers[0].port),
        ("ottla.invalid", 9092)
    );
    let described = describe(&mut client, 2, "t").await;
    assert_eq!(found(&described, "retention.ms").0, "1000");
    let everywhere = Broker::builder().ephemeral().listen("0.0.0.0:0").start().await.unwrap();
    let port = everywhere.address().port();
    assert_eq!(everywhere.bootstrap_servers(), format!("127.0.0.1:{port}"));
}

#[tokio::test]
async fn reasons_to_refuse_a_topic_are_distinguished() {
    let broker = ephemeral().await;
    broker.create_topic("t").await.unwrap();
    assert_eq!(broker.create_topic("t").await, Err(TopicError::Exists("t".to_owned())));
    assert_eq!(broker.delete_topic("u").await, Err(TopicError::Unknown("u".to_owned())));
    let wrong = [
        (NewTopic::new("a topic"), "other than ASCII alphanumerics"),
        (NewTopic::new("p").partitions(0), "invalid non-positive value"),
        (NewTopic::new("c").config("retention.millis", 1), "did you mean retention.ms?"),
        (NewTopic::new("v").config("retention.ms", "soon"), "must be a whole number"),
    ];
    for (topic, why) in wrong {
        let refused = broker.create_topic(topic.clone()).await;
        let Err(TopicError::Invalid { message, .. }) = refused else { panic!("{refused:?}") };
        assert!(message.contains(why), "{message}");
    }
    assert_eq!(names(&broker).await, ["t"]);
    let first = broker.topics().await.unwrap()[0].id;
    broker.delete_topic("t").await.unwrap();
    broker.create_topic("t").await.unwrap();
    assert!(broker.topics().await.unwrap()[0].id != first);
}

#[tokio::test]
async fn what_keeps_a_broker_from_starting_is_said() {
    let error = Broker::builder().start().await.unwrap_err();
    assert!(matches!(error, StartError::NoDirectory), "{error}");
    let dir = tempfile::tempdir().unwrap();
    let on = |dir: &Path| Broker::builder().data_dir(dir);
    let error = on(dir.path()).ephemeral().start().await.unwrap_err();
    assert!(matches!(error, StartError::TwoDirectories(_)), "{error}");
    let error = on(dir.path()).config("num.partition", 1).start().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "num.partition = \"1\" (config()): there is no such option; \
         did you mean num.partitions?"
    );
    on(dir.path()).start().await.unwrap().stop().await.unwrap();
    // A failed start leaves a directory that was in order in order.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let error = on(dir.path()).listen(taken.local_addr().unwrap()).start().await.unwrap_err();
    assert!(matches!(error, StartError::Listen(_)), "{error}");
    assert!(error.to_string().contains("stop the process that listens there"), "{error}");
    assert!(dir.path().join(CLEAN).exists());
    let broker = on(dir.path()).start().await.unwrap();
    let error = on(dir.path()).start().await.unwrap_err();
    assert!(matches!(error, StartError::DataDir(DataDirError::Held { .. })), "{error}");
    broker.stop().await.unwrap();
}

#[test]
fn a_start_that_is_not_awaited_ends() {
    let dir = tempfile::tempdir().unwrap();
    {
        let mut starting = pin!(Broker::builder().data_dir(dir.path()).start());
        drop(starting.as_mut().poll(&mut Context::from_waker(Waker::noop())));
    }
    // It has begun by itself, and lets go of the directory by itself.
    while !dir.path().join("meta.properties").exists() || datadir::lock(dir.path()).is_err() {
        std::thread::yield_now();
    }
}

/// The masks of the signals that this process catches and ignores.
fn signals() -> Vec<String> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let masks =
        status.lines().filter(|line| line.starts_with("SigIgn:") || line.starts_with("SigCgt:"));
    masks.map(str::to_owned).collect()
}

#[tokio::test]
async fn a_broker_inside_a_program_leaves_its_signals_alone() {
    // Tokio begins to catch SIGCHLD in another test, if one waits for a child.
    drop(tokio::signal::unix::signal(tokio::signal::unix::SignalKind::child()).unwrap());
    let before = signals();
    let broker = ephemeral().await;
    assert_eq!(signals(), before);
    broker.stop().await.unwrap();
    assert_eq!(signals(), before);
}
