//! The expansion of each shape of `#[derive(Event)]`.

use insta::assert_snapshot;
use proc_macro2::TokenStream;
use quote::quote;

use crate::pretty::pretty;

fn expand(item: TokenStream) -> String {
    pretty(super::expand(item))
}

#[test]
fn a_struct() {
    assert_snapshot!(expand(quote! {
        #[event(type = "payment.captured", version = 1)]
        struct PaymentCaptured {
            account: i64,
        }
    }));
}

#[test]
fn a_struct_with_id_and_key() {
    assert_snapshot!(expand(quote! {
        #[event(type = "payment.captured", version = 2)]
        struct PaymentCaptured {
            #[event(id)]
            payment: Uuid,
            #[event(key)]
            r#type: i64,
        }
    }));
}

#[test]
fn a_tuple_struct_through_another_path_of_the_crate() {
    assert_snapshot!(expand(quote! {
        #[event(type = "account.closed", version = 1, crate = reexported)]
        struct AccountClosed(#[event(id, key)] String);
    }));
}

#[test]
fn an_enum() {
    assert_snapshot!(expand(quote! {
        enum Money {
            Captured(PaymentCaptured),
            Closed(accounts::AccountClosed),
        }
    }));
}

#[test]
fn mistakes_alone() {
    assert_snapshot!(expand(quote! {
        struct PaymentCaptured<T>(#[event(kye)] T);
    }));
}
