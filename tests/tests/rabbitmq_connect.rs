//! Connecting: brokers that say no, are not there, come late, or are none at all.

use std::{
    io::{Read, Write},
    net::TcpListener,
    time::{Duration, Instant},
};

use consumer::{Broker, Error, RabbitMq, broker::BrokerState};
use consumer_tests::{
    cable::Cable,
    rabbitmq::{Node, fresh, publish, until},
    servers,
};

const CANARY: &str = "canary-4711";

/// Everything that an error can say.
fn everything(error: &Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |error| error.source());
    format!("{error} {error:?} {}", causes.map(|cause| format!("{cause} {cause:?}")).collect::<String>())
}

/// The URL with another user and password, and another virtual host.
fn with(url: &str, user: &str, password: &str, vhost: &str) -> String {
    let (_, host) = url.rsplit_once('@').expect("a URL with a user");
    let (host, _) = host.split_once('/').expect("a URL with a virtual host");
    format!("amqp://{user}:{password}@{host}/{vhost}")
}

async fn refused(url: &str) -> Error {
    let begun = Instant::now();
    let error = RabbitMq::connect(url).await.expect_err("RabbitMQ says no");
    assert!(error.is_refused(), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(15), "no is no, at once");
    error
}

#[tokio::test]
async fn wrong_password_is_refused_and_redacted() {
    let Some(url) = servers::need(servers::AMQP) else { return };
    let error = refused(&with(&url, "consumer", CANARY, "%2f")).await;
    let text = everything(&error);
    assert!(!text.contains(CANARY), "{text}");
    let host = url.rsplit_once('@').expect("a host").1.split('/').next().unwrap_or_default();
    assert!(
        text.contains(host) && text.contains("user 'consumer'") && text.contains("check user name"),
        "{text}"
    );
}

#[tokio::test]
async fn a_missing_virtual_host_is_refused_with_the_command_that_makes_it() {
    let Some(url) = servers::need(servers::AMQP) else { return };
    let (login, _) = url.trim_start_matches("amqp://").rsplit_once('@').expect("a user");
    let (user, password) = login.split_once(':').expect("a password");
    let text = everything(&refused(&with(&url, user, password, "nosuch")).await);
    assert!(text.contains("rabbitmqctl add_vhost nosuch") && !text.contains(password), "{text}");
}

#[tokio::test]
async fn nobody_listening_is_unavailable_after_the_limit() {
    let unused = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("a bound socket");
    let limit = Duration::from_millis(800);
    let url = format!("amqp://consumer:{CANARY}@{unused}/%2f");
    let begun = Instant::now();
    let error = RabbitMq::builder(&url).connect_within(limit).connect().await.expect_err("nobody is there");
    assert!(error.is_unavailable() && begun.elapsed() < Duration::from_secs(10), "{error:?}");
    let text = everything(&error);
    assert!(
        text.contains(&unused.to_string()) && text.contains("is it running there") && !text.contains(CANARY),
        "{text}"
    );
}

/// A port that takes the connection and then says this, or nothing.
fn impostor(says: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    std::thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let mut header = [0; 8];
            let _ = client.read_exact(&mut header).and_then(|()| client.write_all(says));
            if says.is_empty() {
                std::thread::sleep(Duration::from_secs(120));
            }
        }
    });
    format!("amqp://consumer:{CANARY}@{address}/%2f?connection_timeout=500")
}

/// lapin takes its time for the TCP connection from nowhere, and waits for the handshake for ever.
#[tokio::test]
async fn a_port_that_never_answers_is_given_up_and_leaves_no_thread_behind() {
    let url = impostor(b"");
    let begun = Instant::now();
    let error = RabbitMq::builder(&url).connect_within(Duration::ZERO).connect().await.expect_err("silence");
    assert!(error.is_unavailable(), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(5), "`connection_timeout` of the address counts");
    until("the end of lapin's thread", || !threads().iter().any(|name| name.starts_with("lapin"))).await;
}

/// The names of this process's threads; tests that connect run in the same process, so only one test may ask.
fn threads() -> Vec<String> {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return Vec::new() };
    let names =
        tasks.flatten().map(|task| std::fs::read_to_string(task.path().join("comm")).unwrap_or_default());
    names.collect()
}

#[tokio::test]
async fn a_port_that_speaks_something_else_is_named() {
    let url = impostor(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    let error = RabbitMq::builder(&url).connect_within(Duration::ZERO).connect().await.expect_err("HTTP");
    assert!(error.is_unavailable(), "{error:?}");
    assert!(!everything(&error).contains(CANARY));
}

#[tokio::test]
async fn a_broker_that_comes_late_is_waited_for() {
    let Some(url) = servers::need(servers::AMQP) else { return };
    let (cable, through) = Cable::before(&url).await;
    cable.refuse(true);
    let connecting = tokio::spawn(async move { RabbitMq::connect(&through).await });
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(!connecting.is_finished());
    cable.refuse(false);
    let broker = connecting.await.expect("no panic").expect("RabbitMQ is there now");
    assert_eq!(broker.state(), BrokerState::Up);
    broker.close().await;
}

/// Somebody changes the password, and later changes it back.
#[tokio::test]
async fn credentials_revoked_are_reported_and_recovered_from() {
    let Some(node) = Node::get() else { return };
    let user = fresh("user");
    node.ctl(&["add_user", &user, CANARY]);
    node.ctl(&["set_permissions", &user, ".*", ".*", ".*"]);
    let name = fresh("revoked");
    let url = with(&node.url, &user, CANARY, "%2f");
    let broker = RabbitMq::builder(&url).connection_name(&name).connect().await.expect("allowed");
    let (spec, mut deliveries) = consumer_tests::rabbitmq::consumed(&broker, 10).await;
    node.ctl(&["change_password", &user, "another"]);
    node.close_connections(&format!("{name} (consuming)"));
    let reported = |state| matches!(state, BrokerState::Down(reason) if reason.contains("refuses user"));
    until("a report", || reported(broker.state())).await;
    assert!(!format!("{:?} {broker:?}", broker.state()).contains(CANARY));
    node.ctl(&["change_password", &user, CANARY]);
    until("a recovery", || broker.state() == BrokerState::Up).await;
    publish(&broker, &spec.name, &["after"]).await;
    consumer_tests::rabbitmq::ack_all(&mut deliveries, &["after"]).await;
    broker.close().await;
    node.ctl(&["delete_user", &user]);
}

#[tokio::test]
async fn no_debug_shows_the_password() {
    let Some(url) = servers::need(servers::AMQP) else { return };
    let password = url.split_once("://").and_then(|(_, rest)| rest.split(['@']).next()?.split_once(':'));
    let (_, password) = password.expect("a password");
    let builder = RabbitMq::builder(&url);
    assert!(!format!("{builder:?}").contains(password));
    let broker = builder.connect().await.expect("RabbitMQ of the tests");
    assert!(!format!("{broker:?} {} {:?}", broker.describe(), broker.state()).contains(password));
    broker.close().await;
}
