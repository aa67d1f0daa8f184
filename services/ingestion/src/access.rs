//! Who may do what here.

use service::{Error, auth::Principal};

/// Roles that may submit messages and read the ledger.
const ROLES: [&str; 2] = ["integrator", "administrator"];

/// Whether the caller may submit messages.
pub(crate) fn may_submit(principal: &Principal) -> Result<(), Error> {
    granted(principal, "submit messages")
}

/// Whether the caller may read the ledger.
pub(crate) fn may_read_ledger(principal: &Principal) -> Result<(), Error> {
    granted(principal, "read the ledger")
}

fn granted(principal: &Principal, what: &str) -> Result<(), Error> {
    if principal.roles.iter().any(|role| ROLES.contains(&role.as_str())) {
        return Ok(());
    }
    let roles = ROLES.join(" or ");
    Err(Error::Denied(format!("to {what} takes the role {roles}; ask an administrator for one")))
}
