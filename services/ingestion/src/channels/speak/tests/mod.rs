//! How platforms are spoken to: the calls, word for word; the answers, one by one; and noise.

mod answers;
mod asked;
mod calls;
mod files;
mod hostile;

use domain::{policy::channel::CONNECTORS, time::Timestamp};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use secrecy::ExposeSecret;

use super::{Answered, Call, File, Files, Outgoing, Promise, Speaker, Unsayable};
use crate::channels::{self, Config};

const KEY: &str = "6ff4a1f5-9d1d-5c3e-8a53-2f0d2d0d7c11";
const TEXT: &str = "Grüß Gott & willkommen <hier>";
/// 2026-03-14T09:26:53Z.
const AT_S: i64 = 1_773_480_413;

/// Where only the account knows where to call.
const WITHOUT_ADDRESS: &[&str] = &["cloudevents", "standard_webhooks"];

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_microsecond(seconds * 1_000_000).unwrap()
}

/// A reply to `reply_to`, said to the customer `to`.
fn reply<'a>(to: &'a str, reply_to: &'a str) -> Outgoing<'a> {
    Outgoing {
        to,
        text: TEXT,
        subject: None,
        reply_to: Some(reply_to).filter(|id| !id.is_empty()),
        thread: None,
        public: false,
        tag: None,
        template: None,
        language: None,
        parameters: &[],
        named: &[],
        files: &[],
        key: KEY,
        reply: REPLY.parse().unwrap(),
        since: at(AT_S - 10),
        at: at(AT_S),
    }
}

fn public<'a>(to: &'a str, reply_to: &'a str) -> Outgoing<'a> {
    Outgoing { public: true, ..reply(to, reply_to) }
}

/// A file of this type.
fn file(name: &str, media_type: &str, content: &[u8]) -> File {
    let content = bytes::Bytes::copy_from_slice(content);
    File { name: name.into(), media_type: media_type.into(), content, uploaded: None }
}

/// The reply of all messages here.
const REPLY: &str = "0192f0c1-2b3c-7d4e-8f50-617283940a1b";
/// The token of all accounts here. It is base64 as well.
const TOKEN: &str = "s3cretT0ken/of+The=Sample:Acc0unt";
const SIGNING: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// An account of this connector with all that it needs.
fn account(connector: &str) -> Config {
    let secrets: &[(&str, &str)] = match connector {
        "telegram" => &[("bot_token", "4839574812:AAFD39kkdpWt3ywyRZergyOLMaJhac60qcK")],
        "slack" => &[("bot_token", TOKEN)],
        "line" => &[("channel_access_token", TOKEN)],
        "twilio" => &[("auth_token", TOKEN)],
        "vonage" => &[("jwt", TOKEN), ("api_secret", TOKEN)],
        "cloudevents" | "standard_webhooks" => &[("secret", SIGNING)],
        _ => &[("access_token", TOKEN)],
    };
    let settings: &[(&str, &str)] = match connector {
        "whatsapp_cloud" => &[("phone_number_id", "106540352242922")],
        "twilio" => &[("account_sid", "AC0123"), ("from", "+15550001")],
        "vonage" => &[("from", "15550001")],
        "x" => &[("user_id", "2244994945")],
        "google_reviews" => &[("location", "accounts/1/locations/2")],
        "cloudevents" | "standard_webhooks" => &[("callback_url", "https://crm.example/replies?of=us")],
        _ => &[],
    };
    Config {
        settings: settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        secrets: secrets.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
    }
}

fn speaker(name: &str) -> &'static dyn Speaker {
    channels::speaker(name).unwrap_or_else(|| panic!("nobody speaks {name}"))
}

fn say(name: &str, message: &Outgoing<'_>) -> Result<Call, Unsayable> {
    speaker(name).say(message, &account(name))
}

/// A call as it goes over the wire, secrets and all.
fn wire(call: &Call) -> String {
    let mut wire = format!("{} {}\n", call.method, call.url);
    for (name, value) in &call.headers {
        wire.push_str(&format!("{name}: {value}\n"));
    }
    for (name, value) in &call.secret_headers {
        wire.push_str(&format!("{name}: {}\n", value.expose_secret()));
    }
    wire + "\n" + std::str::from_utf8(&call.body).unwrap()
}

fn headers(headers: &[(&'static str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
    };
    headers.iter().map(pair).collect()
}

fn answered(name: &str, status: u16, with: &[(&'static str, &str)], body: &str) -> Answered {
    let status = StatusCode::from_u16(status).unwrap();
    speaker(name).answered(status, &headers(with), body.as_bytes())
}

#[test]
fn every_speaker_is_a_connector_that_policy_knows_and_calls_by_tls() {
    assert_eq!(channels::SPEAKERS.len(), 17);
    for speaker in channels::SPEAKERS {
        let (name, base) = (speaker.name(), speaker.base_url());
        assert!(CONNECTORS.contains(&name), "policy knows no connector {name}");
        assert!(std::ptr::addr_eq(self::speaker(name), *speaker), "{name} is there twice");
        if WITHOUT_ADDRESS.contains(&name) {
            assert_eq!(base, "", "{name}");
            assert!(
                matches!(
                    speaker.say(&reply("1", "1"), &Config { settings: [].into(), ..account(name) }),
                    Err(Unsayable::NoSetting("callback_url"))
                ),
                "{name} speaks to nobody"
            );
        } else {
            let url: url::Url = base.parse().unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!((url.scheme(), url.path(), url.query()), ("https", "/", None), "{name}");
            assert!(!base.ends_with('/'), "{name}");
        }
    }
}

#[test]
fn every_connector_that_listens_is_one_that_policy_knows() {
    for connector in channels::ALL {
        assert!(CONNECTORS.contains(&connector.name()), "policy knows no connector {}", connector.name());
    }
}

#[test]
fn what_an_account_lacks_is_told_before_anything_else() {
    for speaker in channels::SPEAKERS {
        let name = speaker.name();
        for message in [reply("1", "1"), public("1", "1"), reply("", "")] {
            let nothing = speaker.say(&message, &Config::default());
            assert!(
                matches!(nothing, Err(Unsayable::Secret(_) | Unsayable::NoSetting(_))),
                "{name}: {}",
                nothing.map_or_else(|error| error.to_string(), |_| "it says something".into())
            );
        }
    }
}

#[test]
fn what_is_promised_is_kept() {
    for speaker in channels::SPEAKERS {
        let (name, account) = (speaker.name(), account(speaker.name()));
        let sayable =
            [reply("7", "7:7"), public("7", "accounts/1/locations/2/reviews/7"), public("7", "7:7")];
        let sayable: Vec<_> =
            sayable.iter().filter(|message| speaker.say(message, &account).is_ok()).collect();
        assert!(!sayable.is_empty(), "{name} says nothing");
        for message in sayable {
            let asks = speaker.ask(message, &account).is_some();
            // Of a chat with a person, Slack tells the channel only once there is a message.
            let may_not = name == "slack" && !asks;
            assert!(may_not || asks == (speaker.promise() == Promise::Ask), "{name}");
            let wire = wire(&speaker.say(message, &account).unwrap());
            // Those who keep one reply to a review need no key: the reply itself is it.
            if speaker.promise() == Promise::Key && !["trustpilot", "google_reviews", "vk"].contains(&name) {
                assert!(wire.contains(KEY), "{name} promises to know a key that it is not told");
            }
        }
        assert!((60..=24 * 3_600).contains(&speaker.key_known_s()), "{name}");
    }
}

#[test]
fn a_gateway_may_stand_before_every_platform() {
    for speaker in channels::SPEAKERS {
        let name = speaker.name();
        if WITHOUT_ADDRESS.contains(&name) {
            continue;
        }
        let mut account = account(name);
        account.settings.insert("base_url".into(), "http://127.0.0.1:4000/under/".into());
        let said = [reply("7", "7:7"), public("7", "7")].map(|message| speaker.say(&message, &account));
        let urls: Vec<_> = said.into_iter().flatten().map(|call| call.url).collect();
        assert!(!urls.is_empty(), "{name}");
        for url in urls {
            assert!(url.starts_with("http://127.0.0.1:4000/under/"), "{name}");
            assert!(!url.contains("under//"), "{name}");
        }
    }
}
