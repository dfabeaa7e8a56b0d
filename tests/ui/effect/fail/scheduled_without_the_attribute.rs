use consumer::prelude::*;

#[derive(Serialize, Deserialize)]
struct Receipt {
    account: i64,
}

async fn send_receipt(receipt: Receipt) -> anyhow::Result<()> {
    let _ = receipt.account;
    Ok(())
}

fn main() {
    let _ = send_receipt;
    Recording::new().effects().schedule::<send_receipt>(&Receipt { account: 7 });
}
