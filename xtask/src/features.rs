//! The combinations of features that users choose.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::workspace::Workspace;
use crate::{child, narrate};

/// The package that users depend on.
const FACADE: &str = "consumer";
const STORAGES: [&str; 3] = ["sqlite", "postgres", "mysql"];
/// The example, which takes one storage at a time; none is SQLite.
const EXAMPLE: &str = "payment-consumer";
const STORAGE_OF_THE_EXAMPLE: [&str; 3] = ["", "postgres", "mysql"];
const BROKER: &str = "rabbitmq";
const MACROS: &str = "macros";
const HTTP: &str = "http";
const ONE_WITHIN: Duration = Duration::from_secs(900);

/// A feature and what it turns on.
#[derive(Debug)]
struct Feature {
    name: String,
    enables: Vec<String>,
}

/// Compiles every combination up to the first that does not; whether all do, without a warning.
///
/// # Errors
/// When cargo cannot be started, or `Interrupted`.
pub(crate) fn check(workspace: &Workspace) -> Result<bool> {
    for combination in combinations(&declared(workspace)?) {
        let features = combination.join(",");
        if !compiles(workspace, &["--package", FACADE, "--no-default-features", "--features", &features])? {
            return Ok(false);
        }
    }
    for storage in STORAGE_OF_THE_EXAMPLE {
        if !compiles(workspace, &["--package", EXAMPLE, "--all-targets", "--features", storage])? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn compiles(workspace: &Workspace, what: &[&str]) -> Result<bool> {
    let (log, begun) = (workspace.target("features.log"), Instant::now());
    let mut command = workspace.cargo();
    command.args(["check", "--quiet"]).args(what);
    let status = child::run_logged(&mut command, &log, ONE_WITHIN)?;
    let clean = std::fs::read_to_string(&log)?.trim().is_empty();
    let good = clean && status.is_some_and(|status| status.success());
    narrate::say(format!("check {} ({:.1} s)", what.join(" "), begun.elapsed().as_secs_f32()));
    if !good {
        narrate::say(child::tail(&log));
    }
    Ok(good)
}

/// The features that the manifest names.
fn declared(workspace: &Workspace) -> Result<Vec<Feature>> {
    let metadata = child::output(metadata(workspace).args(["--no-deps", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata is not JSON")?;
    let mut packages = metadata["packages"].as_array().into_iter().flatten();
    let facade =
        packages.find(|package| package["name"] == FACADE).context("the facade is not in the workspace")?;
    let features: BTreeMap<String, Vec<String>> = serde_json::from_value(facade["features"].clone())?;
    Ok(features.into_iter().map(|(name, enables)| Feature { name, enables }).collect())
}

fn metadata(workspace: &Workspace) -> Command {
    let mut command = workspace.cargo();
    command.arg("metadata");
    command
}

/// Every set of storages with and without RabbitMQ; everything without the macros; and each other feature with what it is
/// for. A feature that somebody adds is tried without a change here.
fn combinations(declared: &[Feature]) -> Vec<Vec<&str>> {
    let mut all = Vec::new();
    for broker in [None, Some(BROKER)] {
        for storages in subsets(&STORAGES) {
            all.push([MACROS].into_iter().chain(storages).chain(broker).collect());
        }
    }
    all.push(STORAGES.into_iter().chain([BROKER]).collect());
    all.extend(declared.iter().filter_map(with_what_it_is_for));
    all
}

/// A choice of TLS with the broker, the client or the storages it secures; what has no storage of its own with two.
fn with_what_it_is_for(feature: &Feature) -> Option<Vec<&str>> {
    let name = feature.name.as_str();
    if STORAGES.contains(&name) || [BROKER, MACROS, "default"].contains(&name) {
        return None;
    }
    let is_of = |library: &str| feature.enables.iter().any(|enabled| enabled.starts_with(library));
    let base: &[&str] = match () {
        () if is_of("lapin?") => &[MACROS, BROKER],
        () if is_of("reqwest?") => &[MACROS, HTTP],
        () => &[MACROS, "postgres", "mysql"],
    };
    Some(base.iter().copied().chain([name]).collect())
}

fn subsets<'a>(of: &[&'a str]) -> Vec<Vec<&'a str>> {
    let chosen = |bits: usize| (0..of.len()).filter(|at| bits >> at & 1 == 1).map(|at| of[at]).collect();
    (0..1 << of.len()).map(chosen).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feature(name: &str, enables: &[&str]) -> Feature {
        Feature { name: name.to_owned(), enables: enables.iter().map(|name| (*name).to_owned()).collect() }
    }

    #[test]
    fn every_set_of_storages_with_and_without_the_broker() {
        let all = combinations(&[]);
        assert_eq!(all.len(), 2 * 8 + 1);
        assert!(all.contains(&vec!["macros"]));
        assert!(all.contains(&vec!["macros", "sqlite", "mysql", "rabbitmq"]));
        assert!(all.contains(&vec!["sqlite", "postgres", "mysql", "rabbitmq"]));
    }

    #[test]
    fn another_feature_comes_with_what_it_is_for() {
        let openssl = feature("openssl", &["lapin?/openssl"]);
        let native = feature("tls-native-tls", &["consumer-sqlx/tls-native-tls"]);
        assert_eq!(with_what_it_is_for(&openssl), Some(vec!["macros", "rabbitmq", "openssl"]));
        assert_eq!(with_what_it_is_for(&native), Some(vec!["macros", "postgres", "mysql", "tls-native-tls"]));
        let rustls = feature("http-rustls", &["reqwest?/rustls"]);
        assert_eq!(with_what_it_is_for(&rustls), Some(vec!["macros", "http", "http-rustls"]));
        assert_eq!(with_what_it_is_for(&feature("sqlite", &[])), None);
    }
}
