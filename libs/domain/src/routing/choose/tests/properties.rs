//! A failure prints its seed and the smallest world that shows it.

use super::*;

/// What hard constraints say, written down once more and otherwise: from the candidate, not from a row of it.
fn may_have(demand: &Demand, c: &Candidate, now: Timestamp) -> bool {
    let given_up = |relax: Relax| {
        demand.relaxation.iter().any(|step| {
            step.relax == relax && now.seconds_since(demand.waited_since) >= i64::from(step.after_s)
        })
    };
    let asked = demand.direct.as_ref().filter(|direct| direct.until.is_none_or(|until| until > now));
    let by_queue = c.profile.queues.contains(&demand.queue)
        || (given_up(Relax::Overflow)
            && demand.overflow.iter().any(|queue| c.profile.queues.contains(queue)));
    let level = |skill: &SkillId| c.profile.skills.get(skill).copied().unwrap_or(0);
    let least = |min: u8| if given_up(Relax::Proficiency) { 1 } else { min };
    let able = c.profile.seniority >= demand.seniority_min
        && demand.skills.iter().all(|(skill, min)| level(skill) >= least(*min))
        && (given_up(Relax::OptionalSkills)
            || demand.optional_skills.iter().all(|(skill, min)| level(skill) >= least(*min)));
    let allowed = demand.region.iter().all(|region| c.profile.regions.contains(region))
        && demand.team.iter().all(|team| c.profile.teams.contains(team))
        && demand.languages.iter().all(|(l, min)| c.profile.languages.get(l).is_some_and(|has| has >= min));
    let s = &c.snapshot;
    let units = s.units.unwrap_or(demand.units).min(s.capacity);
    let free = s.presence == Presence::Online
        && s.on_shift
        && c.profile.push
        && !s.draining
        && !s.excluded
        && s.used + units <= s.capacity
        && s.at_most.is_none_or(|max| s.on_channel < max);
    allowed
        && free
        && match asked {
            Some(direct) => direct.agent == c.id,
            None => by_queue && able,
        }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Chosen is only who may have it and has room; and if somebody is such, somebody is chosen, unless the queue is closed
    /// or its cases are taken.
    #[test]
    fn chosen_is_who_may_and_if_one_may_one_is_chosen(
        demand in any_demand(), candidates in any_candidates(12), now in 0i64..1_200, seed: u64,
    ) {
        let choice = choose(&demand, &candidates, at(now), seed);
        let able: Vec<&Candidate> = candidates.iter().filter(|c| may_have(&demand, c, at(now))).collect();
        prop_assert_eq!(choice.verdict.eligible as usize, able.len());
        match &choice.verdict.outcome {
            Outcome::Chosen { agent, units, by } => {
                let who = able.iter().find(|c| c.id == *agent);
                prop_assert!(who.is_some(), "{agent} may not have it");
                let s = who.unwrap().snapshot;
                prop_assert!(s.used + units <= s.capacity && *units > 0 && demand.open);
                prop_assert!(demand.mode != Mode::Pull || *by == By::Direct);
            }
            Outcome::Waiting { reason } => {
                let excuse = matches!(reason, Reason::Closed | Reason::ToBeTaken);
                prop_assert!(able.is_empty() || excuse, "{:?} could have it", able[0].id);
                prop_assert_eq!(*reason == Reason::Closed, !demand.open);
                prop_assert!(*reason != Reason::Nobody || candidates.is_empty());
            }
        }
        prop_assert_eq!(choice.trace.len(), candidates.len());
        prop_assert_eq!(choice.verdict.eligible + choice.verdict.rejected.values().sum::<u32>(), candidates.len() as u32);
    }

    /// The order of the candidates is of no meaning, nor is it when one is there twice; the same again is the same.
    #[test]
    fn the_order_of_candidates_is_of_no_meaning(
        demand in any_demand(),
        (candidates, shuffled) in any_candidates(12).prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        twice in any_snapshot(), now in 0i64..1_200, seed: u64,
    ) {
        let mut candidates = candidates;
        let mut shuffled = shuffled;
        if let Some(first) = candidates.first().cloned() {
            let again = Candidate { snapshot: twice, ..first };
            candidates.push(again.clone());
            shuffled.insert(0, again);
        }
        let choice = choose(&demand, &candidates, at(now), seed);
        prop_assert_eq!(&choose(&demand, &shuffled, at(now), seed), &choice);
        prop_assert_eq!(&choose(&demand, &candidates, at(now), seed), &choice);
    }

    /// Waiting longer never makes it fewer: a step gives up, and takes nothing back.
    #[test]
    fn more_can_have_it_the_longer_it_waits(
        mut demand in any_demand(), candidates in any_candidates(12), now in 0i64..1_200, later in 0i64..1_200,
    ) {
        demand.direct = None;
        let eligible = |second| choose(&demand, &candidates, at(second), 0).verdict;
        let (soon, late) = (eligible(now), eligible(now + later));
        prop_assert!(late.eligible >= soon.eligible && late.step >= soon.step);
        if demand.next_step_at(at(now)).is_none_or(|step| step > at(now + later)) {
            prop_assert_eq!(late.eligible, soon.eligible);
        }
    }
}
