//! Deliveries over gRPC.

use std::sync::Arc;

use domain::{
    delivery::{self, Action, Answer, Delivery, GivenUp, Progress, Status},
    ids::ReplyId,
    outbound::Refusal,
    policy::organisation::Role,
};
use eventlog::{Position, StreamId};
use proto::ingestion::v1::{self as pb, deliveries_server::Deliveries};
use service::{Error, auth::Principal, grpc, models::Models, store::Value, transact::Meta};
use tonic::{Request, Response, Status as Wrong};

use super::{Replies, model, queue::named};
use crate::wire;

/// Deliveries of one page, unless the caller says how many, and at most.
const PAGE: u32 = 50;
const PAGE_MAX: u32 = 200;
/// Reasons of one question, and the longest of them.
const REASONS_MAX: usize = 50;
const REASON_LEN_MAX: usize = 64;
/// Longer words of a page token are none of ours.
const TOKEN_MAX: usize = 32;

/// Deliveries, as the contract has them.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) replies: Arc<Replies>,
    pub(crate) model: Arc<Models<model::Deliveries>>,
}

/// A delivery, and where its stream is.
struct Known {
    stream: StreamId,
    version: Position,
    state: delivery::State,
}

impl Server {
    async fn known(&self, principal: &Principal, reply_id: &str) -> Result<Known, Error> {
        let reply: ReplyId =
            reply_id.parse().map_err(|_| Error::field("reply_id", "the id of a reply: a UUID"))?;
        let stream = named("delivery", &reply)?;
        let known = self.replies.deliveries.load::<delivery::Error>(&stream).await?;
        let (version, state) = (known.version, known.state.clone());
        let unknown = Error::NotFound { what: "delivery" };
        let Some(delivery) = state.delivery() else { return Err(unknown) };
        let may = self.may_decide(principal, delivery.request.account.as_str())
            || self.author(&stream).await?.is_some_and(|author| author == principal.actor.id.as_str());
        // Whoever may not see it is not told that it is there.
        if may { Ok(Known { stream, version, state }) } else { Err(unknown) }
    }

    /// Whether the caller may see and decide about all deliveries of an account.
    fn may_decide(&self, principal: &Principal, account: &str) -> bool {
        let scope = self.replies.accounts.scope(principal);
        if [Role::Administrator, Role::Integrator].iter().any(|role| scope.roles.contains(role)) {
            return true;
        }
        let region = self.replies.accounts.find(account).1.map(|account| account.region);
        scope.roles.contains(&Role::Supervisor)
            && region.is_some_and(|region| scope.regions.contains(&region))
    }

    /// Who wrote the reply.
    async fn author(&self, stream: &StreamId) -> Result<Option<String>, Error> {
        use futures_util::TryStreamExt;
        let first = self.replies.shell.log.read(stream).try_next().await?;
        let envelope =
            first.and_then(|entry| service::envelope::Envelope::<delivery::Event>::of(&entry).ok());
        Ok(envelope.map(|envelope| envelope.actor.id.to_string()))
    }

    async fn change(
        &self,
        principal: &Principal,
        (method, command_id, expected, reply_id): (&str, &str, &str, &str),
        action: impl Fn(&Delivery) -> Action,
    ) -> Result<pb::ChangeDeliveryResponse, Error> {
        let command_id = uuid::Uuid::try_parse(command_id)
            .map_err(|_| Error::field("command_id", "a UUID; the same one again makes a retry harmless"))?;
        let expected = self.replies.shell.position("expected_position", expected)?;
        let known = self.known(principal, reply_id).await?;
        let Some(delivery) = known.state.delivery() else { return Err(Error::NotFound { what: "delivery" }) };
        let action = action(delivery);
        let said = format!("{method}/{reply_id}/{action:?}");
        let said = self.replies.shell.vault.fingerprint(said.as_bytes());
        let meta = Meta { expected, ..Meta::new(command_id, said, principal.actor.clone()) };
        let make = |_: &_, at| Ok(vec![delivery::Command::new(at, principal.actor.clone(), action.clone())]);
        let done = self.replies.deliveries.execute::<delivery::Error>(&known.stream, &meta, make).await?;
        let delivery = done.aggregate.state.delivery();
        let delivery = delivery.map(|delivery| self.told(delivery, done.aggregate.version));
        Ok(pb::ChangeDeliveryResponse { delivery, position: self.replies.shell.token(done.position) })
    }

    fn told(&self, delivery: &Delivery, version: Position) -> pb::Delivery {
        let parts = (1..).zip(&delivery.parts).map(|(number, part)| pb::delivery::Part {
            number,
            attempts: u32::try_from(part.attempts.len()).unwrap_or(u32::MAX),
            unclear_attempt: (1..)
                .zip(&part.attempts)
                .filter(|(_, attempt)| matches!(attempt.outcome, delivery::Outcome::Unclear(_)))
                .map(|(number, _)| number)
                .last()
                .filter(|_| part.progress.is_none())
                .unwrap_or_default(),
            progress: match part.progress {
                None => "",
                Some(Progress::Sent) => "sent",
                Some(Progress::Delivered) => "delivered",
                Some(Progress::Read) => "read",
            }
            .to_owned(),
        });
        pb::Delivery {
            reply_id: delivery.request.reply.to_string(),
            case_id: delivery.request.case.to_string(),
            account: delivery.request.account.to_string(),
            channel: delivery.request.channel.to_string(),
            status: status(delivery.status()).into(),
            reason: model::reason(delivery),
            reason_text: delivery.why().unwrap_or_default(),
            not_before: Some(wire::timestamp(delivery.request.not_before.as_microsecond())),
            parts: parts.collect(),
            position: self.replies.shell.token(version),
            duplicated: delivery.is_duplicated(),
            round: delivery.round,
        }
    }

    async fn list(
        &self,
        principal: &Principal,
        request: &pb::ListDeliveriesRequest,
    ) -> Result<pb::ListDeliveriesResponse, Error> {
        let scope = self.replies.accounts.scope(principal);
        let all = [Role::Administrator, Role::Integrator].iter().any(|role| scope.roles.contains(role));
        if !all && !scope.roles.contains(&Role::Supervisor) {
            let message =
                "to list deliveries takes the role supervisor, integrator or administrator; ask for one";
            return Err(Error::Denied(message.into()));
        }
        let reasons = reasons(&request.reason)?;
        let is_default = request.status.is_empty() && reasons.is_empty();
        let wanted = wanted(&request.status, is_default)?;
        let after: i64 = match request.page_token.as_str() {
            "" => 0,
            token if token.len() <= TOKEN_MAX => {
                token.parse().map_err(|_| Error::field("page_token", "that of an answer"))?
            }
            _ => return Err(Error::field("page_token", "that of an answer")),
        };
        let size = match request.page_size {
            0 => PAGE,
            size if size <= PAGE_MAX => size,
            _ => return Err(Error::field("page_size", format_args!("at most {PAGE_MAX}"))),
        };
        let at_least = self.replies.shell.position("at_least", &request.at_least)?;
        let model = self.model.at_least(at_least.unwrap_or_default(), AT_LEAST_MAX).await?;
        let position = model.position();
        let sql = "select reply, account, queued from delivery where queued > $1 and ($2 = '' or account = $2) \
                   and $3 like '%,' || status || ',%' and ($5 = '' or $5 like '%,' || reason || ',%') \
                   and not (status = 'refused' and $6 like '%,' || reason || ',%') order by queued limit $4";
        let mut told = Vec::new();
        let mut next = after;
        // What the caller may not see makes a page shorter, and costs no more than it.
        let statuses = listed(&wanted);
        let reasons = listed(reasons);
        // Where a customer wants no more of it, nobody has to do anything.
        let left_out = if is_default { Refusal::FINAL.map(str::to_ascii_lowercase).to_vec() } else { vec![] };
        let left_out = listed(&left_out);
        let binds = [
            Value::from(after),
            request.account.as_str().into(),
            statuses.as_str().into(),
            u64::from(size).into(),
            reasons.as_str().into(),
            left_out.as_str().into(),
        ];
        let rows = model.store.query(sql, &binds).await?;
        for row in &rows {
            next = row.int(2).unwrap_or(next);
            if !self.may_decide(principal, &row.string(1)) {
                continue;
            }
            let known = self.known(principal, &row.string(0)).await?;
            told.extend(known.state.delivery().map(|delivery| self.told(delivery, known.version)));
        }
        let is_full = rows.len() == size as usize;
        Ok(pb::ListDeliveriesResponse {
            deliveries: told,
            next_page_token: if is_full { next.to_string() } else { String::new() },
            position: self.replies.shell.token(position),
        })
    }
}

/// How long a list waits for what it is to have seen.
const AT_LEAST_MAX: std::time::Duration = std::time::Duration::from_secs(5);

/// Words as the questions look for them, with a comma before and after each.
fn listed<S: AsRef<str>>(words: &[S]) -> String {
    let words: Vec<_> = words.iter().map(AsRef::as_ref).collect();
    if words.is_empty() { String::new() } else { format!(",{},", words.join(",")) }
}

/// The reasons that are asked for.
fn reasons(reasons: &[String]) -> Result<&[String], Error> {
    let is_word = |reason: &String| {
        (1..=REASON_LEN_MAX).contains(&reason.len())
            && reason.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    if reasons.len() > REASONS_MAX {
        return Err(Error::field("reason", format_args!("at most {REASONS_MAX}; ask in several lists")));
    }
    match reasons.iter().position(|reason| !is_word(reason)) {
        Some(at) => Err(Error::field(
            format!("reason[{at}]"),
            format_args!("1 to {REASON_LEN_MAX} of a-z and '_': opted_out, too_long, account_incomplete …"),
        )),
        None => Ok(reasons),
    }
}

/// The words of the statuses that are asked for.
fn wanted(statuses: &[i32], is_default: bool) -> Result<Vec<&'static str>, Error> {
    if is_default {
        return Ok(WAITING.map(model::word).to_vec());
    }
    // For a reason whatever became of it.
    if statuses.is_empty() {
        return Ok(ALL.map(model::word).to_vec());
    }
    let known =
        |number: &i32| ALL.into_iter().find(|known| i32::from(status(*known)) == *number).map(model::word);
    let words: Option<Vec<_>> = statuses.iter().map(known).collect();
    words.ok_or_else(|| Error::field("status", "STATUS_UNCLEAR and its like"))
}

/// Those that wait for a person.
const WAITING: [Status; 4] = [Status::Unclear, Status::Refused, Status::Rejected, Status::GivenUp];

const ALL: [Status; 12] = [
    Status::Queued,
    Status::Sending,
    Status::Unclear,
    Status::Cancelled,
    Status::Refused,
    Status::Rejected,
    Status::GivenUp,
    Status::Bounced,
    Status::Undelivered,
    Status::Sent,
    Status::Delivered,
    Status::Read,
];

const fn status(status: Status) -> pb::delivery::Status {
    match status {
        Status::Queued => pb::delivery::Status::Queued,
        Status::Sending => pb::delivery::Status::Sending,
        Status::Unclear => pb::delivery::Status::Unclear,
        Status::Cancelled => pb::delivery::Status::Cancelled,
        Status::Refused => pb::delivery::Status::Refused,
        Status::Rejected => pb::delivery::Status::Rejected,
        Status::GivenUp => pb::delivery::Status::GivenUp,
        Status::Bounced => pb::delivery::Status::Bounced,
        Status::Undelivered => pb::delivery::Status::Undelivered,
        Status::Sent => pb::delivery::Status::Sent,
        Status::Delivered => pb::delivery::Status::Delivered,
        Status::Read => pb::delivery::Status::Read,
    }
}

fn part(number: u32) -> u16 {
    // None has so many parts: the rules say that it is unknown.
    u16::try_from(number).unwrap_or(u16::MAX)
}

type Told<T> = Result<Response<T>, Wrong>;

#[tonic::async_trait]
impl Deliveries for Server {
    async fn get_delivery(&self, request: Request<pb::GetDeliveryRequest>) -> Told<pb::GetDeliveryResponse> {
        let principal = grpc::principal(&request)?;
        let known = self.known(&principal, &request.get_ref().reply_id).await?;
        let delivery = known.state.delivery().map(|delivery| self.told(delivery, known.version));
        let position = self.replies.shell.token(known.version);
        Ok(Response::new(pb::GetDeliveryResponse { delivery, position }))
    }

    async fn list_deliveries(
        &self,
        request: Request<pb::ListDeliveriesRequest>,
    ) -> Told<pb::ListDeliveriesResponse> {
        let principal = grpc::principal(&request)?;
        Ok(Response::new(self.list(&principal, request.get_ref()).await?))
    }

    async fn cancel_delivery(
        &self,
        request: Request<pb::CancelDeliveryRequest>,
    ) -> Told<pb::ChangeDeliveryResponse> {
        let principal = grpc::principal(&request)?;
        let asked = request.get_ref();
        let call = ("cancel", &*asked.command_id, &*asked.expected_position, &*asked.reply_id);
        Ok(Response::new(self.change(&principal, call, |_| Action::Cancel).await?))
    }

    async fn resend_delivery(
        &self,
        request: Request<pb::ResendDeliveryRequest>,
    ) -> Told<pb::ChangeDeliveryResponse> {
        let principal = grpc::principal(&request)?;
        let asked = request.get_ref();
        let call = ("resend", &*asked.command_id, &*asked.expected_position, &*asked.reply_id);
        let action = |_: &Delivery| Action::Resend { part: part(asked.part), attempt: asked.attempt };
        Ok(Response::new(self.change(&principal, call, action).await?))
    }

    async fn clarify_delivery(
        &self,
        request: Request<pb::ClarifyDeliveryRequest>,
    ) -> Told<pb::ChangeDeliveryResponse> {
        let principal = grpc::principal(&request)?;
        let asked = request.get_ref();
        let call = ("clarify", &*asked.command_id, &*asked.expected_position, &*asked.reply_id);
        let action = |_: &Delivery| {
            let answer = if asked.has { Answer::Has { external: None } } else { Answer::HasNot };
            Action::Clarify { part: part(asked.part), attempt: asked.attempt, answer }
        };
        Ok(Response::new(self.change(&principal, call, action).await?))
    }

    async fn abandon_delivery(
        &self,
        request: Request<pb::AbandonDeliveryRequest>,
    ) -> Told<pb::ChangeDeliveryResponse> {
        let principal = grpc::principal(&request)?;
        let asked = request.get_ref();
        let call = ("abandon", &*asked.command_id, &*asked.expected_position, &*asked.reply_id);
        let action = |_: &Delivery| Action::GiveUp { round: asked.round, reason: GivenUp::Abandoned };
        Ok(Response::new(self.change(&principal, call, action).await?))
    }

    async fn replay_delivery(
        &self,
        request: Request<pb::ReplayDeliveryRequest>,
    ) -> Told<pb::ChangeDeliveryResponse> {
        let principal = grpc::principal(&request)?;
        let asked = request.get_ref();
        let call = ("replay", &*asked.command_id, &*asked.expected_position, &*asked.reply_id);
        let action = |_: &Delivery| Action::Replay { round: asked.round };
        Ok(Response::new(self.change(&principal, call, action).await?))
    }
}
