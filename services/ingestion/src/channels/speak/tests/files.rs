//! Files and templates, as they go over the wire.

use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::{
    Answered, Call, File, Files, KEY, Outgoing, Unsayable, account, file, public, reply, say, speaker,
};
use crate::channels;

/// The fields of a form.
type Fields = Vec<(String, String)>;
/// A file of a form: its field, its name, its type and its content.
type Sent = (String, String, String, Vec<u8>);

/// A call with a form: the address, the fields, and the file.
fn form(call: &Call) -> (String, Fields, Sent) {
    let content_type = &call.headers.iter().find(|(name, _)| *name == "content-type").unwrap().1;
    let boundary = content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
    let parts = channels::multipart::parts(&call.body, boundary).unwrap();
    let (mut fields, mut files) = (Vec::new(), Vec::new());
    for part in parts {
        match part.file {
            Some(name) => {
                files.push((part.name, name, part.media_type.unwrap(), part.content.to_vec()));
            }
            None => fields.push((part.name, String::from_utf8(part.content.to_vec()).unwrap())),
        }
    }
    assert_eq!(files.len(), 1);
    (call.url.clone(), fields, files.remove(0))
}

fn fields(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn with<'a>(files: &'a [File], said: Outgoing<'a>) -> Outgoing<'a> {
    Outgoing { text: "", files, ..said }
}

fn refused(name: &str, message: &Outgoing<'_>) {
    let said = say(name, message);
    assert!(matches!(said, Err(Unsayable::File(_))), "{name} sends what it should not");
}

#[test]
fn telegram_sends_pictures_as_photos_and_all_else_as_documents() {
    let bot = "https://api.telegram.org/bot4839574812:AAFD39kkdpWt3ywyRZergyOLMaJhac60qcK";
    let pdf = [file("Rechnung \u{fc}ber 3.pdf", "application/pdf", b"%PDF-1.7\r\n--dossier")];
    let call = say("telegram", &with(&pdf, reply("42", "business:b1:42:31"))).unwrap();
    let answers = r#"{"allow_sending_without_reply":true,"message_id":31}"#;
    let (url, told, sent) = form(&call);
    assert_eq!(url, format!("{bot}/sendDocument"));
    assert_eq!(told[0], ("chat_id".into(), "42".into()));
    assert_eq!(
        serde_json::from_str::<Value>(&told[1].1).unwrap(),
        serde_json::from_str::<Value>(answers).unwrap()
    );
    assert_eq!(told[2], ("business_connection_id".into(), "b1".into()));
    let (field, name, media_type, content) = sent;
    assert_eq!((field.as_str(), name.as_str()), ("document", "Rechnung \u{fc}ber 3.pdf"));
    assert_eq!((media_type.as_str(), &*content), ("application/pdf", &b"%PDF-1.7\r\n--dossier"[..]));
    let picture = [file("a.png", "image/png", b"x")];
    let (url, told, (field, ..)) = form(&say("telegram", &with(&picture, reply("42", ""))).unwrap());
    assert_eq!(
        (url, told, field.as_str()),
        (format!("{bot}/sendPhoto"), fields(&[("chat_id", "42")]), "photo")
    );
    let large = [file("a.png", "image/png", &vec![0; 10 * 1024 * 1024 + 1])];
    let (url, ..) = form(&say("telegram", &with(&large, reply("42", ""))).unwrap());
    assert_eq!(url, format!("{bot}/sendDocument"));
    // Words would be a caption, which is shorter than a message: they go before.
    refused("telegram", &Outgoing { files: &pdf, ..reply("42", "") });
    refused(
        "telegram",
        &with(&[file("a", "text/plain", b"a"), file("b", "text/plain", b"b")], reply("42", "")),
    );
}

#[test]
fn whatsapp_gets_a_file_first_and_then_the_message_that_names_it() {
    let name = "whatsapp_cloud";
    let mut pdf = [file("invoice.pdf", "application/pdf", b"%PDF")];
    let said = reply("4917012345", "");
    let call = speaker(name).upload(&with(&pdf, said), &pdf[0], &account(name)).unwrap().unwrap();
    let (url, told, (field, called, media_type, content)) = form(&call);
    assert_eq!(url, "https://graph.facebook.com/v23.0/106540352242922/media");
    assert_eq!(told, fields(&[("messaging_product", "whatsapp"), ("type", "application/pdf")]));
    assert_eq!((field.as_str(), called.as_str()), ("file", "invoice.pdf"));
    assert_eq!((media_type.as_str(), &*content), ("application/pdf", &b"%PDF"[..]));
    assert_eq!(call.secret_headers.len(), 1, "as who we are");
    refused(name, &with(&pdf, said));
    pdf[0].uploaded = Some("4490709327384033".into());
    let body = |message: &Outgoing<'_>| -> Value {
        serde_json::from_slice(&say(name, message).unwrap().body).unwrap()
    };
    let sent = body(&with(&pdf, said));
    let document = json!({"id": "4490709327384033", "filename": "invoice.pdf"});
    assert_eq!((&sent["type"], &sent["document"]), (&json!("document"), &document));
    assert_eq!(sent["biz_opaque_callback_data"], said.word());
    for (media_type, kind) in [("image/png", "image"), ("audio/ogg", "audio"), ("video/mp4", "video")] {
        let files = [File { uploaded: Some("7".into()), ..file("f", media_type, b"x") }];
        let sent = body(&with(&files, said));
        assert_eq!((&sent["type"], &sent[kind]), (&json!(kind), &json!({"id": "7"})));
    }
    refused(name, &Outgoing { files: &pdf, ..said });
    // With a template it is what stands above the text.
    let template = Outgoing { template: Some("invoice"), language: Some("de"), ..said };
    let sent = body(&Outgoing { files: &pdf, parameters: &["Ada".into()], ..template });
    let header = json!({"type": "header", "parameters": [{"type": "document", "document": document}]});
    let text = json!({"type": "body", "parameters": [{"type": "text", "text": "Ada"}]});
    assert_eq!(sent["template"]["components"], json!([header, text]));
}

#[test]
fn what_whatsapp_answers_to_a_file_is_its_id_or_why_not() {
    let answered = |status: u16, body: &str| {
        let status = StatusCode::from_u16(status).unwrap();
        speaker("whatsapp_cloud").uploaded(status, &HeaderMap::new(), body.as_bytes())
    };
    assert_eq!(answered(200, r#"{"id":"4490709327384033"}"#), Ok("4490709327384033".into()));
    assert_eq!(answered(200, "{}"), Err(Answered::Unclear));
    assert_eq!(answered(500, r#"{"id":"1"}"#), Err(Answered::Unclear));
    let refused = r#"{"error":{"code":131053,"message":"Media upload error"}}"#;
    let reason = domain::delivery::Rejection::AttachmentRefused;
    assert_eq!(answered(400, refused), Err(Answered::Never { reason, code: Some("131053".into()) }));
    assert!(matches!(answered(429, "{}"), Err(Answered::Later { .. })));
}

#[test]
fn templates_are_filled_by_position_or_by_name() {
    let template = Outgoing { template: Some("order_update"), language: Some("de"), ..reply("49", "") };
    let components = |message: &Outgoing<'_>| -> Value {
        let call = say("whatsapp_cloud", message).unwrap();
        serde_json::from_slice::<Value>(&call.body).unwrap()["template"]["components"].take()
    };
    assert_eq!(components(&template), Value::Null);
    let placed = components(&Outgoing { parameters: &["Ada".into(), "7 \"x\"".into()], ..template });
    let text = |text: &str| json!({"type": "text", "text": text});
    assert_eq!(placed, json!([{"type": "body", "parameters": [text("Ada"), text("7 \"x\"")]}]));
    let named = components(&Outgoing { named: &[("order_id".into(), "7".into())], ..template });
    let text = json!({"type": "text", "parameter_name": "order_id", "text": "7"});
    assert_eq!(named, json!([{"type": "body", "parameters": [text]}]));
    // Those who read webhooks are told all of it.
    let call = say("standard_webhooks", &Outgoing { parameters: &["Ada".into()], ..template }).unwrap();
    let data = serde_json::from_slice::<Value>(&call.body).unwrap()["data"].take();
    assert_eq!((&data["template"], &data["parameters"]), (&json!("order_update"), &json!(["Ada"])));
    let named = &Outgoing { named: &[("order_id".into(), "7".into())], ..template };
    let data: Value = serde_json::from_slice(&say("cloudevents", named).unwrap().body).unwrap();
    assert_eq!(data["data"]["named"], json!({"order_id": "7"}));
}

#[test]
fn messenger_and_pages_send_files_in_chats() {
    for name in ["messenger", "facebook_page"] {
        let pdf = [file("a.pdf", "application/pdf", b"%PDF")];
        let call =
            say(name, &Outgoing { tag: Some("human_agent"), ..with(&pdf, reply("2514", "m_1")) }).unwrap();
        let (url, told, (field, called, ..)) = form(&call);
        assert_eq!(url, "https://graph.facebook.com/v23.0/me/messages");
        let expected = [
            ("recipient", r#"{"id":"2514"}"#),
            ("message", r#"{"attachment":{"type":"file","payload":{}}}"#),
            ("messaging_type", "MESSAGE_TAG"),
            ("tag", "HUMAN_AGENT"),
        ];
        let sorted = |mut all: Vec<(String, String)>| {
            all.sort();
            all
        };
        assert_eq!(sorted(told), sorted(fields(&expected)));
        assert_eq!((field.as_str(), called.as_str()), ("filedata", "a.pdf"));
        assert_eq!(call.secret_headers.len(), 1);
        let picture = [file("a.gif", "image/gif", b"x")];
        let (_, told, _) = form(&say(name, &with(&picture, reply("2514", ""))).unwrap());
        assert!(told.contains(&("message".into(), r#"{"attachment":{"type":"image","payload":{}}}"#.into())));
    }
    let pdf = [file("a.pdf", "application/pdf", b"%PDF")];
    refused("facebook_page", &with(&pdf, public("2514", "44_55")));
    refused("facebook_page", &with(&pdf, reply("2514", "44_55")));
}

#[test]
fn webhooks_carry_files() {
    let files = [file("a.txt", "text/plain", b"one"), file("b.bin", "application/x-any", &[0, 255])];
    for name in ["standard_webhooks", "cloudevents"] {
        let call = say(name, &Outgoing { files: &files, ..reply("c1", "") }).unwrap();
        let data = serde_json::from_slice::<Value>(&call.body).unwrap()["data"].take();
        assert_eq!(
            data["attachments"],
            json!([
                {"name": "a.txt", "media_type": "text/plain", "bytes": 3, "content": "b25l"},
                {"name": "b.bin", "media_type": "application/x-any", "bytes": 2, "content": "AP8="},
            ])
        );
    }
}

#[test]
fn who_takes_files_sends_them_and_who_does_not_says_so() {
    let files = [File { uploaded: Some("7".into()), ..file("a.pdf", "application/pdf", b"%PDF") }];
    let mut takers = Vec::new();
    for speaker in channels::SPEAKERS {
        let name = speaker.name();
        let said = [reply("7", "7:7"), public("C7", "accounts/1/locations/2/reviews/7"), public("7", "7:7")];
        let said: Vec<_> = said
            .iter()
            .filter(|message| say(name, message).is_ok())
            .map(|message| say(name, &with(&files, *message)))
            .collect();
        let sends = said.iter().any(Result::is_ok);
        assert_eq!(sends, speaker.files() != Files::None, "{name}");
        for said in said.iter().filter_map(|said| said.as_ref().err()) {
            assert!(matches!(said, Unsayable::File(_)), "{name}: {said}");
        }
        takers.extend(sends.then_some(name));
    }
    let expected =
        ["cloudevents", "facebook_page", "messenger", "standard_webhooks", "telegram", "whatsapp_cloud"];
    assert_eq!(takers, expected);
}

#[test]
fn nothing_steps_out_of_a_form() {
    let odd = "a\"; name=\"chat_id\r\n\r\n7";
    for content in [&b"--dossier-"[..], KEY.as_bytes(), &format!("\r\n--dossier-{KEY}--\r\n").into_bytes()] {
        let files = [file(odd, "text/plain", content)];
        let call = say("telegram", &with(&files, reply("42", ""))).unwrap();
        let (_, told, (_, name, _, sent)) = form(&call);
        assert_eq!(told, fields(&[("chat_id", "42")]));
        assert_eq!(sent, content);
        assert!(!name.contains(['"', '\r', '\n']), "{name}");
    }
}
