//! Arguments, commands, exit codes, the terminal. One file per command; the library below never touches the terminal.

// First: its macros hold for the modules below it.
#[macro_use]
mod terminal;

mod args;
mod assessing;
mod attest;
mod baseline;
mod catalogue;
mod check;
mod clock;
mod collect;
mod coverage;
pub mod diagnostics;
mod diff;
mod disclose;
mod exit;
mod explain;
mod export;
mod github;
mod init;
pub mod mutate;
mod named;
mod one_file;
mod open;
pub mod output;
mod progress;
mod run;
pub mod schema;
mod shell;
mod sign;
mod source;
mod summary;
mod test;
mod verify;
mod waive;
mod writing;

use std::process::ExitCode;

use clap::Parser;

use crate::evidence::bounded;
use args::{Arguments, Command};
pub use assessing::excused;
pub use exit::Exit;
pub use test::{TestFailure, run_tests};

/// What a filter does wrong is told by whoever runs it, and is no fault of the program.
fn quiet_where_watched() {
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name() != Some(bounded::THREAD) {
            told(panic);
        }
    }));
}

/// Runs the program on the process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    quiet_where_watched();
    let arguments = Arguments::parse();
    terminal::behave(arguments.manners);
    let result = match &arguments.command {
        Command::Run(options) => run::run(options),
        Command::Check(options) => check::check(options),
        Command::Init(options) => init::init(options),
        Command::Collect(options) => collect::collect(options),
        Command::Test(options) => test::test(options),
        Command::Coverage(options) => coverage::coverage(options),
        Command::Explain(options) => explain::explain(options),
        Command::Control(command) => catalogue::control(command),
        Command::Framework(command) => catalogue::framework(command),
        Command::Source(command) => source::source(command),
        Command::Verify(options) => verify::verify(options),
        Command::Sign(options) => sign::sign(options),
        Command::Disclose(options) => disclose::disclose(options),
        Command::Export(options) => export::export(options),
        Command::Waive(options) => waive::waive(options),
        Command::Attest(options) => attest::attest(options),
        Command::Baseline(options) => baseline::baseline(options),
        Command::Diff(options) => diff::diff(options),
        Command::Schema(options) => schema::schema(options),
        Command::Completions(options) => shell::completions(options),
        Command::Man(options) => shell::man(options),
    };
    let result = match terminal::lost() {
        Some(why) => result.and(Err(anyhow::anyhow!("standard output could not be written: {why}"))),
        None => result,
    };
    match result {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("error: {error:#}");
            Exit::Usage.into()
        }
    }
}
