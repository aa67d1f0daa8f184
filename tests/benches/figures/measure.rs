//! Measuring in turns, and telling what was found.

use std::{
    fmt,
    future::Future,
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

/// What a comparison has to reach.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// Ours is at least this part of the baseline's rate.
    AtLeast(f64),
    /// Ours takes at most so many times the baseline's time.
    Times(f64),
    /// It is stated, no more.
    Stated,
}

/// Measures both in turns and prints one line. Both give a rate, per second.
pub async fn compare(
    what: &str,
    target: Target,
    rounds: usize,
    mut baseline: impl AsyncFnMut() -> anyhow::Result<f64>,
    mut ours: impl AsyncFnMut() -> anyhow::Result<f64>,
) -> anyhow::Result<()> {
    let (mut theirs, mut own, mut ratios) = (Spread::default(), Spread::default(), Spread::default());
    for _ in 0..rounds {
        let (base, us) = (baseline().await?, ours().await?);
        theirs.0.push(base);
        own.0.push(us);
        ratios.0.push(if matches!(target, Target::Times(_)) { base / us } else { us / base });
    }
    let ratio = ratios.median();
    let verdict = match target {
        Target::AtLeast(least) => verdict(ratio >= least, &format!("ratio ≥ {least}")),
        Target::Times(most) => verdict(ratio <= most, &format!("≤ {most} times the baseline's time")),
        Target::Stated => String::new(),
    };
    println!("{what:<58} ours {own:.0}/s  baseline {theirs:.0}/s  ratio {ratios:.2}{verdict}");
    Ok(())
}

fn verdict(met: bool, target: &str) -> String {
    format!("  [{target}: {}]", if met { "met" } else { "MISSED" })
}

/// Prints one figure that has no baseline.
pub fn state(what: &str, figure: impl fmt::Display) {
    println!("{what:<58} {figure}");
}

/// Values of one thing, measured again and again: the median, the least and the most.
#[derive(Clone, Debug, Default)]
pub struct Spread(pub Vec<f64>);

impl Spread {
    /// The value below which this part of them lies.
    pub fn at(&self, part: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "the index of a value among a few hundred"
        )]
        let index = (part * (sorted.len().saturating_sub(1)) as f64).round() as usize;
        sorted.get(index).copied().unwrap_or(f64::NAN)
    }

    fn median(&self) -> f64 {
        self.at(0.5)
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(2);
        let (median, least, most) = (self.median(), self.at(0.0), self.at(1.0));
        write!(f, "{median:.digits$} ({least:.digits$}–{most:.digits$})")
    }
}

/// Calls again and again from so many tasks, each with its number and a count; answers the calls per second.
pub async fn calls_per_second<F, Fut>(in_flight: usize, run: Duration, call: F) -> anyhow::Result<f64>
where
    F: Fn(usize, usize) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = anyhow::Result<()>> + Send,
{
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for task in 0..in_flight {
        let call = call.clone();
        tasks.spawn(async move {
            let mut done = 0;
            while started.elapsed() < run {
                call(task, done).await?;
                done += 1;
            }
            anyhow::Ok(done)
        });
    }
    let mut done = 0;
    while let Some(task) = tasks.join_next().await {
        done += task??;
    }
    Ok(rate(done, started))
}

/// So many since then, per second.
#[expect(clippy::cast_precision_loss, reason = "counts of a benchmark")]
pub fn rate(count: usize, since: Instant) -> f64 {
    count as f64 / since.elapsed().as_secs_f64()
}
