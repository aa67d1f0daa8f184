//! What the log has of a message, and what it has not.

use proto::ingestion::v1::{Attachment, Author, Message, submit_response::Outcome};

use crate::world::*;

#[tokio::test]
async fn an_entry_says_who_when_and_where_and_nothing_in_clear() {
    let world = World::new().await;
    let mut sent = message("secret-id", "my secret");
    sent.author =
        Some(Author { external_id: "ana-secret".into(), name: "Ana Secret".into(), handle: String::new() });
    sent.subject = "secret subject".into();
    sent.fields.insert("seat".into(), "secret seat".into());
    sent.language = "pt-BR".into();
    sent.entry_point = "message_us".into();
    let response = world.try_submit(request(WALL, std::slice::from_ref(&sent))).await.unwrap();
    let [answer] = &response.results[..] else { panic!("one answer for each message") };
    assert_eq!(answer.position, response.position);

    let entries = world.entries().await;
    let [entry] = &entries[..] else { panic!("one entry for each message") };
    assert_eq!(format!("message-{}", answer.message_id), entry.stream.as_str());
    assert!(!String::from_utf8_lossy(&entry.body).contains("ecret"));
    assert!(!entry.stream.as_str().contains("secret"));

    let envelope = world.opened().await.remove(0);
    let content = &envelope["events"][0]["content"];
    assert_eq!(envelope["origin"], "live");
    assert_eq!(envelope["region"], "france");
    assert_eq!(envelope["policy_version"], POLICY_VERSION);
    assert_eq!(envelope["occurred_at"], "2026-11-22T10:00:00.500000Z");
    assert_eq!(envelope["recorded_at"], "2026-11-22T10:20:00.000000Z");
    let actor = serde_json::json!({"kind": "customer", "id": content["identity"], "auth": "channel"});
    assert_eq!(envelope["actor"], actor);
    assert_eq!(content["sent_at"], envelope["occurred_at"]);
    assert_eq!(content["detected_at"], envelope["recorded_at"]);
    assert_eq!(content["text"]["open"], sent.text);
    assert_eq!(content["subject"]["open"], sent.subject);
    assert_eq!(content["author_name"]["open"], "Ana Secret");
    assert_eq!(content["author_handle"]["open"], "ana-secret");
    assert_eq!(content["fields"]["seat"]["open"], "secret seat");
    assert_eq!(content["visibility"], "public");
    assert_eq!(content["language"], "pt-br");
    assert_eq!(content["entry_point"], "message_us");
}

#[tokio::test]
async fn files_and_the_original_are_in_the_blob_store() {
    let world = World::new().await;
    let sent = Message {
        attachments: vec![Attachment {
            name: "a.png".into(),
            media_type: "Image/PNG; charset=binary".into(),
            content: b"picture".to_vec(),
        }],
        raw: b"From: ana".to_vec(),
        ..message("1", "see the picture")
    };
    world.submit(WALL, &[sent]).await;
    let content = world.contents().await.remove("1").unwrap();
    let attachments = content["attachments"].as_array().unwrap();
    let described: Vec<_> = attachments
        .iter()
        .map(|a| {
            (
                a["name"]["open"].as_str().unwrap(),
                a["media_type"].as_str().unwrap(),
                a["bytes"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(described, [("a.png", "image/png", 7), ("original.eml", "message/rfc822", 9)]);
    assert_ne!(attachments[0]["blob"], attachments[1]["blob"]);
    let mut kept = Vec::new();
    for blob in world.shell.blobs.list(None, 10).await.unwrap() {
        kept.push(world.shell.blobs.get(&blob.reference).await.unwrap().unwrap());
    }
    kept.sort();
    assert_eq!(kept, ["From: ana", "picture"]);
}

#[tokio::test]
async fn another_file_is_an_edit() {
    let world = World::new().await;
    let with = |content: &[u8]| Message {
        attachments: vec![Attachment { content: content.to_vec(), ..Attachment::default() }],
        ..message("1", "see")
    };
    let answers = world.submit(WALL, &[with(b"a"), with(b"b"), with(b"b"), with(b"a")]).await;
    assert_eq!(outcomes(&answers), [Outcome::Accepted, Outcome::Edited, Outcome::Duplicate, Outcome::Edited]);
}

#[tokio::test]
async fn the_largest_message_fits_an_entry() {
    use ingestion::intake::limits::*;
    let world = World::new().await;
    let mut sent = message(&"i".repeat(ID_MAX), &"\u{1}".repeat(TEXT_MAX));
    sent.subject = "s".repeat(SUBJECT_MAX);
    sent.reply_to = "r".repeat(ID_MAX);
    sent.author = Some(Author {
        external_id: "a".repeat(ID_MAX),
        name: "n".repeat(NAME_MAX),
        handle: "h".repeat(NAME_MAX),
    });
    let fields = domain::message::Content::FIELDS_MAX;
    sent.fields =
        (0..fields).map(|n| (format!("{n:064}"), "v".repeat(FIELDS_BYTES_MAX / fields - 64))).collect();
    sent.attachments = (0..domain::message::Content::ATTACHMENTS_MAX)
        .map(|n| Attachment {
            name: "n".repeat(FILE_NAME_MAX),
            media_type: format!("application/{}", "m".repeat(100)),
            content: vec![u8::try_from(n).unwrap()],
        })
        .collect();
    let answers = world.submit(WALL, &[sent]).await;
    assert_eq!(outcomes(&answers), [Outcome::Accepted], "{} {}", answers[0].field, answers[0].reason);
}
