//! The wiring of effects, checked without a server.

use consumer_core::{
    App,
    effect::{KeyParts, KeyScheme},
    testing::MemoryStore,
};

use crate::{
    gateway::Gateway,
    shop::{Accounting, Charge, Checkout, Hasty, Mails, Orders, Receipt, Refund, Ship, app},
};

/// The mistakes of an app, which has a gateway.
fn mistakes(app: App<MemoryStore>) -> String {
    app.state(Gateway::default()).check().expect_err("a mistake").to_string()
}

fn registered() -> App<MemoryStore> {
    App::new()
}

#[test]
fn a_whole_app_is_fine() {
    app(&Gateway::default()).check().expect("no mistake");
}

#[test]
fn a_process_that_only_calls_effects_is_fine() {
    registered().register::<Refund>().state(Gateway::default()).check().expect("no mistake");
    let said = mistakes(registered());
    assert!(said.contains("no consumer and no effect is registered"), "{said}");
}

#[test]
fn what_is_missing_is_named() {
    let said = mistakes(registered().register::<Checkout>());
    assert!(said.contains("consumer `checkout` takes the `Completed` of effect `charge`"), "{said}");
    let said = mistakes(registered().register::<(Checkout, Charge)>());
    assert!(said.contains("effect `charge` tells consumer `accounting`"), "{said}");
    let said = registered().register::<(Mails, Receipt)>().check().expect_err("no gateway").to_string();
    assert!(said.contains("Gateway") && said.contains("`receipt`"), "{said}");
}

#[test]
fn an_effect_that_is_registered_twice_is_named() {
    let said = mistakes(registered().register::<(Mails, Receipt, Receipt)>());
    assert!(said.contains("effect `receipt` is registered 2 times"), "{said}");
}

#[test]
fn an_effect_that_comes_before_what_it_takes_is_named() {
    let said = mistakes(registered().register::<(Hasty, Charge, Ship, Refund, Accounting)>());
    assert!(said.contains("effect `ship` takes the `Completed` of effect `charge`"), "{said}");
    let said = mistakes(registered().register::<(Orders, Charge, Ship, Accounting)>());
    assert!(said.contains("no consumer takes the `Completed` of `ship`"), "{said}");
}

struct Same;

impl KeyScheme for Same {
    fn key(&self, _: &KeyParts<'_>) -> String {
        "a b".to_owned()
    }
}

#[test]
fn a_key_scheme_that_cannot_work_is_named() {
    let said = mistakes(registered().register::<(Mails, Receipt)>().key_scheme(Same));
    assert!(said.contains("one key for two labels") && said.contains("visible ASCII"), "{said}");
}

struct Forgetful(&'static str);

impl KeyScheme for Forgetful {
    fn key(&self, parts: &KeyParts<'_>) -> String {
        let KeyParts { consumer, id, effect, label, .. } = parts;
        let all = [("consumers", consumer), ("events", id), ("effects", effect), ("labels", label)];
        let kept = all.into_iter().filter(|(what, _)| *what != self.0);
        kept.map(|(what, part)| format!("{what}={part}/")).collect()
    }
}

/// Two calls with one key are one call to a provider: the second would be taken for done.
#[test]
fn a_key_scheme_that_forgets_a_part_is_named() {
    for what in ["consumers", "events", "effects", "labels"] {
        let said = mistakes(registered().register::<(Mails, Receipt)>().key_scheme(Forgetful(what)));
        assert!(said.contains(&format!("one key for two {what}")), "{said}");
    }
    let whole = registered().register::<(Mails, Receipt)>().key_scheme(Forgetful("nothing"));
    whole.state(Gateway::default()).check().expect("a scheme that forgets nothing");
}
