//! Channels as their platforms reach them: mails by SMTP, webhooks by HTTP, against a running site.

mod accounts;
mod hooks;
mod mail;
mod payloads;
mod published;
mod signed;
mod vectors;
