//! The threads that lapin and its supervisors run on.

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::runtime::{Builder, Handle, Runtime};

/// One for timers and sockets while the other runs a callback of ours.
const THREADS: usize = 2;

/// A runtime apart from the application's.
///
/// A handler that blocks its thread, or an application without a free CPU, delays neither heartbeats nor acks, and a
/// paused clock in a test does not stop them.
#[derive(Debug)]
pub(super) struct Engine(Option<Runtime>);

impl Engine {
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("consumer-rabbitmq")
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    pub(super) fn handle(&self) -> &Handle {
        self.0.as_ref().expect("taken in drop only").handle()
    }
}

impl Drop for Engine {
    /// Without waiting, because the last owner may be an async task, where waiting panics.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// A future that its caller drives, with the engine's timers and tasks.
///
/// It costs no task and no change of threads. Begun and then dropped, it goes on as a task of the engine's, so that it
/// never ends half-way.
#[derive(Debug)]
pub(super) struct Guest<F: Future<Output: Send> + Send + 'static> {
    engine: Handle,
    future: Option<Pin<Box<F>>>,
    begun: bool,
}

impl<F: Future<Output: Send> + Send + 'static> Guest<F> {
    pub(super) fn new(engine: Handle, future: F) -> Self {
        Self { engine, future: Some(Box::pin(future)), begun: false }
    }
}

impl<F: Future<Output: Send> + Send + 'static> Future for Guest<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let _entered = this.engine.enter();
        this.begun = true;
        let future = this.future.as_mut().expect("nobody polls a future that is done");
        let polled = future.as_mut().poll(cx);
        if polled.is_ready() {
            this.future = None;
        }
        polled
    }
}

impl<F: Future<Output: Send> + Send + 'static> Drop for Guest<F> {
    fn drop(&mut self) {
        if let Some(future) = self.future.take_if(|_| self.begun) {
            self.engine.spawn(future);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{sync::oneshot, time};

    use super::*;

    #[test]
    fn a_guest_that_is_dropped_half_way_is_driven_to_its_end() {
        let engine = Engine::start().expect("threads");
        let (go, gone) = oneshot::channel::<()>();
        let (done, ended) = oneshot::channel();
        let mut guest = Box::pin(Guest::new(engine.handle().clone(), async move {
            let _ = gone.await;
            time::sleep(Duration::from_millis(1)).await;
            let _ = done.send(());
        }));
        let cx = &mut Context::from_waker(std::task::Waker::noop());
        assert!(guest.as_mut().poll(cx).is_pending());
        drop(guest);
        go.send(()).expect("it waits for it");
        ended.blocking_recv().expect("it comes to its end");
    }

    #[test]
    fn a_guest_that_never_began_does_nothing() {
        let engine = Engine::start().expect("threads");
        let (done, ended) = oneshot::channel::<()>();
        drop(Guest::new(engine.handle().clone(), async move { done.send(()) }));
        ended.blocking_recv().expect_err("nothing was done");
    }
}
