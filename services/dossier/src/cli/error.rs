//! How a command ends when it does not end well: what, why, the next command, and the exit code that scripts act on.

use std::{collections::HashMap, error::Error as _, io, process::ExitCode};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// Where a failure that this side found names its own remedy.
const NEXT: &str = "next";
/// Where the server names what it did not find.
const WHAT: &str = "what";
/// What stands before the stable reason of a server's refusal.
const REASON: &str = "reason ";

/// The exit codes, as the contract has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Failed in a way that no other code names.
    Failed = 1,
    /// Wrong usage or invalid input.
    Invalid = 2,
    /// Not allowed, or nobody knows who asks.
    NotAllowed = 3,
    /// Not there, or not for this caller.
    NotFound = 4,
    /// A conflict, or refused by a rule.
    Refused = 5,
    /// Away or too slow: worth a retry.
    Unavailable = 6,
    /// By Ctrl-C.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A command that was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// How the process ends.
    pub exit: Exit,
    /// What was not done; empty if there is nothing left to say.
    pub what: String,
    /// Why: fields, the stable reason, what the system said.
    pub why: Vec<String>,
    /// What to do now.
    pub next: Option<String>,
}

impl Failure {
    /// Ends with `exit` because of `what`.
    pub fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self { exit, what: what.into(), why: Vec::new(), next: None }
    }

    /// Wrong usage or input.
    pub fn invalid(what: impl Into<String>) -> Self {
        Self::new(Exit::Invalid, what)
    }

    /// Ends with `exit`; what there was to say has been said.
    pub fn said(exit: Exit) -> Self {
        Self::new(exit, "")
    }

    /// Adds a reason.
    #[must_use]
    pub fn because(mut self, why: impl Into<String>) -> Self {
        self.why.push(why.into());
        self
    }

    /// Adds what to do now.
    #[must_use]
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    /// The same with a remedy that outranks the general one, if there was any failure worth a retry.
    #[must_use]
    pub fn next_if_unavailable(self, next: impl FnOnce() -> String) -> Self {
        if self.exit == Exit::Unavailable { self.next(next()) } else { self }
    }
}

impl Failure {
    /// Whether the server gave this stable reason.
    pub fn has_reason(&self, reason: &str) -> bool {
        self.why.iter().any(|why| why.strip_prefix(REASON) == Some(reason))
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let reason = details.error_info().map(|info| info.reason.clone()).unwrap_or_default();
        let code = if is_away(&status) { Code::Unavailable } else { status.code() };
        let exit = if reason == "COMMAND_ID_REUSED" { Exit::Refused } else { exit_of(code) };
        let mut failure = Self::new(exit, what_of(code, &status));
        if let Some(bad) = details.bad_request() {
            // The message of such an error is its fields strung together.
            if !bad.field_violations.is_empty() {
                failure.what = "the request is not valid".to_owned();
            }
            for violation in &bad.field_violations {
                failure.why.push(format!("{}: {}", violation.field, violation.description));
            }
        }
        failure.why.extend(cause(&status));
        if !reason.is_empty() {
            failure.why.push(format!("{REASON}{reason}"));
        }
        if let Some(trace) = ["x-request-id", "traceparent"].iter().find_map(|name| header(&status, name)) {
            failure.why.push(format!("trace {trace}"));
        }
        let told = |name: &str| details.error_info().and_then(|info| info.metadata.get(name)).cloned();
        let next = || next_of(code, &reason, &told(WHAT).unwrap_or_default()).map(str::to_owned);
        failure.next = told(NEXT).or_else(next);
        failure
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        // Whoever read the output has enough of it: `dossier … | head` is done, not failed.
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::said(Exit::Done);
        }
        Self::new(Exit::Failed, "the output cannot be written").because(error.to_string())
    }
}

/// The exit code of a gRPC code.
pub fn exit_of(code: Code) -> Exit {
    match code {
        Code::Ok => Exit::Done,
        Code::InvalidArgument | Code::OutOfRange => Exit::Invalid,
        Code::Unauthenticated | Code::PermissionDenied => Exit::NotAllowed,
        Code::NotFound => Exit::NotFound,
        Code::Aborted | Code::FailedPrecondition | Code::AlreadyExists => Exit::Refused,
        Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted => Exit::Unavailable,
        Code::Cancelled | Code::Unknown | Code::Unimplemented | Code::Internal | Code::DataLoss => {
            Exit::Failed
        }
    }
}

/// Whether the server is away, or the connection to it broke before it had answered. What a server says itself has no
/// source, and none of ours says "unknown" without a reason.
pub fn is_away(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable => true,
        Code::Unknown => status.get_details_error_info().is_none(),
        Code::Internal | Code::Cancelled => status.source().is_some(),
        _ => false,
    }
}

/// What a client says that has called the HTTP port: what to call instead is `next`.
pub fn http_port(what: String, next: String) -> Status {
    let mut details = ErrorDetails::new();
    details.set_error_info("HTTP_PORT", "dossier", HashMap::from([(NEXT.to_owned(), next)]));
    Status::with_error_details(Code::InvalidArgument, what, details)
}

fn what_of(code: Code, status: &Status) -> String {
    match code {
        Code::Unavailable if cause(status).is_some() && status.code() == code => {
            "the server cannot be reached".to_owned()
        }
        Code::Unavailable if status.code() != code => {
            "the connection to the server broke before it had answered".to_owned()
        }
        _ if status.message().is_empty() => format!("the server answered {}", status.code()),
        _ => status.message().to_owned(),
    }
}

/// What lies at the bottom of a broken connection; what is above it only says that there is something.
fn cause(status: &Status) -> Option<String> {
    let mut source = status.source()?;
    while let Some(inner) = source.source() {
        source = inner;
    }
    Some(source.to_string())
}

fn header(status: &Status, name: &str) -> Option<String> {
    status.metadata().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// The remedy. `what` is what was not found.
fn next_of(code: Code, reason: &str, what: &str) -> Option<&'static str> {
    Some(match (code, reason) {
        (_, "TOKEN_MISSING") => {
            "give a token with --token-file FILE or DOSSIER_TOKEN; beside `dossier up`, --data DIR finds it"
        }
        (_, "TOKEN_EXPIRED") => "get a new token; `dossier doctor` shows when one ends",
        (Code::Unauthenticated, _) => {
            "check the token with `dossier doctor`; `dossier config view --origin` shows where it comes from"
        }
        (Code::PermissionDenied, _) => "ask an administrator of your organisation for the role",
        (_, "STALE_REPLY") => {
            "read the newer message with `dossier case show CASE`; then reply with --seen MESSAGE or --override-stale"
        }
        (_, "STALE_POSITION") => {
            "see what changed with `dossier case history CASE`, then insist on the new position or on none"
        }
        (_, "REBUILDING") => "wait until it has ended; the read model answers meanwhile",
        (_, "COMMAND_ID_REUSED") => "leave --command-id out: it belongs to another command",
        (_, "STREAM_PARKED") => "upgrade the server, then `dossier doctor`: it names what is parked",
        (_, "CONTENTION") => "run the same command again",
        (Code::NotFound, _) => match what {
            "account" => "look with `dossier channel ls`; another team's account is not found either",
            "delivery" => "look with `dossier delivery ls`; that of another team's case is not found either",
            "agent" => "look with `dossier agent ls`; who is not in the policy as an agent is none",
            "queue" => "look with `dossier queue ls`; another team's queue is not found either",
            "decision" => {
                "`dossier explain CASE` explains the last one; a case that was never in a queue has none"
            }
            "dead letter" => "look with `dossier hook ls`",
            "customer" => "`dossier case show CASE` names the customer of a case",
            "case" | "message" | "attachment" => {
                "look with `dossier case ls`; another team's case is not found either"
            }
            _ => "look at what you named: what only another team sees is not found either",
        },
        (Code::Unavailable, _) => {
            "run `dossier doctor`; is the server up, and --server right? `dossier up` starts one"
        }
        (Code::DeadlineExceeded, _) => "run it again, with a longer --timeout if need be",
        (Code::Unimplemented, _) => "the server is of another version, or does not have this role",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn every_code_has_the_exit_code_of_the_contract() {
        let table = [
            (Code::Ok, 0),
            (Code::Cancelled, 1),
            (Code::Unknown, 1),
            (Code::InvalidArgument, 2),
            (Code::DeadlineExceeded, 6),
            (Code::NotFound, 4),
            (Code::AlreadyExists, 5),
            (Code::PermissionDenied, 3),
            (Code::ResourceExhausted, 6),
            (Code::FailedPrecondition, 5),
            (Code::Aborted, 5),
            (Code::OutOfRange, 2),
            (Code::Unimplemented, 1),
            (Code::Internal, 1),
            (Code::Unavailable, 6),
            (Code::DataLoss, 1),
            (Code::Unauthenticated, 3),
        ];
        for (code, exit) in table {
            assert_eq!(exit_of(code) as u8, exit, "{code:?}");
        }
        assert_eq!(Exit::Interrupted as u8, 130);
    }

    #[test]
    fn the_details_are_told_by_field_and_reason() {
        let mut details = ErrorDetails::new();
        details.set_error_info("INVALID_FIELD", "dossier", HashMap::new());
        details.add_bad_request_violation("text", "must not be empty");
        details.add_bad_request_violation("case_id", "is not a case");
        let status =
            Status::with_error_details(Code::InvalidArgument, "text: must not be empty; case_id: …", details);
        let failure = Failure::from(status);
        assert_eq!(failure.exit, Exit::Invalid);
        assert_eq!(failure.what, "the request is not valid");
        assert_eq!(
            failure.why,
            ["text: must not be empty", "case_id: is not a case", "reason INVALID_FIELD"]
        );
    }

    #[test]
    fn refusals_name_the_next_command() {
        let mut details = ErrorDetails::new();
        details.set_error_info("STALE_REPLY", "dossier", HashMap::new());
        let status = Status::with_error_details(Code::FailedPrecondition, "a newer message came", details);
        let failure = Failure::from(status);
        assert_eq!((failure.exit, failure.what.as_str()), (Exit::Refused, "a newer message came"));
        assert!(failure.next.is_some_and(|next| next.contains("--override-stale")));
        let bare = Failure::from(Status::not_found(""));
        assert_eq!(bare.what, "the server answered Some requested entity was not found");
    }

    #[test]
    fn a_connection_that_broke_is_worth_a_retry() {
        let broken = Status::from_error(Box::new(io::Error::from(io::ErrorKind::BrokenPipe)));
        assert_eq!(broken.code(), Code::Unknown, "so the client's library has it");
        let failure = Failure::from(broken);
        assert_eq!(failure.exit, Exit::Unavailable);
        assert_eq!(failure.what, "the connection to the server broke before it had answered");
        assert!(failure.next.is_some_and(|next| next.contains("dossier doctor")));
        assert_eq!(Failure::from(Status::internal("a bug")).exit, Exit::Failed, "the server said so itself");
        let mut details = ErrorDetails::new();
        details.set_error_info("ODD", "dossier", HashMap::new());
        let told = Status::with_error_details(Code::Unknown, "odd", details);
        assert_eq!(Failure::from(told).exit, Exit::Failed);
    }

    #[test]
    fn an_id_of_another_command_is_a_conflict() {
        let mut details = ErrorDetails::new();
        details.set_error_info("COMMAND_ID_REUSED", "dossier", HashMap::new());
        let status = Status::with_error_details(Code::InvalidArgument, "it is another's", details);
        assert_eq!(Failure::from(status).exit, Exit::Refused);
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(failure, Failure::said(Exit::Done));
        assert_eq!(Failure::from(io::Error::other("full")).exit, Exit::Failed);
    }
}
