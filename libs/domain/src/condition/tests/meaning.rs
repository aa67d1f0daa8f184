//! What conditions mean, what is missing above all.

use super::{
    super::{Budget, Failed, ITEMS_MAX, KNOWN, TEXT_LEN_MAX, Verdict, WORK_MAX},
    *,
};

#[test]
fn what_holds_and_what_does_not() {
    for (source, expected) in [
        ("true", true),
        ("message.channel == 'email' && message.public", true),
        ("message.text.contains('REMBOURSEMENT')", true),
        ("message.text.contains('remboursement')", false),
        ("message.text.lowerAscii().contains('remboursement')", true),
        ("message.text.matches('(?i)rembours|refund')", true),
        ("matches(message.text, r'\\d{3} €')", true),
        ("message.text.startsWith('Où') && message.text.endsWith('?')", true),
        ("size(message.text) == 35 && message.text.size() == 35", true),
        ("message.entry_point in ['message_us', 'customer_chat']", true),
        ("int(message.fields.rating) <= 2 && message.fields['rating'] == '2'", true),
        ("case.priority in ['high', 'urgent'] ? account.tier == 1 : account.tier == 3", true),
        ("case.fields.amount > 100 && case.fields.weight < 2", true),
        ("case.fields.vip", true),
        ("case.fields.iban.startsWith('FR')", true),
        ("case.fields['order-number'].startsWith('A-')", true),
        ("'order-number' in case.fields && !('order' in case.fields)", true),
        ("'billing' in case.tags && !('vip' in case.tags)", true),
        ("case.tags.exists(tag, tag.startsWith('deli'))", true),
        ("case.tags.all(tag, size(tag) > 2)", true),
        ("size(case.tags.filter(tag, tag.contains('i'))) == 2", true),
        ("7 in case.tags.map(tag, size(tag))", true),
        ("case.tags.map(tag, tag != 'billing', tag.size()).size() == 2", true),
        ("'marketing' in customer.opted_out", true),
        ("time.weekday in ['saturday', 'sunday'] || time.hour < 8 || !time.open", true),
        ("scores.csat < 0.5", true),
        (
            "case.age_s / 60 == 1 && case.age_s % 60 == 30 && -case.age_s < 0 && case.age_s * 2 - 1 == 179",
            true,
        ),
        ("case.reopened", false),
        ("case.age_s == 90.0", true),
        ("double('1.5') == case.fields.weight && int(1.9) == 1", true),
        ("// why\n true // and no more", true),
    ] {
        assert_eq!(parsed(source).holds(&facts()), Ok(expected), "{source}");
    }
}

#[test]
fn what_is_missing_reads_as_written_down() {
    let nothing = Facts::default();
    for (source, expected) in [
        // Texts, lists, yes and no.
        ("message.subject == ''", Ok(true)),
        ("message.subject.contains('x')", Ok(false)),
        ("message.subject.matches('x')", Ok(false)),
        ("case.team == 'billing'", Ok(false)),
        ("case.team != 'billing'", Ok(true)),
        ("case.tags.exists(tag, tag == 'x')", Ok(false)),
        ("case.tags.all(tag, tag == 'x')", Ok(true)),
        ("'x' in case.tags", Ok(false)),
        ("message.public || time.open || case.reopened", Ok(false)),
        // Numbers.
        ("case.difficulty == 3", Ok(false)),
        ("case.difficulty != 3", Ok(true)),
        ("case.difficulty in [1, 2]", Ok(false)),
        ("case.difficulty < 3", Err(Failed::Missing)),
        ("!(case.difficulty < 3)", Err(Failed::Missing)),
        ("case.difficulty + 1 == 1", Err(Failed::Missing)),
        ("scores.csat < 0.5", Err(Failed::Missing)),
        ("has(scores.csat) && scores.csat < 0.5", Ok(false)),
        ("scores.csat < 0.5 && has(scores.csat)", Ok(false)),
        ("case.difficulty < 3 || true", Ok(true)),
        // Members.
        ("case.fields.order == 'x'", Ok(false)),
        ("case.fields.order != 'x'", Ok(true)),
        ("case.fields.order == ''", Ok(false)),
        ("case.fields.order.contains('x')", Ok(false)),
        ("case.fields.order == null && !has(case.fields.order)", Ok(true)),
        ("case.fields.order > 3", Err(Failed::Missing)),
        ("case.fields.order", Err(Failed::Missing)),
        ("message.fields.rating == ''", Ok(false)),
        ("int(message.fields.rating) > 1", Err(Failed::Missing)),
        // What is known of it.
        ("has(message.subject) || has(case.tags) || has(case.difficulty) || has(message.public)", Ok(false)),
        ("message.subject == null && case.tags == null && time.open == null", Ok(true)),
        ("case.difficulty != null || null != message.text", Ok(false)),
        ("has(case.reopened) && has(case.reopenings)", Ok(true)),
    ] {
        assert_eq!(parsed(source).holds(&nothing), expected, "{source}");
    }
    assert_eq!(parsed("message.public != null && has(message.text)").holds(&facts()), Ok(true));
    let mut empty = facts();
    empty.texts.text = Some(Personal::open("x", ""));
    assert_eq!(parsed("has(message.text)").holds(&empty), Ok(false), "empty is as good as missing");
}

#[test]
fn what_fails_says_why_and_nothing_of_what_it_read() {
    let mut facts = facts();
    facts.texts.subject = Some(Personal::sealed("x", "k.n.c"));
    facts.texts.message_fields.insert(field("gone"), Personal::erased("x"));
    for (source, failed) in [
        ("message.subject.contains('x')", Failed::Unreadable),
        ("has(message.subject)", Failed::Unreadable),
        ("message.fields.gone == ''", Failed::Unreadable),
        ("case.fields.amount.contains('1')", Failed::WrongType),
        ("case.fields.amount", Failed::WrongType),
        ("case.fields.vip < 3", Failed::WrongType),
        ("int(message.text) == 1", Failed::NotANumber),
        ("double(message.text) == 1.0", Failed::NotANumber),
        ("case.age_s / 0 == 1", Failed::NoResult),
        ("case.age_s % 0 == 1", Failed::NoResult),
        ("case.age_s * 9223372036854775807 == 1", Failed::NoResult),
        ("case.age_s / 0.0 == 1.0", Failed::NoResult),
        ("int(1e300) == 1", Failed::NoResult),
        ("case.tags.exists(tag, int(tag) == 1)", Failed::NotANumber),
    ] {
        assert_eq!(parsed(source).holds(&facts), Err(failed), "{source}");
        let text = failed.to_string();
        assert!(!text.contains("REMB") && (text.contains(';') || text.contains("cannot")), "{text}");
    }
    assert!(!format!("{facts:?}").contains("REMBOURSEMENT"));
}

#[test]
fn a_side_that_decides_does_so_whatever_the_other_one_does() {
    let fails = "case.difficulty < 3";
    for (source, expected) in [
        (format!("{fails} && false"), Ok(false)),
        (format!("false && {fails}"), Ok(false)),
        (format!("{fails} && true"), Err(Failed::Missing)),
        (format!("{fails} || true"), Ok(true)),
        (format!("false || {fails}"), Err(Failed::Missing)),
        (format!("case.tags.exists(tag, tag == 'billing' || {fails})"), Ok(true)),
        (format!("case.tags.all(tag, tag != 'billing' && {fails})"), Ok(false)),
        (format!("case.tags.all(tag, tag == 'x' || {fails})"), Err(Failed::Missing)),
    ] {
        assert_eq!(parsed(&source).holds(&facts()), expected, "{source}");
    }
}

#[test]
fn long_texts_and_lists_are_looked_at_so_far_and_no_farther() {
    let mut facts = facts();
    let text = |before: usize| Some(Personal::open("x", format!("{}needle", "é".repeat(before))));
    facts.texts.text = text(TEXT_LEN_MAX / 2 - 3);
    let found = parsed("message.text.contains('needle')");
    assert_eq!(found.holds(&facts), Ok(true));
    facts.texts.text = text(TEXT_LEN_MAX / 2 - 2);
    assert_eq!(found.holds(&facts), Ok(false), "its end is beyond");
    facts.texts.text = Some(Personal::open("x", format!("a{}", "é".repeat(TEXT_LEN_MAX))));
    assert_eq!(parsed("size(message.text) == 8192").holds(&facts), Ok(true), "cut between letters");

    facts.about.case.tags = (0..=ITEMS_MAX).map(|n| Tag::new(&format!("t{n}")).unwrap()).collect();
    assert_eq!(parsed("size(case.tags) == 200 && 't199' in case.tags").holds(&facts), Ok(true));
    assert_eq!(parsed("'t200' in case.tags").holds(&facts), Ok(false));
}

#[test]
fn work_is_bounded_for_one_and_for_several() {
    let mut facts = facts();
    facts.texts.text = Some(Personal::open("x", "a".repeat(TEXT_LEN_MAX)));
    facts.about.case.tags = (0..ITEMS_MAX).map(|n| Tag::new(&format!("t{n}")).unwrap()).collect();
    let much = parsed("case.tags.exists(tag, message.text.matches('b') || message.text.matches('c'))");
    assert_eq!(much.holds(&facts), Err(Failed::TooMuchWork));
    let little = parsed("message.text.contains('b')");
    let mut budget = Budget::new(1_200);
    assert_eq!(little.verdict(&facts, &mut budget), Verdict::False);
    let left = budget.left();
    assert!(left < 200, "{left}");
    assert_eq!(little.verdict(&facts, &mut budget), Verdict::Failed(Failed::TooMuchWork));
    assert_eq!(budget.left(), 0);
    let mut budget = Budget::new(WORK_MAX * 2);
    much.holds_within(&facts, &mut budget).unwrap_err();
    assert_eq!(budget.left(), WORK_MAX, "one takes its share and no more");
}

#[test]
fn a_pattern_that_repeats_what_repeats_costs_what_it_takes() {
    let mut facts = facts();
    facts.texts.text = Some(Personal::open("x", "ab".repeat(TEXT_LEN_MAX)));
    let costs = |pattern: &str| {
        let condition = parsed(&format!("message.text.matches('{pattern}')"));
        let mut budget = Budget::new(WORK_MAX);
        let held = condition.holds_within(&facts, &mut budget);
        (held, (WORK_MAX - budget.left()) as usize / TEXT_LEN_MAX)
    };
    assert_eq!(costs("x"), (Ok(false), 1));
    assert_eq!(costs("(?i)[a-z]+ refund"), (Ok(false), 1));
    assert_eq!(costs("[ab]{100}c"), (Ok(false), 7));
    assert_eq!(costs("(?:[ab]{1,30}a){1,30}c"), (Err(Failed::TooMuchWork), WORK_MAX as usize / TEXT_LEN_MAX));
}

#[test]
fn a_condition_says_which_documents_it_names_and_whether_it_reads_what_is_personal() {
    let condition =
        parsed("case.team == 'billing' ||\n  message.channel in ['email', 'x'] || 'fr' != case.region");
    let mentions: Vec<_> =
        condition.mentions().iter().map(|m| (m.kind, m.id.as_str(), m.line, m.column)).collect();
    assert_eq!(
        mentions,
        [
            ("team", "billing", 1, 6),
            ("channel", "email", 2, 11),
            ("channel", "x", 2, 11),
            ("region", "fr", 2, 53)
        ]
    );
    assert!(!condition.is_personal());
    assert!(parsed("message.text == 'x'").is_personal() && parsed("has(case.fields.a)").is_personal());
}

#[test]
fn every_fact_can_be_asked_for() {
    for known in KNOWN {
        let table = ["message.fields", "case.fields", "scores"].contains(&known.path);
        let source = if table { format!("has({}.x)", known.path) } else { format!("has({})", known.path) };
        assert_eq!(parsed(&source).is_personal(), known.personal, "{source}");
        assert!(parsed(&source).holds(&facts()).is_ok() && !known.what.is_empty());
    }
}

#[test]
fn words_are_those_that_are_stored() {
    use crate::{message::Automatic, policy::account};
    let json = |value: serde_json::Value| value.as_str().unwrap().to_owned();
    let mut facts = facts();
    for priority in [Priority::Low, Priority::Normal, Priority::High, Priority::Urgent] {
        facts.about.case.priority = Some(priority);
        let word = json(serde_json::to_value(priority).unwrap());
        assert_eq!(parsed(&format!("case.priority == '{word}'")).holds(&facts), Ok(true));
    }
    for status in Status::ALL {
        facts.about.case.status = Some(status);
        assert_eq!(parsed(&format!("case.status == '{status}'")).holds(&facts), Ok(true));
    }
    for automatic in [Automatic::AutoReply, Automatic::Report, Automatic::List] {
        facts.about.message.as_mut().unwrap().automatic = Some(automatic);
        let word = json(serde_json::to_value(automatic).unwrap());
        assert_eq!(parsed(&format!("message.automatic == '{word}'")).holds(&facts), Ok(true));
    }
    for entry in [
        EntryPoint::ClickToChatAd,
        EntryPoint::CheckboxPlugin,
        EntryPoint::MessageUs,
        EntryPoint::CustomerChat,
        EntryPoint::SendMessage,
        EntryPoint::WebAuthenticated,
    ] {
        facts.about.message.as_mut().unwrap().entry_point = Some(entry);
        let word = json(serde_json::to_value(entry).unwrap());
        assert_eq!(parsed(&format!("message.entry_point == '{word}'")).holds(&facts), Ok(true));
    }
    for purpose in
        [Purpose::Any, Purpose::Service, Purpose::Marketing, Purpose::Survey, Purpose::LinkProfiles]
    {
        facts.about.customer.opted_out = vec![purpose];
        let word = json(serde_json::to_value(purpose).unwrap());
        assert_eq!(parsed(&format!("'{word}' in customer.opted_out")).holds(&facts), Ok(true));
    }
    for purpose in [account::Purpose::Care, account::Purpose::Marketing] {
        facts.about.account.purpose = Some(purpose);
        let word = json(serde_json::to_value(purpose).unwrap());
        assert_eq!(parsed(&format!("account.purpose == '{word}'")).holds(&facts), Ok(true));
    }
    for day in jiff::civil::Weekday::Monday.cycle_forward().take(7).map(Weekday::from) {
        facts.about.time.weekday = Some(day);
        let word = json(serde_json::to_value(day).unwrap());
        assert_eq!(parsed(&format!("time.weekday == '{word}'")).holds(&facts), Ok(true));
    }
}

#[test]
fn what_is_stored_of_facts_comes_back_and_has_no_personal_text() {
    let facts = facts();
    let stored = serde_json::to_string(&facts.about).unwrap();
    assert!(!stored.contains("REMBOURSEMENT") && !stored.contains("FR76"), "{stored}");
    assert_eq!(serde_json::from_str::<super::super::About>(&stored).unwrap(), facts.about);
}

#[test]
fn custom_fields_are_taken_in_with_the_personal_ones_apart() {
    use crate::case::FieldValue;
    let fields = BTreeMap::from([
        (field("day"), FieldValue::Date("2026-11-22".parse().unwrap())),
        (field("sum"), FieldValue::Number(7.into())),
        (field("code"), FieldValue::Choice("late".parse().unwrap())),
        (field("name"), FieldValue::Personal(Personal::open("x", "Ann"))),
    ]);
    let facts = Facts::default().with_case_fields(&fields);
    let all = "case.fields.day > '2026-01-01' && case.fields.sum == 7 && case.fields.code == 'late' && case.fields.name == 'Ann'";
    assert_eq!(parsed(all).holds(&facts), Ok(true));
    assert!(!serde_json::to_string(&facts.about).unwrap().contains("Ann"));
}
