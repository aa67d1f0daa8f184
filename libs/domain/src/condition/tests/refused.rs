//! What is refused, with its place and remedy.

use super::super::{LEN_MAX, Problem};
use super::*;

fn refused(source: &str) -> Problem {
    Condition::parse(source).err().unwrap_or_else(|| panic!("{source} is taken"))
}

#[test]
fn what_cannot_be_a_condition_is_refused_with_its_place_and_a_remedy() {
    let mut others = Vec::new();
    for (source, line, column, what, remedy) in [
        ("", 1, 1, "is empty", "\"true\""),
        ("  // nothing\n", 1, 1, "is empty", "\"true\""),
        ("case.priority = 'high'", 1, 15, "unexpected \"=\"", "=="),
        ("case.priority == 'high' and true", 1, 25, "cannot be read", "&&"),
        ("case.priority ==", 1, 17, "cannot be read", "compare it with"),
        ("(true", 1, 6, "cannot be read", "compare it with"),
        ("'é' == 'é' )", 1, 12, "cannot be read", "compare it with"),
        ("true &&\n  'é' == case.prioritty", 2, 15, "unknown field \"case.prioritty\"", "\"priority\""),
        ("mesage.text == 'x'", 1, 1, "unknown name \"mesage\"", "\"message\""),
        ("tag == 'x'", 1, 1, "unknown name \"tag\"", "what is known is: message, account"),
        ("case.tags.exists(t, t == tag)", 1, 26, "unknown name \"tag\"", "what is known"),
        ("case == 'x'", 1, 1, "\"case\" is no value", "status, priority"),
        ("has(case)", 1, 5, "invalid argument to has", "compare it with"),
        ("case.team.region == 'x'", 1, 11, "a text has no members", "tables"),
        ("case.tags[0] == 'x'", 1, 6, "a list has no members", "tables"),
        ("case.fields[1] == 'x'", 1, 6, "a whole number is no text", "quotes"),
        ("case.fields", 1, 1, "it gives a table", "yes or no"),
        ("message.text", 1, 1, "it gives a text", "has()"),
        ("1 + 1", 1, 1, "it gives a whole number", "compare"),
        ("!message.text", 1, 10, "a text is neither yes nor no", "has()"),
        ("true && message.text", 1, 17, "a text is neither yes nor no", "has()"),
        ("case.age_s == '90'", 1, 6, "a whole number is compared with a text", "numbers do not"),
        ("case.reopened == 'true'", 1, 6, "yes or no is compared with a text", "one type"),
        ("case.reopened < 3", 1, 6, "yes or no has no order", "numbers or texts"),
        ("case.priority > 'low'", 1, 6, "words have no order", "in ['high'"),
        ("case.priority == 'hihg'", 1, 6, "unknown word \"hihg\"", "\"high\""),
        ("'moneday' == time.weekday", 1, 19, "unknown word", "\"monday\""),
        ("case.status in ['new', 'opne']", 1, 6, "unknown word \"opne\"", "\"open\""),
        ("'ads' in customer.opted_out", 1, 19, "unknown word \"ads\"", "it is one of: any, service"),
        ("3 in case.tags", 1, 11, "is never in this list", "one type"),
        ("'x' in message.text", 1, 16, "a text has no members", "in a list"),
        ("case.tags == ['x']", 1, 6, "lists and tables are not compared", "exists"),
        ("message.text + 'x' == 'y'", 1, 9, "a text is no number", "int(x)"),
        ("-message.text == 1", 1, 10, "a text is no number", "int(x)"),
        ("null", 1, 1, "null stands alone", "has()"),
        ("null == null", 1, 1, "null stands alone", "has()"),
        ("1 == null", 1, 1, "never null", "a fact"),
        ("case.age_s == 90u", 1, 6, "without a sign", "without the u"),
        ("message.text == b'x'", 1, 17, "bytes are not known", "without the b"),
        ("message.text == '''x'''", 1, 17, "three quotes", "in one"),
        ("message.text == 'x", 1, 17, "does not end", "same quote"),
        ("message.text == 'x\n'", 1, 17, "does not end", "same quote"),
        ("{'a': 1} == case.fields", 1, 1, "a table cannot be written", "one by one"),
        ("[[1]] == case.fields", 1, 1, "a list stands in a list", "into one"),
        ("case.`team` == 'x'", 1, 6, "unexpected \"`\"", "quotes"),
        ("message.text.mtaches('x')", 1, 14, "unknown function \"mtaches\"", "\"matches\""),
        ("timestamp('2026-01-01T00:00:00Z') == 1", 1, 1, "unknown function", "has, size, contains"),
        ("message.text.contains()", 1, 14, "called with 1 things", "takes 2"),
        ("size(case.age_s) > 1", 1, 11, "a whole number has no size", "list or text"),
        ("message.text.matches(message.subject)", 1, 14, "pattern is not a text", "(?i)"),
        ("message.text.matches('(')", 1, 14, "pattern cannot be read: unclosed group", "RE2"),
        ("message.text.matches('\\\\w{5000}')", 1, 14, "too large", "repeat less"),
        ("message.text.matches('(a)\\\\1')", 1, 14, "backreferences", "RE2"),
        ("case.tags.exists_one(t, t == 'x')", 1, 6, "exists_one", "size("),
        ("case.tags.exists(case, true)", 1, 18, "\"case\" is a fact already", "otherwise"),
        ("['x'].exists(t, t == 'x')", 1, 1, "a list is asked", "case.tags"),
        ("message.text.exists(t, t == 'x')", 1, 9, "a text is asked", "case.tags"),
        (
            "case.tags.exists(t, customer.tags.exists(u, u == t))",
            1,
            18,
            "stands in another one",
            "one list at a time",
        ),
        ("case.tags.exists(t)", 1, 11, "exists is called otherwise", "case.tags.exists"),
        ("size(case.tags.map(t, case.tags)) > 1", 1, 28, "a list would stand in a list", "of each"),
        ("case.team.has()", 1, 11, "has is called otherwise", "has(case.team)"),
        ("if == 1", 1, 1, "cannot be read", "compare"),
        ("case.?team == 'x'", 1, 5, "cannot be read", "compare"),
        ("@result", 1, 1, "unexpected \"@\"", "quotes"),
        ("true ? 1 : 'x'", 1, 1, "", ""),
    ] {
        if what.is_empty() {
            // Of types that differ it is only known when it is evaluated.
            assert!(parsed(source).holds(&facts()).is_err());
            continue;
        }
        let problem = refused(source);
        let fits = problem.what.contains(what) && problem.remedy.contains(remedy);
        if !fits || (problem.line, problem.column) != (line, column) {
            others.push(format!("{source} ({line}, {column}): {problem}"));
        }
    }
    assert!(others.is_empty(), "{others:#?}");
}

#[test]
fn what_is_too_long_or_too_deep_is_refused_before_it_is_parsed() {
    let long = format!("message.text == '{}'", "x".repeat(LEN_MAX));
    let many = |unit: &str, count: usize| unit.repeat(count);
    for (source, what) in [
        (long, "bytes"),
        (format!("{}true{}", many("(", 33), many(")", 33)), "brackets"),
        (format!("{}true{}", many("[", 33), many("]", 33)), "brackets"),
        (format!("{}true{}", many("{1:", 33), many("}", 33)), "brackets"),
        (format!("{}true{}", many("size(", 33), many(")", 33)), "brackets"),
        (many("(", 4_000), "brackets"),
        (format!("{}true", many("!", 3)), "! and - in a row"),
        (format!("{}1", many("- ", 4)), "! and - in a row"),
        (format!("{}true", many("true ? true : ", 17)), "? :"),
        (format!("{}1 == 1", many("1 + ", 128)), "comparisons"),
        (format!("{}1", many("1 in ", 129)), "comparisons"),
        (format!("case{}", many(".team", 9)), "in a row"),
        (format!("case{}", many("['x']", 9)), "in a row"),
        (format!("case.team{}", many(".size()", 9)), "in a row"),
        (["message.text.matches('x')"; 9].join(" || "), "too many patterns"),
        (format!("message.text.matches('{}')", "x".repeat(501)), "501 bytes"),
    ] {
        let problem = refused(&source);
        assert!(problem.what.contains(what), "{source}: {problem}");
        assert!(problem.remedy.contains("at most"), "{problem}");
        assert!(problem.to_string().len() < 1_000);
    }
}
