//! What the read model is asked every second: which timers are due. Each question is answered out of an index that holds
//! nothing but what may have to be fired.

use service::store::{Sql, Value};

/// Snoozes and holds that have ended, the earliest first. Pure history is left alone: nothing is timed there until
/// something happens. So is what ended: a time that means nothing would be due for ever, and before all others.
pub const DUE: Sql = Sql::same(
    "select id, 'snooze', snoozed_until from case_row \
     where snoozed_until <= $1 and live = 1 and status not in ('spam', 'merged', 'closed') \
     union all select id, 'hold', held_until from case_row \
     where held_until <= $1 and live = 1 and status = 'on_hold' \
     order by 3, 1 limit $2",
);

/// The regions and teams that have resolved cases, and when the first of them was resolved. When a case closes is told by
/// the rules of its team. The next name is looked up after the last one, so that the cases between are not read; the last
/// row of each region is of those without a team.
pub const PLACES: Sql = Sql::same(
    "with recursive area (region) as ( \
         select min(region) from case_row where status = 'resolved' and live = 1 \
         union all \
         select (select min(c.region) from case_row c \
                 where c.status = 'resolved' and c.live = 1 and c.region > area.region) \
         from area where area.region is not null \
     ), place (region, team) as ( \
         select area.region, (select min(c.team) from case_row c \
                              where c.status = 'resolved' and c.live = 1 and c.region = area.region and c.team > '') \
         from area where area.region is not null \
         union all \
         select place.region, (select min(c.team) from case_row c where c.status = 'resolved' and c.live = 1 \
                               and c.region = place.region and c.team > place.team) \
         from place where place.team is not null \
     ) \
     select region, team, case when team is null \
         then (select min(c.resolved_at) from case_row c where c.status = 'resolved' and c.live = 1 \
               and c.region = place.region and c.team is null) \
         else (select min(c.resolved_at) from case_row c where c.status = 'resolved' and c.live = 1 \
               and c.region = place.region and c.team = place.team) end \
     from place",
);

/// Resolved cases of a team whose time is over, the earliest first.
pub const TO_CLOSE: Sql = Sql::same(
    "select id, 'close', resolved_at from case_row where status = 'resolved' and live = 1 \
     and region = $1 and team = $4 and resolved_at <= $2 order by resolved_at, id limit $3",
);

/// The same of those without a team.
pub const TO_CLOSE_WITHOUT_TEAM: Sql = Sql::same(
    "select id, 'close', resolved_at from case_row where status = 'resolved' and live = 1 \
     and region = $1 and team is null and resolved_at <= $2 order by resolved_at, id limit $3",
);

/// All of them, at some time.
pub fn statements(sqlite: bool, at: i64) -> Vec<(String, String, Vec<Value>)> {
    let (region, team) = (Value::from("region-1"), Value::from("team-1"));
    let (now, most) = (Value::from(at), Value::from(500_i64));
    [
        ("timers: due", DUE, vec![now.clone(), most.clone()]),
        ("timers: places", PLACES, vec![]),
        ("timers: to close", TO_CLOSE, vec![region.clone(), now.clone(), most.clone(), team]),
        ("timers: to close without a team", TO_CLOSE_WITHOUT_TEAM, vec![region, now, most]),
    ]
    .into_iter()
    .map(|(what, sql, binds)| {
        let text = if sqlite { sql.sqlite } else { sql.postgres };
        (what.to_owned(), text.to_owned(), binds)
    })
    .collect()
}
