//! The client against providers that misbehave.

use std::{
    error::Error as StdError,
    fmt::Debug,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::{Request as Received, State},
    response::{IntoResponse, Response as Answer},
};
use bytes::Bytes;
use consumer_core::{
    classify::Class,
    effect::{Effected, IdempotencyKey, ProviderError},
    handler::RequestBody,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{Provider, ProviderBuilder, Response};

const CANARY: &str = "canary";
const SHORT: Duration = Duration::from_millis(150);

fn key() -> IdempotencyKey {
    IdempotencyKey::for_test("8e03978e-40d5-43dd-bc93-6894a57f9324")
}

fn body() -> RequestBody {
    RequestBody::for_test(r#"{"cents": 100,  "card":"canary"}"#)
}

fn at(address: SocketAddr) -> ProviderBuilder {
    Provider::builder(&format!("http://{address}/v1"))
}

/// What a provider got: method, path and query, headers, body.
type Inbox = Arc<Mutex<Vec<(String, String, reqwest::header::HeaderMap, Bytes)>>>;

/// A provider that gives this answer to everything.
async fn provider(answer: impl Fn() -> Answer + Clone + Send + Sync + 'static) -> (SocketAddr, Inbox) {
    let inbox = Inbox::default();
    let receive = move |State(inbox): State<Inbox>, received: Received| async move {
        let (head, body) = received.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.expect("a whole request");
        let path = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
        inbox.lock().expect("not poisoned").push((head.method.to_string(), path, head.headers, body));
        answer()
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let app = Router::new().fallback(receive).with_state(inbox.clone());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (address, inbox)
}

/// A provider that reads the whole request, sends these bytes, and does this to the connection.
async fn raw(said: &'static str, then: Then) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                read_whole(&mut stream).await;
                stream.write_all(said.as_bytes()).await.expect("the client listens");
                match then {
                    Then::HangUp => drop(stream),
                    Then::BeSilent => std::future::pending().await,
                }
            });
        }
    });
    address
}

#[derive(Clone, Copy)]
enum Then {
    HangUp,
    BeSilent,
}

async fn read_whole(stream: &mut TcpStream) {
    let (mut seen, end) = (Vec::new(), body());
    while !seen.ends_with(end.bytes()) {
        let mut buffer = [0; 1024];
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => seen.extend_from_slice(&buffer[..read]),
        }
    }
}

async fn charge(builder: ProviderBuilder) -> Result<Response, ProviderError> {
    builder.build().expect("a good provider").post("charges", &key(), &body()).send().await
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Refused,
    NotDone,
    Unknown,
}

fn outcome(error: &ProviderError) -> Outcome {
    match (error.class(), error.effected()) {
        (Class::Permanent, Effected::Nothing) => Outcome::Refused,
        (Class::Transient, Effected::Nothing) => Outcome::NotDone,
        (Class::Transient, Effected::Unknown) => Outcome::Unknown,
        other => panic!("{other:?}"),
    }
}

async fn failed(builder: ProviderBuilder) -> (Outcome, ProviderError) {
    let error = charge(builder).await.expect_err("a failure");
    (outcome(&error), error)
}

fn ok() -> Answer {
    r#"{"id":"ch_1"}"#.into_response()
}

fn status(code: u16) -> Answer {
    (reqwest::StatusCode::from_u16(code).expect("a status"), CANARY).into_response()
}

#[tokio::test]
async fn every_attempt_sends_the_same_key_and_the_same_bytes() {
    let (address, inbox) = provider(ok).await;
    for _ in 0..2 {
        let response = charge(at(address)).await.expect("an answer");
        assert_eq!(response.json::<serde_json::Value>().expect("JSON")["id"], "ch_1");
    }
    let inbox = inbox.lock().expect("not poisoned");
    assert_eq!(inbox.len(), 2);
    for (method, path, headers, received) in &*inbox {
        assert_eq!((method.as_str(), path.as_str()), ("POST", "/v1/charges"));
        assert_eq!(headers["idempotency-key"], key().as_str());
        assert_eq!(headers["content-type"], "application/json");
        assert_eq!(received, body().bytes());
    }
}

#[tokio::test]
async fn a_provider_of_the_draft_gets_its_key_in_quotes() {
    let (address, inbox) = provider(ok).await;
    charge(at(address).quoted_key().bearer("sk_1")).await.expect("an answer");
    charge(at(address).key_header("PayPal-Request-Id")).await.expect("an answer");
    let inbox = inbox.lock().expect("not poisoned");
    assert_eq!(inbox[0].2["idempotency-key"], format!("\"{}\"", key()));
    assert_eq!(inbox[0].2["authorization"], "Bearer sk_1");
    assert_eq!(inbox[1].2["paypal-request-id"], key().as_str());
    assert!(!inbox[1].2.contains_key("idempotency-key"));
}

#[tokio::test]
async fn a_body_of_another_type_replaces_the_stored_one() {
    let (address, inbox) = provider(ok).await;
    let provider = at(address).build().expect("a good provider");
    let request = provider.put("charges/1?expand=all", &key(), &body()).header("x-tenant", "acme");
    request.content("application/x-www-form-urlencoded", "cents=100").send().await.expect("an answer");
    provider.delete("charges/1", &key()).send().await.expect("an answer");
    let inbox = inbox.lock().expect("not poisoned");
    assert_eq!((inbox[0].0.as_str(), inbox[0].1.as_str()), ("PUT", "/v1/charges/1?expand=all"));
    assert_eq!(inbox[0].2["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(inbox[0].2["x-tenant"], "acme");
    assert_eq!(inbox[0].3, "cents=100");
    assert_eq!((inbox[1].0.as_str(), inbox[1].3.len()), ("DELETE", 0));
}

#[tokio::test]
async fn nobody_listens_so_nothing_was_done() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    let (outcome, error) = failed(at(address)).await;
    assert_eq!(outcome, Outcome::NotDone);
    assert!(error.to_string().starts_with(&format!("POST http://{address}/charges was not sent")), "{error}");
}

#[tokio::test]
async fn a_host_that_does_not_exist_has_done_nothing() {
    let (outcome, error) = failed(Provider::builder("http://gateway.invalid")).await;
    assert_eq!(outcome, Outcome::NotDone, "{error}");
}

#[tokio::test]
async fn a_connection_that_is_cut_after_the_request_leaves_it_unknown() {
    let (outcome, error) = failed(at(raw("", Then::HangUp).await)).await;
    assert_eq!(outcome, Outcome::Unknown, "{error}");
}

#[tokio::test]
async fn a_connection_that_is_cut_inside_the_head_leaves_it_unknown() {
    let (outcome, error) = failed(at(raw("HTTP/1.1 200 OK\r\nContent-Le", Then::HangUp).await)).await;
    assert_eq!(outcome, Outcome::Unknown, "{error}");
}

#[tokio::test]
async fn a_provider_that_never_answers_leaves_it_unknown() {
    let (outcome, error) = failed(at(raw("", Then::BeSilent).await).timeout(SHORT)).await;
    assert_eq!(outcome, Outcome::Unknown);
    assert!(error.to_string().ends_with("no answer came in time"), "{error}");
}

#[tokio::test]
async fn half_a_body_of_success_leaves_it_unknown() {
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"id\":";
    for then in [Then::HangUp, Then::BeSilent] {
        let (outcome, error) = failed(at(raw(half, then).await).timeout(SHORT)).await;
        assert_eq!(outcome, Outcome::Unknown);
        assert!(error.to_string().ends_with("was answered with 200, but the answer broke off"), "{error}");
    }
}

#[tokio::test]
async fn half_a_body_of_a_refusal_is_a_refusal() {
    let half = "HTTP/1.1 400 Bad Request\r\nContent-Length: 13\r\n\r\n{\"err";
    let (outcome, error) = failed(at(raw(half, Then::HangUp).await)).await;
    assert_eq!(outcome, Outcome::Refused, "{error}");
}

#[tokio::test]
async fn what_speaks_no_http_leaves_it_unknown() {
    let (outcome, error) = failed(at(raw("220 mail ESMTP\r\n", Then::HangUp).await)).await;
    assert_eq!(outcome, Outcome::Unknown, "{error}");
}

#[tokio::test]
async fn an_answer_means_what_its_status_says() {
    let expected = [
        (Outcome::Refused, &[400, 402, 404, 422, 501][..]),
        (Outcome::NotDone, &[401, 403, 425, 429]),
        (Outcome::Unknown, &[303, 408, 409, 500, 502, 503, 504]),
    ];
    for (expected, codes) in expected {
        for &code in codes {
            let (address, inbox) = provider(move || status(code)).await;
            let (outcome, error) = failed(at(address)).await;
            assert_eq!(outcome, expected, "{code}: {error}");
            assert_eq!(inbox.lock().expect("not poisoned").len(), 1, "{code} is not repeated here");
        }
    }
}

#[tokio::test]
async fn a_provider_that_is_busy_says_when_to_come_back() {
    let busy = || ([("retry-after", "7"), ("request-id", "req_1")], status(429)).into_response();
    let (_, error) = failed(at(provider(busy).await.0)).await;
    assert_eq!(error.wait(), Some(Duration::from_secs(7)));
    assert!(error.to_string().ends_with("429 Too Many Requests (request req_1)"), "{error}");

    let dates = [("date", "Wed, 21 Oct 2026 07:28:00 GMT"), ("retry-after", "Wed, 21 Oct 2026 07:30:00 GMT")];
    let away = move || (dates, status(503)).into_response();
    let (outcome, error) = failed(at(provider(away).await.0)).await;
    assert_eq!((outcome, error.wait()), (Outcome::Unknown, Some(Duration::from_secs(120))));
}

#[tokio::test]
async fn an_accepted_status_is_an_answer() {
    let (address, _) = provider(|| status(402)).await;
    let provider = at(address).build().expect("a good provider");
    let declined = provider.post("charges", &key(), &body()).accept(402).send().await.expect("an answer");
    assert_eq!((declined.status(), &declined.body()[..]), (402, CANARY.as_bytes()));
    assert!(provider.get("charges/1").accept(404).send().await.is_err(), "402 was not accepted here");
}

#[tokio::test]
async fn no_redirect_carries_a_key_elsewhere() {
    let (elsewhere, inbox) = provider(ok).await;
    for code in [301, 302, 303, 307, 308] {
        let there = format!("http://{elsewhere}/");
        let moved = move || ([("location", there.clone())], status(code)).into_response();
        let (_, error) = failed(at(provider(moved).await.0)).await;
        assert!(error.to_string().contains(&code.to_string()), "{error}");
    }
    assert!(inbox.lock().expect("not poisoned").is_empty());
}

#[tokio::test]
async fn an_answer_without_an_end_is_not_read_for_ever() {
    let (address, _) = provider(|| vec![b'x'; 4096].into_response()).await;
    let (outcome, error) = failed(at(address).largest_answer(4095)).await;
    assert_eq!(outcome, Outcome::Unknown, "{error}");
    charge(at(address).largest_answer(4096)).await.expect("an answer");
}

#[tokio::test]
async fn a_result_that_cannot_be_read_is_no_failure_of_the_call() {
    let (address, _) = provider(|| r#"{"id":"canary"}"#.into_response()).await;
    let response = charge(at(address)).await.expect("an answer");
    let error = response.json::<std::collections::HashMap<String, u32>>().expect_err("no number");
    assert_eq!(outcome(&error), Outcome::Unknown);
    assert!(!shown(&error).contains(CANARY), "{error}");
}

#[tokio::test]
async fn a_header_cannot_be_smuggled_in() {
    let (address, inbox) = provider(ok).await;
    let provider = at(address).build().expect("a good provider");
    for request in [
        provider.post("charges", &key(), &body()).header("x-name", "canary\r\nx-evil: 1"),
        provider.post("charges", &key(), &body()).header("x name", "canary"),
        provider.post("../admin", &key(), &body()),
    ] {
        let error = request.send().await.expect_err("never sent");
        assert_eq!(outcome(&error), Outcome::Refused);
        assert!(!shown(&error).contains(CANARY), "{error}");
    }
    assert!(inbox.lock().expect("not poisoned").is_empty());
    let wrong = at(address).bearer("canary\n").build().expect_err("no header");
    assert!(wrong.is_settings() && !format!("{wrong} {wrong:?}").contains(CANARY), "{wrong}");
}

/// An error as every log might show it, with its causes.
fn shown(error: &ProviderError) -> String {
    let mut shown = format!("{error:?}");
    let mut link: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = link {
        shown.push_str(&format!(" {error} {error:#?}"));
        link = error.source();
    }
    shown
}

#[tokio::test]
async fn no_secret_is_ever_shown() {
    let closed =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port").local_addr().expect("bound");
    for address in [
        provider(|| status(500)).await.0,
        provider(|| ([("request-id", "x".repeat(81))], status(400)).into_response()).await.0,
        raw("", Then::HangUp).await,
        raw("", Then::BeSilent).await,
        raw("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\ncanary", Then::HangUp).await,
        raw("canary\r\n", Then::HangUp).await,
        closed,
    ] {
        let builder = Provider::builder(&format!("http://user:canary@{address}/hooks/canary"));
        let builder = builder.bearer(CANARY).header("x-api-key", CANARY).timeout(SHORT);
        assert_hidden(&builder);
        let provider = builder.build().expect("a good provider");
        assert_hidden(&provider);
        let request = provider.post("charges?token=canary", &key(), &body()).header("x-card", CANARY);
        assert_hidden(&request);
        let error = request.send().await.expect_err("a failure");
        assert!(!shown(&error).contains(CANARY), "{}", shown(&error));
    }
    let (address, _) = provider(|| ([("set-cookie", CANARY)], CANARY).into_response()).await;
    assert_hidden(&charge(at(address)).await.expect("an answer"));
}

fn assert_hidden(thing: &impl Debug) {
    assert!(!format!("{thing:?} {thing:#?}").contains(CANARY), "{thing:?}");
}

#[cfg(any(feature = "http-native-tls", feature = "http-rustls"))]
#[tokio::test]
async fn a_handshake_that_fails_has_done_nothing() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let plain = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let (outcome, error) = failed(Provider::builder(&format!("https://{plain}"))).await;
    assert_eq!(outcome, Outcome::NotDone, "{error}");
}
