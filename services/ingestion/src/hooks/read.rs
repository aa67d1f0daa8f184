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
        let pieces = split::each(hook.body, connector.lists(), &mut |body| match connector
            .read(&Hook { body, ..*hook }, config)
        {
            Ok(said) => {
                happenings.extend(said.happenings);
                answer.get_or_insert(said.answer);
            }
            Err(why) => {
                bytes += body.len();
                too_many |= unread.len() >= UNREAD_MAX || bytes > hook.body.len();
                if !too_many {
                    unread.push(Unread { body: Some(body.to_vec()), why });
                }
            }
        });
        let answer = answer.unwrap_or_else(|| connector.taken());
        // What was wrong with the whole must be wrong with a piece; if it is not, the whole is what is left of it.
        if too_many || unread.is_empty() || pieces.is_err() {
            if pieces == Err(Whole::TooMany) {
                tracing::warn!(connector = connector.name(), "a call has too many events to look at each");
            }
            return Self { happenings, answer, unread: vec![Unread { body: None, why }] };
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
                    unread.push(Unread { body: Some(body.to_vec()), why: why.clone() });
                }
            }
        });
        if left.is_empty() {
            return unread;
        }
    }
    let why = whole.or(unkept.first()).map(|unkept| unkept.why.clone());
    why.map(|why| Unread { body: None, why }).into_iter().collect()
}
