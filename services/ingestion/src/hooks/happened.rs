//! What a platform told, into the log.

use std::collections::BTreeMap;

use domain::message::Fate;
use service::{Error, auth::Principal, envelope::Origin};

use super::{
    fit::fit,
    tell::{Teller, Told},
};
use crate::{
    Ingestion,
    account::Account,
    channels::{Happening, Malformed, Receipt, Status},
    contacts::Said,
    intake::Rejection,
    postbox,
    submit::Arriving,
    take::{Batch, Taken},
};

/// How many of each kind and outcome: `("message", "accepted")`.
pub(crate) type Counts = BTreeMap<(&'static str, &'static str), u64>;

/// What became of what a platform told.
#[derive(Default)]
pub(crate) struct Happened {
    pub(crate) counts: Counts,
    /// What somebody wrote and is not kept, though nobody means it to be lost.
    pub(crate) unkept: Vec<Unkept>,
}

/// What is not kept, and why.
pub(crate) struct Unkept {
    /// What the channel calls it; nothing: it is all that its call says.
    pub(crate) external_id: Option<String>,
    pub(crate) why: Malformed,
}

/// Takes what a platform told. When this answers, it is in the log; the same again is harmless. What became of it so far stands
/// in `what` even if the rest could not be taken; nothing of that is counted yet.
pub(crate) async fn happened(
    ingestion: &Ingestion,
    teller: &Teller,
    about: (Account, u64, Principal),
    now: domain::time::Timestamp,
    happenings: Vec<Happening>,
    what: &mut Happened,
) -> Result<(), Error> {
    let (account, policy_version, principal) = about;
    let batch = Batch { account, policy_version, origin: Origin::Live, principal, now, once: false };
    let (submitter, ledger) = (&ingestion.0.submitter, &ingestion.0.ledger);
    let Happened { counts, unkept } = what;
    let (mut messages, mut mails, mut told) = (Vec::new(), Vec::new(), Vec::new());
    let mut proofs = Vec::new();
    let (mut people, mut wrote) = (Vec::new(), BTreeMap::new());
    for happening in happenings {
        match happening {
            Happening::Message(message) => {
                wrote.insert(message.customer.id.clone(), message.external_id.clone());
                let (message, announced) = fit(*message, now);
                messages.push(Arriving { message, announced, thread: None, answer_to: None });
            }
            Happening::Mail(mail) => mails.push(mail),
            Happening::Deleted { external_id, at } => {
                told.push(("deletion", external_id, Told::Deleted, at.unwrap_or(now)));
            }
            Happening::Reaction { external_id, by, sign, at, event } => {
                let sign = Told::Sign { by: by.id, sign, timed: at.is_some(), event };
                told.push(("reaction", external_id, sign, at.unwrap_or(now)));
            }
            Happening::Receipt(Receipt { external_id: Some(id), status, at, code, word, .. }) => {
                proofs.extend(word.map(|word| (id.clone(), word)));
                told.push(("receipt", id, Told::Fate { fate: fate(status), code }, at));
            }
            // "All up to here", and none by its name: which ones these are is not looked up. It is counted, and no fate of a
            // reply follows from it.
            Happening::Receipt(Receipt { external_id: None, .. }) => {
                *counts.entry(("receipt", "passed")).or_default() += 1;
            }
            Happening::Contact { person, reachable, at } => {
                people.push(("contact", person.id, Said::Reach(reachable), at));
            }
            Happening::Marketing { person, allowed, at } => {
                people.push(("marketing", person.id, Said::Market(allowed), at));
            }
            Happening::Passed(_) => *counts.entry(("other", "passed")).or_default() += 1,
        }
    }
    let ids: Vec<_> = messages.iter().map(|arriving| arriving.message.external_id.clone()).collect();
    let (all, end) = submitter.take_uncounted(ledger, &batch, messages).await;
    if end.is_err() {
        // What is in the log by now is no second delivery when the call comes again.
        for taken in &all {
            *counts.entry(("message", taken.name())).or_default() += 1;
        }
    }
    end?;
    for (external_id, taken) in ids.into_iter().zip(all) {
        if let Taken::Rejected(Rejection { field, reason }) = &taken {
            tracing::warn!(field, reason, "a message of a channel is not taken");
            let why = Malformed::new(field.as_str(), reason);
            unkept.push(Unkept { external_id: Some(external_id), why });
        }
        *counts.entry(("message", taken.name())).or_default() += 1;
    }
    for mail in mails {
        let about = (batch.account.clone(), batch.policy_version);
        let from = mail.envelope_from.as_deref().unwrap_or_default();
        let to = mail.envelope_to.first().map(String::as_str);
        let outcome = match postbox::take_uncounted(ingestion, about, (from, to), &mail.raw).await {
            Ok(taken) => {
                if let Taken::Rejected(Rejection { field, reason }) = &taken {
                    unkept.push(Unkept { external_id: None, why: Malformed::new(field.as_str(), reason) });
                }
                taken.name()
            }
            Err(postbox::No::Later(error)) => return Err(error),
            Err(postbox::No::Never(code, reason)) => {
                tracing::warn!(code, reason, "a mail is not taken");
                // What is refused on purpose, a mail of ours that came back, is not missed.
                if let Some(why) = reason.strip_prefix(postbox::UNREADABLE) {
                    unkept.push(Unkept { external_id: None, why: Malformed::new("mail", why.trim()) });
                }
                "rejected"
            }
        };
        *counts.entry(("mail", outcome)).or_default() += 1;
    }
    for (external_id, word) in proofs {
        ingestion.0.replies.proved(&batch.account, &external_id, &word).await?;
    }
    for (kind, external_id, told, at) in told {
        let news = teller.tell(&batch, &external_id, told, at.min(now)).await?;
        *counts.entry((kind, outcome(news))).or_default() += 1;
    }
    for (kind, person, said, at) in people {
        // A channel that does not say when says the time of the call, and another one the next time it calls.
        let with = wrote.get(&person).filter(|_| at.is_none_or(|at| at >= now));
        let when = (at, with.map(String::as_str));
        let news = submitter.contacts().told(&batch, &person, said, when).await?;
        *counts.entry((kind, outcome(news))).or_default() += 1;
    }
    Ok(())
}

/// What became of what was told: whether it was news, if it was kept.
const fn outcome(news: Option<bool>) -> &'static str {
    match news {
        Some(true) => "accepted",
        Some(false) => "duplicate",
        None => "rejected",
    }
}

const fn fate(status: Status) -> Fate {
    match status {
        Status::Sent => Fate::Sent,
        Status::Delivered => Fate::Delivered,
        Status::Read => Fate::Read,
        Status::Failed => Fate::Failed,
    }
}
