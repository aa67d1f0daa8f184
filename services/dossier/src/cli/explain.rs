//! `dossier explain`: a decision with what it was decided on, and whether it comes out the same.

use clap::Args;
use proto::assignment::v1::{Decision, ExplainRequest, ExplainResponse};

use super::{
    context::Context,
    error::{Exit, Failure},
    output::{
        Cell, Colour, Document, Paint, Table,
        escape::{self, Lines},
        json,
        table::minute,
    },
    parse,
    queue::counts,
};

/// Why a case was given to an agent, or why it waits
///
/// The rules are asked again and the choice is made again, on what is recorded. Exit code 0: both come out the same; 1: not.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  dossier explain PAR-1042                         the last decision about a case
  dossier explain PAR-1042/2                       the second one
  dossier explain PAR-1042 -o json | jq '.candidates'")]
pub struct ExplainArgs {
    /// A case, or a case and the number of a decision: PAR-1042/2
    decision: String,
}

/// Shows it.
pub async fn run(args: ExplainArgs, context: &Context) -> Result<(), Failure> {
    let client = context.client()?;
    let request = ExplainRequest { decision: args.decision, at_least: context.at_least() };
    let answer = client.call(request).await?;
    context.out.print(&document(&answer, context.out.paint))?;
    verdict(&answer)
}

/// Scripts learn by the exit code that a decision does not come out the same.
fn verdict(answer: &ExplainResponse) -> Result<(), Failure> {
    let differs = match (answer.rules_same, answer.choice_same) {
        (true, true) => return Ok(()),
        (false, true) => "the rules",
        (true, false) => "the choice",
        (false, false) => "the rules and the choice",
    };
    let mut failure = Failure::new(Exit::Failed, format!("{differs} came out otherwise this time"));
    if let Some(decision) = answer.decision.as_ref().filter(|decision| !decision.rules_version.is_empty()) {
        failure = failure.because(format!("the rules are those of the policy at {}", decision.rules_version));
    }
    Err(failure.next("keep what `-o json` says: the server decides otherwise than the one that recorded it"))
}

fn document(answer: &ExplainResponse, paint: Paint) -> Document {
    let lines = lines(answer);
    let mut table = Table::new(&["FIELD", "VALUE"]);
    let mut text = String::new();
    for (field, value) in lines {
        let shown = escape::for_terminal(&value, Lines::One);
        let shown = match (field, value.starts_with("otherwise")) {
            ("again", true) => paint.colour(&shown, Colour::Red),
            ("again", false) => paint.colour(&shown, Colour::Green),
            _ => shown.into_owned(),
        };
        text += &format!("{} {shown}\n", paint.dim(&format!("{field:<10}")));
        table.push(vec![Cell::text(field), Cell::text(value)]);
    }
    let name = answer.decision.as_ref().map(|decision| decision.id.clone()).unwrap_or_default();
    Document::one(json::value(answer), name, table).human(text)
}

fn lines(answer: &ExplainResponse) -> Vec<(&'static str, String)> {
    let decision = answer.decision.clone().unwrap_or_default();
    let at = parse::time(decision.at.as_ref()).map(minute).unwrap_or_default();
    let mut lines = vec![
        ("decision", joined(&[&decision.id, &at])),
        ("queue", decision.queue.clone()),
        ("result", result(&decision)),
    ];
    lines.extend(answer.rules.iter().map(|rule| ("rule", joined(&[&rule.rule, &rule.verdict, &rule.gave]))));
    lines.extend(answer.needs.iter().map(|need| ("needed", need.clone())));
    lines.extend(answer.candidates.iter().map(|one| {
        let presence = json::plain(one.presence().as_str_name(), "PRESENCE_");
        let shift = if one.on_shift { "on shift" } else { "off shift" };
        let load = format!("{}/{} units, would take {}", one.used, one.capacity, one.takes);
        ("candidate", joined(&[&one.person, &one.fate, &presence, shift, &load]))
    }));
    if answer.more > 0 {
        lines.push(("candidates", format!("{} more, recorded by name only", answer.more)));
    }
    if !decision.rejected.is_empty() {
        lines.push(("could not", counts(&decision.rejected)));
    }
    if !answer.inputs_erased.is_empty() {
        lines.push(("erased", format!("taken as recorded: {}", answer.inputs_erased.join(", "))));
    }
    let same = |same| if same { "the same" } else { "otherwise" };
    let again = match (answer.rules_same, answer.choice_same) {
        (true, true) => "the same".to_owned(),
        (rules, choice) => format!("otherwise: rules {}, choice {}", same(rules), same(choice)),
    };
    lines.push(("again", again));
    lines
}

fn result(decision: &Decision) -> String {
    let step = if decision.step > 0 { format!("relaxation {}", decision.step) } else { String::new() };
    let eligible = format!("of {} who could", decision.eligible);
    if decision.agent.is_empty() {
        return joined(&["waits", &decision.reason, &step]);
    }
    joined(&["given to", &decision.agent, &decision.by, &eligible, &step])
}

fn joined(parts: &[&str]) -> String {
    let parts: Vec<_> = parts.iter().filter(|part| !part.is_empty()).copied().collect();
    parts.join("  ")
}

#[cfg(test)]
mod tests {
    use proto::assignment::v1::{
        Presence,
        explain_response::{Candidate, Rule},
    };

    use super::*;

    fn answer() -> ExplainResponse {
        ExplainResponse {
            decision: Some(Decision {
                id: "PAR-17/2".into(),
                at: Some(parse::instant("2026-03-01T08:00:00Z").unwrap()),
                queue: "emea".into(),
                agent: "ana".into(),
                by: "mode".into(),
                eligible: 1,
                rejected: [("offline".into(), 2)].into(),
                rules_version: "par.1.4".into(),
                ..Decision::default()
            }),
            rules: vec![Rule { rule: "french".into(), verdict: "true".into(), gave: "{}".into() }],
            needs: vec!["queue emea".into(), "language fr b2 or better".into()],
            candidates: vec![Candidate {
                person: "ana".into(),
                fate: "chosen".into(),
                presence: Presence::Online.into(),
                on_shift: true,
                used: 1,
                capacity: 4,
                takes: 1,
            }],
            more: 2,
            rules_same: true,
            choice_same: true,
            ..ExplainResponse::default()
        }
    }

    #[test]
    fn people_read_what_it_was_decided_on() {
        let text = document(&answer(), Paint(false)).human.unwrap();
        let expected = "\
decision   PAR-17/2  2026-03-01 08:00Z
queue      emea
result     given to  ana  mode  of 1 who could
rule       french  true  {}
needed     queue emea
needed     language fr b2 or better
candidate  ana  chosen  online  on shift  1/4 units, would take 1
candidates 2 more, recorded by name only
could not  offline 2
again      the same
";
        assert_eq!(text, expected);
    }

    #[test]
    fn who_waits_is_told_why() {
        let decision = Decision { reason: "off_shift".into(), step: 1, ..Decision::default() };
        assert_eq!(result(&decision), "waits  off_shift  relaxation 1");
    }

    #[test]
    fn another_outcome_is_a_failure_that_names_what_differs() {
        assert_eq!(verdict(&answer()), Ok(()));
        let differs = |rules_same, choice_same| {
            let failure = verdict(&ExplainResponse { rules_same, choice_same, ..answer() }).unwrap_err();
            assert_eq!(failure.exit, Exit::Failed);
            failure.what
        };
        assert_eq!(differs(false, true), "the rules came out otherwise this time");
        assert_eq!(differs(true, false), "the choice came out otherwise this time");
        let text = document(&ExplainResponse { choice_same: false, ..answer() }, Paint(false)).human.unwrap();
        assert!(text.ends_with("again      otherwise: rules the same, choice otherwise\n"), "{text}");
    }
}
