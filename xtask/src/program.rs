//! Programs of the machine.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::child;

/// Directories of servers that are not on every user's `PATH`.
const SYSTEM: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// A program on the `PATH` or among the system's.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    directories().map(|dir| dir.join(name)).find(|path| path.is_file())
}

/// Where programs are looked for.
pub(crate) fn directories() -> impl Iterator<Item = PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let own: Vec<_> = env::split_paths(&path).collect();
    own.into_iter().chain(SYSTEM.map(PathBuf::from))
}

/// The version a program prints of itself.
pub(crate) fn version(program: &Path) -> Option<String> {
    let line = child::output(Command::new(program).arg("--version")).ok()?;
    number(&line)
}

/// Writes a program that everybody may run.
pub(crate) fn write_executable(path: &Path, text: &str) -> std::io::Result<()> {
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

/// Whether this command may do everything.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The first word that begins with a digit.
fn number(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    words.find(|word| word.starts_with(|c: char| c.is_ascii_digit())).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_found_in_what_servers_print() {
        let number = |line| number(line).expect("a version");
        assert_eq!(number("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), "15.18");
        assert_eq!(
            number("mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux"),
            "10.11.19-MariaDB-0+deb12u1"
        );
    }
}
