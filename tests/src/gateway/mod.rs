//! A payment gateway that honours idempotency keys and fails as the big ones do.

mod books;
mod faults;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
    routing::post,
};
use tokio::{net::TcpListener, task::JoinHandle, time::sleep};

pub use self::{books::Books, faults::Fault};

/// How long a call that is never answered is held; longer than any caller waits.
const HANG: Duration = Duration::from_secs(30);

/// A running gateway; it ends when it is dropped. It outlives the consumers that call it.
pub struct Gateway {
    address: SocketAddr,
    office: Arc<Office>,
    task: JoinHandle<()>,
}

struct Office {
    books: Mutex<Books>,
    dice: Mutex<fastrand::Rng>,
    /// How many out of a hundred calls fail.
    faults: Mutex<u32>,
    /// How long each call takes.
    takes: Mutex<Duration>,
}

impl Gateway {
    /// Opens one that fails so many out of a hundred calls.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn open(faults: u32, dice: fastrand::Rng) -> Self {
        let office = Arc::new(Office {
            books: Mutex::default(),
            dice: Mutex::new(dice),
            faults: Mutex::new(faults),
            takes: Mutex::default(),
        });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new().route("/{account}", post(charge)).with_state(office.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
        Self { address, office, task }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its books, as they are now.
    pub fn books(&self) -> Books {
        self.office.books().clone()
    }

    /// Takes so long for each call.
    pub fn take(&self, time: Duration) {
        *self.office.takes.lock().unwrap_or_else(PoisonError::into_inner) = time;
    }

    /// Fails no more.
    pub fn recover(&self) {
        *self.office.faults.lock().unwrap_or_else(PoisonError::into_inner) = 0;
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Office {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fault(&self) -> Option<Fault> {
        let faults = *self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
        (dice.u32(..100) < faults).then(|| Fault::pick(&mut dice))
    }
}

/// Charges a payment, once for each key of an account.
async fn charge(
    State(office): State<Arc<Office>>,
    Path(account): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(key) = headers.get("idempotency-key").and_then(|key| key.to_str().ok()) else {
        office.books().keyless();
        return StatusCode::BAD_REQUEST.into_response();
    };
    let fault = office.fault();
    office.books().called(fault);
    match fault {
        Some(Fault::Busy) => return (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, "1")]).into_response(),
        Some(Fault::InProgress) => return StatusCode::CONFLICT.into_response(),
        Some(Fault::FailedBefore) => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        _ => {}
    }
    let takes = *office.takes.lock().unwrap_or_else(PoisonError::into_inner);
    sleep(takes).await;
    let Some(charge) = office.books().charge(&account, key, &body) else {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    };
    match fault {
        Some(Fault::FailedAfter) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Some(Fault::Silent) => {
            sleep(HANG).await;
            StatusCode::GATEWAY_TIMEOUT.into_response()
        }
        _ => axum::Json(charge).into_response(),
    }
}
