//! Feeds as strangers write them.

mod danger;
mod expectation;
mod hostile;
mod polling;
mod real;
mod running;
mod samples;

use super::{Address, Feed, parse};

/// Where the feeds of these tests were read.
const ADDRESS: &str = "http://127.0.0.1:8097/";

fn address() -> Address {
    ADDRESS.parse().unwrap()
}

fn read(text: &str) -> Feed {
    parse(text.as_bytes(), None, &address()).unwrap()
}
