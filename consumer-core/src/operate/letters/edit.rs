//! An edit: a letter is repaired by hand and goes back as another event.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use uuid::Builder;

use super::{
    DeadLetters, LetterFilter, Redrive, Refusal,
    desk::Desk,
    redrive::{claim, facts},
    roll::Place,
    round::{Round, key},
    taken::Taken,
    verdict,
};
use crate::{
    broker::Broker,
    error::{Chain, Error, Result},
    failure::message_key,
    fault,
    message::{Envelope, Message},
    storage::Storage,
};

/// What became of a letter that was edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edited {
    /// It was published as another event, and the letter acknowledged.
    Redriven {
        /// The id of that event.
        id: String,
        /// The queue it went to.
        queue: String,
        /// What a person should look at.
        warnings: Vec<String>,
    },
    /// It stays, as it was.
    Refused(Refusal),
    /// There is no such letter, or somebody else has it in hand.
    NotFound,
}

impl<S: Storage, B: Broker> DeadLetters<S, B> {
    /// Publishes the first letter of this id or this key with another body, as another event: it has a new id, and says in
    /// `x-consumer-edited-from` which one it had. Rules and order are those of [`redrive`](Self::redrive), but that a claim does
    /// not stand in the way of one that died for `id-reused`: it is another event's; and that a letter whose effects are
    /// [done](Refusal::EffectsDone) stays. The failure record of the old event is deleted.
    ///
    /// The id is made of the letter and the new body: an edit that a crash has cut short can be repeated, and takes effect
    /// once. Where the id is a field of the data (`#[event(id)]`) it is the person's to change; a body that still holds the
    /// old one is warned of.
    ///
    /// # Errors
    /// Like [`list`](Self::list); [`is_settings`](crate::Error::is_settings): the new body cannot be read, or the letter does not say where
    /// it belongs; and whatever the publish fails of. The letter is in the queue as before.
    ///
    /// # Cancel safety
    /// Like [`redrive`](Self::redrive).
    pub async fn edit(&self, id: &str, body: Bytes, options: &Redrive) -> Result<Edited> {
        let mut round = Round::begin(self).await?;
        let mut desk = Desk::open(&self.storage).await?;
        let edited = match round.next(&LetterFilter::of(id)).await? {
            Some(taken) => self.edit_one(&mut round, &mut desk, taken, body, options).await,
            None => Ok(Edited::NotFound),
        };
        round.reading.end().await;
        edited
    }

    /// The publish, the confirm, the ack, the record; in no other order.
    async fn edit_one(
        &self,
        round: &mut Round<B>,
        desk: &mut Desk<'_, S>,
        taken: Taken,
        body: Bytes,
        options: &Redrive,
    ) -> Result<Edited> {
        let published = match prepare(round, desk, &taken, body, options).await {
            Ok(Ok(edit)) if !options.dry_run => {
                self.publish(&edit.place.queue, edit.message.clone()).await.map(|()| Ok(edit))
            }
            prepared => prepared,
        };
        match published {
            Ok(Ok(edit)) if !options.dry_run => {
                fault::kill_point("K18");
                let (event, message) = (key(&taken), message_key(&taken.message));
                taken.ack().await;
                let resolved = desk.resolve(edit.place.consumer, event, message).await;
                Ok(edit.done(resolved.err()))
            }
            left => {
                round.reading.keep(taken);
                left.map(|edit| edit.map_or_else(Edited::Refused, |edit| edit.done(None)))
            }
        }
    }
}

/// A letter that may go back as another event.
struct Edit {
    place: Place,
    id: String,
    message: Message,
    warnings: Vec<String>,
}

impl Edit {
    fn done(self, unresolved: Option<Error>) -> Edited {
        let complain =
            |error| format!("the failure record of the old event is still there: {}", Chain(&error));
        let mut warnings = self.warnings;
        warnings.extend(unresolved.map(complain));
        Edited::Redriven { id: self.id, queue: self.place.queue, warnings }
    }
}

/// All that comes before the publish.
async fn prepare<S: Storage, B: Broker>(
    round: &Round<B>,
    desk: &mut Desk<'_, S>,
    taken: &Taken,
    body: Bytes,
    options: &Redrive,
) -> Result<Result<Edit, Refusal>> {
    let stays = |why: String| Error::settings(format!("the letter stays where it is: {why}"));
    let (consumer, to) = (options.consumer.as_deref(), options.to.as_deref());
    let place = round.roll.place(&taken.letter, consumer, to).map_err(stays)?;
    let claim = claim(desk, &place, taken).await?;
    let facts = facts(taken, claim.as_ref(), &place, round.began);
    if let Some(refusal) = verdict::of_an_edit(&facts, options) {
        return Ok(Err(refusal));
    }
    let id = new_id(taken, &body);
    let edited = taken.message.edited(body, &id);
    let message = edited.map_err(|why| stays(format!("its new body cannot be read: {why}")))?;
    let old = verdict::is_old(&facts, options).then(|| AGE.to_owned());
    let repeated = facts.effects_done.then(|| EFFECTS.to_owned());
    let warnings = old.into_iter().chain(repeated).chain(still_named(taken, &message)).collect();
    Ok(Ok(Edit { place, id, message, warnings }))
}

/// Said of a letter that went back by force.
const AGE: &str =
    "it was older than claims are kept: if its event was processed before, this is its second effect";

/// Likewise.
const EFFECTS: &str =
    "effects of the old event are done, or may be: this event has them called again, under other keys";

/// A UUID of version 7: the time at which the letter died, and what no other letter and no other edit has.
fn new_id(taken: &Taken, body: &Bytes) -> String {
    let mut hash = Sha256::new();
    hash.update(key(taken).as_bytes());
    hash.update(message_key(&taken.message).as_bytes());
    hash.update(body);
    let digest: [u8; 32] = hash.finalize().into();
    let random: [u8; 10] = std::array::from_fn(|i| digest[i]);
    let died = taken.letter.dead_at.unwrap_or_default().as_millis();
    Builder::from_unix_timestamp_millis(u64::try_from(died).unwrap_or(u64::MAX), &random)
        .into_uuid()
        .to_string()
}

/// Whether the data still hold the id that the event had.
fn still_named(taken: &Taken, edited: &Message) -> Option<String> {
    let envelope = Envelope::read(edited).ok()?;
    let data = String::from_utf8_lossy(&envelope.data);
    let said = taken.letter.id.as_deref()?;
    // The id, behind the source if there is one.
    let old = said.rsplit(' ').next().filter(|id| data.contains(id))?;
    Some(format!(
        "the new body still holds the old id `{old}`: where the id is a field of the data (`#[event(id)]`), change it there, \
         or this is the old event again"
    ))
}
