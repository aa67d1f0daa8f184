//! The rows of the read model, as they follow from the state of a case or from a message.

use std::sync::LazyLock;

use domain::{
    case::{self, Case, Priority},
    channel::{Direction, Visibility},
    ids::{CaseId, MessageId},
    message::Content,
    personal::Personal,
    time::Timestamp,
};
use serde::Serialize;
use service::store::{Type, Upsert};

/// A case in the list.
#[derive(Debug, Serialize)]
pub struct CaseRow {
    pub id: String,
    pub seq: u64,
    pub version: u64,
    pub status: &'static str,
    pub status_label: Option<String>,
    pub priority: u8,
    pub title: Option<String>,
    pub title_owner: Option<String>,
    pub category: Option<String>,
    pub region: String,
    pub team: Option<String>,
    pub assignee: Option<String>,
    pub account: String,
    pub channel: String,
    pub customer: Option<String>,
    pub language: Option<String>,
    pub opened_at: i64,
    pub updated_at: i64,
    pub waiting_since: i64,
    pub snoozed_until: Option<i64>,
    pub held_until: Option<i64>,
    pub first_response_at: Option<i64>,
    pub resolved_at: Option<i64>,
    pub closed_at: Option<i64>,
    pub hold: Option<&'static str>,
    pub cycle: u32,
    pub escalation: u8,
    pub escalated_to: Option<String>,
    pub merged_into: Option<String>,
    pub origin: &'static str,
    pub live: u8,
    pub tags: Vec<String>,
    pub message_count: usize,
}

/// Writes [`CaseRow`]s.
pub static CASES: LazyLock<Upsert> = LazyLock::new(|| {
    use Type::{Int, Json, Text};
    Upsert::with_constants(
        "case_row",
        &["id"],
        &[
            ("id", Text),
            ("seq", Int),
            ("version", Int),
            ("status", Text),
            ("status_label", Text),
            ("priority", Int),
            ("title", Text),
            ("title_owner", Text),
            ("category", Text),
            ("region", Text),
            ("team", Text),
            ("assignee", Text),
            ("account", Text),
            ("channel", Text),
            ("customer", Text),
            ("language", Text),
            ("opened_at", Int),
            ("updated_at", Int),
            ("waiting_since", Int),
            ("snoozed_until", Int),
            ("held_until", Int),
            ("first_response_at", Int),
            ("resolved_at", Int),
            ("closed_at", Int),
            ("hold", Text),
            ("cycle", Int),
            ("escalation", Int),
            ("escalated_to", Text),
            ("merged_into", Text),
            ("origin", Text),
            ("live", Int),
            ("tags", Json),
            ("message_count", Int),
        ],
        &["seq", "opened_at"],
    )
});

/// What a row needs beside the state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Position of the first entry.
    pub seq: u64,
    /// Position of the last entry.
    pub version: u64,
    /// When the last entry was recorded.
    pub updated_at: Option<Timestamp>,
    /// When the case was closed.
    pub closed_at: Option<Timestamp>,
    /// Whether the first entry is of an import.
    pub imported: bool,
    /// Whether anything happened while we were running.
    pub live: bool,
    /// The title in plain text.
    pub title: Option<String>,
}

impl CaseRow {
    /// The row of a case.
    pub fn of(id: CaseId, case: &Case, facts: &Facts) -> Self {
        let text = |value: &dyn std::fmt::Display| value.to_string();
        let micros = Timestamp::as_microsecond;
        Self {
            id: id.to_string(),
            seq: facts.seq,
            version: facts.version,
            status: case.status.as_str(),
            status_label: case.label.as_ref().map(|label| text(label)),
            priority: rank(case.priority),
            title: facts.title.clone(),
            title_owner: case.title.as_ref().map(|title| title.subject.to_string()),
            category: case.category.as_ref().map(|category| text(category)),
            region: case.region.to_string(),
            team: case.team.as_ref().map(|team| text(team)),
            assignee: case.assignee.as_ref().map(|person| text(person)),
            account: case.account.to_string(),
            channel: case.channel.to_string(),
            customer: case.customer().map(|identity| text(identity)),
            language: case.language.as_ref().map(|language| text(language)),
            opened_at: case.opened_at.as_microsecond(),
            updated_at: facts.updated_at.unwrap_or(case.opened_at).as_microsecond(),
            waiting_since: case.waiting_since().map_or(NEVER, micros),
            snoozed_until: case.snoozed_until.map(micros),
            held_until: case.hold.and_then(|hold| hold.until).map(micros),
            first_response_at: case.first_answered_at().map(micros),
            resolved_at: case.cycle.resolved_at.map(micros),
            closed_at: facts.closed_at.map(micros),
            hold: case.hold.map(|hold| hold_word(hold.kind)),
            cycle: case.cycle.number,
            escalation: case.escalation.as_ref().map_or(0, |escalation| escalation.level),
            escalated_to: case.escalation.as_ref().and_then(|to| to.team.as_ref()).map(|team| text(team)),
            merged_into: case.merged_into.map(|case| text(&case)),
            origin: if facts.imported { "import" } else { "live" },
            live: u8::from(facts.live),
            tags: case.tags().into_iter().map(|tag| text(tag)).collect(),
            message_count: case.message_count(),
        }
    }
}

/// An instant that does not come: last where the earliest is first.
pub const NEVER: i64 = i64::MAX;

/// Priorities in the order of a list; a rank is the place in it.
const PRIORITIES: [Priority; 4] = [Priority::Urgent, Priority::High, Priority::Normal, Priority::Low];

/// The rank of a priority: the smaller, the sooner.
pub const fn rank(priority: Priority) -> u8 {
    match priority {
        Priority::Urgent => 0,
        Priority::High => 1,
        Priority::Normal => 2,
        Priority::Low => 3,
    }
}

/// The priority of a rank.
pub fn priority(rank: u64) -> Option<Priority> {
    PRIORITIES.get(usize::try_from(rank).ok()?).copied()
}

const fn hold_word(kind: case::HoldKind) -> &'static str {
    match kind {
        case::HoldKind::ThirdParty => "third_party",
        case::HoldKind::Internal => "internal",
        case::HoldKind::Legal => "legal",
    }
}

/// A message, in plain text.
#[derive(Clone, Debug, Serialize)]
pub struct MessageRow {
    pub id: String,
    pub position: u64,
    pub direction: &'static str,
    pub account: String,
    pub identity: Option<String>,
    pub owner: String,
    pub author_name: Option<String>,
    pub author_handle: Option<String>,
    pub subject: Option<String>,
    pub text: Option<String>,
    pub sent_at: i64,
    pub detected_at: i64,
    pub visibility: String,
    pub edits: u64,
    pub deleted_at: Option<i64>,
}

/// Writes [`MessageRow`]s.
pub static MESSAGES: LazyLock<Upsert> = LazyLock::new(|| {
    use Type::{Int, Text};
    Upsert::new(
        "message",
        &["id"],
        &[
            ("id", Text),
            ("position", Int),
            ("direction", Text),
            ("account", Text),
            ("identity", Text),
            ("owner", Text),
            ("author_name", Text),
            ("author_handle", Text),
            ("subject", Text),
            ("text", Text),
            ("sent_at", Int),
            ("detected_at", Int),
            ("visibility", Text),
            ("edits", Int),
            ("deleted_at", Int),
        ],
    )
});

impl MessageRow {
    /// The row of a message whose content is opened.
    pub fn of(id: &MessageId, position: u64, direction: Direction, content: &Content, edits: u64) -> Self {
        Self {
            id: id.to_string(),
            position,
            direction: match direction {
                Direction::In => "in",
                Direction::Out => "out",
            },
            account: content.account.to_string(),
            identity: content.identity.as_ref().map(ToString::to_string),
            owner: content.text.subject.to_string(),
            author_name: plain(content.author_name.as_ref()),
            author_handle: plain(content.author_handle.as_ref()),
            subject: plain(content.subject.as_ref()),
            text: plain(Some(&content.text)),
            sent_at: content.sent_at.as_microsecond(),
            detected_at: content.detected_at.as_microsecond(),
            visibility: match content.visibility {
                Visibility::Public => "public",
                Visibility::Private => "private",
            }
            .to_owned(),
            edits,
            deleted_at: None,
        }
    }
}

/// Something that was said in a case, for the search.
#[derive(Clone, Debug, Serialize)]
pub struct SaidRow {
    pub case_id: String,
    pub item: String,
    pub owner: String,
    pub terms: String,
}

/// Writes [`SaidRow`]s.
pub static SAID: LazyLock<Upsert> = LazyLock::new(|| {
    use Type::Text;
    let columns = [("case_id", Text), ("item", Text), ("owner", Text), ("terms", Text)];
    Upsert::new("said", &["case_id", "item"], &columns)
});

/// A person on a channel, in plain text.
#[derive(Clone, Debug, Serialize)]
pub struct IdentityRow {
    pub id: String,
    pub name: Option<String>,
    pub handle: Option<String>,
}

/// Writes [`IdentityRow`]s.
pub static IDENTITIES: LazyLock<Upsert> = LazyLock::new(|| {
    use Type::Text;
    Upsert::new("identity", &["id"], &[("id", Text), ("name", Text), ("handle", Text)])
});

/// Which identities a case is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct CaseIdentityRow {
    pub case_id: String,
    pub identity: String,
}

/// Writes [`CaseIdentityRow`]s.
pub static CASE_IDENTITIES: LazyLock<Upsert> = LazyLock::new(|| {
    let columns = [("case_id", Type::Text), ("identity", Type::Text)];
    Upsert::new("case_identity", &["case_id", "identity"], &columns)
});

/// The text of a personal value, unless it is erased or could not be opened.
pub fn plain(value: Option<&Personal>) -> Option<String> {
    value.and_then(Personal::as_open).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rank_is_the_place_of_its_priority() {
        for (place, priority) in (0..).zip(PRIORITIES) {
            assert_eq!((u64::from(rank(priority)), super::priority(place)), (place, Some(priority)));
        }
        assert_eq!(priority(4), None);
    }
}
