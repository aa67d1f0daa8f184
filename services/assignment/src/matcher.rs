//! The matcher: brings cases that wait together with agents who are free.
//!
//! One is active at a time, by lease; but nothing depends on that. A choice is written in steps, and each is refused if
//! somebody was faster: capacity is reserved on the agent's stream, the decision gets its number on the case's way, and the
//! case itself is claimed by who owns it. What is reserved and not claimed is released when its time is over, after a look
//! at the case.
//!
//! What is decided is recorded with everything that it was decided on. Time is the clock's that the process was given.

use std::{sync::Arc, time::Duration};

use domain::{
    agent::{self, Ended},
    ids::{CaseId, PersonId},
    routing::choose::{self, Action},
    routing::plan::Plan,
    time::Timestamp,
};
use eventlog::{Entry, Position};
use futures_util::{StreamExt, stream::FuturesUnordered};
use service::{
    Error, further,
    health::{Pulse, Runs, Standing},
    lease::{Lease, RENEWAL},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    board::{self, Answer, Board, Due, Route},
    core::Core,
    decide::{self, Chosen, Looked},
    model::{self, Item},
};

/// Choices that are written side by side.
const WRITING_MAX: usize = 64;
/// Entries that are taken before cases are looked at.
const BATCH_MAX: usize = 1_000;
/// How often agents are looked at whose time may have come.
const LOOK: Duration = Duration::from_secs(1);
/// How long after its end a reservation is left alone, in seconds: clocks of two processes are not the same, and who owns
/// the case goes by its own.
const GRACE_S: i64 = 5;
/// How long it waits when something is away.
const AGAIN: Duration = Duration::from_millis(500);

const PRIORITY: &str = "select priority from case_row where case_id = $1";

/// Brings cases and agents together.
pub struct Matcher {
    core: Arc<Core>,
    pulse: Pulse,
    settled: watch::Sender<Position>,
}

impl Runs for Matcher {
    fn name(&self) -> &'static str {
        "matcher"
    }

    fn standing(&self) -> Option<Standing> {
        self.pulse.standing()
    }
}

impl Matcher {
    /// Of the cases and agents of `core`.
    pub fn new(core: Arc<Core>) -> Self {
        Self { core, pulse: Pulse::default(), settled: watch::Sender::new(Position::NONE) }
    }

    /// Up to where everything is looked at that this process took, while it is the active one.
    pub fn settled(&self) -> watch::Receiver<Position> {
        self.settled.subscribe()
    }

    /// Matches until `stop`, while this replica holds the lease.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let Core { control, shell, .. } = &*self.core;
        let lease =
            Lease::new(control.clone(), Arc::clone(&shell.clock), "assignment.matcher", &shell.replica);
        let mut failures = 0;
        while !stop.is_cancelled() {
            match stop.run_until_cancelled(self.turn(&lease, &mut failures)).await {
                None => break,
                Some(Ok(())) => {}
                Some(Err(error)) => {
                    failures += 1;
                    self.pulse.failed(&error, failures);
                    tracing::warn!(%error, failures, "the matcher stands still; trying again");
                    stop.run_until_cancelled(tokio::time::sleep(AGAIN)).await;
                }
            }
        }
        if let Err(error) = lease.release().await {
            tracing::debug!(%error, "the lease was not released; it ends by itself");
        }
    }

    async fn turn(&self, lease: &Lease, failures: &mut u32) -> Result<(), Error> {
        let clock = &self.core.shell.clock;
        if !lease.acquire().await? {
            self.pulse.well();
            clock.sleep(RENEWAL).await;
            return Ok(());
        }
        let lost = async {
            loop {
                clock.sleep(RENEWAL).await;
                if !matches!(lease.acquire().await, Ok(true)) {
                    return;
                }
            }
        };
        tokio::select! {
            () = lost => Ok(()),
            end = self.follow(failures) => end,
        }
    }

    /// The board as the read model has it, and up to where.
    async fn board(&self) -> Result<(Board, Position), Error> {
        let model = self.core.models.current();
        let (store, from) = (&model.store, model.refresh().await?);
        let mut board = Board::default();
        let sql = service::store::Sql {
            sqlite: "select person, version, state from agent_row",
            postgres: "select person, version, state::text from agent_row",
        };
        for row in store.query(sql, &[]).await? {
            let (Ok(person), Some(state)) = (PersonId::new(row.text(0).unwrap_or_default()), row.text(2))
            else {
                continue;
            };
            let state = serde_json::from_str(state).map_err(|_| broken("agent"))?;
            board.put_agent(person, state, row.count(1));
        }
        let sql = service::store::Sql {
            sqlite: "select r.case_id, r.version, r.state, c.priority from route_row r \
                     left join case_row c on c.case_id = r.case_id where r.queue is not null",
            postgres: "select r.case_id, r.version, r.state::text, c.priority from route_row r \
                       left join case_row c on c.case_id = r.case_id where r.queue is not null",
        };
        for row in store.query(sql, &[]).await? {
            let (Ok(case), Some(state)) = (row.string(0).parse(), row.text(2)) else { continue };
            let state = serde_json::from_str(state).map_err(|_| broken("way"))?;
            board.put_route(case, Route::of(state, row.count(1), row.int(3).map(model::priority)));
        }
        Ok((board, from))
    }

    /// Ends with an error only.
    async fn follow(&self, failures: &mut u32) -> Result<(), Error> {
        let (mut board, mut position) = self.board().await?;
        let core = &self.core;
        let mut entries = core.shell.log.follow(position, &model::categories()).ready_chunks(BATCH_MAX);
        let mut writing = FuturesUnordered::new();
        let mut policy = core.policies.changes();
        let mut look = core.shell.clock.now();
        loop {
            let plan = core.plan();
            let now = core.shell.clock.now();
            if look <= now || board.has_void() {
                for due in board.overdue(&plan, now) {
                    if let Some(entry) = self.attend(due, now, &plan).await? {
                        take(&mut board, &entry, &plan)?;
                    }
                }
                look = now.plus_seconds(i64::try_from(LOOK.as_secs()).unwrap_or(1));
            }
            for (case, upto) in board.unread() {
                self.read(&mut board, case, Position(upto)).await?;
            }
            for case in board.due(&plan, now) {
                if writing.len() >= WRITING_MAX {
                    board.again(case);
                    continue;
                }
                if let Some(answer) = board.answer(case) {
                    if let Some(entry) = self.answered(case, answer, now).await? {
                        take(&mut board, &entry, &plan)?;
                    }
                    continue;
                }
                if let Some(chosen) = self.look(&mut board, case, &plan, now, position).await? {
                    writing.push(self.write(chosen, Arc::clone(&plan), now));
                }
            }
            if board.is_settled() && writing.is_empty() {
                further(&self.settled, position);
                *failures = 0;
                self.pulse.well();
            }
            let next = board.next(now).map_or(look, |next| next.min(look));
            // None of these goes first: a write that is refused because the board is behind must not keep it there.
            tokio::select! {
                Some((case, outcome)) = writing.next(), if !writing.is_empty() => {
                    let written = outcome?;
                    for entry in &written {
                        take(&mut board, entry, &plan)?;
                    }
                    board.settle(case, !written.is_empty(), core.shell.clock.now());
                }
                batch = entries.next() => {
                    let Some(batch) = batch else { return Err(Error::Unavailable("the log has ended".into())) };
                    for entry in batch {
                        let entry = entry?;
                        take(&mut board, &entry, &plan)?;
                        position = entry.position;
                    }
                }
                () = core.shell.clock.wait_until(next) => {}
                Ok(()) = policy.changed() => {}
            }
        }
    }

    /// Takes a case to the board that waited before: the whole of its way, up to `upto` at least.
    async fn read(&self, board: &mut Board, case: CaseId, upto: Position) -> Result<(), Error> {
        let stream = self.core.route(case)?;
        let mut known = self.core.routes.peek::<choose::Error>(&stream).await?;
        if known.version < upto {
            known = Arc::new(self.core.routes.load::<choose::Error>(&stream).await?);
        }
        // What somebody made of its priority stands in no entry of its way.
        let store = &self.core.models.current().store;
        let rows = store.query(PRIORITY, &[case.to_string().into()]).await?;
        let priority = rows.first().and_then(|row| row.int(0)).map(model::priority);
        board.put_route(case, Route::of(known.state.clone(), known.version.0, priority));
        Ok(())
    }

    /// Decides about a waiting case. What it waits for is written at once; whom it is given to is promised, and answered.
    async fn look(
        &self,
        board: &mut Board,
        case: CaseId,
        plan: &Plan,
        now: Timestamp,
        position: Position,
    ) -> Result<Option<Chosen>, Error> {
        match decide::look(board, case, plan, now, position.0) {
            None => Ok(None),
            Some(Looked::Gives(chosen)) => Ok(Some(chosen)),
            Some(Looked::Waits(decision, decided)) => {
                let action = Action::Decide { decision, decided };
                if let Some(entry) = self.core.change_route(case, "waits", decision, vec![action]).await? {
                    take(board, &entry, plan)?;
                }
                Ok(None)
            }
        }
    }

    /// Writes a choice: reserves, decides, and gives or offers. Nothing is answered if somebody was faster.
    async fn write(
        &self,
        chosen: Chosen,
        plan: Arc<Plan>,
        now: Timestamp,
    ) -> (CaseId, Result<Vec<Entry>, Error>) {
        let case = chosen.case;
        (case, self.core.give(chosen, &plan, now).await)
    }

    /// Gives what was accepted, and looks for another one if it was not.
    async fn answered(&self, case: CaseId, answer: Answer, now: Timestamp) -> Result<Option<Entry>, Error> {
        let (decision, actions) = decide::answered(answer, now);
        self.core.change_route(case, "answered", decision, actions).await
    }

    /// Does what a time brings about.
    async fn attend(&self, due: Due, now: Timestamp, plan: &Plan) -> Result<Option<Entry>, Error> {
        match due {
            Due::Lease(person) => {
                self.core.change_lease(&person, "lease", vec![agent::Action::ExpireLease], now).await
            }
            Due::Offer(person, case, decision) => {
                let misses_max = decide::misses_max(&person, plan);
                let action = agent::Action::TimeOut { case, decision, misses_max };
                self.core.change_agent(&person, case, "time_out", decision, vec![action]).await
            }
            Due::Reservation(person, case, decision) => {
                self.end_reservation(&person, case, decision, now).await
            }
            Due::Void(person, case, decision) => self.void(&person, case, decision).await,
            Due::Recall(agent, case, at) => {
                let step = format!("recall/{agent}/{at}");
                self.core.change_route(case, &step, 0, vec![Action::Recall { agent }]).await
            }
        }
    }

    /// A reservation is over: the case tells what came of it.
    async fn end_reservation(
        &self,
        person: &PersonId,
        case: CaseId,
        decision: u32,
        now: Timestamp,
    ) -> Result<Option<Entry>, Error> {
        let Some(reserved) = self.reserved(person, case, decision).await? else { return Ok(None) };
        if reserved.until.plus_seconds(GRACE_S) > now {
            return Ok(None);
        }
        let seen = self.core.case_at(case, Position(u64::MAX)).await?;
        let owner = seen.case.case().and_then(|case| case.assignee.as_ref());
        // The reaction that follows cases is on its way to tell the agent.
        if owner == Some(person) {
            return Ok(None);
        }
        let ended = if owner.is_some() { Ended::Lost } else { Ended::Expired };
        // Another process may have decided the same for another one, when this one was reserved and nothing more.
        let way = self.core.routes.load::<choose::Error>(&self.core.route(case)?).await?;
        if way.state.chosen() == Some(person) {
            self.core.change_route(case, "end", decision, vec![Action::EndAward { decision, ended }]).await?;
        }
        let release = agent::Action::Release { case, decision, ended };
        let step = format!("expire/{}", reserved.until);
        self.core.change_agent(person, case, &step, decision, vec![release]).await
    }

    /// A reservation for which nothing can come any more, whatever its time: the case is another one's, needs nobody, or
    /// its decision was made for another one. The log tells whether it is so.
    async fn void(&self, person: &PersonId, case: CaseId, decision: u32) -> Result<Option<Entry>, Error> {
        let Some(reserved) = self.reserved(person, case, decision).await? else { return Ok(None) };
        let way = self.core.routes.load::<choose::Error>(&self.core.route(case)?).await?;
        if way.state.queue().is_some() && board::may_come_of(&way.state, person, decision) {
            return Ok(None);
        }
        let seen = self.core.case_at(case, Position(u64::MAX)).await?;
        let ended = match seen.case.case().and_then(|case| case.assignee.as_ref()) {
            Some(owner) if owner == person => return Ok(None),
            None if way.state.queue().is_none() => Ended::Withdrawn,
            Some(_) | None => Ended::Lost,
        };
        let release = agent::Action::Release { case, decision, ended };
        let step = format!("void/{}", reserved.until);
        self.core.change_agent(person, case, &step, decision, vec![release]).await
    }

    /// A reservation as the log has it: what this process saw last may be older than what another one wrote.
    async fn reserved(
        &self,
        person: &PersonId,
        case: CaseId,
        decision: u32,
    ) -> Result<Option<agent::Reservation>, Error> {
        let known = self.core.agents.load::<agent::Error>(&self.core.agent(person)?).await?;
        Ok(known.state.reserved().get(&case).filter(|reserved| reserved.decision == decision).cloned())
    }
}

/// Takes an entry to the board.
fn take(board: &mut Board, entry: &Entry, plan: &Plan) -> Result<(), Error> {
    // One that cannot be read is parked by the read model, and told there.
    match Item::read(entry) {
        Ok(item) => board.apply(entry.position.0, &item, plan),
        Err(error) => tracing::warn!(%error, "the matcher passes over an entry"),
    }
    Ok(())
}

fn broken(what: &str) -> Error {
    Error::Internal(format!("the read model of assignment has an {what} that cannot be read; rebuild it"))
}
