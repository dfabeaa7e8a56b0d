//! The servers that tests need, by name.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// One of the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Service {
    /// PostgreSQL
    Postgres,
    /// MariaDB, spoken to as MySQL
    Mysql,
    /// RabbitMQ as it is configured everywhere
    Rabbitmq,
    /// RabbitMQ that closes the channel of a consumer that does not ack within 3 s
    RabbitmqShortTimeout,
}

impl Service {
    /// All of them: what the tests want.
    pub(crate) const ALL: [Self; 4] =
        [Self::Postgres, Self::Mysql, Self::Rabbitmq, Self::RabbitmqShortTimeout];
    /// What development wants.
    pub(crate) const USUAL: [Self; 3] = [Self::Postgres, Self::Mysql, Self::Rabbitmq];

    /// As written on the command line and in paths.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
            Self::Rabbitmq => "rabbitmq",
            Self::RabbitmqShortTimeout => "rabbitmq-short-timeout",
        }
    }

    /// As people write it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Mysql => "MariaDB",
            Self::Rabbitmq => "RabbitMQ",
            Self::RabbitmqShortTimeout => "RabbitMQ (short timeout)",
        }
    }

    /// The variable that tells tests, or us, where it is.
    pub(crate) fn url_variable(self) -> &'static str {
        match self {
            Self::Postgres => "CONSUMER_TEST_POSTGRES_URL",
            Self::Mysql => "CONSUMER_TEST_MYSQL_URL",
            Self::Rabbitmq => "CONSUMER_TEST_AMQP_URL",
            Self::RabbitmqShortTimeout => "CONSUMER_TEST_AMQP_SHORT_TIMEOUT_URL",
        }
    }

    /// The variable that tells tests which program kills it and starts it again.
    pub(crate) fn restart_variable(self) -> &'static str {
        match self {
            Self::Postgres => "CONSUMER_TEST_POSTGRES_RESTART",
            Self::Mysql => "CONSUMER_TEST_MYSQL_RESTART",
            Self::Rabbitmq => "CONSUMER_TEST_RABBITMQ_RESTART",
            Self::RabbitmqShortTimeout => "CONSUMER_TEST_RABBITMQ_SHORT_TIMEOUT_RESTART",
        }
    }

    /// The variable that tells tests which program speaks to this very broker's node.
    pub(crate) fn control_variable(self) -> Option<&'static str> {
        match self {
            Self::Postgres | Self::Mysql => None,
            Self::Rabbitmq => Some("CONSUMER_TEST_RABBITMQCTL"),
            Self::RabbitmqShortTimeout => Some("CONSUMER_TEST_RABBITMQCTL_SHORT_TIMEOUT"),
        }
    }
}
