//! The mistakes that the tests must find.

use std::fmt;
use std::path::PathBuf;

use anyhow::Result;

use crate::runner::{Runner, Verdict};
use crate::workspace::Workspace;
use crate::{child, narrate};

/// A mistake that the build with faults makes when `CONSUMER_MUTANT` names it.
#[derive(Debug)]
struct Mutant {
    name: &'static str,
    /// What goes wrong with it.
    why: &'static str,
    /// Each of these must fail, and pass without the mutant; where empty, `mutant_<name>` with underscores.
    tests: &'static [&'static str],
}

/// A new mutant is a line here, a branch in the code it spoils, and a test.
const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "no-guard",
        why: "COMMIT of a transaction that is gone looks like success, and the message is acked without effect",
        tests: &[],
    },
    Mutant { name: "ack-before-commit", why: "a crash between the two loses the message", tests: &[] },
    Mutant {
        name: "select-then-insert",
        why: "two deliveries of one event both find nothing and both take effect",
        tests: &[],
    },
    Mutant {
        name: "collated-key",
        why: "ids that differ by case, accent or trailing space pass for one, and a message is lost",
        tests: &[],
    },
    Mutant {
        name: "claim-after-handler",
        why: "two deliveries of one event both run the handler, and its effects outside the transaction happen twice",
        tests: &[],
    },
    Mutant {
        name: "marks-before-confirm",
        why: "an event that no queue took, or that a crash overtook, is never published again",
        tests: &[],
    },
    Mutant {
        name: "new-id-on-republish",
        why: "an event that is published again after a lost confirm passes for another one and takes effect twice",
        tests: &[],
    },
    Mutant {
        name: "key-with-attempt",
        why: "the provider takes a repeated call for a new one, and charges a customer twice",
        tests: &[],
    },
    Mutant {
        name: "letter-acked-before-confirm",
        why: "a dead letter that no queue took is lost",
        tests: &[],
    },
    Mutant {
        name: "copy-acked-before-confirm",
        why: "a copy that no queue has taken is gone with its original when the process dies",
        tests: &[],
    },
    Mutant {
        name: "attempts-from-headers",
        why: "a publisher writes a header, and the first failure of its message is its last",
        tests: &[],
    },
    Mutant {
        name: "requeue-as-retry",
        why: "a failed message comes back at once and for ever, until the broker gives up on it",
        tests: &[],
    },
    Mutant {
        name: "effect-inside-transaction",
        why: "a transaction that rolls back has charged a customer",
        tests: &[],
    },
];

/// One line of the table.
#[derive(Debug)]
struct Trial {
    mutant: &'static str,
    test: String,
    without: Verdict,
    with: Verdict,
}

/// Runs the tests of every mutant, or of those named, without it and with it; whether all mutants were found.
///
/// # Errors
/// When the runner cannot be started, or `Interrupted`.
pub(crate) fn run(workspace: &Workspace, runner: &Runner<'_>, named: &[String]) -> Result<bool> {
    let mut trials = Vec::new();
    for mutant in
        MUTANTS.iter().filter(|mutant| named.is_empty() || named.iter().any(|name| name == mutant.name))
    {
        for test in mutant.tests() {
            let trial = attempt(workspace, runner, mutant.name, test)?;
            narrate::say(&trial);
            trials.push(trial);
        }
    }
    narrate::answer(&table(&trials))?;
    Ok(!trials.is_empty() && trials.iter().all(Trial::found))
}

/// The names that can be asked for.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    MUTANTS.iter().map(|mutant| mutant.name)
}

impl Mutant {
    fn tests(&self) -> Vec<String> {
        if self.tests.is_empty() {
            return vec![format!("mutant_{}", self.name.replace('-', "_"))];
        }
        self.tests.iter().map(|test| (*test).to_owned()).collect()
    }
}

impl Trial {
    fn found(&self) -> bool {
        (self.without, self.with) == (Verdict::Passed, Verdict::Failed)
    }

    fn finding(&self) -> &'static str {
        match (self.without, self.with) {
            (Verdict::Passed, Verdict::Failed) => "found",
            (Verdict::Passed, Verdict::Passed) => "SURVIVED",
            (Verdict::Passed, Verdict::Hung) => "NO PROOF: the test hung with the mutant",
            (Verdict::Absent, _) | (_, Verdict::Absent) => "NO PROOF: there is no such test",
            (Verdict::Failed, _) => "NO PROOF: the test fails without the mutant",
            (Verdict::Hung, _) => "NO PROOF: the test hangs without the mutant",
            (Verdict::Broken, _) | (_, Verdict::Broken) => "NO PROOF: the test could not be run",
        }
    }
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {}: {}", self.mutant, self.test, self.finding())
    }
}

fn attempt(workspace: &Workspace, runner: &Runner<'_>, mutant: &'static str, test: String) -> Result<Trial> {
    let log =
        |kind: &str| -> PathBuf { workspace.target("mutants").join(format!("{mutant}.{test}.{kind}.log")) };
    let without = runner.one(&test, None, &log("without"))?;
    if without != Verdict::Passed {
        narrate::say(child::tail(&log("without")));
        return Ok(Trial { mutant, test, without, with: without });
    }
    let with = runner.one(&test, Some(mutant), &log("with"))?;
    if with != Verdict::Failed {
        narrate::say(child::tail(&log("with")));
    }
    Ok(Trial { mutant, test, without, with })
}

fn table(trials: &[Trial]) -> String {
    let lines =
        trials.iter().map(|trial| format!("{:20}  {:32}  {}\n", trial.mutant, trial.test, trial.finding()));
    let found = trials.iter().filter(|trial| trial.found()).count();
    let reasons = MUTANTS
        .iter()
        .filter(|mutant| trials.iter().any(|trial| trial.mutant == mutant.name && !trial.found()));
    let reasons = reasons.map(|mutant| format!("{}: {}\n", mutant.name, mutant.why));
    let total = format!("mutants: {found} found, {} not\n", trials.len() - found);
    lines.chain(reasons).chain([total]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(without: Verdict, with: Verdict) -> Trial {
        Trial { mutant: "no-guard", test: "mutant_no_guard".to_owned(), without, with }
    }

    #[test]
    fn only_green_without_and_red_with_counts() {
        let all = [Verdict::Passed, Verdict::Failed, Verdict::Absent, Verdict::Hung, Verdict::Broken];
        for (without, with) in all.iter().flat_map(|a| all.map(|b| (*a, b))) {
            let found = trial(without, with).finding() == "found";
            assert_eq!(trial(without, with).found(), found);
            assert_eq!(found, (without, with) == (Verdict::Passed, Verdict::Failed));
        }
    }

    #[test]
    fn a_survivor_is_explained() {
        let table = table(&[trial(Verdict::Passed, Verdict::Passed)]);
        assert!(table.contains("SURVIVED") && table.contains("acked without effect"), "{table}");
    }

    #[test]
    fn the_test_of_a_mutant_is_named_after_it() {
        assert_eq!(MUTANTS[0].tests(), ["mutant_no_guard"]);
    }
}
