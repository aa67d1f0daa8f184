//! Which addresses are ours, and to which one an answer goes.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Ingestion,
    account::{ADDRESS, Account, plain_address},
    mail::{Mail, kind::Kind},
};

/// The settings with addresses of an account: its own, that of its replies, the user of its mailbox.
const OWN: [&str; 3] = [ADDRESS, "from", "imap_user"];
/// The setting with whether Reply-To is followed: `follow`, or not there.
const REPLY_TO: &str = "reply_to";
const FOLLOW: &str = "follow";
/// The longest address that is answered, in bytes (RFC 5321, 4.5.3.1.3, without the brackets).
const ADDRESS_MAX: usize = 254;

/// The addresses of an account: those that its settings name, and the one to which a mail came.
pub(super) fn own(settings: &BTreeMap<String, String>, to: Option<&str>) -> BTreeSet<String> {
    let named = OWN.iter().filter_map(|name| settings.get(*name)).flat_map(|written| written.split(','));
    named.chain(to).filter_map(bare).collect()
}

/// The address without the name that may stand before it.
fn bare(written: &str) -> Option<String> {
    let address = match written.trim().strip_suffix('>') {
        Some(named) => named.rsplit_once('<')?.1,
        None => written.trim(),
    };
    plain_address(address.trim())
}

/// Where an answer goes, if the mail wants it elsewhere than where it came from: to one address that is none of ours. Its author
/// is no other person for that; and what machines and lists want is not asked. Nothing proves that the two addresses are of one
/// person, and a forged From would have the answer go to whoever forged it: only an account that says `reply_to = "follow"`, as one
/// for the mails of web forms does, answers there.
pub(super) fn answer_to(
    ingestion: &Ingestion,
    account: &Account,
    to: Option<&str>,
    mail: &Mail,
    kind: &Kind,
) -> Option<String> {
    let accounts = &ingestion.0.accounts;
    let settings = accounts.via(&account.id).unwrap_or_default().settings;
    if !kind.is_person() || settings.get(REPLY_TO).is_none_or(|setting| setting != FOLLOW) {
        return None;
    }
    let address = elsewhere(mail, &own(&settings, to))?;
    accounts.mailbox(&address).is_none().then_some(address)
}

/// The one address of Reply-To, if it is neither that of From nor one of `ours`.
fn elsewhere(mail: &Mail, ours: &BTreeSet<String>) -> Option<String> {
    let [mailbox] = &mail.reply_to[..] else { return None };
    let address = mailbox.address.as_deref().filter(|address| address.len() <= ADDRESS_MAX)?.to_lowercase();
    let mut senders = mail.from.iter().filter_map(|from| from.address.as_deref()).peekable();
    // Without From it is who wrote it.
    senders.peek()?;
    let same = senders.any(|from| from.to_lowercase() == address);
    (!same && !ours.contains(&plain_address(&address)?)).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(all: &[(&str, &str)]) -> BTreeMap<String, String> {
        all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_mailbox_without_an_address_knows_its_own() {
        let of = |all: &[(&str, &str)]| own(&settings(all), None).into_iter().collect::<Vec<_>>();
        assert_eq!(of(&[("imap_user", "Care@Brand.example")]), ["care@brand.example"]);
        assert_eq!(
            of(&[("imap_user", "care"), ("from", "Care <help+x@brand.example>")]),
            ["help@brand.example"]
        );
        assert_eq!(
            of(&[("address", "a@b.example, c@b.example"), ("from", "<")]),
            ["a@b.example", "c@b.example"]
        );
        let all = own(&settings(&[("address", "a@b.example")]), Some("a+tag@b.example"));
        assert_eq!(all.len(), 1);
    }

    #[test]
    fn an_answer_goes_elsewhere_only_to_one_address_of_somebody_else() {
        let ours = own(&settings(&[("address", "care@brand.example")]), None);
        let mail = |headers: &str| crate::mail::parse(format!("{headers}\r\n\r\nHello").as_bytes()).unwrap();
        let of = |headers: &str| elsewhere(&mail(headers), &ours);
        let from = "From: Ana <ana@example.org>\r\n";
        let work = of(&format!("{from}Reply-To: Ana <Ana@Work.example>"));
        assert_eq!(work.as_deref(), Some("ana@work.example"));
        for headers in [
            format!("{from}Subject: none"),
            format!("{from}Reply-To: ANA@example.org"),
            format!("{from}Reply-To: a@work.example, b@work.example"),
            format!("{from}Reply-To: Care+token@brand.example"),
            format!("{from}Reply-To: nobody"),
            format!("{from}Reply-To: {}@work.example", "a".repeat(ADDRESS_MAX)),
        ] {
            assert_eq!(of(&headers), None, "{headers}");
        }
        let mut nobody = mail(&format!("{from}Reply-To: ana@work.example"));
        nobody.from.clear();
        assert_eq!(elsewhere(&nobody, &ours), None, "then it is who wrote it");
    }
}
