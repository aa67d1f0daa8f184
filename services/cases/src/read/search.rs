//! Full text, as a condition on cases. What words are is told by [`terms`](super::terms); a store only finds equal ones.

use service::Error;

use super::{
    query::Query,
    terms::{Phrase, wanted},
};

/// The longest search, in bytes.
const TEXT_MAX: usize = 1_000;
/// The most words and phrases of one search.
const PHRASES_MAX: usize = 32;

/// Only cases in which every word was said, no matter where in them; a phrase "in quotes" at one place.
pub fn search(query: &mut Query, text: &str) -> Result<(), Error> {
    if text.trim().is_empty() {
        return Ok(());
    }
    if text.len() > TEXT_MAX {
        return Err(Error::field("filter.text", format!("at most {TEXT_MAX} bytes")));
    }
    let wanted = wanted(text);
    if wanted.is_empty() {
        return Err(Error::field("filter.text", "must have a word in it"));
    }
    if wanted.iter().map(|wanted| wanted.phrases.len()).sum::<usize>() > PHRASES_MAX {
        return Err(Error::field("filter.text", format!("at most {PHRASES_MAX} words")));
    }
    for wanted in wanted {
        let all: Vec<String> = wanted.phrases.iter().map(|phrase| cases_with(query, phrase)).collect();
        let mut cases = all.join(" intersect ");
        if let Some(number) = &wanted.number {
            // Whatever the dialect thinks of precedence, this is the last of them.
            cases = format!("{cases} union {}", cases_with(query, number));
        }
        query.and(&format!("c.id in ({cases})"));
    }
    Ok(())
}

/// The cases in which a phrase was said. The index knows which terms there are; their order is looked up in the text.
fn cases_with(query: &mut Query, phrase: &Phrase) -> String {
    let mut sql = if query.sqlite {
        let place = query.bind(phrase.fts5());
        format!(
            "select s.case_id from said_text join said s on s.id = said_text.rowid where said_text match {place}"
        )
    } else {
        // As the index has it, to the letter.
        let place = query.bind(phrase.tsquery());
        format!(
            "select s.case_id from said s \
             where array_to_tsvector(string_to_array(s.terms, ' ')) @@ {place}::tsquery"
        )
    };
    if let Some(terms) = phrase.in_order() {
        let find = if query.sqlite { "instr" } else { "strpos" };
        let place = query.bind(terms);
        sql += &format!(" and {find}(' ' || s.terms || ' ', {place}) > 0");
    }
    sql
}
