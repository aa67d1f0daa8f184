//! Requests about decisions: what was decided about the way of a case, and whether it comes out the same again.

use domain::{
    condition::{About, Facts, Texts},
    ids::CaseId,
    routing::{
        choose::{Aside, Decided, Event, Outcome, Ruled},
        rules::Rules,
    },
    time::Timestamp,
};
use eventlog::Position;
use futures_util::TryStreamExt;
use proto::assignment::v1 as pb;
use service::{Error, auth::Principal, envelope::Envelope, policies::Access, store::Row};

use crate::{
    core::{Core, unreadable},
    wire,
};

/// A decision, and what the rules had said before it.
struct Recorded {
    at: Timestamp,
    number: u32,
    position: Position,
    ruled: Option<Ruled>,
    decided: Box<Decided>,
}

impl Core {
    /// What was decided about a case that the caller sees.
    pub async fn list_decisions(
        &self,
        principal: &Principal,
        request: &pb::ListDecisionsRequest,
    ) -> Result<pb::ListDecisionsResponse, Error> {
        let model = self.model(&request.at_least).await?;
        let access = self.policies.current().access(principal);
        let (case, name) = self.case_that_is_seen(&access, "case_id", &request.case_id).await?;
        let decisions = self.decisions(case).await?;
        let decisions = decisions.iter().map(|recorded| self.told_decision(case, &name, recorded)).collect();
        Ok(pb::ListDecisionsResponse { decisions, position: self.shell.token(model.position()) })
    }

    /// A decision with everything that it was decided on, decided again.
    pub async fn explain(
        &self,
        principal: &Principal,
        request: &pb::ExplainRequest,
    ) -> Result<pb::ExplainResponse, Error> {
        let model = self.model(&request.at_least).await?;
        let access = self.policies.current().access(principal);
        let (case, number) = match request.decision.rsplit_once('/') {
            None => (request.decision.as_str(), None),
            Some((case, number)) => {
                let number = number.parse::<u32>();
                let invalid = |_| Error::field("decision", "a case and the number of a decision: C-17/2");
                (case, Some(number.map_err(invalid)?))
            }
        };
        let (case, name) = self.case_that_is_seen(&access, "decision", case).await?;
        let decisions = self.decisions(case).await?;
        let recorded = match number {
            None => decisions.last(),
            Some(number) => decisions.iter().find(|recorded| recorded.number == number),
        };
        let recorded = recorded.ok_or(Error::NotFound { what: "decision" })?;
        let (rules_same, inputs_erased) = match &recorded.ruled {
            Some(ruled) => self.rule_again(ruled).await?,
            None => (false, Vec::new()),
        };
        let decided = &recorded.decided;
        let rules = recorded.ruled.iter().flat_map(|ruled| &ruled.decision.trace);
        let rules = rules.map(|step| pb::explain_response::Rule {
            rule: step.rule.to_string(),
            verdict: wire::word(&step.verdict),
            gave: step.set.as_ref().map(wire::word).unwrap_or_default(),
        });
        let more = decided.rejected.values().map(|group| group.count).sum::<u32>() + decided.eligible.count;
        Ok(pb::ExplainResponse {
            decision: Some(self.told_decision(case, &name, recorded)),
            rules: rules.collect(),
            needs: needs(decided),
            candidates: candidates(decided),
            more,
            rules_same,
            choice_same: decided.replay() == decided.verdict,
            inputs_erased,
            position: self.shell.token(model.position()),
        })
    }

    /// Whether the rules of that version say the same, and of which of them the recorded word had to be taken.
    async fn rule_again(&self, ruled: &Ruled) -> Result<(bool, Vec<String>), Error> {
        let version = Position(ruled.decision.rules_version);
        let policy = self.policies.as_of(|_, position| position <= version).await?;
        let rules = Rules::of(policy.state.set(), version.0);
        let facts = Facts { about: ruled.about.clone(), texts: self.texts(&ruled.about).await? };
        let again = rules.replay(&facts, &ruled.decision);
        let erased = again.taken_over.iter().map(ToString::to_string).collect();
        Ok((again.decision == ruled.decision, erased))
    }

    /// The texts that the rules looked at, as far as they can still be read.
    async fn texts(&self, about: &About) -> Result<Texts, Error> {
        let Some(message) = &about.message else { return Ok(Texts::default()) };
        let content = self.message(message.id.clone(), Some(&message.digest)).await?;
        let Some(content) = content else { return Ok(Texts::default()) };
        Ok(Texts {
            text: Some(content.text),
            subject: content.subject,
            message_fields: content.fields,
            ..Texts::default()
        })
    }

    /// What was decided about a case, the first one first.
    async fn decisions(&self, case: CaseId) -> Result<Vec<Recorded>, Error> {
        let mut entries = self.shell.log.read(&self.route(case)?);
        let (mut ruled, mut decisions) = (None, Vec::new());
        while let Some(entry) = entries.try_next().await? {
            let envelope = Envelope::<Event>::of(&entry).map_err(unreadable)?;
            for event in envelope.events {
                match event {
                    Event::Ruled { ruled: said, .. } => ruled = Some(*said),
                    Event::Decided { at, decision, decided } => {
                        let (position, ruled) = (entry.position, ruled.clone());
                        decisions.push(Recorded { at, number: decision, position, ruled, decided });
                    }
                    Event::Queued { .. }
                    | Event::Relaxed { .. }
                    | Event::Awarded { .. }
                    | Event::AwardEnded { .. }
                    | Event::Recalled { .. }
                    | Event::AgentExcluded { .. }
                    | Event::LeftQueue { .. } => {}
                }
            }
        }
        Ok(decisions)
    }

    /// A case that the caller names and sees, and what it is called.
    async fn case_that_is_seen(
        &self,
        access: &Access,
        field: &str,
        text: &str,
    ) -> Result<(CaseId, String), Error> {
        access.need_sight()?;
        let prefix = &*self.shell.number_prefix;
        let number = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-'));
        let number = number.and_then(|number| number.parse::<i64>().ok());
        let store = &self.models.current().store;
        let rows = match (number, text.parse::<CaseId>()) {
            (Some(seq), _) => store.query(BY_NUMBER, &[seq.into()]).await?,
            (None, Ok(id)) => store.query(BY_ID, &[id.to_string().into()]).await?,
            (None, Err(_)) => {
                let text = format!("must begin with a case's UUID or its number, as {prefix}-1042");
                return Err(Error::field(field, text));
            }
        };
        let seen = |row: &Row| {
            let team = row.text(3).and_then(|team| team.parse().ok());
            let sees = access.sees(&row.text(2)?.parse().ok()?, team.as_ref())
                || access.person.as_ref().is_some_and(|person| row.text(4) == Some(person.as_str()));
            let id = row.text(0)?.parse().ok()?;
            sees.then(|| (id, self.number(row.count(1))))
        };
        rows.first().and_then(seen).ok_or(Error::NotFound { what: "case" })
    }

    fn told_decision(&self, case: CaseId, name: &str, recorded: &Recorded) -> pb::Decision {
        let Recorded { at, number, position, ruled, decided } = recorded;
        let verdict = &decided.verdict;
        let (agent, by, reason) = match &verdict.outcome {
            Outcome::Chosen { agent, by, .. } => (agent.to_string(), wire::word(by), String::new()),
            Outcome::Waiting { reason } => (String::new(), String::new(), wire::word(reason)),
        };
        let version = |version: u64| {
            if version == 0 { String::new() } else { self.shell.token(Position(version)) }
        };
        pb::Decision {
            id: format!("{name}/{number}"),
            case_id: case.to_string(),
            number: *number,
            at: Some(wire::timestamp(*at)),
            queue: decided.demand.queue.to_string(),
            agent,
            by,
            reason,
            eligible: verdict.eligible,
            rejected: verdict.rejected.iter().map(|(reason, count)| (wire::word(reason), *count)).collect(),
            step: verdict.step.into(),
            rules_version: ruled
                .as_ref()
                .map(|ruled| version(ruled.decision.rules_version))
                .unwrap_or_default(),
            policy_version: version(decided.taken.policy),
            matched: ruled
                .iter()
                .flat_map(|ruled| &ruled.decision.matched)
                .map(ToString::to_string)
                .collect(),
            position: self.shell.token(*position),
        }
    }
}

const BY_NUMBER: &str = "select case_id, seq, region, team, assignee from case_row where seq = $1";
const BY_ID: &str = "select case_id, seq, region, team, assignee from case_row where case_id = $1";

/// What the case needed, a line each.
fn needs(decided: &Decided) -> Vec<String> {
    let demand = &decided.demand;
    let mut needs = vec![
        format!("queue {}", demand.queue),
        format!("{} units on {}", demand.units, demand.channel),
        format!("waiting since {}", demand.waited_since),
    ];
    needs.extend(demand.overflow.iter().map(|queue| format!("help from queue {queue}")));
    needs.extend(demand.skills.iter().map(|(skill, least)| format!("skill {skill} {least} or better")));
    needs.extend(
        demand.optional_skills.iter().map(|(skill, least)| format!("would like skill {skill} {least}")),
    );
    needs.extend(
        demand.languages.iter().map(|(l, least)| format!("language {l} {} or better", wire::word(least))),
    );
    needs.extend(demand.region.iter().map(|region| format!("region {region}, never given up")));
    needs.extend(demand.team.iter().map(|team| format!("team {team}, never given up")));
    if demand.seniority_min > 0 {
        needs.push(format!("seniority {} or more", demand.seniority_min));
    }
    needs.extend(demand.segment.iter().map(|segment| format!("prefers agents of segment {segment}")));
    needs.extend(demand.direct.iter().map(|direct| format!("asks for {}", direct.agent)));
    needs.extend(demand.last_agent.iter().map(|last| format!("prefers {} until {}", last.agent, last.until)));
    needs
}

/// The candidates that are recorded whole: who was chosen, who could have had it, and the others with the reason.
fn candidates(decided: &Decided) -> Vec<pb::explain_response::Candidate> {
    let mut candidates: Vec<_> = decided
        .rows
        .iter()
        .map(|row| {
            let (order, fate) = match decided.fate_of(&row.id) {
                Some(Aside::Chosen) => (0, "chosen".to_owned()),
                Some(Aside::Rejected { reason }) => (2, wire::word(&reason)),
                Some(Aside::Passed | Aside::Over | Aside::Unknown) | None => (1, "eligible".to_owned()),
            };
            let snapshot = &row.snapshot;
            let candidate = pb::explain_response::Candidate {
                person: row.id.to_string(),
                fate,
                presence: wire::presence(snapshot.presence).into(),
                on_shift: snapshot.on_shift,
                used: snapshot.used,
                capacity: snapshot.capacity,
                takes: row.takes,
            };
            (order, candidate)
        })
        .collect();
    candidates.sort_by(|(a, left), (b, right)| (a, &left.person).cmp(&(b, &right.person)));
    candidates.into_iter().map(|(_, candidate)| candidate).collect()
}
