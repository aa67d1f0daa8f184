//! How channels are: a platform that is away, that wants to be left alone, that does not know us; a person who holds one; and
//! silence where much used to come.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use domain::{decider::Decider, delivery, health, time::Timestamp};
use eventlog::{Category, Position};
use futures_util::StreamExt;
use proto::{cases::v1 as pb, ingestion::v1 as ing, ingestion::v1::channel::State};
use service::{
    clock::{Clock, ManualClock, SystemClock},
    envelope::Envelope,
};
use tests::{
    desk::message,
    http::Json,
    platform::{FakePlatform, Trouble},
    program,
    world::{World, command_id},
};
use tonic::Code;

use crate::accounts::{Secrets, file, give_accounts};

/// How long anything may take in a test.
const AT_MOST: Duration = Duration::from_secs(60);
const ACCOUNT: &str = "sms";

struct Site {
    world: World,
    clock: ManualClock,
    platform: FakePlatform,
    account: String,
    _secrets: Secrets,
}

impl Site {
    /// A site with an account whose platform is a fake. Its clock stands still until it is moved.
    async fn start(settings: &str) -> Self {
        let (secrets, platform) = (Secrets::new(), FakePlatform::start().await);
        let (url, token) = (platform.url(), secrets.put("token", "s3cret-s3cret-s3cret-s3cret-s3cret"));
        let account = format!(
            "id = \"{ACCOUNT}\"\nchannel = \"sms\"\nsecrets = {{ auth_token = \"{token}\" }}\n\
             settings = {{ base_url = \"{url}\", account_sid = \"AC1\", from = \"+15550100\"{settings} }}"
        );
        let clock = ManualClock::new(SystemClock.now());
        let world = World::start_at(Arc::new(clock.clone())).await;
        give_accounts(&world, &[&account]).await;
        Self { world, clock, platform, account, _secrets: secrets }
    }

    /// The same site after its end: nothing that was in memory is left.
    async fn restarted(self) -> Self {
        let folder = self.world.end().await.unwrap();
        let more = vec![file(&[&self.account])];
        let mut world = World::open_with(folder.path(), Arc::new(self.clock.clone()), more).await;
        world.folder = Some(folder);
        Self { world, ..self }
    }

    fn later(&self, seconds: i64) {
        self.clock.set(self.clock.now().plus_seconds(seconds));
    }

    /// A message of somebody, and the case that it became.
    async fn written(&self, author: &str) -> pb::Case {
        let sent_at =
            prost_types::Timestamp { seconds: self.clock.now().as_microsecond() / 1_000_000 - 1, nanos: 0 };
        let message = message(&format!("m-{author}"), author, "Where is it?");
        self.world.receive_one(ACCOUNT, ing::Message { sent_at: Some(sent_at), ..message }).await
    }

    async fn reply(&self, case: &pb::Case, text: &str) -> String {
        let reply = pb::ReplyRequest {
            command_id: command_id(),
            case_id: case.case_id.clone(),
            text: text.into(),
            ..Default::default()
        };
        self.world.administrator().cases.reply(reply).await.unwrap().into_inner().created_id
    }

    /// Waits for the `n`th decision of this kind.
    async fn decided(&self, kind: &str, n: usize) -> health::Event {
        let mut entries = self.world.platform.shell.log.follow(Position::NONE, &[category("channel")]);
        let waiting = async {
            let mut found = 0;
            while let Some(entry) = entries.next().await {
                for event in Envelope::<health::Event>::of(&entry.unwrap()).unwrap().events {
                    found += usize::from(serde_json::to_value(&event).unwrap()["type"] == kind);
                    if found == n {
                        return event;
                    }
                }
            }
            unreachable!("the log never ends")
        };
        tokio::time::timeout(AT_MOST, waiting).await.unwrap_or_else(|_| panic!("{kind} was not decided"))
    }

    /// Waits until a delivery says this of itself.
    async fn until(&self, reply: &str, what: impl Fn(&delivery::Delivery) -> bool) -> delivery::Delivery {
        let mut entries = self.world.platform.shell.log.follow(Position::NONE, &[category("delivery")]);
        let waiting = async {
            let mut state = delivery::State::default();
            while let Some(entry) = entries.next().await {
                let entry = entry.unwrap();
                if entry.stream.id() != reply {
                    continue;
                }
                let envelope = Envelope::<delivery::Event>::of(&entry).unwrap();
                state = envelope.events.iter().fold(state, delivery::State::evolve);
                if let Some(delivery) = state.delivery().filter(|delivery| what(delivery)) {
                    return delivery.clone();
                }
            }
            unreachable!("the log never ends")
        };
        let found = tokio::time::timeout(AT_MOST, waiting).await;
        found.unwrap_or_else(|_| panic!("the delivery of {reply} never came so far"))
    }

    async fn channel(&self) -> ing::Channel {
        let at_least = self.world.platform.shell.token(self.world.mark().await);
        let request = ing::GetChannelRequest { account: ACCOUNT.into(), at_least };
        let answer = self.world.administrator().channels.get_channel(request).await;
        answer.unwrap().into_inner().channel.unwrap()
    }

    /// What `/readyz` says is not as it should be with accounts, once it says so.
    async fn degraded(&self, expected: impl Fn(&str) -> bool) {
        let mut state = self.world.platform.health();
        let until = async {
            loop {
                let body = Json::new(self.world.platform.http, None).get("/readyz").await.body;
                let all = body["degraded"].as_array().cloned().unwrap_or_default();
                let of =
                    |waits: &&serde_json::Value| waits["name"] == "channels" && waits["stream"] == ACCOUNT;
                let reason = all.iter().find(of).map_or("", |waits| waits["reason"].as_str().unwrap());
                if expected(reason) {
                    assert_eq!(body["ready"], true, "it takes nobody out");
                    return;
                }
                state.changed().await.unwrap();
            }
        };
        tokio::time::timeout(AT_MOST, until).await.expect("it is noticed");
    }

    /// When all attempts at all replies were begun.
    async fn start_of_attempts(&self) -> Vec<Timestamp> {
        let mut entries = self.world.platform.shell.log.follow(Position::NONE, &[category("delivery")]);
        let last = self.world.platform.shell.log.tail(&[category("delivery")]).await.unwrap();
        let mut started = Vec::new();
        while let Some(entry) = entries.next().await {
            let entry = entry.unwrap();
            for event in Envelope::<delivery::Event>::of(&entry).unwrap().events {
                if let delivery::Event::AttemptStarted { at, .. } = event {
                    started.push(at);
                }
            }
            if entry.position >= last {
                break;
            }
        }
        started
    }
}

fn category(name: &str) -> Category {
    Category::new(name).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_platform_is_away_replies_wait_and_then_go_out_once_and_in_order() {
    let mut site = Site::start("").await;
    site.platform.always(Some(Trouble::TooEarly));
    let (mut replies, mut expected) = (Vec::new(), BTreeMap::<String, Vec<String>>::new());
    for n in 0..10 {
        let author = format!("+44770090000{n}");
        let case = site.written(&author).await;
        let texts: Vec<String> = (0..2).map(|m| format!("{n}.{m}")).collect();
        for text in &texts {
            replies.push(site.reply(&case, text).await);
        }
        expected.insert(author, texts);
    }
    for reply in &replies {
        site.until(reply, |_| true).await;
    }
    let down = site.decided("channel.went_down", 1).await;
    let health::Event::WentDown { cause, retry_at, at, .. } = down else { panic!("{down:?}") };
    assert_eq!((cause, retry_at), (health::Cause::Unavailable, at.plus_seconds(15)));
    // Five of ten conversations found it out; the others, and all that comes after, wait.
    let told = site.channel().await;
    assert_eq!((told.state(), told.waiting, site.platform.calls()), (State::Down, 20, 5));
    let sending = told.sending.unwrap();
    assert_eq!((sending.cause.as_str(), sending.failed_in_a_row), ("unavailable", 5));
    assert_eq!(told.receiving.unwrap().state(), State::Up);
    site.degraded(|reason| reason.contains("sending is down") && reason.contains("unavailable")).await;
    let shown = program::run(&site.world, &["channel", "ls", "--troubled"]).await;
    let row = shown.lines().nth(1).unwrap();
    assert!(row.starts_with("sms\tdown\tdown (unavailable)\tup\t"), "{shown}");

    // Its end changes nothing: the log says that it is down, and until when.
    site = site.restarted().await;
    assert_eq!(site.channel().await.state(), State::Down);
    // One is tried, and fails; and the next time in vain again.
    site.later(16);
    site.decided("channel.went_down", 2).await;
    site.later(31);
    let third = site.decided("channel.went_down", 3).await;
    let health::Event::WentDown { round, retry_at, at, .. } = third else { panic!("{third:?}") };
    assert_eq!((round, retry_at), (3, at.plus_seconds(60)));
    assert_eq!((site.platform.calls(), site.platform.taken().len()), (7, 0));

    site.platform.always(None);
    site.later(61);
    for reply in &replies {
        site.until(reply, delivery::Delivery::is_sent).await;
    }
    let mut said = BTreeMap::<String, Vec<String>>::new();
    for taken in site.platform.taken() {
        said.entry(taken.to).or_default().push(taken.text);
    }
    assert_eq!(said, expected);
    assert_eq!(site.platform.calls(), 7 + 20, "nothing was tried twice");
    site.decided("channel.came_up", 1).await;
    let told = site.channel().await;
    assert_eq!((told.state(), told.waiting), (State::Up, 0));
    assert!(told.last_in.is_some() && told.last_out.is_some());
    site.degraded(str::is_empty).await;
    site.world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_platform_that_wants_to_be_left_alone_is_left_alone_by_the_whole_account() {
    let site = Site::start("").await;
    site.platform.trouble("first", &[Trouble::RateLimited(4)]);
    let began = site.clock.now();
    let first = site.written("+447700900001").await;
    let first = site.reply(&first, "first").await;
    let throttled = site.decided("channel.throttled", 1).await;
    assert_eq!(throttled, health::Event::Throttled { at: throttled.at(), until: began.plus_seconds(4) });
    let mut others = Vec::new();
    for n in 2..6 {
        let case = site.written(&format!("+44770090000{n}")).await;
        others.push(site.reply(&case, &format!("other {n}")).await);
    }
    for reply in &others {
        site.until(reply, |_| true).await;
    }
    let told = site.channel().await;
    // That is no trouble: it works.
    assert_eq!((told.state(), told.waiting), (State::Up, 5));
    assert!(told.throttled_until.is_some());
    site.later(61);
    for reply in others.iter().chain([&first]) {
        let sent = site.until(reply, delivery::Delivery::is_sent).await;
        assert_eq!(sent.parts[0].attempts.len(), 1 + usize::from(*reply == first));
    }
    let started = site.start_of_attempts().await;
    assert_eq!(started.len(), 6);
    assert_eq!(started.iter().filter(|at| **at < began.plus_seconds(4)).count(), 1, "{started:?}");
    site.world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_has_expired_burns_no_reply() {
    let site = Site::start("").await;
    site.platform.always(Some(Trouble::Unauthorized));
    let mut replies = Vec::new();
    for n in 0..3 {
        let case = site.written(&format!("+44770090010{n}")).await;
        replies.push(site.reply(&case, &format!("reply {n}")).await);
    }
    let down = site.decided("channel.went_down", 1).await;
    let health::Event::WentDown { cause, .. } = down else { panic!("{down:?}") };
    assert_eq!(cause, health::Cause::Authentication);
    // For days: whatever is tried meanwhile, nothing is given up.
    for round in 2..20 {
        site.later(4 * 3_600);
        site.decided("channel.went_down", round).await;
    }
    assert_eq!(site.platform.calls(), 19);
    site.platform.always(None);
    site.later(4 * 3_600);
    for reply in &replies {
        site.until(reply, delivery::Delivery::is_sent).await;
    }
    assert_eq!(site.platform.taken().len(), 3);
    site.world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_holds_an_account_and_lets_it_go_on() {
    let site = Site::start("").await;
    let hold = |account: &str, reason: &str| ing::HoldChannelRequest {
        command_id: command_id(),
        account: account.into(),
        reason: reason.into(),
        ..Default::default()
    };
    // Who may not see it is not told that it is there; nor is there any other.
    for (who, account) in [("ana", ACCOUNT), ("root", "nowhere")] {
        let refused = site.world.caller(who, &[]).channels.hold_channel(hold(account, "crisis")).await;
        assert_eq!(refused.unwrap_err().code(), Code::NotFound, "{who}");
    }
    let list = ing::ListChannelsRequest::default();
    let refused = site.world.caller("ana", &[]).channels.list_channels(list.clone()).await;
    assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied);
    tests::desk::wrong_field(
        site.world.administrator().channels.hold_channel(hold(ACCOUNT, "So so")).await,
        "reason",
    );
    // A supervisor sees those of his region: the chat is south.
    let seen = site.world.caller("nora", &[]).channels.list_channels(list).await.unwrap().into_inner();
    let seen: Vec<_> = seen.channels.iter().map(|channel| channel.account.as_str()).collect();
    assert_eq!(seen, ["forum", ACCOUNT]);

    let request = hold(ACCOUNT, "maintenance");
    let mut nora = site.world.caller("nora", &[]);
    let first = nora.channels.hold_channel(request.clone()).await.unwrap().into_inner();
    let again = nora.channels.hold_channel(request).await.unwrap().into_inner();
    assert_eq!(first.position, again.position);
    assert_eq!(first.channel.unwrap().held.unwrap().by, "nora");
    let case = site.written("+447700900200").await;
    let reply = site.reply(&case, "later").await;
    site.until(&reply, |_| true).await;
    site.degraded(|reason| reason.contains("held") && reason.contains("maintenance")).await;
    let told = site.channel().await;
    assert_eq!((told.state(), told.waiting, site.platform.calls()), (State::Up, 1, 0));
    site.later(3_600);
    let released_at = site.clock.now();
    let shown = program::run(&site.world, &["channel", "release", ACCOUNT]).await;
    assert!(shown.lines().nth(1).unwrap().starts_with("sms\tup\tup\tup\t\t"), "{shown}");
    site.until(&reply, delivery::Delivery::is_sent).await;
    assert!(site.start_of_attempts().await.iter().all(|at| *at >= released_at));
    let shown = program::run(&site.world, &["channel", "hold", ACCOUNT, "--reason", "crisis"]).await;
    assert!(shown.lines().nth(1).unwrap().starts_with("sms\tup\tup\tup\tcrisis\t"), "{shown}");
    let shown = program::run(&site.world, &["channel", "show", ACCOUNT, "-o", "json"]).await;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((&shown["held"]["reason"], &shown["state"]), (&"crisis".into(), &"STATE_UP".into()));
    // The same over HTTP, and in the metrics, by the id of the account only.
    let json = Json::new(site.world.platform.http, Some(&site.world.administrator().token));
    let answer =
        json.ok("dossier.ingestion.v1.Channels/GetChannel", &serde_json::json!({"account": ACCOUNT})).await;
    assert_eq!(answer["channel"]["held"]["reason"], "crisis");
    site.world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_sends_no_faster_than_it_may_and_every_conversation_gets_its_turn() {
    let site = Site::start(", send_rate = \"1/second\"").await;
    let mut replies = Vec::new();
    let mut cases = Vec::new();
    for n in 0..3 {
        cases.push(site.written(&format!("+44770090030{n}")).await);
    }
    for m in 0..3 {
        for (n, case) in cases.iter().enumerate() {
            replies.push(site.reply(case, &format!("{n}.{m}")).await);
        }
    }
    for sent in 0..replies.len() {
        site.later(1);
        let taken = async {
            while site.platform.taken().len() <= sent {
                // Whoever waits comes within the time of a token, by the machine's clock.
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(AT_MOST, taken).await.unwrap();
    }
    for reply in &replies {
        site.until(reply, delivery::Delivery::is_sent).await;
    }
    let started = site.start_of_attempts().await;
    let apart = started.windows(2).map(|two| two[1].seconds_since(two[0]));
    assert!(apart.clone().all(|apart| apart >= 1), "{started:?}");
    let said: Vec<_> = site.platform.taken().into_iter().map(|taken| taken.text).collect();
    for n in 0..3 {
        let of: Vec<_> = said.iter().filter(|text| text.starts_with(&format!("{n}."))).collect();
        assert_eq!(of, [&format!("{n}.0"), &format!("{n}.1"), &format!("{n}.2")]);
    }
    site.world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_where_much_used_to_come_is_noticed_and_its_end_too() {
    const HOUR_S: i64 = 3_600;
    const WEEK_S: i64 = 7 * 24 * HOUR_S;
    // While the weeks go by in leaps there is nothing but silence.
    let mut site = Site::start(", silence = \"ignored\"").await;
    // At five past the hour, in the same hour of six weeks, 40 messages; in the sixth one only.
    let hour = (site.clock.now().as_microsecond() / 1_000_000 / HOUR_S + 1) * HOUR_S;
    let first = Timestamp::UNIX_EPOCH.plus_seconds(hour + 5 * 60);
    for week in 0..7 {
        site.clock.set(first.plus_seconds(week * WEEK_S));
        let count = if week < 6 { 40 } else { 1 };
        let messages =
            (0..count).map(|n| message(&format!("w{week}.{n}"), &format!("+4477009{n:05}"), "Hello"));
        site.world.receive(ACCOUNT, messages.collect()).await;
        assert_eq!(site.channel().await.state(), State::Up, "week {week}");
    }
    let now = site.channel().await;
    assert_eq!((now.seen_this_hour, now.expected_this_hour), (1, Some(40.0)));
    site.account = site.account.replace("ignored", "watched");
    give_accounts(&site.world, &[&site.account]).await;
    let site = site;
    let decided = async |kind: &str| {
        // Each look is a minute after the last one.
        let mut looks = 0;
        loop {
            site.later(61);
            looks += 1;
            match tokio::time::timeout(Duration::from_secs(1), site.decided(kind, 1)).await {
                Ok(event) => return (event, looks),
                Err(_) => assert!(looks < 60, "{kind} was not noticed"),
            }
        }
    };
    site.clock.set(first.plus_seconds(6 * WEEK_S + 25 * 60));
    let (event, _) = decided("channel.degraded").await;
    let health::Event::Degraded { direction, cause, evidence, .. } = event else { panic!("{event:?}") };
    assert_eq!((direction, cause), (domain::channel::Direction::In, health::Cause::Silence));
    let health::Evidence::Silence { last_in, expected, weeks } = evidence else { panic!("{evidence:?}") };
    assert_eq!(last_in, first.plus_seconds(6 * WEEK_S));
    assert!((14..=27).contains(&expected) && weeks >= 4, "{expected} in {weeks} weeks");
    let told = site.channel().await;
    assert_eq!((told.state(), told.sending.unwrap().state()), (State::Degraded, State::Up));
    assert_eq!(told.receiving.unwrap().cause, "silence");
    site.degraded(|reason| reason.contains("receiving is degraded") && reason.contains("silence")).await;
    // The first message ends it.
    site.written("+447700900999").await;
    let (event, _) = decided("channel.came_up").await;
    assert!(matches!(event, health::Event::CameUp { cause: health::Cause::Silence, .. }), "{event:?}");
    site.world.end().await;
}
