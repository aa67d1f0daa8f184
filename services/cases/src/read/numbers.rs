//! What cases are called: a number is the position of the entry that opened the case, behind the site's prefix.

use std::{collections::HashMap, time::Duration};

use domain::ids::CaseId;
use eventlog::Position;
use service::{Error, store::Sql};

use crate::core::Core;

/// How long the entry that a number names may be on its way into the read model.
const ON_ITS_WAY: Duration = Duration::from_millis(500);

const BY_NUMBER: Sql = Sql {
    sqlite: "select seq, id from case_row where seq in (select value from json_each($1))",
    postgres: "select seq, id from case_row where seq in (select jsonb_array_elements_text($1::jsonb)::bigint)",
};

/// What a request calls a case.
enum Name {
    Id(CaseId),
    Number(u64),
}

impl Core {
    /// What a case is called.
    pub fn number(&self, seq: u64) -> String {
        format!("{}-{seq}", self.shell.number_prefix)
    }

    /// The case that a request names, by id or by number.
    pub async fn case_id(&self, field: &str, text: &str) -> Result<CaseId, Error> {
        self.case_ids(field, &[text]).await?.pop().unwrap_or(Err(Error::NotFound { what: "case" }))
    }

    /// The cases that a request names, each by id or by number, in its order. For all numbers there is one wait and one
    /// question.
    pub async fn case_ids(
        &self,
        field: &str,
        texts: &[impl AsRef<str>],
    ) -> Result<Vec<Result<CaseId, Error>>, Error> {
        let names: Vec<_> = texts.iter().map(|text| self.name(field, text.as_ref())).collect();
        let numbers = names.iter().filter_map(|name| match name {
            Ok(Name::Number(seq)) => Some(*seq),
            Ok(Name::Id(_)) | Err(_) => None,
        });
        let numbered = self.numbered(numbers.collect()).await?;
        let id = |name| match name {
            Name::Id(id) => Ok(id),
            Name::Number(seq) => numbered.get(&seq).copied().ok_or(Error::NotFound { what: "case" }),
        };
        Ok(names.into_iter().map(|name| name.and_then(id)).collect())
    }

    fn name(&self, field: &str, text: &str) -> Result<Name, Error> {
        if let Ok(id) = text.parse() {
            return Ok(Name::Id(id));
        }
        let prefix = &*self.shell.number_prefix;
        let number = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-'));
        let number = number.and_then(|number| number.parse().ok());
        number.map(Name::Number).ok_or_else(|| {
            Error::field(field, format!("must be a case's UUID or its number, as {prefix}-1042"))
        })
    }

    async fn numbered(&self, mut numbers: Vec<u64>) -> Result<HashMap<u64, CaseId>, Error> {
        // Neither log nor store counts further.
        numbers.retain(|seq| i64::try_from(*seq).is_ok());
        let Some(latest) = numbers.iter().max() else { return Ok(HashMap::new()) };
        let model = self.models.current();
        // A number is a position: its case can be found as soon as that is applied.
        if !model.wait_for(Position(*latest), ON_ITS_WAY).await {
            tracing::debug!("a number of a case that is not in the read model yet, or never was");
        }
        let rows = model.store.query(BY_NUMBER, &[serde_json::json!(numbers).to_string().into()]).await?;
        Ok(rows.iter().filter_map(|row| Some((row.count(0), row.text(1)?.parse().ok()?))).collect())
    }
}
