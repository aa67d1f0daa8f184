//! Payloads that others have published, and what their source says of them; and answers of the same platforms' APIs, which
//! are no webhooks and must do no harm.

use std::{fs, path::Path, path::PathBuf};

use serde_json::Value;

use super::{Call, KEY, config, real, show};

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// What each payload of a file says.
fn whatsapp(file: &str) -> Option<Vec<(String, String)>> {
    let path = real("webhooks/whatsapp/pywa/tests/data/updates")?.join(file);
    let payloads = json(&path);
    let said = payloads.as_object().unwrap().iter().map(|(name, payload)| {
        let said = Call::post(payload.to_string()).read("whatsapp_cloud", &config(KEY, &[])).unwrap();
        (name.clone(), show::said(&said).join("\n"))
    });
    Some(said.collect())
}

#[track_caller]
fn expect(file: &str, expected: &[(&str, &str)]) {
    let Some(said) = whatsapp(file) else { return };
    let said: Vec<_> = said.iter().map(|(name, said)| (name.as_str(), said.as_str())).collect();
    assert_eq!(said, expected, "{file}");
}

#[test]
fn calls_and_templates_of_whatsapp_are_of_no_concern() {
    expect("call_connect.json", &[("business_initiated", "passed call"), ("user_initiated", "passed call")]);
    expect("call_terminate.json", &[("call_terminate", "passed call")]);
    expect(
        "call_permission_update.json",
        &[("accept", "passed call_permission"), ("reject", "passed call_permission")],
    );
    expect("template_category_update.json", &[("marketing", "passed template_changed")]);
}

#[test]
fn buttons_of_whatsapp() {
    expect(
        "callback_button.json",
        &[
            (
                "button",
                "message wamid.xyzxyz from 972987654321 (Test Name): \"title\" at=2023-10-25T20:45:30Z \
                 reply_to=wamid.xyzxyz private payload=\"callback_data\"",
            ),
            (
                "quick_reply",
                "message wamid.xsidjw from 972987654321 (Test Name): \"title\" at=2023-10-25T21:23:47Z \
                 reply_to=wamid.xyzxyz== private payload=\"callback_data\"",
            ),
            (
                "quick_reply_without_context",
                "message wamid.xsidjx from 972987654321 (Test Name): \"title\" at=2023-10-25T21:23:47Z \
                 private payload=\"callback_data\" user-id=\"US.13491208655302741918\"",
            ),
        ],
    );
}

#[test]
fn edits_and_deletions_of_whatsapp() {
    expect(
        "deleted_message.json",
        &[("revoke", "deleted <ORIGINAL_WHATSAPP_MESSAGE_ID> at=2023-10-11T16:53:43Z")],
    );
    expect(
        "edited_message.json",
        &[(
            "image",
            "message wamid.HBgLMTQxMjU1NTA4MjkVAgASGBQzQUNCNjk5RDUwNUZGMUZEM0VBRAA= from 16505551234: \
             \"Updated image caption\" at=2025-06-13T22:42:55Z edited=2025-06-13T22:42:55Z reply_to=M0 private \
             [id 1234567890 type=image/jpeg]",
        )],
    );
}

#[test]
fn statuses_of_whatsapp() {
    let receipt =
        |status: &str, at: &str| format!("receipt {status} of=wamid.xyzxyz to=972987654321 at={at}");
    let failed =
        receipt("Failed", "2024-07-15T00:20:58Z").replace("2024-07-15", "2023-07-15") + " code=130472";
    expect(
        "message_status.json",
        &[
            ("sent", &receipt("Sent", "2023-10-25T20:49:05Z")),
            ("delivered", &receipt("Delivered", "2023-10-25T20:49:05Z")),
            ("read", &receipt("Read", "2023-07-15T00:20:58Z")),
            ("played", &receipt("Read", "2023-07-15T00:20:58Z")),
            ("failed", &failed),
            ("with_tracker", &receipt("Sent", "2023-10-25T20:49:05Z word=some data")),
            (
                "group",
                "receipt Read of=<WHATSAPP_MESSAGE_ID> to=<GROUP_PARTICIPANT_USER_PHONE_NUMBER> at=2023-10-25T20:49:05Z",
            ),
        ],
    );
}

#[test]
fn every_event_of_line() {
    let Some(path) = real("webhooks/line/python/tests/text/webhook.json") else { return };
    let call = Call::post(fs::read(path).unwrap()).signed("line");
    assert_eq!(call.verify("line", &config(KEY, &[])), Ok(()));
    let said = show::said(&call.read("line", &config(KEY, &[])).unwrap());
    let user = "U206d25c2ea6bd87c17655609a1c37cb8";
    let message = |rest: &str| {
        format!("message 325708 from {user}: {rest}").replace("AT", "at=2016-05-07T13:57:59.859000Z")
    };
    let pressed = |text: &str| {
        format!(
            "message testwebhookeventid from {user}: {text} at=2016-05-07T13:57:59.859000Z private payload=\"action=buyItem&itemId=123123&color=red\""
        )
    };
    let passed = |name: &str| format!("passed {name}");
    let expected = [
        message("\"Hello, world\" AT private"),
        "message 325708 from Ra8dbf4673c4c812cd491258042226c99: \"\" at=2016-05-07T13:57:59.859000Z public \
         [url https://example.com] group-id=\"Ra8dbf4673c4c812cd491258042226c99\""
            .to_owned(),
        message("\"\" AT private [url https://example.com]"),
        message("\"\" AT private [url https://example.com]"),
        message("\"[location] my location, Tokyo (35.65910807942215, 139.70372892916203)\" AT private"),
        message(
            "\"[sticker] Just sticker, Love You, Love\" AT private sticker-id=\"1\" sticker-package=\"1\"",
        ),
        format!("contact {user} reachable=true at=2016-05-07T13:57:59.859000Z"),
        format!("contact {user} reachable=false at=2016-05-07T13:57:59.859000Z"),
        passed("membership"),
        passed("membership"),
        pressed("\"action=buyItem&itemId=123123&color=red\""),
        passed("beacon"),
        passed("beacon"),
        passed("account_linked"),
        message("\"Hello, world\" AT public group-id=\"Ca56f94637cc4347f90a25382909b24b9\""),
        message("\"Hello, world\" AT public group-id=\"Ra8dbf4673c4c812cd491258042226c99\""),
        pressed("\"action=buyItem&itemId=123123&color=red\\ndate: 2013-04-01\""),
        pressed("\"action=buyItem&itemId=123123&color=red\\ntime: 10:00\""),
        pressed("\"action=buyItem&itemId=123123&color=red\\ndatetime: 2013-04-01T10:00\""),
        passed("membership"),
        passed("membership"),
        message("\"\" AT private [id 325708 name=file.txt bytes=2138]"),
        "deleted 325708 at=2019-01-18T13:24:08.122000Z".to_owned(),
        passed("video_played"),
        format!(
            "message 354718705033693861 from {user}: \"\" at=2021-07-27T03:35:24.722000Z private \
                 [id 354718705033693861] album=\"E005D41A7288F41B655\""
        ),
        message("\"Hello, world\" AT private"),
        passed("other_event"),
    ];
    for (index, (said, expected)) in said.iter().zip(&expected).enumerate() {
        assert_eq!(said, expected, "event {index}");
    }
    assert_eq!(said.len(), expected.len());
}

fn files(folder: PathBuf) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![folder]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort_unstable();
    files
}

#[test]
fn what_is_no_webhook_says_nothing() {
    let (mut passed, mut refused) = (0, 0);
    for (folder, connectors) in [
        ("webhooks/meta", ["messenger", "facebook_page", "instagram"].as_slice()),
        ("webhooks/twitter", &["x"]),
        ("webhooks/whatsapp/pywa/tests/data/flows", &["whatsapp_cloud"]),
        ("webhooks/whatsapp/pywa/tests/data/templates", &["whatsapp_cloud"]),
        ("webhooks/slack", &["slack"]),
    ] {
        let Some(folder) = real(folder) else { return };
        for path in files(folder) {
            for connector in connectors {
                let call = Call::post(fs::read(&path).unwrap());
                match call.read(connector, &config(KEY, &[])) {
                    Err(_) => refused += 1,
                    Ok(said) => {
                        let said = show::said(&said);
                        assert!(
                            said.iter().all(|said| said.starts_with("passed ")),
                            "{}: {said:?}",
                            path.display()
                        );
                        passed += 1;
                    }
                }
            }
        }
    }
    println!("{refused} refused, {passed} passed over");
    assert!(refused + passed > 100);
}
