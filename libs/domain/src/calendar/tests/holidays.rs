//! The holidays against published ones.

use std::collections::BTreeMap;

use super::{super::holidays::*, *};

/// What the published files have and we do not, with the reason.
const NOT_TAKEN: &[(&str, &str, &str)] = &[
    ("DE_BE", "Break", "holidays of schools: nobody closes for them"),
    ("LU_COMMON", "Good Friday", "a holiday of banks"),
    ("LU_COMMON", "Christmas Eve (afternoon)", "a holiday of banks"),
    ("LU_COMMON", "New Year's Eve", "a holiday of banks"),
    ("MA_COMMON", "(estimated)", "announced when the moon is seen: written as closed"),
];

/// Days that we have and the published files do not, with the reason.
const OURS: &[(&str, &str, &str)] = &[(
    "ES_COMMON",
    "",
    "a holiday on a Sunday is listed only where it is moved to Monday; a Sunday it is anyway",
)];

#[test]
fn the_data_can_be_read() {
    assert!(places().count() > 50, "{} places", places().count());
    for (code, name) in places() {
        let place: Place = code.parse().unwrap();
        assert!(!name.is_empty());
        for year in [1951, 2026, 2099] {
            assert!(place.holidays(year).len() >= 4, "{code} {year}");
        }
    }
    assert!("XX".parse::<Place>().is_err());
}

#[test]
fn easter_is_when_it_is() {
    let fr: Place = "FR".parse().unwrap();
    for (year, monday) in [
        (1954, "1954-04-19"),
        (2008, "2008-03-24"),
        (2011, "2011-04-25"),
        (2026, "2026-04-06"),
        (2049, "2049-04-19"),
    ] {
        assert_eq!(fr.holidays(year).get(&date(monday)), Some(&"Easter Monday"), "{year}");
    }
    let us: Place = "US".parse().unwrap();
    assert_eq!(us.holidays(2021).get(&date("2021-12-31")), Some(&"New Year's Day"), "of the Saturday after");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "published data is read by a test, not by a rule")]
fn holidays_agree_with_published_ones() {
    let Some(folder) = std::env::var_os("DOSSIER_REAL_DATA") else {
        println!("DOSSIER_REAL_DATA is not set: going on without holidays");
        return;
    };
    let folder = std::path::Path::new(&folder).join("time/python-holidays/snapshots/countries");
    let entries = std::fs::read_dir(&folder).expect("DOSSIER_REAL_DATA is set and has holidays");
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let (mut agreed, mut all, mut known, mut unexplained) = (0, 0, 0, Vec::new());
    let mut explained: BTreeMap<(String, &str), usize> = BTreeMap::new();
    for file in &files {
        let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
        let code = stem.replace("_COMMON", "").replace('_', "-");
        let days: BTreeMap<Date, String> =
            serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let Ok(place) = code.parse::<Place>() else {
            println!("{code}: not in our data, {} days", days.len());
            continue;
        };
        known += 1;
        let years = days.keys().next().unwrap().year()..=days.keys().last().unwrap().year();
        let ours: BTreeMap<Date, &str> = years.flat_map(|year| place.holidays(year)).collect();
        let (mut here, mut of) = (0, 0);
        for (date, names) in &days {
            let why =
                |name: &str| NOT_TAKEN.iter().find(|(file, part, _)| *file == stem && name.contains(part));
            let left: Vec<&str> = names.split("; ").filter(|name| why(name).is_none()).collect();
            of += 1;
            match (ours.get(date), &left[..]) {
                (Some(_), _) => here += 1,
                (None, []) => {
                    let (.., reason) = why(names.split("; ").next().unwrap()).unwrap();
                    *explained.entry((stem.clone(), reason)).or_default() += 1;
                }
                (None, left) => unexplained.push(format!("{stem} {date} {left:?}: not ours")),
            }
        }
        for (date, name) in ours.iter().filter(|(date, _)| !days.contains_key(*date)) {
            of += 1;
            match OURS.iter().find(|(file, part, _)| *file == stem && name.contains(part)) {
                Some((.., reason))
                    if stem != "ES_COMMON" || date.weekday() == Weekday::Sunday || date.year() < 2009 =>
                {
                    *explained.entry((stem.clone(), reason)).or_default() += 1;
                }
                _ => unexplained.push(format!("{stem} {date} {name}: only ours")),
            }
        }
        println!("{code}: {here} of {of} days agree");
        agreed += here;
        all += of;
    }
    println!("{agreed} of {all} days of {known} of {} countries and parts of countries agree", files.len());
    for ((file, reason), count) in &explained {
        println!("{file}: {count} days differ, explained: {reason}");
    }
    assert!(known > 15, "{known} places");
    assert_eq!(unexplained, [""; 0], "{} days", unexplained.len());
}
