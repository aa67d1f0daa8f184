//! The words with which customers opt out and in again.
//!
//! Only a message that is nothing but such a word counts: in a sentence it may mean anything. What is left to people is
//! everything else that says so in more words.

use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization as _;

use crate::{
    customer::{Action, Purpose},
    ids::IdentityId,
};
use Says::{OptIn, OptOut, Yes};

/// What a word says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Says {
    /// He wants no more messages.
    OptOut,
    /// He wants messages again.
    OptIn,
    /// A plain yes: an opt-in only if that is what he was asked.
    Yes,
}

/// A word that was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keyword {
    /// What it says.
    pub says: Says,
    /// In which languages it says so, as BCP 47 tags.
    pub languages: &'static [&'static str],
    /// Whether it means nothing else in a conversation. Who writes `cancel` to a shop may mean an order.
    pub clear: bool,
}

/// The longest message that may be such a word, in bytes, without what surrounds it.
pub const KEYWORD_BYTES_MAX: usize = 64;
/// The words of the longest of them: most messages have more, and need not be folded.
static KEYWORD_WORDS_MAX: LazyLock<usize> =
    LazyLock::new(|| KEYWORDS.iter().map(|(word, ..)| word.split(' ').count()).max().unwrap_or_default());

/// What the message says, if it is nothing but such a word.
///
/// Case, accents, and white space, punctuation and emoji around the word do not matter. Between the words of an expression
/// white space and hyphens are the same.
pub fn keyword(message: &str) -> Option<Keyword> {
    let word = message.trim_matches(|c: char| !c.is_alphanumeric());
    let words = word.split(is_between).filter(|word| !word.is_empty());
    if word.is_empty() || word.len() > KEYWORD_BYTES_MAX || words.count() > *KEYWORD_WORDS_MAX {
        return None;
    }
    let word = fold(word);
    let entry = KEYWORDS.iter().find(|(keyword, ..)| *keyword == word)?;
    Some(Keyword { says: entry.1, languages: entry.2, clear: !AMBIGUOUS.contains(&entry.0) })
}

impl Keyword {
    /// What it means for the customer's record. `asked`: whether the message before it, ours, was the question whether he
    /// wants messages again.
    ///
    /// Who says stop to a sender means all that it sends.
    pub fn action(self, identity: IdentityId, asked: bool) -> Option<Action> {
        match self.says {
            OptOut => Some(Action::OptOut { identity, purpose: Purpose::Any }),
            OptIn => Some(Action::OptIn { identity, purpose: Purpose::Any }),
            Yes if asked => Some(Action::OptIn { identity, purpose: Purpose::Any }),
            Yes => None,
        }
    }
}

/// In lower case, without accents, one space for each run of white space and hyphens.
fn fold(text: &str) -> String {
    let lower = text.to_lowercase();
    let bare: String = lower.nfkd().filter(|c| !is_accent(*c)).nfc().collect();
    // Compatibility forms may have brought capitals with them.
    let bare = bare.to_lowercase();
    let words = bare.split(is_between).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// Marks without which a word is still read: those of Latin, Greek and Cyrillic, the points of Hebrew and Arabic. Not
/// those of scripts in which they are letters.
const fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{64b}'..='\u{65f}')
}

fn is_between(c: char) -> bool {
    c.is_whitespace() || is_hyphen(c)
}

const fn is_hyphen(c: char) -> bool {
    matches!(c, '-' | '_' | '\u{2010}'..='\u{2015}')
}

/// The words, folded as messages are. Those of North American carriers first, then others by language.
const KEYWORDS: &[(&str, Says, &[&str])] = &[
    ("stop", OptOut, &["en", "fr", "de", "es", "it", "nl", "pt", "pl", "sv", "da", "nb", "tr", "ja"]),
    ("stopall", OptOut, &["en"]),
    ("stop all", OptOut, &["en"]),
    ("unsubscribe", OptOut, &["en"]),
    ("cancel", OptOut, &["en"]),
    ("end", OptOut, &["en"]),
    ("quit", OptOut, &["en"]),
    ("optout", OptOut, &["en"]),
    ("opt out", OptOut, &["en"]),
    ("revoke", OptOut, &["en"]),
    ("remove", OptOut, &["en"]),
    ("remove me", OptOut, &["en"]),
    ("arret", OptOut, &["fr"]),
    ("arreter", OptOut, &["fr"]),
    ("desabonner", OptOut, &["fr"]),
    ("desinscription", OptOut, &["fr"]),
    ("desinscrire", OptOut, &["fr"]),
    ("stopp", OptOut, &["de", "sv", "nb"]),
    ("abmelden", OptOut, &["de"]),
    ("abbestellen", OptOut, &["de"]),
    ("baja", OptOut, &["es"]),
    ("alto", OptOut, &["es"]),
    ("cancelar", OptOut, &["es", "pt"]),
    ("parar", OptOut, &["es", "pt"]),
    ("darse de baja", OptOut, &["es"]),
    ("sair", OptOut, &["pt"]),
    ("pare", OptOut, &["pt", "es"]),
    ("descadastrar", OptOut, &["pt"]),
    ("cancella", OptOut, &["it"]),
    ("disiscrivi", OptOut, &["it"]),
    ("cancellami", OptOut, &["it"]),
    ("afmelden", OptOut, &["nl"]),
    ("uitschrijven", OptOut, &["nl"]),
    ("avregistrera", OptOut, &["sv"]),
    ("avsluta", OptOut, &["sv"]),
    ("afmeld", OptOut, &["da"]),
    ("avmeld", OptOut, &["nb"]),
    ("peruuta", OptOut, &["fi"]),
    ("wypisz", OptOut, &["pl"]),
    ("rezygnuje", OptOut, &["pl"]),
    ("iptal", OptOut, &["tr"]),
    ("ret", OptOut, &["tr"]),
    ("стоп", OptOut, &["ru", "uk", "bg"]),
    ("отписаться", OptOut, &["ru"]),
    ("отписка", OptOut, &["ru"]),
    ("στοπ", OptOut, &["el"]),
    ("הסר", OptOut, &["he"]),
    ("הסרה", OptOut, &["he"]),
    ("ايقاف", OptOut, &["ar"]),
    ("توقف", OptOut, &["ar"]),
    ("الغاء", OptOut, &["ar"]),
    ("停止", OptOut, &["ja", "zh"]),
    ("配信停止", OptOut, &["ja"]),
    ("退订", OptOut, &["zh"]),
    ("退訂", OptOut, &["zh"]),
    ("td", OptOut, &["zh"]),
    ("수신거부", OptOut, &["ko"]),
    ("start", OptIn, &["en", "fr", "de", "it", "nl", "pl", "sv", "da", "nb"]),
    ("unstop", OptIn, &["en"]),
    ("subscribe", OptIn, &["en"]),
    ("resume", OptIn, &["en"]),
    ("optin", OptIn, &["en"]),
    ("opt in", OptIn, &["en"]),
    ("reprendre", OptIn, &["fr"]),
    ("abonner", OptIn, &["fr"]),
    ("anmelden", OptIn, &["de"]),
    ("alta", OptIn, &["es"]),
    ("reanudar", OptIn, &["es"]),
    ("aanmelden", OptIn, &["nl"]),
    ("старт", OptIn, &["ru", "uk", "bg"]),
    ("yes", Yes, &["en"]),
    ("oui", Yes, &["fr"]),
    ("ja", Yes, &["de", "nl", "sv", "da", "nb"]),
    ("si", Yes, &["es", "it"]),
    ("sim", Yes, &["pt"]),
    ("tak", Yes, &["pl"]),
    ("да", Yes, &["ru", "bg"]),
];

/// Those of them that are said of orders, contracts and talks as well.
const AMBIGUOUS: &[&str] = &[
    "cancel",
    "end",
    "quit",
    "revoke",
    "remove",
    "remove me",
    "baja",
    "alto",
    "cancelar",
    "parar",
    "sair",
    "pare",
    "cancella",
    "avregistrera",
    "avsluta",
    "peruuta",
    "rezygnuje",
    "iptal",
    "ret",
    "הסר",
    "הסרה",
    "ايقاف",
    "توقف",
    "الغاء",
    "td",
    "resume",
    "reprendre",
    "anmelden",
    "alta",
    "reanudar",
    "aanmelden",
];

#[cfg(test)]
mod tests;
