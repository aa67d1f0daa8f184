//! Whatever is written, nothing panics or hangs; and what is answered is what the crate's own evaluator answers.

use cel::{Context, Program, Value};
use proptest::prelude::*;

use super::*;

/// Conditions from which others are made by mistake.
const SEEDS: [&str; 8] = [
    "message.channel == 'email' && message.public && !has(message.subject)",
    "message.text.matches('(?i)refund|rembours\\\\w*') || message.text.contains('€')",
    "case.tags.exists(tag, tag.startsWith('deli')) ? case.age_s > 3600 : case.priority in ['high', 'urgent']",
    "size(customer.tags.filter(t, t != 'x').size()) >= 1 && case.fields['order-number'] == null",
    "case.tags.map(t, size(t) > 2, t).exists(u, u == 'x') || -case.age_s * 2 % 7 <= 3.5e1",
    "((true || false) && (1 + 2 * 3 - 4 / 5 == 6)) // because",
    "int(message.fields.rating) < 3 && double('1.5') > scores.csat",
    "time.weekday in ['saturday', 'sunday'] && r'\\d' != \"\\u00e9\\n\"",
];

/// What stands in conditions.
const PARTS: [&str; 40] = [
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "'",
    "\"",
    "\\",
    ",",
    ".",
    "?",
    ":",
    "!",
    "-",
    "+",
    "*",
    "/",
    "%",
    "<",
    ">=",
    "==",
    "!=",
    "&&",
    "||",
    " in ",
    "has(",
    "case.tags",
    "case.fields",
    "message.text",
    ".exists(t, ",
    ".map(t, ",
    "null",
    "true",
    "1",
    "2.5e3",
    "0x1F",
    "'é'",
    "//",
    "\n",
];

proptest! {
    #[test]
    fn random_bytes_are_refused_or_answered(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let source = String::from_utf8_lossy(&bytes);
        if let Ok(condition) = Condition::parse(&source) {
            let _ = condition.holds(&facts());
        }
    }

    #[test]
    fn conditions_with_mistakes_are_refused_or_answered(
        seed in prop::sample::select(&SEEDS[..]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..3_u8, prop::sample::select(&PARTS[..])), 1..8),
    ) {
        let mut chars: Vec<char> = seed.chars().collect();
        for (at, how, part) in changes {
            let at = at.index(chars.len() + 1);
            match how {
                0 => drop(chars.splice(at..at, part.chars())),
                1 => drop(chars.drain(at.min(chars.len())..(at + 3).min(chars.len()))),
                _ => {
                    let again: Vec<char> = chars[..at].to_vec();
                    chars.extend(again);
                    chars.truncate(2_000);
                }
            }
        }
        let source: String = chars.into_iter().collect();
        match Condition::parse(&source) {
            Ok(condition) => {
                let (one, two) = (condition.holds(&facts()), condition.holds(&facts()));
                prop_assert_eq!(one, two);
                let _ = condition.holds(&Facts::default());
            }
            Err(problem) => {
                prop_assert!(problem.line >= 1 && problem.column >= 1);
                prop_assert!(!problem.what.is_empty() && !problem.remedy.is_empty());
                prop_assert!(problem.line <= source.split('\n').count());
            }
        }
    }

    #[test]
    fn parts_in_any_order_are_refused_or_answered(parts in prop::collection::vec(prop::sample::select(&PARTS[..]), 0..60)) {
        if let Ok(condition) = Condition::parse(&parts.concat()) {
            let _ = condition.holds(&facts());
        }
    }

    #[test]
    fn answers_are_those_of_the_crates_own_evaluator(source in yes_or_no(4)) {
        let ours = parsed(&source).holds(&facts());
        let program = Program::compile(&source).unwrap();
        let theirs = program.execute(&context());
        match (ours, theirs) {
            (Ok(yes), Ok(Value::Bool(theirs))) => prop_assert_eq!(yes, theirs, "{}", source),
            (Err(_), Err(_)) => {}
            (ours, theirs) => prop_assert!(false, "{source}: {ours:?}, {theirs:?}"),
        }
    }
}

/// The same facts as the crate wants them, as far as the generated conditions ask.
fn context() -> Context<'static, 'static> {
    let mut context = Context::default();
    let list = |items: &[&str]| Value::from(items.iter().map(|item| Value::from(*item)).collect::<Vec<_>>());
    let map = |members: Vec<(&str, Value)>| {
        let members = members.into_iter().map(|(name, value)| (cel::objects::Key::from(name), value));
        Value::Map(cel::objects::Map { map: std::sync::Arc::new(members.collect()) })
    };
    let case = map(vec![
        ("age_s", Value::Int(90)),
        ("reopenings", Value::Int(0)),
        ("reopened", Value::Bool(false)),
        ("tags", list(&["billing", "delivery", "été"])),
        ("language", Value::from("")),
    ]);
    context.add_variable_from_value("case", case);
    let message = map(vec![
        ("public", Value::Bool(true)),
        ("attachments", Value::Int(2)),
        ("text", Value::from("Où est mon REMBOURSEMENT de 120 € ?")),
    ]);
    context.add_variable_from_value("message", message);
    context
}

fn number() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(&["case.age_s", "case.reopenings", "message.attachments"][..])
            .prop_map(str::to_owned),
        (0..4_i64).prop_map(|n| n.to_string()),
        Just("size(case.tags)".to_owned()),
        Just("size(message.text)".to_owned()),
    ];
    leaf.prop_recursive(2, 8, 2, |inner| {
        (inner.clone(), prop::sample::select(&["+", "-", "*", "/", "%"][..]), inner)
            .prop_map(|(l, op, r)| format!("({l} {op} {r})"))
    })
}

fn text() -> impl Strategy<Value = String> {
    prop::sample::select(&["message.text", "case.language", "'é'", "'O'", "'billing'", "''"][..])
        .prop_map(str::to_owned)
}

fn yes_or_no(depth: u32) -> impl Strategy<Value = String> {
    let order = prop::sample::select(&["==", "!=", "<", "<=", ">", ">="][..]);
    let look = prop::sample::select(&["contains", "startsWith", "endsWith"][..]);
    let ask = prop::sample::select(&["exists", "all"][..]);
    let leaf = prop_oneof![
        Just("true".to_owned()),
        Just("message.public".to_owned()),
        Just("case.reopened".to_owned()),
        (number(), order.clone(), number()).prop_map(|(l, op, r)| format!("{l} {op} {r}")),
        (text(), order, text()).prop_map(|(l, op, r)| format!("{l} {op} {r}")),
        (text(), look, text()).prop_map(|(l, look, r)| format!("{l}.{look}({r})")),
        text().prop_map(|t| format!("{t} in case.tags")),
        (ask, text()).prop_map(|(ask, t)| format!("case.tags.{ask}(t, t < {t})")),
        text().prop_map(|t| format!("size(case.tags.filter(t, t >= {t})) > 1")),
        number().prop_map(|n| format!("{n} in case.tags.map(t, size(t))")),
    ];
    leaf.prop_recursive(depth, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(l, r)| format!("({l} && {r})")),
            (inner.clone(), inner.clone()).prop_map(|(l, r)| format!("({l} || {r})")),
            inner.clone().prop_map(|of| format!("!({of})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(c, y, n)| format!("({c} ? {y} : {n})")),
        ]
    })
}
