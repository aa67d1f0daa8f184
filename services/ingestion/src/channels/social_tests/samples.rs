//! Own samples, written after the platforms' documentation: `testdata/channels/<connector>/samples.txt`.
//!
//! A sample is `# name`, a body in JSON, and what it says: a line for each thing, after `-> `. Settings of the account stand
//! after the name: `# name [page_id=1]`. An error stands as `-> malformed <path>`.

use std::{fs, path::Path};

use super::{Call, KEY, NAMES, config, show};

pub(super) struct Sample {
    pub(super) name: String,
    pub(super) settings: Vec<(String, String)>,
    pub(super) body: String,
    expected: Vec<String>,
}

/// The samples of a connector.
pub(super) fn samples(connector: &str) -> Vec<Sample> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/channels");
    let text = fs::read_to_string(folder.join(connector).join("samples.txt")).unwrap();
    let mut samples: Vec<Sample> = Vec::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("# ") {
            let (name, settings) = title.split_once(" [").unwrap_or((title, ""));
            let settings = settings.trim_end_matches(']').split(',').filter_map(|set| set.split_once('='));
            samples.push(Sample {
                name: name.to_owned(),
                settings: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
                body: String::new(),
                expected: Vec::new(),
            });
        } else if let Some(expected) = line.strip_prefix("-> ") {
            samples.last_mut().unwrap().expected.push(expected.to_owned());
        } else if let Some(sample) = samples.last_mut() {
            sample.body.push_str(line);
            sample.body.push('\n');
        }
    }
    samples
}

impl Sample {
    fn settings(&self) -> Vec<(&str, &str)> {
        self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    fn actual(&self, connector: &str) -> Vec<String> {
        let (call, config) = (Call::post(self.body.trim()), config(KEY, &self.settings()));
        assert!(call.verify(connector, &config).is_err(), "{connector}: {}: believed unsigned", self.name);
        let call = call.signed(connector);
        call.verify(connector, &config)
            .unwrap_or_else(|refused| panic!("{connector}: {}: {refused}", self.name));
        match call.read(connector, &config) {
            Ok(said) => show::said(&said),
            Err(malformed) => vec![format!("malformed {}", malformed.path)],
        }
    }
}

#[test]
fn each_sample_says_what_stands_below_it() {
    let (mut count, mut wrong) = (0, String::new());
    for connector in NAMES {
        let samples = samples(connector);
        assert!(samples.len() >= 10, "{connector} has samples");
        for sample in samples {
            assert!(!sample.expected.is_empty(), "{connector}: {}: nothing is expected", sample.name);
            let actual = sample.actual(connector);
            if actual != sample.expected {
                wrong += &format!("\n{connector} # {}\n", sample.name);
                wrong.extend(actual.iter().map(|line| format!("-> {line}\n")));
            }
            count += 1;
        }
    }
    println!("{count} samples");
    assert!(wrong.is_empty(), "they say:{wrong}");
}

#[test]
fn what_is_said_twice_is_said_the_same_way() {
    for connector in NAMES {
        for sample in samples(connector) {
            assert_eq!(sample.actual(connector), sample.actual(connector), "{connector}: {}", sample.name);
        }
    }
}
