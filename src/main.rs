//! The `tickmark` program: parse, call, exit.

use std::process::ExitCode;

fn main() -> ExitCode {
    tickmark::cli::main()
}
