//! What an app lacks is said at once, before anything is connected.

use consumer::{
    App, SqliteStore,
    handler::{Context, HandlerError, Needs},
    prelude::*,
    testing::MemoryStore,
};

use super::{
    effects::{charge, charge_failed, completes, everything, refund},
    shapes::{self, Placed, no_connection},
};

#[derive(Clone)]
struct Mailer;

#[derive(Clone)]
struct Clock;

#[derive(Clone)]
struct Rates;

/// An extractor that stands on a state.
struct Rate;

impl<'a, In> Extract<'a, In> for Rate {
    fn extract(cx: &'a Context) -> Result<Self, HandlerError> {
        <State<Rates> as Extract<'a, In>>::extract(cx).map(|_| Rate)
    }

    fn needs(needs: &mut Needs) {
        needs.state::<Rates>();
    }
}

#[consumer(name = "mails", aliases = ["letters"])]
async fn mails(_: Placed, _: State<Mailer>, _: &Meta, _: State<Clock>) -> anyhow::Result<()> {
    Ok(())
}

#[consumer(name = "prices")]
async fn prices(_: Placed, _: Rate, _: State<Clock>, _: State<Clock>) -> anyhow::Result<()> {
    Ok(())
}

#[consumer(name = "letters", queue = "mails")]
async fn letters(_: Placed) -> anyhow::Result<()> {
    Ok(())
}

fn complaints<S: consumer::Storage>(app: &App<S>) -> Vec<String> {
    let error = app.check().expect_err("something is missing");
    assert!(error.is_wiring());
    error.to_string().lines().map(str::to_owned).collect()
}

/// The tiers that ask a parameter's type for its needs fail silently: only a count shows that they ask at all.
#[test]
fn every_state_that_nobody_gave_is_named_at_once() {
    let app = App::<MemoryStore>::new().register::<(mails, prices)>();
    let complaints = complaints(&app);
    assert_eq!(complaints.len(), 3, "{complaints:?}");
    assert!(complaints[0].contains("Clock") && complaints[0].contains("`mails`, `prices`"), "{complaints:?}");
    assert!(complaints[1].contains("Mailer") && complaints[1].contains("`mails`"), "{complaints:?}");
    assert!(complaints[2].contains("Rates") && complaints[2].contains("`prices`"), "{complaints:?}");
}

#[test]
fn what_was_given_is_not_missed() -> consumer::Result<()> {
    App::<MemoryStore>::new().state(Mailer).state(Clock).state(Rates).register::<(mails, prices)>().check()
}

#[test]
fn names_queues_and_aliases_said_twice_are_named_at_once() {
    let app = App::<MemoryStore>::new().state(Mailer).state(Clock).register::<(mails, letters, letters)>();
    let complaints = complaints(&app).join("\n");
    assert!(complaints.contains("consumer `letters`"), "{complaints}");
    assert!(complaints.contains("queue `mails`"), "{complaints}");
    assert!(complaints.contains("alias `letters`"), "{complaints}");
}

#[test]
fn all_shapes_fit_together() -> consumer::Result<()> {
    shapes::on_sqlite().check()?;
    shapes::on_postgres().check()?;
    shapes::on_mysql().check()
}

#[test]
fn a_handler_without_a_connection_fits_any_storage() -> consumer::Result<()> {
    App::<MemoryStore>::new().register::<no_connection>().check()?;
    App::<SqliteStore>::new().register::<no_connection>().check()
}

/// `register` learns the app's storage from the connection in a signature.
#[test]
fn an_app_learns_its_storage_from_its_consumers() -> consumer::Result<()> {
    App::new().register::<(shapes::sqlite_alias, shapes::own_error)>().check()
}

/// What an effect refers to is found missing at start, not when it is needed.
#[test]
fn what_an_effect_refers_to_is_registered_too() {
    let app = App::<MemoryStore>::new().state(2_i64).register::<(completes, charge, everything)>();
    let complaints = complaints(&app).join("\n");
    assert!(complaints.contains("undone by effect `refund`"), "{complaints}");
    assert!(complaints.contains("tells consumer `charge-failed`"), "{complaints}");
    assert!(complaints.contains("State<&str>"), "the state of `find_charge` is not asked for: {complaints}");
}

#[consumer(name = "waits", batch = 8)]
async fn waits(_: Placed, _: Completed<charge>) -> anyhow::Result<()> {
    Ok(())
}

/// All events of a batch would wait for the provider of one.
#[test]
fn completed_and_batch_exclude_each_other() {
    let app = App::<MemoryStore>::new().register::<(waits, charge, refund, charge_failed)>();
    let complaints = complaints(&app).join("\n");
    let told = "consumer `waits` has `batch = 8` and takes the `Completed` of effect `charge`";
    assert!(complaints.contains(told), "{complaints}");
}

#[test]
fn a_completed_effect_is_registered_too() {
    let app = App::<MemoryStore>::new()
        .state(2_i64)
        .state("7")
        .register::<(completes, everything, refund, charge_failed)>();
    let complaints = complaints(&app).join("\n");
    assert!(
        complaints.contains("the `Completed` of effect `charge`, which is not registered"),
        "{complaints}"
    );
}
