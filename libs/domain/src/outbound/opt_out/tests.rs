use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::ids::Language;

fn says(message: &str) -> Option<Says> {
    keyword(message).map(|keyword| keyword.says)
}

#[test]
fn a_message_that_is_nothing_but_the_word_counts() {
    for message in [
        "STOP",
        "stop",
        "Stop.",
        "  stop!!! ",
        "\"STOP\"",
        "«\u{a0}Arrêt\u{a0}»",
        "ARRET",
        "arrêt",
        "Arre\u{302}t",
        "ＳＴＯＰ",
        "STOPP",
        "Abmelden",
        "BAJA",
        "cancelar",
        "Parar",
        "SAIR",
        "StopAll",
        "stop all",
        "STOP  ALL",
        "opt-out",
        "Opt Out",
        "OptOut",
        "Quit",
        "END",
        "Unsubscribe",
        "cancel",
        "désabonner",
        "İPTAL",
        "iptal",
        "СТОП",
        "ΣΤΌΠ",
        "إيقاف",
        "إلغاء",
        "停止",
        "退订",
        "수신거부",
        "הסר",
        "STOP 🛑",
        "stop\n\n",
        "[stop]",
        "Stop…",
    ] {
        assert_eq!(says(message), Some(OptOut), "{message}");
    }
    for message in ["START", "unstop", "Start!", "opt-in", "ALTA", "старт"] {
        assert_eq!(says(message), Some(OptIn), "{message}");
    }
    for message in ["OUI", "yes", "Sí", "sim", "Ja!"] {
        assert_eq!(says(message), Some(Yes), "{message}");
    }
}

#[test]
fn in_a_sentence_it_does_not() {
    for message in [
        "please stop",
        "Stop sending me the wrong invoice, I need the one of May",
        "stop it",
        "stops",
        "nonstop",
        "st op",
        "s.t.o.p",
        "stop, all",
        "stop stop",
        "the bus stop",
        "Cancel my order",
        "Where does it end?",
        "Je veux un arrêt de travail",
        "Ich möchte mich abmelden",
        "quiero darme de baja",
        "STOP https://example.com",
        "> STOP\nwas sagen Sie dazu",
        "yes please",
        "",
        " \n ",
        "!!!",
        "🛑",
        "0",
    ] {
        assert_eq!(keyword(message), None, "{message}");
    }
}

#[test]
fn it_says_in_which_language() {
    assert_eq!(keyword("Arrêt").unwrap().languages, ["fr"]);
    assert_eq!(keyword("cancelar").unwrap().languages, ["es", "pt"]);
    assert!(keyword("stop").unwrap().languages.contains(&"de"));
}

#[test]
fn it_means_what_the_customers_record_can_hold() {
    let identity = || "sms-fr_0123456789abcdef".parse::<IdentityId>().unwrap();
    let action = |word: &str, asked| keyword(word).unwrap().action(identity(), asked);
    let out = Action::OptOut { identity: identity(), purpose: Purpose::Any };
    let back = Action::OptIn { identity: identity(), purpose: Purpose::Any };
    for asked in [true, false] {
        assert_eq!(action("STOP", asked), Some(out.clone()));
        assert_eq!(action("START", asked), Some(back.clone()));
    }
    assert_eq!(action("OUI", true), Some(back));
    assert_eq!(action("OUI", false), None, "it answers some other question");
}

#[test]
fn the_words_are_folded_distinct_and_of_a_language() {
    let mut words = BTreeSet::new();
    for (word, _, languages) in KEYWORDS {
        assert_eq!(fold(word), *word, "as a message is folded, or it is never found");
        assert!(word.len() <= KEYWORD_BYTES_MAX && words.insert(*word), "{word}");
        assert!(!languages.is_empty(), "{word}");
        for language in *languages {
            assert!(Language::new(language).is_ok(), "{word}: {language}");
        }
        assert!(keyword(word).is_some(), "{word}");
        assert_eq!(says(&word.to_uppercase()), says(word), "{word}");
    }
}

#[test]
fn a_long_message_is_not_read_to_its_end() {
    let long = "stop ".repeat(1 << 20);
    assert_eq!(keyword(&long), None);
    let padded = format!("{}STOP{}", " ".repeat(1 << 20), "!".repeat(1 << 20));
    assert_eq!(says(&padded), Some(OptOut), "what surrounds it does not matter, however much it is");
}

proptest! {
    /// Whatever comes: no panic. And what surrounds a word does not matter, while a letter beside it does.
    #[test]
    fn any_message(message in "\\PC{0,80}", around in "[ \\t\\n.,!?…»«\"'()*-]{0,20}", n in 0..KEYWORDS.len()) {
        let _ = keyword(&message);
        let (word, expected, _) = KEYWORDS[n];
        prop_assert_eq!(says(&format!("{around}{word}{around}")), Some(expected));
        prop_assert_eq!(says(&format!("{word} qqq")), None);
        prop_assert_eq!(says(&format!("qqq {word}")), None);
        prop_assert_eq!(says(&format!("{word}qqq")), None);
    }
}

/// Nobody in these says stop: what is found in them would be found in error.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test may read files")]
fn no_real_question_is_an_opt_out() {
    let Some(folder) = std::env::var_os("DOSSIER_REAL_DATA") else {
        println!("DOSSIER_REAL_DATA is not set: going on without conversations");
        return;
    };
    let path = std::path::Path::new(&folder).join("conversations/banking77_train.csv");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    // `question,category`, the question in quotes if it has commas.
    let questions: Vec<&str> =
        text.lines().skip(1).filter_map(|line| line.rsplit_once(',').map(|(question, _)| question)).collect();
    let found: Vec<_> = questions.iter().filter(|question| keyword(question).is_some()).collect();
    println!("{} of {} questions are taken for a word", found.len(), questions.len());
    assert!(questions.len() > 9_000 && found.is_empty(), "{found:?}");
}

#[test]
fn what_is_said_of_orders_as_well_is_not_clear() {
    for word in
        ["STOP", "Stopall", "unsubscribe", "Arrêt", "désinscription", "Abmelden", "стоп", "退订", "start"]
    {
        assert!(keyword(word).is_some_and(|keyword| keyword.clear), "{word}");
    }
    for word in ["cancel", "End", "remove", "RET", "baja", "alto", "cancelar", "iptal", "alta"] {
        assert!(keyword(word).is_some_and(|keyword| !keyword.clear), "{word}");
    }
    // One that is in no other list would be clear by a slip.
    for word in AMBIGUOUS {
        assert!(KEYWORDS.iter().any(|(known, ..)| known == word), "{word}");
    }
}
