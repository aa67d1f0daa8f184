//! Who is who: the identities of one person, and how the person is called.

use std::collections::BTreeSet;

use domain::{
    customer,
    ids::{CustomerId, IdentityId},
};
use eventlog::StreamId;
use futures_util::TryStreamExt;
use service::Error;

use super::{
    item::{self, Body, Item},
    one::Until,
    rows::plain,
};
use crate::core::{Core, bad_name};

impl Core {
    /// Whether two identities are of one person: the same, or linked with the person's consent. What no consent links is
    /// of two people, whoever may know better.
    pub async fn same_person(&self, one: &IdentityId, other: &IdentityId) -> Result<bool, Error> {
        Ok(one == other
            || self.identities_of(one).await?.contains(other)
            || self.identities_of(other).await?.contains(one))
    }

    /// An identity, and all that are linked with it.
    pub async fn identities_of(&self, identity: &IdentityId) -> Result<BTreeSet<IdentityId>, Error> {
        let mut all = BTreeSet::from([identity.clone()]);
        let own = self.customers.stream(CustomerId::first_met(identity)).map_err(bad_name)?;
        for stream in [own].into_iter().chain(self.linked_to(identity).await?) {
            let known = self.customers.load::<customer::Error>(&stream).await?.state.identities;
            if known.contains_key(identity) {
                all.extend(known.into_keys());
            }
        }
        Ok(all)
    }

    /// The customers to whom an identity was ever linked. The read model knows them; whether it still is, the log says.
    pub async fn linked_to(&self, identity: &IdentityId) -> Result<Vec<StreamId>, Error> {
        let sql = "select customer from identity_link where identity = $1 order by customer";
        let rows = self.models.current().store.query(sql, &[identity.as_str().into()]).await?;
        let streams = rows.iter().filter_map(|row| row.text(0)).map(|id| self.customers.stream(id));
        streams.collect::<Result<_, _>>().map_err(bad_name)
    }

    /// How a person was called at some time, as the channel says it; nothing if that is not known, or erased.
    pub async fn name_of(&self, identity: &IdentityId, until: Until) -> Result<Option<String>, Error> {
        let stream: StreamId = self.customers.stream(CustomerId::first_met(identity)).map_err(bad_name)?;
        let entries: Vec<_> = self.shell.log.read(&stream).try_collect().await?;
        let readable = entries.iter().filter_map(|entry| Some((entry.position, Item::read(entry).ok()?)));
        let (positions, mut items): (Vec<_>, Vec<_>) = readable.unzip();
        item::open(&self.shell.vault, &mut items)
            .await
            .map_err(|error| Error::Unavailable(error.to_string()))?;
        let mut name = None;
        for (position, item) in positions.into_iter().zip(&items) {
            let Body::Customer(envelope) = &item.body else { continue };
            if until.keeps(position, envelope) {
                let opened = item.opened::<customer::Event>();
                let events = opened.as_ref().unwrap_or(&envelope.events);
                name = events.iter().filter_map(|event| called(event, identity)).next_back().unwrap_or(name);
            }
        }
        Ok(name)
    }
}

/// How an event says that a person is called, if it says anything of that.
fn called(event: &customer::Event, identity: &IdentityId) -> Option<Option<String>> {
    match event {
        customer::Event::IdentityAdded { identity: described, .. }
        | customer::Event::IdentityLinked { identity: described, .. }
        | customer::Event::IdentityDescribed { identity: described, .. } => (described.id == *identity)
            .then(|| plain(described.name.as_ref()).or_else(|| plain(described.handle.as_ref()))),
        customer::Event::IdentityUnlinked { .. }
        | customer::Event::ConsentGiven { .. }
        | customer::Event::ConsentRevoked { .. }
        | customer::Event::OptedOut { .. }
        | customer::Event::OptedIn { .. }
        | customer::Event::Erased { .. } => None,
    }
}
