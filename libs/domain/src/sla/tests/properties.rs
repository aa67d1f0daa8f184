//! What holds of every story.

use proptest::{prelude::*, sample::subsequence};

use super::{announcing::announce, *};

/// 6 April 2026, 00:00Z.
const BEGIN_S: i64 = 1_775_433_600;
const LENGTH_MINUTES: i64 = 14 * 24 * 60;

fn instant(minute: i64) -> Timestamp {
    Timestamp::from_microsecond((BEGIN_S + minute * 60) * 1_000_000).unwrap()
}

fn what() -> impl Strategy<Value = What> {
    let statuses = [
        Status::Open,
        Status::Pending,
        Status::OnHold,
        Status::Resolved,
        Status::Closed,
        Status::Merged,
        Status::Spam,
    ];
    prop_oneof![
        4 => (0..30_u32, prop::bool::weighted(0.9)).prop_map(|(n, asks)| What::CustomerMessage {
            message: id(&format!("support-mail-{n:016}")),
            asks,
        }),
        4 => (0..8_u128, 0..3_usize, 0..90_i64).prop_map(|(n, author, _)| What::Reply {
            reply: Some(ReplyId(uuid::Uuid::from_u128(n))),
            author: [Author::Human, Author::Bot, Author::Automatic][author],
            written: Timestamp::MAX,
        }),
        1 => (0..8_u128).prop_map(|n| What::ReplyFailed { reply: ReplyId(uuid::Uuid::from_u128(n)) }),
        1 => Just(What::Note),
        1 => Just(What::Silence),
        5 => prop::sample::select(statuses.to_vec()).prop_map(|to| What::Status { to }),
        2 => (1..4_u32).prop_map(|cycle| What::Reopened { cycle }),
        1 => (0..30_u32).prop_map(|n| What::SplitAway { messages: [id(&format!("support-mail-{n:016}"))].into() }),
        2 => prop::sample::select(vec![Priority::Low, Priority::Normal, Priority::Urgent])
            .prop_map(|priority| What::Changed(Change::Priority(priority))),
        2 => (1..4_u64).prop_map(|version| What::PolicyApplied { version }),
    ]
}

prop_compose! {
    /// Facts of a fortnight, in the order of the log, which is not that in which they happened.
    fn facts()(
        import in prop::bool::weighted(0.1),
        told in prop::collection::vec((0..LENGTH_MINUTES, what()), 0..25),
    ) -> Vec<Fact> {
        let origin = if import { Origin::Import } else { Origin::Customer };
        let opening = Opening { origin, version: 1, bot: false, situation: situation() };
        let opened = (60, What::Opened(Box::new(opening)));
        let fact = |(n, (minute, what)): (usize, (i64, What))| Fact {
            occurred: instant(minute),
            recorded: instant(minute),
            position: Position { entry: n as u64 + 1, event: 0 },
            live: true,
            what,
        };
        [opened].into_iter().chain(told).enumerate().map(fact).collect()
    }
}

fn editions() -> Book {
    let mut warned = usual();
    for target in warned.targets.values_mut() {
        target.warnings = [Warning::Percent(50), Warning::Before(900)].into();
        target.seconds.insert(Priority::Urgent, 1800);
    }
    let mut other = warned.clone();
    other.targets.insert(Kind::Resolution, target(30 * 3600, Measure::Calendar));
    other.targets.insert(Kind::PeriodicUpdate, target(10 * 3600, Measure::Business));
    let mut book = book(vec![warned], paris(&[easter_monday()]));
    book.0.insert(2, edition(vec![other.clone()], sao_paulo()));
    other.on_change = OnChange::Restart;
    other.reopen = Reopen::Restart;
    book.0.insert(3, edition(vec![other], nightly()));
    book
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_arrival_does_not_matter(facts in facts(), seed in any::<u64>(), minute in 0..LENGTH_MINUTES) {
        let book = editions();
        let mut arrived = facts.clone();
        arrived.sort_by_key(|fact| fact.position.entry.wrapping_mul(seed | 1).rotate_left(17));
        let told: Timeline = facts.iter().cloned().collect();
        // Twice is once.
        let mixed: Timeline = arrived.iter().chain(&facts).cloned().collect();
        let now = instant(minute);
        prop_assert_eq!(told.clocks(&book, now), mixed.clocks(&book, now));
    }

    #[test]
    fn what_is_consumed_and_what_remains_are_the_target(facts in facts(), minute in 0..2 * LENGTH_MINUTES) {
        let book = editions();
        let timeline: Timeline = facts.into_iter().collect();
        let clocks = timeline.clocks(&book, instant(minute));
        for clock in &clocks.clocks {
            if let (Some(terms), Some(remaining)) = (&clock.terms, clock.remaining) {
                prop_assert_eq!(clock.consumed + remaining, terms.target);
            }
            let since = clock.segments.iter().rposition(|s| s.restarted).unwrap_or(0);
            let counted: i64 = clock.segments[since..].iter().map(|s| s.consumed).sum();
            prop_assert_eq!(counted, clock.consumed, "segments add up: {:?}", clock);
            let listed: i64 = clock.explain(&book).intervals.iter()
                .filter(|i| i.why == Why::Counted)
                .map(|i| i.to.as_microsecond() - i.from.as_microsecond())
                .sum();
            let all: i64 = clock.segments.iter().map(|s| s.consumed).sum();
            prop_assert_eq!(listed, all, "what is explained is what was counted");
            for pair in clock.segments.windows(2) {
                prop_assert_eq!(pair[0].to, pair[1].from, "without a gap");
            }
            if clock.state == ClockState::Ok || clock.state == ClockState::AtRisk {
                prop_assert!(clock.remaining.unwrap_or(1) >= 0, "a clock that runs has time left: {:?}", clock);
            }
            if let Some(breached_at) = clock.breached_at {
                prop_assert!(breached_at <= clocks.at && clock.stopped.is_none_or(|at| breached_at < at));
            }
        }
    }

    #[test]
    fn a_deadline_does_not_move_by_waiting(facts in facts(), minute in LENGTH_MINUTES..LENGTH_MINUTES + 9000) {
        let book = editions();
        let timeline: Timeline = facts.into_iter().collect();
        let then = timeline.clocks(&book, instant(LENGTH_MINUTES));
        let later = timeline.clocks(&book, instant(minute));
        for (then, later) in then.clocks.iter().zip(&later.clocks) {
            prop_assert_eq!(then.due, later.due);
            prop_assert_eq!(&then.warnings, &later.warnings);
        }
    }

    #[test]
    fn announcements_add_up_to_what_the_clocks_say(
        facts in facts(),
        ticks in subsequence((0..40_i64).collect::<Vec<_>>(), 0..12),
    ) {
        let book = editions();
        let mut timeline = Timeline::default();
        let mut state = State::default();
        let mut standing: BTreeMap<Key, Timestamp> = BTreeMap::new();
        let mut warned: BTreeSet<(Key, Warning)> = BTreeSet::new();
        // Facts become known one after the other, while somebody looks now and then.
        for (n, fact) in facts.iter().enumerate() {
            timeline.insert(fact.clone());
            let looks = ticks.contains(&(n as i64)) || n + 1 == facts.len();
            let now = instant(if n + 1 == facts.len() { 2 * LENGTH_MINUTES } else { n as i64 * 400 });
            let clocks = timeline.clocks(&book, now);
            for event in if looks { announce(&mut state, clocks) } else { Vec::new() } {
                match event {
                    Event::Breached { at, clock, .. } => {
                        prop_assert!(standing.insert(clock, at).is_none(), "breached twice: {:?}", clock);
                    }
                    Event::BreachRetracted { clock, breached_at, .. } => {
                        prop_assert_eq!(standing.remove(&clock), Some(breached_at));
                    }
                    Event::Warned { clock, warning, at, noticed_at, .. } => {
                        prop_assert!(at <= noticed_at);
                        prop_assert!(warned.insert((clock, warning)), "warned twice: {:?}", clock);
                    }
                    Event::Met { .. } | Event::Cancelled { .. } | Event::Resumed { .. } => {}
                }
            }
        }
        let clocks = timeline.clocks(&book, instant(2 * LENGTH_MINUTES));
        let breached: BTreeMap<Key, Timestamp> =
            clocks.clocks.iter().filter_map(|clock| Some((clock.key, clock.breached_at?))).collect();
        prop_assert_eq!(standing, breached);
    }
}
