use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

#[consumer(name = "ledger")]
async fn ledger(event: Captured) -> anyhow::Result<()> {
    let shared = std::rc::Rc::new(event.account);
    std::future::ready(()).await;
    println!("{shared}");
    Ok(())
}

fn main() {}
