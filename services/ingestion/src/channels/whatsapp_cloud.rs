//! `whatsapp_cloud`: the WhatsApp Cloud API. One call may carry entries of several business accounts, changes of several
//! numbers, and messages and statuses side by side.
//!
//! Verified by a published vector of its signature and by published payloads (buttons, statuses, edits, deletions, calls,
//! templates); the other kinds by own samples only.
//!
//! Secrets: `app_secret`, `verify_token`. Setting: `phone_number_id`; with it, what is said to other numbers of the same
//! app is passed over. Calls, templates and the synchronisation of the WhatsApp Business app are passed over as well.

mod content;
mod message;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    Config, Connector, Happening, Hook, Malformed, Party, Receipt, Refused, Said, Status,
    hub::{self, Change},
    json::{self, At, Id},
    wording::{name, said},
};

/// The connector.
pub(super) struct WhatsappCloud;

impl Connector for WhatsappCloud {
    fn name(&self) -> &'static str {
        "whatsapp_cloud"
    }

    fn secrets(&self) -> &'static [&'static str] {
        hub::SECRETS
    }

    fn verify(&self, hook: &Hook<'_>, config: &Config) -> Result<(), Refused> {
        hub::verify(hook, config)
    }

    fn read(&self, hook: &Hook<'_>, config: &Config) -> Result<Said, Malformed> {
        hub::read(hook, "whatsapp_business_account", |entry, at, happenings| {
            let at = at.key("changes");
            for (index, change) in entry.changes.iter().enumerate() {
                read_change(change, config, &at.index(index), happenings)?;
            }
            Ok(())
        })
    }

    fn lists(&self) -> &'static [&'static str] {
        &[
            "entry.changes.value.messages",
            "entry.changes.value.message_echoes",
            "entry.changes.value.statuses",
            "entry.changes.value.user_preferences",
            "entry.changes.value.errors",
        ]
    }

    fn notices(&self) -> &'static [&'static str] {
        &["entry[].changes[].value.statuses[]", "entry[].changes[].value.errors[]"]
    }
}

#[derive(Deserialize)]
struct Value<'a> {
    metadata: Option<Metadata>,
    #[serde(default)]
    contacts: Vec<Contact>,
    #[serde(borrow, default)]
    messages: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    message_echoes: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    statuses: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    user_preferences: Vec<&'a RawValue>,
    /// Faults of the number, not of a message.
    #[serde(borrow, default)]
    errors: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Metadata {
    phone_number_id: Option<Id>,
}

#[derive(Deserialize)]
struct Contact {
    wa_id: Option<Id>,
    /// What the person is called where he shows no number.
    user_id: Option<Id>,
    profile: Option<Profile>,
}

#[derive(Clone, Default, Deserialize)]
struct Profile {
    name: Option<String>,
    username: Option<String>,
}

#[derive(Deserialize)]
struct StatusUpdate {
    id: Option<Id>,
    status: Option<String>,
    timestamp: Option<Id>,
    recipient_id: Option<Id>,
    /// In a group: whose device it is.
    recipient_participant_id: Option<Id>,
    recipient_user_id: Option<Id>,
    /// The word that the message was sent with.
    biz_opaque_callback_data: Option<String>,
    #[serde(default)]
    errors: Vec<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    code: Option<Id>,
}

#[derive(Deserialize)]
struct Preference {
    wa_id: Option<Id>,
    user_id: Option<Id>,
    category: Option<String>,
    value: Option<String>,
    timestamp: Option<Id>,
}

/// Who wrote, as far as the contacts beside the messages say.
struct Contacts(BTreeMap<String, Profile>);

impl Contacts {
    fn new(contacts: Vec<Contact>) -> Self {
        let mut known = BTreeMap::new();
        for Contact { wa_id, user_id, profile } in contacts {
            let Profile { name: called, username } = profile.unwrap_or_default();
            let profile = Profile { name: name(called), username: name(username) };
            for id in [wa_id, user_id].into_iter().flatten().filter_map(Id::said) {
                known.insert(id, profile.clone());
            }
        }
        Self(known)
    }

    fn party(&self, id: String, user_id: Option<&str>) -> Party {
        let profile = self.0.get(&id).or_else(|| self.0.get(user_id?)).cloned().unwrap_or_default();
        Party { id, name: profile.name, handle: profile.username }
    }
}

fn read_change(
    change: &Change<'_>,
    config: &Config,
    at: &At<'_>,
    happenings: &mut Vec<Happening>,
) -> Result<(), Malformed> {
    let known = match change.field.as_deref() {
        Some("messages" | "smb_message_echoes" | "message_echoes" | "user_preferences") => None,
        Some("calls") => Some("call"),
        Some("history" | "smb_app_state_sync") => Some("app_synchronised"),
        Some("flows") => Some("flow_changed"),
        Some(field) if field.contains("template") => Some("template_changed"),
        Some(field) if field.starts_with("account_") || field.starts_with("phone_number_") => {
            Some("account_changed")
        }
        Some(_) => Some("other_change"),
        None => return Err(at.key("field").malformed("missing: the platform always sends it")),
    };
    if let Some(name) = known {
        happenings.push(Happening::Passed(name));
        return Ok(());
    }
    let raw = change.value(at)?;
    let at = at.key("value");
    let value: Value<'_> = json::part(raw, &at)?;
    let said = [&value.messages, &value.message_echoes, &value.statuses, &value.user_preferences];
    let number = value.metadata.and_then(|metadata| metadata.phone_number_id);
    let ours = config.setting("phone_number_id");
    if ours.is_some_and(|ours| number.is_some_and(|number| number.as_str() != ours)) {
        happenings.extend(hub::passed("other_number", said.map(Vec::len).iter().sum()));
        return Ok(());
    }
    let contacts = Contacts::new(value.contacts);
    for (index, raw) in value.messages.iter().enumerate() {
        happenings.push(message::read(raw, &contacts, false, &at.key("messages").index(index))?);
    }
    for (index, raw) in value.message_echoes.iter().enumerate() {
        happenings.push(message::read(raw, &contacts, true, &at.key("message_echoes").index(index))?);
    }
    for (index, raw) in value.statuses.iter().enumerate() {
        happenings.push(status(raw, &at.key("statuses").index(index))?);
    }
    for (index, raw) in value.user_preferences.iter().enumerate() {
        happenings.push(preference(raw, &contacts, &at.key("user_preferences").index(index))?);
    }
    happenings.extend(hub::passed("number_failed", value.errors.len()));
    Ok(())
}

fn status(raw: &RawValue, at: &At<'_>) -> Result<Happening, Malformed> {
    let update: StatusUpdate = json::part(raw, at)?;
    let status = match at.need("status", update.status)?.as_str() {
        "sent" => Status::Sent,
        "delivered" => Status::Delivered,
        // Played: of a voice message, what reading is of a text.
        "read" | "played" => Status::Read,
        "failed" => Status::Failed,
        "deleted" => {
            let external_id = at.need_id("id", update.id)?;
            let deleted = at.need_seconds("timestamp", update.timestamp.as_ref())?;
            return Ok(Happening::Deleted { external_id, at: Some(deleted) });
        }
        _ => return Ok(Happening::Passed("other_status")),
    };
    let to = [update.recipient_participant_id, update.recipient_id, update.recipient_user_id];
    Ok(Happening::Receipt(Receipt {
        external_id: Some(at.need_id("id", update.id)?),
        contact: to.into_iter().flatten().find_map(Id::said),
        status,
        at: at.need_seconds("timestamp", update.timestamp.as_ref())?,
        code: update.errors.into_iter().find_map(|fault| fault.code?.said()),
        word: said(update.biz_opaque_callback_data),
    }))
}

fn preference(raw: &RawValue, contacts: &Contacts, at: &At<'_>) -> Result<Happening, Malformed> {
    let preference: Preference = json::part(raw, at)?;
    let allowed = match (preference.category.as_deref(), preference.value.as_deref()) {
        (Some("marketing_messages"), Some("stop")) => false,
        (Some("marketing_messages"), Some("resume")) => true,
        _ => return Ok(Happening::Passed("other_preference")),
    };
    let who = [preference.wa_id, preference.user_id].into_iter().flatten().find_map(Id::said);
    let person = contacts.party(at.need("wa_id", who)?, None);
    let at = at.need_seconds("timestamp", preference.timestamp.as_ref())?;
    Ok(Happening::Marketing { person, allowed, at: Some(at) })
}
