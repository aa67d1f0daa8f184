//! The comments under the videos of a YouTube channel: `commentThreads.list` and, where a thread has more replies than that
//! gives, `comments.list` of version 3.
//!
//! Setting: `channel_id`. Secret: `access_token`, or `refresh_token` and what goes with it. The list is in the order in which
//! threads began: replies to older ones, and what is changed, are found by the sweep. Each page costs a unit of the quota of
//! 10,000 a day: a round costs two, and one for each thread with many new replies.

use domain::time::Timestamp;
use serde_json::Value;

use super::lists::{Inner, List, named, text, time};
use crate::{
    account::Via,
    channels::{
        self, Config, Happening, Malformed,
        speak::{Call, Unsayable, address, with_query},
    },
};

const NAME: &str = "youtube";
const CHANNEL: &str = "channel_id";
const TOKEN: &str = "access_token";
/// As many as YouTube gives at once.
const PAGE_SIZE: &str = "100";
const INTERVAL_S: i64 = 5 * 60;

/// The list.
pub(super) struct Youtube;

/// Replies of a thread.
struct Replies;

impl List for Youtube {
    fn name(&self) -> &'static str {
        NAME
    }

    fn interval_s(&self) -> i64 {
        INTERVAL_S
    }

    fn place(&self, via: &Via) -> Option<Result<String, String>> {
        named(via, CHANNEL).map(|channel| Ok(channel.to_owned()))
    }

    fn call(&self, config: &Config, page: Option<&str>) -> Result<Call, Unsayable> {
        let mut query = vec![
            ("part", "snippet,replies"),
            ("allThreadsRelatedToChannelId", config.needed(CHANNEL)?.trim()),
            ("order", "time"),
            ("textFormat", "plainText"),
            ("maxResults", PAGE_SIZE),
        ];
        query.extend(page.map(|page| ("pageToken", page)));
        get(config, "commentThreads", &query)
    }

    fn entries(&self) -> &'static str {
        "items"
    }

    fn next(&self, body: &Value, _: Option<&str>) -> Option<String> {
        text(body, "/nextPageToken")
    }

    fn at(&self, entry: &Value) -> Option<Timestamp> {
        time(entry, "/snippet/topLevelComment/snippet/publishedAt")
    }

    fn read(&self, body: &Value) -> Result<Vec<Happening>, Malformed> {
        channels::youtube::comments(body.to_string().as_bytes())
    }

    fn inner(&self) -> Option<&dyn Inner> {
        Some(&Replies)
    }
}

impl Inner for Replies {
    fn rest(&self, entry: &Value) -> Option<String> {
        let there = entry["replies"]["comments"].as_array().map_or(0, Vec::len) as u64;
        let total = entry["snippet"]["totalReplyCount"].as_u64()?;
        let id = entry["id"].as_str()?;
        (total > there).then(|| format!("{id} {total}"))
    }

    fn call(&self, config: &Config, entry: &Value, page: Option<&str>) -> Result<Call, Unsayable> {
        let id = entry["id"].as_str().unwrap_or_default();
        let mut query = vec![
            ("part", "snippet"),
            ("parentId", id),
            ("textFormat", "plainText"),
            ("maxResults", PAGE_SIZE),
        ];
        query.extend(page.map(|page| ("pageToken", page)));
        get(config, "comments", &query)
    }

    fn put(&self, entry: &mut Value, mut page: Value) -> Option<String> {
        let next = text(&page, "/nextPageToken");
        // A page of replies does not say whose channel it is.
        let channel = entry["snippet"]["topLevelComment"]["snippet"]["channelId"].clone();
        let Value::Array(mut replies) = page["items"].take() else { return next };
        replies.retain(Value::is_object);
        for reply in &mut replies {
            if let Some(snippet) = reply.get_mut("snippet").and_then(Value::as_object_mut) {
                snippet.entry("channelId").or_insert_with(|| channel.clone());
            }
        }
        if !entry["replies"]["comments"].is_array() {
            let Some(thread) = entry.as_object_mut() else { return next };
            thread.insert("replies".to_owned(), serde_json::json!({ "comments": [] }));
        }
        if let Some(there) = entry["replies"]["comments"].as_array_mut() {
            // The whole list says it better than its beginning did.
            let listed = |one: &Value| replies.iter().any(|reply| reply["id"] == one["id"]);
            there.retain(|one| !listed(one));
            there.append(&mut replies);
        }
        next
    }
}

fn get(config: &Config, list: &str, query: &[(&str, &str)]) -> Result<Call, Unsayable> {
    let token = config.token(TOKEN)?;
    let base = channels::speaker(NAME).map(|speaker| config.base_url(speaker)).unwrap_or_default();
    Ok(Call::get(with_query(&address(base, &["youtube", "v3", list])?, query)).bearer(token))
}
