mod bounds;
mod gathering;
mod meaning;
mod properties;
mod refused;

use std::collections::BTreeMap;

use super::{Condition, FactValue, Facts, MessageFacts, Weekday};
use crate::{
    case::{Priority, Status},
    channel::Visibility,
    customer::Purpose,
    ids::{FieldId, Tag},
    message::EntryPoint,
    personal::Personal,
};

/// A message of an angry customer, and what is known of it.
pub(super) fn facts() -> Facts {
    let mut facts = Facts::default();
    facts.about.message = Some(MessageFacts {
        id: "support-0123456789abcdef".parse().unwrap(),
        digest: "0123456789abcdef".parse().unwrap(),
        language: Some("fr".parse().unwrap()),
        channel: "email".parse().unwrap(),
        account: "support".parse().unwrap(),
        visibility: Visibility::Public,
        automatic: None,
        forwarded: false,
        entry_point: Some(EntryPoint::MessageUs),
        campaign: None,
        attachments: 2,
    });
    facts.about.account.tier = Some(1);
    let case = &mut facts.about.case;
    case.status = Some(Status::New);
    case.priority = Some(Priority::High);
    case.region = Some("fr".parse().unwrap());
    case.tags = ["billing", "delivery", "été"].map(|tag| Tag::new(tag).unwrap()).to_vec();
    case.age_s = Some(90);
    case.fields = BTreeMap::from([
        (field("amount"), FactValue::Integer(120)),
        (field("weight"), FactValue::Number(1.5)),
        (field("vip"), FactValue::Bool(true)),
        (field("order-number"), FactValue::Text("A-17".into())),
    ]);
    facts.about.customer.contacts = Some(3);
    facts.about.customer.opted_out = vec![Purpose::Marketing];
    facts.about.time.hour = Some(9);
    facts.about.time.weekday = Some(Weekday::Saturday);
    facts.about.scores.insert("csat".into(), 0.25);
    facts.texts.text =
        Some(Personal::open("support_0123456789abcdef", "Où est mon REMBOURSEMENT de 120 € ?"));
    facts.texts.message_fields.insert(field("rating"), Personal::open("support_0123456789abcdef", "2"));
    facts.texts.case_fields.insert(field("iban"), Personal::open("support_0123456789abcdef", "FR76"));
    facts
}

pub(super) fn field(id: &str) -> FieldId {
    FieldId::new(id).unwrap()
}

pub(super) fn parsed(source: &str) -> Condition {
    Condition::parse(source).unwrap_or_else(|problem| panic!("{source}: {problem}"))
}
