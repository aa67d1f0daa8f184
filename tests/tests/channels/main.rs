//! Channels as their platforms reach them: mails by SMTP, webhooks by HTTP, feeds that are asked, against a running site.

mod accounts;
mod contacts;
mod dead_letters;
mod edits;
mod fake;
mod fates;
mod feeds;
mod files;
mod hooks;
mod mail;
mod mail_sets;
mod payloads;
mod published;
mod real_mails;
mod replies;
mod signed;
mod vectors;
