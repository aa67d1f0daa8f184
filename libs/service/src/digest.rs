//! A digest of rows, to tell whether two read models are the same.

use sha2::{Digest, Sha256};

/// Takes tables and rows in; gives 64 hexadecimal digits out.
#[derive(Default)]
pub struct Rows(Sha256);

impl Rows {
    /// The rows that follow belong to this table.
    pub fn table(&mut self, name: &str) {
        self.0.update([0xff]);
        self.field(Some(name));
    }

    /// One row.
    pub fn row(&mut self, fields: impl Iterator<Item = Option<String>>) {
        self.0.update([0xfe]);
        fields.for_each(|field| self.field(field.as_deref()));
    }

    /// The digest of all.
    pub fn finish(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn field(&mut self, field: Option<&str>) {
        let Some(field) = field else { return self.0.update([0]) };
        self.0.update([1]);
        self.0.update((field.len() as u64).to_be_bytes());
        self.0.update(field);
    }
}
