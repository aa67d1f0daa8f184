//! A body cut into its events says what it says as a whole.

use ingestion::channels::{self, Happening, Said, split};

use super::{parsers::config, samples};

fn sorted(happenings: Vec<Happening>) -> Vec<String> {
    // What is of no concern is told for each list, or for all of them.
    let told = happenings.into_iter().filter(|happening| !matches!(happening, Happening::Passed(_)));
    let mut told: Vec<_> = told.map(|happening| format!("{happening:?}")).collect();
    told.sort();
    told
}

#[test]
fn the_pieces_of_each_sample_say_what_the_sample_says() {
    let (mut cut, mut pieces) = (0, 0);
    for connector in channels::ALL.iter().filter(|connector| !connector.lists().is_empty()) {
        let mut of_connector = 0;
        for call in samples::of(*connector) {
            let config = config(&call.config.settings);
            let Ok(Said { happenings, .. }) = connector.read(&call.hook(), &config) else { continue };
            let mut said = Vec::new();
            let mut count = 0;
            let whole = split::each(&call.body, connector.lists(), &mut |body| {
                count += 1;
                let piece = samples::Call { body: body.to_vec(), ..call.clone() };
                let read = connector.read(&piece.hook(), &config);
                said.extend(
                    read.unwrap_or_else(|why| panic!("{}: {}: {why}", connector.name(), call.name))
                        .happenings,
                );
            });
            if whole.is_err() {
                continue;
            }
            assert_eq!(sorted(said), sorted(happenings), "{}: {}", connector.name(), call.name);
            (cut, pieces) = (cut + 1, pieces + count);
            of_connector += count;
        }
        assert!(of_connector > 0, "{} has no sample that is cut", connector.name());
    }
    println!("{cut} samples are {pieces} pieces");
    assert!(pieces > cut, "some have several events");
}
