//! What channels say of people: blocked, back again, stop.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use http::{Method, StatusCode};
use proto::cases::v1 as pb;
use serde_json::{Value, json};
use sha1::Sha1;
use tests::{
    desk::message,
    world::{World, command_id},
};

use crate::{
    accounts::{Secrets, all_taken, with_accounts},
    hooks::Platform,
};

const TOKEN: &str = "12345";
const CARE: &str = "https://care.example/hooks/sms";
/// When the first thing of a test happens on its channel: before now, whenever that is.
const THEN_S: i64 = 1_760_000_000;

/// Telegram, and the site that it calls.
struct Telegram {
    world: World,
    platform: Platform,
    updates: u32,
    _secrets: Secrets,
}

impl Telegram {
    async fn start() -> Self {
        let secrets = Secrets::new();
        let token = secrets.put("tg", TOKEN);
        let account =
            format!("id = \"tg\"\nchannel = \"telegram\"\nsecrets = {{ secret_token = \"{token}\" }}");
        let world = with_accounts(&[&account]).await;
        let platform = Platform::of(&world);
        Self { world, platform, updates: 0, _secrets: secrets }
    }

    async fn update(&self, update: &Value) {
        let headers = [("x-telegram-bot-api-secret-token", TOKEN), ("content-type", "application/json")];
        let answer = self.platform.call(Method::POST, "tg", &headers, update.to_string()).await;
        assert_eq!(answer.0, StatusCode::OK, "{}", answer.1);
        heard(&self.world).await;
    }

    async fn says(&mut self, who: u32, text: &str, after_s: i64) {
        self.updates += 1;
        let update = json!({"update_id": self.updates, "message": {
            "message_id": self.updates, "date": THEN_S + after_s, "text": text,
            "chat": {"id": who, "type": "private", "first_name": "Ana"},
            "from": {"id": who, "is_bot": false, "first_name": "Ana"},
        }});
        self.update(&update).await;
    }

    /// What Telegram tells when somebody blocks the bot, or does not any more.
    async fn membership(&mut self, who: u32, status: &str, after_s: i64) -> Value {
        self.updates += 1;
        let user = json!({"id": who, "is_bot": false, "first_name": "Ana"});
        let bot = json!({"id": 7, "is_bot": true, "first_name": "Care"});
        let update = json!({"update_id": self.updates, "my_chat_member": {
            "chat": {"id": who, "type": "private", "first_name": "Ana"}, "from": user, "date": THEN_S + after_s,
            "old_chat_member": {"user": bot, "status": "member"},
            "new_chat_member": {"user": bot, "status": status, "until_date": 0},
        }});
        self.update(&update).await;
        update
    }
}

/// Waits until customers know what channels say of them.
async fn heard(world: &World) {
    let contacts = eventlog::Category::new("contact").unwrap();
    let last = world.platform.shell.log.tail(&[contacts]).await.unwrap();
    let mut followed = world.platform.cases.as_ref().unwrap().followed_contacts();
    let limit = std::time::Duration::from_secs(60);
    let reached = followed.wait_for(|done| *done >= last);
    drop(tokio::time::timeout(limit, reached).await.expect("customers hear of it").unwrap());
}

/// The cases of all who wrote, the oldest first.
async fn cases(world: &World) -> Vec<pb::Case> {
    let at_least = all_taken(world).await;
    let mut root = world.administrator();
    let mut cases = root.list(pb::ListCasesRequest { at_least, page_size: 200, ..Default::default() }).await;
    cases.sort_by_key(|case| case.number.clone());
    cases
}

/// What the customer wants no more of, and since when, in seconds.
async fn refuses(world: &World, customer: &str) -> Vec<(pb::Purpose, i64)> {
    let request = pb::GetCustomerRequest { customer: customer.into(), ..Default::default() };
    let answer = world.administrator().customers.get_customer(request).await.unwrap().into_inner();
    let opted_out = answer.customer.unwrap().opted_out;
    opted_out.iter().map(|one| (one.purpose(), one.since.unwrap().seconds - THEN_S)).collect()
}

async fn entries(world: &World, category: &str) -> usize {
    world.log_entries(&[category]).await.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_blocks_us_is_opted_out_until_he_comes_back() {
    let mut telegram = Telegram::start().await;
    telegram.says(42, "It leaks", 0).await;
    let ana = cases(&telegram.world).await[0].customer.clone();
    assert_eq!(refuses(&telegram.world, &ana).await, []);

    let blocked = telegram.membership(42, "kicked", 10).await;
    assert_eq!(refuses(&telegram.world, &ana).await, [(pb::Purpose::Any, 10)]);
    let back = telegram.membership(42, "member", 20).await;
    assert_eq!(refuses(&telegram.world, &ana).await, []);

    // Told again, and told late: nothing.
    let mark = telegram.world.mark().await;
    telegram.update(&blocked).await;
    telegram.update(&back).await;
    telegram.membership(42, "left", 15).await;
    telegram.world.nothing_since(mark).await;
    assert_eq!(refuses(&telegram.world, &ana).await, []);
    assert_eq!(entries(&telegram.world, "contact").await, 2);

    telegram.membership(42, "kicked", 30).await;
    assert_eq!(refuses(&telegram.world, &ana).await, [(pb::Purpose::Any, 30)]);
    telegram.world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_never_wrote_is_heard_as_well() {
    let mut telegram = Telegram::start().await;
    // To come back from nowhere means nothing.
    telegram.membership(43, "member", 5).await;
    assert_eq!(entries(&telegram.world, "customer").await, 0);
    telegram.membership(42, "kicked", 10).await;
    assert_eq!(entries(&telegram.world, "customer").await, 1);
    telegram.says(42, "It leaks", 20).await;
    let case = &cases(&telegram.world).await[0];
    assert_eq!(refuses(&telegram.world, &case.customer).await, [(pb::Purpose::Any, 10)]);
    assert_eq!(case.customer_name, "Ana");
    telegram.world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_word_takes_nothing_back_that_was_said_since_and_to_come_back_is_not_to_want_everything() {
    let mut telegram = Telegram::start().await;
    telegram.says(42, "It leaks", 0).await;
    let customer = cases(&telegram.world).await[0].customer.clone();
    let mut ana = telegram.world.caller("ana", &[]);
    let out = |purpose: pb::Purpose| pb::OptOutRequest {
        command_id: command_id(),
        customer: customer.clone(),
        purpose: purpose.into(),
        ..Default::default()
    };
    ana.customers.opt_out(out(pb::Purpose::Survey)).await.unwrap();
    telegram.membership(42, "kicked", 10).await;
    telegram.membership(42, "member", 20).await;
    let purposes = async |telegram: &Telegram| -> Vec<pb::Purpose> {
        refuses(&telegram.world, &customer).await.into_iter().map(|(purpose, _)| purpose).collect()
    };
    assert_eq!(purposes(&telegram).await, [pb::Purpose::Survey], "that he said to a person");

    // On the telephone, now; what the channel tells of last year is older.
    ana.customers.opt_out(out(pb::Purpose::Any)).await.unwrap();
    telegram.membership(42, "kicked", 30).await;
    telegram.membership(42, "member", 40).await;
    assert_eq!(purposes(&telegram).await, [pb::Purpose::Any, pb::Purpose::Survey]);
    telegram.world.end().await;
}

/// A call of Twilio, signed.
async fn sms(platform: &Platform, sid: &str, text: &str, more: &[(&str, &str)]) -> StatusCode {
    let mut pairs =
        vec![("MessageSid", sid), ("From", "+15005550001"), ("To", "+15005550006"), ("Body", text)];
    pairs.extend(more);
    pairs.sort_unstable();
    let mut mac = <Hmac<Sha1> as KeyInit>::new_from_slice(TOKEN.as_bytes()).unwrap();
    mac.update(CARE.as_bytes());
    for (name, value) in &pairs {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    let signature = BASE64.encode(&mac.finalize().into_bytes());
    let pairs = pairs.iter().map(|(name, value)| format!("{name}={}", value.replace('+', "%2B")));
    let form = pairs.collect::<Vec<_>>().join("&");
    let headers =
        [("x-twilio-signature", &*signature), ("content-type", "application/x-www-form-urlencoded")];
    platform.call(Method::POST, "sms", &headers, form).await.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stop_by_sms_opts_out_and_is_a_message_all_the_same() {
    let secrets = Secrets::new();
    let token = secrets.put("sms", TOKEN);
    let account = format!(
        "id = \"sms\"\nchannel = \"sms\"\nsettings = {{ public_url = \"{CARE}\" }}\nsecrets = {{ auth_token = \"{token}\" }}"
    );
    let world = with_accounts(&[&account]).await;
    let platform = Platform::of(&world);
    let purposes = async |customer: &str| -> Vec<pb::Purpose> {
        heard(&world).await;
        refuses(&world, customer).await.into_iter().map(|(purpose, _)| purpose).collect()
    };
    // In a sentence it means anything.
    assert_eq!(sms(&platform, "SM1", "Stop that noise", &[]).await, StatusCode::OK);
    let customer = cases(&world).await[0].customer.clone();
    assert_eq!(purposes(&customer).await, []);

    // Twilio says it too, and that is one word, however often it calls.
    for _ in 0..3 {
        assert_eq!(sms(&platform, "SM2", "STOP", &[("OptOutType", "STOP")]).await, StatusCode::OK);
    }
    assert_eq!(purposes(&customer).await, [pb::Purpose::Any]);
    assert_eq!(entries(&world, "contact").await, 1);
    let case = cases(&world).await[0].case_id.clone();
    let said = world.administrator().case(&case).await.timeline;
    assert_eq!(said.iter().map(|item| &*item.text).collect::<Vec<_>>(), ["Stop that noise", "STOP"]);

    assert_eq!(sms(&platform, "SM3", "start", &[]).await, StatusCode::OK);
    assert_eq!(purposes(&customer).await, []);
    // The same call as before, again: it is old, though it does not say so.
    assert_eq!(sms(&platform, "SM2", "STOP", &[("OptOutType", "STOP")]).await, StatusCode::OK);
    assert_eq!(purposes(&customer).await, []);
    world.end().await;
}

/// Carriers want every word of theirs to be enough; on WhatsApp people talk, and cancel orders.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_word_that_may_be_about_an_order_opts_out_by_sms_only() {
    let account = |id: &str| format!("id = \"{id}\"\nchannel = \"{id}\"");
    let world = with_accounts(&[&account("sms"), &account("whatsapp")]).await;
    for (name, word, expected) in [
        ("sms", "Cancel", vec![pb::Purpose::Any]),
        ("whatsapp", "Cancel", vec![]),
        ("whatsapp", "RET", vec![]),
        ("whatsapp", "Baja", vec![]),
        ("whatsapp", "STOP", vec![pb::Purpose::Any]),
        ("whatsapp", "Arrêt", vec![pb::Purpose::Any]),
    ] {
        let who = word.to_lowercase();
        let case = world.receive_one(name, message(&format!("m-{who}"), &who, word)).await;
        heard(&world).await;
        let refuses = refuses(&world, &case.customer).await;
        let purposes: Vec<_> = refuses.into_iter().map(|(purpose, _)| purpose).collect();
        assert_eq!(purposes, expected, "{name}: {word}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_word_is_enough_where_the_account_says_so() {
    let account = |id: &str, more: &str| format!("id = \"{id}\"\nchannel = \"chat\"\n{more}");
    let accounts = [account("plain", ""), account("words", "settings = { opt_out_words = \"true\" }")];
    let world = with_accounts(&[&accounts[0], &accounts[1]]).await;
    for (name, expected) in [("plain", vec![]), ("words", vec![pb::Purpose::Any])] {
        let case = world.receive_one(name, message("m-1", "ada", " Stop! ")).await;
        heard(&world).await;
        let refuses = refuses(&world, &case.customer).await;
        assert_eq!(refuses.into_iter().map(|(purpose, _)| purpose).collect::<Vec<_>>(), expected, "{name}");
    }
    world.end().await;
}
