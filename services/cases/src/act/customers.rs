//! What customers say of themselves: consents, opt-outs, and who else they are.
//!
//! What a person says is recorded in the stream of the identity that said it. A link stands where the consent to it does:
//! so the consent is taken back, and what it linked is unlinked, in one entry.

use domain::{
    customer::{self, Action, Consent, Identity},
    ids::{ConsentId, CustomerId, IdentityId},
    time::Timestamp,
};
use eventlog::Position;
use proto::cases::v1 as pb;
use service::{
    Error,
    transact::{Aggregate, Meta, Outcome},
};
use uuid::Uuid;

use super::{actions::WORKERS, fields as f, no::No};
use crate::core::{Caller, Core, bad_name, commands};

/// What became of a command on a customer, and to which identity it was sent.
pub type Said = (IdentityId, Outcome<customer::State>);

/// A request about one customer.
pub trait Request: prost::Message + Clone + Default {
    /// The method's name: the same id for another method is another command.
    const METHOD: &'static str;
    /// Makes a retry harmless.
    fn command_id(&self) -> &str;
    /// The customer, by one of his identities.
    fn customer(&self) -> &str;
    /// The version that the caller insists on.
    fn expected_position(&self) -> &str;
}

macro_rules! requests {
    ($($request:ident),* $(,)?) => {$(
        impl Request for pb::$request {
            const METHOD: &'static str = stringify!($request);

            fn command_id(&self) -> &str {
                &self.command_id
            }

            fn customer(&self) -> &str {
                &self.customer
            }

            fn expected_position(&self) -> &str {
                &self.expected_position
            }
        }
    )*};
}

requests!(GiveConsentRequest, RevokeConsentRequest, LinkIdentityRequest, OptOutRequest, OptInRequest);

/// A request that needs nothing else to be looked up.
pub trait Say: Request {
    /// What is to be done. Errors name the field of the request.
    fn action(&self, identity: &IdentityId, command_id: Uuid, at: Timestamp) -> Result<Action, Error>;
}

impl Say for pb::GiveConsentRequest {
    fn action(&self, identity: &IdentityId, command_id: Uuid, at: Timestamp) -> Result<Action, Error> {
        let given_at = self.given_at.as_ref().map(|given| f::instant("given_at", given)).transpose()?;
        if given_at.is_some_and(|given| given > at) {
            return Err(Error::field("given_at", "is in the future; leave it out for the present"));
        }
        if self.text_version == 0 {
            return Err(Error::field("text_version", "must be 1 or more"));
        }
        Ok(Action::GiveConsent(Consent {
            id: consent_id(command_id, identity),
            identity: identity.clone(),
            purpose: f::purpose("purpose", self.purpose)?,
            text_version: self.text_version,
            given_at: given_at.unwrap_or(at),
        }))
    }
}

/// The consent that a command records: under the same id, that of another identity is another one.
pub fn consent_id(command_id: Uuid, identity: &IdentityId) -> ConsentId {
    ConsentId::derive(command_id, &format!("consent of {identity}"))
}

impl Say for pb::RevokeConsentRequest {
    fn action(&self, _: &IdentityId, _: Uuid, _: Timestamp) -> Result<Action, Error> {
        Ok(Action::RevokeConsent { consent: ConsentId(f::uuid("consent_id", &self.consent_id)?) })
    }
}

impl Say for pb::OptOutRequest {
    fn action(&self, identity: &IdentityId, _: Uuid, _: Timestamp) -> Result<Action, Error> {
        Ok(Action::OptOut { identity: identity.clone(), purpose: f::purpose("purpose", self.purpose)? })
    }
}

impl Say for pb::OptInRequest {
    fn action(&self, identity: &IdentityId, _: Uuid, _: Timestamp) -> Result<Action, Error> {
        Ok(Action::OptIn { identity: identity.clone(), purpose: f::purpose("purpose", self.purpose)? })
    }
}

impl Core {
    /// Records what a customer said.
    pub async fn say<R: Say>(&self, caller: &Caller, request: &R) -> Result<Said, Error> {
        let (identity, meta) = self.asked(caller, request).await?;
        let action = |at| request.action(&identity, meta.command_id, at).map_err(No::Other);
        let outcome = self.decide_customer(caller, &identity, &meta, action).await?;
        Ok((identity, outcome))
    }

    /// Links two identities of one person, where the one of them is that has agreed to it.
    pub async fn link_identity(
        &self,
        caller: &Caller,
        request: &pb::LinkIdentityRequest,
    ) -> Result<Said, Error> {
        let (identity, meta) = self.asked(caller, request).await?;
        let other: IdentityId = f::required("identity", &request.identity)?;
        let consent = ConsentId(f::uuid("consent_id", &request.consent_id)?);
        if other == identity {
            return Err(Error::field("identity", "is the customer's own; name another one"));
        }
        let nobody = |_| Error::field("identity", "there is no such customer");
        self.must_see_customer(caller, &other).await.map_err(nobody)?;
        let one = self.met(&identity).await?;
        let another = self.met(&other).await.map_err(nobody)?;
        let (holder, linked, state) = if another.consents.contains_key(&consent) {
            (&other, &identity, one)
        } else {
            (&identity, &other, another)
        };
        let link = |_| {
            if state.erased_at.is_some() {
                return Err(customer::Error::Erased.into());
            }
            let known = state.identities.get(linked).ok_or(customer::Error::UnknownIdentity)?;
            let identity = Identity {
                id: linked.clone(),
                account: known.account.clone(),
                channel: known.channel.clone(),
                // They stand in its own stream, under its own key.
                name: None,
                handle: None,
                address: None,
            };
            Ok(Action::LinkIdentity { identity: Box::new(identity), consent })
        };
        let outcome = self.decide_customer(caller, holder, &meta, link).await?;
        Ok((identity, outcome))
    }

    /// The identity that a command is sent to, which the caller must see, and why and by whom.
    async fn asked<R: Request>(&self, caller: &Caller, request: &R) -> Result<(IdentityId, Meta), Error> {
        caller.access.need(WORKERS, "this command")?;
        let identity: IdentityId = f::required("customer", request.customer())?;
        let command_id = f::uuid("command_id", request.command_id())?;
        let mut meta = self.meta(caller, command_id, R::METHOD, &request.encode_to_vec());
        meta.expected = self.shell.position("expected_position", request.expected_position())?;
        self.must_see_customer(caller, &identity).await?;
        let account = identity.account().parse().ok();
        let account = account.and_then(|account| caller.policy.state.set().account(&account));
        meta.region = account.map(|account| account.region.to_string());
        Ok((identity, meta))
    }

    async fn decide_customer(
        &self,
        caller: &Caller,
        identity: &IdentityId,
        meta: &Meta,
        action: impl Fn(Timestamp) -> Result<Action, No> + Send + Sync,
    ) -> Result<Outcome<customer::State>, Error> {
        let stream = self.customers.stream(CustomerId::first_met(identity)).map_err(bad_name)?;
        let bare = self.only_spoken_of(caller, identity);
        let make = |known: &Aggregate<customer::State>, at| {
            let action = action(at)?;
            if known.version > Position::NONE {
                return Ok(commands(at, &caller.actor, vec![action]));
            }
            // Who has said nothing yet refuses nothing.
            if matches!(action, Action::OptIn { .. }) {
                return Ok(Vec::new());
            }
            let first = Action::AddIdentity(Box::new(bare.clone().ok_or(customer::Error::Unknown)?));
            Ok(commands(at, &caller.actor, vec![first, action]))
        };
        Ok(self.customers.execute::<No>(&stream, meta, make).await?)
    }

    /// Somebody who has not written to us: he is named by cases that we opened, on an account of ours.
    pub fn only_spoken_of(&self, caller: &Caller, identity: &IdentityId) -> Option<Identity> {
        let account = identity.account().parse().ok()?;
        let channel = caller.policy.state.set().account(&account)?.channel.clone();
        Some(Identity { id: identity.clone(), account, channel, name: None, handle: None, address: None })
    }

    /// What the log knows of somebody whom we have met.
    async fn met(&self, identity: &IdentityId) -> Result<customer::State, Error> {
        let stream = self.customers.stream(CustomerId::first_met(identity)).map_err(bad_name)?;
        let known = self.customers.load::<customer::Error>(&stream).await?.state;
        if known.identities.contains_key(identity) {
            return Ok(known);
        }
        Err(Error::NotFound { what: "customer" })
    }
}
