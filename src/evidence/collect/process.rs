//! The one place that starts a process. No shell, no input, an environment of what is allowed, a limit of time and of size.

use std::ffi::OsString;
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

/// The most that a command may print: the largest file that is read.
const LIMIT: u64 = 512 << 20;
/// How much of standard error is kept, to be shown.
const COMPLAINT: u64 = 64 << 10;
/// How often a running command is looked at.
const TICK: Duration = Duration::from_millis(15);

/// How many processes may run at once.
#[derive(Debug)]
pub struct Slots {
    free: Mutex<usize>,
    freed: Condvar,
}

impl Slots {
    #[must_use]
    pub fn new(count: usize) -> Slots {
        Slots { free: Mutex::new(count.max(1)), freed: Condvar::new() }
    }

    fn taken(&self) -> Option<Slot<'_>> {
        let mut free = self.freed.wait_while(self.free.lock().ok()?, |free| *free == 0).ok()?;
        *free -= 1;
        Some(Slot(self))
    }
}

struct Slot<'s>(&'s Slots);

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        if let Ok(mut free) = self.0.free.lock() {
            *free += 1;
        }
        self.0.freed.notify_one();
    }
}

/// What a command that succeeded printed.
pub struct Said {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

/// Why a command came to nothing.
pub struct Failure {
    pub why: String,
    pub stderr: Vec<u8>,
    /// Exit status; `None`: it was ended, or never began.
    pub exit: Option<i32>,
    /// It was ended because its time was over.
    pub late: bool,
}

/// Runs a command to its end.
pub fn run(argv: &[String], root: &Path, env: &[(OsString, OsString)], limit: Duration, slots: &Slots) -> Result<Said, Failure> {
    let failure = |why: String| Failure { why, stderr: Vec::new(), exit: None, late: false };
    let Some((program, arguments)) = argv.split_first() else { return Err(failure("there is no command".to_owned())) };
    let _slot = slots.taken();
    // A program that is named with a path is the project's.
    let full = if program.contains('/') { root.join(program).into_os_string() } else { program.into() };
    #[expect(clippy::disallowed_types, reason = "the one place that starts a process")]
    let mut command = std::process::Command::new(full);
    command.args(arguments).current_dir(root).env_clear().envs(env.iter().map(|(name, value)| (name, value)));
    // A group of its own: whatever it starts ends with it.
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().map_err(|error| {
        failure(match error.kind() {
            std::io::ErrorKind::NotFound => format!("`{program}` is not installed, or not on PATH"),
            _ => format!("`{program}` cannot be started: {error}"),
        })
    })?;
    let ends = Instant::now() + limit;
    let stdout = child.stdout.take().map(|pipe| drained(pipe, LIMIT));
    let stderr = child.stderr.take().map(|pipe| drained(pipe, COMPLAINT));
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Ok(status),
            Ok(None) if Instant::now() < ends => std::thread::sleep(TICK),
            Ok(None) => break Err((format!("`{program}` took longer than its time limit"), true)),
            Err(error) => break Err((format!("`{program}` cannot be waited for: {error}"), false)),
        }
    };
    if status.is_err() {
        end(&mut child);
    }
    // Children that it left behind hold its pipes open: they have the rest of the time, and no more.
    let rest = |from: Option<Receiver<(Vec<u8>, bool)>>| {
        let left = ends.saturating_duration_since(Instant::now()).max(10 * TICK);
        from.and_then(|from| from.recv_timeout(left).ok())
    };
    let (stdout, stderr) = (rest(stdout), rest(stderr));
    let stderr = stderr.map(|(bytes, _)| bytes).unwrap_or_default();
    let failed = |why: String, exit: Option<i32>, stderr: Vec<u8>| Err(Failure { why, stderr, exit, late: false });
    let status = match status {
        Ok(status) => status,
        Err((why, late)) => return Err(Failure { why, stderr, exit: None, late }),
    };
    let Some((stdout, whole)) = stdout else {
        end(&mut child);
        return failed(format!("`{program}` ended, and what it started did not within its time limit"), status.code(), stderr);
    };
    match (status.code(), status.signal()) {
        (Some(0), _) if !whole => failed(format!("`{program}` printed more than {LIMIT} bytes"), Some(0), stderr),
        (Some(0), _) => Ok(Said { stdout, stderr }),
        (Some(code), _) => failed(format!("`{program}` ended with exit status {code}"), Some(code), stderr),
        (None, signal) => failed(format!("`{program}` was ended by signal {}", signal.unwrap_or_default()), None, stderr),
    }
}

/// Reads a pipe to its end in a thread of its own; with the bytes, whether they are all.
fn drained(mut pipe: impl Read + Send + 'static, limit: u64) -> Receiver<(Vec<u8>, bool)> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = pipe.by_ref().take(limit).read_to_end(&mut bytes);
        // The rest is read and thrown away: a command that cannot write would wait for ever.
        let more = std::io::copy(&mut pipe, &mut std::io::sink()).unwrap_or(1);
        let _ = sender.send((bytes, read.is_ok() && more == 0));
    });
    receiver
}

/// Ends a command and all that it started.
fn end(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.wait();
}
