use proptest::{prelude::*, sample::select};

use super::*;

const UNITS: [Unit; 6] =
    [Unit::Graphemes, Unit::Scalars, Unit::Utf16, Unit::Bytes, Unit::SmsSegments, Unit::Weighted];

#[test]
fn each_unit_counts_in_its_own_way() {
    // Graphemes, scalars, UTF-16, bytes, segments, weighted.
    for (text, counts) in [
        ("", [0, 0, 0, 0, 0, 0]),
        ("abc", [3, 3, 3, 3, 1, 3]),
        ("é", [1, 1, 1, 2, 1, 1]),
        ("e\u{301}", [1, 2, 2, 3, 1, 1]),
        ("日本", [2, 2, 2, 6, 1, 4]),
        ("👨‍👩‍👧‍👦", [1, 7, 11, 25, 1, 2]),
        ("🇫🇷", [1, 2, 4, 8, 1, 2]),
        ("👍🏽", [1, 2, 4, 8, 1, 2]),
        ("1\u{fe0f}\u{20e3}", [1, 3, 3, 7, 1, 2]),
        ("❤\u{fe0f}", [1, 2, 2, 6, 1, 2]),
        ("\r\n", [1, 2, 2, 2, 1, 2]),
        ("क्\u{200d}ष", [1, 4, 4, 12, 1, 4]),
    ] {
        assert_eq!(UNITS.map(|unit| count(text, unit)), counts, "{text:?}");
    }
}

#[test]
fn short_messages_are_counted_as_they_are_billed() {
    let segments = |text: &str, n: usize| count(&text.repeat(n), Unit::SmsSegments);
    for (character, borders) in [
        // One septet each.
        ("a", [(160, 1), (161, 2), (306, 2), (307, 3), (459, 3), (460, 4)]),
        ("@", [(160, 1), (161, 2), (306, 2), (307, 3), (459, 3), (460, 4)]),
        ("\n", [(160, 1), (161, 2), (306, 2), (307, 3), (459, 3), (460, 4)]),
        // Two septets each, and none torn: 76 in a message of 153.
        ("€", [(80, 1), (81, 2), (152, 2), (153, 3), (228, 3), (229, 4)]),
        ("[", [(80, 1), (81, 2), (152, 2), (153, 3), (228, 3), (229, 4)]),
        // One unit of UCS-2 each.
        ("日", [(70, 1), (71, 2), (134, 2), (135, 3), (201, 3), (202, 4)]),
        ("ç", [(70, 1), (71, 2), (134, 2), (135, 3), (201, 3), (202, 4)]),
        // A surrogate pair each, and none torn: 33 in a message of 67.
        ("😀", [(35, 1), (36, 2), (66, 2), (67, 3), (99, 3), (100, 4)]),
    ] {
        for (n, expected) in borders {
            assert_eq!(segments(character, n), expected, "{n} × {character:?}");
        }
    }
    // One character decides for all.
    assert_eq!(count(&("a".repeat(159) + "ê"), Unit::SmsSegments), 3);
    assert_eq!(count(&("a".repeat(158) + "€"), Unit::SmsSegments), 1);
    assert_eq!(count(&("a".repeat(159) + "€"), Unit::SmsSegments), 2);
}

#[test]
fn x_weighs_scripts_links_and_emoji() {
    for (text, expected) in [
        ("\u{10ff}\u{1100}", 1 + 2),
        ("\u{2000}\u{200d}", 2),
        ("\u{200e}", 2),
        ("\u{2010}\u{201f}", 2),
        ("\u{2020}", 2),
        ("\u{2032}\u{2037}", 2),
        ("\u{2038}", 2),
        ("see https://example.com/a/very/long/path/that/goes/on/and/on", 4 + 23),
        ("https://a.io", 23),
        ("https://a.io, https://b.io.", 23 + 2 + 23 + 1),
        ("https://a.io,https://b.io", 23 + 1 + 23),
        ("a.io", 23),
        ("https://example.com/日本", 23 + 4),
        ("ana@example.com", 15),
        ("©", 1),
        ("©\u{fe0f}", 2),
        ("☺\u{fe0e}", 4),
    ] {
        assert_eq!(count(text, Unit::Weighted), expected, "{text:?}");
    }
    let bare = format!("example.com/{}", "a".repeat(40));
    assert_eq!(count(&bare, Unit::Weighted), 52, "what may be no link counts as whichever is longer");
}

#[test]
fn it_is_cut_where_a_reader_would() {
    let cut = |text, max| split(text, max, Unit::Graphemes, 99).unwrap();
    assert_eq!(cut("One two three.\n\nFour five.", 20), ["One two three.", "Four five."]);
    assert_eq!(cut("One two. Three four five.", 14), ["One two.", "Three four", "five."]);
    assert_eq!(cut("One two three four", 9), ["One two", "three", "four"]);
    assert_eq!(cut("Line one\nline two is longer", 15), ["Line one", "line two is", "longer"]);
    assert_eq!(cut("abcdefghij", 4), ["abcd", "efgh", "ij"]);
    assert_eq!(cut("Is it 20\u{a0}€ now?", 9), ["Is it", "20\u{a0}€ now?"]);
    assert_eq!(cut("今日は。明日も。", 5), ["今日は。", "明日も。"]);
    // The greeting alone is too little for a part.
    assert_eq!(cut("Hi,\n\nthis goes on and on and on", 22), ["Hi,\n\nthis goes on and", "on and on"]);
    assert_eq!(cut("  all of it \n", 20), ["all of it"]);
    assert_eq!(cut(" \n ", 20), Vec::<&str>::new());
    assert_eq!(cut("", 0), Vec::<&str>::new());
}

#[test]
fn no_link_and_no_character_is_torn() {
    let link = "https://example.com/a-rather-long-path?with=a&query=too";
    let text = format!("Please look at {link} today");
    let parts = split(&text, 60, Unit::Scalars, 9).unwrap();
    assert_eq!(parts, ["Please look at", "https://example.com/a-rather-long-path?with=a&query=too", "today"]);
    assert_eq!(split(&text, 40, Unit::Scalars, 9), Err(Error::Indivisible { max: 40 }));
    assert_eq!(split(&text, 280, Unit::Weighted, 1).unwrap(), [text.as_str()]);
    let families = "👨‍👩‍👧‍👦".repeat(3);
    assert_eq!(split(&families, 11, Unit::Utf16, 9).unwrap(), ["👨‍👩‍👧‍👦"; 3]);
    assert_eq!(split(&families, 10, Unit::Utf16, 9), Err(Error::Indivisible { max: 10 }));
    assert_eq!(split("a", 0, Unit::Bytes, 9), Err(Error::Indivisible { max: 0 }));
}

#[test]
fn short_messages_are_cut_at_their_own_border() {
    let text = "a".repeat(400);
    let lengths = |max| -> Vec<usize> {
        split(&text, max, Unit::SmsSegments, 9).unwrap().iter().map(|part| part.len()).collect()
    };
    assert_eq!(lengths(1), [160, 160, 80]);
    assert_eq!(lengths(2), [306, 94]);
    assert_eq!(lengths(3), [400]);
}

#[test]
fn what_becomes_a_link_by_a_cut_is_counted_as_one() {
    // Within its word it is no link, for want of a border before it.
    let text = format!("{}ana@e.io one two", "a".repeat(20));
    assert_eq!(count(&text, Unit::Weighted), 36);
    let parts = split(&text, 24, Unit::Weighted, 9).unwrap();
    assert_eq!(parts, ["aaaaaaaaaaaaaaaaaaaaana@", "e.io", "one two"]);
}

#[test]
fn parts_are_filled_up_before_it_is_refused() {
    // In two parts only if the second paragraph begins in the first one.
    let text = "aaaa aaaa\n\nbbbb bbbb bbbb bbbb";
    assert_eq!(split(text, 16, Unit::Bytes, 9).unwrap(), ["aaaa aaaa", "bbbb bbbb bbbb", "bbbb"]);
    assert_eq!(split(text, 16, Unit::Bytes, 2).unwrap(), ["aaaa aaaa\n\nbbbb", "bbbb bbbb bbbb"]);
    // And within words, if it must be.
    assert_eq!(split("aaaaaa bbbbbb cccccc", 10, Unit::Bytes, 2).unwrap(), ["aaaaaa bbb", "bbb cccccc"]);
    assert_eq!(split("aaaaaa bbbbbb cccccc", 9, Unit::Bytes, 2), Err(Error::TooManyParts { max: 2 }));
    let long = "a".repeat(TEXT_BYTES_MAX + 1);
    assert_eq!(split(&long, 10, Unit::Bytes, 9), Err(Error::TextTooLong { max: TEXT_BYTES_MAX }));
}

/// Texts as people and machines write them.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-Z]{1,12}".boxed(),
        4 => select(vec![" ", " ", "\n", "\n\n", "\r\n\r\n", ". ", "! ", ", ", "\u{a0}", "\t", "  ", "。", "…"])
            .prop_map(str::to_owned)
            .boxed(),
        2 => select(vec!["日本語", "é", "e\u{301}", "👨‍👩‍👧‍👦", "🇫🇷", "👍🏽", "1\u{fe0f}\u{20e3}", "€", "ನ್ನಿ", "\u{600}", "\u{301}", "กำ", "각"])
            .prop_map(str::to_owned)
            .boxed(),
        2 => select(vec!["https://example.com/a?b=c", "http://e.io/(x)", "example.org/p", "https://例.jp/é", "www.a.co.uk"])
            .prop_map(str::to_owned)
            .boxed(),
        1 => any::<char>().prop_map(String::from).boxed(),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn every_part_fits_and_nothing_is_lost(text in texts(), max in 0usize..90, unit in select(UNITS.to_vec()), parts_max in 0usize..40) {
        let atoms: Vec<Atom> = atom::atoms(&text).collect();
        let inside = |at: usize| atoms.iter().any(|atom| atom.start < at && at < atom.end);
        match split(&text, max, unit, parts_max) {
            Ok(parts) => {
                prop_assert!(parts.len() <= parts_max);
                let mut end = 0;
                for part in &parts {
                    prop_assert!(!part.trim().is_empty());
                    prop_assert!(count(part, unit) <= max, "{part:?} counts {}", count(part, unit));
                    // A part is a piece of the text: where it is says what was left out before it.
                    let start = part.as_ptr() as usize - text.as_ptr() as usize;
                    prop_assert!(start >= end && text[end..start].chars().all(char::is_whitespace));
                    prop_assert!(!inside(start) && !inside(start + part.len()), "{part:?}");
                    end = start + part.len();
                }
                prop_assert!(text[end..].chars().all(char::is_whitespace));
            }
            Err(Error::Indivisible { .. }) => {
                let alone = |atom: &Atom| count(&text[atom.start..atom.end], unit);
                prop_assert!(atoms.iter().any(|atom| !atom.space && alone(atom) > max));
            }
            Err(Error::TooManyParts { .. }) => {
                // Where an atom's count does not hang on its neighbours, that is a matter of arithmetic.
                if !matches!(unit, Unit::SmsSegments | Unit::Weighted) {
                    let least = atoms.iter().filter(|atom| !atom.space).map(|atom| count(&text[atom.start..atom.end], unit)).max().unwrap_or(0);
                    prop_assert!(count(text.trim(), unit) + parts_max * least > parts_max * max, "there was room");
                }
            }
            Err(error @ Error::TextTooLong { .. }) => prop_assert!(false, "{error}"),
        }
    }

    #[test]
    fn atoms_are_all_of_the_text(text in texts()) {
        let mut end = 0;
        for atom in atom::atoms(&text) {
            prop_assert_eq!(atom.start, end);
            prop_assert!(atom.end > atom.start);
            end = atom.end;
        }
        prop_assert_eq!(end, text.len());
    }

    /// More text never counts less: a prefix that does not fit is the end of the part.
    #[test]
    fn a_count_never_falls(text in texts(), unit in select(UNITS.to_vec())) {
        let mut counter = Counter::new(unit);
        let mut last = 0;
        for atom in atom::atoms(&text) {
            counter.push(&text, &atom);
            prop_assert!(counter.count() >= last);
            last = counter.count();
        }
        prop_assert_eq!(last, count(&text, unit));
    }
}

/// What people wrote, as files of lines.
const REAL_TEXTS: [&str; 5] = [
    "airline_tweets.csv",
    "banking77_train.csv",
    "cfpb_complaints.csv",
    "evi_records.fr.csv",
    "twcs_5000.csv",
];

#[test]
#[expect(clippy::disallowed_methods, reason = "a test may read files")]
fn real_texts_are_cut_without_loss() {
    let Some(folder) = std::env::var_os("DOSSIER_REAL_DATA") else {
        println!("DOSSIER_REAL_DATA is not set: going on without conversations");
        return;
    };
    let units = UNITS.into_iter().zip([140, 140, 140, 160, 1, 140]);
    let (mut lines, mut parts_made) = (0, 0);
    for name in REAL_TEXTS {
        let path = std::path::Path::new(&folder).join("conversations").join(name);
        let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let text = String::from_utf8_lossy(&text);
        for (line, (unit, max)) in text.lines().zip(units.clone().cycle()) {
            lines += 1;
            let parts = split(line, max, unit, usize::MAX);
            let parts = parts.unwrap_or_else(|error| panic!("{name}: {error}: {line}"));
            assert!(
                parts.iter().all(|part| !part.trim().is_empty() && count(part, unit) <= max),
                "{name}: {line}"
            );
            let written = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            assert_eq!(written(&parts.concat()), written(line), "{name}");
            parts_made += parts.len();
        }
    }
    println!("{lines} of {lines} lines cut, each in one of {} units, into {parts_made} parts", UNITS.len());
    assert!(lines > 20_000, "the files are whole");
}
