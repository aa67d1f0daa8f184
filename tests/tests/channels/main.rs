//! Channels as their platforms reach them: mails by SMTP, webhooks by HTTP, against a running site.

mod accounts;
mod edits;
mod hooks;
mod mail;
mod mail_sets;
mod payloads;
mod published;
mod real_mails;
mod signed;
mod vectors;
