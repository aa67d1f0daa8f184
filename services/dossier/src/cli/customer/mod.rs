//! `dossier customer …`: who a customer is, what he agreed to and what he refused.

mod change;
mod show;

use clap::Subcommand;
use domain::ids::IdentityId;
use proto::cases::v1::GetCaseRequest;

use super::{
    client::Client,
    context::Context,
    error::{Exit, Failure},
};

/// Customers
#[derive(Debug, Subcommand)]
#[command(before_help = "\
Examples:
  dossier customer show PAR-1042
  dossier customer consent PAR-1042 link-profiles --text-version 3
  dossier customer link PAR-1042 PAR-1040 --consent CONSENT
  dossier customer revoke PAR-1042 CONSENT
  dossier customer opt-out PAR-1042 survey

CUSTOMER is one of his identities, or the number or id of a case of his.")]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub enum CustomerCommand {
    /// His identities, what he agreed to, what he refused, and his cases
    Show(show::ShowArgs),
    #[command(flatten)]
    Change(change::Change),
}

impl CustomerCommand {
    /// Does it.
    pub async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Show(args) => show::run(args, context).await,
            Self::Change(change) => change::run(change, context).await,
        }
    }

    /// Whether `--as-of` and `--wait` mean something.
    pub fn is_query(&self) -> bool {
        match self {
            Self::Show(_) => true,
            Self::Change(_) => false,
        }
    }
}

/// The identity that is meant: itself, or that of the case's customer.
async fn identity(client: &Client, named: String) -> Result<String, Failure> {
    if named.parse::<IdentityId>().is_ok() {
        return Ok(named);
    }
    let answer = client.call(GetCaseRequest { case_id: named, ..GetCaseRequest::default() }).await?;
    let customer = answer.case.unwrap_or_default().customer;
    if customer.is_empty() {
        return Err(Failure::new(Exit::NotFound, "the case has no customer"));
    }
    Ok(customer)
}
