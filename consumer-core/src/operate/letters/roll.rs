//! The roll of the consumers: whose a letter is, and where it goes back to.

use std::{collections::HashMap, time::Duration};

use crate::{
    doctor::Deployment,
    error::Result,
    inbox::ConsumerId,
    message::Letter,
    storage::{Enrolled, Storage},
};

/// All consumers that the database knows, with how they were set up last.
pub(super) struct Roll {
    ids: HashMap<String, ConsumerId>,
    deployments: Vec<(ConsumerId, Deployment)>,
}

/// Where a letter goes back to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) consumer: ConsumerId,
    pub(super) queue: String,
    pub(super) retention: Duration,
}

impl Roll {
    /// Asks the database.
    pub(super) async fn call<S: Storage>(storage: &S) -> Result<Self> {
        Ok(Self::of(storage.enrolled().await?))
    }

    fn of(enrolled: Vec<Enrolled>) -> Self {
        let ids = enrolled.iter().map(|consumer| (consumer.name.clone(), consumer.id)).collect();
        let deployment = |consumer: &Enrolled| {
            let deployment = Deployment::from_json(&consumer.name, consumer.deployment.as_deref()?)?;
            Some((consumer.id, deployment))
        };
        Self { ids, deployments: enrolled.iter().filter_map(deployment).collect() }
    }

    /// Names the consumer of a letter that says only which queue it was in.
    pub(super) fn name(&self, letter: &mut Letter) {
        if letter.consumer.is_none() {
            let of = |queue: &str| self.deployments.iter().find(|(_, known)| known.queue.name == queue);
            let known = letter.queue.as_deref().and_then(of);
            letter.consumer = known.map(|(_, deployment)| deployment.consumer.clone());
        }
    }

    /// The consumer of a letter.
    pub(super) fn consumer(&self, letter: &Letter) -> Option<ConsumerId> {
        letter.consumer.as_ref().and_then(|name| self.ids.get(name)).copied()
    }

    /// Where a letter goes back to; a person may know better whose it is, and where to.
    ///
    /// The queue that it names is believed only where its consumer consumes that queue: anybody who may publish to the
    /// dead-letter queue can write another, and the queue of a consumer that has moved is one that nobody reads.
    ///
    /// # Errors
    /// What a person has to say.
    pub(super) fn place(
        &self,
        letter: &Letter,
        consumer: Option<&str>,
        to: Option<&str>,
    ) -> Result<Place, String> {
        let name = consumer.or(letter.consumer.as_deref());
        let name =
            name.ok_or("it does not say whose it is, and no consumer is known to consume its queue")?;
        let Some(&consumer) = self.ids.get(name) else {
            return Err(format!("this database knows no consumer `{name}`"));
        };
        let of_it = || self.deployments.iter().filter(|(id, _)| *id == consumer).map(|(_, known)| known);
        let retention = of_it().map(|known| known.retention).min().unwrap_or(Deployment::RETENTION);
        let place = |queue: &str| Place { consumer, queue: queue.to_owned(), retention };
        match (to, letter.queue.as_deref()) {
            (Some(queue), _) => Ok(place(queue)),
            (None, None) => Err("it does not say which queue it was in".to_owned()),
            (None, Some(queue)) if of_it().any(|known| known.queue.name == queue) => Ok(place(queue)),
            (None, Some(queue)) => {
                Err(format!("it names queue `{queue}`, which consumer `{name}` is not known to consume"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEDGER: ConsumerId = ConsumerId(7);

    /// `ledger` was called `books` once.
    fn roll() -> Roll {
        let enrolled = |name: &str, id, queue: Option<&str>| Enrolled {
            name: name.to_owned(),
            id,
            deployment: queue.map(|queue| Deployment::unknown(name, queue).to_json()),
        };
        Roll::of(vec![
            enrolled("books", LEDGER, None),
            enrolled("ledger", LEDGER, Some("payments")),
            enrolled("mail", ConsumerId(8), Some("letters")),
        ])
    }

    fn letter(consumer: Option<&str>, queue: Option<&str>) -> Letter {
        let (consumer, queue) = (consumer.map(str::to_owned), queue.map(str::to_owned));
        Letter { consumer, queue, ..Letter::default() }
    }

    fn place(letter: &Letter) -> Result<Place, String> {
        roll().place(letter, None, None)
    }

    fn payments() -> Result<Place, String> {
        Ok(Place { consumer: LEDGER, queue: "payments".to_owned(), retention: Deployment::RETENTION })
    }

    #[test]
    fn a_letter_goes_back_to_the_queue_of_its_consumer_under_any_name() {
        assert_eq!(place(&letter(Some("ledger"), Some("payments"))), payments());
        assert_eq!(place(&letter(Some("books"), Some("payments"))), payments());
    }

    #[test]
    fn a_letter_that_names_the_queue_of_another_is_not_believed() {
        for queue in ["letters", "admin"] {
            let refused = place(&letter(Some("ledger"), Some(queue))).expect_err("forged");
            assert!(refused.contains(&format!("queue `{queue}`")), "{refused}");
        }
        assert!(place(&letter(Some("ledger"), None)).is_err());
        assert!(place(&letter(Some("nobody"), Some("payments"))).is_err());
        assert!(place(&letter(None, Some("payments"))).is_err());
    }

    #[test]
    fn a_person_may_know_better() {
        let letter = letter(Some("nobody"), Some("elsewhere"));
        assert_eq!(roll().place(&letter, Some("ledger"), Some("payments")), payments());
    }

    #[test]
    fn the_queue_of_a_letter_names_its_consumer() {
        let name = |mut letter: Letter| {
            roll().name(&mut letter);
            letter.consumer
        };
        assert_eq!(name(letter(None, Some("payments"))).as_deref(), Some("ledger"));
        assert_eq!(name(letter(Some("mail"), Some("payments"))).as_deref(), Some("mail"));
        assert_eq!(name(letter(None, Some("admin"))), None);
    }
}
