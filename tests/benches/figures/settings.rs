//! What is to be measured, and how long.

use std::time::Duration;

use anyhow::{Context, bail};

use crate::logs::Kind;

/// Something to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Commands over gRPC.
    Commands,
    /// Webhooks over HTTP.
    Hooks,
    /// Replay, and the cold load of one case.
    Replay,
    /// The read model.
    Projection,
    /// From the message to the case.
    Visible,
    /// The rules of routing.
    Rules,
    /// `dossier up`.
    Start,
    /// The log with very many streams. Takes long: only when named.
    Streams,
}

impl Figure {
    const USUAL: [Self; 7] = [
        Self::Commands,
        Self::Hooks,
        Self::Replay,
        Self::Projection,
        Self::Visible,
        Self::Rules,
        Self::Start,
    ];

    /// What stands above its lines.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Commands => "commands: acknowledged case commands over gRPC against bare appends over gRPC",
            Self::Hooks => "hooks: acknowledged webhooks against a handler that appends a prepared entry",
            Self::Replay => "replay: decode and evolve against a raw follow; cold load against a raw read",
            Self::Projection => "projection: the read model of cases against its upserts alone",
            Self::Visible => "visible: from the answer of the intake to the case in the list",
            Self::Rules => "rules: a decision of routing, and how it grows with the rules",
            Self::Start => "start: `dossier up` until it is ready, and its memory when idle",
            Self::Streams => "streams: the log with very many streams, on one node",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "commands" => Self::Commands,
            "hooks" => Self::Hooks,
            "replay" => Self::Replay,
            "projection" => Self::Projection,
            "visible" => Self::Visible,
            "rules" => Self::Rules,
            "start" => Self::Start,
            "streams" => Self::Streams,
            _ => return None,
        })
    }
}

/// What is to be measured, and how long.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The figures, in this order.
    pub figures: Vec<Figure>,
    /// How often both sides are measured.
    pub rounds: usize,
    /// How long one side is measured each time, where that is a matter of time.
    pub run: Duration,
    /// How many cases there are; the same again with each number, so that growth shows.
    pub cases: Vec<usize>,
    /// The logs, where a figure is measured on several.
    pub logs: Vec<Kind>,
    /// How many streams a log is filled with.
    pub streams: Vec<u64>,
    /// How many messages are waited for.
    pub messages: usize,
    /// How many webhooks are called.
    pub webhooks: usize,
}

impl Settings {
    /// As the command line says. `cargo bench` adds `--bench`.
    pub fn from_arguments(arguments: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let (mut figures, mut cases, mut logs, mut streams) = (vec![], vec![], vec![], vec![]);
        let (mut quick, mut rounds, mut run) = (false, None, None);
        let mut arguments = arguments.filter(|argument| argument != "--bench");
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "--quick" => quick = true,
                "--cases" => cases.push(value()?.parse()?),
                "--streams" => streams.push(value()?.parse()?),
                "--log" => logs.push(value()?.parse()?),
                "--rounds" => rounds = Some(value()?.parse()?),
                "--run-ms" => run = Some(Duration::from_millis(value()?.parse()?)),
                name => match Figure::named(name) {
                    Some(figure) => figures.push(figure),
                    None => bail!("{name} is neither a figure nor an option"),
                },
            }
        }
        fn or<T: Clone>(given: Vec<T>, otherwise: &[T]) -> Vec<T> {
            if given.is_empty() { otherwise.to_vec() } else { given }
        }
        Ok(Self {
            figures: or(figures, &Figure::USUAL),
            rounds: rounds.unwrap_or(if quick { 1 } else { 5 }),
            run: run.unwrap_or(Duration::from_millis(if quick { 200 } else { 1_500 })),
            cases: or(cases, if quick { &[64] } else { &[500, 5_000] }),
            logs: or(logs, if quick { &[Kind::Sqlite] } else { &Kind::ALL }),
            streams: or(streams, if quick { &[1_000] } else { &[1_000_000, 5_000_000] }),
            messages: if quick { 20 } else { 300 },
            webhooks: if quick { 256 } else { 5_000 },
        })
    }
}
