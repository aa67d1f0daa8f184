//! Who may do what here.

use domain::policy::organisation::Role;
use service::{Error, auth::Principal};

use crate::account::Accounts;

/// Roles that may submit messages, read the ledger and handle dead letters.
const ROLES: [Role; 2] = [Role::Integrator, Role::Administrator];

/// Whether the caller may submit messages.
pub(crate) fn may_submit(accounts: &dyn Accounts, principal: &Principal) -> Result<(), Error> {
    granted(accounts, principal, "submit messages")
}

/// Whether the caller may read the ledger.
pub(crate) fn may_read_ledger(accounts: &dyn Accounts, principal: &Principal) -> Result<(), Error> {
    granted(accounts, principal, "read the ledger")
}

/// Whether the caller may see, take again and give up dead letters.
pub(crate) fn may_handle_dead_letters(accounts: &dyn Accounts, principal: &Principal) -> Result<(), Error> {
    granted(accounts, principal, "handle dead letters")
}

fn granted(accounts: &dyn Accounts, principal: &Principal, what: &str) -> Result<(), Error> {
    let roles = accounts.roles(principal);
    if ROLES.iter().any(|role| roles.contains(role)) {
        return Ok(());
    }
    Err(Error::Denied(format!(
        "to {what} takes the role integrator or administrator; ask an administrator for one"
    )))
}
