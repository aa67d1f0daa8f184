//! Chats: LINE, Twilio, Telegram, VK, WeChat, Vonage, WhatsApp, and the chats and comments of Facebook and Instagram.

use serde_json::{Value, json};

use super::{
    Taken,
    call::{Answer, Call, File, text},
    kind::Kind,
};

/// It knows its retry key.
pub(super) struct Line;

impl Kind for Line {
    fn is_at(&self, path: &str) -> bool {
        path == "/v2/bot/message/push"
    }

    fn said(&self, call: &Call, _: &[File]) -> Taken {
        let json = call.json();
        let key = call.header("x-line-retry-key");
        Taken { to: text(&json["to"]), text: text(&json["messages"][0]["text"]), key, ..Taken::default() }
    }

    fn took(&self, taken: &Taken, again: bool) -> Answer {
        if again {
            let said = json!({"message": "The retry key is already accepted"});
            return Answer::new(409, said).with("x-line-accepted-request-id", "1");
        }
        Answer::new(200, json!({"sentMessages": [{"id": taken.id}]}))
    }
}

/// It lists what it has by number.
pub(super) struct Twilio;

impl Kind for Twilio {
    fn is_at(&self, path: &str) -> bool {
        path.starts_with("/2010-04-01/") && path.ends_with("/Messages.json")
    }

    fn said(&self, call: &Call, _: &[File]) -> Taken {
        Taken { to: call.field("To"), text: call.field("Body"), ..Taken::default() }
    }

    fn took(&self, taken: &Taken, _: bool) -> Answer {
        Answer::new(201, json!({"sid": taken.id, "status": "queued"}))
    }

    fn has(&self, call: &Call, taken: &[&Taken]) -> Value {
        let to = call.parameter("To");
        let to = taken.iter().rev().filter(|taken| taken.to == to);
        let messages: Vec<_> = to
            .map(|taken| json!({"sid": taken.id, "body": taken.text, "to": taken.to, "direction": "outbound-api"}))
            .collect();
        json!({"messages": messages, "next_page_uri": null})
    }
}

/// It knows nothing again.
pub(super) struct Telegram;

impl Kind for Telegram {
    fn is_at(&self, path: &str) -> bool {
        path.starts_with("/bot")
    }

    fn said(&self, call: &Call, _: &[File]) -> Taken {
        let (field, file) = fields(call);
        Taken { to: plain(&field("chat_id")), text: text(&field("text")), file, ..Taken::default() }
    }

    fn took(&self, taken: &Taken, _: bool) -> Answer {
        let chat = json!({"id": taken.to.parse::<i64>().unwrap_or_default()});
        Answer::new(200, json!({"ok": true, "result": {"message_id": number(taken), "chat": chat}}))
    }
}

/// It compares its random id, in comments its guid.
pub(super) struct Vk;

impl Kind for Vk {
    fn is_at(&self, path: &str) -> bool {
        path.starts_with("/method/")
    }

    fn said(&self, call: &Call, _: &[File]) -> Taken {
        let in_chat = call.path.ends_with("/messages.send");
        let (to, key) = if in_chat { ("peer_ids", "random_id") } else { ("post_id", "guid") };
        // It does not compare zero.
        let key = Some(call.field(key)).filter(|key| !key.is_empty() && key != "0");
        let tag = (!in_chat).then(|| "comment".to_owned());
        Taken { to: call.field(to), text: call.field("message"), key, tag, ..Taken::default() }
    }

    fn took(&self, taken: &Taken, _: bool) -> Answer {
        let number = number(taken);
        if taken.tag.is_some() {
            return Answer::new(200, json!({"response": {"comment_id": number}}));
        }
        let peer = taken.to.parse::<i64>().unwrap_or_default();
        let message = json!({"peer_id": peer, "message_id": number, "conversation_message_id": number});
        Answer::new(200, json!({"response": [message]}))
    }
}

/// It knows nothing again, and does not say what it calls a message.
pub(super) struct Wechat;

impl Kind for Wechat {
    fn is_at(&self, path: &str) -> bool {
        path == "/cgi-bin/message/custom/send"
    }

    fn said(&self, call: &Call, _: &[File]) -> Taken {
        let json = call.json();
        Taken { to: text(&json["touser"]), text: text(&json["text"]["content"]), ..Taken::default() }
    }

    fn took(&self, _: &Taken, _: bool) -> Answer {
        Answer::new(200, json!({"errcode": 0, "errmsg": "ok"}))
    }
}

/// It repeats its reference in statuses, and sends twice what it is told twice.
pub(super) struct Vonage;

impl Kind for Vonage {
    fn is_at(&self, path: &str) -> bool {
        path == "/v1/messages"
    }

    fn said(&self, call: &Call, _: &[File]) -> Taken {
        let json = call.json();
        Taken { to: text(&json["to"]), text: text(&json["text"]), ..Taken::default() }
    }

    fn took(&self, taken: &Taken, _: bool) -> Answer {
        Answer::new(202, json!({"message_uuid": taken.id}))
    }
}

/// It knows nothing again: neither in chats nor in comments.
pub(super) struct Meta;

impl Kind for Meta {
    fn is_at(&self, path: &str) -> bool {
        ["/me/messages", "/comments", "/replies"].iter().any(|end| path.ends_with(end))
    }

    fn said(&self, call: &Call, _: &[File]) -> Taken {
        if !call.path.ends_with("/me/messages") {
            let text = text(&call.json()["message"]);
            return Taken { to: call.part(-2), text, tag: Some("comment".into()), ..Taken::default() };
        }
        let (field, file) = fields(call);
        let tag = field("tag").as_str().map(str::to_owned);
        Taken {
            to: plain(&field("recipient")["id"]),
            text: text(&field("message")["text"]),
            file,
            tag,
            ..Taken::default()
        }
    }

    fn took(&self, taken: &Taken, _: bool) -> Answer {
        if taken.tag.as_deref() == Some("comment") {
            return Answer::new(200, json!({"id": format!("{}_{}", taken.to, number(taken))}));
        }
        Answer::new(200, json!({"recipient_id": taken.to, "message_id": taken.id}))
    }
}

/// It knows nothing again. Files are brought to it before their messages.
pub(super) struct Whatsapp;

impl Kind for Whatsapp {
    fn is_at(&self, path: &str) -> bool {
        path.ends_with("/messages") || path.ends_with("/media")
    }

    fn said(&self, call: &Call, brought: &[File]) -> Taken {
        let json = call.json();
        let template = Some(json["template"].clone()).filter(Value::is_object);
        let of_file = || json[json["type"].as_str()?]["id"].as_str()?.parse::<usize>().ok()?.checked_sub(1);
        let file = of_file().and_then(|at| brought.get(at).cloned());
        let word = json["biz_opaque_callback_data"].as_str().map(str::to_owned);
        let (to, text) = (text(&json["to"]), text(&json["text"]["body"]));
        Taken { to, text, file, template, word, ..Taken::default() }
    }

    fn took(&self, taken: &Taken, _: bool) -> Answer {
        Answer::new(200, json!({"messages": [{"id": taken.id}]}))
    }
}

/// The fields of a call that may come as JSON or as a form with a file, and the file.
fn fields(call: &Call) -> (impl Fn(&str) -> Value, Option<File>) {
    let (fields, file) = call.form();
    let json = call.json();
    let of_form = move |name: &str| {
        fields.get(name).map(|text| serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into()))
    };
    (move |name: &str| of_form(name).unwrap_or_else(|| json[name].clone()), file)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What a platform calls a message that has numbers for that.
fn number(taken: &Taken) -> u64 {
    u64::from_str_radix(&taken.id, 16).unwrap_or_default()
}
