//! The expansion of each shape of `#[consumer]`.

use insta::assert_snapshot;
use proc_macro2::TokenStream;
use quote::quote;

use crate::pretty::pretty;

fn expand(attr: TokenStream, item: TokenStream) -> String {
    pretty(super::expand(attr, item))
}

#[test]
fn a_connection_and_extractors() {
    assert_snapshot!(expand(
        quote!(name = "ledger", queue = "ledger.payments", timeout = "5s", aliases = ["books"]),
        quote! {
            /// Keeps the books.
            pub(crate) async fn record(
                event: PaymentCaptured,
                meta: &Meta,
                conn: &mut PgConnection,
                State(mail): State<Mailer>,
            ) -> Result<(), LedgerError> {
                Ok(())
            }
        },
    ));
}

#[test]
fn a_transaction() {
    assert_snapshot!(expand(
        quote!(name = "ledger"),
        quote! {
            async fn record(event: PaymentCaptured, tx: &mut Transaction<'_, Postgres>) -> anyhow::Result<()> {
                Ok(())
            }
        },
    ));
}

#[test]
fn no_connection() {
    assert_snapshot!(expand(
        quote!(name = "ledger"),
        quote! {
            async fn record(PaymentCaptured { account, .. }: PaymentCaptured) -> anyhow::Result<()> {
                Ok(())
            }
        },
    ));
}

#[test]
fn a_batch_that_fails_by_event() {
    assert_snapshot!(expand(
        quote!(name = "ledger", batch = 128),
        quote! {
            async fn record(
                events: Batch<PaymentCaptured>,
                conn: &mut PgConnection,
                outbox: BatchOutbox<'_>,
            ) -> Result<BatchFailures<LedgerError>, sqlx::Error> {
                Ok(BatchFailures::new())
            }
        },
    ));
}

#[test]
fn another_type_and_another_path_of_the_crate() {
    assert_snapshot!(expand(
        quote!(name = "ledger", as = Record, crate = crate::reexported::consumer),
        quote! {
            async fn record(event: PaymentCaptured) -> anyhow::Result<()> {
                Ok(())
            }
        },
    ));
}

#[test]
fn conditions_and_lints() {
    assert_snapshot!(expand(
        quote!(name = "ledger"),
        quote! {
            #[cfg(feature = "ledger")]
            #[cfg_attr(docsrs, doc(cfg(feature = "ledger")))]
            #[allow(dead_code)]
            #[tracing::instrument]
            async fn record(
                event: PaymentCaptured,
                #[cfg(feature = "mail")] State(mail): State<Mailer>,
                Tenant(tenant): Tenant<'_>,
            ) -> anyhow::Result<()> {
                Ok(())
            }
        },
    ));
}

#[test]
fn mistakes_keep_the_function_and_register_nothing() {
    assert_snapshot!(expand(
        quote!(name = "Ledger"),
        quote! {
            const async fn record(event: &PaymentCaptured, pool: PgPool) {
                let _ = (event, pool);
            }
        },
    ));
}

#[test]
fn a_method_stays_one() {
    let expanded = super::expand(
        quote!(name = "ledger"),
        quote! {
            async fn record(&self, event: PaymentCaptured) -> anyhow::Result<()> {
                Ok(())
            }
        },
    );
    assert_snapshot!(pretty(quote!(impl Ledger { #expanded })));
}

#[test]
fn another_item_stays_as_it_is() {
    assert_snapshot!(expand(
        quote!(name = "ledger"),
        quote!(
            struct Ledger;
        )
    ));
}
