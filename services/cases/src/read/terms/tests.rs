use super::{
    Terms, terms,
    wanted::{Phrase, wanted},
};

/// As a store finds it, without one.
fn finds(text: &str, search: &str) -> bool {
    let said = format!(" {} ", terms([text]));
    let stands = |phrase: &Phrase| {
        // A single term is asked for with a space before it; with one behind it too, unless it may go on.
        let asked = phrase.fts5().replace('"', "");
        let alone = asked.strip_suffix('*').map_or_else(|| format!(" {asked} "), |open| format!(" {open}"));
        said.contains(&phrase.in_order().unwrap_or(alone))
    };
    let wanted = wanted(search);
    assert!(!wanted.is_empty(), "{search} has no word in it");
    wanted
        .iter()
        .all(|wanted| wanted.phrases.iter().all(stands) || wanted.number.as_ref().is_some_and(stands))
}

#[test]
fn texts_become_terms() {
    for (text, expected) in [
        ("", ""),
        ("?! …", ""),
        ("The kettle LEAKS", "the kettle leaks"),
        ("O'Brien’s l'été", "o brien s l ete"),
        ("Straße STRASSE Łódź smørrebrød", "strasse strasse lodz smorrebrod"),
        ("Ελλάς ΕΛΛΑΣ", "ελλασ ελλασ"),
        ("Ёлка й", "елка и"),
        ("اَلْغَلَّايَة", "الغلاية"),
        ("שָׁלוֹם", "שלום"),
        ("हिन्दी", "हिन्दी"),
        ("e\u{301}te\u{301} Wasch\u{ad}maschine", "ete waschmaschine"),
        ("ﬁne Ｋｅｔｔｌｅ m² Kettle™", "fine kettle m 2 kettle"),
        ("HB-203311 hb203311", "hb 203311 hb 203311"),
        ("#broken_kettle @ann.smith", "broken kettle ann smith"),
        ("رقم ٢٠٣٣١١", "رقم 203311"),
        ("1️⃣ ❤️", "1"),
        ("壊れた", "壊れ れた た"),
        ("iPhoneが壊", "iphone が壊 壊"),
        ("第3回", "第 3 回"),
        ("ﾎﾟｯﾄ ポット", "ポッ ット ト ポッ ット ト"),
        ("か\u{3099} が", "が が"),
        ("한국 \u{1112}\u{1161}\u{11ab}국", "한국 국 한국 국"),
        ("พัง", "พั ัง ง"),
        ("+44 7700 900150, 12 (or 7700-900151)", "44 7700 900150 12 or 7700 900151 447700900150 7700900151"),
        ("1 2 3", "1 2 3"),
    ] {
        assert_eq!(terms([text]), expected, "{text}");
    }
    assert_eq!(
        terms(["Subject 7700", "900150 text"]),
        "subject 7700 900150 text",
        "a number ends with its part"
    );
}

#[test]
fn what_was_said_is_found() {
    for (text, found, not_found) in [
        ("ポットが壊れた", &["壊れた", "ポット", "が", "壊", "た", "ﾎﾟｯﾄ"][..], &["壊た", "れ壊", "ポト"][..]),
        ("水壶坏了，请退款", &["坏了", "退款", "水", "款", "\"坏了，请\""], &["坏请", "了壶"]),
        ("주전자가 고장났어요", &["주전자", "고장", "고"], &["주자"]),
        ("กาต้มน้ำพังแล้ว", &["พัง", "กาต้มน้ำ"], &["พแ"]),
        (
            "my HB-203311 broke",
            &["HB-203311", "hb203311", "203311", "HB", "\"hb 203311 broke\""],
            &["HB-203312"],
        ),
        (
            "ann.smith@example.co.uk",
            &["ann.smith@example.co.uk", "example.co.uk", "smith", "@example"],
            &["co.ann"],
        ),
        ("#BrokenKettle @ann_s", &["#brokenkettle", "BrokenKettle", "@ann_s", "ann"], &["#kettle"]),
        (
            "call +44 7700 900150",
            &["+447700900150", "900150", "7700-900150", "44 7700 900150"],
            &["+447700900151"],
        ),
        (
            "call +447700900150",
            &["+44 7700 900150", "\"44 7700 900150\"", "+44-7700-900150"],
            &["44 7700 900151"],
        ),
        ("orders 1234 and 5678", &["1234 5678", "5678 1234"], &["12345678"]),
        ("Der Föhn wird heiß", &["fohn", "FÖHN", "heiss", "„Föhn wird“"], &["\"heiß wird\""]),
        ("boil it", &["boil*", "(boil)", "it"], &["text:boil", "-it NOT"]),
    ] {
        for search in found {
            assert!(finds(text, search), "{search} in {text}: {:?} in {}", wanted(search), terms([text]));
        }
        for search in not_found {
            assert!(!finds(text, search), "{search} in {text}: {:?} in {}", wanted(search), terms([text]));
        }
    }
}

#[test]
fn any_part_of_a_run_without_spaces_is_found() {
    let text = "東京の水壶がKettle壊れてしまった회사에서พังแล้ว";
    let characters: Vec<char> = text.chars().collect();
    for from in 0..characters.len() {
        // A vowel that stands above a letter is nothing without it.
        if super::mark(characters[from]) {
            continue;
        }
        for to in from + 1..=characters.len() {
            let part: String = characters[from..to].iter().collect();
            // Of words with spaces around them a part is none.
            if !part.contains(|c: char| c.is_ascii()) || part.contains("Kettle") {
                assert!(finds(text, &part), "{part}");
            }
        }
    }
}

#[test]
fn terms_are_bounded_and_hold_nothing_that_a_store_takes_for_its_own() {
    let long = "a".repeat(10_000);
    assert_eq!(terms([long.as_str()]).len(), super::TERM_MAX);
    assert!(finds(&long, &long));
    let mut every = String::new();
    for c in '\0'..=char::MAX {
        every.push(c);
        every.push(' ');
    }
    let terms = terms([every.as_str()]);
    assert!(!terms.contains("  ") && !terms.starts_with(' ') && !terms.ends_with(' '), "a term is empty");
    let strange = terms.chars().find(|c| c.is_ascii() && !matches!(c, 'a'..='z' | '0'..='9' | ' '));
    assert_eq!(strange, None);
}

#[test]
fn terms_are_the_same_again() {
    let text = "Straße, Ελλάς! 壊れた ﾎﾟｯﾄ 한국 พัง HB-203311 اَلْغَلَّايَة हिन्दी İstanbul";
    let mut once = Terms::default();
    once.take(text);
    // Runs without spaces are taken apart once more; the others stay.
    for word in once.text.split(' ').filter(|word| !word.contains(super::without_spaces)) {
        assert_eq!(terms([word]), word);
    }
}
