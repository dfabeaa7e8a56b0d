//! The expansion of each shape of `#[effect]`.

use insta::assert_snapshot;
use proc_macro2::TokenStream;
use quote::quote;

use crate::pretty::pretty;

fn expand(attr: TokenStream, item: TokenStream) -> String {
    pretty(super::expand(attr, item))
}

#[test]
fn a_key_and_a_state() {
    assert_snapshot!(expand(
        quote!(name = "receipt"),
        quote! {
            /// Sends a receipt.
            pub(crate) async fn send_receipt(
                receipt: Receipt,
                key: IdempotencyKey,
                State(mail): State<Mailer>,
            ) -> Result<(), MailError> {
                Ok(())
            }
        },
    ));
}

#[test]
fn everything_lent() {
    assert_snapshot!(expand(
        quote!(name = "charge", timeout = "10s", attempts = 5, key_lifetime = "24h"),
        quote! {
            async fn charge(request: &Charge, key: &IdempotencyKey, meta: &Meta) -> anyhow::Result<Charged> {
                bank::send().await
            }
        },
    ));
}

#[test]
fn all_that_it_refers_to() {
    assert_snapshot!(expand(
        quote!(name = "charge", resolve = bank::find, compensate = bank::refund, on_failure = charge_failed),
        quote! {
            async fn charge(request: Charge, key: IdempotencyKey) -> Result<Charged, BankError> {
                bank::send().await
            }
        },
    ));
}

#[test]
fn unkeyed_through_another_path_of_the_crate() {
    assert_snapshot!(expand(
        quote!(name = "letter", unkeyed, as = SendLetter, crate = crate::reexported::consumer),
        quote! {
            async fn send_letter(letter: Letter) -> std::io::Result<()> {
                Ok(())
            }
        },
    ));
}

#[test]
fn conditions_and_lints() {
    assert_snapshot!(expand(
        quote!(name = "receipt", keyed),
        quote! {
            #[cfg(feature = "mail")]
            #[allow(dead_code)]
            #[tracing::instrument(skip_all)]
            async fn send_receipt(
                receipt: Receipt,
                #[cfg(feature = "audit")] State(audit): State<Audit>,
                charge: Completed<charge_card>,
            ) -> anyhow::Result<()> {
                Ok(())
            }
        },
    ));
}

#[test]
fn mistakes_keep_the_function_and_an_effect_that_nobody_calls() {
    assert_snapshot!(expand(
        quote!(name = "Receipt"),
        quote! {
            async fn send_receipt(receipt: Receipt, conn: &mut PgConnection) -> anyhow::Result<()> {
                Ok(())
            }
        },
    ));
}

#[test]
fn a_payload_that_is_none_makes_no_effect() {
    assert_snapshot!(expand(
        quote!(name = "receipt", unkeyed),
        quote! {
            async fn send_receipt(receipt: &str) -> anyhow::Result<()> {
                Ok(())
            }
        },
    ));
}
