//! Twilio: SMS, MMS and WhatsApp in, what became of messages of ours, and calls.
//!
//! Proof: `X-Twilio-Signature`, HMAC-SHA1 with the account's auth token over the address as Twilio called it and the sorted
//! parameters of the form. Twilio itself is not of one mind about ports and apostrophes in that address, so the few forms
//! that its own libraries accept are tried. A body in JSON is bound by `bodySHA256` in the address. No time is signed.
//!
//! A call that comes in is the message `[call]`; a recording and a transcription are further messages of its thread. A
//! recording's callback names no caller: there the call stands for him. The answer is a document without instructions: nothing
//! is sent back, and a call that only we answer ends.
//!
//! Verified by published vectors; read from own samples only.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use domain::message::EntryPoint;
use http::Method;

use super::{
    Answer, Config, Connector, Happening, Hook, Malformed, Media, MediaSource, Message, Party, Receipt,
    Refused, Said, Status, signature, wording, words,
};

/// The secret: the account's auth token.
const TOKEN: &str = "auth_token";

/// How many files one message may announce. Twilio sends ten.
const MEDIA_MAX: usize = 50;

const EMPTY_TWIML: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Response/>"#;

/// The connector.
pub(super) struct Twilio;

type Parameters<'a> = BTreeMap<Cow<'a, str>, Cow<'a, str>>;

impl Connector for Twilio {
    fn name(&self) -> &'static str {
        "twilio"
    }

    fn secrets(&self) -> &'static [&'static str] {
        &[TOKEN]
    }

    fn verify(&self, hook: &Hook<'_>, config: &Config) -> Result<(), Refused> {
        let token = config.secret(TOKEN)?;
        let said = hook.header("x-twilio-signature").ok_or(Refused::Unsigned("x-twilio-signature"))?;
        let mut signed = Vec::new();
        if let Some(digest) = hook.parameter("bodySHA256") {
            signature::is_hex(&digest, &signature::sha256(hook.body))?;
        } else if hook.method == Method::POST {
            // Sorted, and what is there twice only once, as Twilio's own libraries have it.
            let pairs: BTreeSet<_> = hook.form().collect();
            for (name, value) in &pairs {
                signed.extend_from_slice(name.as_bytes());
                signed.extend_from_slice(value.as_bytes());
            }
        } else if !hook.body.is_empty() {
            return Err(Refused::Signature);
        }
        let mut verdict = Err(Refused::Signature);
        for address in addresses(hook) {
            let expected = signature::hmac_sha1(token, &[address.as_bytes(), &signed]);
            verdict = verdict.or(signature::is_base64(said, &expected));
        }
        verdict
    }

    fn read(&self, hook: &Hook<'_>, _: &Config) -> Result<Said, Malformed> {
        let answer = Answer::Text("text/xml", EMPTY_TWIML.to_owned());
        let json = hook.header("content-type").is_some_and(|kind| kind.contains("json"));
        if json {
            return Ok(Said { happenings: vec![Happening::Passed("other_event")], answer });
        }
        let mut parameters = Parameters::new();
        let query = form_urlencoded::parse(hook.query().as_bytes());
        // The body alone when there is one: what an address says of itself must not be taken for the platform's word.
        let pairs: Vec<_> = if hook.method == Method::POST { hook.form().collect() } else { query.collect() };
        for (name, value) in pairs {
            parameters.entry(name).or_insert(value);
        }
        let form = Form { parameters, now: hook.now };
        Ok(Said { happenings: form.happenings()?, answer })
    }

    /// A GET is signed with all that it says.
    fn tells(&self, _: &Hook<'_>) -> bool {
        true
    }

    fn taken(&self) -> Answer {
        Answer::Text("text/xml", EMPTY_TWIML.to_owned())
    }
}

/// The address as it may have been signed: as it is, with the port that goes without saying, without its port; with an
/// apostrophe as it is and percent-encoded; with the credentials that a client puts into a header instead.
fn addresses(hook: &Hook<'_>) -> Vec<String> {
    let mut addresses = vec![hook.url.to_owned()];
    if let Some((scheme, rest)) = hook.url.split_once("://") {
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (user, host) =
            authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
        let credentials = credentials(hook);
        let user = user.map(str::to_owned).or(credentials).map(|user| format!("{user}@")).unwrap_or_default();
        // The colons of an IPv6 address stand within brackets.
        let bare = match host.rsplit_once(':') {
            Some((bare, port)) if !port.contains(']') => bare,
            _ => host,
        };
        let port = if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 };
        addresses.push(format!("{scheme}://{user}{host}{path}"));
        addresses.push(format!("{scheme}://{user}{bare}{path}"));
        addresses.push(format!("{scheme}://{user}{bare}:{port}{path}"));
    }
    let encoded: Vec<_> = addresses.iter().filter(|address| address.contains('\'')).cloned().collect();
    addresses.extend(encoded.iter().map(|address| address.replace('\'', "%27")));
    addresses
}

fn credentials(hook: &Hook<'_>) -> Option<String> {
    let encoded = hook.header("authorization")?.strip_prefix("Basic ")?;
    String::from_utf8(data_encoding::BASE64.decode(encoded.trim().as_bytes()).ok()?).ok()
}

struct Form<'a> {
    parameters: Parameters<'a>,
    now: domain::time::Timestamp,
}

impl Form<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(AsRef::as_ref).filter(|value: &&str| !value.is_empty())
    }

    fn need(&self, name: &str) -> Result<&str, Malformed> {
        self.get(name).ok_or_else(|| Malformed::new(name, "a parameter that says something"))
    }

    fn happenings(&self) -> Result<Vec<Happening>, Malformed> {
        let message = ["MessageSid", "SmsMessageSid", "SmsSid"].iter().find_map(|name| self.get(name));
        match (message, self.get("CallSid")) {
            (Some(sid), _) => self.message(sid),
            (None, Some(call)) => Ok(vec![self.call(call)?]),
            (None, None) if self.get("EventType").is_some() => Ok(vec![Happening::Passed("other_event")]),
            (None, None) => Err(Malformed::new("MessageSid", "a parameter; or CallSid")),
        }
    }

    fn message(&self, sid: &str) -> Result<Vec<Happening>, Malformed> {
        let status = self.get("MessageStatus").or_else(|| self.get("SmsStatus")).unwrap_or("received");
        let status = match status {
            "received" => return self.received(sid),
            "sent" => Status::Sent,
            "delivered" => Status::Delivered,
            "read" => Status::Read,
            "failed" | "undelivered" | "canceled" => Status::Failed,
            "accepted" | "scheduled" | "queued" | "sending" | "receiving" => {
                return Ok(vec![Happening::Passed("message_progress")]);
            }
            _ => return Ok(vec![Happening::Passed("other_status")]),
        };
        let code = self.get("ErrorCode").or_else(|| self.get("MessageStatus")).map(str::to_owned);
        Ok(vec![Happening::Receipt(Receipt {
            external_id: Some(sid.to_owned()),
            contact: self.get("To").map(str::to_owned),
            status,
            at: self.now,
            code: code.filter(|_| status == Status::Failed),
            word: None,
        })])
    }

    fn received(&self, sid: &str) -> Result<Vec<Happening>, Malformed> {
        let customer = self.customer()?;
        let mut message = Message::new(sid, customer.clone(), self.now);
        self.get("Body").unwrap_or_default().clone_into(&mut message.text);
        message.reply_to = self.get("OriginalRepliedMessageSid").map(str::to_owned);
        message.forwarded =
            ["Forwarded", "FrequentlyForwarded"].iter().any(|name| self.get(name) == Some("true"));
        let count = match self.get("NumMedia") {
            None => 0,
            Some(count) => {
                count.parse::<usize>().ok().filter(|&count| count <= MEDIA_MAX).ok_or_else(|| {
                    Malformed::new("NumMedia", format_args!("a number of at most {MEDIA_MAX}"))
                })?
            }
        };
        for at in 0..count {
            let url = MediaSource::Url(self.need(&format!("MediaUrl{at}"))?.to_owned());
            let media_type = self.get(&format!("MediaContentType{at}")).map(str::to_owned);
            message.media.push(Media { media_type, ..Media::new(url) });
        }
        if let (Some(latitude), Some(longitude)) = (self.get("Latitude"), self.get("Longitude")) {
            if message.text.is_empty() {
                message.text = words::location(self.get("Label"), self.get("Address"), latitude, longitude);
            }
            self.fields(
                &mut message,
                &[("latitude", "Latitude"), ("longitude", "Longitude"), ("place", "Label")],
            );
            self.fields(&mut message, &[("address", "Address")]);
        }
        wording::seen(&mut message);
        message.entry_point = match self.get("ReferralSourceType") {
            Some("ad") => Some(EntryPoint::ClickToChatAd),
            Some("post") => Some(EntryPoint::SendMessage),
            _ => None,
        };
        message.came_by(self.get("ReferralSourceId"));
        self.fields(
            &mut message,
            &[
                ("to", "To"),
                ("button-payload", "ButtonPayload"),
                ("referral-url", "ReferralSourceUrl"),
                ("referral-headline", "ReferralHeadline"),
                ("referral-body", "ReferralBody"),
                ("referral-click-id", "ReferralCtwaClid"),
                ("opt-out", "OptOutType"),
            ],
        );
        let reachable = match self.get("OptOutType") {
            Some("STOP") => Some(false),
            Some("START") => Some(true),
            // Who asks for help has decided nothing.
            _ => None,
        };
        let mut happenings = vec![Happening::Message(Box::new(message))];
        happenings.extend(reachable.map(|reachable| Happening::Contact {
            person: customer,
            reachable,
            at: Some(self.now),
        }));
        Ok(happenings)
    }

    fn call(&self, call: &str) -> Result<Happening, Malformed> {
        if let Some(sid) = self.get("TranscriptionSid") {
            if self.get("TranscriptionStatus").is_some_and(|status| status != "completed") {
                return Ok(Happening::Passed("transcription_failed"));
            }
            // Nobody said anything; that there is a recording is told by its own call.
            if self.get("TranscriptionText").is_none() && self.parameters.contains_key("TranscriptionText") {
                return Ok(Happening::Passed("transcription_empty"));
            }
            let mut message = self.of_call(call, sid);
            self.need("TranscriptionText")?.clone_into(&mut message.text);
            wording::seen(&mut message);
            message.reply_to = Some(self.get("RecordingSid").unwrap_or(call).to_owned());
            return Ok(Happening::Message(Box::new(message)));
        }
        if let Some(url) = self.get("RecordingUrl") {
            if self.get("RecordingStatus").is_some_and(|status| status != "completed") {
                return Ok(Happening::Passed("recording_progress"));
            }
            let mut message = self.of_call(call, self.need("RecordingSid")?);
            message.media.push(Media::new(MediaSource::Url(url.to_owned())));
            message.reply_to = Some(call.to_owned());
            self.fields(&mut message, &[("duration", "RecordingDuration")]);
            return Ok(Happening::Message(Box::new(message)));
        }
        let begins = self.get("CallStatus") == Some("ringing") && self.get("CallbackSource").is_none();
        if begins && self.get("Direction").is_none_or(|direction| direction == "inbound") {
            let mut message = Message::new(call, self.customer()?, self.now);
            message.text = words::line("call", []);
            message.thread_root = Some(call.to_owned());
            self.fields(&mut message, &[("to", "To"), ("country", "FromCountry")]);
            return Ok(Happening::Message(Box::new(message)));
        }
        let input = self.get("Digits").or_else(|| self.get("SpeechResult")).is_some();
        Ok(Happening::Passed(if input { "call_input" } else { "call_progress" }))
    }

    fn of_call(&self, call: &str, sid: &str) -> Message {
        let outbound = self.get("Direction").is_some_and(|direction| direction.starts_with("outbound"));
        let other = if outbound { self.get("To").map(Party::new) } else { self.customer().ok() };
        let customer = other.unwrap_or_else(|| Party::new(call));
        let mut message = Message::new(sid, customer, self.now);
        message.thread_root = Some(call.to_owned());
        if !outbound {
            message.field("to", self.get("To"));
        }
        message
    }

    fn customer(&self) -> Result<Party, Malformed> {
        let id = self.need("From")?;
        let handle = id.split_once(':').map(|(_, number)| number.to_owned());
        let name = self.get("ProfileName").or_else(|| self.get("CallerName"));
        Ok(Party { id: id.to_owned(), name: name.map(str::to_owned), handle })
    }

    fn fields(&self, message: &mut Message, names: &[(&str, &str)]) {
        for (ours, theirs) in names {
            message.field(ours, self.get(theirs));
        }
    }
}
