//! `dossier customer show`.

use clap::Args;
use proto::cases::v1::{Customer, GetCustomerRequest, GetCustomerResponse, Purpose, customer::Identity};

use super::super::{
    context::Context,
    error::Failure,
    output::{
        Cell, Document, Paint, Table,
        escape::{self, Lines},
        json,
        table::minute,
    },
    parse,
};

/// His identities, what he agreed to, what he refused, and his cases
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  dossier customer show PAR-1042
  dossier customer show PAR-1042 --as-of 2026-03-01T09:00:00Z     as it was recorded then
  dossier customer show PAR-1042 -o json | jq '.customer.consents'")]
pub struct ShowArgs {
    /// One of his identities, or a case of his
    #[arg(value_name = "CUSTOMER")]
    customer: String,
    /// By what had occurred then, whenever it was recorded
    #[arg(long, value_name = "TIME", value_parser = parse::instant)]
    occurred_as_of: Option<prost_types::Timestamp>,
}

/// Shows it.
pub async fn run(args: ShowArgs, context: &Context) -> Result<(), Failure> {
    let client = context.client()?;
    let request = GetCustomerRequest {
        customer: super::identity(&client, args.customer).await?,
        at_least: context.at_least(),
        as_of: context.as_of(),
        occurred_as_of: args.occurred_as_of,
    };
    let answer = client.call(request).await?;
    context.out.print(&document(&answer, context.out.paint))
}

fn document(answer: &GetCustomerResponse, paint: Paint) -> Document {
    let customer = answer.customer.clone().unwrap_or_default();
    let lines = lines(&customer);
    let mut table = Table::new(&["FIELD", "VALUE"]);
    let mut text = String::new();
    for (field, value) in lines {
        text += &format!("{} {}\n", paint.dim(&format!("{field:<10}")), shown(&value));
        table.push(vec![Cell::text(field), Cell::text(value)]);
    }
    let name = customer.identities.first().map(|one| one.identity.clone()).unwrap_or_default();
    Document { whole: json::value(answer), ..Document::one(json::value(&customer), name, table).human(text) }
}

fn lines(customer: &Customer) -> Vec<(&'static str, String)> {
    let time = |at: &Option<prost_types::Timestamp>| parse::time(at.as_ref()).map(minute).unwrap_or_default();
    let identities = customer.identities.iter().map(|one| ("identity", identity(one)));
    let consents = customer.consents.iter().map(|one| {
        let revoked = time(&one.revoked_at);
        let revoked = if revoked.is_empty() { revoked } else { format!("revoked {revoked}") };
        let text = format!("text {}", one.text_version);
        let purpose = purpose(one.purpose());
        (
            "consent",
            joined(&[&purpose, &text, &time(&one.given_at), &revoked, &one.identity, &one.consent_id]),
        )
    });
    let opted_out = customer
        .opted_out
        .iter()
        .map(|one| ("opted out", joined(&[&purpose(one.purpose()), &time(&one.since), &one.identity])));
    let cases = customer.cases.iter().map(|case| ("case", joined(&[&case.number, &case.case_id])));
    identities.chain(consents).chain(opted_out).chain(cases).collect()
}

fn identity(one: &Identity) -> String {
    if one.hidden {
        return "one that you do not see".to_owned();
    }
    let linked = if one.linked_under.is_empty() {
        String::new()
    } else {
        format!("linked under {}", one.linked_under)
    };
    joined(&[&one.name, &one.handle, &one.address, &one.channel, &one.account, &one.identity, &linked])
}

fn purpose(purpose: Purpose) -> String {
    json::plain(purpose.as_str_name(), "PURPOSE_")
}

fn joined(parts: &[&str]) -> String {
    let parts: Vec<_> = parts.iter().filter(|part| !part.is_empty()).copied().collect();
    parts.join("  ")
}

fn shown(text: &str) -> String {
    escape::for_terminal(text, Lines::One).into_owned()
}

#[cfg(test)]
mod tests {
    use proto::cases::v1::customer::{Case, Consent, OptedOut};

    use super::*;

    #[test]
    fn people_read_it_from_top_to_bottom() {
        let at = || Some(parse::instant("2026-03-01T08:00:00Z").unwrap());
        let known = Identity {
            identity: "mail_0f".to_owned(),
            account: "mail".to_owned(),
            channel: "email".to_owned(),
            name: "Zoë\u{7}".to_owned(),
            ..Identity::default()
        };
        let hidden = Identity { hidden: true, ..Identity::default() };
        let consent = Consent {
            consent_id: "c1".to_owned(),
            identity: "mail_0f".to_owned(),
            purpose: Purpose::LinkProfiles.into(),
            text_version: 3,
            given_at: at(),
            revoked_at: at(),
        };
        let out = OptedOut { identity: "mail_0f".to_owned(), purpose: Purpose::Survey.into(), since: at() };
        let customer = Customer {
            identities: vec![known, hidden],
            consents: vec![consent],
            opted_out: vec![out],
            cases: vec![Case { case_id: "id".to_owned(), number: "PAR-1".to_owned() }],
        };
        let answer = GetCustomerResponse { customer: Some(customer), position: "par.1.3".to_owned() };
        let document = document(&answer, Paint(false));
        let expected = "\
identity   Zoë\\u{7}  email  mail  mail_0f
identity   one that you do not see
consent    link-profiles  text 3  2026-03-01 08:00Z  revoked 2026-03-01 08:00Z  mail_0f  c1
opted out  survey  2026-03-01 08:00Z  mail_0f
case       PAR-1  id
";
        assert_eq!(document.human.unwrap(), expected);
        assert_eq!(document.whole["position"], "par.1.3");
        assert_eq!(document.names, ["mail_0f"]);
    }
}
