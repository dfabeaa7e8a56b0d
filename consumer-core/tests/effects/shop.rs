//! The app of these tests: what its effects are, and the consumers that want them.

use std::time::Duration;

use consumer_core::{
    App, Event,
    effect::{EffectSpec, IdempotencyKey, ProviderError},
    event::{DecodeError, EncodeError, EventType, decode_json, encode_json},
    handler::{
        BatchFailures, CallOf, Completed, ConsumerSpec, Consumes, Context, Effect, Effects, Extract, Failed,
        Handler, HandlerError, Needs, Performed, Register, Registry, RequestBody, Resolution, State,
        via::ByError,
    },
    retry::RetryPolicy,
    testing::{MemoryStore, MemoryTx},
};
use serde::{Deserialize, Serialize};

use crate::gateway::Gateway;

/// What the consumers take.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) what: String,
}

impl Event for Order {
    const TYPES: &'static [EventType] = &[EventType { name: "order", version: 1 }];

    fn decode(_: EventType, data: &[u8]) -> Result<Self, DecodeError> {
        decode_json(data)
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        encode_json(self)
    }

    fn event_type(&self) -> EventType {
        Self::TYPES[0]
    }
}

/// What the effects are called with.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Money {
    pub(crate) cents: u64,
}

impl From<&Order> for Money {
    fn from(order: &Order) -> Self {
        Self { cents: order.what.len() as u64 }
    }
}

/// One call of the gateway.
async fn pay<F: Effect>(cx: &Context) -> Result<u64, HandlerError> {
    let key = <&IdempotencyKey as Extract<CallOf<F>>>::extract(cx)?;
    let body = <RequestBody as Extract<CallOf<F>>>::extract(cx)?;
    let State(gateway) = <State<Gateway> as Extract<CallOf<F>>>::extract(cx)?;
    let body = String::from_utf8_lossy(body.bytes()).into_owned();
    gateway.call(F::SPEC.name, key.as_str(), &body).await.map_err(wrap)
}

fn wrap(error: ProviderError) -> HandlerError {
    ByError.wrap(error)
}

macro_rules! effect {
    ($effect:ident, $spec:expr, $($more:tt)*) => {
        pub(crate) enum $effect {}

        impl Effect for $effect {
            const SPEC: EffectSpec = $spec;
            type Payload = Money;
            type Output = u64;

            async fn call(_: Money, cx: &Context) -> Result<u64, HandlerError> {
                pay::<Self>(cx).await
            }

            fn needs(needs: &mut Needs) {
                <State<Gateway> as Extract<CallOf<Self>>>::needs(needs);
            }

            $($more)*
        }

        impl Register<MemoryStore> for $effect {
            fn register(registry: &mut Registry<MemoryStore>) {
                registry.effect::<Self>();
            }
        }
    };
}

effect!(
    Charge,
    EffectSpec {
        attempts: 4,
        compensates: true,
        on_failure: Some("accounting"),
        timeout: Duration::from_secs(20),
        ..EffectSpec::new("charge")
    },
    fn compensate(done: &Performed<Money, u64>, effects: Effects<'_>) {
        effects.schedule::<Refund>(&Money { cents: done.payload.cents });
    }
);
effect!(Refund, EffectSpec::new("refund"),);
effect!(Receipt, EffectSpec { keyed: false, attempts: 4, ..EffectSpec::new("receipt") },);
effect!(Brief, EffectSpec { key_lifetime: Duration::from_secs(30), attempts: 9, ..EffectSpec::new("brief") },);
effect!(
    Parcel,
    EffectSpec { keyed: false, resolves: true, attempts: 4, ..EffectSpec::new("parcel") },
    async fn resolve(_: Money, cx: &Context) -> Result<Resolution<u64>, HandlerError> {
        let key = <&IdempotencyKey as Extract<CallOf<Self>>>::extract(cx)?;
        let State(gateway) = <State<Gateway> as Extract<CallOf<Self>>>::extract(cx)?;
        Ok(gateway.looked_up("parcel", key.as_str()).map_or(Resolution::NotDone, Resolution::Done))
    }
);

/// Ships what was charged: it takes the number of the charge.
pub(crate) enum Ship {}

impl Effect for Ship {
    const SPEC: EffectSpec = EffectSpec::new("ship");
    type Payload = Money;
    type Output = u64;

    async fn call(_: Money, cx: &Context) -> Result<u64, HandlerError> {
        let Completed(charge) = <Completed<Charge> as Extract<CallOf<Self>>>::extract(cx)?;
        Ok(pay::<Self>(cx).await? * 100 + charge)
    }

    fn needs(needs: &mut Needs) {
        <Completed<Charge> as Extract<CallOf<Self>>>::needs(needs);
    }
}

impl Register<MemoryStore> for Ship {
    fn register(registry: &mut Registry<MemoryStore>) {
        registry.effect::<Self>();
    }
}

/// What a handler does after its effects are there.
fn decide(order: &Order, cx: &Context) -> Result<(), HandlerError> {
    match (order.what.as_str(), cx.meta().attempt()) {
        ("impossible", _) => Err(HandlerError::permanent("impossible")),
        ("hopeless", _) => Err(HandlerError::transient("hopeless")),
        ("late", 1) => Err(HandlerError::transient("not yet")),
        _ => Ok(()),
    }
}

macro_rules! consumer {
    ($consumer:ident, $name:literal, $event:ty, |$order:ident, $cx:ident| $body:expr, |$needs:ident| $asked:expr) => {
        pub(crate) enum $consumer {}

        impl Consumes for $consumer {
            type Input = $event;
            const SPEC: ConsumerSpec = ConsumerSpec {
                name: $name,
                queue: $name,
                aliases: &[],
                timeout: Duration::from_secs(10),
                batch: 1,
            };
        }

        impl Handler<MemoryStore> for $consumer {
            async fn handle<'a, 's: 'a>(
                $order: $event,
                $cx: &'a Context,
                _: &'a mut MemoryTx<'s>,
            ) -> Result<BatchFailures, HandlerError> {
                $body.map(|()| BatchFailures::new())
            }

            fn needs($needs: &mut Needs) {
                $asked
            }
        }

        impl Register<MemoryStore> for $consumer {
            fn register(registry: &mut Registry<MemoryStore>) {
                registry.consumer::<Self>();
            }
        }
    };
}

/// Schedules what its order names.
fn schedule(order: &Order, cx: &Context) -> Result<(), HandlerError> {
    let effects = <Effects<'_> as Extract<Order>>::extract(cx)?;
    let money = Money::from(order);
    match order.what.as_str() {
        "receipt" => effects.schedule::<Receipt>(&money),
        "brief" => effects.schedule::<Brief>(&money),
        "parcel" => effects.schedule::<Parcel>(&money),
        "two" => {
            effects.schedule_labelled::<Charge>("a", &money);
            effects.schedule_labelled::<Charge>("b", &money);
        }
        "twice" => {
            effects.schedule::<Charge>(&money);
            effects.schedule::<Charge>(&money);
        }
        _ => effects.schedule::<Charge>(&money),
    }
    decide(order, cx)
}

fn checkout(order: &Order, cx: &Context) -> Result<(), HandlerError> {
    let Completed(charge) = <Completed<Charge> as Extract<Order>>::extract(cx)?;
    assert!(charge > 0, "numbers begin with one");
    decide(order, cx)
}

/// Leaves time for a rival.
async fn slowly(order: &Order, cx: &Context) -> Result<(), HandlerError> {
    tokio::time::sleep(Duration::from_secs(1)).await;
    checkout(order, cx)
}

/// Schedules once more what has run before it.
fn once_more(order: &Order, cx: &Context) -> Result<(), HandlerError> {
    let effects = <Effects<'_> as Extract<Order>>::extract(cx)?;
    match order.what.as_str() {
        "labelled" => effects.schedule_labelled::<Charge>("tip", &Money::from(order)),
        _ => effects.schedule::<Charge>(&Money::from(order)),
    }
    checkout(order, cx)
}

fn delivery(order: &Order, cx: &Context) -> Result<(), HandlerError> {
    let Completed(charge) = <Completed<Charge> as Extract<Order>>::extract(cx)?;
    let Completed(shipment) = <Completed<Ship> as Extract<Order>>::extract(cx)?;
    assert_eq!(shipment % 100, charge, "the second effect saw the result of the first");
    decide(order, cx)
}

consumer!(Orders, "orders", Order, |order, cx| schedule(&order, cx), |_needs| {});
consumer!(Checkout, "checkout", Order, |order, cx| checkout(&order, cx), |needs| {
    <Completed<Charge> as Extract<Order>>::needs(needs);
});
consumer!(Counter, "counter", Order, |order, cx| slowly(&order, cx).await, |needs| {
    <Completed<Charge> as Extract<Order>>::needs(needs);
});
consumer!(Tips, "tips", Order, |order, cx| once_more(&order, cx), |needs| {
    <Completed<Charge> as Extract<Order>>::needs(needs);
});
consumer!(Post, "post", Order, |order, cx| delivery(&order, cx), |needs| {
    <Completed<Charge> as Extract<Order>>::needs(needs);
    <Completed<Ship> as Extract<Order>>::needs(needs);
});
consumer!(Hasty, "hasty", Order, |_order, _cx| Ok(()), |needs| {
    <Completed<Ship> as Extract<Order>>::needs(needs);
    <Completed<Charge> as Extract<Order>>::needs(needs);
});
consumer!(
    Mails,
    "mails",
    Order,
    |order, cx| {
        <Completed<Receipt> as Extract<Order>>::extract(cx)?;
        decide(&order, cx)
    },
    |needs| <Completed<Receipt> as Extract<Order>>::needs(needs)
);
consumer!(Accounting, "accounting", Failed<Money>, |_failed, _cx| Ok(()), |_needs| {});

/// Everything.
pub(crate) fn app(gateway: &Gateway) -> App<MemoryStore> {
    let app = App::new().state(gateway.clone());
    let app = app.register_with::<(Orders, Checkout, Counter, Tips, Post, Mails, Accounting)>(|config| {
        config.concurrency(4).retry(RetryPolicy::default().ladder([]))
    });
    app.register::<(Charge, Refund, Receipt, Brief, Parcel, Ship)>()
}

/// A process that consumes nothing, and calls what others have scheduled.
pub(crate) fn runner(gateway: &Gateway) -> App<MemoryStore> {
    App::new().state(gateway.clone()).register::<Parcel>()
}

/// Another app on the same database, which has never heard of charges.
pub(crate) fn without_charge(gateway: &Gateway) -> App<MemoryStore> {
    App::new().state(gateway.clone()).register::<(Mails, Receipt)>()
}
