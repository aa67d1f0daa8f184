//! Cases that no message begins: opened by hand, and those that follow others.

use std::collections::BTreeSet;

use domain::{
    case::{self, Action, Opening, Origin, TITLE_LEN_MAX},
    ids::{AccountId, CaseId, CategoryId, CustomerId, IdentityId, Tag, TeamId},
    personal::Personal,
    policy::account::{Account, Thread},
};
use eventlog::Position;
use proto::cases::v1 as pb;
use service::{Error, transact::Meta};

use super::{
    actions::{self, WORKERS},
    conversations::{own_thread, with_contact},
    custom_fields::opening_fields,
    fields as f,
    no::No,
};
use crate::core::{Caller, Case, Core, bad_name, commands, seen};

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
        let mut meta = self.meta(caller, command_id, "OpenCase", &prost::Message::encode_to_vec(request));
        meta.expected = self.shell.position("expected_position", &request.expected_position)?;
        let outcome = self.begin(caller, id, meta, self.by_hand(caller, id, request).await).await?;
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
        let id = CaseId::derive(command_id, "case");
        let meta = self.meta(caller, command_id, "FollowUp", &prost::Message::encode_to_vec(request));
        let outcome = self.begin(caller, id, meta, self.following(caller, id, request).await).await?;
        Ok((id, outcome))
    }

    /// Begins a case, unless the command has done so before: it is answered as it was then, whatever stands against it by
    /// now.
    async fn begin(
        &self,
        caller: &Caller,
        id: CaseId,
        meta: Meta,
        beginning: Result<Beginning, Error>,
    ) -> Result<Case, Error> {
        let region = beginning.as_ref().ok().map(|beginning| beginning.opening.region.to_string());
        let meta = Meta { region, ..meta };
        let make = |_: &_, at| match &beginning {
            Ok(beginning) => Ok(commands(at, &caller.actor, beginning.steps())),
            Err(error) => Err(No::Other(error.clone())),
        };
        let stream = self.stream(id)?;
        let outcome = self.cases.execute::<No>(&stream, &meta, make).await;
        let outcome = outcome.map_err(|error| self.refusal("case", error))?;
        // The reaction would do this in a moment; whoever opened the case can reply in it at once.
        if outcome.changed {
            self.follow_decided(&stream, &outcome).await?;
        }
        self.answerable(caller, &stream, outcome).await
    }

    /// What the caller asks for, and where its customer is spoken with.
    async fn by_hand(
        &self,
        caller: &Caller,
        id: CaseId,
        request: &pb::OpenCaseRequest,
    ) -> Result<Beginning, Error> {
        let mut beginning = by_hand(caller, id, request)?;
        let Opening { account, identity, conversation, .. } = &mut beginning.opening;
        if let Some(customer) = identity {
            let stream = self.customers.stream(CustomerId::first_met(customer)).map_err(bad_name)?;
            if self.customers.peek::<domain::customer::Error>(&stream).await?.version == Position::NONE {
                return Err(nobody());
            }
        }
        // Somebody whom we know from elsewhere cannot be reached here.
        let Some(customer) = identity.as_ref().filter(|customer| customer.account() == account.as_str())
        else {
            return Ok(beginning);
        };
        let threads = caller.policy.state.set().account(account).map(|account| account.thread);
        *conversation = match threads {
            Some(Thread::Contact) => Some(with_contact(account, customer).id()),
            Some(Thread::Threads) => Some(own_thread(&self.shell.vault, account, id)?.id()),
            None => None,
        };
        Ok(beginning)
    }

    async fn following(
        &self,
        caller: &Caller,
        id: CaseId,
        request: &pb::FollowUpRequest,
    ) -> Result<Beginning, Error> {
        let of = self.case_id("case_id", &request.case_id).await?;
        let source = self.cases.load::<No>(&self.stream(of)?).await?;
        let version = source.version;
        let source = seen(&caller.access, &source)?;
        self.insisted(&request.expected_position, version).await?;
        if !matches!(source.status, case::Status::Closed | case::Status::Resolved) {
            let text = format!("the case is {}: work it, or resolve it first", source.status);
            return Err(Error::refused("CASE_NOT_ENDED", text));
        }
        let owner = actions::owner(id, source.customer());
        let title = (!request.title.is_empty())
            .then(|| f::words("title", &request.title, TITLE_LEN_MAX))
            .transpose()?
            .map(|title| Personal::open(owner, title));
        let opening = Opening { title, origin: Origin::FollowUp { of }, ..goes_on(source) };
        Ok(Beginning { opening, tags: BTreeSet::new() })
    }
}

/// What a case begins with.
struct Beginning {
    opening: Opening,
    tags: BTreeSet<Tag>,
}

impl Beginning {
    fn steps(&self) -> Vec<Action> {
        let Self { opening, tags } = self;
        let mut steps = vec![Action::Open { opening: Box::new(opening.clone()), messages: Vec::new() }];
        steps.extend((!tags.is_empty()).then(|| Action::Tag { tags: tags.clone() }));
        steps
    }
}

fn nobody() -> Error {
    Error::field(
        "customer",
        "nobody is known by this identity: it is that of a case, or of a message's author",
    )
}

/// What the caller asks for, as far as the policy allows it.
fn by_hand(caller: &Caller, id: CaseId, request: &pb::OpenCaseRequest) -> Result<Beginning, Error> {
    let account_id: AccountId = f::required("account", &request.account)?;
    let set = caller.policy.state.set();
    // The customer's next messages go where this decides: who does not see an account begins nothing there.
    let seen = |account: &&Account| caller.access.sees(&account.region, Some(&account.team));
    let account = set.account(&account_id).filter(seen);
    let account = account.ok_or_else(|| Error::field("account", "the policy knows no such account"))?;
    let team = f::optional::<TeamId>("team", &request.team)?.unwrap_or_else(|| account.team.clone());
    let region = set.team(&team).map(|team| team.region.clone());
    let region = region.ok_or_else(|| Error::field("team", "the policy knows no such team"))?;
    if !caller.access.sees(&region, Some(&team)) {
        return Err(Error::field("team", "the policy knows no such team"));
    }
    let identity = f::optional::<IdentityId>("customer", &request.customer)?;
    let theirs = |identity: &IdentityId| set.account(&AccountId::new(identity.account()).ok()?).filter(seen);
    // Of whom the caller knows nothing, nothing is told, his name neither.
    if identity.as_ref().is_some_and(|identity| theirs(identity).is_none()) {
        return Err(nobody());
    }
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
    if !rules.takes_priority(priority) && request.priority != 0 {
        return Err(Error::field("priority", "the policy does not allow this priority"));
    }
    let opening = Opening {
        account: account_id,
        channel: account.channel.clone(),
        region: region.clone(),
        team: Some(team),
        conversation: None,
        identity,
        title: Some(Personal::open(owner.clone(), f::words("title", &request.title, TITLE_LEN_MAX)?)),
        language: f::language("language", &request.language)?,
        priority,
        category,
        fields: opening_fields(&request.fields, &rules, &owner)?,
        origin: Origin::Agent,
    };
    let tags = f::set::<Tag>("tags", &request.tags, case::TAGS_MAX)?;
    if tags.iter().any(|tag| !rules.takes_tag(tag)) {
        return Err(Error::field("tags", "the policy allows only the tags that it lists"));
    }
    Ok(Beginning { opening, tags })
}

/// What a case that goes on from another takes over.
pub fn goes_on(case: &case::Case) -> Opening {
    Opening {
        account: case.account.clone(),
        channel: case.channel.clone(),
        region: case.region.clone(),
        team: case.team.clone(),
        conversation: case.speaks_in(),
        identity: case.customer().cloned(),
        title: None,
        language: case.language.clone(),
        priority: case.priority,
        category: case.category.clone(),
        fields: Default::default(),
        origin: Origin::Agent,
    }
}
