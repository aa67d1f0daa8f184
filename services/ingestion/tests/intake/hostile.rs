//! What cannot be kept is refused by the name of its field, and leaves nothing behind but its count.

use ingestion::{intake::limits::*, ledger::UNKNOWN_ACCOUNT};
use proto::ingestion::v1::{Attachment, Author, Message, submit_response::Outcome};
use service::Error;

use crate::world::*;

type Harm = Box<dyn Fn(&mut Message)>;

fn harms() -> Vec<(&'static str, Harm)> {
    fn author(m: &mut Message) -> &mut Author {
        m.author.as_mut().unwrap()
    }
    fn harm(field: &'static str, harm: impl Fn(&mut Message) + 'static) -> (&'static str, Harm) {
        (field, Box::new(harm))
    }
    let instant = |seconds, nanos| Some(prost_types::Timestamp { seconds, nanos });
    let later = at(NOW).as_microsecond() / 1_000_000 + AHEAD_MAX_S + 1;
    vec![
        harm("external_id", |m| m.external_id.clear()),
        harm("external_id", |m| m.external_id = " \t".into()),
        harm("external_id", |m| m.external_id = "evil\0evil".into()),
        harm("external_id", |m| m.external_id = "evil".repeat(ID_MAX)),
        harm("reply_to", |m| m.reply_to = "evil\nevil".into()),
        harm("thread_root", |m| m.thread_root = "evil".repeat(ID_MAX)),
        harm("author.external_id", |m| m.author = None),
        harm("author.external_id", |m| author(m).external_id.clear()),
        harm("author.external_id", |m| author(m).external_id = "evil\u{7f}".into()),
        harm("author.name", |m| author(m).name = "evil".repeat(NAME_MAX)),
        harm("author.handle", |m| author(m).handle = "evil".repeat(NAME_MAX)),
        harm("recipient.external_id", |m| {
            m.recipient = Some(Author { external_id: "evil\r".into(), ..Author::default() });
        }),
        harm("direction", |m| m.direction = 0),
        harm("direction", |m| m.direction = 99),
        harm("text", |m| m.text = " \n".into()),
        harm("text", |m| m.text = "é".repeat(TEXT_MAX / 2 + 1)),
        harm("text", |m| m.text = "\0".repeat(TEXT_MAX)),
        harm("subject", |m| m.subject = "evil".repeat(SUBJECT_MAX)),
        harm("sent_at", |m| m.sent_at = None),
        harm("sent_at", move |m| m.sent_at = instant(later, 0)),
        harm("sent_at", move |m| m.sent_at = instant(-1, 0)),
        harm("sent_at", move |m| m.sent_at = instant(i64::MAX, 0)),
        harm("sent_at", move |m| m.sent_at = instant(i64::MIN, 0)),
        harm("sent_at", move |m| m.sent_at = instant(0, -1)),
        harm("sent_at", move |m| m.sent_at = instant(0, 1_000_000_000)),
        harm("language", |m| m.language = "evil language".into()),
        harm("fields", |m| {
            m.fields.insert("Evil Name".into(), String::new());
        }),
        harm("fields", |m| m.fields = (0..101).map(|n| (n.to_string(), String::new())).collect()),
        harm("fields", |m| {
            m.fields = (0..20).map(|n| (n.to_string(), "evil".repeat(FIELD_VALUE_MAX / 4))).collect();
        }),
        harm("fields[seat]", |m| {
            m.fields.insert("seat".into(), "evil".repeat(FIELD_VALUE_MAX));
        }),
        harm("attachments", |m| m.attachments = vec![Attachment::default(); 51]),
        harm("attachments", |m| {
            m.attachments = vec![Attachment::default(); 50];
            m.raw = b"evil".to_vec();
        }),
        harm("attachments[1].media_type", |m| {
            let evil = Attachment { media_type: "evil".into(), ..Attachment::default() };
            m.attachments = vec![Attachment::default(), evil];
        }),
        harm("attachments[0].name", |m| {
            m.attachments = vec![Attachment { name: "evil".repeat(FILE_NAME_MAX), ..Attachment::default() }];
        }),
        harm("attachments[0].content", |m| {
            m.attachments =
                vec![Attachment { content: vec![0; ATTACHMENT_MAX + 1], ..Attachment::default() }];
        }),
        harm("raw", |m| m.raw = vec![0; RAW_MAX + 1]),
        harm("entry_point", |m| m.entry_point = "evil".into()),
        harm("campaign", |m| m.campaign = "Evil Campaign".into()),
    ]
}

#[tokio::test]
async fn every_harm_is_named_and_nothing_of_it_is_kept() {
    let world = World::new().await;
    let harms = harms();
    for (field, harm) in &harms {
        let mut evil = message("1", "x");
        harm(&mut evil);
        // In the second place, so that the path has an index to get wrong.
        let answers = world.submit(WALL, &[message("good", "x"), evil]).await;
        let answer = &answers[1];
        assert_eq!(answer.outcome(), Outcome::Rejected, "{field}");
        assert_eq!(answer.field, format!("messages[1].{field}"));
        assert!(
            !answer.reason.is_empty() && !answer.reason.to_lowercase().contains("evil"),
            "{}",
            answer.reason
        );
        assert_eq!((answer.message_id.as_str(), answer.position.as_str()), ("", ""));
    }
    assert_eq!(world.entries().await.len(), 1);
    assert_eq!(world.shell.blobs.list(None, 1).await.unwrap(), []);
    let count = harms.len() as u64;
    assert_eq!(world.sums().await, (1, count - 1, count));
}

#[tokio::test]
async fn at_the_bounds_it_is_kept() {
    let world = World::new().await;
    let mut sent = message("\u{1f600} <id@x>", &"x".repeat(TEXT_MAX));
    sent.sent_at = Some(prost_types::Timestamp {
        seconds: at(NOW).as_microsecond() / 1_000_000 + AHEAD_MAX_S,
        nanos: 0,
    });
    sent.author.as_mut().unwrap().name = "Ana\r\nBcc: all".into();
    let with_nul = message("2", "a\0b");
    let epoch = Message { sent_at: Some(prost_types::Timestamp::default()), ..message("3", "x") };
    let answers = world.submit(WALL, &[sent, with_nul, epoch]).await;
    assert_eq!(outcomes(&answers), [Outcome::Accepted; 3]);
    let contents = world.contents().await;
    assert_eq!(contents["\u{1f600} <id@x>"]["author_name"]["open"], "Ana  Bcc: all");
    assert_eq!(contents["2"]["text"]["open"], "a\u{fffd}b");
}

#[tokio::test]
async fn a_contact_is_needed_where_conversations_are_by_contact() {
    let world = World::new().await;
    let ours = Message { direction: 2, author: None, ..message("1", "x") };
    let answers = world.submit(CHAT, std::slice::from_ref(&ours)).await;
    assert_eq!(answers[0].field, "messages[0].recipient.external_id");
    assert_eq!(outcomes(&world.submit(WALL, &[ours]).await), [Outcome::Accepted]);
}

#[tokio::test]
async fn a_call_that_cannot_be_looked_into_is_counted_as_rejected() {
    let world = World::new().await;
    let field = |error: Error| match error {
        Error::Invalid(violations) => violations[0].field.clone(),
        error => panic!("{error}"),
    };
    let unknown = world.try_submit(request("evil", &[message("1", "x"), message("2", "x")])).await;
    assert_eq!(field(unknown.unwrap_err()), "account");
    let many = vec![message("1", "x"); MESSAGES_MAX + 1];
    assert_eq!(field(world.try_submit(request(WALL, &many)).await.unwrap_err()), "messages");
    let mut strange = request(WALL, &[message("1", "x")]);
    strange.origin = 9;
    assert_eq!(field(world.try_submit(strange).await.unwrap_err()), "origin");
    let rows = world.rows(proto::ingestion::v1::GetLedgerRequest::default()).await;
    let rejected: Vec<_> = rows.iter().map(|row| (row.account.as_str(), row.rejected)).collect();
    assert_eq!(rejected, [(UNKNOWN_ACCOUNT, 2), (WALL, MESSAGES_MAX as u64 + 2)]);
    assert!(world.entries().await.is_empty());
}

#[tokio::test]
async fn only_integrators_and_administrators_submit() {
    let world = World::new().await;
    let one = || request(WALL, &[message("1", "x")]);
    for roles in [&[][..], &["agent", "supervisor"]] {
        let denied = world.ingestion.submit(&principal(roles), one()).await.unwrap_err();
        assert!(matches!(denied, Error::Denied(_)), "{denied}");
        let denied = world.ingestion.ledger(&principal(roles), &Default::default()).await.unwrap_err();
        assert!(matches!(denied, Error::Denied(_)), "{denied}");
    }
    assert!(world.entries().await.is_empty());
    assert_eq!(world.sums().await, (0, 0, 0));
    world.ingestion.submit(&principal(&["administrator"]), one()).await.unwrap();
}
