use std::{
    env,
    time::{Duration, SystemTime},
};

use uuid::Uuid;

/// The seed of this run, printed: `DOSSIER_TEST_SEED`, or a new one.
pub fn seed() -> u64 {
    let seed = match env::var("DOSSIER_TEST_SEED") {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("DOSSIER_TEST_SEED is no number: {text}")),
        Err(_) => SystemTime::UNIX_EPOCH.elapsed().map_or(1, |since| since.subsec_nanos().into()),
    };
    eprintln!("DOSSIER_TEST_SEED={seed}");
    seed
}

/// A sequence of numbers that a seed determines (SplitMix64).
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// One of the independent sequences of a seed.
    pub fn new(seed: u64, lane: u64) -> Self {
        let mut chance = Self(seed ^ lane.wrapping_mul(0x2545_F491_4F6C_DD1D));
        chance.draw();
        chance
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.draw() % limit.max(1)
    }

    /// True once in `n` draws.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// A time below `limit` milliseconds.
    pub fn millis(&mut self, limit: u64) -> Duration {
        Duration::from_micros(self.below(limit * 1_000))
    }

    /// One of `choices`.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let chosen = self.below(choices.len() as u64) as usize;
        &choices[chosen]
    }

    /// A command id.
    pub fn uuid(&mut self) -> Uuid {
        uuid::Builder::from_random_bytes(
            ((u128::from(self.draw()) << 64) | u128::from(self.draw())).to_be_bytes(),
        )
        .into_uuid()
    }
}
