//! `dossier sla …`: what was promised of a case, what became of it, and why.

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use proto::cases::v1::{
    Clock, ExplainSlaRequest, ExplainSlaResponse,
    clock::{Interval, Measure, State},
};

use super::{
    context::Context,
    error::Failure,
    output::{
        Cell, Document, Paint, Table,
        escape::{self, Lines},
        json,
        table::{minute, since},
    },
    parse,
};

/// What was promised of cases
#[derive(Debug, Subcommand)]
#[command(before_help = "\
Examples:
  dossier sla explain PAR-1042
  dossier sla explain PAR-1042 -o json | jq '.clocks[] | select(.state == \"STATE_BREACHED\")'")]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub enum SlaCommand {
    /// Every clock of a case, and every while that it counted or did not
    Explain(ExplainArgs),
}

/// Every clock of a case, and every while that it counted or did not
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  dossier sla explain PAR-1042
  dossier sla explain PAR-1042 -o wide               the clocks alone, with versions and both times
  dossier sla explain PAR-1042 --wait par.1.977      not before this is applied")]
pub struct ExplainArgs {
    /// Its number or id
    case: String,
}

impl SlaCommand {
    /// Does it.
    pub async fn run(self, context: &Context) -> Result<(), Failure> {
        let Self::Explain(ExplainArgs { case }) = self;
        let request = ExplainSlaRequest { case_id: case, at_least: context.at_least() };
        let answer = context.client()?.call(request).await?;
        context.out.print(&document(&answer, context.out.paint))
    }
}

fn document(answer: &ExplainSlaResponse, paint: Paint) -> Document {
    let head = ["CLOCK", "CYCLE", "RUN", "STATE", "DUE", "LEFT", "TARGET", "TIME", "POLICY"];
    let wide = ["REASON", "CALENDAR", "STARTED", "STOPPED", "BREACHED", "BUSINESS", "ELAPSED", "VERSION"];
    let mut table = Table::new(&head).wide(&wide);
    for clock in &answer.clocks {
        table.push(row(clock));
    }
    let mut text = answer.clocks.iter().map(|clock| block(clock, paint)).collect::<Vec<_>>().join("\n");
    if answer.clocks.is_empty() {
        text = "Nothing is promised of this case.\n".to_owned();
    }
    Document {
        whole: json::value(answer),
        items: answer.clocks.iter().map(json::value).collect(),
        names: answer.clocks.iter().map(|clock| clock.kind.clone()).collect(),
        table,
        ..Document::default()
    }
    .human(text)
}

fn row(clock: &Clock) -> Vec<Cell> {
    let time = |time: &Option<prost_types::Timestamp>| Cell::time(parse::time(time.as_ref()));
    let seconds = |seconds: Option<i64>| Cell::text(seconds.map(length).unwrap_or_default());
    vec![
        Cell::text(&clock.kind),
        Cell::text(clock.cycle.to_string()),
        Cell::text(clock.run.to_string()),
        Cell::text(state(clock)),
        time(&clock.due_at),
        seconds(clock.remaining_seconds),
        seconds(clock.target_seconds),
        Cell::text(measure(clock.measure())),
        Cell::text(&clock.policy),
        Cell::text(&clock.reason),
        Cell::text(&clock.calendar),
        time(&clock.started_at),
        time(&clock.stopped_at),
        time(&clock.breached_at),
        seconds(clock.remaining_business_seconds),
        seconds(clock.remaining_calendar_seconds),
        Cell::text(&clock.policy_version),
    ]
}

fn block(clock: &Clock, paint: Paint) -> String {
    let time =
        |time: &Option<prost_types::Timestamp>| parse::time(time.as_ref()).map(minute).unwrap_or_default();
    let which = match (clock.cycle, clock.run) {
        (1, 1) => clock.kind.clone(),
        (1, run) => format!("{} {run}", clock.kind),
        (cycle, run) => format!("{} {run} of cycle {cycle}", clock.kind),
    };
    let mut text = format!("{}  {}\n", paint.bold(&shown(&which)), shown(&state(clock)));
    let target = clock.target_seconds.map(|target| {
        let calendar = if clock.calendar.is_empty() { "always open" } else { clock.calendar.as_str() };
        let within = if clock.measure() == Measure::Calendar { "" } else { calendar };
        let parts = [length(target), measure(clock.measure()), within.to_owned()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
    });
    let both = clock.remaining_business_seconds.zip(clock.remaining_calendar_seconds);
    let left = both
        .map(|(business, calendar)| format!("{} business, {} calendar", length(business), length(calendar)));
    let details = [
        ("policy", clock.policy.clone()),
        ("target", target.unwrap_or_default()),
        ("started", time(&clock.started_at)),
        ("due", time(&clock.due_at)),
        ("breached", time(&clock.breached_at)),
        ("stopped", time(&clock.stopped_at)),
        ("left", left.unwrap_or_default()),
    ];
    for (name, value) in details.into_iter().filter(|(_, value)| !value.is_empty()) {
        text += &format!("  {} {}\n", paint.dim(&format!("{name:<9}")), shown(&value));
    }
    for interval in &clock.intervals {
        text += &format!("    {}\n", shown(&line(interval)));
    }
    if clock.is_cut {
        text += "    and more, which is left out\n";
    }
    text
}

/// What happened in a while.
fn line(interval: &Interval) -> String {
    let (from, to) = (parse::time(interval.from.as_ref()), parse::time(interval.to.as_ref()));
    let Some((from, to)) = from.zip(to) else { return String::new() };
    let mut why = json::plain(interval.why().as_str_name(), "WHY_");
    if !interval.reason.is_empty() {
        why += &format!(" ({})", interval.reason);
    }
    format!("{} - {}  {:>7}  {why}", minute(from), minute(to), since(from, to))
}

fn state(clock: &Clock) -> String {
    let mut text = json::plain(clock.state().as_str_name(), "STATE_");
    if !clock.reason.is_empty() {
        text += &format!(" ({})", clock.reason);
    }
    if clock.at_risk && clock.state() == State::Running {
        text += ", at risk";
    }
    text
}

fn measure(measure: Measure) -> String {
    json::plain(measure.as_str_name(), "MEASURE_")
}

/// So many seconds as people say it; what is over has a minus.
fn length(seconds: i64) -> String {
    let sign = if seconds < 0 { "-" } else { "" };
    let seconds = i64::try_from(seconds.unsigned_abs()).unwrap_or(i64::MAX);
    let end = Timestamp::UNIX_EPOCH.checked_add(SignedDuration::from_secs(seconds));
    format!("{sign}{}", since(Timestamp::UNIX_EPOCH, end.unwrap_or(Timestamp::MAX)))
}

fn shown(text: &str) -> String {
    escape::for_terminal(text, Lines::One).into_owned()
}

#[cfg(test)]
mod tests {
    use proto::cases::v1::clock::Why;

    use super::*;

    fn at(text: &str) -> Option<prost_types::Timestamp> {
        Some(parse::instant(text).unwrap())
    }

    fn answer() -> ExplainSlaResponse {
        let interval = |from, to, why: Why, reason: &str| Interval {
            from: at(from),
            to: at(to),
            why: why.into(),
            reason: reason.to_owned(),
            ..Interval::default()
        };
        let intervals = vec![
            interval("2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z", Why::Counted, ""),
            interval("2026-03-02T10:00:00Z", "2026-03-02T12:30:00Z", Why::Paused, "pending"),
        ];
        let clock = Clock {
            kind: "resolution".to_owned(),
            cycle: 1,
            run: 1,
            policy: "usual".to_owned(),
            calendar: "paris\u{7}".to_owned(),
            target_seconds: Some(8 * 3600),
            measure: Measure::Business.into(),
            state: State::Paused.into(),
            reason: "pending".to_owned(),
            started_at: at("2026-03-02T09:00:00Z"),
            remaining_seconds: Some(7 * 3600),
            remaining_business_seconds: Some(7 * 3600),
            remaining_calendar_seconds: Some(-1800),
            intervals,
            ..Clock::default()
        };
        ExplainSlaResponse { clocks: vec![clock], position: "par.1.3".to_owned(), ..Default::default() }
    }

    #[test]
    fn people_read_why() {
        let expected = "\
resolution  paused (pending)
  policy    usual
  target    8h 0m · business · paris\\u{7}
  started   2026-03-02 09:00Z
  left      7h 0m business, -30m calendar
    2026-03-02 09:00Z - 2026-03-02 10:00Z    1h 0m  counted
    2026-03-02 10:00Z - 2026-03-02 12:30Z   2h 30m  paused (pending)
";
        assert_eq!(document(&answer(), Paint(false)).human.unwrap(), expected);
    }

    #[test]
    fn machines_get_clocks() {
        let document = document(&answer(), Paint(false));
        let tsv = document.table.tsv(false, true);
        assert!(tsv.contains("resolution\t1\t1\tpaused (pending)\t"), "{tsv}");
        assert_eq!(document.whole["position"], "par.1.3");
        assert_eq!(document.items[0]["remainingCalendarSeconds"], "-1800");
    }

    #[test]
    fn of_what_nobody_promised_there_is_nothing() {
        let document = document(&ExplainSlaResponse::default(), Paint(false));
        assert_eq!(document.human.unwrap(), "Nothing is promised of this case.\n");
    }
}
