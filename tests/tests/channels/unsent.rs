//! Replies that nothing here sends: who is told, and why.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use domain::{delivery, outbound::Refusal};
use proto::{
    cases::v1 as pb,
    ingestion::v1::{self as ing, channel::sends::By},
};
use service::envelope::Envelope;
use tests::{
    platform::FakePlatform,
    world::{World, command_id},
};

use crate::{
    accounts::{Secrets, give_accounts, with_accounts},
    replies::{now, reply, told, until},
};

/// An account at a platform, with more of its settings and its secrets.
fn account(id: &str, channel: &str, more: &str) -> String {
    format!("id = \"{id}\"\nchannel = \"{channel}\"\n{more}")
}

/// Who sends the replies of an account.
async fn sends(world: &World, account: &str) -> ing::channel::Sends {
    let request = ing::GetChannelRequest { account: account.into(), ..Default::default() };
    let answer = world.administrator().channels.get_channel(request).await;
    answer.unwrap().into_inner().channel.unwrap().sends.unwrap()
}

/// The replies of a list that has seen all.
async fn listed(world: &World, list: ing::ListDeliveriesRequest) -> Vec<ing::Delivery> {
    let at_least = world.platform.shell.token(world.mark().await);
    let list = ing::ListDeliveriesRequest { at_least, ..list };
    world.administrator().deliveries.list_deliveries(list).await.unwrap().into_inner().deliveries
}

fn ids(deliveries: &[ing::Delivery]) -> Vec<&str> {
    deliveries.iter().map(|delivery| delivery.reply_id.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_lacks_something_says_what_and_its_replies_say_that_they_wait() {
    let world = with_accounts(&[
        &account("wa", "whatsapp", "settings = { phone_number_id = \"1\" }"),
        &account("sms", "sms", "sends = \"deliverer\""),
        &account("talk", "tiktok", "sends = \"itself\""),
    ])
    .await;
    let lacking = sends(&world, "wa").await;
    assert_eq!((lacking.by(), lacking.refuses), (By::NobodyIncomplete, false));
    assert_eq!(
        (lacking.missing_settings.len(), &*lacking.missing_secrets),
        (0, &["access_token".to_owned()][..])
    );
    let text = "cannot send: no secret access_token; name it in the account's document; its replies wait for a deliverer";
    assert_eq!(lacking.remedy, text);
    assert_eq!(sends(&world, "sms").await.by(), By::Deliverer);
    let no_way = sends(&world, "talk").await;
    assert_eq!((no_way.by(), no_way.refuses), (By::NobodyNoWay, true));
    let troubled = ing::ListChannelsRequest { troubled_only: true, ..Default::default() };
    let troubled =
        world.administrator().channels.list_channels(troubled).await.unwrap().into_inner().channels;
    let troubled: Vec<_> = troubled.iter().map(|channel| channel.account.as_str()).collect();
    assert_eq!(troubled, ["talk"], "policy wants it to send");

    for account in ["wa", "sms"] {
        let (case, id) = reply(&world, account, account, "It is on its way").await;
        let case = world.administrator().case(&case.case_id).await;
        let item = case.timeline.iter().find(|item| item.id == id).unwrap();
        assert_eq!((item.delivery.as_str(), item.reason.as_str()), ("released", "not_queued"), "{account}");
        assert!(item.reason_text.contains("dossier channel ls"), "{}", item.reason_text);
    }
    assert!(listed(&world, ing::ListDeliveriesRequest::default()).await.is_empty());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_policy_wants_the_account_to_send_what_it_cannot_is_refused_and_goes_out_once_it_can() {
    let (secrets, platform) = (Secrets::new(), FakePlatform::start().await);
    let secret = secrets.put("secret", "s3cret-s3cret-s3cret-s3cret-s3cret");
    let settings = format!("settings = {{ base_url = \"{}\", phone_number_id = \"1\" }}", platform.url());
    let incomplete = format!("{settings}\nsends = \"itself\"");
    let world = with_accounts(&[&account("wa", "whatsapp", &incomplete)]).await;
    let mut root = world.administrator();
    let (case, id) = reply(&world, "wa", "1", "It is on its way").await;
    told(&mut root, &case.case_id, "failed").await;
    let item = root.case(&case.case_id).await.timeline.into_iter().find(|item| item.id == id).unwrap();
    assert_eq!(item.reason, "account_incomplete");
    assert!(item.reason_text.starts_with("the account cannot send: complete"), "{}", item.reason_text);

    let stream = eventlog::StreamId::new(&eventlog::Category::new("delivery").unwrap(), &id).unwrap();
    let entries: Vec<_> =
        futures_util::TryStreamExt::try_collect(world.platform.shell.log.read(&stream)).await.unwrap();
    let first = Envelope::<delivery::Event>::of(&entries[0]).unwrap();
    assert!(
        matches!(
            first.events.as_slice(),
            [
                delivery::Event::Queued { .. },
                delivery::Event::Refused { refusal: Refusal::AccountIncomplete, .. }
            ]
        ),
        "in one entry: whoever follows sees nothing to send"
    );
    let waiting = listed(&world, ing::ListDeliveriesRequest::default()).await;
    assert_eq!(ids(&waiting), [&id], "a person finds it");
    assert_eq!(
        (waiting[0].reason.as_str(), &waiting[0].reason_text),
        ("account_incomplete", &item.reason_text)
    );
    assert!(sends(&world, "wa").await.remedy.ends_with("its replies are refused"));

    let complete = format!("{incomplete}\nsecrets = {{ access_token = \"{secret}\" }}");
    give_accounts(&world, &[&account("wa", "whatsapp", &complete)]).await;
    assert_eq!(
        sends(&world, "wa").await,
        ing::channel::Sends { by: By::Itself.into(), ..Default::default() }
    );
    let replay = ing::ReplayDeliveryRequest {
        command_id: command_id(),
        reply_id: id.clone(),
        round: 1,
        ..Default::default()
    };
    root.deliveries.replay_delivery(replay).await.unwrap();
    until(&world, &id, delivery::Delivery::is_sent).await;
    told(&mut root, &case.case_id, "sent").await;
    let item = root.case(&case.case_id).await.timeline.into_iter().find(|item| item.id == id).unwrap();
    assert_eq!((item.reason.as_str(), item.reason_text.as_str()), ("", ""));
    assert_eq!(platform.taken().len(), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_wants_no_news_gets_no_template_of_an_account_with_news_but_an_answer() {
    let (secrets, platform) = (Secrets::new(), FakePlatform::start().await);
    let secret = secrets.put("secret", "s3cret-s3cret-s3cret-s3cret-s3cret");
    let more = format!(
        "secrets = {{ access_token = \"{secret}\" }}\nsettings = {{ base_url = \"{}\", phone_number_id = \"1\" }}",
        platform.url()
    );
    let news = format!("purpose = \"marketing\"\n{more}");
    let world =
        with_accounts(&[&account("news", "whatsapp", &news), &account("care", "whatsapp", &more)]).await;
    let mut root = world.administrator();
    let mut sent = Vec::new();
    for account in ["news", "care"] {
        let case = world.receive_one(account, now(&format!("m-{account}"), "+447700900100")).await;
        let out = pb::OptOutRequest {
            command_id: command_id(),
            customer: case.customer.clone(),
            purpose: pb::Purpose::Marketing.into(),
            ..Default::default()
        };
        root.customers.opt_out(out).await.unwrap();
        let template =
            pb::ReplyTemplate { name: "summer_sale".into(), language: "en".into(), ..Default::default() };
        for (template, text) in [(Some(template), ""), (None, "It is on its way")] {
            let request = pb::ReplyRequest {
                command_id: command_id(),
                case_id: case.case_id.clone(),
                template,
                text: text.into(),
                ..Default::default()
            };
            sent.push((case.clone(), root.cases.reply(request).await.unwrap().into_inner().created_id));
        }
    }
    let (case, refused) = &sent[0];
    let known = until(&world, refused, |delivery| delivery.stage != delivery::Stage::Active).await;
    let purpose = domain::customer::Purpose::Marketing;
    assert_eq!(known.stage, delivery::Stage::Refused(Refusal::OptedOut { purpose }));
    for (_, id) in &sent[1..] {
        until(&world, id, delivery::Delivery::is_sent).await;
    }
    assert_eq!(platform.taken().len(), 3);
    told(&mut root, &case.case_id, "failed").await;

    // Nobody has anything to do about it; whoever asks finds it.
    assert!(listed(&world, ing::ListDeliveriesRequest::default()).await.is_empty());
    let why = |reason: &str| ing::ListDeliveriesRequest { reason: vec![reason.into()], ..Default::default() };
    assert_eq!(ids(&listed(&world, why("opted_out")).await), [refused]);
    assert!(listed(&world, why("too_long")).await.is_empty());
    let status = vec![ing::delivery::Status::Sent.into()];
    assert!(listed(&world, ing::ListDeliveriesRequest { status, ..why("opted_out") }).await.is_empty());
    tests::desk::wrong_field(root.deliveries.list_deliveries(why("Opted out")).await, "reason[0]");
    world.end().await;
}
