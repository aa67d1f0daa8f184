//! Channels in, replies out: how messages enter Dossier and how answers leave it.

pub mod import;
