//! The threads that lapin and its supervisors run on.

use std::io;

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
