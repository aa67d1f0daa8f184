//! The worst that is allowed is read and answered on a small stack.

use super::super::{LEN_MAX, NESTING_MAX, OPERATORS_MAX, TERNARIES_MAX};
use super::*;

/// The stack of a worker thread of the runtime, and of a thread of the standard library.
const STACK: usize = 2 * 1024 * 1024;

/// Reads and answers on a thread of that stack; an overflow ends the process, and the test with it.
fn on_a_small_stack(sources: Vec<String>) -> usize {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(move || {
        sources
            .iter()
            .filter(|source| Condition::parse(source).is_ok_and(|c| c.holds(&facts()).is_ok()))
            .count()
    });
    thread.unwrap().join().unwrap()
}

#[test]
fn what_is_allowed_at_most_fits_a_small_stack() {
    let nest = |open: &str, inner: &str, close: &str, times: usize| {
        format!("{}{inner}{}", open.repeat(times), close.repeat(times))
    };
    let ternaries = "case.reopened ? true : ".repeat(TERNARIES_MAX);
    let sum = "1 + ".repeat(OPERATORS_MAX - 1);
    // Everything at once: each bracket holds an operator on its left and a negation, the innermost the longest chains.
    let chain = "1 + ".repeat(OPERATORS_MAX - NESTING_MAX - 8);
    let inner = format!("({}{chain}1 == 100)", "case.reopened ? true : ".repeat(TERNARIES_MAX));
    let calls = nest("true == !!(", &inner, ")", NESTING_MAX - 6);
    let worst = vec![
        nest("(", "true", ")", NESTING_MAX),
        nest("!(", "true", ")", NESTING_MAX),
        nest("!!(", "true", ")", NESTING_MAX),
        nest("int(", "1", ")", NESTING_MAX - 1) + " == 1",
        nest("true && (", "true", ")", NESTING_MAX),
        nest("true == (", "true", ")", NESTING_MAX),
        nest("true || false && (", "true", ")", NESTING_MAX),
        nest("case.tags.exists(t, (", "true", "))", 1),
        nest("case.fields[case.fields[", "'a'", "]]", NESTING_MAX / 2) + " != 1",
        format!("{ternaries}true"),
        format!("{sum}1 == {OPERATORS_MAX}"),
        format!("{}true", "1 == 1 && ".repeat(OPERATORS_MAX)),
        vec!["true"; LEN_MAX / 6].join("&&"),
        vec!["true"; LEN_MAX / 6].join("||"),
        vec!["true"; LEN_MAX / 12].join("&&true||"),
        format!("1 in [{}]", vec!["1"; LEN_MAX / 2 - 8].join(",")),
        calls,
        format!("case.tags.all(t, {})", nest("true == !!(", &inner, ")", NESTING_MAX - 6)),
    ];
    for source in &worst {
        assert!(source.len() <= LEN_MAX, "{}", source.len());
    }
    let count = worst.len();
    assert_eq!(on_a_small_stack(worst), count, "each of them is allowed and answered");
}

#[test]
fn what_is_beyond_is_refused_on_a_small_stack() {
    let beyond: Vec<String> = [
        "(", "[", "{", "!", "-", "- ", "!(", "a.", "a[", "a(", "a?", "a?a:", "a+", "a&&", "a in ", "f(a,",
        "{a:",
    ]
    .iter()
    .flat_map(|unit| [LEN_MAX / unit.len(), 100_000].map(|times| format!("{}true", unit.repeat(times))))
    .collect();
    assert_eq!(on_a_small_stack(beyond), 0);
}
