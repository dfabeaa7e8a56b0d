//! RabbitMQ keeps the contract of a broker.

use consumer::{RabbitMq, testing::broker_suite};
use consumer_tests::servers;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rabbitmq_passes_the_suite_of_a_broker() {
    let Some(url) = servers::need(servers::AMQP) else { return };
    broker_suite(|| {
        let url = url.clone();
        async move { RabbitMq::connect(&url).await.expect("RabbitMQ of the tests") }
    })
    .await;
}
