//! The registry of channel kinds: what can be done on each.
//!
//! The kinds that we know stand in `channels.json`, with the limits that their platforms publish. A document of this kind with
//! the same id changes what it names; with another id it adds a kind.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{
    kinds::{Kind, view},
    problem::Fault,
    schema::{
        Shape::{Bool, Checked, Duration, Integer, Map, OneOf, Text},
        optional, seconds,
    },
    set::Set,
};
use crate::{
    ids::{ChannelKind, Invalid, MediaType, MessageTag},
    outbound::{
        length::Unit,
        rate::Rate,
        window::{Capability, Templates},
    },
    stored::Fields,
};

pub(super) const KIND: Kind = Kind {
    name: "channel",
    group: "channel",
    cascades: false,
    defaults: Fields::new,
    fields: &[
        optional("name", Text(NAME_LEN_MAX)),
        optional("visibility", OneOf(&["public", "private", "both"])),
        optional("mode", OneOf(&["sync", "async"])),
        optional("length_max", Integer(1, LENGTH_MAX)),
        optional(
            "length_unit",
            OneOf(&["graphemes", "scalars", "utf16", "bytes", "sms_segments", "weighted"]),
        ),
        optional("parts_max", Integer(1, PARTS_MAX)),
        optional("send_rate", Checked(|text| text.parse::<Rate>().map(drop))),
        optional("send_burst", Integer(1, BURST_MAX)),
        optional("reply_window", Duration(WINDOW_MAX_S)),
        optional("beyond", OneOf(&["nothing", "template"])),
        optional("tags", Map(tag, &Duration(WINDOW_MAX_S))),
        optional("threads", Bool),
        optional("media", Bool),
        optional("media_types", Map(media, &Integer(1, FILE_MAX))),
        optional("subjects", Bool),
        optional("edits", Bool),
        optional("deletes", Bool),
        optional("receipts", Bool),
        optional("private_interface", Bool),
        optional("private_is_paid", Bool),
        optional("bots", Bool),
        optional("opt_out_words", OneOf(&["none", "clear", "all"])),
        optional("listen_only", Bool),
        optional("site_category", OneOf(&["reviews", "sav", "forum", "advice", "help"])),
        optional("deprecated_at", Checked(date)),
        optional(CONNECTOR, OneOf(CONNECTORS)),
    ],
    view: view::<Channel>,
    check: |_, _, _| Vec::<Fault>::new(),
};

/// What takes messages in from a platform and sends to it. Ingestion has one of each.
pub const CONNECTORS: &[&str] = &[
    "cloudevents",
    "facebook_page",
    "feed",
    "google_reviews",
    "instagram",
    "line",
    "mail",
    "mailgun",
    "messenger",
    "postmark",
    "sendgrid",
    "slack",
    "standard_webhooks",
    "telegram",
    "tiktok",
    "trustpilot",
    "twilio",
    "vk",
    "vonage",
    "web_chat",
    "wechat",
    "whatsapp_cloud",
    "x",
    "youtube",
];

const NAME_LEN_MAX: usize = 200;
const LENGTH_MAX: i64 = 1_000_000;
/// The most messages that one reply may be split into.
const PARTS_MAX: i64 = 20;
/// The most calls at once after a pause.
const BURST_MAX: i64 = 10_000;
/// The largest file that any channel may be said to take, in bytes.
const FILE_MAX: i64 = 1 << 30;
const WINDOW_MAX_S: i64 = 365 * 24 * 60 * 60;

/// A kind of channel, and what can be done there.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Channel {
    /// Its id.
    pub id: ChannelKind,
    /// What it is called; its id, if it has no name.
    pub name: String,
    /// Who reads what is posted there.
    pub visibility: Visible,
    /// Whether people wait for the answer in front of it.
    pub mode: Mode,
    /// How long a message may be, in `length_unit`; `None`: as long as any reply.
    pub length_max: Option<u32>,
    /// What its length is counted in.
    pub length_unit: Unit,
    /// Into how many messages a longer reply may be split; 1: it is refused.
    pub parts_max: u8,
    /// How often an account may send; `None`: as often as it has something to say.
    #[serde(deserialize_with = "rate")]
    pub send_rate: Option<Rate>,
    /// How much of that at once after a pause.
    pub send_burst: u32,
    /// How long after the customer's last message a reply may say anything, in seconds; `None`: always.
    #[serde(deserialize_with = "window")]
    pub reply_window: Option<i64>,
    /// What may be sent after that.
    pub beyond: Beyond,
    /// Tags with which a reply may say something for longer, each with its window in seconds.
    #[serde(deserialize_with = "windows")]
    pub tags: BTreeMap<String, i64>,
    /// Whether it has threads.
    pub threads: bool,
    /// Whether files can be sent.
    pub media: bool,
    /// Which files, each with its largest length in bytes: `image/png`, `image/*`, `*/*`. Empty: any.
    pub media_types: BTreeMap<String, u64>,
    /// Whether a message has a subject.
    pub subjects: bool,
    /// Whether people can edit what they said.
    pub edits: bool,
    /// Whether people can delete what they said.
    pub deletes: bool,
    /// Whether it tells that a message was delivered or read.
    pub receipts: bool,
    /// Whether a public conversation can go on in private there.
    pub private_interface: bool,
    /// Whether that costs the brand money.
    pub private_is_paid: bool,
    /// Whether the platform allows automatic answers.
    pub bots: bool,
    /// Which words, as a whole message, opt somebody out or in there.
    pub opt_out_words: OptOutWords,
    /// Nothing can be sent there.
    pub listen_only: bool,
    /// What kind of site it is, of sites with opinions.
    pub site_category: Option<SiteCategory>,
    /// Since which day it is no more, as `2019-04-02`: no new accounts; what came in stays readable.
    pub deprecated_at: Option<String>,
    /// What takes messages in and sends, where an account does not say.
    pub connector: Option<String>,
}

/// Who reads what is posted on a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visible {
    /// Anybody.
    Public,
    /// The customer and we.
    #[default]
    Private,
    /// It has places of both kinds.
    Both,
}

/// Words that are enough to opt somebody out or in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptOutWords {
    /// None: people say so otherwise.
    #[default]
    None,
    /// Those that mean nothing else: `stop`, not `cancel`, which may be about an order.
    Clear,
    /// Those of the carriers, too.
    All,
}

/// How people write there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// They wait for the answer in front of it.
    Sync,
    /// They come back for it.
    #[default]
    Async,
}

/// What may be sent when the reply window is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Beyond {
    /// Nothing.
    #[default]
    Nothing,
    /// A text that the platform approved.
    Template,
}

/// What kind of site people give their opinions on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SiteCategory {
    /// Reviews.
    Reviews,
    /// After-sales service.
    Sav,
    /// A forum.
    Forum,
    /// Advice.
    Advice,
    /// Help among customers.
    Help,
}

/// The kinds that we know, as documents would have them.
/// The field with the connector.
const CONNECTOR: &str = "connector";

static KNOWN: LazyLock<BTreeMap<String, Fields>> =
    LazyLock::new(|| serde_json::from_str(include_str!("channels.json")).unwrap_or_default());

impl Set {
    /// A kind of channel: as we know it, with what the policy says otherwise. `None`: nobody knows it.
    pub fn channel(&self, id: &ChannelKind) -> Option<Channel> {
        let written = self.document(KIND.name, id.as_str()).map(super::Document::body);
        let known = KNOWN.get(id.as_str());
        if written.is_none() && known.is_none() {
            return None;
        }
        let mut fields = known.cloned().unwrap_or_default();
        fields.extend(written.into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())));
        fields.insert("id".into(), id.as_str().into());
        serde_json::from_value(Value::Object(fields)).ok()
    }

    /// The connector of a kind of channel, without the rest.
    pub fn connector_of(&self, id: &ChannelKind) -> Option<&str> {
        let written =
            self.document(KIND.name, id.as_str()).and_then(|document| document.body().get(CONNECTOR));
        written.or_else(|| KNOWN.get(id.as_str())?.get(CONNECTOR))?.as_str()
    }

    /// Whether the policy or we know this kind of channel.
    pub(super) fn knows_channel(&self, id: &str) -> bool {
        KNOWN.contains_key(id) || self.document(KIND.name, id).is_some()
    }

    /// The ids of all kinds of channels that there are.
    pub fn channel_ids(&self) -> impl Iterator<Item = &str> {
        let written = self.of_kind(KIND.name).map(|document| &*document.key().id);
        KNOWN.keys().map(String::as_str).chain(written)
    }
}

impl Channel {
    /// What it lets us send, and when.
    pub fn capability(&self) -> Capability {
        let tags = self
            .tags
            .iter()
            .filter_map(|(tag, window_s)| Some((MessageTag::new(tag).ok()?, Some(*window_s))));
        Capability {
            listen_only: self.listen_only,
            window_s: self.reply_window,
            templates: match self.beyond {
                Beyond::Nothing => Templates::None,
                Beyond::Template => Templates::Any,
            },
            tags: tags.collect(),
        }
    }
}

impl Default for Channel {
    fn default() -> Self {
        Self {
            id: ChannelKind::new("unnamed")
                .unwrap_or_else(|_| unreachable!("a constant that keeps the rule")),
            name: String::new(),
            visibility: Visible::default(),
            mode: Mode::default(),
            length_max: None,
            length_unit: Unit::Graphemes,
            parts_max: 1,
            send_rate: None,
            send_burst: 1,
            reply_window: None,
            beyond: Beyond::default(),
            tags: BTreeMap::new(),
            threads: false,
            media: true,
            media_types: BTreeMap::new(),
            subjects: false,
            edits: false,
            deletes: false,
            receipts: false,
            private_interface: false,
            private_is_paid: false,
            bots: false,
            opt_out_words: OptOutWords::None,
            listen_only: false,
            site_category: None,
            deprecated_at: None,
            connector: None,
        }
    }
}

fn rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Rate>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
}

fn window<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| read(&text)).transpose()
}

fn windows<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, i64>, D::Error> {
    let texts = BTreeMap::<String, String>::deserialize(deserializer)?;
    texts.into_iter().map(|(tag, text)| Ok((tag, read(&text)?))).collect()
}

fn read<E: serde::de::Error>(text: &str) -> Result<i64, E> {
    seconds(text).ok_or_else(|| E::custom("no length of time"))
}

fn tag(text: &str) -> Result<(), Invalid> {
    let fits = (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if fits { Ok(()) } else { Err(Invalid { what: "a message tag", rule: "1 to 64 of a-z, 0-9 and '_'" }) }
}

/// A media type, or all of a family.
fn media(text: &str) -> Result<(), Invalid> {
    let any = text == "*/*" || MediaType::new(&text.replace("/*", "/any")).is_ok();
    const RULE: &str = "such as image/png, image/* or */*";
    if any { Ok(()) } else { Err(Invalid { what: "a media type", rule: RULE }) }
}

fn date(text: &str) -> Result<(), Invalid> {
    let date: Result<jiff::civil::Date, _> = text.parse();
    date.map(drop).map_err(|_| Invalid { what: "a day", rule: "a date such as 2027-01-31" })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::policy::{Draft, Problem};

    fn draft(kind: &str, fields: Value) -> Draft {
        let Value::Object(fields) = fields else { panic!("no table") };
        Draft { kind: kind.to_owned(), fields }
    }

    fn set(drafts: &[Draft]) -> Set {
        Set::check(drafts).unwrap_or_else(|problems: Vec<Problem>| panic!("{problems:?}"))
    }

    fn kind(id: &str) -> ChannelKind {
        id.parse().unwrap()
    }

    #[test]
    fn every_kind_that_we_know_could_be_written_in_a_policy() {
        assert!(KNOWN.len() > 30, "{} kinds", KNOWN.len());
        let drafts: Vec<Draft> = KNOWN
            .iter()
            .map(|(id, fields)| {
                let mut fields = fields.clone();
                fields.insert("id".into(), id.as_str().into());
                Draft { kind: "channel".into(), fields }
            })
            .collect();
        let (written, known) = (set(&drafts), Set::default());
        for id in KNOWN.keys() {
            let channel = known.channel(&kind(id)).unwrap_or_else(|| panic!("{id} cannot be read"));
            assert_eq!(written.channel(&kind(id)).as_ref(), Some(&channel), "{id}");
            assert!(!channel.name.is_empty(), "{id} has no name");
            assert!(channel.listen_only || channel.connector.is_some(), "{id} can neither listen nor speak");
            assert!(channel.length_unit == Unit::Graphemes || channel.length_max.is_some(), "{id}");
        }
    }

    #[test]
    fn a_policy_changes_what_it_names_and_leaves_the_rest() {
        let set = set(&[
            draft("channel", json!({"id": "whatsapp", "reply_window": "20 hours", "bots": false})),
            draft("channel", json!({"id": "intercom", "mode": "sync", "connector": "standard_webhooks"})),
        ]);
        let whatsapp = set.channel(&kind("whatsapp")).unwrap();
        assert_eq!((whatsapp.reply_window, whatsapp.bots), (Some(20 * 3600), false));
        assert_eq!((whatsapp.beyond, whatsapp.length_max), (Beyond::Template, Some(4096)));
        let own = set.channel(&kind("intercom")).unwrap();
        assert_eq!((own.mode, own.parts_max, own.reply_window), (Mode::Sync, 1, None));
        assert_eq!(set.channel(&kind("telepathy")), None);
    }

    #[test]
    fn tags_have_windows_of_their_own() {
        let messenger = Set::default().channel(&kind("messenger")).unwrap();
        assert_eq!(messenger.tags, BTreeMap::from([("human_agent".into(), 7 * 24 * 3600)]));
    }

    #[test]
    fn how_fast_an_account_may_send_is_said_by_its_kind_or_by_itself() {
        let rate = |count, per_s| Some(Rate { count, per_s });
        assert_eq!(Set::default().channel(&kind("whatsapp")).unwrap().send_rate, rate(80, 1));
        let own = draft("channel", json!({"id": "whatsapp", "send_rate": "20/minute", "send_burst": 5}));
        let own = set(&[own]).channel(&kind("whatsapp")).unwrap();
        assert_eq!((own.send_rate, own.send_burst), (rate(20, 60), 5));
        let wrong = draft("channel", json!({"id": "whatsapp", "send_rate": "a lot"}));
        assert!(format!("{:?}", Set::check(&[wrong]).unwrap_err()).contains("/send_rate"));
        let account = |settings: Value| {
            vec![
                draft(
                    "region",
                    json!({"id": "world", "name": "World", "time_zone": "UTC", "languages": ["en"]}),
                ),
                draft("team", json!({"id": "care", "name": "Care", "region": "world"})),
                draft(
                    "account",
                    json!({"id": "a", "channel": "sms", "name": "A", "region": "world", "team": "care", "settings": settings}),
                ),
            ]
        };
        set(&account(
            json!({"send_rate": "1/second", "send_burst": "3", "down_after": "7", "silence": "ignored"}),
        ));
        for (name, value) in [
            ("send_rate", "1 / fortnight"),
            ("send_burst", "0"),
            ("degraded_after", "soon"),
            ("down_after", "-1"),
            ("retry_s", "70000"),
            ("silence", "off"),
        ] {
            let text = format!("{:?}", Set::check(&account(json!({ name: value }))).unwrap_err());
            assert!(text.contains(&format!("/settings/{name}")), "{text}");
        }
    }

    #[test]
    fn an_account_is_of_a_kind_that_is_known_or_declared() {
        let drafts = |channel: &str| {
            vec![
                draft(
                    "region",
                    json!({"id": "world", "name": "World", "time_zone": "UTC", "languages": ["en"]}),
                ),
                draft("team", json!({"id": "care", "name": "Care", "region": "world"})),
                draft(
                    "account",
                    json!({"id": "a", "channel": channel, "name": "A", "region": "world", "team": "care"}),
                ),
            ]
        };
        let problems = Set::check(&drafts("whatsap")).unwrap_err();
        let text = format!("{problems:?}");
        assert!(text.contains("/channel") && text.contains("did you mean \\\"whatsapp\\\"?"), "{text}");
        let mut declared = drafts("telepathy");
        assert!(Set::check(&declared).is_err());
        declared.push(draft("channel", json!({"id": "telepathy"})));
        set(&declared);
    }
}
