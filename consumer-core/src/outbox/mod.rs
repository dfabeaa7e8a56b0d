//! The outbox: events that leave the database after the transaction that wrote them.

mod event;
mod headers;
mod lane;
mod relay;
mod route;
mod row;

pub use self::{
    event::{Cause, OutboxEvent, Unwritable},
    lane::Lane,
    relay::Relay,
    route::Route,
    row::{Fate, Filter, Listed, OutboxRow, Position, Settled, Standing, Survey},
};
