//! The input of a consumer: one event, or several at once.

use super::{Batch, Item};
use crate::event::Event;

/// What a consumer takes as its first parameter: an event, or a [`Batch`] of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be consumed",
    label = "neither an event nor a `Batch` of events",
    note = "an event is a struct or an enum with `#[derive(Event)]`, taken by value; several of one type at once are a \
            `Batch<YourEvent>`"
)]
pub trait Input: Sized + Send + 'static {
    /// The event, one or each.
    type Event: Event;

    /// Whether it is several at once.
    #[doc(hidden)]
    const BATCH: bool;

    /// How many events one transaction takes up, where the attribute says nothing.
    #[doc(hidden)]
    const SIZE: u16;

    /// The events as one; `None` if it cannot hold that many.
    #[doc(hidden)]
    fn gather(items: impl Iterator<Item = Item<Self::Event>>) -> Option<Self>;
}

#[diagnostic::do_not_recommend]
impl<E: Event> Input for E {
    type Event = E;
    const BATCH: bool = false;
    const SIZE: u16 = 1;

    fn gather(mut items: impl Iterator<Item = Item<E>>) -> Option<Self> {
        let only = items.next()?;
        items.next().is_none().then_some(only.event)
    }
}

impl<E: Event> Input for Batch<E> {
    type Event = E;
    const BATCH: bool = true;
    const SIZE: u16 = 64;

    fn gather(items: impl Iterator<Item = Item<E>>) -> Option<Self> {
        Some(Self::of(items.collect()))
    }
}
