//! How generated code lends a connection: so that one wrong connection type is one message.
//!
//! A bound that fails is reported wherever it is written. So `#[consumer]` asks for [`Lends`], which has no bound on the
//! type, and picks a tier by method lookup; the `impl Register` beside it names the storage and reports the mistake.

use std::marker::PhantomData;

use consumer_core::Storage;

use crate::Connection;

/// A storage, seen from a type that may be a connection of it.
pub trait Lends<C>: Storage {
    /// Lends it out of a unit's transaction.
    fn lend<'a, 's: 'a>(tx: &'a mut Self::Tx<'s>) -> C::Lent<'a, 's>
    where
        C: Connection;
}

impl<C: Connection> Lends<C> for C::Storage {
    fn lend<'a, 's: 'a>(tx: &'a mut Self::Tx<'s>) -> C::Lent<'a, 's> {
        C::lend(tx)
    }
}

/// A unit's transaction, about to be lent as a `C`.
pub struct Lending<'a, 's, S: Storage, C>(&'a mut S::Tx<'s>, PhantomData<fn() -> C>);

impl<'a, 's, S: Storage, C> Lending<'a, 's, S, C> {
    /// To be lent.
    pub fn new(tx: &'a mut S::Tx<'s>) -> Self {
        Self(tx, PhantomData)
    }
}

/// A `C` that is a connection.
pub trait PickConnection<'a, 's, C: Connection> {
    /// Lends it.
    fn lend(self) -> C::Lent<'a, 's>;
}

impl<'a, 's: 'a, S: Lends<C>, C: Connection> PickConnection<'a, 's, C> for Lending<'a, 's, S, C> {
    fn lend(self) -> C::Lent<'a, 's> {
        S::lend(self.0)
    }
}

/// A `C` that is none.
pub trait PickNoConnection {
    /// Is never called: the program does not compile.
    fn lend<T>(&mut self) -> T {
        unreachable!("a consumer was compiled whose connection belongs to no storage")
    }
}

impl<S: Storage, C> PickNoConnection for Lending<'_, '_, S, C> {}
