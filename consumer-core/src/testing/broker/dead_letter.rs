//! Dead letters by the broker's own delivery limit, which a crash of the consumer uses up in every version of RabbitMQ.

use std::sync::Arc;

use super::stage::{
    Stage, body_of, dead_letters_of, delivery_count, expect, message, new_spec, next, subscribe, to_queue,
};
use crate::{
    broker::{Broker, Delivery, QueueSpec},
    message::{HeaderValue, Message},
};

const LIMIT: u32 = 2;

/// Publishes a message, takes it until the limit is used up without ever settling it, and returns the dead letter.
async fn kill_consumers_with<B: Broker>(stage: &Stage<'_, B>, poison: Message) -> (QueueSpec, Delivery) {
    let (broker, spec) = stage.with(QueueSpec { delivery_limit: LIMIT, ..new_spec() }).await;
    let body = String::from_utf8_lossy(&poison.body).into_owned();
    broker.publish(to_queue(&spec.name, poison)).await.expect("a queue takes the message");
    for returns in 0..=LIMIT {
        let victim = stage.connect().await;
        let held = expect(&mut subscribe(&victim, &spec, 1).await, &body).await;
        assert_eq!(delivery_count(&held).unwrap_or(0), i64::from(returns));
        victim.close().await;
    }
    let letter = next(&mut subscribe(&broker, &dead_letters_of(&spec), 1).await).await;
    (spec, letter)
}

pub(super) async fn a_message_that_kills_its_consumer_ends_as_dead_letter<B: Broker>(stage: &Stage<'_, B>) {
    let (spec, letter) = kill_consumers_with(stage, message("poison")).await;
    assert_eq!(body_of(&letter), "poison");
    assert_eq!(letter.message.headers.text("x-first-death-reason"), Some("delivery_limit"));
    assert_eq!(letter.message.headers.text("x-first-death-queue"), Some(spec.name.as_str()));
    let Some(HeaderValue::Array(deaths)) = letter.message.headers.get("x-death") else {
        panic!("a dead letter of the broker has `x-death`")
    };
    assert_eq!(deaths.len(), 1);
}

pub(super) async fn a_dead_letter_is_the_same_message<B: Broker>(stage: &Stage<'_, B>) {
    let mut poison = message("poison");
    poison.headers.insert("tenant", "blue");
    poison.properties.content_type = Some("text/plain".into());
    let (spec, letter) = kill_consumers_with(stage, poison.clone()).await;
    let letter = Arc::unwrap_or_clone(letter.message);
    assert_eq!((letter.exchange.as_str(), letter.routing_key), ("", spec.dead_letter));
    assert_eq!(letter.body, poison.body);
    assert_eq!(letter.properties.message_id, poison.properties.message_id);
    assert_eq!(letter.properties.content_type, poison.properties.content_type);
    assert_eq!(letter.headers.text("tenant"), Some("blue"));
}
