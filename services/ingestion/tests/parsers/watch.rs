//! Ends the test if a parser takes longer than any machine could need.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex},
    thread::{self, ThreadId},
    time::{Duration, Instant},
};

/// What a parser may take for one input in a debug build on a machine that does other things: what it takes is a thousandth of it.
const TIME_MAX: Duration = Duration::from_secs(120);

static BEGUN: LazyLock<Mutex<HashMap<ThreadId, (Instant, String)>>> = LazyLock::new(|| {
    thread::spawn(|| {
        loop {
            thread::sleep(Duration::from_secs(1));
            let begun = BEGUN.lock().unwrap();
            if let Some((_, what)) = begun.values().find(|(begin, _)| begin.elapsed() > TIME_MAX) {
                eprintln!("{what}: it hangs");
                std::process::abort();
            }
        }
    });
    Mutex::default()
});

/// Does it, and ends the process if it does not end.
pub fn watched<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let thread = thread::current().id();
    BEGUN.lock().unwrap().insert(thread, (Instant::now(), what.to_owned()));
    let done = work();
    BEGUN.lock().unwrap().remove(&thread);
    done
}
