//! The servers a test may use, as `cargo xtask services up` hands them over.

use std::{env, path::PathBuf};

/// A test that needs a server says so with this, and passes without one.
///
/// ```
/// # use consumer_tests::servers;
/// # fn test() {
/// let Some(amqp) = servers::need(servers::AMQP) else { return };
/// # drop(amqp);
/// # }
/// ```
pub fn need(variable: &str) -> Option<String> {
    let value = env::var(variable).ok().filter(|value| !value.is_empty());
    if value.is_none() {
        println!("skipped: `{variable}` is not set; `cargo xtask test` starts the servers and sets it");
    }
    value
}

/// A program that drives a server, such as `rabbitmqctl` for our node.
pub fn program(variable: &str) -> Option<PathBuf> {
    need(variable).map(PathBuf::from)
}

/// URL of a PostgreSQL superuser.
pub const POSTGRES: &str = "CONSUMER_TEST_POSTGRES_URL";
/// URL of a MariaDB or MySQL user with all rights.
pub const MYSQL: &str = "CONSUMER_TEST_MYSQL_URL";
/// URL of a RabbitMQ administrator.
pub const AMQP: &str = "CONSUMER_TEST_AMQP_URL";
/// URL of a RabbitMQ whose consumer timeout is 3 seconds.
pub const AMQP_SHORT_TIMEOUT: &str = "CONSUMER_TEST_AMQP_SHORT_TIMEOUT_URL";
/// `rabbitmqctl` for the node behind [`AMQP`].
pub const RABBITMQCTL: &str = "CONSUMER_TEST_RABBITMQCTL";
/// Kills the node behind [`AMQP`] with SIGKILL and starts it again.
pub const RABBITMQ_RESTART: &str = "CONSUMER_TEST_RABBITMQ_RESTART";
/// Kills the server behind [`POSTGRES`] with SIGKILL and starts it again.
pub const POSTGRES_RESTART: &str = "CONSUMER_TEST_POSTGRES_RESTART";
/// Kills the server behind [`MYSQL`] with SIGKILL and starts it again.
pub const MYSQL_RESTART: &str = "CONSUMER_TEST_MYSQL_RESTART";
/// A Python that has pika.
pub const PYTHON: &str = "CONSUMER_TEST_PYTHON";
/// A Node.js that has amqplib on its `NODE_PATH`.
pub const NODE: &str = "CONSUMER_TEST_NODE";
