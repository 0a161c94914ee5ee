//! What is said to the terminal. The standard macros panic when it cannot be written: these, of the same names, remember it.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};
use std::sync::OnceLock;

static LOST: OnceLock<String> = OnceLock::new();

macro_rules! print {
    ($($said:tt)*) => { $crate::cli::terminal::say(format_args!($($said)*)) };
}

macro_rules! println {
    () => { $crate::cli::terminal::say(format_args!("\n")) };
    ($($said:tt)*) => { $crate::cli::terminal::say(format_args!("{}\n", format_args!($($said)*))) };
}

macro_rules! eprint {
    ($($said:tt)*) => { $crate::cli::terminal::complain(format_args!($($said)*)) };
}

macro_rules! eprintln {
    ($($said:tt)*) => { $crate::cli::terminal::complain(format_args!("{}\n", format_args!($($said)*))) };
}

/// To standard output. Whoever stops reading (`| head`) has heard enough.
pub fn say(said: Arguments) {
    let mut out = io::stdout().lock();
    if let Err(error) = out.write_fmt(said).and_then(|()| out.flush())
        && error.kind() != ErrorKind::BrokenPipe
    {
        LOST.get_or_init(|| error.to_string());
    }
}

/// To standard error; nobody is left to be told that it cannot be written.
pub fn complain(said: Arguments) {
    let _ = io::stderr().write_fmt(said);
}

/// Why something that was said did not arrive.
pub fn lost() -> Option<&'static str> {
    LOST.get().map(String::as_str)
}
