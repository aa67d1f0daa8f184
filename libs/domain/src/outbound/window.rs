//! Reply windows: how long after a customer's message he may be written to.

use std::collections::{BTreeMap, BTreeSet};

use super::{Form, Refusal};
use crate::{
    ids::{MessageTag, TemplateName},
    time::Timestamp,
};

/// What a channel lets us send, and when. Data of the policy: platforms change their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capability {
    /// Whether it is only listened to.
    pub listen_only: bool,
    /// For how many seconds after the customer's last message he may be answered freely; none: always.
    pub window_s: Option<i64>,
    /// Which templates go out at any time.
    pub templates: Templates,
    /// Which tags there are, and for how many seconds after the customer's last message each may be used; none: always.
    pub tags: BTreeMap<MessageTag, Option<i64>>,
}

/// Which templates a channel has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Templates {
    /// None.
    #[default]
    None,
    /// Those that the platform knows: it will say if it does not know one.
    Any,
    /// These.
    These(BTreeSet<TemplateName>),
}

/// Whether a message may be sent now.
///
/// `last_inbound_at` is when the customer last wrote: a message of his, neither a reaction nor a receipt, and none of
/// imported history.
///
/// A window of `n` seconds is open at every instant before `last_inbound_at + n`, and closed from exactly that instant
/// on. The platform looks at its own clock when the message arrives there, which is later than `now`: at the border itself it
/// would refuse.
pub fn can_send(
    capability: &Capability,
    last_inbound_at: Option<Timestamp>,
    now: Timestamp,
    form: &Form,
) -> Result<(), Refusal> {
    if capability.listen_only {
        return Err(Refusal::ListenOnly);
    }
    match form {
        Form::Free => within(capability.window_s, last_inbound_at, now),
        Form::Template(template) => {
            let allowed = match &capability.templates {
                Templates::None => false,
                Templates::Any => true,
                Templates::These(names) => names.contains(&template.name),
            };
            if allowed { Ok(()) } else { Err(Refusal::TemplateNotAllowed) }
        }
        Form::Tag { name } => {
            let window_s = capability.tags.get(name).ok_or(Refusal::TagNotAllowed)?;
            within(*window_s, last_inbound_at, now)
        }
    }
}

fn within(window_s: Option<i64>, last_inbound_at: Option<Timestamp>, now: Timestamp) -> Result<(), Refusal> {
    let Some(window_s) = window_s else { return Ok(()) };
    let closed_at = last_inbound_at.ok_or(Refusal::NeverWritten)?.plus_seconds(window_s);
    if now < closed_at { Ok(()) } else { Err(Refusal::WindowClosed { closed_at }) }
}

#[cfg(test)]
mod tests;
