//! The build with kill points and mutants.

use std::env;
use std::process::Command;

use crate::workspace::Workspace;

/// The compiler switch that puts them in.
const SWITCH: &str = "--cfg consumer_faults";

/// `cargo` for this build. Its target directory is its own, so that it and plain `cargo test` do not undo each other.
pub(crate) fn cargo(workspace: &Workspace) -> Command {
    let mut command = workspace.cargo();
    command.env("CARGO_TARGET_DIR", workspace.target("faults"));
    for name in ["RUSTFLAGS", "RUSTDOCFLAGS"] {
        command.env(name, with_switch(&env::var(name).unwrap_or_default()));
    }
    command
}

fn with_switch(flags: &str) -> String {
    format!("{flags} {SWITCH}").trim_start().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_flags_stay() {
        assert_eq!(with_switch("-C opt-level=1"), "-C opt-level=1 --cfg consumer_faults");
        assert_eq!(with_switch(""), "--cfg consumer_faults");
    }
}
