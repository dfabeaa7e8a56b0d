//! A victim: a small consumer process that tests kill, stop and starve.

mod app;
mod charge;
mod contest;
mod process;
mod task;
mod work;

use std::{process::ExitCode, time::Duration};

use consumer::{
    App, RabbitMq, Storage,
    operate::{DeadLetters, LetterFilter, Redrive},
    outbox::Relay,
    runtime::{Runtime, RuntimeHandle, shutdown_signal},
};
use consumer_sqlx::{mysql::MySqlStore, postgres::PgStore, sqlite::SqliteStore};
use tokio::time::sleep;

use self::work::Work;
pub use self::{
    process::Victim,
    task::{Consuming, Redriving, Relaying, Task, queue},
};
use crate::{
    backend::Backend,
    ledger::{Ledger, Mark},
};

/// What the binary does: the task that its one argument describes, until it is done, told to stop, or alone.
pub fn main() -> ExitCode {
    let task = std::env::args().nth(1).and_then(|text| serde_json::from_str::<Task>(&text).ok());
    let Some(task) = task else {
        eprintln!("a victim is started by a test, with its task as JSON");
        return ExitCode::FAILURE;
    };
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    match tokio::runtime::Runtime::new().expect("threads").block_on(run(task)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:?}");
            ExitCode::FAILURE
        }
    }
}

async fn run(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Consume(consuming) => {
            end_with_parent();
            Ok(consume(&consuming).await?)
        }
        Task::Relay(relaying) => {
            end_with_parent();
            Ok(relay(&relaying).await?)
        }
        Task::Redrive(redriving) => {
            end_with_parent();
            redrive(&redriving).await
        }
        Task::Race(racing) => contest::run(&racing).await,
    }
}

/// Ends this process when its parent has gone, which closes our standard input, however the parent went.
fn end_with_parent() {
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(2);
    });
}

async fn consume(task: &Consuming) -> consumer::Result<()> {
    let (work, url) = (Work::new(task), task.database.as_str());
    match task.backend {
        Backend::Postgres => {
            consume_on(PgStore::connect(url).await?, app::postgres::app(task, work), task).await
        }
        Backend::MySql => {
            consume_on(MySqlStore::connect(url).await?, app::mysql::app(task, work), task).await
        }
        Backend::Sqlite => {
            consume_on(SqliteStore::connect(url).await?, app::sqlite::app(task, work), task).await
        }
    }
}

async fn consume_on<S: Storage>(store: S, app: App<S>, task: &Consuming) -> consumer::Result<()> {
    let runtime = Runtime::new(store, RabbitMq::connect(&task.amqp).await?).effects(charge::config());
    let ledger = Ledger::open(&task.ledger).expect("the ledger");
    tokio::spawn(say_ready(runtime.handle(), ledger));
    runtime.run(app).until(shutdown_signal()).await
}

async fn relay(task: &Relaying) -> consumer::Result<()> {
    let url = task.database.as_str();
    match task.backend {
        Backend::Postgres => relay_on(PgStore::connect(url).await?, task).await,
        Backend::MySql => relay_on(MySqlStore::connect(url).await?, task).await,
        Backend::Sqlite => relay_on(SqliteStore::connect(url).await?, task).await,
    }
}

async fn relay_on<S: Storage>(store: S, task: &Relaying) -> consumer::Result<()> {
    let relay = Relay::new().lease(Duration::from_millis(task.lease_ms));
    let runtime = Runtime::new(store, RabbitMq::connect(&task.amqp).await?).relay(relay);
    runtime.run(App::new()).until(shutdown_signal()).await
}

/// Says how many it has redriven.
async fn redrive(task: &Redriving) -> anyhow::Result<()> {
    let store = PgStore::connect(&task.database).await?;
    let letters = DeadLetters::new(store, RabbitMq::connect(&task.amqp).await?, task.queue.as_str());
    // What was published before a kill, and is processed, is a duplicate.
    let unlimited = Redrive { per_second: None, discard_processed: true, ..Redrive::default() };
    let redriven = letters.redrive(&LetterFilter::default(), &unlimited).await?;
    println!("{}", redriven.redriven);
    Ok(())
}

async fn say_ready(runtime: RuntimeHandle, ledger: Ledger) {
    while !runtime.health().ready {
        sleep(Duration::from_millis(2)).await;
    }
    ledger.write(Mark::Ready, "-", "-");
}
