//! Words of the domain as the contract writes them.

use domain::{
    actor::{Actor, Kind},
    case::{self, ContactStage, FieldValue, HoldKind, Priority, SilenceReason, Status},
    customer::Purpose,
    ids::{CaseId, ChecklistItemId},
    message,
    outbound::Form,
    policy::case::{ItemRule, Rules},
    time::Timestamp,
};
use proto::cases::v1::{self as pb, field_value};

/// An instant.
pub fn time(at: Timestamp) -> prost_types::Timestamp {
    let micros = at.as_microsecond();
    let nanos = i32::try_from(micros.rem_euclid(1_000_000) * 1_000).unwrap_or_default();
    prost_types::Timestamp { seconds: micros.div_euclid(1_000_000), nanos }
}

/// Who did it.
pub fn actor(actor: &Actor) -> pb::Actor {
    let kind = match actor.kind {
        Kind::Human => "human",
        Kind::Service => "service",
        Kind::Rule => "rule",
        Kind::Bot => "bot",
        Kind::Customer => "customer",
        Kind::Import => "import",
    };
    pb::Actor { kind: kind.into(), id: actor.id.to_string(), auth: actor.auth.to_string() }
}

/// A file that is here.
pub fn file(attachment: &message::Attachment) -> pb::Attachment {
    pb::Attachment {
        name: attachment.name.to_string(),
        media_type: attachment.media_type.to_string(),
        bytes: attachment.bytes,
        ..pb::Attachment::default()
    }
}

/// The template that a reply was sent as.
pub fn template(form: &Form) -> Option<pb::ReplyTemplate> {
    let Form::Template(template) = form else { return None };
    Some(pb::ReplyTemplate {
        name: template.name.to_string(),
        language: template.language.as_ref().map(ToString::to_string).unwrap_or_default(),
        parameters: template.parameters.iter().map(ToString::to_string).collect(),
        named: template.named.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
    })
}

/// The mark that a reply was sent with.
pub fn tag(form: &Form) -> String {
    match form {
        Form::Tag { name } => name.to_string(),
        Form::Free | Form::Template(_) => String::new(),
    }
}

/// Where a case stands.
pub const fn status(status: Status) -> pb::Status {
    match status {
        Status::New => pb::Status::New,
        Status::Open => pb::Status::Open,
        Status::Pending => pb::Status::Pending,
        Status::OnHold => pb::Status::OnHold,
        Status::Resolved => pb::Status::Resolved,
        Status::Closed => pb::Status::Closed,
        Status::Merged => pb::Status::Merged,
        Status::Spam => pb::Status::Spam,
    }
}

/// Where a case stands, as it is stored.
pub fn status_word(word: &str) -> pb::Status {
    Status::ALL.into_iter().find(|one| one.as_str() == word).map_or(pb::Status::Unspecified, status)
}

/// The stored word of a status of a request.
pub fn stored_status(number: i32) -> Option<&'static str> {
    let wanted = pb::Status::try_from(number).ok()?;
    Status::ALL.into_iter().find(|one| status(*one) == wanted).map(Status::as_str)
}

/// How soon.
pub const fn priority(priority: Priority) -> pb::Priority {
    match priority {
        Priority::Low => pb::Priority::Low,
        Priority::Normal => pb::Priority::Normal,
        Priority::High => pb::Priority::High,
        Priority::Urgent => pb::Priority::Urgent,
    }
}

/// For whom a case waits.
pub const fn hold(kind: HoldKind) -> pb::HoldKind {
    match kind {
        HoldKind::ThirdParty => pb::HoldKind::ThirdParty,
        HoldKind::Internal => pb::HoldKind::Internal,
        HoldKind::Legal => pb::HoldKind::Legal,
    }
}

const fn silence(reason: SilenceReason) -> pb::SilenceReason {
    match reason {
        SilenceReason::Troll => pb::SilenceReason::Troll,
        SilenceReason::Thanks => pb::SilenceReason::Thanks,
        SilenceReason::Duplicate => pb::SilenceReason::Duplicate,
        SilenceReason::Other => pb::SilenceReason::Other,
    }
}

const fn contact(stage: ContactStage) -> pb::ContactStep {
    match stage {
        ContactStage::NotNeeded => pb::ContactStep::Unspecified,
        ContactStage::NeedsContact => pb::ContactStep::Needed,
        ContactStage::AskedPublic => pb::ContactStep::AskedPublic,
        ContactStage::AskedPrivate => pb::ContactStep::AskedPrivate,
        ContactStage::Obtained => pb::ContactStep::Obtained,
        ContactStage::Refused => pb::ContactStep::Refused,
        ContactStage::Impossible => pb::ContactStep::Impossible,
    }
}

/// What a customer agrees to, or refuses.
pub const fn purpose(purpose: Purpose) -> pb::Purpose {
    match purpose {
        Purpose::Any => pb::Purpose::Any,
        Purpose::Service => pb::Purpose::Service,
        Purpose::Marketing => pb::Purpose::Marketing,
        Purpose::Survey => pb::Purpose::Survey,
        Purpose::LinkProfiles => pb::Purpose::LinkProfiles,
    }
}

/// A value of a custom field; what is erased reads so.
pub fn field(value: &FieldValue) -> pb::FieldValue {
    let kind = match value {
        FieldValue::Text(text) => field_value::Kind::Text(text.clone()),
        FieldValue::Number(number) => field_value::Kind::Number(number.as_f64().unwrap_or_default()),
        FieldValue::Bool(flag) => field_value::Kind::Flag(*flag),
        FieldValue::Date(date) => field_value::Kind::Date(date.to_string()),
        FieldValue::Choice(choice) => field_value::Kind::Choice(choice.to_string()),
        FieldValue::Personal(personal) => field_value::Kind::Text(personal.to_string()),
    };
    pb::FieldValue { kind: Some(kind) }
}

/// The closure checklist in force, with what of it is ticked.
pub fn checklist(case: &case::Case, rules: &Rules) -> Vec<pb::case::ChecklistItem> {
    let item = |(id, rule): (&ChecklistItemId, &ItemRule)| {
        let by = case.ticked.get(id);
        pb::case::ChecklistItem {
            item: id.to_string(),
            done: by.is_some(),
            by: by.map(ToString::to_string).unwrap_or_default(),
            required: rule.required,
        }
    };
    rules.checklist.iter().map(item).collect()
}

/// What the state of a case says. Number, version, title, checklist and what was said are the caller's to add.
pub fn case(id: CaseId, case: &case::Case) -> pb::Case {
    let text = |value: Option<&dyn std::fmt::Display>| value.map(ToString::to_string).unwrap_or_default();
    let (follow_up_of, split_from) = match &case.origin {
        case::Origin::FollowUp { of } => (of.to_string(), String::new()),
        case::Origin::Split { from, .. } => (String::new(), from.to_string()),
        case::Origin::Message { .. } | case::Origin::Agent | case::Origin::Import => Default::default(),
    };
    pb::Case {
        case_id: id.to_string(),
        status: status(case.status).into(),
        status_label: text(case.label.as_ref().map(|v| v as _)),
        priority: priority(case.priority).into(),
        title: text(case.title.as_ref().map(|v| v as _)),
        category: text(case.category.as_ref().map(|v| v as _)),
        tags: case.tags().into_iter().map(ToString::to_string).collect(),
        fields: case.fields.iter().map(|(id, value)| (id.to_string(), field(value))).collect(),
        region: case.region.to_string(),
        team: text(case.team.as_ref().map(|v| v as _)),
        assignee: text(case.assignee.as_ref().map(|v| v as _)),
        account: case.account.to_string(),
        channel: case.channel.to_string(),
        customer: text(case.customer().map(|v| v as _)),
        language: text(case.language.as_ref().map(|v| v as _)),
        opened_at: Some(time(case.opened_at)),
        waiting_since: case.waiting_since().map(time),
        snoozed_until: case.snoozed_until.map(time),
        first_response_at: case.first_answered_at().map(time),
        resolved_at: case.cycle.resolved_at.map(time),
        hold: case.hold.map_or(pb::HoldKind::Unspecified, |held| hold(held.kind)).into(),
        cycle: case.cycle.number,
        escalated_to: text(case.escalation.as_ref().and_then(|to| to.team.as_ref()).map(|v| v as _)),
        escalation_level: case.escalation.as_ref().map_or(0, |escalation| u32::from(escalation.level)),
        merged_into: case.merged_into.map(|id| id.to_string()).unwrap_or_default(),
        merged_from: case.absorbed.keys().map(ToString::to_string).collect(),
        follow_up_of,
        split_from,
        places: places(case),
        contact: contact(case.contact).into(),
        silence: case.silence.map_or(pb::SilenceReason::Unspecified, silence).into(),
        message_count: u32::try_from(case.message_count()).unwrap_or(u32::MAX),
        ..pb::Case::default()
    }
}

fn places(case: &case::Case) -> Vec<pb::case::Place> {
    let posted = |posted: case::Posted<'_>| pb::case::Place {
        place: posted.place.to_string(),
        conversation_id: posted.conversation.map(|id| id.to_string()).unwrap_or_default(),
        account: posted.place.account.to_string(),
        public: posted.place.visibility == domain::channel::Visibility::Public,
        has_closing_post: posted.closed,
        waived: posted.waived,
    };
    case.places().into_iter().map(posted).collect()
}
