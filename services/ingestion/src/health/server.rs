//! Channel accounts over gRPC.

use std::{sync::Arc, time::Duration};

use domain::{
    channel::Direction,
    delivery,
    health::{Action, Evidence, Level, Side},
    ids::{AccountId, ReasonCode},
    policy::organisation::Role,
    time::Timestamp,
};
use eventlog::{Position, StreamId};
use futures_util::TryStreamExt;
use proto::ingestion::v1::{self as pb, channels_server::Channels as Contract};
use service::{Error, auth::Principal, grpc, models::Models, transact::Meta};
use tonic::{Request, Response, Status};

use super::{Channels, category};
use crate::{
    replies::{
        model::Deliveries,
        sends::{Lack, Sends},
    },
    wire,
};

/// Accounts of one page, unless the caller says how many, and at most.
const PAGE: u32 = 50;
const PAGE_MAX: u32 = 200;
/// How long an answer waits for what it is to have seen.
const AT_LEAST_MAX: Duration = Duration::from_secs(5);

/// Channel accounts, as the contract has them.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) channels: Arc<Channels>,
    pub(crate) deliveries: Arc<Models<Deliveries>>,
}

impl Server {
    /// Whether the caller may see and decide about an account.
    fn may(&self, principal: &Principal, account: &AccountId) -> bool {
        let accounts = &self.channels.accounts;
        let scope = accounts.scope(principal);
        if [Role::Administrator, Role::Integrator].iter().any(|role| scope.roles.contains(role)) {
            return true;
        }
        let region = accounts.find(account.as_str()).1.map(|account| account.region);
        scope.roles.contains(&Role::Supervisor)
            && region.is_some_and(|region| scope.regions.contains(&region))
    }

    /// The account of this name. Whoever may not see it is not told that it is there.
    fn account(&self, principal: &Principal, account: &str) -> Result<AccountId, Error> {
        let id = AccountId::new(account).map_err(|invalid| Error::field("account", invalid))?;
        let is_there = self.channels.accounts.find(account).1.is_some();
        if is_there && self.may(principal, &id) { Ok(id) } else { Err(Error::NotFound { what: "account" }) }
    }

    /// Waits for everything that an answer is made of.
    async fn seen(&self, at_least: &str) -> Result<(), Error> {
        let Some(position) = self.channels.shell.position("at_least", at_least)? else { return Ok(()) };
        self.deliveries.at_least(position, AT_LEAST_MAX).await?;
        self.channels.ledger.accepted().at_least(position, AT_LEAST_MAX).await?;
        let last = self.channels.shell.log.tail(&[category()?]).await?;
        if self.channels.known.wait_for(last.min(position), AT_LEAST_MAX).await {
            return Ok(());
        }
        Err(Error::Unavailable("how channels are has not reached this position yet; try again".into()))
    }

    async fn list(
        &self,
        principal: &Principal,
        request: &pb::ListChannelsRequest,
    ) -> Result<pb::ListChannelsResponse, Error> {
        let scope = self.channels.accounts.scope(principal);
        let roles = [Role::Administrator, Role::Integrator, Role::Supervisor];
        if !roles.iter().any(|role| scope.roles.contains(role)) {
            let message =
                "to list channels takes the role supervisor, integrator or administrator; ask for one";
            return Err(Error::Denied(message.into()));
        }
        let size = match request.page_size {
            0 => PAGE,
            size if size <= PAGE_MAX => size,
            _ => return Err(Error::field("page_size", format_args!("at most {PAGE_MAX}"))),
        };
        let after = match request.page_token.as_str() {
            "" => None,
            token => {
                Some(AccountId::new(token).map_err(|_| Error::field("page_token", "that of an answer"))?)
            }
        };
        self.seen(&request.at_least).await?;
        let wanted = |account: &AccountId| {
            let state = self.channels.state(account);
            let is_troubled = state.level() != Level::Up || state.held().is_some();
            let is_wanted = !request.troubled_only || is_troubled || self.must_refuse(account);
            is_wanted && self.may(principal, account)
        };
        let accounts = self.channels.accounts.all().into_iter();
        let mut accounts: Vec<AccountId> = accounts.map(|(account, _)| account).collect();
        accounts.sort();
        let mut rest =
            accounts.into_iter().filter(|account| after.as_ref().is_none_or(|after| account > after));
        let page: Vec<AccountId> =
            rest.by_ref().filter(|account| wanted(account)).take(size as usize).collect();
        let more = page.last().filter(|_| rest.any(|account| wanted(&account)));
        let next_page_token = more.map(ToString::to_string).unwrap_or_default();
        let mut channels = Vec::with_capacity(page.len());
        for account in &page {
            channels.push(self.told(account).await?);
        }
        let position = self.channels.shell.token(self.channels.known.position());
        Ok(pb::ListChannelsResponse { channels, next_page_token, position })
    }

    async fn change(
        &self,
        principal: &Principal,
        (command_id, expected, account): (&str, &str, &str),
        action: Action,
    ) -> Result<pb::ChangeChannelResponse, Error> {
        let command_id = uuid::Uuid::try_parse(command_id)
            .map_err(|_| Error::field("command_id", "a UUID; the same one again makes a retry harmless"))?;
        let expected = self.channels.shell.position("expected_position", expected)?;
        let account = self.account(principal, account)?;
        let said = self.channels.shell.vault.fingerprint(format!("{account}/{action:?}").as_bytes());
        let meta = Meta { expected, ..Meta::new(command_id, said, principal.actor.clone()) };
        let done = self.channels.execute(&account, &meta, action).await?;
        let channel = Some(self.told(&account).await?);
        Ok(pb::ChangeChannelResponse { channel, position: self.channels.shell.token(done.position) })
    }

    async fn told(&self, account: &AccountId) -> Result<pb::Channel, Error> {
        let channels = &self.channels;
        let (version, state) = channels.known.of(account);
        let now = channels.shell.clock.now();
        let hour = channels.hour(account, now).await?;
        let time = |at: Timestamp| wire::timestamp(at.as_microsecond());
        let kind = channels.accounts.find(account.as_str()).1.map(|account| account.channel.to_string());
        let held = state.held().map(|held| pb::channel::Held {
            since: Some(time(held.since)),
            by: held.by.id.to_string(),
            reason: held.reason.to_string(),
        });
        Ok(pb::Channel {
            account: account.to_string(),
            channel: kind.unwrap_or_default(),
            state: level(state.level()).into(),
            sending: Some(side(state.side(Direction::Out))),
            receiving: Some(side(state.side(Direction::In))),
            held,
            throttled_until: state.throttled_until(now).map(time),
            waiting: self.waiting(account).await?,
            last_in: channels.ledger.last_in(account).await?.map(time),
            last_out: self.last_out(account).await?.map(time),
            seen_this_hour: hour.seen,
            expected_this_hour: hour.expected,
            sends: Sends::of(&*channels.accounts, account).map(|by| sends(&by)),
            position: if version == Position::NONE { String::new() } else { channels.shell.token(version) },
        })
    }

    /// Whether policy wants an account to send that cannot.
    fn must_refuse(&self, account: &AccountId) -> bool {
        Sends::of(&*self.channels.accounts, account).is_some_and(|sends| sends.must_refuse())
    }

    /// Replies of an account that are on their way.
    async fn waiting(&self, account: &AccountId) -> Result<u64, Error> {
        let sql = "select count(*) from delivery where account = $1 and status in ('queued', 'sending')";
        let rows = self.deliveries.current().store.query(sql, &[account.as_str().into()]).await?;
        Ok(rows.first().map_or(0, |row| row.count(0)))
    }

    /// When the platform last took something.
    async fn last_out(&self, account: &AccountId) -> Result<Option<Timestamp>, Error> {
        let sql = "select reply from delivery where account = $1 and status in ('sent', 'delivered', 'read') \
                   order by version desc limit 1";
        let rows = self.deliveries.current().store.query(sql, &[account.as_str().into()]).await?;
        let Some(reply) = rows.first().map(|row| row.string(0)) else { return Ok(None) };
        let category =
            eventlog::Category::new("delivery").map_err(|error| Error::Internal(error.to_string()))?;
        let stream = StreamId::new(&category, reply).map_err(|error| Error::Internal(error.to_string()))?;
        let mut entries = self.channels.shell.log.read(&stream);
        let mut last = None;
        while let Some(entry) = entries.try_next().await? {
            let Ok(envelope) = service::envelope::Envelope::<delivery::Event>::of(&entry) else { continue };
            for event in envelope.events {
                if let delivery::Event::PartSent { at, .. } = event {
                    last = last.max(Some(at));
                }
            }
        }
        Ok(last)
    }
}

const fn level(level: Level) -> pb::channel::State {
    match level {
        Level::Up => pb::channel::State::Up,
        Level::Degraded => pb::channel::State::Degraded,
        Level::Recovering => pb::channel::State::Recovering,
        Level::Down => pb::channel::State::Down,
    }
}

fn side(side: &Side) -> pb::channel::Side {
    let mut told = pb::channel::Side { state: level(side.level).into(), ..Default::default() };
    let Some(trouble) = &side.trouble else { return told };
    let time = |at: Timestamp| Some(wire::timestamp(at.as_microsecond()));
    trouble.cause.slug().clone_into(&mut told.cause);
    told.since = time(trouble.since);
    if side.level == Level::Down {
        told.round = trouble.round;
        told.retry_at = time(trouble.retry_at);
    }
    match &trouble.evidence {
        Evidence::Calls { in_a_row, failed, calls } => {
            (told.failed_in_a_row, told.failed_calls, told.calls) = (*in_a_row, *failed, *calls);
        }
        Evidence::Silence { last_in, expected, .. } => {
            (told.silent_since, told.expected) = (time(*last_in), *expected);
        }
    }
    told
}

/// Who sends, what is missing, and what that means for what is said there.
fn sends(sends: &Sends) -> pb::channel::Sends {
    use pb::channel::sends::By;
    let by = match sends {
        Sends::Itself(..) => By::Itself,
        Sends::Deliverer => By::Deliverer,
        Sends::Incomplete(..) => By::NobodyIncomplete,
        Sends::NoWay(_) => By::NobodyNoWay,
    };
    let lacks = if let Sends::Incomplete(.., lacks) = sends { lacks.as_slice() } else { &[] };
    let setting = |lack: &Lack| if let Lack::Setting(name) = lack { Some((*name).to_owned()) } else { None };
    let secret = |lack: &Lack| if let Lack::Secret(name) = lack { Some((*name).to_owned()) } else { None };
    let (refuses, waits) = (sends.must_refuse(), "its replies wait for a deliverer");
    let then = if refuses { "its replies are refused" } else { waits };
    let remedy = match sends {
        Sends::Itself(..) => String::new(),
        Sends::Deliverer => format!("policy says sends = \"deliverer\": {waits}"),
        Sends::NoWay(_) => format!("cannot send: its connector only takes messages in; {then}"),
        Sends::Incomplete(..) => {
            let names: Vec<_> = lacks.iter().map(ToString::to_string).collect();
            format!("cannot send: no {}; name it in the account's document; {then}", names.join(", no "))
        }
    };
    pb::channel::Sends {
        by: by.into(),
        missing_settings: lacks.iter().filter_map(setting).collect(),
        missing_secrets: lacks.iter().filter_map(secret).collect(),
        refuses,
        remedy,
    }
}

type Told<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Contract for Server {
    async fn list_channels(
        &self,
        request: Request<pb::ListChannelsRequest>,
    ) -> Told<pb::ListChannelsResponse> {
        let principal = grpc::principal(&request)?;
        Ok(Response::new(self.list(&principal, request.get_ref()).await?))
    }

    async fn get_channel(&self, request: Request<pb::GetChannelRequest>) -> Told<pb::GetChannelResponse> {
        let principal = grpc::principal(&request)?;
        let asked = request.get_ref();
        let account = self.account(&principal, &asked.account)?;
        self.seen(&asked.at_least).await?;
        let channel = Some(self.told(&account).await?);
        let position = self.channels.shell.token(self.channels.known.position());
        Ok(Response::new(pb::GetChannelResponse { channel, position }))
    }

    async fn hold_channel(
        &self,
        request: Request<pb::HoldChannelRequest>,
    ) -> Told<pb::ChangeChannelResponse> {
        let principal = grpc::principal(&request)?;
        let asked = request.get_ref();
        let reason = ReasonCode::new(&asked.reason).map_err(|invalid| Error::field("reason", invalid))?;
        let call = (&*asked.command_id, &*asked.expected_position, &*asked.account);
        Ok(Response::new(self.change(&principal, call, Action::Hold { reason }).await?))
    }

    async fn release_channel(
        &self,
        request: Request<pb::ReleaseChannelRequest>,
    ) -> Told<pb::ChangeChannelResponse> {
        let principal = grpc::principal(&request)?;
        let asked = request.get_ref();
        let call = (&*asked.command_id, &*asked.expected_position, &*asked.account);
        Ok(Response::new(self.change(&principal, call, Action::Release).await?))
    }
}
