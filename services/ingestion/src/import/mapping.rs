//! Which column of a CSV is which field of a record.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::near::{did_you_mean, near};
use super::record::limits::{FIELD_NAME_MAX, FIELDS_MAX};

/// The keys that name one field each, and whether a file must have them.
const KEYS: [(&str, bool); 11] = [
    ("external_id", true),
    ("text", true),
    ("author", true),
    ("sent_at", true),
    ("reply_to", false),
    ("inbound", false),
    ("name", false),
    ("handle", false),
    ("subject", false),
    ("language", false),
    ("recipient", false),
];

/// A key that begins so maps a custom field: `field.sentiment=airline_sentiment`.
const FIELD_PREFIX: &str = "field.";

/// `KEY=COLUMN,KEY=COLUMN,…`, with the keys `external_id text author sent_at` (always needed), `reply_to inbound
/// name handle subject language recipient`, and `field.<name>` for custom fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    columns: BTreeMap<String, String>,
    integer_parents: bool,
}

/// Mappings of files that are widely known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// "Customer Support on Twitter": both directions, parents written as `3.0`.
    Twcs,
    /// "Twitter US Airline Sentiment": inbound only, labels as custom fields.
    Airline,
}

/// Why a mapping cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// A part that is not `KEY=COLUMN`.
    #[error("`{part}` is not KEY=COLUMN")]
    NotAPair {
        /// The part.
        part: String,
    },
    /// A key that maps to nothing.
    #[error("`{key}` is not a key of the mapping{}", did_you_mean(near))]
    UnknownKey {
        /// The key.
        key: String,
        /// Keys that look like it.
        near: Vec<String>,
    },
    /// A key that is there twice.
    #[error("`{key}` is mapped twice")]
    Doubled {
        /// The key.
        key: String,
    },
    /// A key without which there is no message.
    #[error("the mapping has no column for `{key}`: add {key}=COLUMN")]
    Unmapped {
        /// The key.
        key: &'static str,
    },
    /// More custom fields than one message may have.
    #[error("the mapping has more than {FIELDS_MAX} custom fields")]
    TooManyFields,
    /// A column that the header row does not have.
    #[error("the file has no column `{column}` for `{key}`{}", did_you_mean(near))]
    UnknownColumn {
        /// The key that wants it.
        key: String,
        /// The column.
        column: String,
        /// Columns that look like it.
        near: Vec<String>,
    },
    /// A column that the header row has more than once.
    #[error("the file has the column `{column}` more than once: rename one of them")]
    DoubledColumn {
        /// The column.
        column: String,
    },
    /// A preset that does not exist.
    #[error("`{name}` is not a preset: choose twcs or airline")]
    UnknownPreset {
        /// Its name.
        name: String,
    },
}

impl Mapping {
    /// The same mapping with the columns of `other` where it names them.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.columns.extend(other.columns);
        self
    }

    /// Finds the columns in a header row.
    pub(super) fn resolve(&self, header: &[String]) -> Result<Columns, MappingError> {
        for (key, required) in KEYS {
            if required && !self.columns.contains_key(key) {
                return Err(MappingError::Unmapped { key });
            }
        }
        let mut columns =
            Columns { width: header.len(), integer_parents: self.integer_parents, ..Columns::default() };
        for (key, column) in &self.columns {
            let mut found = header.iter().enumerate().filter(|(_, name)| name.trim() == column);
            let Some((index, _)) = found.next() else {
                let near = near(column, header.iter().map(|name| name.trim()));
                return Err(MappingError::UnknownColumn { key: key.clone(), column: column.clone(), near });
            };
            if found.next().is_some() {
                return Err(MappingError::DoubledColumn { column: column.clone() });
            }
            columns.set(key, index);
        }
        Ok(columns)
    }

    /// The mapping of a file whose columns have the names of the keys.
    pub(super) fn of_own_names(header: &[String]) -> Self {
        let own = header.iter().map(|name| name.trim()).filter(|name| known(name));
        let mut columns: BTreeMap<_, _> = own.map(|name| (name.to_owned(), name.to_owned())).collect();
        // A required column that is not there is looked for all the same, so that the error names it and its likes.
        for (key, _) in KEYS.iter().filter(|(_, required)| *required) {
            columns.entry((*key).to_owned()).or_insert_with(|| (*key).to_owned());
        }
        Self { columns, integer_parents: false }
    }
}

impl FromStr for Mapping {
    type Err = MappingError;

    fn from_str(text: &str) -> Result<Self, MappingError> {
        let mut columns = BTreeMap::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let pair = part.split_once('=').map(|(key, column)| (key.trim(), column.trim()));
            let Some((key, column)) = pair.filter(|(key, column)| !key.is_empty() && !column.is_empty())
            else {
                return Err(MappingError::NotAPair { part: part.to_owned() });
            };
            if !known(key) {
                let near = near(key, KEYS.iter().map(|(key, _)| *key));
                return Err(MappingError::UnknownKey { key: key.to_owned(), near });
            }
            if columns.insert(key.to_owned(), column.to_owned()).is_some() {
                return Err(MappingError::Doubled { key: key.to_owned() });
            }
        }
        if columns.keys().filter(|key| key.starts_with(FIELD_PREFIX)).count() > FIELDS_MAX {
            return Err(MappingError::TooManyFields);
        }
        Ok(Self { columns, integer_parents: false })
    }
}

impl Preset {
    /// The mapping that it stands for.
    pub fn mapping(self) -> Mapping {
        let (columns, integer_parents): (&[(&str, &str)], bool) = match self {
            Self::Twcs => (
                &[
                    ("external_id", "tweet_id"),
                    ("author", "author_id"),
                    ("inbound", "inbound"),
                    ("sent_at", "created_at"),
                    ("text", "text"),
                    ("reply_to", "in_response_to_tweet_id"),
                ],
                true,
            ),
            Self::Airline => (
                &[
                    ("external_id", "tweet_id"),
                    ("author", "name"),
                    ("handle", "name"),
                    ("text", "text"),
                    ("sent_at", "tweet_created"),
                    ("field.sentiment", "airline_sentiment"),
                    ("field.negativereason", "negativereason"),
                    ("field.airline", "airline"),
                ],
                false,
            ),
        };
        let columns = columns.iter().map(|&(key, column)| (key.to_owned(), column.to_owned())).collect();
        Mapping { columns, integer_parents }
    }
}

impl FromStr for Preset {
    type Err = MappingError;

    fn from_str(name: &str) -> Result<Self, MappingError> {
        match name {
            "twcs" => Ok(Self::Twcs),
            "airline" => Ok(Self::Airline),
            _ => Err(MappingError::UnknownPreset { name: name.to_owned() }),
        }
    }
}

/// Where in a row the fields are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) width: usize,
    pub(super) external_id: usize,
    pub(super) text: usize,
    pub(super) author: usize,
    pub(super) sent_at: usize,
    pub(super) reply_to: Option<usize>,
    pub(super) inbound: Option<usize>,
    pub(super) name: Option<usize>,
    pub(super) handle: Option<usize>,
    pub(super) subject: Option<usize>,
    pub(super) language: Option<usize>,
    pub(super) recipient: Option<usize>,
    pub(super) fields: Vec<(String, usize)>,
    /// Parents may be written as `3.0`, because a column with gaps was once a column of floats.
    pub(super) integer_parents: bool,
}

impl Columns {
    fn set(&mut self, key: &str, index: usize) {
        match key {
            "external_id" => self.external_id = index,
            "text" => self.text = index,
            "author" => self.author = index,
            "sent_at" => self.sent_at = index,
            "reply_to" => self.reply_to = Some(index),
            "inbound" => self.inbound = Some(index),
            "name" => self.name = Some(index),
            "handle" => self.handle = Some(index),
            "subject" => self.subject = Some(index),
            "language" => self.language = Some(index),
            "recipient" => self.recipient = Some(index),
            field => {
                let name = field.strip_prefix(FIELD_PREFIX).unwrap_or(field);
                self.fields.push((name.to_owned(), index));
            }
        }
    }
}

fn known(key: &str) -> bool {
    let own =
        key.strip_prefix(FIELD_PREFIX).is_some_and(|name| !name.is_empty() && name.len() <= FIELD_NAME_MAX);
    own || KEYS.iter().any(|(known, _)| *known == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(names: &str) -> Vec<String> {
        names.split(',').map(str::to_owned).collect()
    }

    #[test]
    fn errors_name_the_key_and_its_likes() {
        let error = "external_id=id,txt=body".parse::<Mapping>().unwrap_err();
        assert_eq!(error.to_string(), "`txt` is not a key of the mapping: did you mean text?");
        let error = "text".parse::<Mapping>().unwrap_err();
        assert_eq!(error, MappingError::NotAPair { part: "text".to_owned() });
        let error = "text=a,text=b".parse::<Mapping>().unwrap_err();
        assert_eq!(error, MappingError::Doubled { key: "text".to_owned() });
        assert!("field.=a".parse::<Mapping>().is_err());
    }

    #[test]
    fn errors_name_the_column_and_its_likes() {
        let mapping: Mapping = "external_id=tweet,text=text,author=user,sent_at=Created".parse().unwrap();
        let error = mapping.resolve(&header("tweet_id,text,user,created")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the file has no column `tweet` for `external_id`: did you mean tweet_id?"
        );
        let error = mapping.resolve(&header("tweet,text,user,created")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the file has no column `Created` for `sent_at`: did you mean created?"
        );
        let error = mapping.resolve(&header("tweet,text,user,Created,text")).unwrap_err();
        assert_eq!(error, MappingError::DoubledColumn { column: "text".to_owned() });
        let partial: Mapping = "text=text".parse().unwrap();
        assert_eq!(partial.resolve(&header("text")), Err(MappingError::Unmapped { key: "external_id" }));
    }

    #[test]
    fn columns_are_found_wherever_they_are() {
        let mapping =
            Preset::Airline.mapping().with("field.zone=user_timezone,handle=screen".parse().unwrap());
        let names =
            "screen,airline,text,tweet_created,name,negativereason,airline_sentiment,tweet_id,user_timezone";
        let columns = mapping.resolve(&header(names)).unwrap();
        assert_eq!((columns.external_id, columns.author, columns.handle), (7, 4, Some(0)));
        assert_eq!(columns.fields.len(), 4);
        assert_eq!(columns.reply_to, None);
    }

    #[test]
    fn without_a_mapping_columns_have_the_keys_names() {
        let names = header("text,author,external_id,sent_at,other,field.mood");
        let columns = Mapping::of_own_names(&names).resolve(&names).unwrap();
        assert_eq!((columns.text, columns.fields), (0, vec![("mood".to_owned(), 5)]));
        let names = header("text,author,id,sent_at");
        let error = Mapping::of_own_names(&names).resolve(&names).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the file has no column `external_id` for `external_id`: did you mean id?"
        );
    }
}
