//! One customer out of the log, as he is or as he was: an identity and those that are linked with it.

use std::{collections::BTreeSet, time::Duration};

use domain::{
    case,
    customer::Event,
    decider::Decider,
    ids::{CustomerId, IdentityId},
};
use eventlog::{Category, StreamId};
use futures_util::TryStreamExt;
use proto::cases::v1 as pb;
use service::{
    Error,
    store::{Row, Value},
};

use super::{
    item::{self, Body, Item},
    known::{Known, Told},
    one::Until,
    query::{Query, visible},
};
use crate::{
    act::fields as f,
    core::{Caller, Core, bad_name},
};

/// The most cases that are named with a customer.
const CASES_MAX: u32 = 200;
/// How long the case by which a customer is seen may be on its way into the read model.
const ON_ITS_WAY: Duration = Duration::from_millis(500);

impl Core {
    /// The customer of an identity, as far as the caller sees him.
    pub async fn customer(
        &self,
        caller: &Caller,
        request: &pb::GetCustomerRequest,
    ) -> Result<pb::GetCustomerResponse, Error> {
        let until = Until::parse(&self.shell, &request.as_of, request.occurred_as_of.as_ref()).await?;
        let identity: IdentityId = f::required("customer", &request.customer)?;
        self.must_see_customer(caller, &identity).await?;
        let mut known = Known::default();
        let stream = self.customers.stream(CustomerId::first_met(&identity)).map_err(bad_name)?;
        let mut own = self.tell_customer(&stream, until).await?;
        if own.described.is_empty() {
            let bare = self.only_spoken_of(caller, &identity);
            own.described.extend(bare.map(|bare| (identity.clone(), bare)));
        }
        known.links(&identity, &own);
        known.streams.push(own);
        for stream in self.linked_to(&identity).await? {
            let holder = self.tell_customer(&stream, until).await?;
            if holder.state.identities.contains_key(&identity) {
                known.links(&identity, &holder);
                known.streams.push(holder);
            }
        }
        for linked in known.linked.keys() {
            let stream = self.customers.stream(CustomerId::first_met(linked)).map_err(bad_name)?;
            if known.streams.iter().all(|told| told.stream != stream) {
                let told = self.tell_customer(&stream, until).await?;
                known.streams.push(told);
            }
        }
        let all: BTreeSet<_> = known.linked.keys().chain([&identity]).cloned().collect();
        let seen = self.seen_identities(caller, &all).await?;
        let position = self.shell.token(known.position());
        let cases = self.cases_of(caller, &seen).await?;
        let customer = pb::Customer { cases, ..known.view(&identity, &seen) };
        Ok(pb::GetCustomerResponse { customer: Some(customer), position })
    }

    /// Refuses a caller who sees no case in which the identity takes part. One that takes part in none is nobody's.
    pub async fn must_see_customer(&self, caller: &Caller, identity: &IdentityId) -> Result<(), Error> {
        let one = BTreeSet::from([identity.clone()]);
        if self.seen_identities(caller, &one).await?.contains(identity) {
            return Ok(());
        }
        let cases = Category::new(case::State::CATEGORY).map_err(bad_name)?;
        let last = self.shell.log.tail(&[cases]).await?;
        if self.models.current().wait_for(last, ON_ITS_WAY).await
            && self.seen_identities(caller, &one).await?.contains(identity)
        {
            return Ok(());
        }
        Err(Error::NotFound { what: "customer" })
    }

    /// Those of the identities that take part in a case that the caller sees.
    async fn seen_identities(
        &self,
        caller: &Caller,
        of: &BTreeSet<IdentityId>,
    ) -> Result<BTreeSet<IdentityId>, Error> {
        let rows = self.cases_with(caller, "select distinct ci.identity", of, "").await?;
        Ok(rows.iter().filter_map(|row| row.text(0)?.parse().ok()).collect())
    }

    async fn cases_of(
        &self,
        caller: &Caller,
        of: &BTreeSet<IdentityId>,
    ) -> Result<Vec<pb::customer::Case>, Error> {
        let latest = format!(" order by c.seq desc limit {CASES_MAX}");
        let rows = self.cases_with(caller, "select distinct c.seq, c.id", of, &latest).await?;
        let case =
            |row: &Row| pb::customer::Case { case_id: row.string(1), number: self.number(row.count(0)) };
        Ok(rows.iter().map(case).collect())
    }

    /// What is asked of the cases that the caller sees and in which one of the identities takes part.
    async fn cases_with(
        &self,
        caller: &Caller,
        select: &str,
        of: &BTreeSet<IdentityId>,
        order: &str,
    ) -> Result<Vec<Row>, Error> {
        let store = &self.models.current().store;
        let text = format!("{select} from case_identity ci join case_row c on c.id = ci.case_id where 1 = 1");
        let mut query = Query { text, binds: Vec::new(), sqlite: store.is_sqlite() };
        query.any("ci.identity", of.iter().map(|identity| Value::from(identity.as_str())).collect());
        visible(&mut query, &caller.access);
        query.text.push_str(order);
        Ok(store.query_built(query.text, &query.binds).await?)
    }

    /// What a stream tells up to then.
    async fn tell_customer(&self, stream: &StreamId, until: Until) -> Result<Told, Error> {
        let entries: Vec<_> = self.shell.log.read(stream).try_collect().await?;
        // One that cannot be read parks the stream: what comes after it is not known.
        let readable = entries.iter().map_while(|entry| Some((entry.position, Item::read(entry).ok()?)));
        let (positions, mut items): (Vec<_>, Vec<_>) = readable.unzip();
        let opened = item::open(&self.shell.vault, &mut items).await;
        opened.map_err(|error| Error::Unavailable(error.to_string()))?;
        let mut told = Told::of(stream.clone());
        for (position, item) in positions.into_iter().zip(&items) {
            let Body::Customer(envelope) = &item.body else { continue };
            if until.keeps(position, envelope) {
                let opened = item.opened::<Event>();
                told.tell(position, opened.as_ref().unwrap_or(&envelope.events));
            }
        }
        Ok(told)
    }
}
