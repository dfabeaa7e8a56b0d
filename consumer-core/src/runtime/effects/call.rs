//! One call of a user's effect, in a task of its own.

use std::{any::Any, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use crate::{
    classify::Class,
    clock,
    effect::{CallFailure, Effected, Finding, Reply},
    handler::{Context, ErasedEffect, HandlerError, Resolution, panic_text},
    printable,
    storage::Storage,
};

/// The longest error that the ledger keeps, in bytes.
const MAX_ERROR: usize = 4 * 1024;

/// What a call has said, and the class of its failure.
pub(super) struct Called {
    pub(super) reply: Reply,
    pub(super) class: Class,
}

/// Calls an effect. A time that is up, a panic and an error that says nothing about it leave its outcome unknown.
///
/// # Cancel safety
/// Dropping it ends the call at its next wait.
pub(super) async fn call<S: Storage>(
    storage: S,
    effect: Arc<dyn ErasedEffect>,
    request: Bytes,
    cx: Context,
    limit: Duration,
) -> Called {
    let call = async move {
        match effect.call(&request, &cx).await {
            Ok(result) => Called { reply: Reply::Done(result.into()), class: Class::Transient },
            Err(error) => describe(&storage, &error),
        }
    };
    in_a_task(call, limit).await.unwrap_or_else(|(class, error)| Called {
        reply: Reply::Failed(CallFailure {
            permanent: false,
            effected: Effected::Unknown,
            retry_after: None,
            error,
        }),
        class,
    })
}

/// Asks the provider what became of the calls before.
pub(super) async fn ask(
    effect: Arc<dyn ErasedEffect>,
    request: Bytes,
    cx: Context,
    limit: Duration,
) -> Finding {
    let question = async move {
        match effect.resolve(&request, &cx).await {
            Ok(Resolution::Done(result)) => Finding::Done(result.into()),
            Ok(Resolution::NotDone) => Finding::NotDone,
            Ok(Resolution::Unknown) => Finding::Unclear("the provider cannot tell".to_owned()),
            Err(error) => Finding::Unclear(format!("the provider could not be asked: {}", shown(&error))),
        }
    };
    in_a_task(question, limit).await.unwrap_or_else(|(_, error)| Finding::Unclear(error))
}

/// Runs user code where its panics and its blocking keep nobody from renewing a lease.
async fn in_a_task<T: Send + 'static>(
    code: impl Future<Output = T> + Send + 'static,
    limit: Duration,
) -> Result<T, (Class, String)> {
    let task = AbortOnDropHandle::new(tokio::spawn(code.in_current_span()));
    match clock::timeout(limit, task).await {
        Ok(Ok(said)) => Ok(said),
        Ok(Err(gone)) => Err((Class::Transient, gone_text(gone))),
        Err(_) => {
            Err((Class::TimeLimit, format!("the effect did not finish within {limit:?} and was cancelled")))
        }
    }
}

fn gone_text(gone: JoinError) -> String {
    match gone.try_into_panic() {
        Ok(panic) => {
            let text = panic_text(&*panic as &(dyn Any + Send));
            printable::plain(&format!("the effect panicked: {text}"), MAX_ERROR)
        }
        Err(_) => "the call was cancelled from outside".to_owned(),
    }
}

/// What an error says. Asking it runs the user's code, in the same task.
fn describe<S: Storage>(storage: &S, error: &HandlerError) -> Called {
    let (class, retry_after) = error.classify(storage);
    let failure = CallFailure {
        permanent: class == Class::Permanent,
        effected: error.effected(),
        retry_after,
        error: shown(error),
    };
    Called { reply: Reply::Failed(failure), class }
}

fn shown(error: &HandlerError) -> String {
    printable::plain(&error.to_string(), MAX_ERROR)
}
