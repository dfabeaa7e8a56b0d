//! The server: HTTP in front of the desk, and all that goes wrong there.

use std::{future::pending, io, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures_util::stream;
use serde_json::json;
use tokio::time::sleep;

use super::{
    desk::{Desk, Says, Work},
    fault::{Fault, Faults},
};

const KEY: &str = "idempotency-key";
/// How long work takes that is still in progress when another call comes.
const IN_WORK: Duration = Duration::from_millis(20);
/// What a busy gateway asks for, in seconds.
const LATER: &str = "1";

#[derive(Clone)]
pub struct Server {
    pub desk: Arc<Desk>,
    pub faults: Arc<Faults>,
}

impl Server {
    pub fn router(self) -> Router {
        let work = |work: Work| {
            post(async move |State(server): State<Self>, headers: HeaderMap, body: Bytes| {
                server.answer(work, &headers, body).await
            })
        };
        Router::new()
            .route("/v1/charges", work(Work::Charge))
            .route("/v1/refunds", work(Work::Refund))
            .route("/v1/receipts", work(Work::Receipt))
            .route("/v1/tally", get(async |State(server): State<Self>| Json(server.desk.tally())))
            .with_state(self)
    }

    async fn answer(self, work: Work, headers: &HeaderMap, body: Bytes) -> Response {
        let Some(key) = headers.get(KEY).and_then(|key| key.to_str().ok()) else {
            return problem(StatusCode::BAD_REQUEST, "a key is missing");
        };
        let Ok(order) = serde_json::from_slice(&body) else {
            return problem(StatusCode::BAD_REQUEST, "that is no order");
        };
        let fault = self.fault(key);
        // The limit stands in front of the desk, as it does at the big providers.
        if fault == Some(Fault::Busy) {
            return later(StatusCode::TOO_MANY_REQUESTS);
        }
        match self.desk.take(work, key, &body, order) {
            Says::Altered => problem(StatusCode::UNPROCESSABLE_ENTITY, "the key was used with another body"),
            Says::NoCharge => problem(StatusCode::NOT_FOUND, "there is no such charge"),
            Says::Done(number) => self.after(fault, number).await,
            Says::InProgress => later(StatusCode::CONFLICT),
            Says::Begun if fault == Some(Fault::InProgress) => {
                self.finish_later(work, key.to_owned());
                later(StatusCode::CONFLICT)
            }
            Says::Begun => {
                let number = self.desk.finish(work, key);
                self.after(fault, number).await
            }
        }
    }

    /// What goes wrong with this call, and is counted.
    fn fault(&self, key: &str) -> Option<Fault> {
        let fault = self.faults.next();
        let fault = fault.filter(|_| !self.desk.spares(key, fault))?;
        self.faults.count(fault);
        Some(fault)
    }

    /// The work is done; whether the caller gets to know is another question.
    async fn after(&self, fault: Option<Fault>, number: u64) -> Response {
        let answer = json!({ "id": format!("gw_{number}") });
        match fault {
            Some(Fault::Silence) => pending().await,
            Some(Fault::Crash) => later(StatusCode::INTERNAL_SERVER_ERROR),
            Some(Fault::InProgress) => later(StatusCode::CONFLICT),
            Some(Fault::HalfAnAnswer) => half(&answer.to_string()),
            _ => Json(answer).into_response(),
        }
    }

    fn finish_later(self, work: Work, key: String) {
        tokio::spawn(async move {
            sleep(IN_WORK).await;
            self.desk.finish(work, &key);
        });
    }
}

fn problem(status: StatusCode, what: &str) -> Response {
    (status, Json(json!({ "error": what }))).into_response()
}

fn later(status: StatusCode) -> Response {
    (status, [("retry-after", LATER)]).into_response()
}

fn half(answer: &str) -> Response {
    let begun = Bytes::copy_from_slice(&answer.as_bytes()[..answer.len() / 2]);
    Body::from_stream(stream::iter([Ok(begun), Err(io::Error::other("the cable was pulled"))]))
        .into_response()
}
