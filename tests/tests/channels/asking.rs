//! Platforms that are asked, by real HTTP: reviews and comments, whatever breaks.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use domain::time::Timestamp;
use futures_util::{StreamExt, TryStreamExt};
use http::Method;
use proto::{cases::v1 as pb, ingestion::v1::dead_letter::State};
use service::clock::{Clock, ManualClock};
use tests::{
    desk::{SENT_AT_S, instant, seconds},
    listing::{Breaks, Entry, FakeListing, KEY, REFRESH},
    world::World,
};

use crate::{
    accounts::{Secrets, all_taken, give_accounts, ledger},
    dead_letters::{letters, retry},
    hooks::Platform,
};

/// No test waits longer for what happens by itself.
const PATIENCE: Duration = Duration::from_secs(120);
/// While something is waited for, the clock of the site goes on by so much, so often.
const TICK: (i64, Duration) = (30, Duration::from_millis(20));

/// Lets the clock go on until `wanted` is there.
pub async fn meanwhile<T>(clock: &ManualClock, wanted: impl Future<Output = T>) -> T {
    let going = async {
        loop {
            tokio::time::sleep(TICK.1).await;
            clock.set(clock.now().plus_seconds(TICK.0));
        }
    };
    let either = async {
        tokio::select! {
            biased;
            wanted = wanted => wanted,
            () = going => unreachable!("the clock goes on for ever"),
        }
    };
    tokio::time::timeout(PATIENCE, either).await.expect("it happens by itself")
}

/// The first so many events of messages: their types, in the order of the log.
pub async fn events(world: &World, count: usize) -> Vec<String> {
    let messages = [eventlog::Category::new("message").unwrap()];
    let follow = world.platform.shell.log.follow(eventlog::Position::NONE, &messages);
    let entries: Vec<_> = follow.take(count).try_collect().await.unwrap();
    let kind = |entry: &eventlog::Entry| {
        let body: serde_json::Value = serde_json::from_slice(&entry.body).unwrap();
        body["events"][0]["type"].as_str().unwrap().to_owned()
    };
    entries.iter().map(kind).collect()
}

/// What stands in all cases: who said it (`true`: we), what, and whether it was edited.
pub async fn said(world: &World) -> Vec<(bool, String, bool)> {
    let at_least = all_taken(world).await;
    let mut root = world.administrator();
    let mut said = Vec::new();
    for case in root.list(pb::ListCasesRequest { at_least, page_size: 200, ..Default::default() }).await {
        let case = root.case(&case.case_id).await;
        said.extend(case.timeline.into_iter().map(|item| {
            let ours = item.kind() == pb::timeline_item::Kind::MessageOut;
            (ours, item.text, item.edited)
        }));
    }
    said.sort_unstable();
    said
}

pub fn start() -> ManualClock {
    let start: Timestamp = instant(seconds(SENT_AT_S));
    ManualClock::new(start)
}

fn entry(n: i64, text: &str) -> Entry {
    let written_s = SENT_AT_S - 100_000 + n * 7_200;
    let (id, text) = (format!("r{n}"), text.to_owned());
    Entry { id, text, written_s, changed_s: written_s, replies: Vec::new() }
}

/// An account that has to get its access tokens.
fn google(platform: &FakeListing, secrets: &Secrets, more: &str) -> String {
    let url = platform.url();
    format!(
        "id = \"google\"\nchannel = \"google-reviews\"\n\
         settings = {{ base_url = \"{url}\", oauth_url = \"{url}/token\", client_id = \"app\", \
         location = \"accounts/1/locations/2\", poll_s = \"60\", private_addresses = \"true\"{more} }}\n\
         secrets = {{ refresh_token = \"{}\", client_secret = \"{}\", verify_token = \"{}\" }}",
        secrets.put("refresh", REFRESH),
        secrets.put("client", "c"),
        secrets.put("verify", "let me in")
    )
}

/// A small generator, so that a failure is seen again by its seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        // The constants of Knuth's MMIX.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn breaks(&mut self, calls: usize) -> Vec<Option<Breaks>> {
        let all = [Breaks::Unauthorized, Breaks::Later(90), Breaks::Fails, Breaks::Cut, Breaks::PageEnded];
        (0..calls).map(|_| all.get(usize::try_from(self.roll(8)).unwrap()).copied()).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_interrupted_when_every_review_comes_in_once_and_is_as_it_is_now() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand_seed);
    println!("SEED={seed}");
    let mut dice = Dice(seed);
    let (clock, secrets, platform) = (start(), Secrets::new(), FakeListing::start(3).await);
    let account = google(&platform, &secrets, "");
    for n in 0..10 {
        platform.put(entry(n, &format!("review {n}")));
    }
    let mut world = World::start_at(Arc::new(clock.clone())).await;
    give_accounts(&world, &[&account]).await;
    let mut edited = BTreeSet::new();
    let mut folder = None;
    for round in 1..=4_i64 {
        platform.breaks(&dice.breaks(12));
        // The process ends somewhere in between, and another one goes on.
        let pages = usize::try_from(dice.roll(6)).unwrap();
        meanwhile(&clock, platform.gave(pages)).await;
        folder = world.end().await.or(folder);
        world = World::open(folder.as_ref().unwrap().path(), Arc::new(clock.clone())).await;
        give_accounts(&world, &[&account]).await;
        // One is written, and one is changed.
        platform.put(entry(10 + round, &format!("review {}", 10 + round)));
        let n = i64::try_from(dice.roll(10)).unwrap();
        let changed_s = SENT_AT_S + round * 60;
        platform.put(Entry { changed_s, ..entry(n, &format!("changed {round}")) });
        edited.insert(n);
    }
    let well = async {
        while !platform.is_well() {
            platform.gave(1).await;
        }
        // A whole way through the list, and what comes after it.
        platform.gave(20).await;
    };
    meanwhile(&clock, well).await;
    let said = said(&world).await;
    let texts: BTreeSet<_> = said.iter().map(|(_, text, _)| text.clone()).collect();
    assert_eq!((said.len(), texts.len()), (14, 14), "{said:?}");
    for n in (0..15).filter(|n| *n != 10 && !edited.contains(n)) {
        assert!(texts.contains(&format!("review {n}")), "review {n} is not there: {texts:?}");
    }
    let changed = texts.iter().filter(|text| text.starts_with("changed")).count();
    assert_eq!(changed, edited.len(), "{texts:?}");
    let sums = ledger(&world).await["google"];
    assert_eq!(sums.rejected, 0, "{sums:?}");
    let types = events(&world, usize::try_from(sums.accepted).unwrap()).await;
    assert_eq!(types.iter().filter(|kind| *kind == "message.received").count(), 14);
    let calls = platform.calls();
    println!(
        "{sums:?} by {} calls, {} of them for tokens",
        calls.len(),
        calls.iter().filter(|c| *c == "/token").count()
    );
    world.end().await;
}

fn rand_seed() -> u64 {
    u64::try_from(
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() & 0xFFFF_FFFF,
    )
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn threads_come_with_all_their_replies_and_ours_are_ours() {
    let (clock, secrets, platform) = (start(), Secrets::new(), FakeListing::start(2).await);
    let account = format!(
        "id = \"tube\"\nchannel = \"youtube\"\nthread = \"threads\"\n\
         settings = {{ base_url = \"{}\", channel_id = \"UC1\", poll_s = \"60\", private_addresses = \"true\" }}\n\
         secrets = {{ access_token = \"{}\" }}",
        platform.url(),
        secrets.put("token", "access-1")
    );
    let replies =
        |texts: &[&str]| texts.iter().map(|text| (format!("r1.{text}"), (*text).to_owned())).collect();
    for n in 0..5 {
        platform.put(entry(n, &format!("comment {n}")));
    }
    platform.put(Entry { replies: replies(&["a", "b", "ours", "c", "d"]), ..entry(1, "comment 1") });
    let world = World::start_at(Arc::new(clock.clone())).await;
    give_accounts(&world, &[&account]).await;
    meanwhile(&clock, events(&world, 10)).await;
    // To an old thread, on a page that is not the first.
    platform.put(Entry { replies: replies(&["a", "b", "ours", "c", "d", "late"]), ..entry(1, "comment 1") });
    meanwhile(&clock, events(&world, 11)).await;
    // The whole list once more: nothing of it is news.
    meanwhile(&clock, platform.gave(8)).await;
    let said = said(&world).await;
    let texts: Vec<_> = said.iter().map(|(ours, text, _)| (*ours, text.as_str())).collect();
    let expected =
        ["a", "b", "c", "comment 0", "comment 1", "comment 2", "comment 3", "comment 4", "d", "late"];
    let expected: Vec<_> = expected.into_iter().map(|text| (false, text)).chain([(true, "ours")]).collect();
    assert_eq!(texts, expected);
    let sums = ledger(&world).await["tube"];
    assert_eq!((sums.accepted, sums.duplicate, sums.rejected), (11, 0, 0));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reviews_whose_webhook_was_missed_are_found_and_those_before_a_day_are_not() {
    let (clock, secrets, platform) = (start(), Secrets::new(), FakeListing::start(100).await);
    for n in 0..230 {
        let written_s = SENT_AT_S - 1_000_000 + n * 3_000;
        platform.put(Entry { written_s, changed_s: written_s, ..entry(n, &format!("review {n}")) });
    }
    let account = format!(
        "id = \"pilot\"\nchannel = \"trustpilot\"\n\
         settings = {{ base_url = \"{}\", business_unit_id = \"b1\", poll_s = \"60\", private_addresses = \"true\", \
         poll_since = \"{}\" }}\nsecrets = {{ api_key = \"{}\", token = \"{}\" }}",
        platform.url(),
        Timestamp::UNIX_EPOCH.plus_seconds(SENT_AT_S - 1_000_000 + 30 * 3_000),
        secrets.put("key", KEY),
        secrets.put("hook", "let me in")
    );
    let world = World::start_at(Arc::new(clock.clone())).await;
    give_accounts(&world, &[&account]).await;
    meanwhile(&clock, events(&world, 200)).await;
    meanwhile(&clock, platform.gave(8)).await;
    let sums = ledger(&world).await["pilot"];
    assert_eq!((sums.accepted, sums.duplicate, sums.rejected), (200, 0, 0));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notice_makes_the_platform_be_asked_at_once() {
    let (clock, secrets, platform) = (start(), Secrets::new(), FakeListing::start(3).await);
    // Nobody would wait for a day.
    let account = google(&platform, &secrets, "").replace("poll_s = \"60\"", "poll_s = \"86400\"");
    let world = World::start_at(Arc::new(clock.clone())).await;
    give_accounts(&world, &[&account]).await;
    platform.put(entry(1, "first"));
    let first = platform.gave(1);
    let notice = r#"{"message":{"data":"eyJ0eXBlIjoiTkVXX1JFVklFVyJ9","messageId":"1"},"subscription":"s"}"#;
    let caller = Platform::of(&world);
    let call = || caller.call(Method::POST, "google?token=let%20me%20in", &[], notice);
    let (status, answer) = call().await;
    assert_eq!(status, 200, "{answer}");
    meanwhile(&clock, first).await;
    meanwhile(&clock, events(&world, 1)).await;
    platform.put(entry(20, "second"));
    let asked_at = clock.now();
    assert_eq!(call().await.0, 200);
    meanwhile(&clock, events(&world, 2)).await;
    assert!(clock.now().seconds_since(asked_at) < 40_000, "it was not its day");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_cannot_be_asked_is_named_and_no_address_leads_into_our_house() {
    let (clock, secrets, platform) = (start(), Secrets::new(), FakeListing::start(3).await);
    platform.put(entry(1, "It leaks"));
    let well = google(&platform, &secrets, "").replace("id = \"google\"", "id = \"well\"");
    let house = google(&platform, &secrets, "").replace(", private_addresses = \"true\"", "");
    let house = house.replace("id = \"google\"", "id = \"house\"").replace("http://", "https://");
    let open = house.replace("id = \"house\"", "id = \"open\"").replace("https://", "http://");
    let wrong = well.replace("id = \"well\"", "id = \"wrong\"").replace("accounts/1/locations/2", "here");
    let often = well.replace("id = \"well\"", "id = \"often\"").replace("poll_s = \"60\"", "poll_s = \"1\"");
    let ended = well.replace("id = \"well\"", "id = \"ended\"");
    let ended = ended.replace(&secrets.put("refresh", REFRESH), &secrets.put("other", "refresh-0"));
    let world = World::start_at(Arc::new(clock.clone())).await;
    give_accounts(&world, &[&well, &house, &open, &wrong, &often, &ended]).await;
    let mut state = world.platform.health();
    let named = |state: &service::health::State| {
        ["house", "open", "wrong", "often", "ended"].iter().all(|account| {
            state.degraded.iter().any(|waits| (waits.name, &*waits.stream) == ("asking", *account))
        })
    };
    let state = meanwhile(&clock, state.wait_for(named)).await.unwrap().clone();
    for (account, expected) in [
        ("house", "private network"),
        ("open", "the address is not https"),
        ("wrong", "setting location: "),
        ("often", "setting poll_s: "),
        ("ended", "invalid_grant"),
    ] {
        let waits = state.degraded.iter().find(|waits| waits.stream == account).unwrap();
        assert!(waits.reason.contains(expected), "{account}: {}", waits.reason);
    }
    assert_eq!(state.reasons, Vec::<String>::new(), "one account takes nobody out");
    assert!(state.degraded.iter().all(|waits| waits.stream != "well"));
    meanwhile(&clock, events(&world, 1)).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thread_with_more_pages_than_one_round_asks_for_comes_in_whole() {
    let (clock, secrets, platform) = (start(), Secrets::new(), FakeListing::start(2).await);
    let account = format!(
        "id = \"tube\"\nchannel = \"youtube\"\nthread = \"threads\"\n\
         settings = {{ base_url = \"{}\", channel_id = \"UC1\", poll_s = \"60\", private_addresses = \"true\" }}\n\
         secrets = {{ access_token = \"{}\" }}",
        platform.url(),
        secrets.put("token", "access-1")
    );
    // Ten pages are twenty of them.
    let replies = (0..45).map(|n| (format!("r1.{n}"), format!("reply {n}"))).collect();
    platform.put(Entry { replies, ..entry(1, "comment 1") });
    let world = World::start_at(Arc::new(clock.clone())).await;
    give_accounts(&world, &[&account]).await;
    meanwhile(&clock, events(&world, 46)).await;
    meanwhile(&clock, platform.gave(4)).await;
    let sums = ledger(&world).await["tube"];
    assert_eq!((sums.accepted, sums.duplicate, sums.rejected), (46, 0, 0));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_for_and_cannot_be_kept_is_a_dead_letter() {
    let (clock, secrets, platform) = (start(), Secrets::new(), FakeListing::start(5).await);
    platform.put(entry(1, "good"));
    // Longer than any id.
    platform.put(Entry { id: "x".repeat(2_000), ..entry(2, "named too long") });
    let world = World::start_at(Arc::new(clock.clone())).await;
    give_accounts(&world, &[&google(&platform, &secrets, "")]).await;
    meanwhile(&clock, events(&world, 1)).await;
    meanwhile(&clock, platform.gave(3)).await;
    let kept = letters(&world, State::Kept).await;
    let [letter] = &kept[..] else { panic!("{kept:?}") };
    assert_eq!((&*letter.connector, &*letter.path), ("asked:google_reviews", "external_id"));
    let again = retry(&world, &letter.id).await;
    assert_eq!((again.state(), again.retries), (State::Kept, 1));
    let sums = ledger(&world).await["google"];
    assert_eq!(sums.accepted, 1);
    world.end().await;
}
