//! Order within a key, whatever happens to relays and confirms.

use std::time::Duration;

use consumer_core::{memory::Chaos, outbox::Relay};

use super::{
    broker::{Answer, Scripted},
    stage::{Stage, of, unordered},
};

/// Enough to meet every fault, few enough for a quick run.
const SEEDS: u64 = 3;

/// A thousand events of 20 keys, a few without a key among them.
fn commit_a_thousand(stage: &Stage, seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    for _ in 0..1000 {
        let event = if rng.u8(..10) == 0 { unordered() } else { of(&rng.u8(..20).to_string()) };
        stage.store.publish_all(&[event]);
    }
}

#[tokio::test(start_paused = true)]
async fn two_relays_share_a_table_and_keep_every_key_in_order() {
    for seed in 0..SEEDS {
        let stage = Stage::new().await;
        stage.broker.unleash(Chaos::new(seed).unconfirmed(0.05).duplicate(0.02));
        let relays = [stage.start(Relay::new().window(64)), stage.start(Relay::new().window(7))];
        commit_a_thousand(&stage, seed);
        relays.iter().for_each(|relay| relay.handle.outbox().wake());
        stage.all_sent().await;
        stage.check();
        assert!(stage.broker.faults().unconfirmed > 0, "a fault that never fired proves nothing");
        for relay in relays {
            relay.stop().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn relays_that_are_killed_again_and_again_lose_nothing_and_overtake_nothing() {
    for seed in 0..SEEDS {
        let stage = Stage::new().await;
        commit_a_thousand(&stage, seed);
        let (broker, mut rng) = (stage.broker.clone(), fastrand::Rng::with_seed(seed));
        for _ in 0..30 {
            let slow = Scripted::new(broker.connect(), |_, _| {
                Answer::Confirm(Duration::from_millis(fastrand::u64(..5)))
            });
            let relay = stage.start_on(slow, Relay::new().window(32).lease(Duration::from_secs(2)));
            tokio::time::sleep(Duration::from_millis(rng.u64(..3000))).await;
            relay.kill().await;
            stage.check();
        }
        let last = stage.start(Relay::new());
        stage.all_sent().await;
        stage.check();
        last.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn keys_are_published_side_by_side_and_each_one_after_the_other() {
    let stage = Stage::new().await;
    let slow = Scripted::new(stage.broker.connect(), |_, _| Answer::Confirm(Duration::from_millis(10)));
    for n in 0..400 {
        stage.store.publish_all(&[of(&(n % 40).to_string())]);
    }
    let began = tokio::time::Instant::now();
    let relay = stage.start_on(slow.clone(), Relay::new());
    stage.all_sent().await;
    stage.check();
    assert_eq!(slow.most(), 40, "one of each key in flight, and no more");
    let took = began.elapsed();
    assert!(took < Duration::from_millis(200), "ten rounds of 10 ms took {took:?}");
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_window_bounds_what_is_in_flight() {
    let stage = Stage::new().await;
    let slow = Scripted::new(stage.broker.connect(), |_, _| Answer::Confirm(Duration::from_millis(10)));
    for _ in 0..200 {
        stage.store.publish_all(&[unordered()]);
    }
    let relay = stage.start_on(slow.clone(), Relay::new().window(16));
    stage.all_sent().await;
    assert_eq!(slow.most(), 16);
    relay.stop().await;
}
