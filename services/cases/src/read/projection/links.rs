//! Links as rows.

use domain::links;
use eventlog::Position;
use service::{projection::Error, store::Tx};

use crate::read::item::{Body, Item};

/// How cases relate.
pub async fn apply(tx: &mut Tx, items: &[(Position, Item)]) -> Result<(), Error> {
    for (_, item) in items {
        let Body::Links(envelope) = &item.body else { continue };
        for event in &envelope.events {
            let (sql, kind, from, to) = match event {
                links::Event::Linked { kind, from, to, .. } => (
                    "insert into link (kind, from_case, to_case) values ($1, $2, $3) on conflict do nothing",
                    kind,
                    from,
                    to,
                ),
                links::Event::Unlinked { kind, from, to, .. } => {
                    ("delete from link where kind = $1 and from_case = $2 and to_case = $3", kind, from, to)
                }
                links::Event::Merged { .. } | links::Event::Unmerged { .. } => continue,
            };
            tx.execute(sql, &[kind.as_str().into(), from.to_string().into(), to.to_string().into()]).await?;
        }
    }
    Ok(())
}
