//! A consumer process for tests to kill.

fn main() -> std::process::ExitCode {
    consumer_tests::victim::main()
}
