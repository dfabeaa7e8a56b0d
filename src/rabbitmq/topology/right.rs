//! A right that a user needs, asked for without using it.
//!
//! RabbitMQ looks at rights before it looks at what is asked, so a demand that it cannot fulfil tells whether it would.

use std::fmt;

use consumer_core::{Result, broker::Binding, doctor::Finding};
use lapin::{
    options::{BasicConsumeOptions, QueueDeclareOptions},
    types::{AMQPValue, ShortString},
};

use super::{
    argument::{Argument, table},
    channel, short,
};
use crate::rabbitmq::{
    address::Address,
    failure::{self, ACCESS_REFUSED},
    session::Session,
};

/// What the broker calls the exchange without a name, also in permissions.
const DEFAULT_EXCHANGE: &str = "amq.default";

/// What a user may not do with something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::rabbitmq) struct Right {
    permission: Permission,
    kind: &'static str,
    name: String,
    /// How the broker refused it.
    said: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Permission {
    Configure,
    Write,
    Read,
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Configure => "configure",
            Self::Write => "write",
            Self::Read => "read",
        })
    }
}

impl Right {
    fn to(permission: Permission, kind: &'static str, name: &str, said: String) -> Self {
        Self { permission, kind, name: name.to_owned(), said }
    }

    /// To declare a queue.
    pub(super) fn to_configure(queue: &str, said: String) -> Self {
        Self::to(Permission::Configure, "queue", queue, said)
    }

    /// To publish copies and dead letters, and to declare what the broker dead-letters by itself.
    pub(in crate::rabbitmq) fn to_publish(said: String) -> Self {
        Self::to(Permission::Write, "exchange", DEFAULT_EXCHANGE, said)
    }

    /// That a start would need.
    pub(in crate::rabbitmq) fn is_missing(&self, address: &Address) -> Finding {
        Finding::refuses(self.subject(), self.found(address), self.remedy(address))
    }

    /// That is not needed before something fails.
    pub(in crate::rabbitmq) fn will_be_missed(&self, address: &Address, when: &str) -> Finding {
        Finding::warns(self.subject(), format!("{when}: {}", self.found(address)), self.remedy(address))
    }

    fn subject(&self) -> String {
        format!("the right to {} {} `{}`", self.permission, self.kind, self.name)
    }

    fn found(&self, address: &Address) -> String {
        format!("user `{}` has not got it: {}", address.user(), self.said)
    }

    fn remedy(&self, address: &Address) -> String {
        format!(
            "give `rabbitmqctl set_permissions -p '{}' '{}' <configure> <write> <read>` a pattern <{}> that matches `{}`",
            address.vhost(),
            address.user(),
            self.permission,
            self.name
        )
    }
}

/// What is missing to declare a queue that does not exist.
pub(super) async fn missing_to_declare(session: &Session, queue: &str, forwards: bool) -> Result<Vec<Right>> {
    let mut missing = Vec::new();
    missing.extend(declare(session, queue, None).await?.map(|said| Right::to_configure(queue, said)));
    if forwards {
        missing.extend(missing_to_consume(session, queue).await?);
    }
    if forwards && missing.is_empty() {
        missing.extend(declare(session, queue, Some("")).await?.map(Right::to_publish));
    }
    Ok(missing)
}

/// Asks for a queue that expires before it is declared, and dead-letters to this exchange.
async fn declare(
    session: &Session,
    queue: &str,
    dead_letter_exchange: Option<&str>,
) -> Result<Option<String>> {
    let mut arguments = vec![Argument::new("x-expires", AMQPValue::LongInt(-1))];
    arguments.extend(
        dead_letter_exchange
            .map(|exchange| Argument::new("x-dead-letter-exchange", AMQPValue::LongString(exchange.into()))),
    );
    let options = QueueDeclareOptions::durable();
    Ok(refusal(channel(session).await?.queue_declare(short(queue)?, options, table(&arguments)).await))
}

/// What is missing to consume a queue: asks with a priority that is no number.
pub(super) async fn missing_to_consume(session: &Session, queue: &str) -> Result<Option<Right>> {
    let arguments = table(&[Argument::new("x-priority", AMQPValue::LongString("none".into()))]);
    let (tag, options) = (ShortString::default(), BasicConsumeOptions::default());
    let asked = channel(session).await?.basic_consume(short(queue)?, tag, options, arguments).await;
    Ok(refusal(asked).map(|said| Right::to(Permission::Read, "queue", queue, said)))
}

/// What is missing to bind a queue: asks to end a binding that nobody has.
pub(super) async fn missing_to_bind(
    session: &Session,
    queue: &str,
    binding: &Binding,
) -> Result<Option<Right>> {
    let Binding { exchange, routing_key } = binding;
    let nobodys = table(&[Argument::new("x-consumer-doctor", AMQPValue::LongString("asks".into()))]);
    let (queue_name, key) = (short(queue)?, short(routing_key)?);
    let asked = channel(session).await?.queue_unbind(queue_name, short(exchange)?, key, nobodys).await;
    Ok(refusal(asked).map(|said| match said.contains(&format!("exchange '{exchange}'")) {
        true => Right::to(Permission::Read, "exchange", exchange, said),
        false => Right::to(Permission::Write, "queue", queue, said),
    }))
}

/// What the broker says, if it is the right that is missing and nothing else.
fn refusal<T>(asked: lapin::Result<T>) -> Option<String> {
    let error = asked.err().filter(|error| failure::reply_code(error) == Some(ACCESS_REFUSED))?;
    Some(failure::text(&error))
}
