//! Bounded memory: what a parser takes at its most is a multiple of what it is given.

use std::sync::Mutex;

use ingestion::mail;

use super::{
    ALLOCATOR,
    bombs::{self, archive},
    parsers::ALL,
};

/// Bytes at once for each byte of an input: the texts of a body, copied a few times, and its structure.
const MULTIPLE_MAX: usize = 128;
/// Bytes at once whatever the input: structures whose size is bounded by a number of their own, not by the input's.
const FIXED_MAX: usize = 8 * 1024 * 1024;

/// The allocator counts for the whole process: one at a time.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn a_bomb_takes_no_more_than_its_multiple() {
    let _alone = ALONE.lock().unwrap();
    let mut worst: Vec<(usize, usize, &str, &str)> = Vec::new();
    let bombs = bombs::all();
    let mut took = Vec::new();
    for parser in ALL.iter() {
        let begin = std::time::Instant::now();
        for bomb in &bombs {
            // What ends the process tells no other way what it was given.
            eprintln!("{}: {}", parser.name, bomb.name);
            let before = ALLOCATOR.current_usage();
            ALLOCATOR.reset_peak_usage();
            parser.run(&bomb.bytes);
            let peak = ALLOCATOR.peak_usage().saturating_sub(before);
            worst.push((peak, bomb.bytes.len(), &parser.name, bomb.name));
        }
        took.push((begin.elapsed(), &parser.name));
    }
    worst.sort_unstable_by(|a, b| b.cmp(a));
    println!("{} parsers, {} bombs; the most at once:", ALL.len(), bombs.len());
    for (peak, len, parser, bomb) in &worst[..12] {
        println!("  {:5} KiB of {:5} KiB: {parser}: {bomb}", peak >> 10, len >> 10);
    }
    took.sort_unstable_by(|a, b| b.cmp(a));
    println!("those that take longest: {:?}", &took[..6]);
    for (peak, len, parser, bomb) in worst {
        let max = MULTIPLE_MAX * len + FIXED_MAX;
        assert!(peak <= max, "{parser}: {bomb}: {peak} bytes at once for {len}");
    }
}

#[test]
fn an_archive_is_a_file_and_nothing_else() {
    let _alone = ALONE.lock().unwrap();
    for kind in
        ["application/zip", "application/gzip", "application/x-7z-compressed", "application/octet-stream"]
    {
        let bytes = [b"\x1f\x8b\x08".as_slice(), &archive()].concat();
        let mail = format!(
            "From: a@b.example\r\nTo: c@d.example\r\nContent-Type: {kind}; name=x\r\nContent-Encoding: gzip\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n{}\r\n",
            data_encoding::BASE64.encode(&bytes)
        );
        let mail = mail::parse(mail.as_bytes()).unwrap();
        let [file] = &mail.attachments[..] else { panic!("{:?}", mail.attachments) };
        assert_eq!(file.content, bytes, "as it came");
    }
}
