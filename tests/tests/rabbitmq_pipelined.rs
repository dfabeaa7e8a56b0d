//! Many publishes in flight at once: each is told what became of its own message.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use consumer::{
    Broker, Error, RabbitMq, Result,
    broker::{Binding, Publication, QueueSpec, Settlement},
    message::Message,
};
use consumer_tests::rabbitmq::{Node, body, consumed, fresh, in_time, next, publish, to_queue};
use futures_util::future::join_all;
use lapin::{
    Connection, ConnectionProperties, ExchangeKind,
    options::{ExchangeDeclareOptions, ExchangeDeleteOptions, QueueBindOptions},
    types::{AMQPValue, FieldTable},
};
use tokio::{sync::watch, task::JoinSet, time::timeout};

/// Routes by headers, so that messages that look alike to a publisher's return go different ways.
const BY_HEADERS: &str = "amq.headers";
/// Publishes in flight at once.
const CALLERS: usize = 300;
/// Publishes of each caller, one after the other.
const ROUNDS: usize = 12;
/// How long an operator who closes connections may take until messages are in flight on one of them.
const LOST_WITHIN: Duration = Duration::from_secs(120);

/// What callers were told, by body; every body is published once.
type Told = HashMap<String, Result<()>>;

fn publication(exchange: &str, key: &str, id: Option<String>, body: String) -> Publication {
    let mut message = Message { body: body.into(), ..Message::default() };
    message.properties.message_id = id;
    Publication { exchange: exchange.to_owned(), routing_key: key.to_owned(), message }
}

/// Publishes `CALLERS` messages at once, `ROUNDS` times, with one in nine given up on half-way.
async fn publish_all(broker: &RabbitMq, make: impl Fn(usize) -> Publication) -> Told {
    let make = &make;
    let mut publishing = JoinSet::new();
    for caller in 0..CALLERS {
        let publications: Vec<_> = (0..ROUNDS).map(|round| make(round * CALLERS + caller)).collect();
        let broker = broker.clone();
        publishing.spawn(async move {
            let mut told = Vec::new();
            for publication in publications {
                let body = String::from_utf8_lossy(&publication.message.body).into_owned();
                let published = broker.publish(publication);
                if fastrand::u8(..9) == 0 {
                    let _ = timeout(Duration::from_micros(fastrand::u64(..800)), published).await;
                } else {
                    told.push((body, in_time("an answer", published).await));
                }
            }
            told
        });
    }
    publishing.join_all().await.into_iter().flatten().collect()
}

/// How often each body is in a queue. Waits for all that have to be there.
async fn stored(broker: &RabbitMq, spec: &QueueSpec, told: &Told) -> HashMap<String, usize> {
    let mut deliveries = broker.subscribe(spec, 1000).await.expect("a consumer");
    let mut stored = HashMap::new();
    let mut missing: Vec<_> =
        told.iter().filter_map(|(body, told)| told.is_ok().then_some(body.clone())).collect();
    while let Some(body) = missing.pop() {
        while !stored.contains_key(&body) {
            take(&mut deliveries, &mut stored).await;
        }
    }
    // What is there although nobody was told so comes right behind.
    while let Ok(()) = timeout(Duration::from_millis(500), take(&mut deliveries, &mut stored)).await {}
    stored
}

async fn take(
    deliveries: &mut consumer::rabbitmq::RabbitMqSubscription,
    stored: &mut HashMap<String, usize>,
) {
    let delivery = next(deliveries).await;
    *stored.entry(body(&delivery)).or_default() += 1;
    // Whoever waits for each settlement in turn waits long.
    delivery.settle(Settlement::Ack, Box::new(|_| {}));
}

fn count(told: &Told, is: impl Fn(&Result<()>) -> bool) -> usize {
    told.values().filter(|told| is(told)).count()
}

fn unroutable(told: &Result<()>) -> bool {
    told.as_ref().is_err_and(Error::is_unroutable)
}

fn unconfirmed(told: &Result<()>) -> bool {
    told.as_ref().is_err_and(Error::is_unconfirmed)
}

/// A queue that takes what has the header `to` of its own name.
async fn bound_by_headers(node: &Node, broker: &RabbitMq) -> QueueSpec {
    let spec = QueueSpec::new(fresh("by-headers"));
    broker.prepare(std::slice::from_ref(&spec)).await.expect("a new queue");
    let connection = Connection::connect(&node.url, ConnectionProperties::default()).await.expect("lapin");
    let channel = connection.create_channel().await.expect("a channel");
    let mut arguments = FieldTable::default();
    arguments.insert("to".into(), AMQPValue::LongString(spec.name.as_str().into()));
    let (queue, exchange) = (spec.name.as_str().into(), BY_HEADERS.into());
    channel
        .queue_bind(queue, exchange, "".into(), QueueBindOptions::default(), arguments)
        .await
        .expect("the exchange is always there");
    spec
}

/// Some with an id of their own, some with one that others have at the same time, some with none. Some are alike in
/// everything that a return is recognised by, and only some of these are routed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_return_is_never_taken_for_another_messages() {
    let Some(node) = Node::get() else { return };
    let broker = node.connect(&fresh("pipelined")).await;
    let spec = bound_by_headers(&node, &broker).await;
    let goes = |n: usize| [0, 2, 4, 6].contains(&(n % 7));
    let told = publish_all(&broker, |n| {
        let id = [Some(n.to_string()), Some("shared".to_owned()), Some((n % 50).to_string()), None];
        let id = id[n / 7 % 8 % 4 * usize::from(n % 3 == 0)].clone();
        if n % 2 == 0 {
            let mut alike = publication(BY_HEADERS, "key", id, n.to_string());
            let to = if goes(n) { spec.name.clone() } else { "nowhere".to_owned() };
            alike.message.headers.insert("to", to);
            return alike;
        }
        publication("", if goes(n) { &spec.name } else { "no-such-queue" }, id, n.to_string())
    })
    .await;
    assert!(count(&told, Result::is_ok) > 500 && count(&told, unroutable) > 500, "{}", told.len());
    let stored = stored(&broker, &spec, &told).await;
    for (body, told) in &told {
        let goes = goes(body.parse().expect("a number"));
        let times = stored.get(body).copied().unwrap_or_default();
        assert!(if goes { told.is_ok() } else { unroutable(told) }, "{body}: {told:?}, stored {times} times");
        assert_eq!(times, usize::from(goes), "{body}: {told:?}");
    }
    broker.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_among_others_refuses_its_own_only() {
    let Some(node) = Node::get() else { return };
    let broker = node.connect(&fresh("pipelined-full")).await;
    let (full, open) = (QueueSpec::new(fresh("full")), QueueSpec::new(fresh("open")));
    broker.prepare(&[full.clone(), open.clone()]).await.expect("new queues");
    let policy = r#"{"max-length":40,"overflow":"reject-publish"}"#;
    node.ctl(&["set_policy", "--apply-to", "queues", &full.name, &format!("^{}$", full.name), policy]);
    let told = publish_all(&broker, |n| {
        let key = [&full.name, &open.name, "no-such-queue"][n % 3];
        publication("", key, (n % 2 == 0).then(|| (n % 90).to_string()), n.to_string())
    })
    .await;
    let mut kept = stored(&broker, &open, &told_of(&told, |n| n % 3 == 1)).await;
    kept.extend(stored(&broker, &full, &told_of(&told, |n| n % 3 == 0)).await);
    assert!(count(&told, unconfirmed) > 100, "the queue was never full");
    for (body, told) in &told {
        let kind = body.parse::<usize>().expect("a number") % 3;
        let stored = kept.contains_key(body);
        match kind {
            0 => assert!(if stored { true } else { unconfirmed(told) }, "{body}: {told:?}"),
            1 => assert!(told.is_ok() && stored, "{body}: {told:?}"),
            _ => assert!(unroutable(told) && !stored, "{body}: {told:?}"),
        }
    }
    node.ctl(&["clear_policy", &full.name]);
    publish(&broker, &full.name, &["again"]).await;
    broker.close().await;
}

fn told_of(told: &Told, is: impl Fn(usize) -> bool) -> Told {
    let of = |body: &&String| is(body.parse().expect("a number"));
    told.keys().filter(of).map(|body| (body.clone(), told[body].clone())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_confirmed_when_the_operator_closes_the_connection_is_stored() {
    let Some(node) = Node::get() else { return };
    let name = fresh("pipelined-closed");
    let broker = node.connect(&name).await;
    let spec = QueueSpec::new(fresh("closed"));
    broker.prepare(std::slice::from_ref(&spec)).await.expect("a new queue");
    let (aim, mut aims) = watch::channel(false);
    // Until nobody looks any more, also because the test has failed.
    let closing = tokio::task::spawn_blocking(move || {
        while !aim.is_closed() {
            for pid in node.connections(&format!("{name} (publishing)")) {
                aim.send_replace(true);
                // It may be gone already.
                node.try_ctl(&["close_connection", &pid, "test"]);
                aim.send_replace(false);
            }
        }
    });
    let mut told = Told::new();
    let (mut batches, begun) = (0, Instant::now());
    while count(&told, unconfirmed) < 100 {
        // The operator's tool takes a second and more: messages are in flight when it strikes, and none are wasted before.
        aims.wait_for(|aims| *aims).await.expect("it aims again and again");
        let first = batches * CALLERS * ROUNDS;
        told.extend(
            publish_all(&broker, |n| {
                let key = if n % 5 == 0 { "no-such-queue" } else { &spec.name };
                publication("", key, (n % 20 != 0).then(|| n.to_string()), (first + n).to_string())
            })
            .await,
        );
        batches += 1;
        assert!(begun.elapsed() < LOST_WITHIN, "no connection was lost with messages in flight");
    }
    drop(aims);
    closing.await.expect("it ends");
    let stored = stored(&broker, &spec, &told).await;
    for (body, told) in &told {
        let routable = body.parse::<usize>().expect("a number") % 5 != 0;
        let known = told.as_ref().map_or_else(|error| !error.is_unroutable(), |()| true);
        assert!(if routable { known } else { told.is_err() }, "{body}: {told:?}");
        assert!(told.is_err() || stored.contains_key(body), "{body} was confirmed and is not there");
    }
    broker.close().await;
}

/// Publishes good messages until told to stop; says how many were unconfirmed.
fn bystanders(
    broker: &RabbitMq,
    queue: &str,
    stop: &Arc<AtomicBool>,
) -> (JoinSet<()>, Arc<AtomicUsize>, Arc<AtomicUsize>) {
    let (suffered, published) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut bystanders = JoinSet::new();
    for n in 0..100 {
        let (broker, queue, stop) = (broker.clone(), queue.to_owned(), stop.clone());
        let (suffered, published) = (suffered.clone(), published.clone());
        bystanders.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                match broker.publish(to_queue(&queue, &n.to_string())).await {
                    Ok(()) => published.fetch_add(1, Ordering::Relaxed),
                    Err(error) if error.is_unconfirmed() => suffered.fetch_add(1, Ordering::Relaxed),
                    Err(error) => panic!("{error:?}"),
                };
            }
        });
    }
    (bystanders, suffered, published)
}

/// Publishes bad messages among good ones: each must be told so within two attempts, and after the first the others no
/// longer suffer with it.
async fn bad_among_good(bad: impl Fn(usize) -> Publication, is_told: impl Fn(&Error) -> bool) {
    let Some(node) = Node::get() else { return };
    let broker = node.connect(&fresh("bad-among-good")).await;
    let (spec, deliveries) = consumed(&broker, 1).await;
    drop(deliveries);
    let stop = Arc::new(AtomicBool::new(false));
    let (bystanders, suffered, published) = bystanders(&broker, &spec.name, &stop);
    let mut first = None;
    for n in 0..40 {
        let mut error = broker.publish(bad(n)).await.expect_err("it is bad");
        if error.is_unconfirmed() && first.is_none() {
            error = broker.publish(bad(n)).await.expect_err("it is still bad");
        }
        assert!(is_told(&error), "attempt {n}: {error:?}");
        first.get_or_insert_with(|| suffered.load(Ordering::Relaxed));
        let before = published.load(Ordering::Relaxed);
        in_time("others", async {
            while published.load(Ordering::Relaxed) < before + 200 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    stop.store(true, Ordering::Relaxed);
    bystanders.join_all().await;
    let suffered = suffered.load(Ordering::Relaxed);
    // Those in flight when the channel went hear of it a little later than the culprit.
    assert!(suffered <= 100, "{suffered} innocent ones suffered, {first:?} of them from the first bad one");
    broker.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_exchange_costs_the_others_one_channel_at_most() {
    bad_among_good(
        |n| publication("no-such-exchange", &n.to_string(), None, n.to_string()),
        |error| error.is_unroutable() && error.to_string().contains("no-such-exchange"),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forbidden_exchange_costs_the_others_one_channel_at_most() {
    let Some(node) = Node::get() else { return };
    let connection = Connection::connect(&node.url, ConnectionProperties::default()).await.expect("lapin");
    let channel = connection.create_channel().await.expect("a channel");
    let exchange = fresh("internal");
    let options = ExchangeDeclareOptions { internal: true, ..ExchangeDeclareOptions::default() };
    let name = || exchange.as_str().into();
    let declared =
        channel.exchange_declare(name(), ExchangeKind::Direct, options, FieldTable::default()).await;
    declared.expect("a new exchange");
    bad_among_good(|n| publication(&exchange, "key", Some(n.to_string()), String::new()), Error::is_refused)
        .await;
    channel.exchange_delete(name(), ExchangeDeleteOptions::default()).await.expect("it is there");
}

/// The default exchange has another name in what the broker says about it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forbidden_default_exchange_costs_the_others_one_channel_at_most() {
    let Some(node) = Node::get() else { return };
    let admin = node.connect(&fresh("admin")).await;
    let mut spec = QueueSpec::new(fresh("bound"));
    let key = spec.name.clone();
    spec.bindings.push(Binding { exchange: "amq.topic".to_owned(), routing_key: key.clone() });
    admin.prepare(&[spec]).await.expect("a queue");
    let user = fresh("topics-only");
    node.ctl(&["add_user", &user, "secret"]);
    node.ctl(&["set_permissions", &user, ".*", "^amq\\.topic$", ".*"]);
    let (_, host) = node.url.rsplit_once('@').expect("a user in the address");
    let broker = RabbitMq::connect(&format!("amqp://{user}:secret@{host}")).await.expect("a connection");
    let mut suffered = Vec::new();
    for round in 0..4 {
        let id = |n: usize| Some(format!("{round}-{n}"));
        let bad = (0..50).map(|n| broker.publish(publication("", &key, id(n), String::new())));
        let good = (50..100).map(|n| broker.publish(publication("amq.topic", &key, id(n), String::new())));
        let (bad, good) = tokio::join!(join_all(bad), join_all(good));
        assert!(
            bad.iter().all(|told| told.as_ref().is_err_and(|e| e.is_refused() || e.is_unconfirmed())),
            "{bad:?}"
        );
        assert!(round == 0 || bad.iter().all(|told| told.as_ref().is_err_and(Error::is_refused)), "{bad:?}");
        suffered.push(good.iter().filter(|told| told.is_err()).count());
    }
    assert_eq!(suffered[1..], [0, 0, 0], "of the first round {}", suffered[0]);
    broker.close().await;
    node.ctl(&["delete_user", &user]);
    node.delete_queue(&key);
    admin.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_broker_does_not_take_costs_the_others_nothing() {
    let Some(_) = Node::get() else { return };
    let bad = |n: usize| {
        let mut bad = publication("", "no-such-queue", Some(n.to_string()), String::new());
        match n % 2 {
            0 => bad.message.properties.expiration = Some("soon".to_owned()),
            _ => bad.message.properties.user_id = Some("somebody-else".to_owned()),
        }
        bad
    };
    bad_among_good(bad, Error::is_unpublishable).await;
}

/// An exchange that is there again is published to like any other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exchange_that_comes_back_is_published_to_again() {
    let Some(node) = Node::get() else { return };
    let broker = node.connect(&fresh("comes-back")).await;
    let exchange = fresh("exchange");
    let to = |n: usize| publication(&exchange, "key", Some(n.to_string()), n.to_string());
    for n in 0..3 {
        assert!(unroutable(&broker.publish(to(n)).await));
    }
    let connection = Connection::connect(&node.url, ConnectionProperties::default()).await.expect("lapin");
    let channel = connection.create_channel().await.expect("a channel");
    let (options, name) = (ExchangeDeclareOptions::default(), || exchange.as_str().into());
    let declared =
        channel.exchange_declare(name(), ExchangeKind::Fanout, options, FieldTable::default()).await;
    declared.expect("a new exchange");
    let (spec, _deliveries) = consumed(&broker, 1).await;
    let bind = QueueBindOptions::default();
    let bound = channel.queue_bind(spec.name.as_str().into(), name(), "".into(), bind, FieldTable::default());
    bound.await.expect("both are there");
    let told = publish_all(&broker, to).await;
    assert_eq!(count(&told, Result::is_ok), told.len());
    channel.exchange_delete(name(), ExchangeDeleteOptions::default()).await.expect("it is there");
    broker.close().await;
}
