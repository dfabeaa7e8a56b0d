//! What has not left yet.

use consumer::{
    effect::EffectCounts,
    operate::{EffectLedger, OutboxTable},
    outbox::Survey,
};

use super::{Check, check};
use crate::{figure::count, store::Store};

/// What is left in the outbox and in the ledger of effects.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Remains {
    pub outbox: Survey,
    pub effects: EffectCounts,
}

impl Remains {
    pub async fn read(store: &Store) -> consumer::Result<Self> {
        Ok(Self {
            outbox: OutboxTable::new(store.clone()).survey().await?,
            effects: EffectLedger::new(store.clone()).count().await?,
        })
    }

    /// Whether more is to come without anybody's help.
    pub fn are_moving(&self) -> bool {
        self.outbox.unsent > self.outbox.parked || self.waiting() > 0
    }

    fn waiting(&self) -> u64 {
        self.effects.planned + self.effects.started
    }
}

pub(super) fn checks(remains: &Remains) -> Vec<Check> {
    let EffectCounts { failed, unknown, .. } = remains.effects;
    vec![
        check(
            "nothing is left to be sent or called",
            !remains.are_moving(),
            format!(
                "{} events, {} effects",
                count(remains.outbox.unsent as i64),
                count(remains.waiting() as i64)
            ),
        ),
        check(
            "nothing waits for a person",
            remains.outbox.parked + failed + unknown == 0,
            format!(
                "{} events, {} effects",
                count(remains.outbox.parked as i64),
                count((failed + unknown) as i64)
            ),
        ),
    ]
}
