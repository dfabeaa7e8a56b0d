//! The service: RabbitMQ on one side, the database on the other.

use std::{sync::Arc, time::Duration};

use consumer::{
    RabbitMq, Runtime,
    http::Provider,
    runtime::{secret, shutdown_signal},
};

use crate::{app::app, fraud::HouseRule, store};

/// How long the gateway may take; the effects that call it have more.
const PATIENCE: Duration = Duration::from_secs(5);

/// Consumes until SIGTERM or Ctrl-C.
pub async fn serve() -> anyhow::Result<()> {
    let store = store::connect(&secret("DATABASE_URL")?).await?;
    let broker = RabbitMq::connect(&secret("AMQP_URL")?).await?;
    Runtime::new(store, broker).run(app(Arc::new(HouseRule), gateway()?)).until(shutdown_signal()).await?;
    Ok(())
}

/// The payment gateway that `GATEWAY_URL` names.
pub fn gateway() -> anyhow::Result<Provider> {
    Ok(Provider::builder(&secret("GATEWAY_URL")?).timeout(PATIENCE).build()?)
}
