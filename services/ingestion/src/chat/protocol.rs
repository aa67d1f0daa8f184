//! What is said between a browser and the server: JSON objects, told apart by their `type`. The same over a WebSocket, one in
//! each text frame, and over HTTP, one in each body.

use domain::ids::ReplyId;
use http::StatusCode;
use serde::{Deserialize, Serialize};

/// The longest frame of a browser, in bytes: a text of the longest, as JSON writes it.
pub(super) const FRAME_MAX: usize = 128 << 10;
/// Lines of one answer.
pub(super) const LINES_MAX: usize = 50;
/// Lines that one frame may say to have been seen.
pub(super) const SEEN_MAX: usize = 100;

/// What a browser says. What it says beside that is passed over: a newer widget may say more.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Client {
    /// First of all: who it is.
    Hello {
        /// The token of the last welcome, if there was one.
        visitor: Option<String>,
        /// For whom the page vouches.
        user: Option<User>,
        /// The cursor up to which everything is here; without one, the end of the transcript is told.
        since: Option<u64>,
    },
    /// Something to be said to us. The same `id` again is the same message.
    Say(Say),
    /// Replies that are here, or were looked at.
    Seen {
        /// Their ids, at most [`SEEN_MAX`].
        ids: Vec<String>,
        /// Which of both.
        how: How,
    },
    /// More of the transcript: what stands before this line.
    Older {
        /// The `order` of the oldest line that is here.
        before: u64,
    },
    /// Over HTTP: answer when something changed after this cursor, or after a while.
    Wait {
        /// The cursor.
        since: u64,
    },
    /// Is anybody there?
    Ping,
}

/// Something that a visitor says. The same id with the same words is the same message; with others, another one.
#[derive(Debug, Deserialize)]
pub(super) struct Say {
    /// A UUID that the browser chose.
    pub(super) id: String,
    /// The words.
    pub(super) text: String,
    /// How he calls himself, or the page calls him.
    pub(super) name: Option<String>,
    /// The language of his browser.
    pub(super) language: Option<String>,
    /// The page on which he is, without its query.
    pub(super) page: Option<String>,
}

/// A user of the page, and the proof that the page says so.
#[derive(Debug, Deserialize)]
pub(super) struct User {
    /// What the page calls him.
    pub(super) id: String,
    /// The HMAC-SHA256 of it under the account's `identity_secret`, in hexadecimal.
    pub(super) signature: String,
}

/// How far a reply came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum How {
    /// It stands in the log, for the visitor to see. Only the server says that.
    Sent,
    /// The browser has it.
    Delivered,
    /// The visitor has seen it.
    Read,
}

/// What the server says.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Server {
    /// Come in.
    Welcome {
        /// The token for the next time, and for each call over HTTP. It replaces the last one.
        visitor: String,
        /// How long a message may be.
        length_max: Option<u32>,
        /// Lines: the end of the transcript, or what changed since the cursor.
        items: Vec<Item>,
        /// Whether there are older ones.
        more: bool,
        /// Up to where everything is told.
        cursor: u64,
    },
    /// New lines, and lines that changed: each replaces the one with its id.
    Items {
        /// The lines.
        items: Vec<Item>,
        /// Up to where everything is told.
        cursor: u64,
    },
    /// Older lines.
    Older {
        /// The lines.
        items: Vec<Item>,
        /// Whether there are still older ones.
        more: bool,
    },
    /// What was said is in the log, and safe.
    Taken {
        /// The id that the browser gave it.
        id: String,
    },
    /// What was seen is noted.
    Noted,
    /// It is not taken.
    Refused(Refused),
    /// Somebody is there.
    Pong,
}

/// A line of a transcript.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Item {
    /// Of what the visitor said, the id that his browser gave it.
    pub(super) id: String,
    /// Who said it.
    pub(super) from: From,
    /// How the person is called that said it, of us, where policy tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    /// The words. Empty if they were erased.
    pub(super) text: String,
    /// Whether they were.
    pub(super) erased: bool,
    /// When, as RFC 3339 has it.
    pub(super) at: String,
    /// Its place in the transcript. Several lines may have the same: they keep the order in which they are told.
    pub(super) order: u64,
    /// Of ours: how far it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) state: Option<How>,
}

/// Who said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum From {
    /// The visitor.
    Visitor,
    /// We.
    Us,
}

/// Why something is not taken, and what to do about it.
#[derive(Debug, Serialize)]
pub(super) struct Refused {
    /// The id of what was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    /// A word for programs.
    pub(super) code: &'static str,
    /// A sentence for people.
    pub(super) message: String,
    /// Whether the same again will be refused again. Else it is to be sent again.
    #[serde(rename = "final")]
    pub(super) is_final: bool,
    /// After how many seconds, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retry_after_s: Option<u64>,
    /// Of an answer over HTTP.
    #[serde(skip)]
    pub(super) status: StatusCode,
}

impl Refused {
    /// For good.
    pub(super) fn never(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { id: None, code, message: message.into(), is_final: true, retry_after_s: None, status }
    }

    /// For now.
    pub(super) fn later(
        status: StatusCode,
        code: &'static str,
        message: impl Into<String>,
        after_s: u64,
    ) -> Self {
        Self { is_final: false, retry_after_s: Some(after_s.max(1)), ..Self::never(status, code, message) }
    }

    /// It is about this message.
    pub(super) fn about(self, id: &str) -> Self {
        Self { id: Some(id.to_owned()), ..self }
    }
}

/// What a browser says, read. The decoder's own words could quote a value: they are not repeated.
pub(super) fn read(text: &str) -> Result<Client, Refused> {
    let bad = |message| Refused::never(StatusCode::BAD_REQUEST, "bad_frame", message);
    if text.len() > FRAME_MAX {
        return Err(bad(format!("a frame has at most {FRAME_MAX} bytes")));
    }
    serde_json::from_str(text).map_err(|_| {
        bad("not a frame of this protocol: a JSON object with the type hello, say, seen, older, wait or ping, and its fields".to_owned())
    })
}

/// How a part of a reply is called in a transcript and in receipts.
pub(crate) fn line_of(reply: ReplyId, part: u16) -> String {
    format!("{reply}.{part}")
}

/// The reply of a line.
pub(super) fn reply_of(line: &str) -> Option<ReplyId> {
    let (reply, part) = line.split_once('.')?;
    let (reply, part): (ReplyId, u16) = (reply.parse().ok()?, part.parse().ok()?);
    // However else the same could be written: it is another name.
    (line_of(reply, part) == line).then_some(reply)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn frames_are_read_and_what_is_none_is_refused_without_repeating_it() {
        let read_json = |value: serde_json::Value| read(&value.to_string());
        assert!(matches!(read_json(json!({"type": "hello"})), Ok(Client::Hello { visitor: None, .. })));
        assert!(matches!(read_json(json!({"type": "ping", "more": [1]})), Ok(Client::Ping)));
        let seen = json!({"type": "seen", "ids": ["a"], "how": "read"});
        assert!(matches!(read_json(seen), Ok(Client::Seen { how: How::Read, .. })));
        for bad in [
            json!([]),
            json!(null),
            json!({}),
            json!({"type": "secret-type"}),
            json!({"type": "say", "id": 7, "text": "secret-text"}),
            json!({"type": "older", "before": -1}),
            json!({"type": "say", "text": "secret-text"}),
        ] {
            let refused = read_json(bad.clone()).unwrap_err();
            assert_eq!((refused.code, refused.is_final), ("bad_frame", true), "{bad}");
            assert!(!refused.message.contains("secret"), "{}", refused.message);
        }
        assert!(read(&format!("{{\"type\":\"ping\",\"x\":\"{}\"}}", "x".repeat(FRAME_MAX))).is_err());
        assert!(read(&"[".repeat(FRAME_MAX)).is_err());
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let later = Refused::later(StatusCode::TOO_MANY_REQUESTS, "too_many", "Wait.", 0).about("m");
        let expected = json!({"type": "refused", "id": "m", "code": "too_many", "message": "Wait.",
                              "final": false, "retry_after_s": 1});
        assert_eq!(serde_json::to_value(Server::Refused(later)).unwrap(), expected);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_text_is_too_strange(text in ".{0,200}") {
            let _ = read(&text);
            let _ = reply_of(&text);
        }

        #[test]
        fn a_line_names_its_reply(id: u128, part: u16) {
            let reply = ReplyId(uuid::Uuid::from_u128(id));
            let line = line_of(reply, part);
            prop_assert_eq!(reply_of(&line), Some(reply));
            prop_assert_eq!(reply_of(&line.to_uppercase()).is_some(), line == line.to_uppercase());
            prop_assert_eq!(reply_of(&format!("{line}0x")), None);
        }
    }
}
