//! A week of a large organisation with a virtual clock: the board, the plan and the aggregates of agents and ways as they
//! are, the steps of the matcher as it does them, and no log. Cases are played by an owner and a status.

mod policy;
mod world;

use world::{Numbers, World};

const SEED: u64 = 20_261_123;
const AGENTS: usize = 200;
const QUEUES: usize = 40;
const CASES: usize = 20_000;
/// No case waits for longer that somebody could have who is there, on shift, and has room: it is looked at as often, and never
/// at the times at which shifts begin and end.
const WAIT_MAX_S: i64 = 67 * 60;
/// The smaller week, in which it is looked at more often.
const FEW: usize = 1_000;
const FEW_WAIT_MAX_S: i64 = 7 * 60;

#[test]
fn two_hundred_agents_have_twenty_thousand_cases_in_a_week() {
    let world = World::run(SEED, CASES, WAIT_MAX_S);
    let plan = &world.plan;
    assert_eq!((plan.members().count(), plan.places().count()), (AGENTS, QUEUES));
    let numbers = world.numbers();
    println!("{}\nwaiting at the end: {:?}", report(SEED, &numbers), world.waits());
    assert_eq!(numbers.cases, CASES);
    // The story does what it is for: everything that it tells of really happens, and often.
    let Numbers { accepted, declined, unanswered, requeued, transferred, recalled, expired, .. } = numbers;
    for (count, what) in [
        (accepted, "accepted"),
        (declined, "declined"),
        (unanswered, "not answered"),
        (requeued, "requeued"),
        (transferred, "transferred"),
        (recalled, "recalled"),
        (expired, "not claimed in time"),
    ] {
        assert!(count >= 20, "{what}: {count}");
    }
    // The week ends on a Sunday, when most queues are closed.
    assert!(numbers.assigned * 10 >= CASES * 8, "eight of ten cases have had somebody: {}", numbers.assigned);
}

#[test]
fn the_same_seed_is_the_same_week_and_nobody_waits_for_long_who_could_be_served() {
    let [first, second, other] =
        [SEED, SEED, SEED + 1].map(|seed| World::run(seed, FEW, FEW_WAIT_MAX_S).numbers());
    println!("{}", report(SEED, &first));
    assert_eq!(first, second, "seed {SEED}");
    assert_ne!(first.digest, other.digest, "another seed is another week");
}

fn report(seed: u64, numbers: &Numbers) -> String {
    format!("seed {seed}: {numbers:#?}")
}
