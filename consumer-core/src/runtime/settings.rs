//! Settings: what the environment may say, and secrets that never print.

use std::{env, fmt, fs, ops::Deref, str::FromStr, time::Duration};

use crate::{
    error::{Error, Result},
    handler::ConsumerConfig,
    outbox::Relay,
};

use super::effects::EffectsConfig;

/// A text that is not printed: a URL with a password in it.
///
/// It derefs to `&str`, so that it goes wherever a URL goes: `PgStore::connect(&secret("DATABASE_URL")?)`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl Deref for Secret {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// Reads a secret from the environment: `NAME`, or the file that `NAME_FILE` names, as container platforms mount them.
///
/// # Errors
/// [`is_settings`](Error::is_settings) if neither is set, or the file cannot be read.
pub fn secret(name: &str) -> Result<Secret> {
    optional_secret(name)?.ok_or_else(|| {
        Error::settings(format!(
            "neither `{name}` nor `{name}_FILE` is set; set one of them in the environment"
        ))
    })
}

/// Like [`secret`], with `None` if neither is set.
///
/// # Errors
/// [`is_settings`](Error::is_settings) if the file cannot be read, or both are set.
pub fn optional_secret(name: &str) -> Result<Option<Secret>> {
    let (value, file) = (text(name)?, text(&format!("{name}_FILE"))?);
    match (value, file) {
        (Some(_), Some(_)) => Err(Error::settings(format!(
            "both `{name}` and `{name}_FILE` are set; unset one, they may disagree"
        ))),
        (Some(value), None) => Ok(Some(Secret(value))),
        (None, Some(path)) => {
            let read = fs::read_to_string(&path);
            let content = read.map_err(|e| {
                Error::settings(format!("`{name}_FILE` names {path:?}, which cannot be read")).because(e)
            })?;
            Ok(Some(Secret(content.trim_end_matches(['\r', '\n']).to_owned())))
        }
        (None, None) => Ok(None),
    }
}

/// Settings of the whole runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    /// How long a shutdown waits for what is in work.
    pub(super) grace: Duration,
    /// How long a claim is kept.
    pub(super) retention: Duration,
    /// How long a failure record is kept at most.
    pub(super) keep_failures: Duration,
    /// What the code says about the relay, if anything.
    pub(super) relay: Option<Relay>,
    /// How effects are run.
    pub(super) effects: EffectsConfig,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(30),
            retention: Duration::from_secs(7 * 24 * 60 * 60),
            keep_failures: Duration::from_secs(90 * 24 * 60 * 60),
            relay: None,
            effects: EffectsConfig::default(),
        }
    }
}

impl Settings {
    /// With what the environment says.
    pub(super) fn with_environment(self) -> Result<Self> {
        Ok(Self {
            grace: seconds("CONSUMER_GRACE_SECONDS")?.unwrap_or(self.grace),
            retention: seconds("CONSUMER_RETENTION_SECONDS")?.unwrap_or(self.retention),
            keep_failures: seconds("CONSUMER_KEEP_FAILURES_SECONDS")?.unwrap_or(self.keep_failures),
            relay: self.relay,
            effects: self.effects,
        })
    }
}

/// The relay of this process: as the code says, with what the environment says about it.
pub(super) fn relay_with_environment(relay: Relay) -> Result<Relay> {
    let exchange = text("CONSUMER_OUTBOX_EXCHANGE")?.unwrap_or_else(|| relay.exchange.clone());
    let window = parsed("CONSUMER_OUTBOX_WINDOW")?.unwrap_or(relay.window);
    let poll = parsed("CONSUMER_OUTBOX_POLL_MS")?.map_or(relay.poll, Duration::from_millis);
    let lease = seconds("CONSUMER_OUTBOX_LEASE_SECONDS")?.unwrap_or(relay.lease);
    let keep = seconds("CONSUMER_OUTBOX_KEEP_SECONDS")?.unwrap_or(relay.keep);
    let overdue = seconds("CONSUMER_OUTBOX_OVERDUE_SECONDS")?.unwrap_or(relay.overdue);
    let base = if relay_switch()?.unwrap_or(relay.on) { Relay::new() } else { Relay::off() };
    Ok(base.exchange(exchange).window(window).poll(poll).lease(lease).keep(keep).overdue(overdue))
}

fn relay_switch() -> Result<Option<bool>> {
    match text("CONSUMER_OUTBOX_RELAY")?.as_deref() {
        None => Ok(None),
        Some("on") => Ok(Some(true)),
        Some("off") => Ok(Some(false)),
        Some(other) => {
            Err(Error::settings(format!("`CONSUMER_OUTBOX_RELAY` is {other:?}, expected `on` or `off`")))
        }
    }
}

/// How effects are run, with what the environment says about it.
pub(super) fn effects_with_environment(config: EffectsConfig) -> Result<EffectsConfig> {
    let concurrency = parsed("CONSUMER_EFFECTS_CONCURRENCY")?.unwrap_or(config.concurrency);
    let lease = seconds("CONSUMER_EFFECTS_LEASE_SECONDS")?.unwrap_or(config.lease);
    let poll = parsed("CONSUMER_EFFECTS_POLL_MS")?.map_or(config.poll, Duration::from_millis);
    Ok(config.concurrency(concurrency).lease(lease).poll(poll))
}

/// A consumer's configuration with what the environment says about it.
pub(super) fn with_environment(name: &str, config: ConsumerConfig) -> Result<ConsumerConfig> {
    let variable = |knob: &str| format!("CONSUMER_{}_{knob}", shouted(name));
    let concurrency = parsed(&variable("CONCURRENCY"))?.unwrap_or(config.concurrency);
    let config = config.concurrency(concurrency);
    Ok(match parsed(&variable("PREFETCH"))? {
        Some(prefetch) => config.prefetch(prefetch),
        None => config,
    })
}

/// `ledger.payments` is `LEDGER_PAYMENTS` in a variable's name.
fn shouted(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

fn seconds(name: &str) -> Result<Option<Duration>> {
    Ok(parsed(name)?.map(Duration::from_secs))
}

fn parsed<T: FromStr>(name: &str) -> Result<Option<T>> {
    let Some(text) = text(name)? else { return Ok(None) };
    let wrong = || Error::settings(format!("`{name}` is {text:?}, expected a whole number"));
    text.parse().map(Some).map_err(|_| wrong())
}

fn text(name: &str) -> Result<Option<String>> {
    match env::var(name) {
        Ok(text) if text.is_empty() => Ok(None),
        Ok(text) => Ok(Some(text)),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(Error::settings(format!("`{name}` is not valid UTF-8"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print() {
        let secret = Secret::from("amqp://user:canary@host".to_owned());
        assert_eq!(format!("{secret:?}"), "Secret(***)");
        assert_eq!(&*secret, "amqp://user:canary@host");
    }

    #[test]
    fn a_consumers_name_is_found_in_a_variable() {
        assert_eq!(shouted("ledger.payments-v2"), "LEDGER_PAYMENTS_V2");
    }
}
