//! The calls, word for word.

use super::{KEY, REPLY, TEXT, TOKEN, account, public, reply, say, speaker, wire};
use crate::channels::speak::{Outgoing, Unsayable, of_word};

/// What goes over the wire, with `TOKEN` in the place of the token and `KEY` in that of the key.
fn call(name: &str, message: &Outgoing<'_>) -> String {
    let call = say(name, message).unwrap_or_else(|error| panic!("{name}: {error}"));
    wire(&call).replace(TOKEN, "TOKEN").replace(KEY, "KEY").replace(REPLY, "REPLY")
}

fn json(address: &str, headers: &str, body: &str) -> String {
    format!("{address}\ncontent-type: application/json\n{headers}\n{body}")
}

fn bearer(address: &str, body: &str) -> String {
    json(address, "authorization: Bearer TOKEN\n", body)
}

fn unsupported(name: &str, message: &Outgoing<'_>) {
    let said = say(name, message);
    assert!(matches!(said, Err(Unsayable::Unsupported(_))), "{name} says what it should not");
}

#[test]
fn whatsapp_cloud() {
    let name = "whatsapp_cloud";
    let address = "POST https://graph.facebook.com/v23.0/106540352242922/messages";
    let head = r#"{"messaging_product":"whatsapp","recipient_type":"individual","to":"4917012345","biz_opaque_callback_data":"REPLY/KEY""#;
    let said = reply("4917012345", "wamid.HBgL");
    let text = format!(r#""type":"text","text":{{"preview_url":false,"body":"{TEXT}"}}"#);
    let context = r#""context":{"message_id":"wamid.HBgL"}"#;
    assert_eq!(call(name, &said), bearer(address, &format!("{head},{text},{context}}}")));
    assert_eq!(call(name, &reply("4917012345", "")), bearer(address, &format!("{head},{text}}}")));
    let template = Outgoing { template: Some("order_update"), language: Some("pt-BR"), ..said };
    let body = r#""type":"template","template":{"name":"order_update","language":{"code":"pt_BR"}}"#;
    assert_eq!(call(name, &template), bearer(address, &format!("{head},{body},{context}}}")));
    // As policies and requests write it.
    assert_eq!(call(name, &Outgoing { language: Some("pt-br"), ..template }), call(name, &template));
    unsupported(name, &Outgoing { language: None, ..template });
    unsupported(name, &Outgoing { tag: Some("human_agent"), ..said });
    unsupported(name, &Outgoing { public: true, ..said });
    let mut account = account(name);
    account.settings.insert("api_version".into(), "v99.0".into());
    let call = speaker(name).say(&said, &account).unwrap();
    assert_eq!(call.url, "https://graph.facebook.com/v99.0/106540352242922/messages");
}

#[test]
fn messenger_and_the_chats_of_a_page() {
    let address = "POST https://graph.facebook.com/v23.0/me/messages";
    for name in ["messenger", "facebook_page"] {
        let said = reply("2514", "m_AG5Hz2U");
        let body = format!(
            r#"{{"recipient":{{"id":"2514"}},"message":{{"text":"{TEXT}"}},"messaging_type":"RESPONSE"}}"#
        );
        assert_eq!(call(name, &said), bearer(address, &body));
        let tag = Outgoing { tag: Some("human_agent"), ..said };
        let body = format!(
            r#"{{"recipient":{{"id":"2514"}},"message":{{"text":"{TEXT}"}},"messaging_type":"MESSAGE_TAG","tag":"HUMAN_AGENT"}}"#
        );
        assert_eq!(call(name, &tag), bearer(address, &body));
        unsupported(name, &Outgoing { template: Some("t"), ..said });
    }
    unsupported("messenger", &public("2514", "1_2"));
}

#[test]
fn comments_of_a_page() {
    let name = "facebook_page";
    let body = format!(r#"{{"message":"{TEXT}"}}"#);
    let address = "POST https://graph.facebook.com/v23.0/44_55/comments";
    assert_eq!(call(name, &public("2514", "44_55")), bearer(address, &body));
    // In the chats, whoever commented is called by his comment.
    let address = "POST https://graph.facebook.com/v23.0/me/messages";
    let body = format!(
        r#"{{"recipient":{{"comment_id":"44_55"}},"message":{{"text":"{TEXT}"}},"messaging_type":"RESPONSE"}}"#
    );
    assert_eq!(call(name, &reply("2514", "44_55")), bearer(address, &body));
    unsupported(name, &public("2514", ""));
    unsupported(name, &Outgoing { tag: Some("human_agent"), ..public("2514", "44_55") });
}

#[test]
fn instagram() {
    let name = "instagram";
    let address = "POST https://graph.instagram.com/v23.0/me/messages";
    let body = format!(
        r#"{{"recipient":{{"id":"9876"}},"message":{{"text":"{TEXT}"}},"messaging_type":"RESPONSE"}}"#
    );
    assert_eq!(call(name, &reply("9876", "aWdfZAG1f")), bearer(address, &body));
    let tag = Outgoing { tag: Some("human_agent"), ..reply("9876", "aWdfZAG1f") };
    assert!(call(name, &tag).ends_with(r#""messaging_type":"MESSAGE_TAG","tag":"HUMAN_AGENT"}"#));
    let address = "POST https://graph.instagram.com/v23.0/17865799348089039/replies";
    let body = format!(r#"{{"message":"{TEXT}"}}"#);
    assert_eq!(call(name, &public("9876", "17865799348089039")), bearer(address, &body));
    unsupported(name, &Outgoing { template: Some("t"), ..reply("9876", "") });
}

#[test]
fn telegram() {
    let name = "telegram";
    let address =
        "POST https://api.telegram.org/bot4839574812:AAFD39kkdpWt3ywyRZergyOLMaJhac60qcK/sendMessage";
    let body = |rest: &str| json(address, "", rest);
    let answers = r#""reply_parameters":{"message_id":31,"allow_sending_without_reply":true}"#;
    let expected = body(&format!(r#"{{"chat_id":42,"text":"{TEXT}",{answers}}}"#));
    assert_eq!(call(name, &reply("42", "42:31")), expected);
    // Privately, what was written in a group is answered in another chat, where its number means nothing.
    assert_eq!(call(name, &reply("42", "-100:31")), body(&format!(r#"{{"chat_id":42,"text":"{TEXT}"}}"#)));
    let expected = body(&format!(r#"{{"chat_id":-100,"text":"{TEXT}",{answers}}}"#));
    assert_eq!(call(name, &public("42", "-100:31")), expected);
    let business = r#""business_connection_id":"b1""#;
    let expected = body(&format!(r#"{{"chat_id":42,"text":"{TEXT}",{answers},{business}}}"#));
    assert_eq!(call(name, &reply("42", "business:b1:42:31")), expected);
    assert_eq!(call(name, &reply("@news", "")), body(&format!(r#"{{"chat_id":"@news","text":"{TEXT}"}}"#)));
    unsupported(name, &public("42", "31"));
    unsupported(name, &Outgoing { template: Some("t"), ..reply("42", "42:31") });
    unsupported(name, &Outgoing { tag: Some("t"), ..reply("42", "42:31") });
}

#[test]
fn line() {
    let name = "line";
    let address = "POST https://api.line.me/v2/bot/message/push";
    let headers = "x-line-retry-key: KEY\nauthorization: Bearer TOKEN\n";
    let body = |to| format!(r#"{{"to":"{to}","messages":[{{"type":"text","text":"{TEXT}"}}]}}"#);
    assert_eq!(call(name, &reply("U4af4", "325708")), json(address, headers, &body("U4af4")));
    assert_eq!(call(name, &public("C4af4", "325708")), json(address, headers, &body("C4af4")));
    unsupported(name, &public("U4af4", "325708"));
    unsupported(name, &Outgoing { template: Some("t"), ..reply("U4af4", "1") });
}

#[test]
fn slack() {
    let name = "slack";
    let text = "Grüß Gott &amp; willkommen &lt;hier&gt;";
    let body = |channel: &str, thread: &str| {
        let head =
            format!(r#"{{"channel":"{channel}","text":"{text}","unfurl_links":false,"unfurl_media":false"#);
        let metadata = r#""metadata":{"event_type":"dossier_reply","event_payload":{"key":"KEY"}}"#;
        bearer("POST https://slack.com/api/chat.postMessage", &format!("{head},{metadata}{thread}}}"))
    };
    let thread = r#","thread_ts":"1700.1""#;
    assert_eq!(call(name, &public("U1", "C1:1700.1")), body("C1", thread));
    let later = Outgoing { thread: Some("C1:1700.1"), ..public("U1", "C1:1800.2") };
    assert_eq!(call(name, &later), body("C1", thread));
    assert_eq!(call(name, &reply("U1", "D9:1700.1")), body("D9", ""));
    // Privately, a message of a channel is answered to whoever wrote it.
    assert_eq!(call(name, &reply("U1", "C1:1700.1")), body("U1", ""));
    assert_eq!(call(name, &reply("U1", "command:13345.7")), body("U1", ""));
    unsupported(name, &public("U1", "command:13345.7"));
    unsupported(name, &Outgoing { tag: Some("t"), ..reply("U1", "D9:1700.1") });
}

const TEXT_IN_FORM: &str = "Gr%C3%BC%C3%9F+Gott+%26+willkommen+%3Chier%3E";
const TOKEN_IN_FORM: &str = "s3cretT0ken%2Fof%2BThe%3DSample%3AAcc0unt";

fn form(address: &str, headers: &str, body: &str) -> String {
    format!("{address}\ncontent-type: application/x-www-form-urlencoded\n{headers}\n{body}")
}

#[test]
fn vk() {
    let name = "vk";
    let body = |method: &str, fields: &str| {
        let end = format!("message={TEXT_IN_FORM}&v=5.199&access_token={TOKEN_IN_FORM}");
        form(&format!("POST https://api.vk.com/method/{method}"), "", &format!("{fields}&{end}"))
    };
    let said = call(name, &reply("77", "77:5"));
    let random: u32 = said.split_once("random_id=").unwrap().1.split_once('&').unwrap().0.parse().unwrap();
    assert!((1..=0x7fff_ffff).contains(&random));
    assert_eq!(said, body("messages.send", &format!("peer_ids=77&random_id={random}")));
    // Each key has a number of its own, and always the same.
    assert_eq!(call(name, &reply("77", "77:5")), said);
    assert_ne!(call(name, &Outgoing { key: "another", ..reply("77", "77:5") }), said);
    let chat = call(name, &reply("77", "2000000001:5"));
    assert!(chat.contains("peer_ids=2000000001&"), "{chat}");
    for (answered, method, fields) in [
        ("wall-1_45", "wall.createComment", "post_id=45&guid=KEY&owner_id=-1&from_group=1"),
        (
            "wall-1_45_r6",
            "wall.createComment",
            "post_id=45&guid=KEY&owner_id=-1&from_group=1&reply_to_comment=6",
        ),
        ("topic-1_3_r6", "board.createComment", "topic_id=3&guid=KEY&group_id=1&from_group=1"),
        (
            "photo-1_3_r6",
            "photos.createComment",
            "photo_id=3&guid=KEY&owner_id=-1&from_group=1&reply_to_comment=6",
        ),
        ("video-1_3", "video.createComment", "video_id=3&guid=KEY&owner_id=-1&from_group=1"),
        ("market-1_3", "market.createComment", "item_id=3&guid=KEY&owner_id=-1&from_group=1"),
    ] {
        assert_eq!(call(name, &public("77", answered)), body(method, fields), "{answered}");
    }
    unsupported(name, &reply("77,78", ""));
    for answered in ["", "77:5", "wall", "wall-1", "wall-1_x", "wall-1_2_rx", "story-1_2"] {
        unsupported(name, &public("77", answered));
    }
}

#[test]
fn twilio() {
    let name = "twilio";
    let basic = data_encoding::BASE64.encode(format!("AC0123:{TOKEN}").as_bytes());
    let headers = format!("authorization: Basic {basic}\n");
    let address = "POST https://api.twilio.com/2010-04-01/Accounts/AC0123/Messages.json";
    let body = format!("To=%2B4917&From=%2B15550001&Body={TEXT_IN_FORM}");
    assert_eq!(call(name, &reply("+4917", "SM1")), form(address, &headers, &body));
    let mut with_service = account(name);
    with_service.settings.insert("messaging_service_sid".into(), "MG1".into());
    let said = wire(&speaker(name).say(&reply("+4917", "SM1"), &with_service).unwrap());
    assert!(said.ends_with(&format!("To=%2B4917&MessagingServiceSid=MG1&Body={TEXT_IN_FORM}")));
    unsupported(name, &public("+4917", "SM1"));
    unsupported(name, &Outgoing { template: Some("t"), ..reply("+4917", "SM1") });
}

#[test]
fn vonage() {
    let name = "vonage";
    let address = "POST https://api.nexmo.com/v1/messages";
    let body = |channel: &str| {
        format!(
            r#"{{"channel":"{channel}","message_type":"text","to":"4917","from":"15550001","text":"{TEXT}","client_ref":"KEY""#
        )
    };
    assert_eq!(call(name, &reply("4917", "uuid-1")), bearer(address, &(body("sms") + "}")));
    let mut account = account(name);
    account.settings.insert("channel".into(), "whatsapp".into());
    account.settings.insert("api_key".into(), "abcd".into());
    let said = wire(&speaker(name).say(&reply("4917", "uuid-1"), &account).unwrap()).replace(KEY, "KEY");
    let basic = data_encoding::BASE64.encode(format!("abcd:{TOKEN}").as_bytes());
    let context = r#","context":{"message_uuid":"uuid-1"}}"#;
    let headers = format!("authorization: Basic {basic}\n");
    assert_eq!(said, json(address, &headers, &(body("whatsapp") + context)));
    unsupported(name, &public("4917", "uuid-1"));
}

#[test]
fn x() {
    let name = "x";
    let body = format!(r#"{{"text":"{TEXT}","reply":{{"in_reply_to_tweet_id":"1346889436626259968"}}}}"#);
    let expected = bearer("POST https://api.x.com/2/tweets", &body);
    assert_eq!(call(name, &public("2244994945", "1346889436626259968")), expected);
    let address = "POST https://api.x.com/2/dm_conversations/with/2244994945/messages";
    let expected = bearer(address, &format!(r#"{{"text":"{TEXT}"}}"#));
    assert_eq!(call(name, &reply("2244994945", "1585047616894574596")), expected);
    // A post that answers nothing would be news to everybody.
    unsupported(name, &public("2244994945", ""));
    unsupported(name, &Outgoing { template: Some("t"), ..public("2244994945", "1") });
}

#[test]
fn wechat() {
    let name = "wechat";
    let address =
        format!("POST https://api.weixin.qq.com/cgi-bin/message/custom/send?access_token={TOKEN_IN_FORM}");
    let body = format!(r#"{{"touser":"oUser","msgtype":"text","text":{{"content":"{TEXT}"}}}}"#);
    assert_eq!(call(name, &reply("oUser", "234567")), json(&address, "", &body));
    unsupported(name, &public("oUser", "234567"));
    unsupported(name, &Outgoing { tag: Some("t"), ..reply("oUser", "1") });
}

#[test]
fn reviews() {
    let address = "POST https://api.trustpilot.com/v1/private/reviews/5e3de1b4/reply";
    let body = format!(r#"{{"message":"{TEXT}""#);
    assert_eq!(call("trustpilot", &public("c1", "5e3de1b4")), bearer(address, &(body.clone() + "}")));
    let mut with_author = account("trustpilot");
    with_author.settings.insert("author_business_user_id".into(), "u1".into());
    let said = wire(&speaker("trustpilot").say(&public("c1", "5e3de1b4"), &with_author).unwrap());
    assert!(said.ends_with(&(body + r#","authorBusinessUserId":"u1"}"#)));

    let address = "PUT https://mybusiness.googleapis.com/v4/accounts/1/locations/2/reviews/Ab-3/reply";
    let expected = bearer(address, &format!(r#"{{"comment":"{TEXT}"}}"#));
    for review in ["accounts/1/locations/2/reviews/Ab-3", "Ab-3", "accounts/1/locations/2/reviews/Ab-3/reply"]
    {
        assert_eq!(call("google_reviews", &public("c1", review)), expected, "{review}");
    }
    for review in ["accounts/1", "accounts/1/locations/2/reviews/..", "a/b/c/d/e/f", "a/"] {
        unsupported("google_reviews", &public("c1", review));
    }
    // The echo of a reply is known by the name that the list of reviews has for it.
    let review = "accounts/1/locations/2/reviews/Ab-3";
    for (name, review) in [("trustpilot", "5e3de1b4"), ("google_reviews", review)] {
        let named = speaker(name).named(&public("c1", review));
        assert_eq!(named, Some(format!("{review}/reply")));
    }
    for name in ["trustpilot", "google_reviews"] {
        unsupported(name, &reply("c1", "Ab-3"));
        unsupported(name, &public("c1", ""));
    }
}

#[test]
fn youtube() {
    let name = "youtube";
    let address = "POST https://www.googleapis.com/youtube/v3/comments?part=snippet";
    let body = format!(r#"{{"snippet":{{"parentId":"UgzDE2","textOriginal":"{TEXT}"}}}}"#);
    assert_eq!(call(name, &public("UC1", "UgzDE2")), bearer(address, &body));
    // A reply to a reply stands under the first comment as well.
    assert_eq!(call(name, &public("UC1", "UgzDE2.8MnS")), bearer(address, &body));
    unsupported(name, &reply("UC1", "UgzDE2"));
}

#[test]
fn webhooks() {
    let message = Outgoing { subject: Some("Re: Tee"), thread: Some("p1"), ..public("c1", "p2") };
    let data = format!(
        r#"{{"id":"KEY","customer":{{"id":"c1"}},"text":"{TEXT}","public":true,"subject":"Re: Tee","reply_to":"p2","thread_root":"p1"}}"#
    );
    let body = format!(r#"{{"type":"dossier.reply","timestamp":"2026-03-14T09:26:53Z","data":{data}}}"#);
    let signed = |headers: &str, body: &str| {
        let key = b"0123456789abcdef0123456789abcdef";
        let body = body.replace("KEY", KEY);
        let parts = [KEY.as_bytes(), b".", b"1773480413", b".", body.as_bytes()];
        let mac = data_encoding::BASE64.encode(&crate::channels::signature::hmac_sha256(key, &parts));
        let headers = format!(
            "{headers}\nwebhook-id: {KEY}\nwebhook-timestamp: 1773480413\nwebhook-signature: v1,{mac}\n"
        );
        format!("POST https://crm.example/replies?of=us\n{headers}\n{body}")
    };
    let said = wire(&say("standard_webhooks", &message).unwrap());
    assert_eq!(said, signed("content-type: application/json", &body));

    let body = format!(
        r#"{{"specversion":"1.0","id":"KEY","source":"dossier","type":"dossier.reply","time":"2026-03-14T09:26:53Z","datacontenttype":"application/json","data":{data}}}"#
    );
    let said = wire(&say("cloudevents", &message).unwrap());
    assert_eq!(said, signed("content-type: application/cloudevents+json", &body));

    // Two keys while they are changed; a public one signs nothing.
    let mut account = account("standard_webhooks");
    let both = format!("{} whpk_AAAA MTIzNA==", super::SIGNING);
    account.secrets.insert("secret".into(), both.into());
    let said = speaker("standard_webhooks").say(&message, &account).unwrap();
    let signature = &said.headers.iter().find(|(name, _)| *name == "webhook-signature").unwrap().1;
    assert_eq!(signature.split(' ').filter(|one| one.starts_with("v1,")).count(), 2, "{signature}");
    for bad in ["whpk_AAAA", "whsec_*", "whsec_"] {
        account.secrets.insert("secret".into(), bad.into());
        let said = speaker("standard_webhooks").say(&message, &account);
        assert!(matches!(said, Err(Unsayable::Secret(_))), "{bad}");
    }
}

#[test]
fn ids_stay_in_their_place() {
    for (name, message) in [
        ("facebook_page", public("1", "a/../b?c=d#e f%2e")),
        ("instagram", public("1", "a/../b?c=d#e f%2e")),
        ("trustpilot", public("1", "a/../b?c=d#e f%2e")),
        ("x", reply("a/../b?c=d#e f%2e", "1")),
    ] {
        let url = say(name, &message).unwrap().url;
        assert!(url.contains("/a%2F..%2Fb%3Fc%3Dd%23e%20f%252e/"), "{name}: {url}");
    }
    for id in [".", ".."] {
        unsupported("facebook_page", &public("1", id));
        unsupported("x", &reply(id, "1"));
    }
    for name in ["messenger", "telegram", "line", "twilio", "wechat", "x"] {
        unsupported(name, &reply("", ""));
        unsupported(name, &reply("unknown:17", ""));
    }
}

#[test]
fn a_token_that_is_none_is_not_sent() {
    for token in ["", "two words", "new\nline", "Schlüssel"] {
        let mut account = account("x");
        account.secrets.insert("access_token".into(), token.into());
        let said = speaker("x").say(&reply("1", "1"), &account);
        assert!(matches!(said, Err(Unsayable::Secret(_))), "{token:?}");
    }
}

#[test]
fn a_word_of_ours_is_read_again_and_another_is_none() {
    let said = reply("4917012345", "");
    assert_eq!(of_word(&said.word()), Some((said.reply, KEY.parse().unwrap())));
    for other in ["", "/", KEY, "REPLY/KEY", &format!("{KEY}/"), &format!("{REPLY}/{KEY}/{KEY}")] {
        assert_eq!(of_word(other), None, "{other}");
    }
}
