//! What is said to the terminal. The standard macros panic when it cannot be written: these, of the same names, remember it.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::OnceLock;

use std::time::Instant;

use clap::{Args, ValueEnum};

static LOST: OnceLock<String> = OnceLock::new();
static MANNERS: OnceLock<Manners> = OnceLock::new();

/// How it is said, for every command.
#[derive(Clone, Copy, Debug, Args)]
pub struct Manners {
    /// Colour: auto is on a terminal, and not where NO_COLOR is set.
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        value_enum,
        default_value = "auto",
        hide_possible_values = true,
        help = "Colour: auto (on a terminal, unless NO_COLOR is set), always or never"
    )]
    pub color: Color,
    /// Leave out progress, notes, and of a run all but its end; errors and warnings stay.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say on standard error when each step was done.
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// When the program started.
    #[arg(skip = Instant::now())]
    start: Instant,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

/// Holds from now on.
pub fn behave(manners: Manners) {
    MANNERS.get_or_init(|| manners);
}

/// Whether standard output is coloured.
pub fn colour() -> bool {
    coloured(&io::stdout())
}

/// Whether standard error is coloured.
pub fn colour_on_errors() -> bool {
    coloured(&io::stderr())
}

fn coloured(stream: &impl IsTerminal) -> bool {
    match MANNERS.get().map_or(Color::Auto, |manners| manners.color) {
        Color::Always => true,
        Color::Never => false,
        // https://no-color.org: set, and not empty.
        Color::Auto => stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty()),
    }
}

/// Whether only what matters is said.
pub fn quiet() -> bool {
    MANNERS.get().is_some_and(|manners| manners.quiet)
}

/// A step of the work is done.
pub fn done(step: &str) {
    if let Some(manners) = MANNERS.get().filter(|manners| manners.verbose) {
        complain(format_args!("{:>8.1} ms  {step}\n", manners.start.elapsed().as_secs_f64() * 1e3));
    }
}

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
