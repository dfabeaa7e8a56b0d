//! A redrive that is killed half-way, then done by two at once: each event takes effect once, and none is lost.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use consumer::{
    App,
    prelude::*,
    sqlx::{self, PgConnection},
};
use consumer_tests::{
    business::Business,
    event::Paid,
    victim::{Redriving, Task, Victim},
    wait,
};

use super::{EFFECTS, PATIENCE, Shop, drained, number, paid};

#[derive(Clone, Default)]
struct Repaired(Arc<AtomicBool>);

#[derive(Debug, thiserror::Error, Classify)]
enum Trouble {
    #[error("the database refuses")]
    Database(#[from] sqlx::Error),
    #[error("not repaired")]
    #[classify(permanent)]
    NotRepaired,
}

#[consumer(name = "redriven")]
async fn redriven(
    event: Paid,
    conn: &mut PgConnection,
    State(repaired): State<Repaired>,
) -> Result<(), Trouble> {
    if !repaired.0.load(Ordering::SeqCst) {
        return Err(Trouble::NotRepaired);
    }
    Ok(conn.take_effect("redriven", &event.payment).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redrive_that_is_killed_and_then_run_twice_at_once_doubles_and_loses_nothing() {
    let Some(shop) = Shop::open().await else { return };
    let events = number("CONSUMER_TEST_LETTERS", 1_000);
    shop.execute(EFFECTS).await;
    let (repaired, configure) = (Repaired::default(), shop.on_its_queue());
    let app =
        App::new().state(repaired.clone()).register_with::<redriven>(move |c| configure(c).prefetch(200));
    let running = shop.run(shop.store().await, app).await;
    shop.publish((0..events).map(paid)).await;
    wait::until("every event is dead", PATIENCE, async || shop.dead().await == events as u64).await;
    repaired.0.store(true, Ordering::SeqCst);

    let folder = tempfile::tempdir().expect("a folder");
    let task = Task::Redrive(Redriving {
        database: shop.database.url().to_owned(),
        amqp: shop.amqp.clone(),
        queue: format!("{}.dlq", shop.queue),
    });
    let start = || Victim::start(env!("CARGO_BIN_EXE_victim"), &task, folder.path(), None);
    let effects = async || shop.count("SELECT COUNT(*) FROM effects").await as usize;
    let mut killed = start();
    wait::until("half of it is done", PATIENCE, async || {
        assert!(killed.is_alive() || effects().await >= events / 3, "{}", killed.said());
        effects().await >= events / 3
    })
    .await;
    killed.kill();
    let left = async || shop.dead().await;
    wait::until("the rest is back in the queue", PATIENCE, async || left().await > 0).await;
    let at_the_kill = effects().await;

    let (mut one, mut other) = (start(), start());
    let mut redriven = [0, 0];
    for (victim, redriven) in [&mut one, &mut other].into_iter().zip(&mut redriven) {
        let status = victim.ended(PATIENCE).await;
        assert!(status.success(), "{}", victim.said());
        *redriven = victim.hear().parse().expect("a number");
    }
    // What one gave back after the other had looked is left for a third.
    let mut last = start();
    assert!(last.ended(PATIENCE).await.success(), "{}", last.said());
    shop.reaches(events as i64).await;
    drained(&shop, &[shop.queue.clone(), format!("{}.dlq", shop.queue)]).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let doubled = "SELECT COUNT(*) FROM (SELECT id FROM effects GROUP BY id HAVING COUNT(*) > 1) AS doubled";
    assert_eq!(shop.count(doubled).await, 0);
    println!(
        "{events} letters: {at_the_kill} effects when it was killed, then {redriven:?} by two at once, none lost or doubled"
    );
    assert!(at_the_kill < events && redriven.iter().sum::<usize>() > 0, "the kill came too late");
    running.stop().await;
}
