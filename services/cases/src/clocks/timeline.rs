//! The timeline of a case, out of its own stream.

use std::collections::BTreeMap;

use domain::{
    actor,
    case::{self, Event, Status},
    ids::{AccountId, CaseId, KeyedHash, MessageId, RegionId, ReplyId},
    sla::{Author, Change, Fact, Opening, Origin, Position as Place, Situation, Timeline, What},
    time::Timestamp,
};
use eventlog::Position;
use service::envelope::{self, Envelope};

use super::promises::Told as Promised;

/// What the entries of a case say of its clocks.
#[derive(Default)]
pub struct Told {
    facts: Vec<Fact>,
    /// The version of the policy under which it was opened, as the entry has it. None: it was not opened.
    pub opened_under: Option<u64>,
    /// The latest version of the policy that somebody went by.
    pub policy: u64,
    /// The region that works it.
    pub region: Option<RegionId>,
    account: Option<AccountId>,
    /// When replies were written that are still on their way.
    written: BTreeMap<ReplyId, Timestamp>,
}

impl Told {
    /// Takes the next entry.
    pub fn take(&mut self, position: Position, envelope: &Envelope<Event>) {
        self.policy = self.policy.max(envelope.policy_version);
        for (number, event) in envelope.events.iter().enumerate() {
            let Ok(event_number) = u16::try_from(number) else { break };
            let place = Place { entry: position.0, event: event_number };
            if let Some((occurred, what)) = self.read(event, envelope) {
                let live = envelope.origin != envelope::Origin::Import;
                let recorded = envelope.recorded_at;
                self.facts.push(Fact { occurred, recorded, position: place, live, what });
            }
        }
    }

    /// What happened, and how what was promised changed meanwhile.
    pub fn timeline(self, promises: &Promised) -> Timeline {
        let under = promises.version(self.opened_under.unwrap_or_default());
        let mut timeline = Timeline::default();
        for mut fact in self.facts {
            if let What::Opened(opening) = &mut fact.what {
                opening.version = under;
            }
            timeline.insert(fact);
        }
        promises.applied_after(under).for_each(|fact| timeline.insert(fact.clone()));
        timeline
    }

    /// What an event means to clocks, and when it happened.
    fn read(&mut self, event: &Event, envelope: &Envelope<Event>) -> Option<(Timestamp, What)> {
        let status = |at: &Timestamp, to| Some((*at, What::Status { to }));
        match event {
            Event::Opened { at, opening, .. } => {
                self.opened_under = self.opened_under.or(Some(envelope.policy_version));
                self.region = Some(opening.region.clone());
                self.account = Some(opening.account.clone());
                Some((*at, What::Opened(Box::new(opened(opening, envelope)))))
            }
            Event::CustomerMessageReceived { message, .. } => {
                let asks = message.engageable && !message.answered;
                // Nobody waits since a time to come: a channel's clock may be wrong.
                let since = message.sent_at.min(envelope.recorded_at);
                Some((since, What::CustomerMessage { message: message.message.clone(), asks }))
            }
            Event::SourceAbsorbed { at, source, brings } => {
                brings.waiting_since?;
                let message = absorbed(self.account.as_ref()?, *source)?;
                Some((*at, What::CustomerMessage { message, asks: true }))
            }
            Event::ReplyReleased { at, reply, .. } => {
                self.written.insert(*reply, *at);
                None
            }
            Event::ReplySent { at, reply, author, .. } => {
                let written = self.written.remove(reply).unwrap_or(*at);
                Some((*at, What::Reply { reply: Some(*reply), author: by(*author), written }))
            }
            Event::OutboundRecorded { sent_at, author, .. } => {
                let at = (*sent_at).min(envelope.recorded_at);
                Some((at, What::Reply { reply: None, author: by(*author), written: at }))
            }
            Event::ReplyBounced { at, reply, .. } | Event::ReplyFailed { at, reply, .. } => {
                self.written.remove(reply);
                Some((*at, What::ReplyFailed { reply: *reply }))
            }
            Event::Noted { at, .. } => Some((*at, What::Note)),
            Event::Started { at } | Event::Resumed { at, .. } => status(at, Status::Open),
            Event::Pended { at } => status(at, Status::Pending),
            Event::Held { at, .. } => status(at, Status::OnHold),
            Event::Resolved { at, .. } => status(at, Status::Resolved),
            Event::Closed { at } => status(at, Status::Closed),
            Event::Merged { at, .. } => status(at, Status::Merged),
            Event::MarkedSpam { at, .. } => status(at, Status::Spam),
            Event::Unmerged { at, to } | Event::UnmarkedSpam { at, to } => status(at, *to),
            Event::Reopened { at, cycle, .. } => Some((*at, What::Reopened { cycle: *cycle })),
            Event::SilenceChosen { at, .. } => Some((*at, What::Silence)),
            Event::SplitOff { at, messages, .. } => {
                Some((*at, What::SplitAway { messages: messages.clone() }))
            }
            Event::Transferred { at, team, region, .. } => {
                self.region = Some(region.clone());
                let change = Change::Place { region: region.clone(), team: Some(team.clone()) };
                Some((*at, What::Changed(change)))
            }
            Event::Prioritised { at, to, .. } => Some((*at, What::Changed(Change::Priority(*to)))),
            Event::Tagged { at, tags } => {
                let change = Change::Tags { added: tags.clone(), removed: Default::default() };
                Some((*at, What::Changed(change)))
            }
            Event::Untagged { at, tags } => {
                let change = Change::Tags { added: Default::default(), removed: tags.clone() };
                Some((*at, What::Changed(change)))
            }
            Event::Retitled { .. }
            | Event::LanguageSet { .. }
            | Event::ReplyUnclear { .. }
            | Event::Categorised { .. }
            | Event::FieldsChanged { .. }
            | Event::Labelled { .. }
            | Event::Assigned { .. }
            | Event::Unassigned { .. }
            | Event::Escalated { .. }
            | Event::Snoozed { .. }
            | Event::Woken { .. }
            | Event::ConversationMoved { .. }
            | Event::ContactAdvanced { .. }
            | Event::ChecklistSet { .. }
            | Event::ChecklistItemTicked { .. }
            | Event::ChecklistItemUnticked { .. }
            | Event::SourceReleased { .. } => None,
        }
    }
}

fn opened(opening: &case::Opening, envelope: &Envelope<Event>) -> Opening {
    let origin = match &opening.origin {
        // What is loaded from elsewhere is history, whatever brought it about there.
        _ if envelope.origin == envelope::Origin::Import => Origin::Import,
        case::Origin::Import => Origin::Import,
        case::Origin::Message { .. } | case::Origin::FollowUp { .. } => Origin::Customer,
        case::Origin::Agent => Origin::Agent,
        case::Origin::Split { .. } => Origin::Split,
    };
    let situation = Situation {
        region: opening.region.clone(),
        team: opening.team.clone(),
        account: opening.account.clone(),
        channel: opening.channel.clone(),
        priority: opening.priority,
        tags: Default::default(),
        segment: None,
        calendar: None,
    };
    Opening { origin, version: envelope.policy_version, bot: false, situation }
}

const fn by(author: actor::Kind) -> Author {
    match author {
        actor::Kind::Human => Author::Human,
        actor::Kind::Bot => Author::Bot,
        actor::Kind::Service | actor::Kind::Rule | actor::Kind::Customer | actor::Kind::Import => {
            Author::Automatic
        }
    }
}

/// What stands for the messages that another case brought: it is not split off again under a name of its own.
fn absorbed(account: &AccountId, source: CaseId) -> Option<MessageId> {
    let hash = KeyedHash::new(&source.0.simple().to_string()).ok()?;
    Some(MessageId::of(account, &hash))
}
