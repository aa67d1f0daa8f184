//! Facts of a case as it stands.

use super::facts::{About, AccountFacts, CaseFacts, CustomerFacts, Facts, MessageFacts, TimeFacts, Weekday};
use crate::{
    calendar::{Calendar, resolve},
    case::Case,
    ids::MessageId,
    message::Content,
    policy::Set,
    time::Timestamp,
};

impl Facts {
    /// What is known of a case at `now` under a policy, with the message that is looked at. Of the customer there is what the
    /// case itself says.
    pub fn of_case(case: &Case, message: Option<(&MessageId, &Content)>, set: &Set, now: Timestamp) -> Self {
        let about = About {
            message: message.map(|(id, content)| MessageFacts::of(id.clone(), content)),
            account: AccountFacts::of(case, set),
            case: CaseFacts::of(case, now),
            customer: CustomerFacts {
                languages: case.language.iter().cloned().collect(),
                ..Default::default()
            },
            time: TimeFacts::of(case, set, now),
            scores: std::collections::BTreeMap::default(),
        };
        let mut facts = Self { about, ..Self::default() }.with_case_fields(&case.fields);
        if let Some((_, content)) = message {
            facts.texts.text = Some(content.text.clone());
            facts.texts.subject.clone_from(&content.subject);
            facts.texts.message_fields.clone_from(&content.fields);
        }
        facts
    }
}

impl MessageFacts {
    fn of(id: MessageId, content: &Content) -> Self {
        Self {
            id,
            digest: content.digest.clone(),
            language: content.language.clone(),
            channel: content.channel.clone(),
            account: content.account.clone(),
            visibility: content.visibility,
            automatic: content.automatic,
            forwarded: content.forwarded,
            entry_point: content.entry_point,
            campaign: content.campaign.clone(),
            attachments: u32::try_from(content.attachments.len()).unwrap_or(u32::MAX),
        }
    }
}

impl AccountFacts {
    fn of(case: &Case, set: &Set) -> Self {
        let Some(account) = set.account(&case.account) else { return Self::default() };
        Self {
            tier: Some(account.tier),
            purpose: Some(account.purpose),
            brand: account.brand.clone(),
            region: Some(account.region.clone()),
            team: Some(account.team.clone()),
        }
    }
}

impl CaseFacts {
    fn of(case: &Case, now: Timestamp) -> Self {
        Self {
            status: Some(case.status),
            priority: Some(case.priority),
            difficulty: None,
            category: case.category.clone(),
            tags: case.tags().into_iter().cloned().collect(),
            fields: std::collections::BTreeMap::default(),
            region: Some(case.region.clone()),
            team: case.team.clone(),
            channel: Some(case.channel.clone()),
            account: Some(case.account.clone()),
            language: case.language.clone(),
            age_s: Some(now.seconds_since(case.opened_at).max(0)),
            reopenings: case.reopenings,
        }
    }
}

impl TimeFacts {
    fn of(case: &Case, set: &Set, now: Timestamp) -> Self {
        let calendar =
            resolve(set, None, case.team.as_ref(), Some(&case.account), Some(&case.region)).calendar;
        let calendar = calendar.and_then(|id| Calendar::of(set, &id)).unwrap_or_else(Calendar::always);
        let zone = set.time_zone_of(&case.region).and_then(|zone| jiff::tz::TimeZone::get(zone).ok());
        let local = zone.map(|zone| now.to_jiff().to_zoned(zone));
        Self {
            hour: local.as_ref().and_then(|local| u8::try_from(local.hour()).ok()),
            weekday: local.as_ref().map(|local| Weekday::from(local.weekday())),
            open: Some(calendar.is_open(now)),
        }
    }
}
