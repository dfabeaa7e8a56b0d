//! Places: the dead-letter queues that are meant, and whose letters in them.

use consumer::{
    Broker, Storage, broker::QueueSpec, doctor::Deployment, operate::DeadLetters, storage::Enrolled,
};

use crate::{arguments::Place, problem::Problem};

/// Dead-letter queues.
pub struct Places<S, B> {
    pub queues: Vec<(String, DeadLetters<S, B>)>,
    /// Only letters of these, under any of their names; of all if empty.
    pub consumers: Vec<String>,
}

impl<S: Storage, B: Broker> Places<S, B> {
    /// Those that the arguments name, else all that the database knows.
    pub async fn find(store: &S, broker: &B, place: &Place) -> Result<Self, Problem> {
        let known = Known::of(store.enrolled().await?);
        let named = known.named(place);
        let names = match named.is_empty() {
            true => there(broker, known.all()).await?,
            false => named,
        };
        if names.is_empty() {
            return Err(Problem::not_possible(
                "the database knows no consumer with a dead-letter queue; name one with --queue or --dead-letter-queue",
            ));
        }
        let letters = |name: String| {
            let letters = DeadLetters::new(store.clone(), broker.clone(), &name);
            (name, letters)
        };
        let consumers = place.consumer.iter().flat_map(|name| known.names_of(name)).collect();
        Ok(Self { queues: names.into_iter().map(letters).collect(), consumers })
    }
}

/// Without those that are not there: a consumer that was given up years ago is still known.
async fn there<B: Broker>(broker: &B, names: Vec<String>) -> Result<Vec<String>, Problem> {
    let mut there = Vec::new();
    for name in names {
        if broker.depth(&name).await?.is_some() {
            there.push(name);
        }
    }
    Ok(there)
}

/// The consumers that the database knows.
struct Known(Vec<(Enrolled, Option<Deployment>)>);

impl Known {
    fn of(enrolled: Vec<Enrolled>) -> Self {
        let with_deployment = |enrolled: Enrolled| {
            let json = enrolled.deployment.as_deref();
            let deployment = json.and_then(|json| Deployment::from_json(&enrolled.name, json));
            (enrolled, deployment)
        };
        Self(enrolled.into_iter().map(with_deployment).collect())
    }

    fn all(&self) -> Vec<String> {
        unique(self.0.iter().map(|(enrolled, _)| self.of_consumer(&enrolled.name)))
    }

    fn named(&self, place: &Place) -> Vec<String> {
        let of_consumers = place.consumer.iter().map(|name| self.of_consumer(name));
        let of_queues = place.queue.iter().map(|name| self.of_queue(name));
        unique(of_consumers.chain(of_queues).chain(place.dead_letter_queue.iter().cloned()))
    }

    fn of_consumer(&self, name: &str) -> String {
        let of_it = self.0.iter().find(|(enrolled, _)| enrolled.name == name);
        match of_it {
            Some((_, Some(deployment))) => deployment.queue.dead_letter.clone(),
            _ => QueueSpec::new(name).dead_letter,
        }
    }

    fn of_queue(&self, queue: &str) -> String {
        let mut deployments = self.0.iter().filter_map(|(_, deployment)| deployment.as_ref());
        let known = deployments.find(|known| known.queue.name == queue);
        known.map_or_else(|| QueueSpec::new(queue).dead_letter, |known| known.queue.dead_letter.clone())
    }

    /// All names of a consumer: its letters say the one that it had.
    fn names_of(&self, name: &str) -> Vec<String> {
        let id = self.0.iter().find(|(enrolled, _)| enrolled.name == name).map(|(enrolled, _)| enrolled.id);
        let others = self.0.iter().filter(|(enrolled, _)| Some(enrolled.id) == id);
        let names = others.map(|(enrolled, _)| enrolled.name.clone());
        unique(names.chain([name.to_owned()]))
    }
}

fn unique(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut unique = Vec::new();
    for name in names {
        if !unique.contains(&name) {
            unique.push(name);
        }
    }
    unique
}
