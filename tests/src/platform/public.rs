//! Where everybody reads, or a whole team: Slack, X, YouTube, reviews.

use serde_json::{Value, json};

use super::{
    Taken,
    call::{Answer, Call, File, text},
    kind::Kind,
};

/// As many posts as X gives at once.
const PAGE: usize = 100;

/// It gives back the metadata of what it has.
pub(super) struct Slack;

impl Kind for Slack {
    fn is_at(&self, path: &str) -> bool {
        path.starts_with("/api/")
    }

    fn said(&self, call: &Call, _: &[File]) -> Taken {
        let json = call.json();
        let channel = text(&json["channel"]);
        let thread = json["thread_ts"].as_str().map(str::to_owned);
        let template = Some(json["metadata"].clone());
        Taken { to: channel, text: text(&json["text"]), tag: thread, template, ..Taken::default() }
    }

    fn took(&self, taken: &Taken, _: bool) -> Answer {
        Answer::new(200, json!({"ok": true, "channel": taken.to, "ts": taken.id}))
    }

    fn has(&self, call: &Call, taken: &[&Taken]) -> Value {
        let channel = call.parameter("channel");
        let thread = Some(call.parameter("ts")).filter(|_| call.path.ends_with(".replies"));
        let with_metadata = call.parameter("include_all_metadata") == "true";
        let here = taken.iter().filter(|taken| taken.to == channel && taken.tag == thread);
        let messages: Vec<_> = here
            .map(|taken| {
                let mut message = json!({"type": "message", "text": taken.text, "ts": taken.id});
                if with_metadata {
                    message["metadata"] = taken.template.clone().unwrap_or_default();
                }
                message
            })
            .collect();
        json!({"ok": true, "messages": messages, "has_more": false})
    }
}

/// It lists what we posted, and what was said with somebody. In public it refuses what it has already.
pub(super) struct X;

impl Kind for X {
    fn is_at(&self, path: &str) -> bool {
        path.starts_with("/2/")
    }

    fn said(&self, call: &Call, _: &[File]) -> Taken {
        let json = call.json();
        let answers = json["reply"]["in_reply_to_tweet_id"].as_str().map(str::to_owned);
        let is_post = call.path == "/2/tweets";
        let to = if is_post { answers.unwrap_or_default() } else { call.part(3) };
        let tag = is_post.then(|| "post".to_owned());
        Taken { to, text: text(&json["text"]), tag, ..Taken::default() }
    }

    fn took(&self, taken: &Taken, _: bool) -> Answer {
        let place = if taken.tag.is_some() { "id" } else { "dm_event_id" };
        Answer::new(201, json!({"data": {place: taken.id}}))
    }

    fn has(&self, call: &Call, taken: &[&Taken]) -> Value {
        let posts = call.part(1) == "users";
        let with = call.part(3);
        let here = |taken: &&&Taken| taken.tag.is_some() == posts && (posts || taken.to == with);
        let all: Vec<_> = taken.iter().rev().filter(here).collect();
        let data: Vec<_> = all
            .iter()
            .take(PAGE)
            .map(|taken| {
                let mut one = json!({"id": taken.id, "text": taken.text, "sender_id": "ours"});
                if posts {
                    one["referenced_tweets"] = json!([{"type": "replied_to", "id": taken.to}]);
                }
                one
            })
            .collect();
        let mut meta = json!({"result_count": data.len()});
        if all.len() > data.len() {
            meta["next_token"] = "more".into();
        }
        // Where there is nothing, it leaves the list out.
        if data.is_empty() { json!({"meta": meta}) } else { json!({"data": data, "meta": meta}) }
    }

    fn refuses(&self, said: &Taken, taken: &[Taken]) -> Option<Answer> {
        let same =
            |one: &Taken| one.platform == said.platform && one.tag == said.tag && one.text == said.text;
        let refused = json!({"detail": "You are not allowed to create a Tweet with duplicate content."});
        (said.tag.is_some() && taken.iter().any(same)).then(|| Answer::new(403, refused))
    }
}

/// It lists the replies of a thread.
pub(super) struct Youtube;

impl Kind for Youtube {
    fn is_at(&self, path: &str) -> bool {
        path == "/youtube/v3/comments"
    }

    fn said(&self, call: &Call, _: &[File]) -> Taken {
        let snippet = &call.json()["snippet"];
        Taken { to: text(&snippet["parentId"]), text: text(&snippet["textOriginal"]), ..Taken::default() }
    }

    fn took(&self, taken: &Taken, _: bool) -> Answer {
        Answer::new(200, json!({"id": format!("{}.{}", taken.to, taken.id)}))
    }

    fn has(&self, call: &Call, taken: &[&Taken]) -> Value {
        let parent = call.parameter("parentId");
        let here = taken.iter().filter(|taken| taken.to == parent);
        let items: Vec<_> = here
            .map(|taken| {
                let id = format!("{}.{}", taken.to, taken.id);
                json!({"id": id, "snippet": {"textOriginal": taken.text, "parentId": taken.to}})
            })
            .collect();
        json!({"items": items})
    }
}

/// A review has one reply: another one takes its place.
pub(super) struct GoogleReviews;

impl Kind for GoogleReviews {
    fn is_at(&self, path: &str) -> bool {
        path.starts_with("/v4/accounts/")
    }

    fn said(&self, call: &Call, _: &[File]) -> Taken {
        of_review(call, text(&call.json()["comment"]))
    }

    fn took(&self, taken: &Taken, _: bool) -> Answer {
        Answer::new(200, json!({"comment": taken.text, "updateTime": "2026-05-03T14:30:00Z"}))
    }

    fn replaces(&self) -> bool {
        true
    }
}

/// A review has one reply here as well.
pub(super) struct Trustpilot;

impl Kind for Trustpilot {
    fn is_at(&self, path: &str) -> bool {
        path.starts_with("/v1/private/reviews/")
    }

    fn said(&self, call: &Call, _: &[File]) -> Taken {
        of_review(call, text(&call.json()["message"]))
    }

    fn took(&self, _: &Taken, _: bool) -> Answer {
        Answer::new(204, Value::Null)
    }

    fn replaces(&self) -> bool {
        true
    }
}

fn of_review(call: &Call, text: String) -> Taken {
    let review = call.part(-2);
    Taken { to: review.clone(), text, key: Some(review), ..Taken::default() }
}
