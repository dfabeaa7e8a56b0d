use consumer::{
    handler::{Context, HandlerError, OneEvent},
    prelude::*,
};

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

struct Tenant(String);

impl<'a, In: OneEvent> Extract<'a, In> for Tenant {
    fn extract(cx: &'a Context) -> Result<Self, HandlerError> {
        Ok(Tenant(cx.meta().source().to_owned()))
    }
}

#[consumer(name = "ledger")]
async fn ledger(events: Batch<Captured>, tenant: Tenant) -> anyhow::Result<()> {
    let _ = (events, tenant.0);
    Ok(())
}

fn main() {}
