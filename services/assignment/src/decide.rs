//! The steps of the matcher without their writing: what is decided about a case that waits, and what follows. Pure.

use domain::{
    agent::{self, Ended, How},
    ids::{CaseId, PersonId},
    routing::{
        choose::{Action, Choice, Decided, Outcome, Taken},
        plan::{Place, Plan},
    },
    time::Timestamp,
};

use crate::board::{Answer, Board};

/// For how long who did not answer is not asked again for the same case, in seconds.
pub const MISSED_S: i64 = 5 * 60;

/// What is to be written about a case that was looked at.
pub enum Looked {
    /// Somebody gets it. It is promised on the board until that is settled.
    Gives(Chosen),
    /// It waits, and for something else than before.
    Waits(u32, Box<Decided>),
}

/// A choice that is to be written.
pub struct Chosen {
    /// The case.
    pub case: CaseId,
    /// The decision.
    pub decided: Box<Decided>,
    /// Who gets it.
    pub agent: PersonId,
    /// What it takes of him.
    pub units: u32,
    /// The number of the decision.
    pub decision: u32,
    /// Who wants it.
    pub how: How,
    /// The version of the case's way that it was decided on.
    pub version: u64,
    /// The id of the command that reserves, if a request's own stands behind it.
    pub reserve_id: Option<uuid::Uuid>,
}

/// What a choice comes to, in the order in which it is written.
pub struct Steps {
    /// To the agent's stream, first.
    pub reserve: Vec<agent::Action>,
    /// To the case's way, if that was not refused.
    pub decide: Vec<Action>,
    /// To the agent's stream, if another decision was faster.
    pub release: agent::Action,
}

/// Decides about a waiting case. Nothing is answered if nothing is to be written.
pub fn look(board: &mut Board, case: CaseId, plan: &Plan, now: Timestamp, position: u64) -> Option<Looked> {
    let (demand, candidates) = board.look(case, plan, now)?;
    let (state, version) = board.route(case).map(|route| (&route.state, route.version))?;
    let (decision, waited_for) = (state.decisions().saturating_add(1), state.waits_for());
    let taken = Taken { policy: plan.version(), position };
    board.wake(case, &demand, now);
    let channel = demand.channel.clone();
    let seed = seed(case, decision);
    let (decided, Choice { verdict, .. }) = Decided::choose(demand, &candidates, now, seed, taken);
    let decided = Box::new(decided);
    match verdict.outcome {
        Outcome::Chosen { agent, units, .. } => {
            board.promise(case, agent.clone(), units, channel, now);
            let how = How::Push;
            Some(Looked::Gives(Chosen {
                case,
                decided,
                agent,
                units,
                decision,
                how,
                version,
                reserve_id: None,
            }))
        }
        // That it still waits for the same is no news.
        Outcome::Waiting { reason } if waited_for == Some(reason) => None,
        Outcome::Waiting { .. } => Some(Looked::Waits(decision, decided)),
    }
}

impl Chosen {
    /// What the choice comes to; nothing if the policy does not have the agent or the queue any more.
    pub fn steps(&self, plan: &Plan, now: Timestamp) -> Option<Steps> {
        let Self { case, decided, agent, units, decision, how, version: _, reserve_id: _ } = self;
        let (case, decision, units, how) = (*case, *decision, *units, *how);
        let demand = &decided.demand;
        let (member, place) = (plan.member(agent)?, plan.place(&demand.queue)?);
        // Who takes one has answered already.
        let offers = place.queue.offer && how == How::Push;
        let stands_s = if offers { place.offer_timeout_s() } else { 0 };
        let until = now.plus_seconds(stands_s.saturating_add(place.rules.reservation_timeout_s));
        let limits = member.agent.limits(&demand.channel, &place.rules);
        let channel = demand.channel.clone();
        let mut reserve = vec![agent::Action::Reserve { case, decision, channel, units, until, how, limits }];
        let mut decide = vec![Action::Decide { decision, decided: decided.clone() }];
        if offers {
            reserve.push(agent::Action::Offer { case, decision, until: now.plus_seconds(stands_s) });
        } else {
            decide.push(Action::Award { decision, agent: agent.clone(), until });
        }
        let release = agent::Action::Release { case, decision, ended: Ended::Lost };
        Some(Steps { reserve, decide, release })
    }
}

/// What an answer comes to, and to which decision: what was accepted is given, and for what was not another one is looked for.
pub fn answered(answer: Answer, now: Timestamp) -> (u32, Vec<Action>) {
    match answer {
        Answer::Accepted(agent, decision, until) => {
            (decision, vec![Action::Award { decision, agent, until }])
        }
        Answer::Ended(agent, decision, ended) => {
            let mut actions = vec![Action::EndAward { decision, ended }];
            match ended {
                // As long as it is in this queue: he has said so.
                Ended::Declined => actions.push(Action::Exclude { agent, until: None }),
                Ended::TimedOut => {
                    let until = Some(now.plus_seconds(MISSED_S));
                    actions.push(Action::Exclude { agent, until });
                }
                Ended::Expired | Ended::Lost | Ended::Withdrawn | Ended::Offline => {}
            }
            (decision, actions)
        }
    }
}

/// After how many offers in a row that were not answered an agent is set away: as the first of his queues has it.
pub fn misses_max(person: &PersonId, plan: &Plan) -> u32 {
    let queue = plan.member(person).and_then(|member| member.profile.queues.first());
    let place = queue.and_then(|queue| plan.place(queue));
    place.map_or_else(|| domain::policy::assignment::Rules::default().misses_max, Place::misses_max)
}

/// The seed of a decision: the same each time.
pub fn seed(case: CaseId, decision: u32) -> u64 {
    let id = domain::ids::derive(case.0, &format!("seed/{decision}"));
    id.as_u64_pair().0
}
