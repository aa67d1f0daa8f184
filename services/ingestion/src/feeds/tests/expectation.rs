//! The `Expect:` lines of the feedparser suite: conditions in Python, of which the plain ones are read.

/// A value as Python writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Literal {
    Text(String),
    Number(i64),
    List(Vec<Literal>),
    Other,
}

/// One condition of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// The feed is flawed (or is not).
    Bozo(bool),
    /// What is at a path equals a value.
    Equals { path: Vec<String>, value: Literal },
    /// The file is only to be survived.
    Survive,
    /// In a form that is not read here.
    Strange(String),
}

/// What a file says of itself: its expectation and the headers that it is served with.
pub(super) struct Case {
    pub(super) conditions: Vec<Condition>,
    pub(super) headers: Vec<(String, String)>,
}

impl Case {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }
}

pub(super) fn case(text: &str) -> Option<Case> {
    let lines = || text.lines().map(str::trim);
    let expected = lines().find_map(|line| line.strip_prefix("Expect:"))?;
    let headers = lines().filter_map(|line| line.strip_prefix("Header:")?.split_once(':'));
    let headers = headers.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
    Some(Case { conditions: conditions(expected.trim()), headers: headers.collect() })
}

fn conditions(line: &str) -> Vec<Condition> {
    split(line, " and ")
        .into_iter()
        .flat_map(|part| {
            let part = part.trim();
            let part = part.strip_prefix('(').and_then(|part| part.strip_suffix(')')).unwrap_or(part);
            match part {
                "1" => vec![Condition::Survive],
                "bozo" => vec![Condition::Bozo(true)],
                "not bozo" => vec![Condition::Bozo(false)],
                part if split(part, " or ").len() > 1 => vec![Condition::Strange(part.to_owned())],
                part => equations(part).unwrap_or_else(|| vec![Condition::Strange(part.to_owned())]),
            }
        })
        .collect()
}

/// `a == b == 'c'`: each path with the value.
fn equations(part: &str) -> Option<Vec<Condition>> {
    let mut sides = split(part, "==");
    let value = literal(sides.pop()?.trim())?;
    let equations = sides
        .into_iter()
        .map(|side| Some(Condition::Equals { path: path(side.trim())?, value: value.clone() }));
    equations.collect::<Option<Vec<_>>>().filter(|equations| !equations.is_empty())
}

/// The parts of a text between separators that stand outside of quotes.
fn split<'a>(text: &'a str, separator: &str) -> Vec<&'a str> {
    let (mut parts, mut begin, mut quote, mut escaped) = (Vec::new(), 0, None, false);
    for (at, character) in text.char_indices() {
        match quote {
            _ if escaped => escaped = false,
            Some(_) if character == '\\' => escaped = true,
            Some(open) if character == open => quote = None,
            Some(_) => {}
            None if matches!(character, '\'' | '"') => quote = Some(character),
            None if at >= begin && text[at..].starts_with(separator) => {
                parts.push(&text[begin..at]);
                begin = at + separator.len();
            }
            None => {}
        }
    }
    parts.push(&text[begin..]);
    parts
}

/// `entries[0]['title']` and `entries[0].link` as their steps.
fn path(text: &str) -> Option<Vec<String>> {
    let begin = text.find(['[', '.'])?;
    let steps = text[begin..].replace('.', "[").replace("['", "[").replace("']", "").replace(']', "");
    let plain = |step: &&str| {
        !step.is_empty()
            && step.chars().all(|character| character.is_alphanumeric() || "_-".contains(character))
    };
    let all: Vec<_> = steps.split('[').skip(1).collect();
    let known = matches!(&text[..begin], "entries" | "feed") && all.iter().all(plain);
    known.then(|| [&text[..begin]].into_iter().chain(all).map(str::to_owned).collect())
}

fn literal(text: &str) -> Option<Literal> {
    let text = text.trim();
    if let Ok(number) = text.parse() {
        return Some(Literal::Number(number));
    }
    if text.starts_with('{') {
        return Some(Literal::Other);
    }
    let listed = text.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
    let listed = listed.or_else(|| text.strip_prefix('[').and_then(|text| text.strip_suffix(']')));
    if let Some(listed) = listed {
        let items = split(listed, ",").into_iter().filter(|item| !item.trim().is_empty()).map(literal);
        return items.collect::<Option<_>>().map(Literal::List);
    }
    // Texts side by side, with or without a plus.
    let mut whole = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        rest = rest.strip_prefix('u').unwrap_or(rest);
        let quote = rest.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
        let (read, after) = quoted(&rest[1..], quote)?;
        whole.push_str(&read);
        rest = after.trim_start();
        rest = rest.strip_prefix('+').unwrap_or(rest).trim_start();
    }
    Some(Literal::Text(whole))
}

/// The text up to its closing quote, and what follows.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut read = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        if character == quote {
            return Some((read, &text[at + 1..]));
        }
        if character != '\\' {
            read.push(character);
            continue;
        }
        let mut number = |digits: usize| {
            let hex: String = characters.by_ref().take(digits).map(|(_, digit)| digit).collect();
            char::from_u32(u32::from_str_radix(&hex, 16).ok()?)
        };
        let next = text[at + 1..].chars().next()?;
        match next {
            'x' | 'u' | 'U' => {
                number(1);
                read.push(number(match next {
                    'x' => 2,
                    'u' => 4,
                    _ => 8,
                })?);
                continue;
            }
            'n' => read.push('\n'),
            't' => read.push('\t'),
            'r' => read.push('\r'),
            other => read.push(other),
        }
        characters.next();
    }
    None
}

#[test]
fn conditions_are_read_as_python_means_them() {
    let text = |text: &str| Literal::Text(text.to_owned());
    let steps = |steps: &[&str]| steps.iter().map(|step| (*step).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        conditions(
            r"not bozo and entries[0]['title'] == u'a \u201c\xe9\' and b' + '-' and feed['n'] == (1, 2) and x(3)"
        ),
        [
            Condition::Bozo(false),
            Condition::Equals { path: steps(&["entries", "0", "title"]), value: text("a “é' and b-") },
            Condition::Equals {
                path: steps(&["feed", "n"]),
                value: Literal::List(vec![Literal::Number(1), Literal::Number(2)])
            },
            Condition::Strange("x(3)".to_owned()),
        ]
    );
    assert_eq!(
        conditions("entries[0].link == entries[1]['link'] == \"l\""),
        [
            Condition::Equals { path: steps(&["entries", "0", "link"]), value: text("l") },
            Condition::Equals { path: steps(&["entries", "1", "link"]), value: text("l") },
        ]
    );
}
