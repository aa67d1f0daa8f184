//! Dead letters over gRPC.

use eventlog::Category;
use proto::ingestion::v1::{
    self as pb, dead_letters_server::DeadLetters, list_dead_letters_response as list,
};
use service::{Error, auth::Principal, grpc};
use tonic::{Request, Response, Status as Wrong};

use super::{
    counted::Counted,
    retry::Retry,
    room::{self, Filled, LETTERS_BYTES_MAX, LETTERS_MAX, WARNED_FROM},
    store::{Row, State},
};
use crate::{Ingestion, access, wire};

/// Letters of one page, unless the caller says how many, and at most.
const PAGE: u32 = 50;
const PAGE_MAX: u32 = 200;
/// Longer words of a page token are none of ours.
const TOKEN_MAX: usize = 64;
/// Bytes of a body that are shown: an answer has its bounds.
const SHOWN_MAX: usize = 8 << 20;

/// Dead letters, as the contract has them.
pub(crate) struct Server(Retry);

impl Server {
    pub(crate) fn new(ingestion: Ingestion) -> Self {
        Self(Retry::new(ingestion))
    }

    /// The letter, for somebody who may see it.
    async fn known(&self, principal: &Principal, id: &str) -> Result<Row, Error> {
        let parts = &self.0.ingestion.0;
        access::may_handle_dead_letters(parts.accounts.as_ref(), principal)?;
        let id = id.parse().map_err(|_| Error::field("id", "the id of a dead letter: a UUID"))?;
        parts.dead_letters.rows.get(id).await?.ok_or(Error::NotFound { what: "dead letter" })
    }

    /// Where the messages of the log end.
    async fn position(&self) -> Result<String, Error> {
        let shell = &self.0.ingestion.0.shell;
        let messages = Category::new("message").map_err(|error| Error::Internal(error.to_string()))?;
        Ok(shell.token(shell.log.tail(&[messages]).await?))
    }

    async fn list(
        &self,
        principal: &Principal,
        request: &pb::ListDeadLettersRequest,
    ) -> Result<pb::ListDeadLettersResponse, Error> {
        let parts = &self.0.ingestion.0;
        access::may_handle_dead_letters(parts.accounts.as_ref(), principal)?;
        let state = match pb::dead_letter::State::try_from(request.state) {
            Ok(pb::dead_letter::State::Unspecified | pb::dead_letter::State::Kept) => State::Kept,
            Ok(pb::dead_letter::State::Taken) => State::Taken,
            Ok(pb::dead_letter::State::Discarded) => State::Discarded,
            Err(_) => return Err(Error::field("state", "STATE_KEPT and its like")),
        };
        let size = match request.page_size {
            0 => PAGE,
            size if size <= PAGE_MAX => size,
            _ => return Err(Error::field("page_size", format_args!("at most {PAGE_MAX}"))),
        };
        let after = after(&request.page_token)?;
        let of = (request.account.as_str(), state.word());
        // One more, to know whether there is one.
        let mut rows = parts.dead_letters.rows.list(of, (after.0, after.1), u64::from(size) + 1).await?;
        let more = rows.len() > size as usize;
        rows.truncate(size as usize);
        let last = rows.last().filter(|_| more);
        let next = last.map(|row| format!("{}.{}", row.received.as_microsecond(), row.id));
        let (rooms, counted) = match request.page_token.is_empty() {
            true => self.rooms(&request.account).await?,
            false => Default::default(),
        };
        Ok(pb::ListDeadLettersResponse {
            dead_letters: rows.iter().map(told).collect(),
            next_page_token: next.unwrap_or_default(),
            position: self.position().await?,
            rooms,
            counted,
        })
    }

    /// How full the boxes are, and what was counted.
    async fn rooms(&self, account: &str) -> Result<(Vec<list::Room>, Vec<list::Counted>), Error> {
        let letters = &self.0.ingestion.0.dead_letters;
        let rooms = letters.filled(account).await?.into_iter().map(|(account, filled)| room(account, filled));
        let counted = letters.counts.list(account, PAGE_MAX.into()).await?;
        Ok((rooms.collect(), counted.into_iter().map(told_count).collect()))
    }

    async fn get(
        &self,
        principal: &Principal,
        request: &pb::GetDeadLetterRequest,
    ) -> Result<pb::GetDeadLetterResponse, Error> {
        let row = self.known(principal, &request.id).await?;
        let call = if request.with_call && row.state == State::Kept {
            let mut call = self.0.ingestion.0.dead_letters.call(&row).await?;
            call.body.truncate(SHOWN_MAX);
            Some(pb::get_dead_letter_response::Call {
                method: call.head.method,
                url: call.head.url,
                headers: call.head.headers.into_iter().collect(),
                body: call.body,
            })
        } else {
            None
        };
        let position = self.position().await?;
        Ok(pb::GetDeadLetterResponse { dead_letter: Some(told(&row)), call, position })
    }
}

impl Server {
    async fn discard(&self, principal: &Principal, mut row: Row) -> Result<(Row, bool), Error> {
        let parts = &self.0.ingestion.0;
        let kept = row.state == State::Kept;
        if kept {
            tracing::info!(letter = %row.id, by = %principal.actor.id, "a dead letter is given up");
            parts.dead_letters.end(&mut row, State::Discarded, parts.shell.clock.now()).await?;
        } else {
            parts.dead_letters.destroy(&mut row).await?;
        }
        Ok((row, kept))
    }

    async fn discard_all(
        &self,
        principal: &Principal,
        request: &pb::DiscardDeadLettersRequest,
    ) -> Result<pb::DiscardDeadLettersResponse, Error> {
        let letters = &self.0.ingestion.0.dead_letters;
        access::may_handle_dead_letters(self.0.ingestion.0.accounts.as_ref(), principal)?;
        let pb::DiscardDeadLettersRequest { ids, account, reason } = request;
        let (rows, more) = match (ids.is_empty(), account.is_empty()) {
            (true, true) => return Err(Error::field("ids", "some; or an account")),
            (false, false) => return Err(Error::field("account", "not together with ids")),
            (false, true) if !reason.is_empty() => return Err(Error::field("reason", "of an account only")),
            (false, true) if ids.len() > PAGE_MAX as usize => {
                return Err(Error::field("ids", format_args!("at most {PAGE_MAX}")));
            }
            (false, true) => {
                let mut rows = Vec::with_capacity(ids.len());
                for id in ids {
                    rows.push(self.known(principal, id).await?);
                }
                (rows, false)
            }
            (true, false) => {
                let reason = room::masked(reason);
                letters.counts.forget(account, &reason).await?;
                letters.alike(account, &reason, PAGE_MAX as usize).await?
            }
        };
        let mut discarded = 0;
        for row in rows {
            // What stands twice among the ids is given up once.
            let (row, kept) = self.discard(principal, row).await?;
            discarded += u64::from(kept && row.state == State::Discarded);
        }
        letters.look().await?;
        Ok(pb::DiscardDeadLettersResponse { discarded, more, position: self.position().await? })
    }
}

/// The place after which a page begins.
fn after(token: &str) -> Result<(i64, &str), Error> {
    if token.is_empty() {
        return Ok((i64::MIN, ""));
    }
    let place = token.split_once('.').filter(|_| token.len() <= TOKEN_MAX);
    let place = place.and_then(|(received, id)| Some((received.parse().ok()?, id)));
    place.ok_or_else(|| Error::field("page_token", "that of an answer"))
}

fn room(account: String, filled: Filled) -> list::Room {
    let percent = filled.percent();
    list::Room {
        account,
        letters: filled.letters,
        letters_max: LETTERS_MAX,
        bytes: filled.bytes,
        bytes_max: LETTERS_BYTES_MAX,
        alike: filled.alike,
        percent: u32::try_from(percent).unwrap_or(u32::MAX),
        filling: percent >= WARNED_FROM,
    }
}

fn told_count(counted: Counted) -> list::Counted {
    list::Counted {
        account: counted.account,
        connector: counted.connector,
        path: counted.path,
        reason: counted.reason,
        first_at: Some(wire::timestamp(counted.first.as_microsecond())),
        last_at: Some(wire::timestamp(counted.last.as_microsecond())),
        count: counted.count,
    }
}

fn told(row: &Row) -> pb::DeadLetter {
    let state = match row.state {
        State::Kept => pb::dead_letter::State::Kept,
        State::Taken => pb::dead_letter::State::Taken,
        State::Discarded => pb::dead_letter::State::Discarded,
    };
    pb::DeadLetter {
        id: row.id.to_string(),
        account: row.account.clone(),
        connector: row.connector.clone(),
        state: state.into(),
        path: row.path.clone(),
        reason: row.reason.clone(),
        received_at: Some(wire::timestamp(row.received.as_microsecond())),
        changed_at: Some(wire::timestamp(row.changed.as_microsecond())),
        bytes: row.bytes,
        retries: row.retries,
    }
}

type Told<T> = Result<Response<T>, Wrong>;

#[tonic::async_trait]
impl DeadLetters for Server {
    async fn list_dead_letters(
        &self,
        request: Request<pb::ListDeadLettersRequest>,
    ) -> Told<pb::ListDeadLettersResponse> {
        let principal = grpc::principal(&request)?;
        Ok(Response::new(self.list(&principal, request.get_ref()).await?))
    }

    async fn get_dead_letter(
        &self,
        request: Request<pb::GetDeadLetterRequest>,
    ) -> Told<pb::GetDeadLetterResponse> {
        let principal = grpc::principal(&request)?;
        Ok(Response::new(self.get(&principal, request.get_ref()).await?))
    }

    async fn retry_dead_letter(
        &self,
        request: Request<pb::RetryDeadLetterRequest>,
    ) -> Told<pb::RetryDeadLetterResponse> {
        let principal = grpc::principal(&request)?;
        let mut row = self.known(&principal, &request.get_ref().id).await?;
        self.0.take(&mut row, self.0.ingestion.0.shell.clock.now()).await?;
        let (dead_letter, position) = (Some(told(&row)), self.position().await?);
        Ok(Response::new(pb::RetryDeadLetterResponse { dead_letter, position }))
    }

    async fn discard_dead_letter(
        &self,
        request: Request<pb::DiscardDeadLetterRequest>,
    ) -> Told<pb::DiscardDeadLetterResponse> {
        let principal = grpc::principal(&request)?;
        let row = self.known(&principal, &request.get_ref().id).await?;
        let (row, _) = self.discard(&principal, row).await?;
        let (dead_letter, position) = (Some(told(&row)), self.position().await?);
        Ok(Response::new(pb::DiscardDeadLetterResponse { dead_letter, position }))
    }

    async fn discard_dead_letters(
        &self,
        request: Request<pb::DiscardDeadLettersRequest>,
    ) -> Told<pb::DiscardDeadLettersResponse> {
        let principal = grpc::principal(&request)?;
        Ok(Response::new(self.discard_all(&principal, request.get_ref()).await?))
    }
}
