//! The words of the domain as the contract has them, and back.

use domain::{
    agent::{self, Presence, Why},
    ids::CaseId,
    routing::plan::{Member, Plan},
    time::Timestamp,
};
use proto::assignment::v1 as pb;
use service::{Error, transact::Aggregate};

/// An instant.
pub fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    let micros = at.as_microsecond();
    let nanos = i32::try_from(micros.rem_euclid(1_000_000) * 1_000).unwrap_or_default();
    prost_types::Timestamp { seconds: micros.div_euclid(1_000_000), nanos }
}

/// A presence as the contract has it.
pub const fn presence(presence: Presence) -> pb::Presence {
    match presence {
        Presence::Online => pb::Presence::Online,
        Presence::Away => pb::Presence::Away,
        Presence::Busy => pb::Presence::Busy,
        Presence::Break => pb::Presence::Break,
        Presence::Offline => pb::Presence::Offline,
    }
}

/// A presence that a request names; none if it names none.
pub fn presence_in(field: &str, number: i32) -> Result<Option<Presence>, Error> {
    match pb::Presence::try_from(number) {
        Ok(pb::Presence::Unspecified) => Ok(None),
        Ok(pb::Presence::Online) => Ok(Some(Presence::Online)),
        Ok(pb::Presence::Away) => Ok(Some(Presence::Away)),
        Ok(pb::Presence::Busy) => Ok(Some(Presence::Busy)),
        Ok(pb::Presence::Break) => Ok(Some(Presence::Break)),
        Ok(pb::Presence::Offline) => Ok(Some(Presence::Offline)),
        Err(_) => Err(Error::field(field, "one of ONLINE, AWAY, BUSY, BREAK, OFFLINE")),
    }
}

/// A case that a request names by its id.
pub fn case(field: &str, text: &str) -> Result<CaseId, Error> {
    text.parse().map_err(|_| Error::field(field, "the id of a case: a UUID"))
}

/// A word of the domain, as it is stored.
pub fn word<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

/// An agent as the contract has him.
pub fn agent(
    member: &Member,
    name: String,
    state: &agent::State,
    plan: &Plan,
    now: Timestamp,
    position: String,
) -> pb::Agent {
    let rules =
        member.profile.queues.first().and_then(|queue| plan.place(queue)).map(|place| place.rules.clone());
    let reason = match state.why() {
        Some(Why::Said(code)) => code.to_string(),
        Some(Why::LeaseOver) => "lease_over".to_owned(),
        Some(Why::MissedOffers) => "missed_offers".to_owned(),
        None => String::new(),
    };
    let held = state.held().iter().map(|(case, held)| pb::agent::Held {
        case_id: case.to_string(),
        channel: held.channel.to_string(),
        units: held.units,
        consumes: held.consumes,
        since: Some(timestamp(held.since)),
    });
    let offers = state.reserved().iter().filter_map(|(case, reserved)| {
        let offer = reserved.offer?;
        Some(pb::Offer {
            case_id: case.to_string(),
            decision: reserved.decision,
            channel: reserved.channel.to_string(),
            units: reserved.units,
            until: Some(timestamp(offer.until)),
            accepted: offer.accepted,
        })
    });
    pb::Agent {
        person: member.agent.id.to_string(),
        name,
        presence: presence(state.presence_at(now)).into(),
        since: state.since().map(timestamp),
        reason,
        lease_until: state.lease_until().map(timestamp),
        draining: state.is_draining(),
        on_shift: plan.shifts_of(&member.agent).is_none_or(|shifts| shifts.is_open(now)),
        used: state.used(),
        capacity: member.agent.units_max(&rules.unwrap_or_default()),
        held: held.collect(),
        offers: offers.collect(),
        teams: member.profile.teams.iter().map(ToString::to_string).collect(),
        queues: member.profile.queues.iter().map(ToString::to_string).collect(),
        skills: member
            .profile
            .skills
            .iter()
            .map(|(skill, level)| (skill.to_string(), u32::from(*level)))
            .collect(),
        languages: member
            .profile
            .languages
            .iter()
            .map(|(language, level)| (language.to_string(), word(level)))
            .collect(),
        last_assigned: state.last_assigned().map(timestamp),
        position,
    }
}

/// The version of a stream as a position on the wire; empty if nothing was ever written.
pub fn version<D>(shell: &service::shell::Shell, known: &Aggregate<D>) -> String {
    if known.version == eventlog::Position::NONE { String::new() } else { shell.token(known.version) }
}
