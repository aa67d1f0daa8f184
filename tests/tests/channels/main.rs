//! Channels as their platforms reach them: mails by SMTP, webhooks by HTTP, feeds that are asked, against a running site.

mod accounts;
mod contacts;
mod fake;
mod feeds;
mod files;
mod hooks;
mod mail;
mod replies;
