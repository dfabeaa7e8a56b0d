//! The broker: from what the environment says to a connection.

use consumer::Broker as _;

use crate::{arguments::Broker, problem::Problem};

#[cfg(feature = "rabbitmq")]
pub use consumer::RabbitMq as Connection;

/// Nothing ever connects to it.
#[cfg(not(feature = "rabbitmq"))]
pub use consumer::memory::MemoryBroker as Connection;

/// Connects to RabbitMQ.
#[cfg(feature = "rabbitmq")]
pub async fn connect(broker: &Broker) -> Result<Connection, Problem> {
    use crate::secret;

    /// Long enough for a broker that is there.
    const WITHIN: std::time::Duration = std::time::Duration::from_secs(10);

    let url = secret::read(secret::AMQP, broker.amqp_url_file.as_deref())?;
    Ok(consumer::RabbitMq::builder(&url).connection_name("consumer").connect_within(WITHIN).connect().await?)
}

/// Says which feature is missing.
#[cfg(not(feature = "rabbitmq"))]
pub async fn connect(_: &Broker) -> Result<Connection, Problem> {
    Err(Problem::usage("this build cannot talk to RabbitMQ: build it with `--features cli,rabbitmq`"))
}

/// Closes the connection, once all that was settled is written.
pub async fn close(connection: &Connection) {
    connection.close().await;
}
