//! Arguments, commands, exit codes, the terminal. One file per command; the library below never touches the terminal.

mod args;
mod assessing;
mod check;
mod coverage;
pub mod diagnostics;
mod disclose;
mod exit;
mod explain;
pub mod mutate;
mod one_file;
pub mod output;
mod run;
mod sign;
mod summary;
mod test;
mod verify;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command};
pub use exit::Exit;
pub use test::{TestFailure, run_tests};

/// Runs the program on the process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match &arguments.command {
        Command::Run(options) => run::run(options),
        Command::Check(options) => check::check(options),
        Command::Test(options) => test::test(options),
        Command::Coverage(options) => coverage::coverage(options),
        Command::Explain(options) => explain::explain(options),
        Command::Verify(options) => verify::verify(options),
        Command::Sign(options) => sign::sign(options),
        Command::Disclose(options) => disclose::disclose(options),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("error: {error:#}");
            Exit::Usage.into()
        }
    }
}
