use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

struct Tenant<'a>(&'a str);

impl<'a> Extract<'a, Captured> for Tenant<'a> {
    fn extract(cx: &'a consumer::handler::Context) -> Result<Self, consumer::handler::HandlerError> {
        Ok(Tenant(cx.meta().id()))
    }
}

#[consumer(name = "ledger")]
async fn ledger(event: Captured, Tenant(name): Tenant) -> anyhow::Result<()> {
    let _ = (event, name);
    Ok(())
}

fn main() {}
