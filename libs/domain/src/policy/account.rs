//! Channel accounts: where messages come in and replies go out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    channel::CONNECTORS,
    kinds::{Kind, view},
    problem::{Fault, suggest},
    schema::{
        Shape::{Checked, Integer, List, Map, OneOf, Ref, Text},
        optional, required,
    },
    set::Set,
};
use crate::{
    channel::Visibility,
    ids::{AccountId, CalendarId, ChannelKind, Invalid, Language, RegionId, TeamId},
    outbound::rate::Rate,
    stored::Fields,
};

pub(super) const KIND: Kind = Kind {
    name: "account",
    group: "account",
    cascades: false,
    defaults: Fields::new,
    fields: &[
        required("channel", Checked(|text| ChannelKind::new(text).map(drop))),
        required("name", Text(NAME_LEN_MAX)),
        required("region", Ref("region")),
        required("team", Ref("team")),
        optional("brand", Text(NAME_LEN_MAX)),
        optional("tier", Integer(1, 3)),
        optional("purpose", OneOf(&["care", "marketing"])),
        optional("languages", List(&Checked(|text| Language::new(text).map(drop)))),
        optional("calendar", Ref("calendar")),
        optional("thread", OneOf(&["threads", "contact"])),
        optional("visibility", OneOf(&["public", "private"])),
        optional("connector", OneOf(CONNECTORS)),
        optional("settings", Map(setting_name, &Text(SETTING_LEN_MAX))),
        optional("secrets", Map(setting_name, &Checked(secret))),
        optional("sends", OneOf(&["itself", "deliverer"])),
    ],
    view: view::<Account>,
    check,
};

/// The setting with how often the account may send, where that is not as for others of its channel.
pub const SEND_RATE: &str = "send_rate";
/// The setting with how much of that may be sent at once after a pause.
pub const SEND_BURST: &str = "send_burst";
/// The setting with the failures in a row after which the account is degraded.
pub const DEGRADED_AFTER: &str = "degraded_after";
/// The setting with the failures in a row after which it is down.
pub const DOWN_AFTER: &str = "down_after";
/// The setting with the seconds after which one reply is tried when it is down; twice as many after the second time.
pub const RETRY_S: &str = "retry_s";
/// The setting that says whether it is noticed that nothing comes in: `watched`, unless it is `ignored`.
pub const SILENCE: &str = "silence";

const NAME_LEN_MAX: usize = 200;
const SETTING_LEN_MAX: usize = 2_000;
const SETTING_NAME_LEN_MAX: usize = 64;
/// The tier of an account that names none.
const TIER_DEFAULT: u8 = 2;
/// Words in the name of a setting that ought to be a secret.
const SECRET_WORDS: [&str; 4] = ["secret", "token", "password", "private_key"];

/// An account of ours on a channel.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The kind of its channel.
    pub channel: ChannelKind,
    /// What it is called.
    pub name: String,
    /// The region that it speaks for.
    pub region: RegionId,
    /// The team that takes what comes in.
    pub team: TeamId,
    /// The brand that it speaks for.
    #[serde(default)]
    pub brand: Option<String>,
    /// How important it is: 1 before 2 before 3.
    #[serde(default = "tier_default")]
    pub tier: u8,
    /// What it is for.
    #[serde(default)]
    pub purpose: Purpose,
    /// The languages that are spoken there; those of the region if there are none.
    #[serde(default)]
    pub languages: Vec<Language>,
    /// When it is answered, where its team names no calendar.
    #[serde(default)]
    pub calendar: Option<CalendarId>,
    /// What makes a conversation there.
    #[serde(default)]
    pub thread: Thread,
    /// Who reads what is posted there, unless a message says otherwise.
    #[serde(default = "visibility_default")]
    pub visibility: Visibility,
    /// What takes messages in and sends; without one, that of the kind of its channel.
    #[serde(default)]
    pub connector: Option<String>,
    /// What its channel wants to know.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// Where its secrets are: `env:NAME` or `file:/path`, never the secrets.
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
    /// Who sends its replies. Without: the account itself once it has all that it needs for that, else a deliverer.
    #[serde(default)]
    pub sends: Option<Sends>,
}

/// Who sends the replies of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sends {
    /// The account: what it cannot send, because it lacks something, is refused.
    Itself,
    /// Whoever takes them over and reports, though the account could.
    Deliverer,
}

/// What an account is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Questions are answered there.
    #[default]
    Care,
    /// News go out there; a question is taken to a care account.
    Marketing,
}

/// What makes a conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thread {
    /// The channel's own threads.
    Threads,
    /// The contact: everything that one person writes to the account.
    #[default]
    Contact,
}

impl Set {
    /// An account.
    pub fn account(&self, id: &AccountId) -> Option<&Account> {
        self.document("account", id.as_str())?.view()
    }

    /// All accounts.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.of_kind("account").filter_map(|document| document.view())
    }
}

fn check(set: &Set, _: &str, body: &Fields) -> Vec<Fault> {
    let mut faults = secrets_in_settings(body);
    faults.extend(settings_without_sense(body));
    let kind = body.get("channel").and_then(Value::as_str);
    faults.extend(kind.filter(|kind| !set.knows_channel(kind)).map(|kind| {
        let remedy = suggest(kind, set.channel_ids(), "declare it with [[channel]], or take one of");
        Fault::new("/channel", format!("there is no kind of channel \"{kind}\""), remedy)
    }));
    faults
}

fn secrets_in_settings(body: &Fields) -> Vec<Fault> {
    let settings = body.get("settings").and_then(Value::as_object);
    let names = settings.into_iter().flat_map(Fields::keys);
    names
        .filter(|name| SECRET_WORDS.iter().any(|word| name.contains(word)))
        .map(|name| {
            let remedy =
                format!("put it under secrets, by reference: {name} = \"env:NAME\" or \"file:/path\"");
            Fault::new(
                format!("/settings/{name}"),
                "this looks like a secret, and policy is no place for one",
                remedy,
            )
        })
        .collect()
}

/// Settings that say how much an account is burdened: a slip would be noticed when it is too late.
fn settings_without_sense(body: &Fields) -> Vec<Fault> {
    let settings = body.get("settings").and_then(Value::as_object);
    let texts = settings.into_iter().flatten().filter_map(|(name, value)| Some((name, value.as_str()?)));
    let wrong = |(name, text): (&String, &str)| {
        let what = match name.as_str() {
            SEND_RATE if text.parse::<Rate>().is_err() => {
                "1 to 1000000 per second, minute, hour or day, such as 20/second"
            }
            SEND_BURST | DEGRADED_AFTER | DOWN_AFTER | RETRY_S
                if !text.parse::<u16>().is_ok_and(|n| n > 0) =>
            {
                "a whole number from 1 to 65535"
            }
            SILENCE if !matches!(text, "watched" | "ignored") => "watched or ignored",
            _ => return None,
        };
        Some(Fault::new(format!("/settings/{name}"), "this has no sense here", format!("write {what}")))
    };
    texts.filter_map(wrong).collect()
}

fn setting_name(text: &str) -> Result<(), Invalid> {
    let fits = (1..=SETTING_NAME_LEN_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if fits { Ok(()) } else { Err(Invalid { what: "a setting's name", rule: "1 to 64 of a-z, 0-9 and '_'" }) }
}

fn secret(text: &str) -> Result<(), Invalid> {
    let fits =
        text.strip_prefix("env:").or_else(|| text.strip_prefix("file:")).is_some_and(|rest| !rest.is_empty());
    if fits {
        Ok(())
    } else {
        Err(Invalid { what: "a reference to a secret", rule: "env:NAME or file:/path" })
    }
}

const fn tier_default() -> u8 {
    TIER_DEFAULT
}

const fn visibility_default() -> Visibility {
    Visibility::Private
}
