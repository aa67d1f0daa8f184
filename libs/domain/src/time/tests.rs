use proptest::prelude::*;

use super::*;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn it_is_written_with_six_digits_in_utc() {
    for (text, written) in [
        ("2026-11-22T10:00:00Z", "2026-11-22T10:00:00.000000Z"),
        ("2026-11-22T11:00:00.5+01:00", "2026-11-22T10:00:00.500000Z"),
        ("2026-11-22T10:00:00.123456999Z", "2026-11-22T10:00:00.123456Z"),
        ("1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.999999Z"),
    ] {
        assert_eq!(time(text).to_string(), written);
        assert_eq!(serde_json::to_string(&time(text)).unwrap(), format!("\"{written}\""));
        assert_eq!(serde_json::from_str::<Timestamp>(&format!("\"{text}\"")).unwrap(), time(written));
    }
    for bad in ["", "2026-11-22", "2026-11-22T10:00:00", "yesterday", "1700000000", "-000001-01-01T00:00:00Z"]
    {
        assert_eq!(bad.parse::<Timestamp>(), Err(Invalid), "{bad}");
    }
}

#[test]
fn it_counts_in_seconds_and_stops_at_the_ends() {
    let noon = time("2026-11-22T12:00:00.250000Z");
    assert_eq!(noon.plus_seconds(-90).to_string(), "2026-11-22T11:58:30.250000Z");
    assert_eq!(noon.plus_seconds(3_600).seconds_since(noon), 3_600);
    assert_eq!(noon.seconds_since(time("2026-11-22T12:00:01Z")), -1, "towards the past");
    assert_eq!(noon.plus_seconds(i64::MAX).plus_seconds(1), noon.plus_seconds(i64::MAX));
    assert_eq!(noon.plus_seconds(i64::MIN), Timestamp::MIN);
    assert_eq!(Timestamp::from(jiff::Timestamp::MIN).to_string(), "0000-01-01T00:00:00.000000Z");
    assert_eq!(Timestamp::from(jiff::Timestamp::MAX).to_string(), "9999-12-30T22:00:00.000000Z");
    assert_eq!(time(&Timestamp::MIN.to_string()), Timestamp::MIN);
}

proptest! {
    #[test]
    fn written_and_read_and_sorted_as_text(a in 0i64..253_000_000_000_000_000, b in 0i64..253_000_000_000_000_000) {
        let (a, b) = (Timestamp::from_microsecond(a).unwrap(), Timestamp::from_microsecond(b).unwrap());
        prop_assert_eq!(time(&a.to_string()), a);
        prop_assert_eq!(a.to_string().cmp(&b.to_string()), a.cmp(&b));
    }

    #[test]
    fn cutting_off_keeps_the_order(a in any::<i32>(), b in any::<i32>()) {
        let nanos = |n: i32| Timestamp::from(jiff::Timestamp::from_nanosecond(i128::from(n)).unwrap());
        prop_assert!(a > b || nanos(a) <= nanos(b));
    }
}
