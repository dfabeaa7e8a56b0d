//! The app of these tests: a ledger that fails until somebody repairs it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use consumer_core::{
    App, Event,
    event::{DecodeError, EncodeError, EventType, decode_json, encode_json},
    handler::{
        BatchFailures, ConsumerSpec, Consumes, Context, Handler, HandlerError, Needs, Register, Registry,
    },
    testing::{MemoryStore, MemoryTx},
};
use serde::{Deserialize, Serialize};

/// What it takes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Payment {
    pub(crate) cents: u64,
}

impl Event for Payment {
    const TYPES: &'static [EventType] = &[EventType { name: "payment", version: 1 }];

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

/// Whether it works.
#[derive(Clone, Default)]
pub(crate) struct Repair(Arc<AtomicBool>);

impl Repair {
    pub(crate) fn done() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }
}

enum Ledger {}

impl Consumes for Ledger {
    type Input = Payment;
    const SPEC: ConsumerSpec = ConsumerSpec {
        name: "ledger",
        queue: "payments",
        aliases: &[],
        timeout: Duration::from_secs(10),
        batch: 1,
    };
}

impl Handler<MemoryStore> for Ledger {
    async fn handle<'a, 's: 'a>(
        _: Payment,
        cx: &'a Context,
        _: &'a mut MemoryTx<'s>,
    ) -> Result<BatchFailures, HandlerError> {
        match cx.state::<Repair>().is_some_and(|repair| repair.0.load(Ordering::SeqCst)) {
            true => Ok(BatchFailures::new()),
            false => Err(HandlerError::permanent("the ledger is broken")),
        }
    }

    fn needs(_: &mut Needs) {}
}

impl Register<MemoryStore> for Ledger {
    fn register(registry: &mut Registry<MemoryStore>) {
        registry.consumer::<Self>();
    }
}

pub(crate) fn app(repair: &Repair) -> App<MemoryStore> {
    App::new().state(repair.clone()).register::<Ledger>()
}
