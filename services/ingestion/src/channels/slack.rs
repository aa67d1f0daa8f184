//! `slack`: the Events API of Slack, slash commands, and nothing else.
//!
//! Verified by a published vector of its signature, whose body is a slash command; events by own samples only.
//!
//! Secret: `signing_secret`. Setting: `team_id`; with it, what concerns other workspaces is passed over. A message is called
//! `<channel>:<ts>`. A slash command is a message to us alone: Slack shows it to nobody else. What this app's bot wrote is
//! ours; what other bots wrote is passed over, so that two machines do not talk. Pressed buttons and shortcuts belong to
//! the app that made them, and are passed over. A retry carries the same ids. Receipts are not told by the platform.

mod message;
mod mrkdwn;

use http::Method;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    Answer, Config, Connector, Happening, Hook, Malformed, Message, Party, Refused, Said,
    json::{self, At, Id},
    signature,
    wording::{name as called, note, said},
};

/// The connector.
pub(super) struct Slack;

const SECRET: &str = "signing_secret";
const SIGNATURE: &str = "X-Slack-Signature";
const TIMESTAMP: &str = "X-Slack-Request-Timestamp";

impl Connector for Slack {
    fn name(&self) -> &'static str {
        "slack"
    }

    fn secrets(&self) -> &'static [&'static str] {
        &[SECRET]
    }

    fn verify(&self, hook: &Hook<'_>, config: &Config) -> Result<(), Refused> {
        if hook.method != Method::POST {
            return Err(Refused::Method);
        }
        let secret = config.secret(SECRET)?;
        let said = hook.header(SIGNATURE).ok_or(Refused::Unsigned(SIGNATURE))?;
        let time = hook.header(TIMESTAMP).ok_or(Refused::Unsigned(TIMESTAMP))?;
        let said = said.strip_prefix("v0=").ok_or(Refused::Signature)?;
        let parts: &[&[u8]] = &[b"v0:", time.as_bytes(), b":", hook.body];
        signature::is_hex(said, &signature::hmac_sha256(secret, parts))?;
        signature::fresh(time, hook.now, signature::WINDOW_S)
    }

    fn read(&self, hook: &Hook<'_>, config: &Config) -> Result<Said, Malformed> {
        if hook
            .header("Content-Type")
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
        {
            let happenings = vec![form(hook, config)];
            return Ok(Said { happenings, ..Said::default() });
        }
        let call: Call<'_> = json::body(hook.body)?;
        let happening = match At::BODY.need("type", call.kind.as_deref())? {
            "url_verification" => {
                let challenge = At::BODY.need("challenge", call.challenge)?;
                let answer = Answer::Text("text/plain", challenge);
                return Ok(Said { happenings: vec![Happening::Passed("handshake")], answer });
            }
            "event_callback" if is_of_another(config, call.team_id.as_ref()) => {
                Happening::Passed("other_team")
            }
            "event_callback" => call.event()?,
            "app_rate_limited" => Happening::Passed("rate_limited"),
            _ => Happening::Passed("other_call"),
        };
        Ok(Said { happenings: vec![happening], ..Said::default() })
    }
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(rename = "type")]
    kind: Option<String>,
    challenge: Option<String>,
    team_id: Option<Id>,
    api_app_id: Option<Id>,
    #[serde(default)]
    authorizations: Vec<Authorization>,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Authorization {
    user_id: Option<Id>,
    #[serde(default)]
    is_bot: bool,
}

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Reaction {
    user: Option<Id>,
    reaction: Option<String>,
    item: Option<Item>,
    event_ts: Option<Id>,
}

#[derive(Default, Deserialize)]
struct Item {
    channel: Option<Id>,
    ts: Option<Id>,
}

/// Who we are in the workspace.
struct Own {
    app: Option<Id>,
    bots: Vec<Id>,
}

impl Call<'_> {
    fn event(self) -> Result<Happening, Malformed> {
        let at = At::BODY.key("event");
        let raw = At::BODY.need("event", self.event)?;
        let Kind { kind } = json::part(raw, &at)?;
        let bots = self.authorizations.into_iter().filter(|user| user.is_bot);
        let own = Own { app: self.api_app_id, bots: bots.filter_map(|user| user.user_id).collect() };
        Ok(match at.need("type", kind)?.as_str() {
            // A mention is a message too, and comes once as each.
            "message" | "app_mention" => message::read(raw, &own, &at)?,
            added @ ("reaction_added" | "reaction_removed") => {
                reaction(json::part(raw, &at)?, added == "reaction_added", &at)?
            }
            "member_joined_channel" | "member_left_channel" | "team_join" => Happening::Passed("membership"),
            "app_uninstalled" | "tokens_revoked" => Happening::Passed("app_removed"),
            "app_home_opened" => Happening::Passed("chat_opened"),
            "user_change" | "user_profile_changed" => Happening::Passed("person_changed"),
            _ => Happening::Passed("other_event"),
        })
    }
}

fn reaction(reaction: Reaction, added: bool, at: &At<'_>) -> Result<Happening, Malformed> {
    let when = at.need_seconds("event_ts", reaction.event_ts.as_ref())?;
    let item = reaction.item.unwrap_or_default();
    let Some(ts) = item.ts else { return Ok(Happening::Passed("reaction_to_file")) };
    let at_item = at.key("item");
    let external_id = message::name(&at_item.need_id("channel", item.channel)?, ts.as_str());
    let by = Party { id: at.need_id("user", reaction.user)?, ..Party::default() };
    let sign = added.then_some(at.need("reaction", reaction.reaction)?);
    Ok(Happening::Reaction { external_id, by, sign, at: Some(when), event: None })
}

fn is_of_another(config: &Config, team: Option<&Id>) -> bool {
    config.setting("team_id").is_some_and(|ours| team.is_some_and(|team| team.as_str() != ours))
}

/// What comes as a form: a slash command, or what belongs to an app's own surface.
fn form(hook: &Hook<'_>, config: &Config) -> Happening {
    let mut command = Command::default();
    for (name, value) in hook.form() {
        let field = match name.as_ref() {
            "payload" => return Happening::Passed("interaction"),
            "ssl_check" => return Happening::Passed("handshake"),
            "team_id" if config.setting("team_id").is_some_and(|ours| ours != value) => {
                return Happening::Passed("other_team");
            }
            "command" => &mut command.command,
            "text" => &mut command.text,
            "user_id" => &mut command.user_id,
            "user_name" => &mut command.user_name,
            "channel_id" => &mut command.channel_id,
            "trigger_id" => &mut command.trigger_id,
            _ => continue,
        };
        *field = said(Some(value.into_owned()));
    }
    command.read(hook)
}

#[derive(Default)]
struct Command {
    command: Option<String>,
    text: Option<String>,
    user_id: Option<String>,
    user_name: Option<String>,
    channel_id: Option<String>,
    trigger_id: Option<String>,
}

impl Command {
    fn read(self, hook: &Hook<'_>) -> Happening {
        let (Some(name), Some(user), Some(trigger)) = (self.command, self.user_id, self.trigger_id) else {
            return Happening::Passed("other_form");
        };
        let Some(text) = self.text else { return Happening::Passed("empty_command") };
        let customer = Party { id: user, name: None, handle: called(self.user_name) };
        // When it was given is not said.
        let mut message = Message::new(format!("command:{trigger}"), customer, hook.now);
        message.text = text;
        message.public = Some(false);
        note(&mut message, "command", Some(name));
        note(&mut message, "channel-id", self.channel_id);
        Happening::Message(Box::new(message))
    }
}
