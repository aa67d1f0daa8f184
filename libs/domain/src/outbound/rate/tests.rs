use proptest::{collection::vec, prelude::*};

use super::*;

fn ms(at: i64) -> Timestamp {
    Timestamp::from_microsecond(at * 1_000).unwrap()
}

fn rate(text: &str) -> Rate {
    text.parse().unwrap()
}

#[test]
fn rates_are_written_so() {
    assert_eq!(rate("20/second"), Rate { count: 20, per_s: 1 });
    assert_eq!(rate("5 / minute"), Rate { count: 5, per_s: 60 });
    assert_eq!((rate("1/hour").per_s, rate("1/day").per_s), (3_600, 86_400));
    for wrong in
        ["", "20", "0/second", "-1/second", "1/fortnight", "1000001/second", "/second", "1/second/second"]
    {
        assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
    }
}

#[test]
fn a_bucket_begins_empty_and_fills() {
    let mut bucket = Bucket::empty(rate("2/second"), 3, ms(0));
    assert_eq!((bucket.tokens(ms(0)), bucket.tokens(ms(499)), bucket.tokens(ms(500))), (0, 0, 1));
    assert_eq!((bucket.tokens(ms(1_500)), bucket.tokens(ms(99_000))), (3, 3));
    let taken = (0..5).filter(|_| bucket.take(ms(99_000))).count();
    assert_eq!(taken, 3);
    assert_eq!(bucket.nth_at(1, ms(99_000)), ms(99_500));
    assert_eq!(bucket.nth_at(4, ms(99_000)), ms(101_000));
}

#[test]
fn who_has_said_something_goes_behind_the_others() {
    let (mut line, mut bucket) = (Line::default(), Bucket::empty(rate("1/second"), 1, ms(0)));
    assert_eq!(line.ask(&mut bucket, "ada", ms(0)), Err(ms(1_000)));
    assert_eq!(line.ask(&mut bucket, "bo", ms(1)), Err(ms(2_000)));
    // Whoever is faster does not get before.
    assert_eq!(line.ask(&mut bucket, "bo", ms(1_000)), Err(ms(2_000)));
    assert_eq!(line.ask(&mut bucket, "ada", ms(1_000)), Ok(()));
    assert_eq!(line.ask(&mut bucket, "ada", ms(1_001)), Err(ms(3_000)));
    assert_eq!(line.ask(&mut bucket, "bo", ms(2_000)), Ok(()));
    assert_eq!(line.ask(&mut bucket, "ada", ms(3_000)), Ok(()));
}

#[test]
fn who_does_not_come_holds_nobody_up_for_long() {
    let (mut line, mut bucket) = (Line::default(), Bucket::empty(rate("1/second"), 1, ms(0)));
    assert!(line.ask(&mut bucket, "gone", ms(0)).is_err());
    assert!(line.ask(&mut bucket, "bo", ms(0)).is_err());
    assert!(line.ask(&mut bucket, "bo", ms(2_000)).is_err());
    assert_eq!(line.ask(&mut bucket, "bo", ms(3_001)), Ok(()));
}

#[test]
fn nobody_is_promised_a_place_in_an_endless_line() {
    let (mut line, mut bucket) = (Line::default(), Bucket::empty(rate("1/second"), 1, ms(0)));
    for who in 0..LINE_MAX + 50 {
        assert!(line.ask(&mut bucket, who, ms(0)).is_err());
    }
    assert_eq!(line.waiting.len(), LINE_MAX);
}

proptest! {
    /// In no time, however it lies, more calls than its tokens: a failure prints its seed.
    #[test]
    fn never_more_than_the_limit_in_any_window(
        count in 1u32..50, per_s in prop_oneof![Just(1u32), Just(60), Just(3_600)], burst in 0u32..10,
        asked in vec((0i64..3_000_000, 0u8..4), 1..200),
    ) {
        let (rate, mut now) = (Rate { count, per_s }, 0i64);
        let (mut line, mut bucket) = (Line::default(), Bucket::empty(rate, burst, Timestamp::UNIX_EPOCH));
        let mut sent: Vec<i64> = Vec::new();
        for (later, who) in asked {
            now += later;
            if line.ask(&mut bucket, who, Timestamp::from_microsecond(now).unwrap()).is_ok() {
                sent.push(now);
            }
        }
        for (from, first) in sent.iter().enumerate() {
            for (to, last) in sent.iter().enumerate().skip(from) {
                let time = i128::from(last - first);
                let most = i128::from(burst.max(1)) + time * i128::from(count) / (i128::from(per_s) * 1_000_000);
                prop_assert!((to - from + 1) as i128 <= most, "{} calls in {time} µs", to - from + 1);
            }
        }
    }

    /// Whoever comes when he was told to is served, and nobody twice before another once.
    #[test]
    fn everybody_gets_a_turn(conversations in 1usize..20, rounds in 1usize..5) {
        let (mut line, mut bucket) = (Line::default(), Bucket::empty(rate("10/second"), 1, ms(0)));
        let mut due: Vec<Timestamp> = (0..conversations).map(|_| ms(0)).collect();
        let mut said = vec![0usize; conversations];
        for _ in 0..conversations * rounds * 4 {
            let next = (0..conversations).min_by_key(|who| (due[*who], *who)).unwrap();
            let now = due[next];
            match line.ask(&mut bucket, next, now) {
                Ok(()) => said[next] += 1,
                Err(later) => {
                    prop_assert!(later > now);
                    due[next] = later;
                }
            }
            let (least, most) = (said.iter().min().unwrap(), said.iter().max().unwrap());
            prop_assert!(most - least <= 1, "{said:?}");
        }
        prop_assert!(*said.iter().min().unwrap() >= rounds - 1, "{said:?}");
    }
}
