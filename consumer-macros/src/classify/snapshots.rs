//! The expansion of each shape of `#[derive(Classify)]`.

use insta::assert_snapshot;
use proc_macro2::TokenStream;
use quote::quote;

use crate::pretty::pretty;

fn expand(item: TokenStream) -> String {
    pretty(super::expand(item))
}

#[test]
fn an_enum() {
    assert_snapshot!(expand(quote! {
        enum LedgerError {
            #[classify(permanent)]
            AccountClosed,
            #[classify(transient)]
            NotYet { since: u64 },
            #[classify(retry_after = 30)]
            Busy(u8),
            #[classify(retry_after = "500ms")]
            VeryBusy,
            Unmarked,
            Db(#[from] sqlx::Error),
            Http { url: String, #[source] inner: reqwest::Error },
            Named { source: Option<io::Error> },
            #[error(transparent)]
            Other(anyhow::Error),
        }
    }));
}

#[test]
fn an_empty_enum() {
    assert_snapshot!(expand(quote!(
        enum Never {}
    )));
}

#[test]
fn a_generic_enum_through_another_path_of_the_crate() {
    assert_snapshot!(expand(quote! {
        #[classify(crate = reexported)]
        enum Failed<E: Error + 'static> where E: Send {
            Inner(#[source] E),
        }
    }));
}

#[test]
fn a_struct_with_a_class() {
    assert_snapshot!(expand(quote! {
        #[classify(permanent)]
        struct Rejected;
    }));
}

#[test]
fn a_struct_with_a_cause() {
    assert_snapshot!(expand(quote!(
        struct Db(#[from] sqlx::Error);
    )));
}

#[test]
fn mistakes_alone() {
    assert_snapshot!(expand(quote! {
        #[classify(permanent)]
        enum LedgerError {
            #[classify(permanant)]
            AccountClosed,
        }
    }));
}
