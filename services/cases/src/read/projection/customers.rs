//! Customers as rows, and what an erasure takes away.

use std::collections::BTreeMap;

use domain::customer::{self, Identity};
use eventlog::Position;
use service::{
    projection::Error,
    store::{Sql, Tx, Value},
};

use crate::read::{
    item::{Body, Item},
    rows::{IDENTITIES, IdentityRow, plain},
};

const LINKED: &str = "insert into identity_link (identity, customer) values ($1, $2) on conflict do nothing";

/// Names of people, and who is linked to whom.
pub async fn apply(tx: &mut Tx, items: &[(Position, Item)]) -> Result<(), Error> {
    let mut rows = BTreeMap::new();
    for (_, item) in items {
        let Body::Customer(envelope) = &item.body else { continue };
        let opened = item.opened::<customer::Event>();
        for event in opened.as_ref().unwrap_or(&envelope.events) {
            match event {
                customer::Event::IdentityAdded { identity, .. }
                | customer::Event::IdentityDescribed { identity, .. } => {
                    rows.insert(identity.id.to_string(), row(identity));
                }
                customer::Event::IdentityLinked { identity, .. } => {
                    tx.execute(LINKED, &[identity.id.as_str().into(), item.stream.id().into()]).await?;
                    // Somebody whom we know already: how he is called stands in his own stream.
                    if identity.name.is_some() || identity.handle.is_some() {
                        rows.insert(identity.id.to_string(), row(identity));
                    }
                }
                // The row of the link stays: at an earlier time it holds.
                customer::Event::IdentityUnlinked { .. }
                | customer::Event::ConsentGiven { .. }
                | customer::Event::ConsentRevoked { .. }
                | customer::Event::OptedOut { .. }
                | customer::Event::OptedIn { .. }
                | customer::Event::Erased { .. } => {}
            }
        }
    }
    Ok(IDENTITIES.write(tx, &rows.into_values().collect::<Vec<_>>()).await?)
}

fn row(identity: &Identity) -> IdentityRow {
    IdentityRow {
        id: identity.id.to_string(),
        name: plain(identity.name.as_ref()),
        handle: plain(identity.handle.as_ref()),
    }
}

/// Whether an entry erases somebody.
pub fn erases(item: &Item) -> bool {
    erased(item).next().is_some()
}

/// The identities that an entry erases.
pub fn erased(item: &Item) -> impl Iterator<Item = String> {
    let events = match &item.body {
        Body::Customer(envelope) => &envelope.events[..],
        Body::Case(_) | Body::Message(_) | Body::Links(_) => &[],
    };
    let identities = events.iter().filter_map(|event| match event {
        customer::Event::Erased { identities, .. } => Some(identities),
        _ => None,
    });
    identities.flatten().map(ToString::to_string)
}

/// Forgets in plain text what is sealed under these identities' keys.
pub async fn purge(tx: &mut Tx, erased: &[String]) -> Result<(), Error> {
    let list = [Value::from(serde_json::json!(erased).to_string())];
    for sql in [
        Sql {
            sqlite: "update message set author_name = null, author_handle = null, subject = null, text = null \
                     where owner in (select value from json_each($1))",
            postgres: "update message set author_name = null, author_handle = null, subject = null, text = null \
                       where owner in (select jsonb_array_elements_text($1::jsonb))",
        },
        Sql {
            sqlite: "update identity set name = null, handle = null where id in (select value from json_each($1))",
            postgres: "update identity set name = null, handle = null \
                       where id in (select jsonb_array_elements_text($1::jsonb))",
        },
        Sql {
            sqlite: "update case_row set title = null where title_owner in (select value from json_each($1))",
            postgres: "update case_row set title = null \
                       where title_owner in (select jsonb_array_elements_text($1::jsonb))",
        },
        Sql {
            sqlite: "delete from said where owner in (select value from json_each($1))",
            postgres: "delete from said where owner in (select jsonb_array_elements_text($1::jsonb))",
        },
    ] {
        tx.execute(sql, &list).await?;
    }
    Ok(())
}
