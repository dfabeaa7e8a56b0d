//! The binary itself, against each database that this machine has.

#![allow(unreachable_pub)]

#[cfg(feature = "rabbitmq")]
mod doctor;
mod effects;
#[cfg(feature = "rabbitmq")]
mod letters;
mod outbox;
mod place;
#[cfg(feature = "rabbitmq")]
mod post;
mod refusals;
mod rows;
mod said;

/// One test for each storage, skipped where its server is not there.
macro_rules! on_each_storage {
    ($($name:ident)*) => {
        mod sqlite {
            $(#[tokio::test] async fn $name() { super::$name(&crate::place::sqlite().await).await; })*
        }
        #[cfg(feature = "postgres")]
        mod postgres {
            $(#[tokio::test] async fn $name() {
                if let Some(place) = crate::place::postgres().await { super::$name(&place).await; }
            })*
        }
        #[cfg(feature = "mysql")]
        mod mysql {
            $(#[tokio::test] async fn $name() {
                if let Some(place) = crate::place::mysql().await { super::$name(&place).await; }
            })*
        }
    };
}

pub(crate) use on_each_storage;
