//! An event's contract travels with it, and an enum reads each of its events.

use consumer::{
    event::{Event as _, EventType},
    prelude::*,
};
use uuid::Uuid;

use super::shapes::{Order, Paid, Placed};

/// A struct with a key and an id.
#[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 3)]
pub struct Captured {
    #[event(key)]
    account: i64,
    #[event(id)]
    payment: Uuid,
}

/// Both in one.
#[derive(Debug, Serialize, Deserialize, Event)]
#[event(type = "account.closed", version = 1)]
pub struct Closed(
    #[event(id)]
    #[event(key)]
    String,
);

/// An enum in another.
#[derive(Debug, PartialEq, Event)]
pub enum Inner {
    /// A capture.
    Captured(Captured),
}

/// An enum of enums, one of them without keys.
#[derive(Debug, PartialEq, Event)]
pub enum Outer {
    /// An order.
    Order(Order),
    /// What the other one holds.
    Inner(Inner),
}

const PAYMENT: Uuid = Uuid::from_u128(7);

#[test]
fn a_struct_has_one_type_an_id_and_a_key() {
    let captured = Captured { account: 7, payment: PAYMENT };
    let event_type = EventType { name: "payment.captured", version: 3 };
    assert_eq!(Captured::TYPES, [event_type]);
    assert_eq!(captured.event_type(), event_type);
    assert_eq!(captured.id().as_deref(), Some("00000000-0000-0000-0000-000000000007"));
    assert_eq!(captured.key().as_deref(), Some("7"));
    assert_eq!((Placed { n: 1 }.id(), Placed { n: 1 }.key()), (None, None));
}

#[test]
fn one_field_can_be_both() {
    let closed = Closed("a".to_owned());
    assert_eq!((closed.id().as_deref(), closed.key().as_deref()), (Some("a"), Some("a")));
}

#[test]
fn what_is_written_can_be_read() -> anyhow::Result<()> {
    let captured = Captured { account: 7, payment: PAYMENT };
    let data = captured.encode()?;
    assert_eq!(Captured::decode(captured.event_type(), &data)?, captured);
    let order = Order::Paid(Paid(3));
    assert_eq!(order.encode()?, b"3");
    assert_eq!(Order::decode(order.event_type(), b"3")?, order);
    Ok(())
}

#[test]
fn an_enum_reads_by_type_and_version_and_may_hold_enums() -> anyhow::Result<()> {
    let names: Vec<_> = Outer::TYPES.iter().map(|t| (t.name, t.version)).collect();
    assert_eq!(names, [("order.placed", 1), ("order.paid", 2), ("payment.captured", 3)]);
    let data = format!(r#"{{"account":7,"payment":"{PAYMENT}"}}"#);
    let outer = Outer::decode(Captured::TYPES[0], data.as_bytes())?;
    assert_eq!(outer, Outer::Inner(Inner::Captured(Captured { account: 7, payment: PAYMENT })));
    assert_eq!(outer.key().as_deref(), Some("7"));
    assert_eq!(outer.event_type(), Captured::TYPES[0]);
    assert_eq!(Outer::decode(Paid::TYPES[0], b"3")?, Outer::Order(Order::Paid(Paid(3))));
    let unknown = EventType { name: "payment.captured", version: 2 };
    assert!(Outer::decode(unknown, data.as_bytes()).is_err());
    Ok(())
}

#[test]
fn a_mistake_in_the_data_names_its_field() {
    let error = Captured::decode(Captured::TYPES[0], br#"{"account":"x"}"#).expect_err("no number");
    assert_eq!(error.path(), "account");
}
