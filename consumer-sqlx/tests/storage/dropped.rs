//! Futures that are dropped half way.

use std::{future::poll_fn, pin::pin, task::Poll};

/// Polls a future so many times and drops it; `None` where it was not done by then.
pub(crate) async fn after<F: Future>(polls: u32, future: F) -> Option<F::Output> {
    let (mut future, mut left) = (pin!(future), polls);
    poll_fn(|cx| {
        let Some(rest) = left.checked_sub(1) else { return Poll::Ready(None) };
        left = rest;
        future.as_mut().poll(cx).map(Some)
    })
    .await
}
