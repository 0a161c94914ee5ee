//! Arguments, commands, exit codes, the terminal. One file per command; the library below never touches the terminal.

mod args;
mod assessing;
mod check;
mod clock;
mod collect;
mod coverage;
pub mod diagnostics;
mod exit;
mod explain;
mod init;
pub mod mutate;
pub mod output;
mod run;
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
        Command::Init(options) => init::init(options),
        Command::Collect(options) => collect::collect(options),
        Command::Test(options) => test::test(options),
        Command::Coverage(options) => coverage::coverage(options),
        Command::Explain(options) => explain::explain(options),
        Command::Verify(options) => verify::verify(options),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("error: {error:#}");
            Exit::Usage.into()
        }
    }
}
