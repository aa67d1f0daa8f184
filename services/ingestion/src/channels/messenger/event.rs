//! One event of a chat, of Messenger or of Instagram: they share its shape.

use domain::{message::EntryPoint, time::Timestamp};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

use super::message::{self, Edit, Postback};
use crate::channels::{
    Happening, Malformed, Message, Party, Receipt, Status,
    json::{self, At, Id},
    wording::{came_by, note},
};

#[derive(Deserialize)]
struct Event<'a> {
    sender: Option<Side>,
    recipient: Option<Side>,
    timestamp: Option<Id>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    message_edit: Option<Edit>,
    postback: Option<Postback>,
    reaction: Option<Reaction>,
    delivery: Option<Delivery>,
    read: Option<Seen>,
    optin: Option<Optin>,
    referral: Option<IgnoredAny>,
    account_linking: Option<IgnoredAny>,
    pass_thread_control: Option<IgnoredAny>,
    take_thread_control: Option<IgnoredAny>,
    request_thread_control: Option<IgnoredAny>,
    app_roles: Option<IgnoredAny>,
    #[serde(rename = "policy_enforcement")]
    policy: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
struct Side {
    id: Option<Id>,
    /// A visitor who ticked a box, before he has written.
    user_ref: Option<Id>,
}

#[derive(Deserialize)]
struct Reaction {
    mid: Option<Id>,
    action: Option<String>,
    emoji: Option<String>,
    reaction: Option<String>,
}

#[derive(Deserialize)]
struct Delivery {
    #[serde(default)]
    mids: Vec<Id>,
    watermark: Option<Id>,
}

#[derive(Deserialize)]
struct Seen {
    mid: Option<Id>,
    watermark: Option<Id>,
}

#[derive(Deserialize)]
struct Optin {
    #[serde(rename = "type")]
    kind: Option<String>,
    user_ref: Option<Id>,
    notification_messages_status: Option<String>,
}

/// Through what a chat was opened.
#[derive(Deserialize)]
pub(super) struct Referral {
    source: Option<String>,
    #[serde(rename = "ref")]
    reference: Option<String>,
    ad_id: Option<Id>,
    referer_uri: Option<String>,
    product: Option<Product>,
}

#[derive(Deserialize)]
struct Product {
    id: Option<Id>,
}

/// Who takes part, seen from us.
pub(super) struct Sides {
    /// The customer.
    pub(super) customer: Party,
    /// We wrote.
    pub(super) outbound: bool,
}

/// What the event means. `own`: the page or account that the entry is about.
pub(in crate::channels) fn read(
    raw: &RawValue,
    own: Option<&Id>,
    at: &At<'_>,
    happenings: &mut Vec<Happening>,
) -> Result<(), Malformed> {
    let event: Event<'_> = json::part(raw, at)?;
    let time = event.timestamp.as_ref();
    let sender = event.sender.unwrap_or_default();
    let from = sender.id.and_then(Id::said);
    let ours = own.is_some_and(|own| from.as_deref() == Some(own.as_str()));
    let person = |id: Option<String>| at.key("sender").need("id", id).map(party);
    let happening = if let Some(raw) = event.message {
        let sent_at = at.need_millis("timestamp", time)?;
        let at_message = at.key("message");
        let message: message::Body = json::part(raw, &at_message)?;
        let outbound = ours || message.is_echo;
        let to = event.recipient.unwrap_or_default().id.and_then(Id::said);
        let customer = if outbound { at.key("recipient").need("id", to).map(party)? } else { person(from)? };
        message::read(message, Sides { customer, outbound }, sent_at, &at_message)?
    } else if let Some(edit) = event.message_edit {
        let edited_at = at.need_millis("timestamp", time)?;
        let to = event.recipient.unwrap_or_default().id.and_then(Id::said);
        let customer = if ours { at.key("recipient").need("id", to).map(party)? } else { person(from)? };
        edit.read(Sides { customer, outbound: ours }, edited_at, &at.key("message_edit"))?
    } else if let Some(postback) = event.postback {
        let sent_at = at.need_millis("timestamp", time)?;
        postback.read(person(from)?, sent_at)
    } else if let Some(reaction) = event.reaction {
        let sign = match reaction.action.as_deref() {
            Some("unreact") => None,
            _ => reaction.emoji.or(reaction.reaction),
        };
        let external_id = at.key("reaction").need_id("mid", reaction.mid)?;
        let by = person(from)?;
        Happening::Reaction {
            external_id,
            by,
            sign,
            at: Some(at.need_millis("timestamp", time)?),
            event: None,
        }
    } else if let Some(delivery) = event.delivery {
        let reached = at.key("delivery").need_millis("watermark", delivery.watermark.as_ref().or(time))?;
        delivered(delivery, from.as_ref(), reached, happenings);
        return Ok(());
    } else if let Some(seen) = event.read {
        let external_id = seen.mid.and_then(Id::said);
        // With a watermark, all that was sent before it is read, whenever that was told.
        let moment = seen.watermark.as_ref().filter(|_| external_id.is_none()).or(time);
        let at = at.key("read").need_millis("watermark", moment)?;
        Happening::Receipt(Receipt {
            external_id,
            contact: from,
            status: Status::Read,
            at,
            code: None,
            word: None,
        })
    } else if let Some(optin) = event.optin {
        let reference = optin.user_ref.or(sender.user_ref).and_then(Id::said);
        let id = from.or(reference);
        let when = time.and_then(Id::millis);
        match optin.kind.as_deref() {
            Some("notification_messages") => {
                let stopped = optin.notification_messages_status.as_deref() == Some("STOP_NOTIFICATIONS");
                Happening::Marketing { person: person(id)?, allowed: !stopped, at: when }
            }
            Some(_) => Happening::Passed("other_optin"),
            None => Happening::Contact { person: person(id)?, reachable: true, at: when },
        }
    } else if event.referral.is_some() {
        Happening::Passed("referral")
    } else if event.account_linking.is_some() {
        Happening::Passed("account_linked")
    } else if [event.pass_thread_control, event.take_thread_control, event.request_thread_control]
        .iter()
        .any(Option::is_some)
    {
        Happening::Passed("thread_control")
    } else if event.app_roles.is_some() || event.policy.is_some() {
        Happening::Passed("app_changed")
    } else {
        Happening::Passed("other_event")
    };
    happenings.push(happening);
    Ok(())
}

fn delivered(delivery: Delivery, contact: Option<&String>, at: Timestamp, happenings: &mut Vec<Happening>) {
    let receipt = |external_id| {
        let (contact, status) = (contact.cloned(), Status::Delivered);
        Happening::Receipt(Receipt { external_id, contact, status, at, code: None, word: None })
    };
    if delivery.mids.is_empty() {
        happenings.push(receipt(None));
    }
    happenings.extend(delivery.mids.into_iter().filter_map(Id::said).map(|mid| receipt(Some(mid))));
}

fn party(id: String) -> Party {
    Party { id, ..Party::default() }
}

impl Referral {
    /// Says in the message how the customer came.
    pub(super) fn say(self, message: &mut Message) {
        let entry_point = match self.source.as_deref() {
            Some("ADS") => Some(EntryPoint::ClickToChatAd),
            Some("SHORTLINK" | "MESSENGER_CODE" | "IGME-SOURCE-LINK") => Some(EntryPoint::MessageUs),
            Some("CUSTOMER_CHAT_PLUGIN") => Some(EntryPoint::CustomerChat),
            Some("DISCOVER_TAB") => Some(EntryPoint::SendMessage),
            _ if self.product.is_some() => Some(EntryPoint::SendMessage),
            _ => None,
        };
        let ad = self.ad_id.and_then(Id::said);
        note(message, "ref", self.reference.clone());
        came_by(message, entry_point, ad.or(self.reference));
        note(message, "referral-url", self.referer_uri);
        note(message, "product-id", self.product.and_then(|product| product.id?.said()));
    }
}
