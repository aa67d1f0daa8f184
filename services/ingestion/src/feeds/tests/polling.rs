//! What an answer means, and when the next one is asked for.

use domain::time::Timestamp;
use proptest::prelude::*;

use crate::feeds::{
    Error, Outcome, Poll, Source,
    address::Refused,
    client::{Answer, Failure, Headers},
    pace::{BACKOFF_MAX_S, INTERVAL_MIN_S, REST_MAX_S, RETRY_AFTER_MAX_S, SKIPPED_MAX_S},
    poll::REDIRECTS_MAX,
};

const HOUR_S: i64 = 3_600;

pub(super) fn source(address: &str) -> Source {
    Source {
        account: "press".parse().unwrap(),
        address: address.parse().unwrap(),
        interval_s: HOUR_S,
        private_addresses: false,
    }
}

fn now() -> Timestamp {
    "2026-03-02T10:00:00Z".parse().unwrap()
}

pub(super) fn feed(entries: &[(&str, &str)]) -> Vec<u8> {
    let items: String = entries
        .iter()
        .map(|(id, text)| format!("<item><guid>{id}</guid><title>{text}</title></item>"))
        .collect();
    format!("<rss><channel><title>Press</title>{items}</channel></rss>").into_bytes()
}

fn answer(status: u16, body: Vec<u8>) -> Answer {
    Answer { status, headers: Headers::default(), body }
}

fn to(status: u16, location: &str) -> Answer {
    let headers = Headers { location: Some(location.to_owned()), ..Headers::default() };
    Answer { status, headers, body: Vec::new() }
}

fn ids(outcome: &Outcome) -> Vec<&str> {
    let Outcome::Read { messages, .. } = outcome else { panic!("{outcome:?}") };
    messages.iter().map(|message| &*message.external_id).collect()
}

#[test]
fn an_answer_is_compared_with_the_next_by_what_the_server_says_of_it() {
    let source = source("https://press.example/feed");
    let poll = Poll::new(&source, now());
    assert_eq!((poll.request(&source).etag, poll.request(&source).last_modified), (None, None));
    let mut first = answer(200, feed(&[("1", "One")]));
    first.headers.etag = Some("\"a\"".into());
    first.headers.last_modified = Some("Mon, 02 Mar 2026 09:00:00 GMT".into());
    let (poll, outcome) = poll.answered(&source, Ok(first), now());
    assert_eq!(ids(&outcome), ["1"]);
    let request = poll.request(&source);
    assert_eq!(request.etag.as_deref(), Some("\"a\""));
    assert_eq!(request.last_modified.as_deref(), Some("Mon, 02 Mar 2026 09:00:00 GMT"));
    let (poll, outcome) = poll.answered(&source, Ok(answer(304, vec![])), now());
    assert_eq!(outcome, Outcome::Unchanged { moved: None });
    assert_eq!(poll.request(&source), request, "a 304 need not say it again");
    // An answer without them takes them back.
    let (poll, _) = poll.answered(&source, Ok(answer(200, feed(&[("1", "One")]))), now());
    assert_eq!(poll.request(&source).etag, None);
}

#[test]
fn only_what_is_new_or_changed_is_handed_out() {
    let source = source("https://press.example/feed");
    let poll = Poll::new(&source, now());
    let (poll, outcome) = poll.answered(&source, Ok(answer(200, feed(&[("2", "Two"), ("1", "One")]))), now());
    assert_eq!(ids(&outcome), ["1", "2"], "oldest first");
    let later = now().plus_seconds(HOUR_S);
    let (poll, outcome) = poll.answered(&source, Ok(answer(200, feed(&[("2", "Two"), ("1", "One")]))), later);
    assert_eq!(outcome, Outcome::Unchanged { moved: None }, "an undated entry is the same later");
    let body = feed(&[("3", "Three"), ("2", "Two, corrected"), ("1", "One")]);
    let (_, outcome) = poll.answered(&source, Ok(answer(200, body)), later);
    assert_eq!(ids(&outcome), ["2", "3"]);
}

#[test]
fn a_feed_has_moved_only_if_all_ways_are_for_good_and_a_feed_is_at_their_end() {
    let source = source("https://press.example/feed");
    let start = Poll::new(&source, now());
    for (ways, end, moved) in [
        (vec![to(301, "/new")], answer(200, feed(&[])), Some("https://press.example/new")),
        (
            vec![to(308, "//press2.example/"), to(301, "b")],
            answer(304, vec![]),
            Some("https://press2.example/b"),
        ),
        (vec![to(302, "/new")], answer(200, feed(&[])), None),
        (vec![to(301, "/a"), to(307, "/b")], answer(200, feed(&[])), None),
        (vec![to(307, "/a"), to(301, "/b")], answer(200, feed(&[])), None),
    ] {
        let mut poll = start.clone();
        for way in ways {
            let outcome;
            (poll, outcome) = poll.answered(&source, Ok(way), now());
            assert_eq!(outcome, Outcome::Redirected);
        }
        let (poll, outcome) = poll.answered(&source, Ok(end), now());
        assert_eq!(outcome, Outcome::Unchanged { moved: moved.map(|moved| moved.parse().unwrap()) });
        assert_eq!(poll.request(&source).address.as_str(), moved.unwrap_or("https://press.example/feed"));
        // The settings' address is the same: what is known stays. Another one: it begins anew.
        assert_eq!(poll.clone().of(&source, now()), poll);
        let other = self::source("https://other.example/");
        assert_eq!(poll.of(&other, now()), Poll::new(&other, now()));
    }
    let (poll, _) = start.answered(&source, Ok(to(301, "/sign-in")), now());
    let (poll, outcome) = poll.answered(&source, Ok(answer(200, b"<html>Sign in</html>".to_vec())), now());
    assert_eq!(outcome, Outcome::Failed(Failure::Feed(Error::NotAFeed)));
    assert_eq!(poll.request(&source).address, source.address);
}

#[test]
fn redirects_end_and_never_lead_into_the_house() {
    let mut source = source("https://press.example/feed");
    let mut poll = Poll::new(&source, now());
    for _ in 0..REDIRECTS_MAX {
        poll = poll.answered(&source, Ok(to(301, "/feed")), now()).0;
    }
    let (poll, outcome) = poll.answered(&source, Ok(to(301, "/feed")), now());
    assert_eq!(outcome, Outcome::Failed(Failure::Redirects { max: REDIRECTS_MAX }));
    assert_eq!((poll.failures(), poll.request(&source).address), (1, source.address.clone()));
    for (location, refused) in [
        ("http://169.254.169.254/latest/meta-data/", Refused::Private),
        ("http://[::ffff:10.0.0.1]/", Refused::Private),
        ("http://localhost:6379/", Refused::Private),
        ("file:///etc/hostname", Refused::Scheme),
        ("gopher://a.example/", Refused::Scheme),
        ("https://ann:secret@a.example/", Refused::Credentials),
        ("http://", Refused::Unreadable),
    ] {
        let (_, outcome) = poll.clone().answered(&source, Ok(to(302, location)), now());
        assert_eq!(outcome, Outcome::Failed(Failure::Refused(refused)), "{location}");
    }
    let (_, outcome) = poll.clone().answered(&source, Ok(answer(302, vec![])), now());
    assert_eq!(outcome, Outcome::Failed(Failure::Status(302)));
    source.private_addresses = true;
    assert_eq!(poll.answered(&source, Ok(to(302, "http://10.0.0.1/")), now()).1, Outcome::Redirected);
}

#[test]
fn what_is_gone_is_never_asked_again_unless_it_was_only_passing_by() {
    let source = source("https://press.example/feed");
    let poll = Poll::new(&source, now());
    let (gone, outcome) = poll.clone().answered(&source, Ok(answer(410, vec![])), now());
    assert_eq!((outcome, gone.next_at()), (Outcome::Gone, None));
    let (passing, _) = poll.answered(&source, Ok(to(302, "/elsewhere")), now());
    let (after, outcome) = passing.answered(&source, Ok(answer(410, vec![])), now());
    assert_eq!(outcome, Outcome::Failed(Failure::Status(410)));
    assert!(after.next_at().is_some());
}

#[test]
fn servers_that_ask_for_time_are_given_it() {
    let source = source("https://press.example/feed");
    for status in [429, 503] {
        let mut busy = answer(status, vec![]);
        busy.headers.retry_after = Some("7200".into());
        let (poll, outcome) = Poll::new(&source, now()).answered(&source, Ok(busy), now());
        assert_eq!(outcome, Outcome::Failed(Failure::Status(status)));
        assert!(poll.next_at().unwrap() >= now().plus_seconds(7_200));
    }
    let mut cached = answer(200, feed(&[("1", "One")]));
    cached.headers.cache_control = Some("max-age=14400".into());
    let (poll, _) = Poll::new(&source, now()).answered(&source, Ok(cached), now());
    assert!(poll.next_at().unwrap() >= now().plus_seconds(14_400));
    let mut rss = String::from_utf8(feed(&[("1", "One")])).unwrap();
    rss = rss.replace("<title>Press", "<ttl>300</ttl><title>Press");
    let (poll, _) = Poll::new(&source, now()).answered(&source, Ok(answer(200, rss.into_bytes())), now());
    assert!(poll.next_at().unwrap() >= now().plus_seconds(18_000));
    // A 304 has no body: what the last one said still holds.
    let (poll, _) = poll.answered(&source, Ok(answer(304, vec![])), now());
    assert!(poll.next_at().unwrap() >= now().plus_seconds(18_000));
}

#[test]
fn failures_count_until_an_answer() {
    let source = source("https://press.example/feed");
    let mut poll = Poll::new(&source, now());
    let mut waits = Vec::new();
    for failure in [Failure::Timeout, Failure::Unreachable, Failure::TooLarge, Failure::Status(500)] {
        let outcome;
        (poll, outcome) = poll.answered(&source, Err(failure.clone()), now());
        assert_eq!(outcome, Outcome::Failed(failure));
        waits.push(poll.next_at().unwrap().seconds_since(now()));
    }
    assert!(waits.windows(2).all(|pair| pair[1] >= 2 * pair[0] - 1), "{waits:?}");
    let (poll, _) = poll.answered(&source, Ok(answer(304, vec![])), now());
    assert_eq!(poll.failures(), 0);
    assert!(poll.next_at().unwrap().seconds_since(now()) < 2 * HOUR_S);
}

#[test]
fn what_is_kept_between_two_requests_is_read_again() {
    let source = source("https://press.example/feed");
    let mut first = answer(200, feed(&[("1", "One")]));
    first.headers.etag = Some("\"a\"".into());
    let (poll, _) = Poll::new(&source, now()).answered(&source, Ok(first), now());
    let kept = serde_json::to_string(&poll).unwrap();
    assert_eq!(serde_json::from_str::<Poll>(&kept).unwrap(), poll);
    // A way over redirects is not: it begins at the address again.
    let (onward, _) = poll.clone().answered(&source, Ok(to(302, "/elsewhere")), now());
    let kept = serde_json::to_string(&onward).unwrap();
    assert_eq!(serde_json::from_str::<Poll>(&kept).unwrap().request(&source).address, source.address);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_answered_the_next_request_comes_neither_at_once_nor_never(
        answers in prop::collection::vec(
            (0..600_u16, prop::option::of("[ -~]{0,30}"), prop::option::of("-?[0-9]{1,20}"), prop::option::of("max-age=[0-9]{1,20}"), "[ -~]{0,60}"),
            1..12,
        ),
        interval_s in any::<i64>(),
    ) {
        let source = Source { interval_s: interval_s % (2 * REST_MAX_S), ..source("https://press.example/feed") };
        let mut poll = Poll::new(&source, now());
        let mut now = now();
        for (status, location, retry_after, cache_control, body) in answers {
            let headers = Headers { location, retry_after, cache_control, ..Headers::default() };
            let answer = Answer { status, headers, body: format!("<rss><channel><item>{body}").into_bytes() };
            let outcome;
            (poll, outcome) = poll.answered(&source, Ok(answer), now);
            if outcome == Outcome::Redirected {
                continue;
            }
            if let Some(next) = poll.next_at() {
                let wait_s = next.seconds_since(now);
                let longest = 2 * (2 * REST_MAX_S).max(BACKOFF_MAX_S).max(RETRY_AFTER_MAX_S) + SKIPPED_MAX_S;
                prop_assert!((INTERVAL_MIN_S..=longest).contains(&wait_s), "{} s", wait_s);
                now = next;
            }
        }
    }
}
