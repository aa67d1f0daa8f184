//! From the answer of the intake to the case in the list.

use std::time::{Duration, Instant};

use anyhow::Context;
use proto::{cases::v1::ListCasesRequest, ingestion::v1::SubmitRequest};
use tests::world::World;

use crate::{
    measure::{Spread, state},
    seed::{Desk, message},
    settings::Settings,
};

/// How long one message may take.
const LIMIT: Duration = Duration::from_secs(30);

/// On SQLite, one message at a time, with every number of cases there already.
pub async fn run(settings: &Settings) -> anyhow::Result<()> {
    for &cases in &settings.cases {
        let world = World::start().await;
        Desk::open(&world, cases).await?;
        let (mut median, mut late) = (Spread::default(), Spread::default());
        for round in 0..settings.rounds {
            let mut times = Spread::default();
            for n in 0..settings.messages {
                times.0.push(one(&world, &format!("visible-{round}-{n}")).await?.as_secs_f64() * 1_000.0);
            }
            median.0.push(times.at(0.5));
            late.0.push(times.at(0.99));
        }
        let what = format!("accepted to visible, sqlite, {cases} cases");
        let of = (settings.rounds, settings.messages);
        state(
            &what,
            format_args!("p50 {median:.1} ms  p99 {late:.1} ms  ({} rounds of {} messages)", of.0, of.1),
        );
        world.end().await;
    }
    Ok(())
}

/// Waits as a reader would who knows nothing but the way: the reaction, then the read model, then the list.
async fn one(world: &World, id: &str) -> anyhow::Result<Duration> {
    let mut caller = world.administrator();
    let request =
        SubmitRequest { account: "forum".into(), messages: vec![message(id)], ..Default::default() };
    let accepted = caller.ingestion.submit(request).await?.into_inner().position;
    let started = Instant::now();
    let shell = &world.platform.shell;
    let position = shell.position("position", &accepted)?.context("the intake names a position")?;
    let cases = world.platform.cases.as_ref().context("the role cases runs here")?;
    tokio::time::timeout(LIMIT, cases.followed().wait_for(|done| *done >= position)).await??;
    let reacted = cases.reacted();
    let at_least = shell.token(reacted);
    let list = ListCasesRequest { at_least, page_size: 1, ..Default::default() };
    let listed = caller.cases.list_cases(list).await?.into_inner();
    let took = started.elapsed();
    let newest = listed.cases.first().context("a case is listed")?;
    let version = shell.position("position", &newest.position)?.context("a case has a position")?;
    anyhow::ensure!(version > position, "the first of the list is of another message");
    Ok(took)
}
