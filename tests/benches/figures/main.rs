//! Figures of the platform, each beside a baseline that is measured in the same run.
//!
//! ```text
//! cargo bench -p tests                              everything but `streams`
//! cargo bench -p tests -- --quick                   the same in short, to see that it runs
//! cargo bench -p tests -- commands --log sqlite     one figure, on one log
//! cargo bench -p tests -- streams --streams 1000000 --streams 5000000
//! ```
//!
//! `tests/bench` provides the servers first. What is compared runs in turns (baseline, ours, baseline, ours …); what is
//! printed are medians with the least and the most, and the median of the ratios of each turn.

mod bare;
mod commands;
mod hooks;
mod logs;
mod machine;
mod measure;
mod projection;
mod replay;
mod rules;
mod seed;
mod settings;
mod start;
mod streams;
mod visible;

use settings::{Figure, Settings};

fn main() -> anyhow::Result<()> {
    let settings = Settings::from_arguments(std::env::args().skip(1))?;
    println!("{}", machine::description());
    // As many threads as `dossier` has.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        for figure in &settings.figures {
            println!("\n== {}", figure.title());
            match figure {
                Figure::Commands => commands::run(&settings).await?,
                Figure::Hooks => hooks::run(&settings).await?,
                Figure::Replay => replay::run(&settings).await?,
                Figure::Projection => projection::run(&settings).await?,
                Figure::Visible => visible::run(&settings).await?,
                Figure::Rules => rules::run(&settings).await?,
                Figure::Start => start::run(&settings).await?,
                Figure::Streams => streams::run(&settings).await?,
            }
        }
        Ok(())
    })
}
