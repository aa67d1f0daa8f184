use super::*;
use crate::case::Priority;

fn waiting(number: u128, priority: Priority, due: Option<i64>, since: i64) -> Waiting {
    Waiting { case: case(number), priority, due: due.map(at), since: at(since) }
}

#[test]
fn priority_then_due_then_age_then_id() {
    let mut queue = [
        waiting(1, Priority::Normal, None, 0),
        waiting(7, Priority::Normal, Some(900), 50),
        waiting(2, Priority::Urgent, None, 90),
        waiting(3, Priority::Normal, Some(500), 80),
        waiting(5, Priority::Normal, Some(900), 40),
        waiting(4, Priority::Normal, Some(900), 40),
        waiting(6, Priority::Low, Some(1), 0),
    ];
    order(&mut queue, at(100), 0);
    assert_eq!(queue.map(|waiting| waiting.case), [2, 3, 4, 5, 7, 1, 6].map(case));
}

#[test]
fn without_aging_a_low_one_may_starve_and_with_it_not() {
    let low = waiting(1, Priority::Low, None, 0);
    let new = |now: i64| waiting(2, Priority::Urgent, Some(now + 60), now);
    for (aging_s, first_at_week) in [(0, 2), (14_400, 1)] {
        let mut queue = [low, new(604_800)];
        order(&mut queue, at(604_800), aging_s);
        assert_eq!(queue[0].case, case(first_at_week));
    }
    assert_eq!(ahead_at_most_until(Priority::Low, at(0), 14_400), Some(at(4 * 14_400)));
    assert_eq!(ahead_at_most_until(Priority::Urgent, at(0), 14_400), Some(at(14_400)));
    assert_eq!(ahead_at_most_until(Priority::Low, at(0), 0), None);
}

fn priority() -> impl Strategy<Value = Priority> {
    prop_oneof![Just(Priority::Low), Just(Priority::Normal), Just(Priority::High), Just(Priority::Urgent)]
}

proptest! {
    /// The bound: whatever comes from that instant on goes behind, whatever it is, and whenever one looks.
    #[test]
    fn nothing_that_comes_late_goes_before(
        mine in priority(), theirs in priority(), since in 0i64..100_000, late in 0i64..100_000, later in 0i64..1_000_000,
        aging_s in 1i64..20_000, due in prop::option::of(0i64..100_000),
    ) {
        let from = ahead_at_most_until(mine, at(since), aging_s).unwrap().plus_seconds(late);
        let old = waiting(9, mine, None, since);
        let new = Waiting { case: case(1), priority: theirs, due: due.map(at), since: from };
        let mut queue = [new, old];
        order(&mut queue, from.plus_seconds(later), aging_s);
        prop_assert_eq!(queue[0].case, case(9));
    }

    /// A queue that is served in this order serves everybody, within what came before the bound.
    #[test]
    fn nobody_starves(arrivals in proptest::collection::vec((priority(), 0i64..50), 1..120), aging_s in 1i64..500) {
        let mut now = 0;
        let mut queue: Vec<Waiting> = Vec::new();
        let mut all: Vec<Waiting> = Vec::new();
        let mut served = Vec::new();
        for (number, (priority, gap)) in arrivals.into_iter().enumerate() {
            now += gap;
            let new = waiting(number as u128, priority, None, now);
            queue.push(new);
            all.push(new);
            if number % 2 == 1 {
                order(&mut queue, at(now), aging_s);
                served.push((queue.remove(0), now));
            }
        }
        while !queue.is_empty() {
            now += 10;
            order(&mut queue, at(now), aging_s);
            served.push((queue.remove(0), now));
        }
        prop_assert_eq!(served.len(), all.len());
        for (index, (one, _)) in served.iter().enumerate() {
            let bound = ahead_at_most_until(one.priority, one.since, aging_s).unwrap();
            let before = served[..index].iter().filter(|(other, _)| other.since >= bound).count();
            prop_assert_eq!(before, 0);
        }
    }
}
