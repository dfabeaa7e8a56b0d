//! Several claims at once.

use futures_util::future::{join, join_all};

use super::{
    SuiteStorage,
    stage::{Process, Session, Tx, a_moment, in_time, process},
};
use crate::{
    classify::Class,
    inbox::{Claim, Claimed, StoredClaim},
    storage::{Extent, Storage, StorageError},
};

const RIVALS: usize = 4;
const ROUNDS: usize = 10;

/// More than the runtime would allow: here nobody waits between two conflicts.
const CONFLICTS: usize = 100;

/// Ids whose keys have another order than they have; one of them is its own key.
const IDS: [&str; 6] = ["6", "1", "ffffffff-7b6c-7c61-b3f3-2a0c5d0c3a11", "ä", "\\' --", "evt-2"];

fn claims<S: SuiteStorage>(process: &Process<'_, S>, ids: &[&str]) -> Vec<Claim> {
    ids.iter().map(|id| process.claim_of(id)).collect()
}

/// Begins a unit and claims events in it; a unit whose claims fail is rolled back.
async fn try_claim<'s, S: SuiteStorage>(
    process: &Process<'_, S>,
    session: &'s mut Session<S>,
    extent: Extent,
    claims: &[Claim],
) -> Result<(Tx<'s, S>, Vec<Claimed>), StorageError> {
    let mut tx = in_time("a unit", process.store.begin(session, extent)).await?;
    match in_time("the claims", process.store.claim_many(&mut tx, claims)).await {
        Ok(claimed) => Ok((tx, claimed)),
        Err(error) => {
            process.store.roll_back(tx).await;
            Err(error)
        }
    }
}

/// The same where nobody is in the way.
async fn claim<'s, S: SuiteStorage>(
    process: &Process<'_, S>,
    session: &'s mut Session<S>,
    claims: &[Claim],
) -> (Tx<'s, S>, Vec<Claimed>) {
    try_claim(process, session, Extent::Many, claims).await.expect("events can be claimed")
}

fn taken(claim: &Claim) -> Claimed {
    Claimed::Taken(StoredClaim::new(claim.stamp(), claim.readable_id.clone()))
}

pub(super) async fn of_new_events_are_fresh_and_found_after_the_commit<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let mut session = process.open().await;
    let (tx, claimed) = claim(&process, &mut session, &claims(&process, &IDS)).await;
    assert_eq!(claimed, IDS.map(|_| Claimed::Fresh), "events that nobody has processed must be fresh");
    assert!(!process.is_claimed(IDS[0]).await, "claims that are not committed must not be found");
    process.commit(tx).await;
    for id in IDS {
        assert!(process.is_claimed(id).await, "a committed claim must be found: {id:?}");
    }
}

pub(super) async fn that_are_rolled_back_leave_none<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let mut session = process.open().await;
    let (tx, _) = claim(&process, &mut session, &claims(&process, &IDS)).await;
    process.roll_back(tx).await;
    for id in IDS {
        assert!(!process.is_claimed(id).await, "a rollback leaves no claim: {id:?}");
    }
}

pub(super) async fn tell_which_are_taken_and_what_was_stored<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let mut session = process.open().await;
    let first = claims(&process, &IDS);
    let (tx, _) = claim(&process, &mut session, &[first[1].clone(), first[4].clone()]).await;
    process.commit(tx).await;
    let again: Vec<_> = first.iter().map(Claim::by_another_unit).collect();
    let (tx, claimed) = claim(&process, &mut session, &again).await;
    process.commit(tx).await;
    let mut expected = vec![Claimed::Fresh; IDS.len()];
    (expected[1], expected[4]) = (taken(&first[1]), taken(&first[4]));
    assert_eq!(claimed, expected, "each claim has its own answer, in the order in which they were given");
    let (tx, claimed) = claim(&process, &mut session, &first).await;
    process.roll_back(tx).await;
    for (at, claimed) in claimed.into_iter().enumerate() {
        let by = if at == 1 || at == 4 { &first[at] } else { &again[at] };
        assert_eq!(claimed, taken(by), "what was stored must come back as it was: {:?}", IDS[at]);
    }
}

pub(super) async fn of_no_events_are_none<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let mut session = process.open().await;
    let (mut tx, claimed) = claim(&process, &mut session, &[]).await;
    assert_eq!(claimed, []);
    process.store.unclaim(&mut tx, &[]).await.expect("nothing is taken back");
    process.commit(tx).await;
}

pub(super) async fn of_a_whole_batch_fit<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let mut session = process.open().await;
    let batch: Vec<_> = (0..1000).map(|n| process.claim_of(&format!("\u{0} 🦀 {n}"))).collect();
    for (known, fresh) in [(0, 1000), (1000, 0)] {
        let (tx, claimed) = claim(&process, &mut session, &batch).await;
        process.commit(tx).await;
        let count = |is: fn(&Claimed) -> bool| claimed.iter().filter(|claimed| is(claimed)).count();
        let counts = (count(|it| matches!(it, Claimed::Taken(_))), count(|it| *it == Claimed::Fresh));
        assert_eq!(counts, (known, fresh), "as many events as a batch may have can be claimed at once");
    }
}

pub(super) async fn wait_for_a_rival_who_is_about_to_commit<S: SuiteStorage>(database: &S) {
    let (first, second) = (process(database).await, process(database).await);
    let (mut held, mut waiting) = (first.open().await, second.open().await);
    let tx = first.work(&mut held, IDS[2]).await;
    let commit = async {
        a_moment().await;
        first.commit(tx).await;
    };
    let (won, ()) = join(contend(&second, &mut waiting, &IDS), commit).await;
    assert!(!won.contains(&IDS[2]), "whoever comes second must not process what the first has committed");
    assert_eq!(
        won.len(),
        IDS.len() - 1,
        "one event of a rival must not keep the others from being processed"
    );
}

pub(super) async fn wait_for_a_rival_who_rolls_back<S: SuiteStorage>(database: &S) {
    let (first, second) = (process(database).await, process(database).await);
    let (mut held, mut waiting) = (first.open().await, second.open().await);
    let tx = first.work(&mut held, IDS[2]).await;
    let roll_back = async {
        a_moment().await;
        first.roll_back(tx).await;
    };
    let (won, ()) = join(contend(&second, &mut waiting, &IDS), roll_back).await;
    assert_eq!(won, IDS, "a claim that was rolled back must not keep anybody out");
}

/// Processes events in one unit, and says which; conflicts begin anew.
async fn contend<'a, S: SuiteStorage>(
    process: &Process<'_, S>,
    session: &mut Session<S>,
    ids: &[&'a str],
) -> Vec<&'a str> {
    for _ in 0..CONFLICTS {
        match try_claim(process, session, Extent::One, &claims(process, ids)).await {
            Ok((mut tx, claimed)) => {
                let fresh = ids.iter().zip(claimed).filter(|(_, claimed)| *claimed == Claimed::Fresh);
                let fresh: Vec<_> = fresh.map(|(id, _)| *id).collect();
                for id in &fresh {
                    process.database.write(&mut tx, id).await.expect("a business row can be written");
                }
                process.commit(tx).await;
                return fresh;
            }
            Err(error) => {
                let class = process.class(&error);
                assert_eq!(class, Some(Class::Conflict), "a race is a conflict and nothing else: {error}");
            }
        }
    }
    panic!("after {CONFLICTS} conflicts a race must be decided")
}

/// Were they inserted as they are given, one would wait for the other in a circle.
pub(super) async fn in_opposite_orders_never_wait_in_a_circle<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let (mut one, mut other) = (process.open().await, process.open().await);
    for round in 0..ROUNDS {
        let ids: Vec<_> = (0..50).map(|n| format!("{round}-{n}")).collect();
        let there: Vec<_> = ids.iter().map(|id| process.claim_of(id)).collect();
        let back: Vec<_> = there.iter().rev().map(Claim::by_another_unit).collect();
        let fresh = async |session: &mut Session<S>, claims: &[Claim]| {
            let claimed = try_claim(&process, session, Extent::One, claims).await;
            let (tx, claimed) = claimed.expect("two batches over the same events do not wait for each other");
            process.commit(tx).await;
            claimed.iter().filter(|claimed| **claimed == Claimed::Fresh).count()
        };
        let (here, there) = join(fresh(&mut one, &there), fresh(&mut other, &back)).await;
        assert_eq!(here + there, ids.len(), "each event is fresh for one of two");
    }
}

pub(super) async fn of_many_batches_each_event_is_won_once<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let mut sessions = join_all((0..RIVALS).map(|_| process.open())).await;
    for round in 0..ROUNDS {
        let ids: Vec<_> = (0..12).map(|n| format!("{round}-{n}")).collect();
        let contends = sessions.iter_mut().enumerate().map(|(nth, session)| {
            let mut ids: Vec<_> = ids.iter().map(String::as_str).skip(nth).take(8).collect();
            ids.rotate_left(2 * nth);
            let process = &process;
            async move { contend(process, session, &ids).await.len() }
        });
        let won: usize = join_all(contends).await.into_iter().sum();
        assert_eq!(won, RIVALS + 7, "each event of overlapping batches is won once");
        for id in ids.iter().take(won) {
            assert_eq!(process.written(id).await, 1, "an event must take effect once: {id}");
        }
    }
}
