//! Acknowledged commands per second, against a handler that only appends.

use std::sync::Arc;

use service::clock::SystemClock;
use tempfile::TempDir;
use tests::world::World;

use crate::{
    bare::Bare,
    logs::{self, Kind},
    measure::{Target, calls_per_second, compare},
    seed::{Desk, WORDS, stream_of},
    settings::Settings,
};

/// Calls at once.
const IN_FLIGHT: [usize; 2] = [1, 64];
/// What a command may cost beside its append and its way over gRPC.
const LEAST: f64 = 0.7;

/// A command, and the words that it carries.
#[derive(Clone, Copy)]
enum Command {
    /// Nothing to seal.
    Categorise,
    /// Words under the customer's key.
    Note,
}

/// On every log, with every number of cases.
pub async fn run(settings: &Settings) -> anyhow::Result<()> {
    for &kind in &settings.logs {
        for &cases in &settings.cases {
            on(kind, cases, settings).await?;
        }
    }
    Ok(())
}

/// The platform runs as always: its read model and its reactions follow what is measured.
async fn on(kind: Kind, cases: usize, settings: &Settings) -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let mut shell = dossier::up::shell(folder.path(), Arc::new(SystemClock)).await?;
    let other = TempDir::new()?;
    let (log, _servers) = logs::open(kind, other.path()).await?;
    shell.log = Arc::clone(&log);
    let world = World::over(shell, folder.path()).await;
    let desk = Desk::open(&world, cases).await?;
    for command in [Command::Categorise, Command::Note] {
        let (name, words) = match command {
            Command::Categorise => ("nothing sealed", ""),
            Command::Note => ("words sealed", WORDS),
        };
        one(&desk, command, 0).await?;
        let written = stream_of(log.as_ref(), desk.cases[0]).await?;
        let body = written.last().map(|entry| entry.body.clone()).unwrap_or_default();
        let bare = Bare::serve(Arc::clone(&log), cases, body, &desk.caller.token).await?;
        for in_flight in IN_FLIGHT {
            // Each task has cases of its own: what is measured is no contention.
            let index = move |task: usize, n: usize| (task + in_flight * n) % (cases / in_flight * in_flight);
            let (desk, bare) = (desk.clone(), bare.clone());
            let what = format!("{}, {cases} cases, {name}, {in_flight} in flight", kind.name());
            let target = if in_flight == 1 { Target::Stated } else { Target::AtLeast(LEAST) };
            let run = settings.run;
            let baseline = async || {
                let bare = bare.clone();
                calls_per_second(in_flight, run, move |task, n| {
                    let bare = bare.clone();
                    async move { bare.append(index(task, n), words).await }
                })
                .await
            };
            let ours = async || {
                let each = desk.clone();
                let rate = calls_per_second(in_flight, run, move |task, n| {
                    let desk = each.clone();
                    async move { one(&desk, command, index(task, n)).await.map(drop) }
                });
                let rate = rate.await?;
                // What the read model has still to do is not to fall into the baseline's turn.
                desk.read_up_to(one(&desk, command, 0).await?).await?;
                Ok(rate)
            };
            compare(&what, target, settings.rounds, baseline, ours).await?;
        }
    }
    world.end().await;
    Ok(())
}

/// Answers the position of its entry.
async fn one(desk: &Desk, command: Command, case: usize) -> anyhow::Result<String> {
    match command {
        Command::Categorise => desk.categorise(case).await,
        Command::Note => desk.note(case).await,
    }
}
