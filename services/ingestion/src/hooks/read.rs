//! What a proved call says: all that can be read of it, and what cannot.

use std::collections::BTreeSet;

use super::happened::Unkept;
use crate::channels::{
    Answer, Config, Connector, Happening, Hook, Malformed, Said,
    split::{self, Whole},
};

/// Dead letters of one call: with more that cannot be read, it is kept as a whole.
const UNREAD_MAX: usize = 100;

/// What a call says.
pub(crate) struct Read {
    pub(crate) happenings: Vec<Happening>,
    pub(crate) answer: Answer,
    pub(crate) unread: Vec<Unread>,
}

/// What cannot be read of a call.
pub(crate) struct Unread {
    /// A body with one event; nothing: the body of the call.
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) why: Malformed,
    pub(crate) loses: Loses,
}

/// What would be lost with something that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loses {
    /// What a customer wrote, for all that is known of what cannot be read.
    Words,
    /// What a platform said of a message: how far it came.
    Notice,
}

impl Loses {
    /// With a piece. It says one thing, so that it is a notice if what is wrong lies within one.
    fn piece(connector: &dyn Connector, why: &Malformed) -> Self {
        let path = why.path.replace(|letter: char| letter.is_ascii_digit(), "");
        let within = connector.notices().iter().any(|notice| path.starts_with(notice));
        if within { Self::Notice } else { Self::Words }
    }
}

impl Read {
    /// Reads a call: as a whole, or where that cannot be, event by event.
    pub(crate) fn of(connector: &dyn Connector, hook: &Hook<'_>, config: &Config) -> Self {
        match connector.read(hook, config) {
            Ok(Said { happenings, answer }) => Self { happenings, answer, unread: Vec::new() },
            Err(why) => Self::piecemeal(connector, hook, config, why),
        }
    }

    fn piecemeal(connector: &dyn Connector, hook: &Hook<'_>, config: &Config, why: Malformed) -> Self {
        let mut happenings = Vec::new();
        let mut answer = None;
        let mut unread: Vec<Unread> = Vec::new();
        let mut bytes = 0;
        let mut too_many = false;
        let mut words = false;
        let pieces = split::each(hook.body, connector.lists(), &mut |body| match connector
            .read(&Hook { body, ..*hook }, config)
        {
            Ok(said) => {
                happenings.extend(said.happenings);
                answer.get_or_insert(said.answer);
            }
            Err(why) => {
                let loses = Loses::piece(connector, &why);
                words |= loses == Loses::Words;
                bytes += body.len();
                too_many |= unread.len() >= UNREAD_MAX || bytes > hook.body.len();
                if !too_many {
                    unread.push(Unread { body: Some(body.to_vec()), why, loses });
                }
            }
        });
        let answer = answer.unwrap_or_else(|| connector.taken());
        // What was wrong with the whole must be wrong with a piece; if it is not, the whole is what is left of it.
        if too_many || unread.is_empty() || pieces.is_err() {
            if pieces == Err(Whole::TooMany) {
                tracing::warn!(connector = connector.name(), "a call has too many events to look at each");
            }
            let notices = pieces.is_ok() && !unread.is_empty() && !words;
            let loses = if notices { Loses::Notice } else { Loses::Words };
            return Self { happenings, answer, unread: vec![Unread { body: None, why, loses }] };
        }
        Self { happenings, answer, unread }
    }
}

/// The bodies that say what is not kept.
pub(crate) fn unkept(
    connector: &dyn Connector,
    hook: &Hook<'_>,
    config: &Config,
    unkept: &[Unkept],
) -> Vec<Unread> {
    let mut left: BTreeSet<_> = unkept.iter().filter_map(|unkept| unkept.external_id.as_deref()).collect();
    let mut unread = Vec::new();
    let all = left.len();
    let whole = unkept.iter().find(|unkept| unkept.external_id.is_none());
    if whole.is_none() && all <= UNREAD_MAX {
        // What is not found in a piece is looked for in the whole.
        let _ = split::each(hook.body, connector.lists(), &mut |body| {
            let Ok(said) = connector.read(&Hook { body, ..*hook }, config) else { return };
            let ids = said.happenings.iter().filter_map(|happening| match happening {
                Happening::Message(message) => Some(message.external_id.as_str()),
                _ => None,
            });
            for id in ids {
                if left.remove(id)
                    && let Some(Unkept { why, .. }) =
                        unkept.iter().find(|unkept| unkept.external_id.as_deref() == Some(id))
                {
                    unread.push(Unread { body: Some(body.to_vec()), why: why.clone(), loses: Loses::Words });
                }
            }
        });
        if left.is_empty() {
            return unread;
        }
    }
    let why = whole.or(unkept.first()).map(|unkept| unkept.why.clone());
    why.map(|why| Unread { body: None, why, loses: Loses::Words }).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};
    use serde_json::json;

    use super::*;
    use crate::channels;

    /// What each thing that cannot be read of a body would lose.
    fn loses(connector: &str, body: &serde_json::Value) -> Vec<Loses> {
        let (body, headers) = (body.to_string(), HeaderMap::new());
        let now = domain::time::Timestamp::UNIX_EPOCH;
        let hook = Hook { method: &Method::POST, url: "", headers: &headers, body: body.as_bytes(), now };
        let read = Read::of(channels::find(connector).unwrap(), &hook, &Config::default());
        read.unread.into_iter().map(|unread| unread.loses).collect()
    }

    #[test]
    fn a_notice_is_what_stands_where_no_words_can() {
        let call = |value| {
            let change = json!({"field": "messages", "value": value});
            json!({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]})
        };
        let broken = json!({"text": {"body": "help"}});
        let both = json!({"messages": [&broken], "statuses": [{"status": "read"}], "errors": [{"title": "x".repeat(500)}]});
        assert_eq!(loses("whatsapp_cloud", &call(both)), [Loses::Words, Loses::Notice]);
        // So many that the whole is kept.
        assert_eq!(loses("whatsapp_cloud", &call(json!({"statuses": [1, 2, 3]}))), [Loses::Notice]);
        let some = json!({"messages": [broken], "statuses": [1, 2, 3]});
        assert_eq!(loses("whatsapp_cloud", &call(some)), [Loses::Words]);
        // No list any more: what else stands there is not known.
        let changed = json!({"messages": [], "statuses": {"status": "read"}});
        assert_eq!(loses("whatsapp_cloud", &call(changed)), [Loses::Words]);

        let chat = |event| json!({"object": "page", "entry": [{"id": "1", "messaging": [event]}]});
        let read = json!({"sender": {"id": "7"}, "read": {"watermark": "soon"}});
        assert_eq!(loses("messenger", &chat(read)), [Loses::Notice]);
        let words =
            json!({"sender": {"id": "7"}, "read": {"watermark": "soon"}, "message": {"text": "help"}});
        assert_eq!(loses("messenger", &chat(words)), [Loses::Words], "a message, whatever else it is");
        let shape = json!({"sender": {"id": "7"}, "read": "soon", "message": {"mid": "m", "text": "help"}});
        assert_eq!(loses("messenger", &chat(shape)), [Loses::Words], "nobody knows what it is");
    }
}
