//! Every shape that an effect can have, under the lints that a careful user denies.
#![deny(warnings, missing_docs, unreachable_pub, clippy::all)]

use std::{io, time::Duration};

use consumer::{
    App,
    effect::{EffectSpec, ProviderError},
    handler::{Context, Effect, Failed, HandlerError, Performed, Resolution},
    prelude::*,
    testing::MemoryStore,
};

use super::shapes::{Placed, Tenant};

/// A payload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Charge {
    /// How much.
    pub cents: i64,
}

/// What the provider answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Charged {
    /// Under which number.
    pub number: String,
}

/// A payload that undoes it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Refund {
    /// Which charge.
    pub number: String,
    /// How much.
    pub cents: i64,
}

impl From<&Placed> for Charge {
    fn from(order: &Placed) -> Self {
        Self { cents: order.n }
    }
}

impl From<&Performed<Charge, Charged>> for Refund {
    fn from(done: &Performed<Charge, Charged>) -> Self {
        Self { number: done.output.number.clone(), cents: done.payload.cents }
    }
}

/// A return type, its error hidden.
pub type Answer<T> = Result<T, ProviderError>;
/// A return type without an argument.
pub type Sent = Result<(), io::Error>;

/// The payload by value, the key by value.
#[effect(
    name = "charge",
    timeout = "10s",
    attempts = 5,
    key_lifetime = "24h",
    resolve = find_charge,
    compensate = refund,
    on_failure = charge_failed,
)]
pub async fn charge(payload: Charge, key: IdempotencyKey) -> Answer<Charged> {
    Ok(Charged { number: format!("{key}-{}", payload.cents) })
}

/// Asks what became of a charge.
pub async fn find_charge(
    payload: &Charge,
    key: &IdempotencyKey,
    State(known): State<&'static str>,
) -> io::Result<Resolution<Charged>> {
    Ok(match known {
        "" => Resolution::NotDone,
        "?" => Resolution::Unknown,
        "!" => return Err(io::Error::other("no answer")),
        number => Resolution::Done(Charged { number: format!("{number}-{key}-{}", payload.cents) }),
    })
}

/// Everything lent.
#[effect(name = "refund", keyed)]
pub async fn refund(payload: &Refund, key: &IdempotencyKey, meta: &Meta) -> anyhow::Result<()> {
    anyhow::ensure!(payload.number.starts_with(key.as_str()) && meta.attempt() == 1);
    Ok(())
}

/// Told when a charge has failed.
#[consumer(name = "charge-failed")]
pub async fn charge_failed(event: Failed<Charge>, outbox: Outbox<'_>) -> Sent {
    outbox.publish(&Placed { n: event.payload.cents });
    Ok(())
}

/// Everything else that can be read, in any order.
#[effect(name = "everything")]
pub async fn everything(
    Charge { cents }: Charge,
    Completed(Charged { number }): Completed<charge>,
    body: RequestBody,
    State(factor): State<i64>,
    meta: Meta,
    key: IdempotencyKey,
    Tenant(tenant): Tenant<'_>,
) -> Result<(i64, String), Box<dyn std::error::Error + Send + Sync>> {
    if body.bytes().is_empty() || tenant != meta.id() {
        return Err("nothing to send".into());
    }
    Ok((cents * factor, format!("{number} {key}")))
}

/// Both run before it, in this order.
#[consumer(name = "completes")]
pub async fn completes(_: Placed, _: Completed<charge>, all: Completed<everything>) -> Sent {
    if all.0.1.is_empty() { Err(io::Error::other("no number")) } else { Ok(()) }
}

/// A provider that knows no keys.
#[effect(name = "letter", unkeyed, resolve = letters::find)]
pub async fn letter(_: String) -> Sent {
    Ok(())
}

mod letters {
    use super::{HandlerError, Resolution};

    /// The payload by value, and our own error.
    pub(super) async fn find(text: String) -> Result<Resolution<()>, HandlerError> {
        match text.as_str() {
            "" => Err(HandlerError::permanent("an empty letter")),
            _ => Ok(Resolution::Done(())),
        }
    }
}

/// A provider that knows no keys, which are sent along for its log.
#[effect(name = "logged", unkeyed)]
pub async fn logged(_: (), key: IdempotencyKey) -> Sent {
    if key.as_str().is_empty() { Err(io::Error::other("no key")) } else { Ok(()) }
}

/// A provider that knows a repeated call by what it says.
#[effect(name = "upload", keyed)]
pub async fn upload(mut bytes: Vec<u8>) -> Result<usize, HandlerError> {
    bytes.push(0);
    Ok(bytes.len())
}

/// A type of another name beside it, because the module has its own.
#[effect(name = "renamed", unkeyed, as = RenamedEffect)]
pub async fn renamed_effect(_: ()) -> Sent {
    renamed_effect::sent()
}

mod renamed_effect {
    pub(super) fn sent() -> super::Sent {
        Ok(())
    }
}

/// Parameters that come and go.
#[effect(name = "conditional", unkeyed)]
pub async fn conditional(
    _: (),
    #[cfg(not(test))] gone: NoSuchType,
    #[cfg(test)] meta: &Meta,
    #[allow(unused_variables)] State(unused): State<i64>,
) -> Sent {
    if meta.id().is_empty() { Err(io::Error::other("no id")) } else { Ok(()) }
}

/// An effect that comes and goes.
#[effect(name = "gone", unkeyed)]
#[cfg(not(test))]
pub async fn gone(_: NoSuchType) -> Sent {
    Ok(())
}

/// An effect on its way out.
#[deprecated = "use `letter`"]
#[effect(name = "old", unkeyed)]
pub async fn on_its_way_out(_: ()) -> Sent {
    Ok(())
}

/// Another attribute below, and a name that is a keyword.
#[effect(name = "instrumented", unkeyed)]
#[tracing::instrument(skip_all)]
pub async fn r#loop(_: ()) -> Sent {
    Ok(())
}

macro_rules! effects {
    ($($function:ident $name:literal $payload:ty;)*) => {$(
        /// Written by a macro.
        #[effect(name = $name, unkeyed)]
        pub async fn $function(_: $payload) -> Sent {
            Ok(())
        }
    )*};
}

effects! {
    of_a_number "of-a-number" i64;
    of_a_map "of-a-map" std::collections::BTreeMap<String, i64>;
}

/// All of them.
pub fn all() -> App<MemoryStore> {
    #[effect(name = "in-a-body", unkeyed)]
    async fn in_a_body(_: ()) -> Sent {
        Ok(())
    }

    App::new()
        .state(2_i64)
        .state("7")
        .register::<(charge, refund, charge_failed, completes, everything, letter, logged, upload)>()
        .register::<(RenamedEffect, conditional, r#loop, of_a_number, of_a_map, in_a_body)>()
}

#[test]
fn an_effect_says_what_its_attribute_says() {
    let charge = EffectSpec {
        timeout: Duration::from_secs(10),
        attempts: 5,
        key_lifetime: Duration::from_secs(24 * 60 * 60),
        resolves: true,
        compensates: true,
        on_failure: Some("charge-failed"),
        ..EffectSpec::new("charge")
    };
    assert_eq!(charge::SPEC, charge);
    assert_eq!(letter::SPEC, EffectSpec { keyed: false, resolves: true, ..EffectSpec::new("letter") });
    assert_eq!(refund::SPEC, EffectSpec::new("refund"));
    assert_eq!(upload::SPEC, EffectSpec::new("upload"));
}

#[test]
fn what_was_done_is_what_is_undone() {
    let recording = Recording::new();
    let done = Performed { payload: Charge { cents: 3 }, output: Charged { number: "7".to_owned() } };
    charge::compensate(&done, recording.effects());
    assert_eq!(recording.scheduled::<refund>(), [Refund { number: "7".to_owned(), cents: 3 }]);
}

#[tokio::test]
async fn the_function_stays_a_function() -> anyhow::Result<()> {
    let key = IdempotencyKey::for_test("k");
    let charged = charge(Charge { cents: 3 }, key.clone()).await?;
    assert_eq!(charged.number, "k-3");
    let meta = Meta::for_test("evt-1").build();
    refund(&Refund { number: "k-3".to_owned(), cents: 3 }, &key, &meta).await?;
    let body = RequestBody::for_test("{}");
    let tenant = Tenant("evt-1");
    let charged = Completed(charged);
    let told = everything(Charge { cents: 3 }, charged, body, State(2), meta, key, tenant).await;
    assert_eq!(told.map_err(|error| error.to_string()), Ok((6, "k-3 k".to_owned())));
    Ok(())
}

#[test]
fn all_shapes_fit_together() -> consumer::Result<()> {
    all().check()
}

/// What the runtime holds on to while it waits can cross threads.
#[test]
fn every_call_is_send() {
    fn is_send<F: Effect>(payload: F::Payload, cx: &Context) -> impl Send {
        (F::call(payload, cx), cx)
    }
    let _ = is_send::<charge>;
}
