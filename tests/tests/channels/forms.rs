//! What a reply can be: files, templates, tags; and what is shown of one of which nobody knows.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use domain::delivery;
use proto::{
    cases::v1::{self as pb, reply_request},
    ingestion::v1 as ing,
};
use serde_json::json;
use tests::{
    desk::{message, refused, wrong_field},
    platform::{FakePlatform, Taken, Trouble},
    world::{World, command_id},
};
use tonic::Code::FailedPrecondition;

use crate::{
    accounts::{Secrets, with_accounts},
    replies::{told, until},
};

const HOUR_S: i64 = 3_600;
const PDF: &[u8] = b"%PDF-1.7\r\n--dossier-\r\n\x00\xff";

/// Accounts that send text, files, templates and tags.
async fn site(secrets: &Secrets, platform: &FakePlatform) -> World {
    let (url, secret) = (platform.url(), secrets.put("secret", "s3cret-s3cret-s3cret-s3cret-s3cret"));
    let account = |id: &str, channel: &str, settings: &str, name: &str| {
        format!(
            "id = \"{id}\"\nchannel = \"{channel}\"\n\
             settings = {{ base_url = \"{url}\", call_time_s = \"2\"{settings} }}\nsecrets = {{ {name} = \"{secret}\" }}"
        )
    };
    let sms = ", account_sid = \"AC1\", from = \"+15550100\"";
    with_accounts(&[
        &account("wa", "whatsapp", ", phone_number_id = \"1\"", "access_token"),
        &account("tg", "telegram", "", "bot_token"),
        &account("fb", "messenger", "", "access_token"),
        &account("sms", "sms", sms, "auth_token"),
    ])
    .await
}

/// A customer who wrote so many seconds ago, and his case.
async fn case(world: &World, account: &str, author: &str, ago_s: i64) -> pb::Case {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let seconds = i64::try_from(now.as_secs()).unwrap() - ago_s;
    let sent_at = Some(prost_types::Timestamp { seconds, nanos: 0 });
    let said = ing::Message { sent_at, ..message(&format!("m-{author}"), author, "Where is it?") };
    world.receive_one(account, said).await
}

fn answer(case: &pb::Case, text: &str) -> pb::ReplyRequest {
    pb::ReplyRequest {
        command_id: command_id(),
        case_id: case.case_id.clone(),
        text: text.into(),
        ..Default::default()
    }
}

fn tagged(case: &pb::Case, tag: &str) -> pb::ReplyRequest {
    pb::ReplyRequest { tag: tag.into(), ..answer(case, "We have found it") }
}

fn template(case: &pb::Case, parameters: &[&str]) -> pb::ReplyRequest {
    let template = pb::ReplyTemplate {
        name: "order_update".into(),
        language: "pt-BR".into(),
        parameters: parameters.iter().map(|text| (*text).to_owned()).collect(),
        ..Default::default()
    };
    pb::ReplyRequest { template: Some(template), ..answer(case, "") }
}

fn file(name: &str, media_type: &str, content: &[u8]) -> reply_request::Attachment {
    let file =
        reply_request::File { name: name.into(), media_type: media_type.into(), content: content.to_vec() };
    reply_request::Attachment { from: Some(reply_request::attachment::From::File(file)) }
}

fn with_file(case: &pb::Case, text: &str, name: &str) -> pb::ReplyRequest {
    let attachments = vec![file(name, "application/pdf", PDF)];
    pb::ReplyRequest { attachments, ..answer(case, text) }
}

async fn send(world: &World, request: pb::ReplyRequest) -> String {
    world.administrator().cases.reply(request).await.unwrap().into_inner().created_id
}

async fn refuse(world: &World, request: pb::ReplyRequest, reason: &str) -> String {
    let mut root = world.administrator();
    let answer = root.cases.reply(request).await;
    refused(answer, FailedPrecondition, reason).message().to_owned()
}

fn of(platform: &FakePlatform, what: impl Fn(&Taken) -> bool) -> Vec<Taken> {
    platform.taken().into_iter().filter(what).collect()
}

fn files(platform: &FakePlatform, name: &str) -> Vec<Vec<u8>> {
    let files = platform.taken().into_iter().filter_map(|taken| taken.file);
    files.filter(|(called, _)| called == name).map(|(_, content)| content).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_day_whatsapp_takes_a_template_and_no_text() {
    let (secrets, platform) = (Secrets::new(), FakePlatform::start().await);
    let world = site(&secrets, &platform).await;
    let mut root = world.administrator();
    let late = case(&world, "wa", "447700900001", 25 * HOUR_S).await;
    let why = refuse(&world, answer(&late, "Sorry for the wait"), "WINDOW_CLOSED").await;
    assert!(why.starts_with("text: ") && why.contains("send an approved template"), "{why}");
    assert_eq!(root.case(&late.case_id).await.timeline.len(), 1, "nothing was released");
    // The same at any time is answered as the first time.
    let request = template(&late, &["Ada", "7"]);
    let id = send(&world, request.clone()).await;
    assert_eq!(send(&world, request).await, id);
    until(&world, &id, delivery::Delivery::is_sent).await;
    let taken = of(&platform, |taken| taken.to == "447700900001");
    assert_eq!(taken.len(), 1);
    let text = |text: &str| json!({"type": "text", "text": text});
    let components = json!([{"type": "body", "parameters": [text("Ada"), text("7")]}]);
    let expected = json!({"name": "order_update", "language": {"code": "pt_BR"}, "components": components});
    assert_eq!(taken[0].template, Some(expected));
    told(&mut root, &late.case_id, "sent").await;
    let shown = root.case(&late.case_id).await.timeline.pop().unwrap();
    assert_eq!(shown.template.unwrap().parameters, ["Ada", "7"]);
    // Within the day a text goes as ever.
    let early = case(&world, "wa", "447700900002", 23 * HOUR_S).await;
    let id = send(&world, answer(&early, "Here it is")).await;
    until(&world, &id, delivery::Delivery::is_sent).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_day_messenger_takes_a_tag_for_a_week() {
    let (secrets, platform) = (Secrets::new(), FakePlatform::start().await);
    let world = site(&secrets, &platform).await;
    let late = case(&world, "fb", "2514", 25 * HOUR_S).await;
    let why = refuse(&world, answer(&late, "Sorry for the wait"), "WINDOW_CLOSED").await;
    assert!(why.contains("human_agent") && !why.contains("template"), "{why}");
    let why = refuse(&world, tagged(&late, "account_update"), "TAG_NOT_ALLOWED").await;
    assert!(why.contains("human_agent"), "{why}");
    refuse(&world, template(&late, &[]), "TEMPLATE_NOT_ALLOWED").await;
    let id = send(&world, tagged(&late, "human_agent")).await;
    until(&world, &id, delivery::Delivery::is_sent).await;
    let taken = of(&platform, |taken| taken.to == "2514");
    assert_eq!((taken.len(), taken[0].tag.as_deref()), (1, Some("HUMAN_AGENT")));
    let too_late = case(&world, "fb", "2515", 8 * 24 * HOUR_S).await;
    let why = refuse(&world, tagged(&too_late, "human_agent"), "WINDOW_CLOSED").await;
    assert!(why.starts_with("tag: ") && why.ends_with("wait for the customer"), "{why}");
    assert_eq!(platform.calls(), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_arrives_once_as_it_was_whatever_goes_wrong() {
    let (secrets, platform) = (Secrets::new(), FakePlatform::start().await);
    let world = site(&secrets, &platform).await;
    // Where nothing was taken it is tried again; bringing a file shows nobody anything, and its doubts are none.
    platform.trouble("tg.pdf", &[Trouble::RateLimited(0), Trouble::RateLimited(1)]);
    platform.trouble("bring wa.pdf", &[Trouble::Away, Trouble::HangsUpWithIt]);
    platform.trouble("wa.pdf", &[Trouble::RateLimited(1)]);
    let mut sent = Vec::new();
    for (account, author) in [("tg", "42"), ("wa", "447700900003"), ("fb", "2516")] {
        let case = case(&world, account, author, HOUR_S).await;
        let id = send(&world, with_file(&case, "Your invoice", &format!("{account}.pdf"))).await;
        sent.push((account, author, case, id));
    }
    for (account, author, case, id) in sent {
        let delivery = until(&world, &id, delivery::Delivery::is_sent).await;
        assert_eq!((delivery.parts.len(), delivery.is_duplicated()), (2, false), "{account}");
        let said = of(&platform, |taken| taken.to == author);
        // The words, then the file, each once.
        assert_eq!((said.len(), said[0].text.as_str()), (2, "Your invoice"), "{account}");
        assert_eq!(files(&platform, &format!("{account}.pdf")), [PDF], "{account}");
        let mut root = world.administrator();
        told(&mut root, &case.case_id, "sent").await;
        let shown = root.case(&case.case_id).await.timeline.pop().unwrap();
        assert_eq!((shown.attachments[0].bytes, shown.id.as_str()), (PDF.len() as u64, id.as_str()));
        let file = pb::GetAttachmentRequest {
            case_id: case.case_id.clone(),
            message_id: id.clone(),
            ..Default::default()
        };
        let mut pieces = root.cases.get_attachment(file).await.unwrap().into_inner();
        assert_eq!(pieces.message().await.unwrap().unwrap().content, PDF, "{account}");
    }
    assert!(platform.brought() >= 1);
    // Where it may have been taken, it is not sent again by itself.
    platform.trouble("doubt.pdf", &[Trouble::FailsWithIt]);
    let case = case(&world, "tg", "43", HOUR_S).await;
    let id = send(&world, with_file(&case, "", "doubt.pdf")).await;
    until(&world, &id, delivery::Delivery::is_unclear).await;
    told(&mut world.administrator(), &case.case_id, "unclear").await;
    assert_eq!(files(&platform, "doubt.pdf").len(), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_channel_does_not_take_is_refused_before_it_is_released() {
    let (secrets, platform) = (Secrets::new(), FakePlatform::start().await);
    let world = site(&secrets, &platform).await;
    let sms = case(&world, "sms", "+447700900004", HOUR_S).await;
    let why = refuse(&world, with_file(&sms, "x", "a.pdf"), "ATTACHMENT_NOT_ALLOWED").await;
    assert!(why.starts_with("attachments: ") && why.contains("send a link"), "{why}");
    let wa = case(&world, "wa", "447700900005", HOUR_S).await;
    let with = |attachments| pb::ReplyRequest { attachments, ..answer(&wa, "x") };
    let script = with(vec![file("a.pdf", "application/pdf", PDF), file("a.sh", "application/x-sh", b"x")]);
    let why = refuse(&world, script, "ATTACHMENT_TYPE_NOT_ALLOWED").await;
    assert!(why.starts_with("attachments[1].media_type: "), "{why}");
    let large = with(vec![file("a.png", "image/png", &vec![0; 5 * 1024 * 1024 + 1])]);
    refuse(&world, large, "ATTACHMENT_TOO_LARGE").await;
    let titled = pb::ReplyRequest { subject: "Your order".into(), ..answer(&wa, "x") };
    refuse(&world, titled, "SUBJECT_NOT_ALLOWED").await;
    let mut root = world.administrator();
    wrong_field(root.cases.reply(answer(&wa, "")).await, "text");
    assert_eq!((root.case(&wa.case_id).await.timeline.len(), platform.calls()), (1, 0));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_the_case_has_goes_out_again() {
    let (secrets, platform) = (Secrets::new(), FakePlatform::start().await);
    let world = site(&secrets, &platform).await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let sent_at = Some(prost_types::Timestamp { seconds: i64::try_from(now.as_secs()).unwrap(), nanos: 0 });
    let attachments = vec![ing::Attachment {
        name: "form.pdf".into(),
        media_type: "application/pdf".into(),
        content: PDF.to_vec(),
    }];
    let said = ing::Message { sent_at, attachments, ..message("m-44", "44", "Is this the right one?") };
    let mine = world.receive_one("tg", said).await;
    let again = |case: &pb::Case, message_id: &str, index| {
        let present = reply_request::Present { message_id: message_id.into(), index };
        let from = Some(reply_request::attachment::From::Present(present));
        pb::ReplyRequest { attachments: vec![reply_request::Attachment { from }], ..answer(case, "") }
    };
    let id = send(&world, again(&mine, &mine.timeline[0].id, 0)).await;
    until(&world, &id, delivery::Delivery::is_sent).await;
    // And what a reply had, with the next one.
    let id = send(&world, again(&mine, &id, 0)).await;
    until(&world, &id, delivery::Delivery::is_sent).await;
    assert_eq!(files(&platform, "form.pdf"), [PDF, PDF]);
    // Not what it has not, and not what another case has.
    let mut root = world.administrator();
    let other = case(&world, "tg", "45", HOUR_S).await;
    for (case, index) in [(&mine, 1), (&other, 0)] {
        let request = again(case, &mine.timeline[0].id, index);
        wrong_field(root.cases.reply(request).await, "attachments[0].present");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_which_nobody_knows_is_shown_so_until_somebody_says_what_he_saw() {
    let (secrets, platform) = (Secrets::new(), FakePlatform::start().await);
    let world = site(&secrets, &platform).await;
    let mut root = world.administrator();
    platform.trouble("Did it arrive?", &[Trouble::HangsUpWithIt]);
    let case = case(&world, "wa", "447700900006", HOUR_S).await;
    let id = send(&world, answer(&case, "Did it arrive?")).await;
    told(&mut root, &case.case_id, "unclear").await;
    let waiting = root.case(&case.case_id).await;
    assert!(waiting.waiting_since.is_some() && waiting.first_response_at.is_none());
    let says = ing::ClarifyDeliveryRequest {
        command_id: command_id(),
        reply_id: id,
        part: 1,
        attempt: 1,
        has: true,
        ..Default::default()
    };
    root.deliveries.clarify_delivery(says).await.unwrap();
    told(&mut root, &case.case_id, "sent").await;
    let answered = root.case(&case.case_id).await;
    assert!(answered.waiting_since.is_none() && answered.first_response_at.is_some());
    // It is in the history, and as it was then.
    let history = root.history(&case.case_id).await;
    let kinds =
        |entry: &pb::HistoryEntry| entry.events.iter().map(|event| event.r#type.clone()).collect::<Vec<_>>();
    let unclear = history.iter().find(|entry| kinds(entry) == ["case.reply_unclear"]).unwrap();
    let then = root.case_as_of(&case.case_id, &unclear.position).await.unwrap();
    assert!(then.timeline.iter().any(|item| item.delivery == "unclear"));
    let (before, after) = root.rebuild().await;
    assert_eq!(before, after, "the read model built anew is another one");
    world.end().await;
}
