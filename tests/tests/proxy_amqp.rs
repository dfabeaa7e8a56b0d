//! The proxy in front of the broker sees an acknowledgement that comes before its commit: a check that cannot fail
//! proves nothing.

use consumer::{SqliteStore, Storage};
use consumer_core::storage::ConsumerName;
use consumer_tests::{
    auditor::Auditor,
    backend::Backend,
    database::{Database, fresh_name},
    proxy::amqp::AmqpProxy,
    servers,
};
use futures_util::StreamExt;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, QueueDeclareOptions, QueueDeleteOptions,
    },
    types::FieldTable,
};

#[tokio::test(flavor = "multi_thread")]
async fn acknowledgement_before_the_commit_is_seen() {
    let Some(amqp) = servers::need(servers::AMQP) else { return };
    let database = Database::sqlite();
    let store = SqliteStore::connect(database.url()).await.expect("a file");
    store.prepare().await.expect("the tables");
    store.enroll(&[ConsumerName { name: "hasty", aliases: &[] }]).await.expect("an id");
    let proxy = AmqpProxy::start(&amqp, Auditor::connect(Backend::Sqlite, database.url()).await).await;
    let connection =
        Connection::connect(&proxy.url(), ConnectionProperties::default()).await.expect("RabbitMQ");
    let channel = connection.create_channel().await.expect("a channel");
    let queue = format!("{}.hasty", fresh_name());
    acknowledge_two_of_three(&channel, &queue).await;
    channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await.expect("the end");

    let sightings = proxy.sightings();
    assert_eq!((sightings.deliveries, sightings.acknowledged), (3, 2));
    assert_eq!(sightings.early, ["a", "b"].map(|id| ("hasty".to_owned(), id.to_owned())));
}

async fn acknowledge_two_of_three(channel: &Channel, queue: &str) {
    let none = FieldTable::default();
    channel.queue_declare(queue.into(), QueueDeclareOptions::default(), none.clone()).await.expect("a queue");
    for id in ["a", "b", "c"] {
        let properties = BasicProperties::default().with_message_id(id.into());
        let options = BasicPublishOptions::default();
        channel.basic_publish("".into(), queue.into(), options, b"{}", properties).await.expect("a publish");
    }
    let options = BasicConsumeOptions::default();
    let mut deliveries =
        channel.basic_consume(queue.into(), "".into(), options, none).await.expect("a consumer");
    for _ in 0..3 {
        deliveries.next().await.expect("a delivery").expect("a delivery");
    }
    channel.basic_ack(2, BasicAckOptions { multiple: true }).await.expect("an ack");
}
