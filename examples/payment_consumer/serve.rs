//! The service: RabbitMQ on one side, the database on the other.

use std::sync::Arc;

use consumer::{
    RabbitMq, Runtime,
    runtime::{secret, shutdown_signal},
};

use crate::{app::app, fraud::HouseRule, store};

/// Consumes until SIGTERM or Ctrl-C.
pub async fn serve() -> anyhow::Result<()> {
    let store = store::connect(&secret("DATABASE_URL")?).await?;
    let broker = RabbitMq::connect(&secret("AMQP_URL")?).await?;
    Runtime::new(store, broker).run(app(Arc::new(HouseRule))).until(shutdown_signal()).await?;
    Ok(())
}
