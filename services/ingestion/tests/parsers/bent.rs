//! Any bytes, and samples that were bent.

use std::sync::LazyLock;

use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{RngSeed, TestRunner},
};

use super::parsers::{ALL, Parser};

/// Inputs of each kind for each parser; `PROPTEST_CASES` says otherwise.
const CASES: u32 = 160;
/// The longest bent sample, in bytes.
const LEN_MAX: usize = 256 * 1024;

/// What breaks parsers, to be put anywhere.
const PIECES: [&[u8]; 40] = [
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"\xc0\xaf",
    b"\xf4\x90\x80\x80",
    b"\r",
    b"\n",
    b"\r\n\r\n",
    b"\r\n.\r\n",
    b"\"",
    b"'",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"[",
    b"]",
    b"{",
    b"}",
    b"null",
    b"1e999999",
    b"-0",
    b"99999999999999999999999",
    b"-9223372036854775809",
    b"&",
    b"&amp;",
    b"&#x110000;",
    b"<![CDATA[",
    b"]]>",
    b"<!DOCTYPE x [<!ENTITY a \"&a;\">]>",
    b"<!--",
    b"<?",
    b"=",
    b"%",
    b"%00",
    b"--",
    b"=?utf-8?q?",
    b"?=",
    b"\x1b[31m",
    b"\xe2\x80\xae",
];

/// One change of a sample.
#[derive(Clone, Debug)]
enum Change {
    Set(Index, u8),
    Flip(Index, u8),
    Cut(Index),
    Remove(Index, Index),
    Repeat(Index, Index, usize),
    Swap(Index, Index, usize),
    Put(Index, usize),
    Splice(Index, Index, Index),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (at(), 0..8_u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        at().prop_map(Change::Cut),
        (at(), at()).prop_map(|(from, to)| Change::Remove(from, to)),
        (at(), at(), 1..60_usize).prop_map(|(from, to, times)| Change::Repeat(from, to, times)),
        (at(), at(), 1..20_usize).prop_map(|(a, b, len)| Change::Swap(a, b, len)),
        (at(), 0..PIECES.len()).prop_map(|(at, piece)| Change::Put(at, piece)),
        (at(), at(), at()).prop_map(|(at, sample, from)| Change::Splice(at, sample, from)),
    ]
}

fn range(len: usize, from: Index, to: Index) -> std::ops::Range<usize> {
    let (from, to) = (from.index(len + 1), to.index(len + 1));
    from.min(to)..from.max(to)
}

fn bent(parser: &Parser, sample: Index, changes: &[Change]) -> Vec<u8> {
    let mut bytes = sample.get(&parser.samples).clone();
    for change in changes {
        let len = bytes.len();
        let at = |index: Index| index.index(len.max(1));
        match change {
            Change::Put(index, piece) => {
                let at = index.index(len + 1);
                drop(bytes.splice(at..at, PIECES[*piece].iter().copied()));
            }
            Change::Splice(index, other, from) => {
                // Of another parser, too: what is meant for one comes to all.
                let other = other.get(&ALL);
                let other = from.get(&other.samples);
                let half = other[from.index(other.len() + 1)..].to_vec();
                bytes.splice(index.index(len + 1).., half);
            }
            Change::Repeat(from, to, times) => {
                let piece = bytes[range(len, *from, *to)].to_vec();
                let times = (*times).min((LEN_MAX.saturating_sub(len)) / piece.len().max(1));
                let end = range(len, *from, *to).end;
                bytes.splice(end..end, piece.repeat(times));
            }
            Change::Remove(from, to) => drop(bytes.drain(range(len, *from, *to))),
            _ if len == 0 => {}
            Change::Set(index, byte) => bytes[at(*index)] = *byte,
            Change::Flip(index, bit) => bytes[at(*index)] ^= 1 << bit,
            Change::Cut(index) => bytes.truncate(at(*index)),
            Change::Swap(a, b, size) => {
                for step in 0..*size {
                    let (a, b) = (at(*a) + step, at(*b) + step);
                    if a < len && b < len {
                        bytes.swap(a, b);
                    }
                }
            }
        }
    }
    bytes
}

/// A runner that tells how to have the same again: `PROPTEST_RNG_SEED`.
fn runner() -> TestRunner {
    let mut config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(*SEED);
    }
    TestRunner::new(config)
}

/// The same for all parsers of a run.
static SEED: LazyLock<u64> = LazyLock::new(|| {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let seed = u64::from(now.subsec_nanos()) ^ now.as_secs();
    println!("PROPTEST_RNG_SEED={seed}");
    seed
});

#[test]
fn any_bytes_are_read_or_refused() {
    let bytes = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..600),
        "\\PC{0,300}".prop_map(String::into_bytes),
        proptest::collection::vec(proptest::sample::select(PIECES.to_vec()), 0..60)
            .prop_map(|pieces| pieces.concat()),
    ];
    for parser in ALL.iter() {
        let ended = runner().run(&bytes, |bytes| {
            parser.run(&bytes);
            Ok(())
        });
        ended.unwrap_or_else(|error| panic!("{parser:?}: {error}"));
    }
    println!("{} parsers, {CASES} inputs each", ALL.len());
}

#[test]
fn bent_samples_are_read_or_refused() {
    let changes = (any::<Index>(), proptest::collection::vec(change(), 1..6));
    for parser in ALL.iter() {
        let ended = runner().run(&changes, |(sample, changes)| {
            parser.run(&bent(parser, sample, &changes));
            Ok(())
        });
        ended.unwrap_or_else(|error| panic!("{parser:?}: {error}"));
    }
    println!("{} parsers, {CASES} bent samples each", ALL.len());
}

#[test]
fn samples_themselves_are_read() {
    for parser in ALL.iter() {
        parser.samples.iter().for_each(|sample| parser.run(sample));
    }
    let count: usize = ALL.iter().map(|parser| parser.samples.len()).sum();
    println!("{count} samples of {} parsers", ALL.len());
}
