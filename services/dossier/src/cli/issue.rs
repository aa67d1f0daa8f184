//! `dossier token PERSON`: a token for somebody, made with the key in the data folder of `dossier up`.

use std::path::Path;

use clap::{Args, ValueEnum, builder::PossibleValuesParser};
use domain::ids::ActorId;
use dossier::up;
use service::auth::PrincipalKind;

use super::{
    context::Context,
    error::{Exit, Failure},
};

/// What a token may grant, as the policy has it.
const ROLES: [&str; 7] =
    ["administrator", "supervisor", "agent", "guest", "analyst", "compliance", "integrator"];
/// The most days that a token is valid.
const DAYS_MAX: i64 = 3650;

/// Make a token for somebody, with the key in the data folder of `dossier up`. Whoever reads that folder may
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  dossier token hugo                                       with the roles that the policy gives him
  dossier token export --kind service --role integrator    for another system
  DOSSIER_TOKEN=$(dossier token hugo --days 1) dossier case ls --assignee me")]
pub struct TokenArgs {
    /// The person's id in the organisation, or the system's name
    person: ActorId,
    /// A role beside those of the policy; as often as needed
    #[arg(long, value_parser = PossibleValuesParser::new(ROLES))]
    role: Vec<String>,
    /// How long it is valid
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(i64).range(1..=DAYS_MAX))]
    days: i64,
    /// What carries it
    #[arg(long, value_enum, default_value = "human")]
    kind: Kind,
}

/// What carries a token.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// A person of the organisation
    Human,
    /// Another system
    Service,
}

/// Writes the token, and nothing else.
pub fn run(args: &TokenArgs, context: &Context) -> Result<(), Failure> {
    let folder = context.settings.get("data").unwrap_or_default();
    let roles: Vec<&str> = args.role.iter().map(String::as_str).collect();
    let kind = match args.kind {
        Kind::Human => PrincipalKind::Human,
        Kind::Service => PrincipalKind::Service,
    };
    let token = up::token(Path::new(folder), &args.person, kind, &roles, args.days).map_err(|error| {
        Failure::new(Exit::Failed, format!("no token can be made in {folder}")).because(error.to_string())
    })?;
    let token = token.ok_or_else(|| {
        Failure::new(Exit::NotFound, format!("there is no key in {folder} that tokens are made with"))
            .next("name the folder of a site with --data DIR; `dossier up` makes one")
    })?;
    context.out.write(&format!("{token}\n"))
}

#[cfg(test)]
mod tests {
    use domain::policy::organisation::Role;

    use super::*;

    #[test]
    fn every_role_is_one_of_the_policy() {
        for role in ROLES {
            assert!(serde_json::from_value::<Role>(role.into()).is_ok(), "{role}");
        }
    }
}
