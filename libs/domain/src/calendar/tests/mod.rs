mod holidays;
mod oracle;
mod policy;
mod vectors;

use jiff::civil::{Date, Weekday};

use super::*;

pub fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn date(text: &str) -> Date {
    text.parse().unwrap()
}

pub fn hours(texts: &[&str]) -> Vec<Hours> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// A calendar with the same hours on some days of the week.
pub fn weekly(zone: &str, days: &str, texts: &[&str]) -> Rules {
    let mut rules = Rules::new(zone).unwrap();
    for day in weekdays(days).unwrap() {
        *rules.of_weekday(day) = hours(texts);
    }
    rules
}

pub fn made(rules: Rules) -> Calendar {
    Calendar::new(rules).unwrap()
}

/// Monday to Friday, 9 to 12 and 13 to 17, in Paris.
pub fn office() -> Rules {
    weekly("Europe/Paris", "mon-fri", &["09:00-12:00", "13:00-17:00"])
}

#[test]
fn hours_are_read_as_they_are_written() {
    for text in ["09:00-12:30", "00:00-24:00", "22:00-06:00", "18:00-00:00", "09:00-09:00"] {
        let read: Hours = text.parse().unwrap();
        let written = read.to_string();
        assert_eq!(written.replace("18:00-24:00", "18:00-00:00"), text);
        assert_eq!(written.parse::<Hours>().unwrap(), read);
        assert!(read.end_min() > read.start_min());
    }
    for bad in
        ["", "9-12", "09:00", "24:00-06:00", "09:60-10:00", "09:00-24:01", "+9:00-10:00", "09:00-10:00-11:00"]
    {
        assert!(bad.parse::<Hours>().is_err(), "{bad}");
    }
    assert_eq!(weekdays("fri-mon").unwrap().len(), 4, "over the end of the week");
    assert_eq!(weekdays("wed").unwrap(), [Weekday::Wednesday]);
    assert!(weekdays("monday").is_err() && weekdays("mon-").is_err());
}
