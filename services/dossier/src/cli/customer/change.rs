//! What a customer said, recorded.

use clap::{Args, Subcommand};
use proto::cases::v1::*;

use super::super::{
    case::{Once, again, kinds},
    client::Client,
    context::Context,
    error::Failure,
    output::{Cell, Document, Table, escape, json},
    parse,
    rpc::Request,
};

/// Which customer, and as of when.
#[derive(Args, Debug)]
pub struct Target {
    /// One of his identities, or a case of his
    #[arg(value_name = "CUSTOMER")]
    customer: String,
    #[command(flatten)]
    once: Once,
    /// Refuse if the customer has moved on since this position
    #[arg(long, value_name = "POSITION")]
    expected_position: Option<String>,
}

/// What is done with one customer.
#[derive(Debug, Subcommand)]
pub enum Change {
    /// Record that he agreed
    Consent {
        #[command(flatten)]
        target: Target,
        /// To what
        #[arg(value_parser = kinds::purpose())]
        purpose: Purpose,
        /// The version of the text that he agreed to
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        text_version: u32,
        /// When he agreed [default: now]
        #[arg(long, value_name = "TIME", value_parser = parse::instant)]
        given_at: Option<prost_types::Timestamp>,
    },
    /// Record that he took a consent back; what was linked under it is unlinked
    Revoke {
        #[command(flatten)]
        target: Target,
        /// The consent
        consent: String,
    },
    /// Link another identity of the same person, who agreed to it
    Link {
        #[command(flatten)]
        target: Target,
        /// The other identity, or a case of its
        #[arg(value_name = "OTHER")]
        other: String,
        /// The consent to link profiles that one of the two has given
        #[arg(long)]
        consent: String,
    },
    /// Record that he wants no more of something
    OptOut {
        #[command(flatten)]
        target: Target,
        /// Of what
        #[arg(value_parser = kinds::purpose())]
        purpose: Purpose,
    },
    /// Record that he wants it again
    OptIn {
        #[command(flatten)]
        target: Target,
        /// What
        #[arg(value_parser = kinds::purpose())]
        purpose: Purpose,
    },
}

/// A request about the customer of `$target`, sent.
macro_rules! about {
    ($client:expr, $target:expr, $request:ident { $($field:tt)* }) => {{
        let Target { customer, once, expected_position } = $target;
        let command_id = once.id();
        let request = $request {
            command_id: command_id.clone(),
            customer: super::identity($client, customer).await?,
            expected_position: expected_position.unwrap_or_default(),
            $($field)*
        };
        send($client, &command_id, request).await
    }};
}

/// Sends the command and tells what came of it.
pub async fn run(change: Change, context: &Context) -> Result<(), Failure> {
    let client = &context.client()?;
    let answer = match change {
        Change::Consent { target, purpose, text_version, given_at } => {
            about!(client, target, GiveConsentRequest { purpose: purpose.into(), text_version, given_at })
        }
        Change::Revoke { target, consent } => {
            about!(client, target, RevokeConsentRequest { consent_id: consent })
        }
        Change::Link { target, other, consent } => {
            let identity = super::identity(client, other).await?;
            about!(client, target, LinkIdentityRequest { identity, consent_id: consent })
        }
        Change::OptOut { target, purpose } => {
            about!(client, target, OptOutRequest { purpose: purpose.into() })
        }
        Change::OptIn { target, purpose } => {
            about!(client, target, OptInRequest { purpose: purpose.into() })
        }
    };
    context.out.print(&document(&answer?))
}

async fn send<R>(client: &Client, command_id: &str, request: R) -> Result<CustomerCommandResponse, Failure>
where
    R: Request<Answer = CustomerCommandResponse>,
{
    client.call(request).await.map_err(|failure| failure.next_if_unavailable(|| again(command_id)))
}

fn document(answer: &CustomerCommandResponse) -> Document {
    let mut table = Table::new(&["CUSTOMER", "CHANGED", "POSITION", "CREATED ID"]);
    table.push(vec![
        Cell::text(&answer.customer),
        Cell::text(answer.changed.to_string()),
        Cell::text(&answer.position),
        Cell::text(&answer.created_id),
    ]);
    let done = match (answer.changed, answer.created_id.as_str()) {
        (false, _) => "nothing to do".to_owned(),
        (true, "") => "done".to_owned(),
        (true, created) => format!("done, {created}"),
    };
    let text = format!("{}: {done} (position {})", answer.customer, answer.position);
    let human = escape::for_terminal(&text, escape::Lines::One).into_owned() + "\n";
    Document::one(json::value(answer), &answer.customer, table).human(human)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_what_was_created() {
        let answer = CustomerCommandResponse {
            position: "par.1.7".to_owned(),
            changed: true,
            customer: "mail_0f".to_owned(),
            created_id: "c1".to_owned(),
        };
        let told = document(&answer);
        assert_eq!(told.human.as_deref(), Some("mail_0f: done, c1 (position par.1.7)\n"));
        assert_eq!(told.table.tsv(false, false), "mail_0f\ttrue\tpar.1.7\tc1\n");
        assert_eq!(told.names, ["mail_0f"]);
    }
}
