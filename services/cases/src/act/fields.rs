//! Fields of requests become words of the domain. Every error names the field and what it should be.

use std::{collections::BTreeSet, fmt::Display, str::FromStr};

use domain::{case, customer::Purpose, ids::Language, links::LinkKind, time::Timestamp};
use proto::cases::v1 as pb;
use service::Error;
use uuid::Uuid;

/// A field that must be there, parsed.
pub fn required<T: FromStr<Err: Display>>(field: &str, text: &str) -> Result<T, Error> {
    if text.is_empty() {
        return Err(Error::field(field, "must be given"));
    }
    text.parse().map_err(|error| Error::field(field, error))
}

/// A field that may be empty, parsed.
pub fn optional<T: FromStr<Err: Display>>(field: &str, text: &str) -> Result<Option<T>, Error> {
    if text.is_empty() { Ok(None) } else { required(field, text).map(Some) }
}

/// A language, however it is written: `pt-BR` is `pt-br`.
pub fn language(field: &str, text: &str) -> Result<Option<Language>, Error> {
    optional(field, &text.to_lowercase())
}

/// A list of at most `max`, each parsed, none twice.
pub fn set<T: FromStr<Err: Display> + Ord>(
    field: &str,
    list: &[String],
    max: usize,
) -> Result<BTreeSet<T>, Error> {
    if list.len() > max {
        return Err(Error::field(field, format!("at most {max}")));
    }
    list.iter().enumerate().map(|(i, text)| required(&format!("{field}[{i}]"), text)).collect()
}

/// Words of at most `max` bytes that must be there.
pub fn words(field: &str, text: &str, max: usize) -> Result<String, Error> {
    if text.chars().all(is_unseen) {
        return Err(Error::field(field, "must not be empty"));
    }
    if text.len() > max {
        return Err(Error::field(field, format!("at most {max} bytes")));
    }
    without_nul(field, text)?;
    Ok(text.to_owned())
}

/// Whether nothing is seen where this character alone stands: blanks, controls, joiners, marks of direction, fillers.
fn is_unseen(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

/// No NUL, which PostgreSQL cannot store.
pub fn without_nul(field: &str, text: &str) -> Result<(), Error> {
    if text.contains('\0') { Err(Error::field(field, "must not have NUL in it")) } else { Ok(()) }
}

/// A UUID.
pub fn uuid(field: &str, text: &str) -> Result<Uuid, Error> {
    Uuid::try_parse(text).map_err(|_| Error::field(field, "must be a UUID"))
}

/// An instant.
pub fn instant(field: &str, at: &prost_types::Timestamp) -> Result<Timestamp, Error> {
    let micros = at.seconds.checked_mul(1_000_000).and_then(|s| s.checked_add(i64::from(at.nanos) / 1_000));
    let ok = (0..1_000_000_000).contains(&at.nanos);
    let instant = micros.filter(|_| ok).and_then(Timestamp::from_microsecond);
    instant.ok_or_else(|| Error::field(field, "must be a time between the years -9999 and 9999"))
}

/// An instant that must be there.
pub fn required_instant(field: &str, at: Option<&prost_types::Timestamp>) -> Result<Timestamp, Error> {
    at.map_or_else(|| Err(Error::field(field, "must be given")), |at| instant(field, at))
}

fn unknown<T>(field: &str, one_of: &str) -> Result<T, Error> {
    Err(Error::field(field, format!("must be one of {one_of}")))
}

/// A priority.
pub fn priority(field: &str, number: i32) -> Result<case::Priority, Error> {
    match pb::Priority::try_from(number) {
        Ok(pb::Priority::Low) => Ok(case::Priority::Low),
        Ok(pb::Priority::Normal) => Ok(case::Priority::Normal),
        Ok(pb::Priority::High) => Ok(case::Priority::High),
        Ok(pb::Priority::Urgent) => Ok(case::Priority::Urgent),
        Ok(pb::Priority::Unspecified) | Err(_) => unknown(field, "low, normal, high, urgent"),
    }
}

/// For whom a case waits.
pub fn hold(field: &str, number: i32) -> Result<case::HoldKind, Error> {
    match pb::HoldKind::try_from(number) {
        Ok(pb::HoldKind::ThirdParty) => Ok(case::HoldKind::ThirdParty),
        Ok(pb::HoldKind::Internal) => Ok(case::HoldKind::Internal),
        Ok(pb::HoldKind::Legal) => Ok(case::HoldKind::Legal),
        Ok(pb::HoldKind::Unspecified) | Err(_) => unknown(field, "third_party, internal, legal"),
    }
}

/// Why a customer is not answered.
pub fn silence(field: &str, number: i32) -> Result<case::SilenceReason, Error> {
    match pb::SilenceReason::try_from(number) {
        Ok(pb::SilenceReason::Troll) => Ok(case::SilenceReason::Troll),
        Ok(pb::SilenceReason::Thanks) => Ok(case::SilenceReason::Thanks),
        Ok(pb::SilenceReason::Duplicate) => Ok(case::SilenceReason::Duplicate),
        Ok(pb::SilenceReason::Other) => Ok(case::SilenceReason::Other),
        Ok(pb::SilenceReason::Unspecified) | Err(_) => unknown(field, "troll, thanks, duplicate, other"),
    }
}

/// How far we are with a contact.
pub fn contact(field: &str, number: i32) -> Result<case::ContactStage, Error> {
    match pb::ContactStep::try_from(number) {
        Ok(pb::ContactStep::Needed) => Ok(case::ContactStage::NeedsContact),
        Ok(pb::ContactStep::AskedPublic) => Ok(case::ContactStage::AskedPublic),
        Ok(pb::ContactStep::AskedPrivate) => Ok(case::ContactStage::AskedPrivate),
        Ok(pb::ContactStep::Obtained) => Ok(case::ContactStage::Obtained),
        Ok(pb::ContactStep::Refused) => Ok(case::ContactStage::Refused),
        Ok(pb::ContactStep::Impossible) => Ok(case::ContactStage::Impossible),
        Ok(pb::ContactStep::Unspecified) | Err(_) => {
            unknown(field, "needed, asked_public, asked_private, obtained, refused, impossible")
        }
    }
}

/// How two cases relate.
pub fn link(field: &str, number: i32) -> Result<LinkKind, Error> {
    match pb::LinkKind::try_from(number) {
        Ok(pb::LinkKind::ChildOf) => Ok(LinkKind::ChildOf),
        Ok(pb::LinkKind::DuplicateOf) => Ok(LinkKind::DuplicateOf),
        Ok(pb::LinkKind::CausedBy) => Ok(LinkKind::CausedBy),
        Ok(pb::LinkKind::Unspecified) | Err(_) => unknown(field, "child_of, duplicate_of, caused_by"),
    }
}

/// What a customer agrees to, or refuses.
pub fn purpose(field: &str, number: i32) -> Result<Purpose, Error> {
    match pb::Purpose::try_from(number) {
        Ok(pb::Purpose::Any) => Ok(Purpose::Any),
        Ok(pb::Purpose::Service) => Ok(Purpose::Service),
        Ok(pb::Purpose::Marketing) => Ok(Purpose::Marketing),
        Ok(pb::Purpose::Survey) => Ok(Purpose::Survey),
        Ok(pb::Purpose::LinkProfiles) => Ok(Purpose::LinkProfiles),
        Ok(pb::Purpose::Unspecified) | Err(_) => {
            unknown(field, "any, service, marketing, survey, link_profiles")
        }
    }
}

/// A place, as `Case.places` names it: `<account>/<public|private>`, and `/<thread>` where there are threads.
pub fn place(field: &str, text: &str) -> Result<domain::channel::Place, Error> {
    use domain::channel::{Place, Visibility};
    let mut parts = text.split('/');
    let (account, visibility, thread, rest) = (parts.next(), parts.next(), parts.next(), parts.next());
    let visibility = match visibility {
        Some("public") => Visibility::Public,
        Some("private") => Visibility::Private,
        _ => return Err(Error::field(field, "must be a place as the case names it")),
    };
    if rest.is_some() {
        return Err(Error::field(field, "must be a place as the case names it"));
    }
    let account = required(field, account.unwrap_or_default())?;
    Ok(Place { account, visibility, thread: optional(field, thread.unwrap_or_default())? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_seen() {
        for empty in ["", " \n", "\u{200b}", "\u{feff}\u{200d} \u{2060}", "\u{ad}", "\u{3164}", "\u{202e}"] {
            assert!(words("text", empty, 100).is_err(), "{empty:?}");
        }
        for seen in ["x", "\u{200b}x", "\u{2764}\u{fe0f}", "न\u{200d}", "\u{301}"] {
            assert_eq!(words("text", seen, 100).as_deref().ok(), Some(seen));
        }
    }
}
