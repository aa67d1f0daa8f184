use super::{Conflict, append, assert_same, category, entry, own_category, read, stream, take};
use crate::{EventLog, NewEntry, Position, StreamId, rng::Rng};

const STREAMS: usize = 5;
const STEPS: usize = 300;

/// A run of random appends (in time, late, ahead, again) and reads answers as a `Vec` would. `seed` makes the same
/// run again.
pub async fn a_random_run_agrees_with_a_model(log: &dyn EventLog, seed: u64) {
    let name = own_category();
    let mut run = Run {
        rng: Rng::new(seed),
        seed,
        streams: (0..STREAMS).map(|_| stream(&name)).collect(),
        model: Vec::new(),
    };
    for step in 0..STEPS {
        run.step(log, step).await;
    }
    for stream in &run.streams {
        assert_same(&read(log, stream).await, &run.of(stream));
    }
    let mut follower = log.follow(Position::NONE, &[category(&name)]);
    assert_same(&take(&mut follower, run.model.len()).await, &run.model);
}

struct Run {
    rng: Rng,
    seed: u64,
    streams: Vec<StreamId>,
    /// The log as it should be.
    model: Vec<(Position, NewEntry)>,
}

impl Run {
    async fn step(&mut self, log: &dyn EventLog, step: usize) {
        let n = self.pick(STREAMS);
        let stream = self.streams[n].clone();
        let of_stream = self.of(&stream);
        let tail = of_stream.last().map_or(Position::NONE, |(position, _)| *position);
        let context = format!("seed {}, step {step}, {stream}, tail {tail}", self.seed);
        let length = self.pick(300);
        let new = entry(&stream, vec![self.rng.next() as u8; length]);
        match self.rng.below(8) {
            0..=3 => {
                let outcome = append(log, tail, &new).await;
                let Ok(position) = outcome else { panic!("{context}: a conflict at its tail") };
                let last = self.model.last().map_or(Position::NONE, |(position, _)| *position);
                assert!(position > last, "{context}: position {position}, and {last} was given before");
                self.model.push((position, new));
            }
            4 => {
                let wrong = Position(tail.0 + 1 + self.rng.below(3));
                assert_eq!(append(log, wrong, &new).await, Err(Conflict), "{context}: ahead, at {wrong}");
            }
            5 if !of_stream.is_empty() => {
                let n = self.pick(of_stream.len());
                let wrong = if n == 0 { Position::NONE } else { of_stream[n - 1].0 };
                assert_eq!(append(log, wrong, &new).await, Err(Conflict), "{context}: late, at {wrong}");
            }
            6 if !of_stream.is_empty() => {
                let n = self.pick(of_stream.len());
                let expected = if n == 0 { Position::NONE } else { of_stream[n - 1].0 };
                let again = append(log, expected, &of_stream[n].1).await;
                assert_eq!(again, Ok(of_stream[n].0), "{context}: entry {n} of the stream again");
            }
            _ => assert_same(&read(log, &stream).await, &of_stream),
        }
    }

    fn of(&self, stream: &StreamId) -> Vec<(Position, NewEntry)> {
        self.model.iter().filter(|(_, entry)| entry.stream == *stream).cloned().collect()
    }

    fn pick(&mut self, end: usize) -> usize {
        self.rng.below(end as u64) as usize
    }
}
