//! Foreign code, on a thread of its own, within bounds of time, memory and depth.
//!
//! A mapping's filters come out of a package that nobody vouches for yet, and their interpreter has no bound of its own: it recurses until
//! the stack ends, and one multiplication asks for a terabyte; both abort the whole program. But each of its steps allocates. So the
//! allocator counts what such a thread holds, and looks how deep its stack has become. A thread that goes beyond is stopped where it stands,
//! for good, and whoever waits for it is told why. Every other thread is neither counted nor stopped.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The name of such threads.
pub const THREAD: &str = "bounded";
/// How often it is looked whether the work goes on.
const LOOK: Duration = Duration::from_millis(10);
/// How deep the stack may be at an allocation.
const DEPTH: usize = 64 << 20;
/// What is counted for each allocation beside its size: what a heap takes for it, on the safe side.
const EACH: usize = 64;
/// How much of the stack goes with a byte of memory, below [`DEPTH`]. Values in values in values are dropped, compared and written by recursion
/// that allocates nothing, and for each level of it takes no more of the stack than this times what the level takes in memory. Measured on
/// x86-64, on lists of one list, the least that a level can take (184 bytes, as counted here): writing takes 1,120 bytes of the stack a level
/// without optimizations, 1,024 with them, which is 6.1 and 5.6 times the memory; everything else takes less than twice the memory. The test below
/// measures it again; what is left is for other processors and compilers.
const STACK: usize = 16;

/// What one call may take where there is no room for a larger stack.
const LEAST: usize = 4 << 20;

/// How far the work may go.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes that it may hold beside what it was given.
    pub memory: usize,
    /// Of these, what one [`call`] may take at most; the stack that is reserved goes with it.
    pub call: usize,
    /// Without a step forward.
    pub patience: Duration,
    /// In all.
    pub time: Duration,
}

/// What it went beyond.
#[derive(Clone, Copy, Debug)]
enum Excess {
    Memory,
    Depth,
    Patience,
    Time,
    /// It panicked: nothing that it could have held would have been enough.
    Panic,
}

impl Excess {
    /// What a filter did that went beyond these bounds: the rest of a sentence.
    fn told(self, bounds: &Bounds) -> String {
        match self {
            Excess::Memory if bounds.call < bounds.memory => {
                format!(
                    "takes more than {} MiB of memory at once, or {} MiB with what it gave before",
                    bounds.call >> 20,
                    bounds.memory >> 20
                )
            }
            Excess::Memory => format!("takes more than {} MiB of memory", bounds.memory >> 20),
            Excess::Depth => "calls itself, or is nested, too deep".to_owned(),
            Excess::Patience => format!("takes longer than {} seconds", bounds.patience.as_secs()),
            Excess::Time => format!("has taken longer than {} seconds, with those before it", bounds.time.as_secs()),
            Excess::Panic => "makes something larger than any memory".to_owned(),
        }
    }
}

/// How far the work has come.
#[derive(Debug, Default)]
pub struct Progress {
    steps: AtomicU64,
    excess: AtomicU8,
}

/// What `excess` holds.
const WITHIN: u8 = 0;
const MEMORY: u8 = 1;
const TOO_DEEP: u8 = 2;
const GIVEN_UP: u8 = 3;

impl Progress {
    /// One step forward.
    pub fn step(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    fn excess(&self) -> Option<Excess> {
        match self.excess.load(Ordering::Acquire) {
            MEMORY => Some(Excess::Memory),
            TOO_DEEP => Some(Excess::Depth),
            _ => None,
        }
    }
}

/// Does the work on another thread; `progress` is what it says of its steps.
///
/// # Errors
/// No thread can be had. The inner error says what the work did that went beyond its bounds: the rest of a sentence.
pub fn run<T: Send + 'static>(
    mut bounds: Bounds,
    progress: &Arc<Progress>,
    work: impl FnOnce() -> T + Send + 'static,
) -> std::io::Result<Result<T, String>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let work = Arc::new(Mutex::new(Some(work)));
    if started(bounds, progress, &work, &sender).is_err() {
        // There is no room for the whole stack: then for less work.
        bounds.call = bounds.call.min(LEAST);
        started(bounds, progress, &work, &sender)?;
    }
    drop(sender);
    let start = Instant::now();
    let (mut seen, mut since) = (0, start);
    let outcome = loop {
        match receiver.recv_timeout(LOOK) {
            Ok(outcome) => break outcome.map_err(|_| Excess::Panic),
            Err(RecvTimeoutError::Disconnected) => break Err(Excess::Panic),
            Err(RecvTimeoutError::Timeout) => {}
        }
        let steps = progress.steps.load(Ordering::Relaxed);
        if steps != seen {
            (seen, since) = (steps, Instant::now());
        }
        if let Some(excess) = progress.excess() {
            break Err(excess);
        } else if since.elapsed() > bounds.patience {
            break Err(Excess::Patience);
        } else if start.elapsed() > bounds.time {
            break Err(Excess::Time);
        }
    };
    progress.excess.store(GIVEN_UP, Ordering::Release);
    Ok(outcome.map_err(|excess| excess.told(&bounds)))
}

fn started<T: Send + 'static>(
    bounds: Bounds,
    progress: &Arc<Progress>,
    work: &Arc<Mutex<Option<impl FnOnce() -> T + Send + 'static>>>,
    sender: &SyncSender<std::thread::Result<T>>,
) -> std::io::Result<JoinHandle<()>> {
    let (progress, work, sender) = (Arc::clone(progress), Arc::clone(work), sender.clone());
    let stack = DEPTH.saturating_add(STACK.saturating_mul(bounds.call));
    std::thread::Builder::new().name(THREAD.to_owned()).stack_size(stack).spawn(move || {
        let Some(work) = work.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        let outcome = metered(bounds, &progress, || panic::catch_unwind(AssertUnwindSafe(work)));
        // Who waited may have given up: there is nobody to tell.
        let _ = sender.send(outcome);
    })
}

struct Meter {
    /// Bytes that may still be held.
    left: Cell<isize>,
    /// The most that one call may take.
    call: Cell<isize>,
    /// The address below which the stack must not grow; 0: this thread is not counted.
    floor: Cell<usize>,
    /// Allocations, to look now and then whether anybody waits still.
    turn: Cell<u16>,
}

thread_local! {
    // Made without code and dropped without code, so that the allocator may look at it at any time.
    static METER: Meter = const { Meter { left: Cell::new(0), call: Cell::new(0), floor: Cell::new(0), turn: Cell::new(0) } };
    static PROGRESS: RefCell<Option<Arc<Progress>>> = const { RefCell::new(None) };
}

fn metered<T>(bounds: Bounds, progress: &Arc<Progress>, work: impl FnOnce() -> T) -> T {
    PROGRESS.set(Some(Arc::clone(progress)));
    METER.with(|meter| {
        meter.left.set(isize::try_from(bounds.memory).unwrap_or(isize::MAX));
        meter.call.set(isize::try_from(bounds.call).unwrap_or(isize::MAX));
        meter.floor.set(here().saturating_sub(DEPTH).max(1));
        let outcome = work();
        meter.floor.set(0);
        outcome
    })
}

/// A part of such work, which may take as much as one call may.
pub fn call<T>(work: impl FnOnce() -> T) -> T {
    METER.with(|meter| {
        let before = meter.left.get();
        let most = before.min(meter.call.get());
        meter.left.set(most);
        let outcome = work();
        meter.left.set(before.saturating_sub(most.saturating_sub(meter.left.get())));
        outcome
    })
}

/// An address on the stack, which grows downwards on every machine that this program is made for.
#[inline]
fn here() -> usize {
    let mark = 0_u8;
    (&raw const mark).addr()
}

/// Counts what is held; never returns where that is too much.
#[inline]
fn hold(bytes: usize) {
    // A thread that is being taken down is not counted.
    let _ = METER.try_with(|meter| {
        let floor = meter.floor.get();
        if floor != 0 {
            let left = meter.left.get().saturating_sub_unsigned(bytes);
            meter.left.set(left);
            let turn = meter.turn.get().wrapping_add(1);
            meter.turn.set(turn);
            if left < 0 {
                stop(meter, MEMORY);
            } else if here() < floor {
                stop(meter, TOO_DEEP);
            } else if turn == 0
                && PROGRESS
                    .with_borrow(|progress| progress.as_ref().is_none_or(|progress| progress.excess.load(Ordering::Relaxed) != WITHIN))
            {
                stop(meter, GIVEN_UP);
            }
        }
    });
}

#[inline]
fn release(bytes: usize) {
    let _ = METER.try_with(|meter| {
        if meter.floor.get() != 0 {
            meter.left.set(meter.left.get().saturating_add_unsigned(bytes));
        }
    });
}

#[cold]
fn stop(meter: &Meter, excess: u8) {
    meter.floor.set(0);
    // A panic has the standard error locked while it tells of itself, and ends by itself.
    if std::thread::panicking() {
        return;
    }
    PROGRESS.with_borrow(|progress| progress.as_ref().map(|progress| progress.excess.store(excess, Ordering::Release)));
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}

/// The system's allocator, with an eye on such threads.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call is handed on to `System` as it came, with what it gives, so that all that is asked of an allocator is `System`'s to keep,
// and of a caller what `System` asks. Before that, numbers are counted in cells of the thread, which allocates nothing, cannot panic (it
// saturates) and is no reentrance. Or the call never returns: it sleeps, which an allocator may do; no memory was touched by then, and the
// thread, stopped for good, looks at none. `PROGRESS` is only borrowed there, was set before anything is counted, and is not dropped while it is.
#[expect(unsafe_code, reason = "an allocator is unsafe to write, and nothing else sees every allocation of a library")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        hold(layout.size().saturating_add(EACH));
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        hold(layout.size().saturating_add(EACH));
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        match size.checked_sub(layout.size()) {
            Some(more) => hold(more),
            None => release(layout.size() - size),
        }
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        release(layout.size().saturating_add(EACH));
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::rc::Rc;

    use jaq_json::Val;

    use super::*;

    const LEVELS: usize = 10_000;
    const BOUNDS: Bounds = Bounds { memory: 1 << 30, call: 1 << 30, patience: Duration::from_secs(10), time: Duration::from_secs(10) };

    /// What is done with a value, and how.
    type Use = (&'static str, fn(Val));

    /// The smallest value of so many levels.
    fn nested() -> Val {
        (0..LEVELS).fold(Val::Null, |value, _| Val::Arr(Rc::new(vec![value])))
    }

    /// How many bytes of this thread's stack were ever written to: what is resident of its mapping.
    fn touched() -> usize {
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut lines = maps.lines();
        let number = |text: &str| usize::from_str_radix(text, 16).ok();
        let bounds = |line: &str| line.split(' ').next()?.split_once('-').and_then(|(from, to)| Some(number(from)?..number(to)?));
        lines.find(|line| bounds(line).is_some_and(|bounds| bounds.contains(&here()))).unwrap();
        let resident = lines.find_map(|line| line.strip_prefix("Rss:")).unwrap();
        resident.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() << 10
    }

    #[test]
    fn the_stack_that_goes_with_memory_is_more_than_twice_what_nesting_takes() {
        let uses: [Use; 4] = [
            ("dropped", drop),
            ("compared", |value| assert!(value == nested())),
            ("ordered", |value| assert!(value <= nested())),
            ("written", |value| assert!(value.to_string().len() > 2 * LEVELS)),
        ];
        for (name, used) in uses {
            let measured = move || {
                let left = || METER.with(|meter| meter.left.get());
                let before = left();
                let value = nested();
                let (memory, before) = (before.abs_diff(left()), touched());
                used(value);
                (memory, touched() - before)
            };
            let thread = std::thread::Builder::new().stack_size(256 << 20).spawn(move || metered(BOUNDS, &Arc::default(), measured));
            let (memory, stack) = thread.unwrap().join().unwrap();
            assert!(2 * stack < STACK * memory, "{name}: {stack} bytes of the stack, {memory} of memory, for {LEVELS} levels");
        }
    }
}
