use std::time::Instant;

use super::*;

/// What an entry of the log may have, as `eventlog` says.
const ENTRY_BYTES_MAX: usize = 256 * 1024;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// What is stored gives the same decision again, whole or not, and after it was written and read.
    #[test]
    fn a_replay_is_what_was_decided(
        demand in any_demand(), candidates in any_candidates(40), now in 0i64..1_200, seed: u64,
    ) {
        let taken = Taken { policy: 3, position: 99 };
        let (record, choice) = Decided::choose(demand.clone(), &candidates, at(now), seed, taken);
        prop_assert_eq!(&choice, &choose(&demand, &candidates, at(now), seed));
        prop_assert_eq!(&record.verdict, &choice.verdict);
        prop_assert_eq!(&record.replay(), &choice.verdict);
        prop_assert!(record.rows.len() <= ROWS_MAX);
        prop_assert_eq!(record.is_whole(), candidates.len() <= ROWS_MAX);
        for line in &choice.trace {
            let fate = record.fate_of(&line.agent);
            match line.fate {
                Fate::Rejected(reason) => prop_assert_eq!(fate, Some(Aside::Rejected { reason })),
                Fate::Eligible(_) => prop_assert!(matches!(fate, Some(Aside::Passed | Aside::Chosen))),
            }
        }
        let text = serde_json::to_string(&record).unwrap();
        let read: Decided = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(read.replay(), choice.verdict);
        prop_assert_eq!(read, record);
    }

    /// What somebody changed in a record that is whole comes out.
    #[test]
    fn a_record_that_was_changed_does_not_replay(
        demand in any_demand(), candidates in any_candidates(8), now in 0i64..1_200,
    ) {
        let (mut record, choice) = Decided::choose(demand, &candidates, at(now), 0, Taken::default());
        let Outcome::Chosen { agent, .. } = &choice.verdict.outcome else { return Ok(()) };
        record.rows.iter_mut().filter(|row| row.id == *agent).for_each(|row| row.snapshot.used = 100);
        prop_assert_ne!(record.replay(), record.verdict.clone());
    }
}

#[test]
fn the_golden_decision_replays() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/events/routing.decided.json");
    #[expect(clippy::disallowed_methods, reason = "a golden file is read by a test, not by a rule")]
    let event: Event = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let Event::Decided { decided, .. } = event else { panic!("another event") };
    assert_eq!(decided.replay(), decided.verdict);
    assert_eq!(decided.fate_of(&person("fay")), Some(Aside::Rejected { reason: Reason::AtCapacity }));
    assert_eq!(decided.fate_of(&person("cem")), Some(Aside::Passed));
}

/// Everything as long as it may be: names of 64 letters, 50 skills, 20 languages, 2,000 candidates.
#[test]
fn the_largest_record_fits_into_an_entry() {
    let long = |prefix: &str, number: usize| format!("{prefix}{number:0>width$}", width = 64 - prefix.len());
    let mut big = demand(Mode::Skills);
    let all: BTreeMap<SkillId, u8> = (0..SKILLS_MAX).map(|n| (long("s", n).parse().unwrap(), 1)).collect();
    big.skills = all.clone();
    big.languages = (0..LANGUAGES_MAX)
        .map(|n| (format!("aa-{n:0>8}-{n:0>8}-{n:0>8}").parse().unwrap(), Fluency::A1))
        .collect();
    big.relaxation = vec![Relaxation { after_s: u32::MAX, relax: Relax::OptionalSkills }; RELAXATIONS_MAX];
    (big.queue, big.overflow) = (long("q", 1).parse().unwrap(), Some(long("q", 2).parse().unwrap()));
    big.direct = Some(Direct { agent: long("z", 1).parse().unwrap(), until: Some(at(1)) });
    big.last_agent = Some(LastAgent { agent: long("z", 2).parse().unwrap(), until: at(i64::MAX) });
    assert_eq!(big.check(), Ok(()));
    let candidate = |number: usize| {
        with(&long("p", number), |p, s| {
            p.queues = [big.queue.clone()].into();
            p.skills = all.clone();
            p.languages = big.languages.clone();
            // Some of them cannot have it, for several reasons.
            s.on_shift = !number.is_multiple_of(3);
            s.draining = number.is_multiple_of(5);
            (s.last_assigned, s.units, s.at_most) = (Some(at(1)), Some(2), Some(9));
        })
    };
    let mut candidates: Vec<Candidate> = (0..2_000).map(candidate).collect();
    let size = |candidates: &[Candidate]| {
        let (record, choice) = Decided::choose(big.clone(), candidates, at(10), 1, Taken::default());
        assert_eq!(record.replay(), choice.verdict);
        let named = record.rejected.values().chain([&record.eligible]).map(|g| g.agents.len()).sum::<usize>();
        let decided = Box::new(record);
        let named = named + decided.rows.len();
        let event = Event::Decided { at: at(10), decision: u32::MAX, decided };
        (serde_json::to_string(&event).unwrap().len(), named)
    };
    let (bytes, named) = size(&candidates);
    println!("the largest record of 2,000 candidates has {bytes} bytes");
    assert!(bytes < ENTRY_BYTES_MAX * 3 / 4, "{bytes} bytes leave too little for the envelope");
    assert_eq!(named, 2_000, "everybody is named");
    // Of more than the bound some are only counted.
    candidates.extend((2_000..4_000).map(candidate));
    let (bytes, named) = size(&candidates);
    assert!(bytes < ENTRY_BYTES_MAX * 3 / 4 && named < 4_000, "{bytes} bytes, {named} names");
    big.skills.insert("one-more".parse().unwrap(), 1);
    assert_eq!(big.check(), Err(Unfit { field: "skills", max: SKILLS_MAX }));
}

/// Prints what a choice and its record cost; holds that a hundred times as many cost no more than a thousand times as much:
/// a busy machine stays far below that, and the square of a hundred far above.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test may measure")]
fn the_cost_is_linear_in_the_candidates() {
    let mut demand = demand(Mode::Skills);
    demand.skills = skills(&[("refunds", 2), ("luxury", 1)]);
    demand.languages = [("fr".parse().unwrap(), Fluency::B2)].into();
    demand.region = Some("fr".parse().unwrap());
    let cost = |count: usize| {
        let one = |n: usize| {
            with(&format!("agent-{n:05}"), |p, s| {
                p.skills = skills(&[("refunds", (n % 5 + 1) as u8), ("luxury", 1)]);
                s.used = (n % 7) as u32;
            })
        };
        let candidates: Vec<Candidate> = (0..count).map(one).collect();
        // The quickest of several: others use the machine too.
        let quickest = |work: &dyn Fn()| {
            let once = |_| {
                let begun = Instant::now();
                work();
                begun.elapsed()
            };
            (0..15).map(once).min().unwrap_or_default()
        };
        let choice = quickest(&|| drop(std::hint::black_box(choose(&demand, &candidates, at(10), 1))));
        let record = quickest(&|| {
            let (record, _) = Decided::choose(demand.clone(), &candidates, at(10), 1, Taken::default());
            drop(std::hint::black_box(serde_json::to_string(&record)));
        });
        println!("{count} candidates: choice {choice:?}, with its record as JSON {record:?}");
        choice
    };
    let [few, _, many] = [20, 200, 2_000].map(cost);
    assert!(many < few * 1_000, "{many:?} for a hundred times as many as {few:?}");
}
