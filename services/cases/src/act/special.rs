//! Commands that need more than their case: opening, replying, moving, and what is about two cases.

use std::collections::BTreeSet;

use domain::{
    case::{self, Action, Opening, Origin, REPLY_LEN_MAX, TITLE_LEN_MAX},
    channel::{Place, Visibility},
    conversation,
    ids::{
        AccountId, CaseId, CategoryId, ConversationId, IdentityId, Language, MessageId, ReplyId, Tag, TeamId,
    },
    links,
    personal::Personal,
};
use proto::cases::v1 as pb;
use service::{
    Error,
    transact::{Meta, Outcome},
};
use uuid::Uuid;

use super::{
    actions::{self, Ground, WORKERS},
    fields as f,
    no::No,
    request::Request,
};
use crate::core::{Caller, Core, bad_name, commands, myself, seen};

/// Messages that one split may take along.
const SPLIT_MAX: usize = 1_000;

type Case = Outcome<case::State>;

impl Core {
    /// Opens a case that no message began.
    pub async fn open_case(
        &self,
        caller: &Caller,
        request: &pb::OpenCaseRequest,
    ) -> Result<(CaseId, Case), Error> {
        caller.access.need(WORKERS, "opening a case")?;
        let command_id = f::uuid("command_id", &request.command_id)?;
        let id = CaseId::derive(command_id, "case");
        let account_id: AccountId = f::required("account", &request.account)?;
        let set = caller.policy.state.set();
        let account = set.account(&account_id);
        let account = account.ok_or_else(|| Error::field("account", "the policy knows no such account"))?;
        let team = f::optional::<TeamId>("team", &request.team)?.unwrap_or_else(|| account.team.clone());
        let region = set.team(&team).map(|team| team.region.clone());
        let region = region.ok_or_else(|| Error::field("team", "the policy knows no such team"))?;
        if !caller.access.sees(&region, Some(&team)) {
            return Err(Error::field("team", "the policy knows no such team"));
        }
        let identity = f::optional::<IdentityId>("customer", &request.customer)?;
        let owner = actions::owner(id, identity.as_ref());
        let rules = caller.policy.rules(Some(&region), Some(&team));
        let category = f::optional::<CategoryId>("category", &request.category)?;
        if category.as_ref().is_some_and(|category| !rules.takes_category(category)) {
            return Err(Error::field("category", "the policy allows only the categories that it lists"));
        }
        let priority = match request.priority {
            0 => case::Priority::default(),
            number => f::priority("priority", number)?,
        };
        let opening = Opening {
            account: account_id,
            channel: account.channel.clone(),
            region: region.clone(),
            team: Some(team),
            conversation: None,
            identity,
            title: Some(Personal::open(owner.clone(), f::words("title", &request.title, TITLE_LEN_MAX)?)),
            language: f::optional::<Language>("language", &request.language.to_lowercase())?,
            priority,
            category,
            fields: actions::opening_fields(&request.fields, &rules, &owner)?,
            origin: Origin::Agent,
        };
        let tags = f::set::<Tag>("tags", &request.tags, case::TAGS_MAX)?;
        if tags.iter().any(|tag| !rules.takes_tag(tag)) {
            return Err(Error::field("tags", "the policy allows only the tags that it lists"));
        }
        let mut meta = self.meta(caller, command_id, "OpenCase", &prost::Message::encode_to_vec(request));
        meta.region = Some(region.to_string());
        let items = rules.checklist_items();
        let outcome = self
            .cases
            .execute::<No>(&self.stream(id)?, &meta, |_, at| {
                let mut steps =
                    vec![Action::Open { opening: Box::new(opening.clone()), messages: Vec::new() }];
                steps.extend((!tags.is_empty()).then(|| Action::Tag { tags: tags.clone() }));
                steps.extend((!items.is_empty()).then(|| Action::SetChecklist { items: items.clone() }));
                Ok(commands(at, &caller.actor, steps))
            })
            .await?;
        Ok((id, outcome))
    }

    /// Opens a case that follows a closed one.
    pub async fn follow_up(
        &self,
        caller: &Caller,
        request: &pb::FollowUpRequest,
    ) -> Result<(CaseId, Case), Error> {
        caller.access.need(WORKERS, "opening a case")?;
        let command_id = f::uuid("command_id", &request.command_id)?;
        let of = self.case_id("case_id", &request.case_id).await?;
        let source = self.cases.load::<No>(&self.stream(of)?).await?;
        let source = seen(&caller.access, &source)?;
        if !matches!(source.status, case::Status::Closed | case::Status::Resolved) {
            let text = format!("the case is {}: work it, or resolve it first", source.status);
            return Err(Error::refused("CASE_NOT_ENDED", text));
        }
        let id = CaseId::derive(command_id, "case");
        let owner = actions::owner(id, source.own_identities.first());
        let title = (!request.title.is_empty())
            .then(|| f::words("title", &request.title, TITLE_LEN_MAX))
            .transpose()?
            .map(|title| Personal::open(owner, title));
        let opening = Opening { title, origin: Origin::FollowUp { of }, ..goes_on(source) };
        let meta = self.meta(caller, command_id, "FollowUp", &prost::Message::encode_to_vec(request));
        let outcome = self.open_from(caller, id, &meta, opening, Vec::new()).await?;
        Ok((id, outcome))
    }

    /// Releases a reply.
    pub async fn reply(&self, caller: &Caller, request: &pb::ReplyRequest) -> Result<(CaseId, Case), Error> {
        caller.access.need(WORKERS, "replying")?;
        let id = self.case_id("case_id", &request.case_id).await?;
        let mut meta = self.command(caller, request)?;
        meta.expected = self.shell.position("expected_position", &request.expected_position)?;
        let text = f::words("text", &request.text, REPLY_LEN_MAX)?;
        let named = f::optional::<ConversationId>("conversation_id", &request.conversation_id)?;
        let seen_message = f::optional::<MessageId>("seen_message_id", &request.seen_message_id)?;
        let present = self.cases.peek::<No>(&self.stream(id)?).await?;
        let conversation = match named {
            Some(named) => named,
            None => latest_conversation(seen(&caller.access, &present)?)?,
        };
        let place = self.place_of("conversation_id", conversation).await?;
        let outcome = self
            .decide(caller, id, &meta, |ground| {
                if !ground.case.conversations().contains(&conversation) {
                    return Err(
                        Error::field("conversation_id", "is none of this case's conversations").into()
                    );
                }
                Ok(vec![Action::Reply {
                    reply: ReplyId::derive(meta.command_id, "reply"),
                    conversation,
                    place: place.clone(),
                    text: ground.personal(text.clone()),
                    in_reply_to: ground.case.latest_message.clone(),
                    closing: request.closing,
                    seen: seen_message.clone(),
                    override_stale: request.override_stale,
                }])
            })
            .await?;
        Ok((id, outcome))
    }

    /// Goes on in private with what began in public.
    pub async fn move_to_private(
        &self,
        caller: &Caller,
        request: &pb::MoveToPrivateRequest,
    ) -> Result<(CaseId, Case), Error> {
        caller.access.need(WORKERS, "moving a conversation")?;
        let id = self.case_id("case_id", &request.case_id).await?;
        let mut meta = self.command(caller, request)?;
        meta.expected = self.shell.position("expected_position", &request.expected_position)?;
        let from = f::required::<ConversationId>("from_conversation_id", &request.from_conversation_id)?;
        let to = f::required::<ConversationId>("to_conversation_id", &request.to_conversation_id)?;
        let (from_place, to_place) = (
            self.place_of("from_conversation_id", from).await?,
            self.place_of("to_conversation_id", to).await?,
        );
        let ack = f::optional::<ReplyId>("ack_reply_id", &request.ack_reply_id)?;
        let outcome = self
            .decide(caller, id, &meta, |ground| {
                if !ground.case.conversations().contains(&from) {
                    return Err(
                        Error::field("from_conversation_id", "is none of this case's conversations").into()
                    );
                }
                Ok(vec![Action::MoveConversation {
                    from_conversation: from,
                    from: from_place.clone(),
                    to_conversation: to,
                    to: to_place.clone(),
                    ack,
                }])
            })
            .await?;
        Ok((id, outcome))
    }

    /// Gives messages to a new case.
    pub async fn split(&self, caller: &Caller, request: &pb::SplitRequest) -> Result<(CaseId, Case), Error> {
        caller.access.need(WORKERS, "splitting a case")?;
        let from = self.case_id("case_id", &request.case_id).await?;
        let mut meta = self.command(caller, request)?;
        meta.expected = self.shell.position("expected_position", &request.expected_position)?;
        let messages = f::set::<MessageId>("message_ids", &request.message_ids, SPLIT_MAX)?;
        if messages.is_empty() {
            return Err(Error::field("message_ids", "must not be empty"));
        }
        let id = CaseId::derive(meta.command_id, "case");
        let title = (!request.title.is_empty())
            .then(|| f::words("title", &request.title, TITLE_LEN_MAX))
            .transpose()?;
        let split = |_: &Ground<'_>| Ok(vec![Action::SplitOff { messages: messages.clone(), into: id }]);
        let source = self.decide(caller, from, &meta, split).await?;
        // From here on the split is in the log; whoever repeats the command, or the reaction, does the rest.
        let outcome = self.open_split(caller, &source, from, id, &messages, title, &meta).await?;
        Ok((id, outcome))
    }

    #[expect(clippy::too_many_arguments, reason = "the second half of one command")]
    async fn open_split(
        &self,
        caller: &Caller,
        source: &Case,
        from: CaseId,
        id: CaseId,
        messages: &BTreeSet<MessageId>,
        title: Option<String>,
        meta: &Meta,
    ) -> Result<Case, Error> {
        let case = seen(&caller.access, &source.aggregate)?;
        let owner = actions::owner(id, case.own_identities.first());
        let opening = Opening {
            title: title.map(|title| Personal::open(owner, title)),
            origin: Origin::Split { from, messages: messages.iter().cloned().collect() },
            ..goes_on(case)
        };
        let inbound = self.inbound_of(case, messages).await?;
        self.open_from(caller, id, meta, opening, inbound).await
    }

    async fn open_from(
        &self,
        caller: &Caller,
        id: CaseId,
        meta: &Meta,
        opening: Opening,
        messages: Vec<case::Inbound>,
    ) -> Result<Case, Error> {
        let rules = caller.policy.rules(Some(&opening.region), opening.team.as_ref());
        let items = rules.checklist_items();
        let meta = Meta { expected: None, region: Some(opening.region.to_string()), ..meta.clone() };
        let make = |_: &_, at| {
            let mut steps =
                vec![Action::Open { opening: Box::new(opening.clone()), messages: messages.clone() }];
            steps.extend((!items.is_empty()).then(|| Action::SetChecklist { items: items.clone() }));
            Ok(commands(at, &caller.actor, steps))
        };
        Ok(self.cases.execute::<No>(&self.stream(id)?, &meta, make).await?)
    }

    /// The messages of a case as another case takes them in.
    async fn inbound_of(
        &self,
        case: &case::Case,
        messages: &BTreeSet<MessageId>,
    ) -> Result<Vec<case::Inbound>, Error> {
        let mut inbound = Vec::new();
        for (message, received) in case.messages.iter().filter(|(message, _)| messages.contains(*message)) {
            let conversation = self.conversations.stream(received.conversation).map_err(bad_name)?;
            let conversation = self.conversations.peek::<conversation::Error>(&conversation).await?;
            let identity =
                conversation.state.conversation().and_then(|known| known.participants.first().cloned());
            let sent_at = self.sent_at(message).await?.unwrap_or(case.opened_at);
            inbound.push((
                received.ordinal,
                case::Inbound {
                    message: message.clone(),
                    conversation: received.conversation,
                    place: received.place.clone(),
                    identity,
                    sent_at,
                    engageable: received.engageable,
                },
            ));
        }
        inbound.sort_by_key(|(ordinal, _)| *ordinal);
        Ok(inbound.into_iter().map(|(_, inbound)| inbound).collect())
    }

    async fn sent_at(&self, message: &MessageId) -> Result<Option<domain::time::Timestamp>, Error> {
        let model = self.models.current();
        let rows = model
            .store
            .query("select sent_at from message where id = $1", &[message.as_str().into()])
            .await?;
        Ok(rows.first().and_then(|row| row.int(0)).and_then(domain::time::Timestamp::from_microsecond))
    }

    /// Lets one case go on in another.
    pub async fn merge(&self, caller: &Caller, request: &pb::MergeRequest) -> Result<(CaseId, Case), Error> {
        let source = self.case_id("case_id", &request.case_id).await?;
        let target = self.case_id("into_case_id", &request.into_case_id).await?;
        let stream = self.links_stream()?;
        let known = self.links.load::<links::Error>(&stream).await?;
        let root = known.state.root(target);
        let (from, into) = (
            self.load_seen(caller, source, request).await?,
            self.load_other(caller, "into_case_id", root).await?,
        );
        let action = links::Action::Merge {
            source,
            source_closed: from.status == case::Status::Closed,
            target,
            target_closed: into.status == case::Status::Closed,
            same_customer: from.identities().is_empty()
                || into.identities().is_empty()
                || !from.identities().is_disjoint(&into.identities()),
            confirmed: request.confirm_other_customer,
        };
        self.decide_links(caller, request, action).await?;
        self.followed(source).await
    }

    /// Takes a merge back.
    pub async fn unmerge(
        &self,
        caller: &Caller,
        request: &pb::UnmergeRequest,
    ) -> Result<(CaseId, Case), Error> {
        let source = self.case_id("case_id", &request.case_id).await?;
        self.load_seen(caller, source, request).await?;
        self.decide_links(caller, request, links::Action::Unmerge { source }).await?;
        self.followed(source).await
    }

    /// Says how one case relates to another.
    pub async fn link(&self, caller: &Caller, request: &pb::LinkRequest) -> Result<(CaseId, Case), Error> {
        let from = self.case_id("case_id", &request.case_id).await?;
        let to = self.case_id("to_case_id", &request.to_case_id).await?;
        self.load_seen(caller, from, request).await?;
        self.load_other(caller, "to_case_id", to).await?;
        let action = links::Action::Link { kind: f::link("kind", request.kind)?, from, to };
        let position = self.decide_links(caller, request, action).await?;
        self.untouched(from, position).await
    }

    /// Takes that back.
    pub async fn unlink(
        &self,
        caller: &Caller,
        request: &pb::UnlinkRequest,
    ) -> Result<(CaseId, Case), Error> {
        let from = self.case_id("case_id", &request.case_id).await?;
        let to = self.case_id("to_case_id", &request.to_case_id).await?;
        self.load_seen(caller, from, request).await?;
        let action = links::Action::Unlink { kind: f::link("kind", request.kind)?, from, to };
        let position = self.decide_links(caller, request, action).await?;
        self.untouched(from, position).await
    }

    async fn decide_links<R: Request>(
        &self,
        caller: &Caller,
        request: &R,
        action: links::Action,
    ) -> Result<(eventlog::Position, bool), Error> {
        caller.access.need(WORKERS, "joining cases")?;
        let meta = self.command(caller, request)?;
        let stream = self.links_stream()?;
        let make = |_: &_, at| Ok(commands(at, &caller.actor, vec![action]));
        let outcome = self.links.execute::<links::Error>(&stream, &meta, make).await?;
        // The reaction would do this in a moment; whoever asked for it sees it done.
        if outcome.changed {
            self.follow_links_entry(outcome.position).await?;
        }
        Ok((outcome.position, outcome.changed))
    }

    /// The stream in which all decisions about two cases stand.
    pub fn links_stream(&self) -> Result<eventlog::StreamId, Error> {
        self.links.stream(&self.shell.site).map_err(bad_name)
    }

    async fn load_seen<R: Request>(
        &self,
        caller: &Caller,
        id: CaseId,
        request: &R,
    ) -> Result<case::Case, Error> {
        let aggregate = self.cases.load::<No>(&self.stream(id)?).await?;
        let case = seen(&caller.access, &aggregate)?.clone();
        if let Some(expected) = self.shell.position("expected_position", request.expected_position())?
            && expected != aggregate.version
        {
            let message = format!(
                "the case has changed since it was read; it is now at {}",
                self.shell.token(aggregate.version)
            );
            return Err(Error::Aborted { reason: "STALE_POSITION", message });
        }
        Ok(case)
    }

    async fn load_other(&self, caller: &Caller, field: &str, id: CaseId) -> Result<case::Case, Error> {
        let aggregate = self.cases.load::<No>(&self.stream(id)?).await?;
        seen(&caller.access, &aggregate).cloned().map_err(|_| Error::field(field, "there is no such case"))
    }

    async fn followed(&self, id: CaseId) -> Result<(CaseId, Case), Error> {
        let aggregate = self.cases.load::<No>(&self.stream(id)?).await?;
        let position = aggregate.version;
        Ok((id, Outcome { position, changed: true, repeated: false, aggregate: aggregate.into() }))
    }

    async fn untouched(
        &self,
        id: CaseId,
        (position, changed): (eventlog::Position, bool),
    ) -> Result<(CaseId, Case), Error> {
        let (id, outcome) = self.followed(id).await?;
        Ok((id, Outcome { position, changed, ..outcome }))
    }

    /// Where a conversation is.
    pub async fn place_of(&self, field: &str, id: ConversationId) -> Result<Place, Error> {
        let stream = self.conversations.stream(id).map_err(bad_name)?;
        let known = self.conversations.peek::<conversation::Error>(&stream).await?;
        let known =
            known.state.conversation().ok_or_else(|| Error::field(field, "there is no such conversation"))?;
        Ok(place(&known.key, known.visibility))
    }
}

/// Where a conversation with this key is.
pub fn place(key: &conversation::Key, visibility: Visibility) -> Place {
    match key {
        conversation::Key::Thread { account, root } => {
            Place { account: account.clone(), visibility, thread: Some(root.clone()) }
        }
        conversation::Key::Contact { account, .. } => {
            Place { account: account.clone(), visibility, thread: None }
        }
    }
}

/// Where the customer wrote last.
fn latest_conversation(case: &case::Case) -> Result<ConversationId, Error> {
    let latest = case.latest_message.as_ref().and_then(|message| case.messages.get(message));
    let conversation =
        latest.map(|received| received.conversation).or_else(|| case.conversations().first().copied());
    conversation.ok_or_else(|| Error::refused("NO_CONVERSATION", "the case has no conversation to reply in"))
}

/// What a case that goes on from another takes over.
fn goes_on(case: &case::Case) -> Opening {
    Opening {
        account: case.account.clone(),
        channel: case.channel.clone(),
        region: case.region.clone(),
        team: case.team.clone(),
        conversation: None,
        identity: case.own_identities.first().cloned(),
        title: None,
        language: case.language.clone(),
        priority: case.priority,
        category: case.category.clone(),
        fields: Default::default(),
        origin: Origin::Agent,
    }
}

/// A derived command of the service itself.
pub fn derived(core: &Core, cause: &eventlog::Entry, step: &str) -> Result<Meta, Error> {
    Ok(Meta {
        command_id: domain::ids::derive(cause.id, step),
        digest: String::new(),
        actor: myself()?,
        on_behalf_of: None,
        reason: None,
        request_id: None,
        causation: Some(cause.id),
        correlation: Some(cause.id),
        origin: service::envelope::Origin::Live,
        occurred_at: None,
        policy_version: core.policies.current().version.0,
        expected: None,
        region: None,
    })
}

/// The id of what a command creates.
pub fn reply_id(command_id: Uuid) -> ReplyId {
    ReplyId::derive(command_id, "reply")
}
